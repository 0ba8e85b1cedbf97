//! Argo's Rollout: a workload whose own controller replaces the pods in steps, and goes back by itself when told to.
//!
//! Only what Otus reads of it is here (<https://argo-rollouts.readthedocs.io/en/stable/features/specification/>). Its status tells how it
//! stands, from version 1.0 of the controller on; it is steered by its status, as Argo's kubectl plugin does.

use std::borrow::Cow;

use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, Time};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::annotations;
use crate::apply::Conflict;
use crate::object::Object;
use crate::workload::Running;

/// The API group.
pub(crate) const GROUP: &str = "argoproj.io";
/// Which of the rollout's replica sets and pods is which.
pub(crate) const POD_HASH: &str = "rollouts-pod-template-hash";
/// The rollout's number.
pub(crate) const REVISION: &str = "rollout.argoproj.io/revision";
/// How its controller begins to tell that a rollout was ended before its end, by a person or an analysis.
const ABORTED: &str = "RolloutAborted";
/// And that it made no progress for too long.
const LATE: &str = "ProgressDeadlineExceeded";

/// A Rollout as the cluster has it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Rollout {
    pub(crate) metadata: ObjectMeta,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Spec {
    pub(crate) replicas: Option<i32>,
    pub(crate) paused: Option<bool>,
    pub(crate) selector: Option<LabelSelector>,
    pub(crate) template: Option<Template>,
    workload_ref: Option<Value>,
    strategy: Option<Strategy>,
}

