//! Manifests, as kubectl reads them: JSON or YAML, one object, several documents, or a `List`.

use serde_json::Value;

use super::{
    resources,
    status::{Answer, ApiError},
    store::State,
    value::{items, name, namespace, put, text},
    write::Writer,
};

/// One YAML document.
pub(crate) fn yaml(text: &str) -> Result<Value, String> {
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}

/// The objects of a manifest.
pub(crate) fn objects(manifest: &str) -> Result<Vec<Value>, String> {
    let documents: Vec<Value> = match serde_json::from_str(manifest) {
        Ok(document) => vec![document],
        Err(_) => serde_saphyr::from_multiple(manifest).map_err(|error| error.to_string())?,
    };
    let mut objects = Vec::new();
    for document in documents {
        if document.is_null() {
            continue;
        }
        if text(&document, "/kind") == "List" {
            objects.extend(items(&document, "/items").iter().cloned());
        } else {
            objects.push(document);
        }
    }
    Ok(objects)
}

impl State {
    /// Creates what a manifest holds, as `kubectl create` would, with the namespaces it needs.
    pub(crate) fn plant(&mut self, objects: Vec<Value>) -> Answer<usize> {
        let by = Writer {
            manager: "kubectl-client-side-apply",
            subresource: "",
            dry_run: false,
        };
        let count = objects.len();
        for mut object in objects {
            let (version, kind) = (text(&object, "/apiVersion"), text(&object, "/kind"));
            let res = resources::of(version, kind).ok_or_else(|| {
                ApiError::bad_request(format!("no matches for kind \"{kind}\" in version \"{version}\""))
            })?;
            if res.namespaced {
                if namespace(&object).is_empty() {
                    put(&mut object, &["metadata", "namespace"], "default");
                }
                self.ensure_namespace(namespace(&object))?;
            }
            if res.kind == "Namespace" && self.find("namespaces", "", name(&object)).is_some() {
                continue;
            }
            self.settling
                .insert((namespace(&object).to_owned(), name(&object).to_owned()));
            self.create(res, object, &by)?;
        }
        Ok(count)
    }

    pub(crate) fn ensure_namespace(&mut self, ns: &str) -> Answer<()> {
        if self.find("namespaces", "", ns).is_none() {
            let object = serde_json::json!({ "metadata": { "name": ns } });
            let by = Writer {
                manager: "otus-emulators",
                subresource: "",
                dry_run: false,
            };
            self.create(resources::known("namespaces"), object, &by)?;
        }
        Ok(())
    }
}
