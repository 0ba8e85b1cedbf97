//! What is in `deploy/`, read.

#![allow(dead_code, reason = "each test file uses a part of it")]

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Service, ServiceAccount},
    networking::v1::{Ingress, NetworkPolicy},
    policy::v1::PodDisruptionBudget,
    rbac::v1::{ClusterRole, RoleBinding},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Output,
};

/// What a program said, whichever way.
pub(crate) fn printed(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The folder of the whole workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of the workspace.
pub(crate) fn file(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The YAML files of a folder, but what is kustomize's.
pub(crate) fn manifests(folder: &str) -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .filter(|name| name != "kustomization.yaml")
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|name| {
            let path = format!("{folder}/{name}");
            let text = file(&path);
            (path, text)
        })
        .collect()
}

/// The documents of a YAML text, without empty ones.
pub(crate) fn documents(yaml: &str) -> Vec<Value> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    documents.into_iter().filter(|one| !one.is_null()).collect()
}

/// Every object of `deploy/kubernetes`, with `access` for a namespace.
pub(crate) fn objects() -> Vec<Value> {
    manifests("deploy/kubernetes")
        .iter()
        .flat_map(|(_, text)| documents(text))
        .collect()
}

/// Fails when an object has a field that its kind in Kubernetes has not, or one of another type.
pub(crate) fn has_only_known_fields(object: &Value) {
    match object["kind"].as_str().unwrap() {
        "Namespace" => typed::<Namespace>(object),
        "ServiceAccount" => typed::<ServiceAccount>(object),
        "ClusterRole" => typed::<ClusterRole>(object),
        "RoleBinding" => typed::<RoleBinding>(object),
        "ConfigMap" => typed::<ConfigMap>(object),
        "Deployment" => typed::<Deployment>(object),
        "Service" => typed::<Service>(object),
        "PersistentVolumeClaim" => typed::<PersistentVolumeClaim>(object),
        "PodDisruptionBudget" => typed::<PodDisruptionBudget>(object),
        "NetworkPolicy" => typed::<NetworkPolicy>(object),
        "Ingress" => typed::<Ingress>(object),
        other => panic!("no type for {other} here: add it"),
    }
}

/// What a type does not know gets lost on the way through it.
fn typed<T: DeserializeOwned + Serialize>(object: &Value) {
    let read: T =
        serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object:#}"));
    let again = serde_json::to_value(&read).unwrap();
    kept(object, &again, &object["kind"].to_string());
}

fn kept(given: &Value, again: &Value, at: &str) {
    match (given, again) {
        (Value::Object(given), Value::Object(again)) => {
            for (key, value) in given {
                let at = format!("{at}.{key}");
                match again.get(key) {
                    Some(again) => kept(value, again, &at),
                    // An empty list or map says the same as none.
                    None => assert!(
                        value.as_array().is_some_and(Vec::is_empty)
                            || value.as_object().is_some_and(serde_json::Map::is_empty),
                        "Kubernetes knows no {at}"
                    ),
                }
            }
        }
        (Value::Array(given), Value::Array(again)) => {
            assert_eq!(given.len(), again.len(), "{at}");
            for (index, (given, again)) in given.iter().zip(again).enumerate() {
                kept(given, again, &format!("{at}[{index}]"));
            }
        }
        (given, again) => assert_eq!(given, again, "{at}"),
    }
}