/// A pod template, once as Otus reads it, and once whole, since a list of a custom resource is written as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) read: PodTemplateSpec,
    whole: Value,
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let whole = Value::deserialize(from)?;
        let read = serde_json::from_value(whole.clone()).map_err(serde::de::Error::custom)?;
        Ok(Template { read, whole })
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Strategy {
    canary: Option<Canary>,
    blue_green: Option<BlueGreen>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Canary {
    steps: Option<Vec<Value>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BlueGreen {
    auto_promotion_seconds: Option<i64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Status {
    /// A text that is a number; once it was a hash.
    observed_generation: Option<Value>,
    phase: Option<String>,
    message: Option<String>,
    abort: Option<bool>,
    pause_conditions: Option<Vec<PauseCondition>>,
    pub(crate) current_pod_hash: Option<String>,
    current_step_index: Option<i32>,
    pub(crate) replicas: Option<i32>,
    pub(crate) updated_replicas: Option<i32>,
    pub(crate) ready_replicas: Option<i32>,
    pub(crate) available_replicas: Option<i32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PauseCondition {
    reason: Option<String>,
    start_time: Option<Time>,
}

/// A step of its own at which a rollout waits until somebody says that it may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which one, from 1; 0 where it has no steps.
    pub at: i32,
    /// Of how many.
    pub of: i32,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Whether an analysis could not tell.
    pub inconclusive: bool,
}

impl kube::Resource for Rollout {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Rollout".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1alpha1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "rollouts".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// What is wrong with one, as its controller says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Degraded {
    pub(crate) message: String,
    /// Somebody or an analysis ended it, so that its pods have nothing to tell.
    pub(crate) aborted: bool,
    pub(crate) late: bool,
}

impl Rollout {
    /// The generation that its controller has seen. What is no number is as good as the newest: so the plugin reads it, too.
    pub(crate) fn observed(&self) -> i64 {
        let newest = self.metadata.generation.unwrap_or(0);
        match &self.status.observed_generation {
            None => 0,
            Some(Value::Number(number)) => number.as_i64().unwrap_or(newest),
            Some(Value::String(text)) => text.parse().unwrap_or(newest),
            Some(_) => newest,
        }
    }

    /// Whether all steps are done, and the pods are there.
    pub(crate) fn is_healthy(&self) -> bool {
        self.status.phase.as_deref() == Some("Healthy")
    }

    /// Whether it was told to go back.
    pub(crate) fn is_aborted(&self) -> bool {
        self.status.abort == Some(true)
    }

    /// What is wrong with it as a whole.
    pub(crate) fn degraded(&self) -> Option<Degraded> {
        let degraded = self.status.phase.as_deref() == Some("Degraded");
        let message = match &self.status.message {
            // Told to go back, it speaks for a moment still of what it did before.
            _ if self.is_aborted() && !degraded => ABORTED.to_owned(),
            message => message.clone().unwrap_or_default(),
        };
        // Told to begin anew, it says for a moment still that it was ended.
        let is = degraded && !message.starts_with(ABORTED);
        (is || self.is_aborted()).then(|| Degraded {
            aborted: self.is_aborted(),
            late: message.starts_with(LATE),
            message,
        })
    }

    /// How many steps are done, of how many.
    pub(crate) fn steps(&self) -> (i32, i32) {
        let of = self.all_steps().len().try_into().unwrap_or(i32::MAX);
        (self.status.current_step_index.unwrap_or(0).clamp(0, of), of)
    }

    fn all_steps(&self) -> &[Value] {
        let canary = self
            .spec
            .strategy
            .as_ref()
            .and_then(|strategy| strategy.canary.as_ref());
        canary
            .and_then(|canary| canary.steps.as_deref())
            .unwrap_or_default()
    }

    /// The step at which it waits for somebody. A pause that ends by itself is none.
    pub(crate) fn waits(&self) -> Option<Step> {
        let conditions = self.status.pause_conditions.as_deref().unwrap_or_default();
        let (done, of) = self.steps();
        let ends = |condition: &&PauseCondition| match condition.reason.as_deref() {
            Some("CanaryPauseStep") => {
                let step = usize::try_from(done).ok().and_then(|at| self.all_steps().get(at));
                step.is_some_and(|step| !step["pause"]["duration"].is_null())
            }
            Some("BlueGreenPause") => {
                let strategy = self.spec.strategy.as_ref();
                let promotes =
                    strategy.and_then(|strategy| strategy.blue_green.as_ref()?.auto_promotion_seconds);
                promotes.is_some_and(|seconds| seconds > 0)
            }
            _ => false,
        };
        let condition = conditions.iter().find(|condition| !ends(condition))?;
        Some(Step {
            at: (done + 1).min(of),
            of,
            since: condition.start_time.as_ref().map(|time| time.0),
            inconclusive: condition.reason.as_deref() == Some("InconclusiveAnalysisRun"),
        })
    }

    /// Whether its pods are another object's: it has no template of its own.
    pub(crate) fn is_borrowed(&self) -> bool {
        self.spec.workload_ref.is_some()
    }

    /// All its containers, whole, this one with another image.
    pub(crate) fn containers_with(&self, container: &str, image: &str) -> Value {
        let template = self.spec.template.as_ref().map(|template| &template.whole);
        let mut all = template
            .map(|template| template["spec"]["containers"].clone())
            .unwrap_or_default();
        for found in all.as_array_mut().into_iter().flatten() {
            if found["name"] == container {
                found["image"] = json!(image);
            }
        }
        all
    }
}

/// Who else set the image since Otus did. The server does not find that here: a list of a custom resource has one owner.
pub(crate) fn drift(before: &Object, running: &Running, us: &str) -> Option<Conflict> {
    let noted = before.note(annotations::IMAGE);
    let owner = running.owners.first();
    if noted == Some(&running.image) || owner.is_some_and(|owner| owner.manager == us) {
        return None;
    }
    Some(Conflict {
        manager: owner.map_or_else(|| "another manager".to_owned(), |owner| owner.manager.clone()),
        since: owner.and_then(|owner| owner.at),
        fields: vec![format!(
            ".spec.template.spec.containers[name={:?}].image",
            running.container
        )],
        image: running.image.clone(),
        first: noted.is_none(),
    })
}

/// What a rollout is told by its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Steer {
    /// To go on from the step at which it waits.
    Promote,
    /// To go back to what served before, and stay there.
    Abort,
    /// To begin anew what was ended.
    Retry,
}

impl Steer {
    /// The status that says so; none where there is nothing to say.
    pub(crate) fn status(self, rollout: &Rollout) -> Option<Value> {
        let (is, status) = match self {
            Steer::Promote => (rollout.waits().is_some(), json!({ "pauseConditions": null })),
            Steer::Abort => (!rollout.is_aborted(), json!({ "abort": true })),
            Steer::Retry => (rollout.is_aborted(), json!({ "abort": false })),
        };
        is.then_some(status)
    }
}
