//! What is to run, and as which object.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::annotations::{self, label_value};
use crate::fence::Stamp;
use crate::workload::Workload;

/// A Job's name becomes a label of its pods: <https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-name>.
const LONGEST_NAME: usize = 63;

/// What is to run. It can be stored, hashed, and shown before it is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The cluster's name in the configuration.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The operation's id.
    pub operation: String,
    /// Which step of the operation, for example `migrate`.
    pub step: String,
    /// The image; by its digest, so that what runs is what was planned.
    pub image: String,
    /// The version as a person names it: a label of the pod.
    pub version: Option<String>,
    /// The command. Empty: the image's own.
    pub command: Vec<String>,
    /// Its arguments. Empty: those of the image, when the command is its own too.
    pub args: Vec<String>,
    /// Further environment variables; they prevail over those of the template.
    pub env: BTreeMap<String, Env>,
    /// The service account. Unset: the template's.
    pub service_account: Option<String>,
    /// Limits by resource, for example `memory` = `256Mi`; requests are the same. Empty: the template's.
    pub limits: BTreeMap<String, String>,
    /// How long it may run, in whole seconds; the cluster stops it then.
    pub deadline: Duration,
    /// How long the cluster keeps the finished Job, in whole seconds. Longer than any crash of Otus lasts: a Job that is gone
    /// cannot be found again.
    pub keep: Duration,
    /// What its pod is like otherwise.
    pub base: Base,
}

/// Where the rest of the pod template comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// From the workload's own pods, as they are when the Job is made: the same environment, volumes, service account and
    /// pull secrets. What the service's database settings are, the Job's are too.
    Workload(Box<Workload>),
    /// From nowhere: only what the plan says.
    Bare,
}

/// The value of an environment variable. Secrets are named, never carried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Env {
    /// In clear.
    Value(String),
    /// A key of a Secret in the namespace.
    Secret {
        /// The Secret's name.
        name: String,
        /// The key in it.
        key: String,
    },
    /// A key of a ConfigMap in the namespace.
    ConfigMap {
        /// The ConfigMap's name.
        name: String,
        /// The key in it.
        key: String,
    },
}

impl Env {
    pub(super) fn entry(&self, variable: &str) -> Value {
        let from = |kind: &str, name: &str, key: &str| json!({ "name": variable, "valueFrom": { kind: { "name": name, "key": key } } });
        match self {
            Env::Value(value) => json!({ "name": variable, "value": value }),
            Env::Secret { name, key } => from("secretKeyRef", name, key),
            Env::ConfigMap { name, key } => from("configMapKeyRef", name, key),
        }
    }
}

impl Plan {
    /// The Job's name: the same for the same step of the same operation, and no other.
    ///
    /// It reads `<step>-<operation>-<hash>`, since two steps may only differ in what a name cannot hold.
    #[must_use]
    pub fn name(&self) -> String {
        let hash = format!("{:010x}", fnv(&self.step, &self.operation) & 0xff_ffff_ffff);
        let readable: String = format!("{}-{}", self.step, self.operation)
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '-'
                }
            })
            .take(LONGEST_NAME - hash.len() - 1)
            .collect();
        match readable.trim_matches('-') {
            // A name begins with a letter in some places, with a letter or digit in others.
            text if text.starts_with(|c: char| c.is_ascii_lowercase()) => format!("{text}-{hash}"),
            _ => format!("job-{hash}"),
        }
    }

    /// Kind, name, namespace and cluster, for sentences.
    pub(super) fn what(&self) -> String {
        what(&self.name(), &self.namespace, &self.cluster)
    }

    /// The Job to create, with this pod template.
    pub(super) fn manifest(&self, stamp: &Stamp, template: &Value) -> Value {
        let mut labels = json!({ annotations::MANAGED_BY_LABEL: "otus" });
        if let Some(step) = label_value(&self.step) {
            labels[annotations::COMPONENT_LABEL] = step.into();
        }
        let mut notes = stamp.notes();
        notes[annotations::STEP] = self.step.clone().into();
        notes[annotations::IMAGE] = self.image.clone().into();
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": self.name(),
                "namespace": self.namespace,
                "labels": labels,
                "annotations": notes,
            },
            "spec": {
                // Once: whether half a migration may be run again is for a person to say.
                "backoffLimit": 0,
                "activeDeadlineSeconds": self.deadline.as_secs().max(1),
                "ttlSecondsAfterFinished": self.keep.as_secs(),
                "template": template,
            },
        })
    }
}

pub(super) fn what(name: &str, namespace: &str, cluster: &str) -> String {
    format!("job {name} in the namespace {namespace} of the cluster {cluster}")
}

/// FNV-1a, 64 bits, of two texts with a byte between them that neither holds.
fn fnv(one: &str, other: &str) -> u64 {
    one.bytes()
        .chain([0xff])
        .chain(other.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(super) fn plan(operation: &str, step: &str) -> Plan {
        Plan {
            cluster: "default".into(),
            namespace: "shop".into(),
            operation: operation.into(),
            step: step.into(),
            image: "r.test/shop/web@sha256:abc".into(),
            version: Some("v2".into()),
            command: vec!["migrate".into()],
            args: Vec::new(),
            env: BTreeMap::new(),
            service_account: None,
            limits: BTreeMap::new(),
            deadline: Duration::from_secs(600),
            keep: Duration::from_secs(86_400),
            base: Base::Bare,
        }
    }

    #[test]
    fn a_name_can_be_read() {
        assert_eq!(plan("op-17", "migrate").name(), "migrate-op-17-c9a5b389a3");
        assert_ne!(plan("b-c", "a").name(), plan("c", "a-b").name());
        assert!(plan("1", "2").name().starts_with("job-"));
    }

    #[test]
    fn the_manifest_runs_once_and_is_signed() {
        let stamp = Stamp {
            operation: "op-17".into(),
            generation: 2,
            started: "2026-11-22T10:00:00Z".parse().unwrap(),
        };
        let manifest = plan("op-17", "migrate").manifest(&stamp, &json!({}));
        assert_eq!(
            manifest["spec"],
            json!({"backoffLimit": 0, "activeDeadlineSeconds": 600, "ttlSecondsAfterFinished": 86_400, "template": {}})
        );
        assert_eq!(
            manifest["metadata"]["annotations"],
            json!({"otus.dev/operation": "op-17", "otus.dev/generation": "2", "otus.dev/step": "migrate",
                "otus.dev/started": "2026-11-22T10:00:00Z", "otus.dev/image": "r.test/shop/web@sha256:abc"})
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A DNS label, for the rules of which see RFC 1123; the same for the same, another for another.
        #[test]
        fn a_name_is_always_a_name(one in ("\\PC{0,80}", "\\PC{0,30}"), other in ("\\PC{0,80}", "\\PC{0,30}")) {
            let name = plan(&one.0, &one.1).name();
            prop_assert!(name.len() <= 63 && name.starts_with(|c: char| c.is_ascii_lowercase()), "{}", name);
            prop_assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}", name);
            prop_assert_eq!(plan(&one.0, &one.1).name(), name.clone());
            prop_assert_eq!(plan(&other.0, &other.1).name() == name, one == other);
        }
    }
}
