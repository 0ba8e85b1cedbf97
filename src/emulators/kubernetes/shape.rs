//! The types of the fields that matter: what is of a wrong type is refused before anybody reads it.

use serde_json::Value;

use super::{
    resources::Resource,
    status::{Answer, ApiError},
};

#[derive(Clone, Copy, Debug)]
enum Type {
    Object,
    List,
    Text,
    Bool,
    Int32,
    Int64,
    /// A number, or a percentage.
    Share,
    /// An object whose values are texts.
    Texts,
}

use Type::{Bool, Int32, Int64, List, Object, Share, Text, Texts};

/// Fields by their paths; `*` is every item of a list.
const ALL: &[(&str, Type)] = &[
    ("metadata", Object),
    ("metadata.name", Text),
    ("metadata.generateName", Text),
    ("metadata.namespace", Text),
    ("metadata.uid", Text),
    ("metadata.resourceVersion", Text),
    ("metadata.labels", Texts),
    ("metadata.annotations", Texts),
    ("metadata.finalizers", List),
    ("metadata.finalizers.*", Text),
    ("metadata.ownerReferences", List),
    ("metadata.ownerReferences.*", Object),
    ("metadata.ownerReferences.*.uid", Text),
    ("metadata.managedFields", List),
];

const SPECS: &[(&str, Type)] = &[
    ("spec", Object),
    ("status", Object),
    ("status.conditions", List),
    ("status.conditions.*", Object),
    ("status.conditions.*.type", Text),
    ("spec.replicas", Int32),
    ("spec.paused", Bool),
    ("spec.suspend", Bool),
    ("spec.minReadySeconds", Int32),
    ("spec.progressDeadlineSeconds", Int32),
    ("spec.revisionHistoryLimit", Int32),
    ("spec.completions", Int32),
    ("spec.parallelism", Int32),
    ("spec.backoffLimit", Int32),
    ("spec.activeDeadlineSeconds", Int64),
    ("spec.ttlSecondsAfterFinished", Int32),
    ("spec.podManagementPolicy", Text),
    ("spec.selector", Object),
    ("spec.selector.matchLabels", Texts),
    ("spec.selector.matchExpressions", List),
    ("spec.selector.matchExpressions.*", Object),
    ("spec.strategy", Object),
    ("spec.strategy.type", Text),
    ("spec.strategy.rollingUpdate", Object),
    ("spec.strategy.rollingUpdate.maxSurge", Share),
    ("spec.strategy.rollingUpdate.maxUnavailable", Share),
    ("spec.updateStrategy", Object),
    ("spec.updateStrategy.type", Text),
    ("spec.updateStrategy.rollingUpdate", Object),
    ("spec.updateStrategy.rollingUpdate.partition", Int32),
    ("spec.updateStrategy.rollingUpdate.maxSurge", Share),
    ("spec.updateStrategy.rollingUpdate.maxUnavailable", Share),
    ("spec.template", Object),
    ("spec.template.metadata", Object),
    ("spec.template.metadata.labels", Texts),
    ("spec.template.metadata.annotations", Texts),
];

const POD: &[(&str, Type)] = &[
    ("", Object),
    (".nodeName", Text),
    (".restartPolicy", Text),
    (".terminationGracePeriodSeconds", Int64),
    (".nodeSelector", Texts),
    (".volumes", List),
    (".volumes.*", Object),
    (".imagePullSecrets", List),
    (".imagePullSecrets.*", Object),
    (".containers", List),
    (".initContainers", List),
];

const CONTAINER: &[(&str, Type)] = &[
    ("", Object),
    (".name", Text),
    (".image", Text),
    (".command", List),
    (".args", List),
    (".env", List),
    (".env.*", Object),
    (".env.*.name", Text),
    (".ports", List),
    (".ports.*", Object),
    (".ports.*.containerPort", Int32),
    (".volumeMounts", List),
    (".volumeMounts.*", Object),
    (".resources", Object),
    (".readinessProbe", Object),
    (".readinessProbe.periodSeconds", Int32),
    (".readinessProbe.failureThreshold", Int32),
    (".livenessProbe", Object),
    (".startupProbe", Object),
];

