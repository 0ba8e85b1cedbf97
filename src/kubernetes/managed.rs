//! Who owns which field of an object, read from its `managedFields`.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use serde_json::Value;

/// A field manager and when it last changed something it owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The manager's name, for example `kubectl-set` or `argocd-controller`.
    pub manager: String,
    /// When it last wrote.
    pub at: Option<Timestamp>,
}

/// The owners of a container's image, the latest first.
#[must_use]
pub fn image_owners(meta: &ObjectMeta, container: &str) -> Vec<Owner> {
    let key = format!("k:{}", serde_json::json!({ "name": container }));
    let all = ["f:spec", "f:template", "f:spec", "f:containers"];
    let found = owners(meta, &[&all[..], &[&key, "f:image"]].concat(), |_| true);
    match found.is_empty() {
        false => found,
        // The containers of a custom resource may be one field with one owner.
        true => owners(meta, &all, |fields| {
            fields.as_object().is_none_or(serde_json::Map::is_empty)
        }),
    }
}

/// Who set `spec.paused`.
#[must_use]
pub fn pause_owner(meta: &ObjectMeta) -> Option<Owner> {
    owners(meta, &["f:spec", "f:paused"], |_| true).into_iter().next()
}

/// Who set a StatefulSet's partition.
#[must_use]
pub fn partition_owner(meta: &ObjectMeta) -> Option<Owner> {
    let path = ["f:spec", "f:updateStrategy", "f:rollingUpdate", "f:partition"];
    owners(meta, &path, |_| true).into_iter().next()
}

/// When a manager last wrote to the object itself (not to its status).
#[must_use]
pub fn last_write(meta: &ObjectMeta, manager: &str) -> Option<Timestamp> {
    entries(meta)
        .filter(|entry| entry.manager.as_deref() == Some(manager))
        .filter_map(time)
        .max()
}

/// True when this manager ever applied this object: its entry stays when others take its fields over one by
/// one, as long as one is left.
#[must_use]
pub fn ever_applied(meta: &ObjectMeta, manager: &str) -> bool {
    entries(meta)
        .any(|entry| entry.manager.as_deref() == Some(manager) && entry.operation.as_deref() == Some("Apply"))
}

/// Who owns the field at this path, where what it says of that field is like this.
fn owners(meta: &ObjectMeta, path: &[&str], like: impl Fn(&Value) -> bool) -> Vec<Owner> {
    let mut found: Vec<Owner> = entries(meta)
        .filter(|entry| {
            let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
            path.iter()
                .try_fold(fields, |value, step| {
                    Some(value.and_then(|v: &Value| v.get(*step)))
                })
                .flatten()
                .is_some_and(&like)
        })
        .map(|entry| Owner {
            manager: entry.manager.clone().unwrap_or_default(),
            at: time(entry),
        })
        .collect();
    found.sort_by_key(|owner| std::cmp::Reverse(owner.at));
    found
}

fn entries(meta: &ObjectMeta) -> impl Iterator<Item = &ManagedFieldsEntry> {
    let all = meta.managed_fields.as_deref().unwrap_or_default();
    all.iter()
        .filter(|entry| entry.subresource.as_deref().unwrap_or_default().is_empty())
}

fn time(entry: &ManagedFieldsEntry) -> Option<Timestamp> {
    entry.time.as_ref().map(|time| time.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_of_the_image() {
        let meta: ObjectMeta = serde_json::from_value(serde_json::json!({
            "managedFields": [
                {"manager": "otus", "operation": "Apply", "time": "2026-11-22T10:00:00Z",
                 "fieldsV1": {"f:metadata": {"f:annotations": {}}}},
                {"manager": "kubectl-set", "operation": "Update", "time": "2026-11-22T11:00:00Z",
                 "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers":
                    {"k:{\"name\":\"app\"}": {"f:image": {}}}}}}}},
                {"manager": "controller", "operation": "Update", "subresource": "status",
                 "fieldsV1": {"f:spec": {"f:paused": {}}}},
            ]
        }))
        .unwrap();
        let owners = image_owners(&meta, "app");
        assert_eq!(owners.len(), 1);
        assert_eq!(owners[0].manager, "kubectl-set");
        assert_eq!(owners[0].at, Some("2026-11-22T11:00:00Z".parse().unwrap()));
        assert!(image_owners(&meta, "sidecar").is_empty());
        assert!(ever_applied(&meta, "otus"));
        assert!(!ever_applied(&meta, "kubectl-set"));
        assert_eq!(pause_owner(&meta), None);
        assert_eq!(
            last_write(&meta, "otus"),
            Some("2026-11-22T10:00:00Z".parse().unwrap())
        );
    }
}
