//! The emulated cluster as the page shows it: what each Deployment should run, and its pods.

use otus_emulators::kubernetes::View;
use serde_json::{Value, json};

/// All Deployments of the namespaces, each with its pods.
pub(crate) fn shown(view: &View<'_>, namespaces: &[String]) -> Value {
    let places = namespaces.iter().map(|namespace| {
        let pods = view.list("pods", namespace);
        let deployments = view.list("deployments", namespace);
        let services: Vec<Value> = deployments
            .iter()
            .map(|deployment| service(deployment, &pods))
            .collect();
        json!({ "name": namespace, "services": services })
    });
    places.collect()
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn service(deployment: &Value, pods: &[Value]) -> Value {
    let name = text(deployment, "/metadata/name");
    // The demo's Deployments, and what Otus makes beside them for a canary, carry the service's name.
    let own = pods
        .iter()
        .filter(|pod| text(pod, "/metadata/labels/app") == name);
    json!({
        "name": name,
        "version": version(deployment.pointer("/spec/template").unwrap_or(&Value::Null)),
        "wanted": deployment.pointer("/spec/replicas"),
        "ready": deployment.pointer("/status/readyReplicas").and_then(Value::as_i64).unwrap_or(0),
        "pods": own.map(pod).collect::<Vec<_>>(),
    })
}

fn pod(pod: &Value) -> Value {
    let status = pod.pointer("/status/containerStatuses/0").unwrap_or(&Value::Null);
    let ready = status.get("ready").and_then(Value::as_bool).unwrap_or(false);
    let reason = ["/state/waiting/reason", "/state/terminated/reason"]
        .iter()
        .map(|pointer| text(status, pointer))
        .find(|reason| !reason.is_empty())
        .unwrap_or_default();
    let restarts = status.get("restartCount").and_then(Value::as_i64).unwrap_or(0);
    let state = if pod.pointer("/metadata/deletionTimestamp").is_some() {
        "ending"
    } else if ready {
        "ready"
    } else if matches!(reason, "" | "ContainerCreating" | "PodInitializing") && restarts == 0 {
        "starting"
    } else {
        "failing"
    };
    json!({
        "name": text(pod, "/metadata/name"),
        "version": version(pod),
        "state": state,
        "reason": reason,
        "restarts": restarts,
    })
}

/// What a pod runs. Where an image goes by its digest, the label says which version that is.
fn version(pod: &Value) -> String {
    let image = text(pod, "/spec/containers/0/image");
    let label = text(pod, "/metadata/labels/app.kubernetes.io~1version");
    if image.contains('@') && !label.is_empty() {
        return label.chars().take(7).collect();
    }
    tag(image)
}

/// The tag, or the beginning of the digest.
fn tag(image: &str) -> String {
    if let Some((_, digest)) = image.split_once("@sha256:") {
        return digest.chars().take(7).collect();
    }
    let last = image.rsplit('/').next().unwrap_or_default();
    last.split_once(':').map_or(last, |(_, tag)| tag).to_owned()
}

#[cfg(test)]
mod tests {
    use super::tag;

    #[test]
    fn versions_are_tags_or_digests() {
        assert_eq!(tag("registry.demo/shop/api:1.8.0"), "1.8.0");
        assert_eq!(tag("localhost:5000/shop/api@sha256:0123456789"), "0123456");
        assert_eq!(tag("localhost:5000/api"), "api");
    }
}