/// Refuses an object with a field of a wrong type, as decoding it would.
pub(crate) fn check(res: &Resource, object: &Value) -> Answer<()> {
    let wrong = |(path, value): (String, &Value)| {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let (kind, version) = (res.kind, res.version);
        ApiError::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: json: cannot unmarshal {found} into Go struct field {kind}.{path}"
        ))
    };
    let found = |object, prefix: &str, fields: &[(&str, Type)]| {
        fields
            .iter()
            .find_map(|(path, of)| misfit(object, &format!("{prefix}{path}"), *of))
            .map(wrong)
    };
    let mut error = found(object, "", ALL);
    let pods = match res.kind {
        "Pod" => Some("spec"),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "Rollout" => {
            error = error.or_else(|| found(object, "", SPECS));
            Some("spec.template.spec")
        }
        _ => None,
    };
    if let Some(spec) = pods {
        error = error.or_else(|| found(object, spec, POD));
        for containers in ["containers", "initContainers"] {
            error = error.or_else(|| found(object, &format!("{spec}.{containers}.*"), CONTAINER));
        }
    }
    error.map_or(Ok(()), Err)
}

/// The first value at a path that is not of the type; what is not there, or null, fits.
fn misfit<'a>(object: &'a Value, path: &str, of: Type) -> Option<(String, &'a Value)> {
    let (value, rest) = match path.split_once('.') {
        _ if path.is_empty() => return (!fits(object, of)).then(|| (String::new(), object)),
        Some((first, rest)) => (first, rest),
        None => (path, ""),
    };
    let named = |found: Option<(String, &'a Value)>| {
        found.map(|(below, value_)| {
            let path = if below.is_empty() {
                value.to_owned()
            } else {
                format!("{value}.{below}")
            };
            (path, value_)
        })
    };
    if value == "*" {
        return object
            .as_array()?
            .iter()
            .find_map(|item| misfit(item, rest, of))
            .map(|found| named(Some(found)))?;
    }
    let below = object.get(value).filter(|below| !below.is_null())?;
    named(misfit(below, rest, of))
}

fn fits(value: &Value, of: Type) -> bool {
    match of {
        Object => value.is_object(),
        List => value.is_array(),
        Text => value.is_string(),
        Bool => value.is_boolean(),
        Int32 => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        Int64 => value.as_i64().is_some(),
        Share => match value {
            Value::String(text) => text
                .strip_suffix('%')
                .is_some_and(|digits| digits.parse::<u16>().is_ok()),
            number => number
                .as_i64()
                .is_some_and(|number| (0..=i64::from(i32::MAX)).contains(&number)),
        },
        Texts => value
            .as_object()
            .is_some_and(|map| map.values().all(|v| v.is_string() || v.is_null())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::resources::known;

    #[test]
    fn what_does_not_fit_is_named() {
        let at = |object: Value| {
            check(known("deployments"), &object)
                .err()
                .map(|error| error.message)
                .unwrap_or_default()
        };
        assert_eq!(
            at(json!({ "metadata": { "labels": null }, "spec": { "replicas": 3 } })),
            ""
        );
        assert!(
            at(json!({ "spec": { "replicas": "3" } }))
                .ends_with("cannot unmarshal string into Go struct field Deployment.spec.replicas")
        );
        let containers = json!([{ "name": "a", "image": "b" }, { "name": 7 }]);
        let object = json!({ "spec": { "template": { "spec": { "containers": containers } } } });
        assert!(at(object).ends_with(
            "cannot unmarshal number into Go struct field Deployment.spec.template.spec.containers.*.name"
        ));
        assert!(!at(json!({ "spec": { "replicas": 3_000_000_000_i64 } })).is_empty());
        assert!(
            !at(json!({ "spec": { "strategy": { "rollingUpdate": { "maxSurge": "-5%" } } } })).is_empty()
        );
    }
}
