//! The verbs of the API on the objects of a path.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    delete::Deleted,
    events, patch,
    resources::{self, Res},
    selectors::Selector,
    status::{Answer, ApiError},
    store::{Page, State},
    tables,
    value::{int, name, put, text, uid},
    write::{Apply, Writer},
};

/// What a path names.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) res: Res,
    pub(crate) ns: String,
    pub(crate) name: String,
    pub(crate) sub: String,
}

/// How objects are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) table: bool,
    /// Tables without the objects' metadata.
    pub(crate) bare: bool,
    /// Only metadata.
    pub(crate) partial: bool,
}

/// One object as asked for.
pub(crate) fn show(shown: &Shown, res: Res, object: &Value) -> Value {
    if shown.table {
        return tables::table(
            res,
            &[object],
            text(object, "/metadata/resourceVersion"),
            shown.bare,
        );
    }
    if shown.partial {
        return json!({
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": object["metadata"],
        });
    }
    if res.group == "events.k8s.io" {
        events::newer(object)
    } else {
        object.clone()
    }
}

/// A list's parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    pub(crate) selector: Selector,
    pub(crate) limit: usize,
    pub(crate) token: String,
}

impl State {
    pub(crate) fn read(&self, target: &Target) -> Answer<Arc<Value>> {
        let object = self.get(target.res, &target.ns, &target.name);
        object.ok_or_else(|| ApiError::not_found(target.res, &target.name))
    }

    pub(crate) fn list(&mut self, target: &Target, listing: &Listing, shown: &Shown) -> Answer<Value> {
        let page = if listing.token.is_empty() {
            let rest = self
                .all(target.res.store, &target.ns)
                .filter(|o| listing.selector.matches(o))
                .cloned()
                .collect();
            Page {
                rest,
                version: self.version(),
            }
        } else {
            self.page(&listing.token).ok_or_else(ApiError::expired)?
        };
        let Page { mut rest, version } = page;
        let later = if listing.limit > 0 && rest.len() > listing.limit {
            rest.split_off(listing.limit)
        } else {
            Default::default()
        };
        let mut metadata = json!({ "resourceVersion": version.to_string() });
        if !later.is_empty() {
            metadata["remainingItemCount"] = json!(later.len());
            metadata["continue"] = json!(self.keep_page(Page { rest: later, version }));
        }
        let res = target.res;
        if shown.table {
            let objects: Vec<_> = rest.iter().map(|object| &**object).collect();
            let mut table = tables::table(res, &objects, "", shown.bare);
            table["metadata"] = metadata;
            return Ok(table);
        }
        let items: Vec<_> = rest
            .iter()
            .map(|object| {
                let mut item = show(shown, res, object);
                // As the real server: the list says what its items are.
                if let Some(map) = item.as_object_mut().filter(|_| !shown.partial) {
                    map.remove("kind");
                    map.remove("apiVersion");
                }
                item
            })
            .collect();
        let (kind, api_version) = if shown.partial {
            (
                "PartialObjectMetadataList".to_owned(),
                "meta.k8s.io/v1".to_owned(),
            )
        } else {
            (format!("{}List", res.kind), res.api_version())
        };
        Ok(json!({ "kind": kind, "apiVersion": api_version, "metadata": metadata, "items": items }))
    }

    pub(crate) fn post(&mut self, target: &Target, mut body: Value, by: &Writer<'_>) -> Answer<Arc<Value>> {
        let res = target.res;
        fits(res, &body)?;
        if res.group == "events.k8s.io" {
            body = events::older(&body);
        }
        if res.namespaced {
            let given = text(&body, "/metadata/namespace");
            if !given.is_empty() && given != target.ns {
                return Err(ApiError::bad_request(format!(
                    "the namespace of the provided object does not match the namespace sent on the request: {given} is not {}",
                    target.ns
                )));
            }
            put(&mut body, &["metadata", "namespace"], target.ns.as_str());
        }
        // Events are kept under the core group's resource, whichever way they came.
        let res = if res.store == "events" {
            resources::known("events")
        } else {
            res
        };
        self.create(res, body, by)
    }

    pub(crate) fn put(&mut self, target: &Target, body: Value, by: &Writer<'_>) -> Answer<Value> {
        if target.sub == "scale" {
            let size = body.pointer("/spec/replicas").cloned().unwrap_or(json!(0));
            return self.rescale(target, size, text(&body, "/metadata/resourceVersion"), by);
        }
        fits(target.res, &body)?;
        let body = if target.res.group == "events.k8s.io" {
            events::older(&body)
        } else {
            body
        };
        let Some(current) = self.get(target.res, &target.ns, &target.name) else {
            // A lease or a config may be written by its first update; the rest must be created.
            return Err(ApiError::not_found(target.res, &target.name));
        };
        Ok(Value::clone(&*self.update(
            resources_of(target.res),
            &current,
            body,
            by,
        )?))
    }

