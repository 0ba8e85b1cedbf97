//! What the API server fills in.

use serde_json::{Value, json};

use super::{
    resources::Resource,
    value::{default, entries, put, take, text},
};

/// Fills in what an object leaves out.
pub(crate) fn fill(res: &Resource, object: &mut Value) {
    match res.kind {
        "Deployment" => {
            default(object, &["spec", "replicas"], 1);
            default(object, &["spec", "progressDeadlineSeconds"], 600);
            default(object, &["spec", "revisionHistoryLimit"], 10);
            default(object, &["spec", "strategy", "type"], "RollingUpdate");
            if text(object, "/spec/strategy/type") == "RollingUpdate" {
                default(object, &["spec", "strategy", "rollingUpdate", "maxSurge"], "25%");
                default(
                    object,
                    &["spec", "strategy", "rollingUpdate", "maxUnavailable"],
                    "25%",
                );
            }
            template(object);
        }
        "ReplicaSet" => {
            default(object, &["spec", "replicas"], 1);
            template(object);
        }
        "StatefulSet" => {
            default(object, &["spec", "replicas"], 1);
            default(object, &["spec", "revisionHistoryLimit"], 10);
            default(object, &["spec", "podManagementPolicy"], "OrderedReady");
            default(object, &["spec", "updateStrategy", "type"], "RollingUpdate");
            if text(object, "/spec/updateStrategy/type") == "RollingUpdate" {
                default(
                    object,
                    &["spec", "updateStrategy", "rollingUpdate", "partition"],
                    0,
                );
            }
            template(object);
        }
        "DaemonSet" => {
            default(object, &["spec", "revisionHistoryLimit"], 10);
            default(object, &["spec", "updateStrategy", "type"], "RollingUpdate");
            if text(object, "/spec/updateStrategy/type") == "RollingUpdate" {
                default(
                    object,
                    &["spec", "updateStrategy", "rollingUpdate", "maxSurge"],
                    0,
                );
                default(
                    object,
                    &["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"],
                    1,
                );
            }
            template(object);
        }
        "Job" => {
            default(object, &["spec", "backoffLimit"], 6);
            default(object, &["spec", "completions"], 1);
            default(object, &["spec", "parallelism"], 1);
            default(object, &["spec", "completionMode"], "NonIndexed");
            default(object, &["spec", "suspend"], false);
            template(object);
        }
        "Pod" => {
            if let Some(spec) = object.get_mut("spec") {
                pod(spec);
            }
            default(object, &["status", "phase"], "Pending");
            default(object, &["status", "qosClass"], "BestEffort");
        }
        "Service" => {
            default(object, &["spec", "type"], "ClusterIP");
            default(object, &["spec", "sessionAffinity"], "None");
            for port in list(object.get_mut("spec"), "ports") {
                default(port, &["protocol"], "TCP");
                let target = port.get("port").cloned().unwrap_or_default();
                default(port, &["targetPort"], target);
            }
        }
        "Namespace" => {
            default(object, &["spec", "finalizers"], json!(["kubernetes"]));
            default(object, &["status", "phase"], "Active");
            let name = text(object, "/metadata/name").to_owned();
            put(
                object,
                &["metadata", "labels", "kubernetes.io/metadata.name"],
                name,
            );
        }
        "Secret" => {
            default(object, &["type"], "Opaque");
            if let Some(Value::Object(plain)) = take(object, &["stringData"]) {
                for (key, value) in plain {
                    put(
                        object,
                        &["data", &key],
                        base64(value.as_str().unwrap_or_default().as_bytes()),
                    );
                }
            }
        }
        _ => {}
    }
}

fn list<'a>(parent: Option<&'a mut Value>, field: &str) -> impl Iterator<Item = &'a mut Value> {
    parent
        .and_then(|p| p.get_mut(field)?.as_array_mut())
        .into_iter()
        .flatten()
}

fn template(object: &mut Value) {
    if let Some(spec) = object.pointer_mut("/spec/template/spec") {
        pod(spec);
    }
}

fn pod(spec: &mut Value) {
    if !spec.is_object() {
        return;
    }
    default(spec, &["restartPolicy"], "Always");
    default(spec, &["dnsPolicy"], "ClusterFirst");
    default(spec, &["schedulerName"], "default-scheduler");
    default(spec, &["terminationGracePeriodSeconds"], 30);
    default(spec, &["securityContext"], json!({}));
    for field in ["containers", "initContainers"] {
        for each in list(Some(spec), field) {
            if each.is_object() {
                container(each);
            }
        }
    }
}

fn container(container: &mut Value) {
    let image = text(container, "/image");
    let tag = image.rsplit('/').next().unwrap_or_default();
    let moving = !image.contains('@') && (!tag.contains(':') || tag.ends_with(":latest"));
    default(
        container,
        &["imagePullPolicy"],
        if moving { "Always" } else { "IfNotPresent" },
    );
    default(container, &["terminationMessagePath"], "/dev/termination-log");
    default(container, &["terminationMessagePolicy"], "File");
    default(container, &["resources"], json!({}));
    for port in list(Some(container), "ports") {
        default(port, &["protocol"], "TCP");
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = entries(container).get_mut(name).filter(|probe| probe.is_object()) else {
            continue;
        };
        default(probe, &["timeoutSeconds"], 1);
        default(probe, &["periodSeconds"], 10);
        default(probe, &["successThreshold"], 1);
        default(probe, &["failureThreshold"], 3);
        if let Some(get) = probe.get_mut("httpGet").filter(|get| get.is_object()) {
            default(get, &["path"], "/");
            default(get, &["scheme"], "HTTP");
        }
    }
}

/// Standard base64 with padding, which secrets are written in.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= chunk.len() { letter as char } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_pads() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
