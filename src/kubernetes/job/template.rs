//! A Job's pod template: the workload's own, with another image and command, and without what belongs to a service.

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use serde_json::{Map, Value, json};

use super::plan::Plan;
use crate::annotations::{self, label_value};

/// What of a workload's pod a Job's pod has, too: who it is, what it may see and where it may run. Not here, on purpose: the
/// host's name and ports, and what spreads replicas over nodes.
const POD_FIELDS: [&str; 16] = [
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "imagePullSecrets",
    "nodeSelector",
    "os",
    "priorityClassName",
    "resources",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccountName",
    "tolerations",
    "volumes",
];

/// The same of its container. Not here: probes, which would end a migration that is at work, ports, and lifecycle hooks.
const CONTAINER_FIELDS: [&str; 8] = [
    "env",
    "envFrom",
    "imagePullPolicy",
    "resources",
    "securityContext",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
];

/// Annotations about the workload's rollouts; all others stay, since injectors of secrets read theirs there.
const NOT_COPIED: [&str; 2] = [
    "kubectl.kubernetes.io/restartedAt",
    "kubectl.kubernetes.io/default-container",
];

const CONTAINER: &str = "job";

/// The pod template of a plan, with the workload's where it is based on one: its template and the container that runs the service.
pub(super) fn template(plan: &Plan, base: Option<(&PodTemplateSpec, &str)>) -> Value {
    let spec = base.and_then(|(template, _)| template.spec.as_ref());
    let source = base.and_then(|(_, name)| spec?.containers.iter().find(|container| container.name == name));
    let mut pod = spec.map(|spec| pick(spec, &POD_FIELDS)).unwrap_or_default();
    let mut container = source
        .map(|source| pick(source, &CONTAINER_FIELDS))
        .unwrap_or_default();
    container.insert(
        "name".into(),
        source.map_or(CONTAINER, |source| &source.name).into(),
    );
    container.insert("image".into(), plan.image.clone().into());
    // The end of its log stands in the pod's status then, also when the log itself is gone.
    container.insert("terminationMessagePolicy".into(), "FallbackToLogsOnError".into());
    for (field, words) in [("command", &plan.command), ("args", &plan.args)] {
        if !words.is_empty() {
            container.insert(field.into(), json!(words));
        }
    }
    let variables = container.remove("env").unwrap_or_default();
    container.insert("env".into(), merged(variables, plan));
    if !plan.limits.is_empty() {
        container.insert(
            "resources".into(),
            json!({ "limits": plan.limits, "requests": plan.limits }),
        );
    }
    keep_mounts(&mut container, &pod);
    if let Some(account) = &plan.service_account {
        pod.insert("serviceAccountName".into(), account.clone().into());
    }
    let sidecars = spec.map(sidecars).unwrap_or_default();
    if !sidecars.is_empty() {
        pod.insert("initContainers".into(), sidecars.into());
    }
    if let Some(affinity) = spec.and_then(|spec| spec.affinity.as_ref()?.node_affinity.as_ref()) {
        pod.insert("affinity".into(), json!({ "nodeAffinity": affinity }));
    }
    pod.insert("restartPolicy".into(), "Never".into());
    pod.insert("containers".into(), json!([container]));
    json!({ "metadata": metadata(plan, base.map(|(template, _)| template)), "spec": pod })
}

/// Labels of its own: with the workload's, a Service would send it traffic.
fn metadata(plan: &Plan, base: Option<&PodTemplateSpec>) -> Value {
    let mut labels = json!({ annotations::MANAGED_BY_LABEL: "otus" });
    if let Some(step) = label_value(&plan.step) {
        labels[annotations::COMPONENT_LABEL] = step.into();
    }
    if let Some(version) = plan.version.as_deref().and_then(label_value) {
        labels[annotations::VERSION_LABEL] = version.into();
    }
    let mut notes = base
        .and_then(|template| template.metadata.as_ref()?.annotations.clone())
        .unwrap_or_default();
    notes.retain(|key, _| !NOT_COPIED.contains(&key.as_str()));
    match notes.is_empty() {
        true => json!({ "labels": labels }),
        false => json!({ "labels": labels, "annotations": notes }),
    }
}

fn pick(from: &impl serde::Serialize, fields: &[&str]) -> Map<String, Value> {
    // What was read as JSON can be written as JSON.
    let Ok(Value::Object(mut all)) = serde_json::to_value(from) else {
        return Map::new();
    };
    all.retain(|key, _| fields.contains(&key.as_str()));
    all
}

/// The template's variables, with the plan's over them.
fn merged(variables: Value, plan: &Plan) -> Value {
    let kept = match variables {
        Value::Array(all) => all,
        _ => Vec::new(),
    };
    let ours = plan.env.iter().map(|(name, value)| value.entry(name));
    kept.into_iter()
        .filter(|entry| {
            let name = entry["name"].as_str().unwrap_or_default();
            !plan.env.contains_key(name)
        })
        .chain(ours)
        .collect()
}