    pub(crate) fn patch(
        &mut self,
        target: &Target,
        content_type: &str,
        body: Value,
        by: &Writer<'_>,
        how: Apply,
    ) -> Answer<Value> {
        if target.sub == "scale" {
            let current = self.read(target)?;
            let mut scale = scale(&current);
            change(&mut scale, content_type, &body)?;
            let size = scale.pointer("/spec/replicas").cloned().unwrap_or(json!(0));
            return self.rescale(target, size, text(&body, "/metadata/resourceVersion"), by);
        }
        let res = resources_of(target.res);
        if content_type.contains("apply-patch") {
            fits(target.res, &body)?;
            let given = text(&body, "/metadata/name");
            if !given.is_empty() && given != target.name {
                return Err(ApiError::bad_request(format!(
                    "the name of the object ({given}) does not match the name on the URL ({})",
                    target.name
                )));
            }
            return Ok(Value::clone(&*self.apply(
                res,
                (&target.ns, &target.name),
                body,
                by,
                how,
            )?));
        }
        let current = self.read(target)?;
        let mut new = if target.res.group == "events.k8s.io" {
            events::newer(&current)
        } else {
            Value::clone(&current)
        };
        change(&mut new, content_type, &body)?;
        if target.res.group == "events.k8s.io" {
            new = events::older(&new);
        }
        Ok(Value::clone(&*self.update(res, &current, new, by)?))
    }

    pub(crate) fn drop_object(&mut self, target: &Target, options: &Value) -> Answer<Value> {
        let res = resources_of(target.res);
        Ok(match self.delete(res, &target.ns, &target.name, options)? {
            Deleted::Going(object) => Value::clone(&object),
            Deleted::Gone(object) if res.kind == "Pod" => Value::clone(&object),
            Deleted::Gone(object) => {
                let mut details = json!({ "name": name(&object), "kind": res.plural, "uid": uid(&object) });
                if !res.group.is_empty() {
                    details["group"] = json!(res.group);
                }
                json!({
                    "kind": "Status",
                    "apiVersion": "v1",
                    "metadata": {},
                    "status": "Success",
                    "details": details,
                })
            }
        })
    }

    pub(crate) fn drop_all(
        &mut self,
        target: &Target,
        selector: &Selector,
        options: &Value,
    ) -> Answer<Value> {
        let names: Vec<_> = self
            .all(target.res.store, &target.ns)
            .filter(|object| selector.matches(object))
            .map(|object| {
                (
                    text(object, "/metadata/namespace").to_owned(),
                    name(object).to_owned(),
                )
            })
            .collect();
        for (ns, object) in names {
            self.drop_object(
                &Target {
                    ns,
                    name: object,
                    ..target.clone()
                },
                options,
            )?;
        }
        Ok(json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" }))
    }

    fn rescale(&mut self, target: &Target, size: Value, version: &str, by: &Writer<'_>) -> Answer<Value> {
        let current = self.read(target)?;
        let mut new = Value::clone(&current);
        put(&mut new, &["spec", "replicas"], size);
        if !version.is_empty() {
            put(&mut new, &["metadata", "resourceVersion"], version);
        }
        Ok(scale(&*self.update(target.res, &current, new, by)?))
    }
}

/// Events are kept under the core group's resource.
fn resources_of(res: Res) -> Res {
    if res.store == "events" {
        resources::known("events")
    } else {
        res
    }
}

fn fits(res: Res, body: &Value) -> Answer<()> {
    if !body.is_object() {
        return Err(ApiError::bad_request("the body of the request is no object"));
    }
    let (version, kind) = (text(body, "/apiVersion"), text(body, "/kind"));
    if (!kind.is_empty() && kind != res.kind) || (!version.is_empty() && version != res.api_version()) {
        return Err(ApiError::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {}: no kind \"{kind}\" is registered for version \"{version}\"",
            res.kind
        )));
    }
    Ok(())
}

fn change(object: &mut Value, content_type: &str, body: &Value) -> Answer<()> {
    let custom = text(object, "/apiVersion").starts_with("argoproj.io/");
    if content_type.contains("strategic-merge-patch") && !custom {
        patch::strategic::merge(object, body)
    } else if content_type.contains("merge-patch") && !content_type.contains("strategic") {
        if !body.is_object() {
            return Err(ApiError::bad_request("a merge patch is an object"));
        }
        patch::merge::merge(object, body);
        Ok(())
    } else if content_type.contains("json-patch") {
        patch::json::patch(object, body)
    } else if content_type.contains("apply-patch") {
        patch::merge::merge(object, body);
        Ok(())
    } else {
        Err(ApiError::new(
            415,
            "UnsupportedMediaType",
            format!(
                "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml; found: {content_type}"
            ),
        ))
    }
}

/// A workload as its scale.
pub(crate) fn scale(object: &Value) -> Value {
    let selector = object
        .pointer("/spec/selector")
        .map(|s| Selector::of_spec(s).label_text())
        .unwrap_or_default();
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": name(object),
            "namespace": text(object, "/metadata/namespace"),
            "uid": uid(object),
            "resourceVersion": text(object, "/metadata/resourceVersion"),
            "creationTimestamp": text(object, "/metadata/creationTimestamp"),
        },
        "spec": { "replicas": int(object, "/spec/replicas") },
        "status": { "replicas": int(object, "/status/replicas"), "selector": selector },
    })
}
