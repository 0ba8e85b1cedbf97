//! What the API server refuses.

use serde_json::{Value, json};

use super::{
    resources::Resource,
    selectors::Selector,
    status::{Answer, ApiError, Cause},
    value::{int, items, name, text, uid},
};

/// The API group of Roles and bindings.
const RBAC: &str = "rbac.authorization.k8s.io";

/// Checks a new object, or a changed one against what it was.
pub(crate) fn check(res: &Resource, old: Option<&Value>, new: &Value) -> Answer<()> {
    let mut causes = Vec::new();
    if let Some(old) = old
        && text(new, "/metadata/uid") != uid(old)
    {
        let given = new.pointer("/metadata/uid").cloned().unwrap_or_default();
        causes.push(Cause::invalid("metadata.uid", &given, "field is immutable"));
    }
    labels(new, &mut causes);
    // Names of Roles and bindings may be any part of a path.
    if old.is_none() && res.group != RBAC && !is_name(name(new)) {
        causes.push(Cause::invalid(
            "metadata.name",
            &json!(name(new)),
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ));
    }
    match res.kind {
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => workload(old, new, &mut causes),
        "Job" => {
            for field in ["completions", "parallelism", "backoffLimit"] {
                if int(new, &format!("/spec/{field}")) < 0 {
                    let why = "must be greater than or equal to 0";
                    causes.push(Cause::invalid(format!("spec.{field}"), &new["spec"][field], why));
                }
            }
            containers(new, "spec.template.spec", &mut causes);
            let policy = text(new, "/spec/template/spec/restartPolicy");
            if !matches!(policy, "OnFailure" | "Never") {
                causes.push(Cause {
                    reason: "FieldValueNotSupported",
                    field: "spec.template.spec.restartPolicy".into(),
                    message: format!(
                        "Unsupported value: {policy:?}: supported values: \"OnFailure\", \"Never\""
                    ),
                });
            }
            if old.is_some_and(|old| old.pointer("/spec/template") != new.pointer("/spec/template")) {
                causes.push(Cause::invalid("spec.template", &json!("…"), "field is immutable"));
            }
        }
        "Pod" => containers(new, "spec", &mut causes),
        "Role" | "ClusterRole" => role(new, &mut causes),
        "RoleBinding" | "ClusterRoleBinding" => binding(old, new, &mut causes),
        _ => {}
    }
    if causes.is_empty() {
        Ok(())
    } else {
        Err(ApiError::invalid(res, name(new), &causes))
    }
}

/// A rule names verbs, and groups and resources, or URLs.
fn role(new: &Value, causes: &mut Vec<Cause>) {
    for (index, rule) in items(new, "/rules").iter().enumerate() {
        let urls = !items(rule, "/nonResourceURLs").is_empty();
        let needed: &[&str] = if urls {
            &["verbs"]
        } else {
            &["verbs", "apiGroups", "resources"]
        };
        for field in needed {
            if items(rule, &format!("/{field}")).is_empty() {
                causes.push(Cause::required(format!("rules[{index}].{field}")));
            }
        }
    }
}

/// A binding names its role for good, and each of its subjects.
fn binding(old: Option<&Value>, new: &Value, causes: &mut Vec<Cause>) {
    let kind = text(new, "/roleRef/kind");
    if !matches!(kind, "Role" | "ClusterRole") {
        causes.push(Cause::invalid(
            "roleRef.kind",
            &json!(kind),
            "must be Role or ClusterRole",
        ));
    }
    if text(new, "/roleRef/name").is_empty() {
        causes.push(Cause::required("roleRef.name"));
    }
    if old.is_some_and(|old| old["roleRef"] != new["roleRef"]) {
        causes.push(Cause::invalid(
            "roleRef",
            &new["roleRef"],
            "cannot change roleRef",
        ));
    }
    for (index, subject) in items(new, "/subjects").iter().enumerate() {
        if text(subject, "/name").is_empty() {
            causes.push(Cause::required(format!("subjects[{index}].name")));
        }
        if text(subject, "/kind") == "ServiceAccount" && text(subject, "/namespace").is_empty() {
            causes.push(Cause::required(format!("subjects[{index}].namespace")));
        }
    }
}

fn workload(old: Option<&Value>, new: &Value, causes: &mut Vec<Cause>) {
    for field in [
        "replicas",
        "minReadySeconds",
        "progressDeadlineSeconds",
        "revisionHistoryLimit",
    ] {
        if int(new, &format!("/spec/{field}")) < 0 {
            let why = "must be greater than or equal to 0";
            causes.push(Cause::invalid(format!("spec.{field}"), &new["spec"][field], why));
        }
    }
    let labels = new.pointer("/spec/template/metadata/labels");
    match new
        .pointer("/spec/selector")
        .filter(|selector| selector.as_object().is_some_and(|s| !s.is_empty()))
    {
        None => {
            causes.push(Cause::required("spec.selector"));
            causes.push(Cause::invalid(
                "spec.template.metadata.labels",
                labels.unwrap_or(&Value::Null),
                "`selector` does not match template `labels`",
            ));
        }
        Some(selector) => {
            if !Selector::of_spec(selector).matches_labels(labels) {
                causes.push(Cause::invalid(
                    "spec.template.metadata.labels",
                    labels.unwrap_or(&Value::Null),
                    "`selector` does not match template `labels`",
                ));
            }
            if old.is_some_and(|old| old.pointer("/spec/selector") != Some(selector)) {
                causes.push(Cause::invalid("spec.selector", selector, "field is immutable"));
            }
        }
    }
    containers(new, "spec.template.spec", causes);
}

fn containers(new: &Value, at: &str, causes: &mut Vec<Cause>) {
    let pointer = format!("/{}", at.replace('.', "/"));
    let spec = new.pointer(&pointer).unwrap_or(&Value::Null);
    if items(spec, "/containers").is_empty() {
        causes.push(Cause::required(format!("{at}.containers")));
    }
    let mut seen = Vec::new();
    for field in ["initContainers", "containers"] {
        for (index, container) in items(spec, &format!("/{field}")).iter().enumerate() {
            let place = format!("{at}.{field}[{index}]");
            let name = text(container, "/name");
            if name.is_empty() {
                causes.push(Cause::required(format!("{place}.name")));
            } else if seen.contains(&name) {
                causes.push(Cause::duplicate(format!("{place}.name"), &json!(name)));
            }
            seen.push(name);
            if text(container, "/image").is_empty() {
                causes.push(Cause::required(format!("{place}.image")));
            }
        }
    }
}

fn labels(new: &Value, causes: &mut Vec<Cause>) {
    for place in ["metadata", "spec.template.metadata"] {
        let pointer = format!("/{}/labels", place.replace('.', "/"));
        let Some(labels) = new.pointer(&pointer).and_then(Value::as_object) else {
            continue;
        };
        for value in labels.values() {
            let text = value.as_str().unwrap_or_default();
            let field = format!("{place}.labels");
            if text.len() > 63 {
                causes.push(Cause {
                    reason: "FieldValueTooLong",
                    field,
                    message: "Too long: may not be more than 63 bytes".into(),
                });
            } else if !is_label(text) {
                causes.push(Cause::invalid(field, value, "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"));
            }
        }
    }
}

fn is_label(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    ends(text.chars().next())
        && ends(text.chars().last())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | ':'))
    };
    name.len() <= 253 && name.split('.').all(part)
}