/// Mounts of volumes that a StatefulSet makes for each of its pods have no volume here.
fn keep_mounts(container: &mut Map<String, Value>, pod: &Map<String, Value>) {
    let volumes: Vec<Value> = pod
        .get("volumes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|volume| volume["name"].clone())
        .collect();
    for field in ["volumeMounts", "volumeDevices"] {
        if let Some(Value::Array(mounts)) = container.get_mut(field) {
            mounts.retain(|mount| volumes.contains(&mount["name"]));
        }
    }
}

/// Init containers that go on running beside the others, for example a database's proxy: they do not keep a Job from ending.
/// Those that run first do not come along: one may be the very migration.
fn sidecars(spec: &PodSpec) -> Vec<Value> {
    let all: &[Container] = spec.init_containers.as_deref().unwrap_or_default();
    all.iter()
        .filter(|container| container.restart_policy.as_deref() == Some("Always"))
        .filter_map(|container| {
            let Ok(Value::Object(mut sidecar)) = serde_json::to_value(container) else {
                return None;
            };
            let pod = pick(spec, &["volumes"]);
            keep_mounts(&mut sidecar, &pod);
            Some(Value::Object(sidecar))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::job::{Base, Env};

    fn plan() -> Plan {
        Plan {
            cluster: "default".into(),
            namespace: "shop".into(),
            operation: "op-1".into(),
            step: "migrate".into(),
            image: "r.test/web@sha256:new".into(),
            version: Some("v2".into()),
            command: vec!["bin/migrate".into(), "up".into()],
            args: Vec::new(),
            env: BTreeMap::from([
                ("LOG".to_owned(), Env::Value("debug".into())),
                (
                    "EXTRA".to_owned(),
                    Env::Secret {
                        name: "s".into(),
                        key: "k".into(),
                    },
                ),
            ]),
            service_account: None,
            limits: BTreeMap::new(),
            deadline: Duration::from_secs(60),
            keep: Duration::from_secs(60),
            base: Base::Bare,
        }
    }

    #[test]
    fn a_bare_one_holds_what_the_plan_says() {
        let mut plan = plan();
        plan.limits = BTreeMap::from([("memory".to_owned(), "64Mi".to_owned())]);
        plan.service_account = Some("migrator".into());
        assert_eq!(
            template(&plan, None),
            json!({
                "metadata": {"labels": {
                    "app.kubernetes.io/component": "migrate",
                    "app.kubernetes.io/managed-by": "otus",
                    "app.kubernetes.io/version": "v2",
                }},
                "spec": {
                    "restartPolicy": "Never",
                    "serviceAccountName": "migrator",
                    "containers": [{
                        "name": "job",
                        "image": "r.test/web@sha256:new",
                        "command": ["bin/migrate", "up"],
                        "env": [
                            {"name": "EXTRA", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                            {"name": "LOG", "value": "debug"},
                        ],
                        "resources": {"limits": {"memory": "64Mi"}, "requests": {"memory": "64Mi"}},
                        "terminationMessagePolicy": "FallbackToLogsOnError",
                    }],
                },
            })
        );
    }

    #[test]
    fn a_copy_sees_what_the_workload_sees_and_serves_nobody() {
        let base: PodTemplateSpec = serde_json::from_value(json!({
            "metadata": {"labels": {"app": "web"}, "annotations": {
                "kubectl.kubernetes.io/restartedAt": "then", "vault.example.com/inject": "true"}},
            "spec": {
                "serviceAccountName": "web", "imagePullSecrets": [{"name": "pull"}], "hostNetwork": true,
                "volumes": [{"name": "tls", "secret": {"secretName": "tls"}}],
                "affinity": {"podAntiAffinity": {}, "nodeAffinity": {}},
                "topologySpreadConstraints": [],
                "initContainers": [
                    {"name": "proxy", "image": "r.test/proxy", "restartPolicy": "Always",
                     "volumeMounts": [{"name": "data", "mountPath": "/data"}]},
                    {"name": "setup", "image": "r.test/setup"}],
                "containers": [
                    {"name": "log", "image": "r.test/log"},
                    {"name": "app", "image": "r.test/web@sha256:old", "command": ["serve"], "args": ["--port=80"],
                     "ports": [{"containerPort": 80}], "livenessProbe": {"tcpSocket": {"port": 80}},
                     "env": [{"name": "LOG", "value": "info"}, {"name": "DB", "value": "db:5432"}],
                     "envFrom": [{"secretRef": {"name": "db"}}],
                     "volumeMounts": [{"name": "tls", "mountPath": "/tls"}, {"name": "data", "mountPath": "/data"}]}],
            },
        }))
        .unwrap();
        let made = template(&plan(), Some((&base, "app")));
        assert_eq!(made["metadata"]["labels"].get("app"), None);
        assert_eq!(
            made["metadata"]["annotations"],
            json!({"vault.example.com/inject": "true"})
        );
        let spec = &made["spec"];
        assert_eq!(
            (&spec["serviceAccountName"], &spec["restartPolicy"]),
            (&json!("web"), &json!("Never"))
        );
        assert_eq!(spec["imagePullSecrets"], json!([{"name": "pull"}]));
        assert_eq!(spec["affinity"], json!({"nodeAffinity": {}}));
        for absent in ["hostNetwork", "topologySpreadConstraints"] {
            assert_eq!(spec.get(absent), None, "{absent}");
        }
        assert_eq!(spec["initContainers"].as_array().unwrap().len(), 1);
        assert_eq!(spec["initContainers"][0]["name"], "proxy");
        assert_eq!(spec["containers"].as_array().unwrap().len(), 1);
        let container = &spec["containers"][0];
        assert_eq!(
            (&container["name"], &container["image"]),
            (&json!("app"), &json!("r.test/web@sha256:new"))
        );
        assert_eq!(container["command"], json!(["bin/migrate", "up"]));
        for absent in ["args", "ports", "livenessProbe"] {
            assert_eq!(container.get(absent), None, "{absent}");
        }
        let names: Vec<_> = container["env"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| &entry["name"])
            .collect();
        assert_eq!(names, ["DB", "EXTRA", "LOG"]);
        assert_eq!(container["env"][2]["value"], "debug");
        assert_eq!(container["envFrom"], json!([{"secretRef": {"name": "db"}}]));
        assert_eq!(
            container["volumeMounts"],
            json!([{"name": "tls", "mountPath": "/tls"}])
        );
    }
}
