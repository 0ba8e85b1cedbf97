//! Tables: the columns `kubectl get` prints.

use serde_json::{Value, json};

use super::{
    resources::Res,
    selectors::Selector,
    value::{int, items, name, text},
};

/// A column: its name, whether it shows only with `-o wide`, and how a cell is made.
type Column = (&'static str, bool, fn(&Value) -> Value);

/// Objects as a table.
pub(crate) fn table(res: Res, objects: &[&Value], version: &str, bare: bool) -> Value {
    let columns = columns(res);
    let definitions: Vec<_> = columns
        .iter()
        .map(|(name, wide, _)| {
            json!({
                "name": name,
                "type": "string",
                "format": if *name == "Name" { "name" } else { "" },
                "description": "",
                "priority": i32::from(*wide),
            })
        })
        .collect();
    let rows: Vec<_> = objects
        .iter()
        .map(|object| {
            let cells: Vec<_> = columns.iter().map(|(.., cell)| cell(object)).collect();
            let mut row = json!({ "cells": cells });
            if !bare {
                row["object"] = json!({
                    "kind": "PartialObjectMetadata",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": object["metadata"],
                });
            }
            row
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": { "resourceVersion": version },
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

const NAME: Column = ("Name", false, |o| json!(name(o)));
const AGE: Column = ("Age", false, |o| {
    json!(age(text(o, "/metadata/creationTimestamp")))
});
const CONTAINERS: Column = ("Containers", true, |o| {
    json!(listed(o, "/spec/template/spec/containers", "name"))
});
const IMAGES: Column = ("Images", true, |o| {
    json!(listed(o, "/spec/template/spec/containers", "image"))
});
const SELECTOR: Column = ("Selector", true, |o| {
    json!(
        o.pointer("/spec/selector")
            .map(|s| Selector::of_spec(s).label_text())
            .unwrap_or_default()
    )
});

fn columns(res: Res) -> Vec<Column> {
    match res.kind {
        "Deployment" => vec![
            NAME,
            ("Ready", false, |o| {
                json!(format!(
                    "{}/{}",
                    int(o, "/status/readyReplicas"),
                    int(o, "/spec/replicas")
                ))
            }),
            ("Up-to-date", false, |o| json!(int(o, "/status/updatedReplicas"))),
            ("Available", false, |o| json!(int(o, "/status/availableReplicas"))),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        "ReplicaSet" => vec![
            NAME,
            ("Desired", false, |o| json!(int(o, "/spec/replicas"))),
            ("Current", false, |o| json!(int(o, "/status/replicas"))),
            ("Ready", false, |o| json!(int(o, "/status/readyReplicas"))),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        "StatefulSet" => vec![
            NAME,
            ("Ready", false, |o| {
                json!(format!(
                    "{}/{}",
                    int(o, "/status/readyReplicas"),
                    int(o, "/spec/replicas")
                ))
            }),
            AGE,
            CONTAINERS,
            IMAGES,
        ],
        "DaemonSet" => vec![
            NAME,
            ("Desired", false, |o| {
                json!(int(o, "/status/desiredNumberScheduled"))
            }),
            ("Current", false, |o| {
                json!(int(o, "/status/currentNumberScheduled"))
            }),
            ("Ready", false, |o| json!(int(o, "/status/numberReady"))),
            ("Up-to-date", false, |o| {
                json!(int(o, "/status/updatedNumberScheduled"))
            }),
            ("Available", false, |o| json!(int(o, "/status/numberAvailable"))),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        "Job" => vec![
            NAME,
            ("Status", false, |o| json!(job_status(o))),
            ("Completions", false, |o| {
                json!(format!(
                    "{}/{}",
                    int(o, "/status/succeeded"),
                    int(o, "/spec/completions")
                ))
            }),
            AGE,
            CONTAINERS,
            IMAGES,
        ],
        "Pod" => vec![
            NAME,
            ("Ready", false, |o| {
                let all = items(o, "/status/containerStatuses");
                let ready = all.iter().filter(|c| c["ready"] == true).count();
                json!(format!("{ready}/{}", items(o, "/spec/containers").len()))
            }),
            ("Status", false, |o| json!(pod_status(o))),
            ("Restarts", false, |o| {
                let sum: i64 = items(o, "/status/containerStatuses")
                    .iter()
                    .map(|c| int(c, "/restartCount"))
                    .sum();
                json!(sum.to_string())
            }),
            AGE,
            ("IP", true, |o| json!(or_none(text(o, "/status/podIP")))),
            ("Node", true, |o| json!(or_none(text(o, "/spec/nodeName")))),
        ],
        "Event" => vec![
            ("Last Seen", false, |o| json!(age(last_seen(o)))),
            ("Type", false, |o| o["type"].clone()),
            ("Reason", false, |o| o["reason"].clone()),
            ("Object", false, |o| {
                let kind = text(o, "/involvedObject/kind").to_lowercase();
                json!(format!("{kind}/{}", text(o, "/involvedObject/name")))
            }),
            ("Source", true, |o| json!(text(o, "/reportingComponent"))),
            ("Message", false, |o| o["message"].clone()),
            ("Count", true, |o| {
                json!(int(o, "/series/count").max(int(o, "/count")).max(1))
            }),
            ("Name", true, |o| json!(name(o))),
        ],
        "Namespace" => vec![NAME, ("Status", false, |o| json!(text(o, "/status/phase"))), AGE],
        "Node" => vec![
            NAME,
            ("Status", false, |_| json!("Ready")),
            ("Roles", false, |_| json!("<none>")),
            AGE,
            ("Version", false, |o| {
                json!(text(o, "/status/nodeInfo/kubeletVersion"))
            }),
        ],
        "Service" => vec![
            NAME,
            ("Type", false, |o| json!(text(o, "/spec/type"))),
            ("Cluster-IP", false, |o| {
                json!(or_none(text(o, "/spec/clusterIP")))
            }),
            ("External-IP", false, |_| json!("<none>")),
            ("Port(s)", false, |o| {
                let ports: Vec<_> = items(o, "/spec/ports")
                    .iter()
                    .map(|p| format!("{}/{}", int(p, "/port"), text(p, "/protocol")))
                    .collect();
                json!(ports.join(","))
            }),
            AGE,
        ],
        "ConfigMap" => vec![NAME, ("Data", false, |o| json!(data_count(o))), AGE],
        "Secret" => {
            vec![
                NAME,
                ("Type", false, |o| json!(text(o, "/type"))),
                ("Data", false, |o| json!(data_count(o))),
                AGE,
            ]
        }
        "Lease" => vec![
            NAME,
            ("Holder", false, |o| json!(text(o, "/spec/holderIdentity"))),
            AGE,
        ],
        _ => vec![NAME, AGE],
    }
}

fn listed(object: &Value, pointer: &str, field: &str) -> String {
    let all: Vec<_> = items(object, pointer)
        .iter()
        .map(|c| text(c, &format!("/{field}")))
        .collect();
    all.join(",")
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

fn data_count(object: &Value) -> usize {
    ["data", "binaryData"]
        .iter()
        .filter_map(|field| object.get(*field)?.as_object())
        .map(serde_json::Map::len)
        .sum()
}

fn last_seen(event: &Value) -> &str {
    [
        "/series/lastObservedTime",
        "/lastTimestamp",
        "/eventTime",
        "/metadata/creationTimestamp",
    ]
    .iter()
    .map(|pointer| text(event, pointer))
    .find(|time| !time.is_empty())
    .unwrap_or_default()
}

fn job_status(job: &Value) -> &str {
    let is = |kind: &str| {
        items(job, "/status/conditions")
            .iter()
            .any(|c| c["type"] == kind && c["status"] == "True")
    };
    if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if is("Suspended") {
        "Suspended"
    } else {
        "Running"
    }
}

/// What stands in STATUS: after `printPod` of Kubernetes.
fn pod_status(pod: &Value) -> String {
    if !text(pod, "/metadata/deletionTimestamp").is_empty() {
        return "Terminating".into();
    }
    let mut status = text(pod, "/status/phase").to_owned();
    if !text(pod, "/status/reason").is_empty() {
        status = text(pod, "/status/reason").into();
    }
    let reason_of = |container: &Value| {
        let waiting = text(container, "/state/waiting/reason");
        let ended = text(container, "/state/terminated/reason");
        [waiting, ended]
            .into_iter()
            .find(|reason| !reason.is_empty())
            .map(str::to_owned)
    };
    let inits = items(pod, "/status/initContainerStatuses");
    for (at, init) in inits.iter().enumerate() {
        if init.pointer("/state/terminated/exitCode") == Some(&json!(0)) {
            continue;
        }
        return match reason_of(init) {
            Some(reason) if reason != "PodInitializing" => format!("Init:{reason}"),
            _ => format!("Init:{at}/{}", inits.len()),
        };
    }
    if text(pod, "/status/reason").is_empty() {
        for container in items(pod, "/status/containerStatuses").iter().rev() {
            if let Some(reason) = reason_of(container) {
                status = reason;
            }
        }
    }
    status
}

/// How long ago, as kubectl writes it.
fn age(stamp: &str) -> String {
    let Ok(time) = stamp.parse::<jiff::Timestamp>() else {
        return "<unknown>".into();
    };
    let seconds = jiff::Timestamp::now()
        .as_second()
        .saturating_sub(time.as_second())
        .max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => format!("{}m{}s", seconds / 60, seconds % 60),
        600..10_800 => format!("{}m", seconds / 60),
        10_800..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}
