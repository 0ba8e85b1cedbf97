//! The judge of a Job: what has become of it.
//!
//! A function of what is seen and the time, which remembers nothing: who takes a Job up half-way judges it as the one before
//! would have. What the cluster says of the end is the end. What it never says is judged here: a Job whose image cannot be
//! pulled, or whose pod nobody may create, waits for its deadline otherwise.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};

use super::start::Launched;
use super::verdict::{Stage, Verdict};
use crate::cause::{Cause, Doom, Fault};
use crate::events;
use crate::explain::{ended, explain, is_displaced};
use crate::memory::{is_after, plus};
use crate::seen::owned_by;

/// How patient the judge is with what does not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long what probably does not pass is tolerated: a refused pull, a refused pod.
    pub grace: Duration,
    /// How long what may well pass is tolerated: no node has room, a registry does not answer. New nodes take a minute or two.
    pub patience: Duration,
    /// How long after the Job's own deadline the cluster may take to end it.
    pub slack: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            grace: Duration::from_secs(15),
            patience: Duration::from_secs(120),
            slack: Duration::from_secs(60),
        }
    }
}

/// What is seen of the world.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The Job; none when it does not exist.
    pub job: Option<Job>,
    /// Its pods.
    pub pods: Vec<Pod>,
    /// Events about it and about them.
    pub events: Vec<Event>,
}

/// Judges a Job.
#[must_use]
pub fn judge(launched: &Launched, world: &World, now: Timestamp, settings: &Settings) -> Verdict {
    let uid = launched.uid.as_str();
    let Some(job) = world
        .job
        .as_ref()
        .filter(|job| job.metadata.uid.as_deref() == Some(uid))
    else {
        return Verdict::Gone;
    };
    let pod = world
        .pods
        .iter()
        .filter(|pod| owned_by(pod.metadata.owner_references.as_deref(), uid))
        .max_by_key(|pod| (born(pod), pod.metadata.name.clone()));
    if condition(job, "Complete").is_some() {
        return Verdict::Succeeded {
            took: took(job),
            log: Vec::new(),
        };
    }
    if let Some(failed) = condition(job, "Failed") {
        return failure(failed, pod, &world.events);
    }
    if job.metadata.deletion_timestamp.is_some() {
        return Verdict::Gone;
    }
    let trouble = trouble(job, pod, &world.events);
    let late = plus(launched.at, launched.deadline);
    if is_after(now, late, settings.slack) {
        let cause = trouble.map_or_else(|| about(pod, Fault::Unknown), |(cause, _)| cause);
        return Verdict::TimedOut {
            cause: Box::new(cause),
            stopped: false,
        };
    }
    match trouble {
        Some((cause, since)) => {
            let tolerated = match cause.fault.doom() {
                Doom::Sure => Duration::ZERO,
                Doom::Likely => settings.grace,
                Doom::No => settings.patience,
            };
            let cause = Box::new(cause);
            match is_after(now, since.unwrap_or(launched.at), tolerated) {
                true => Verdict::CannotStart { cause },
                false => Verdict::Waiting {
                    stage: stage(job, pod),
                    trouble: Some(cause),
                },
            }
        }
        None => Verdict::Waiting {
            stage: stage(job, pod),
            trouble: None,
        },
    }
}

fn condition<'a>(job: &'a Job, kind: &str) -> Option<&'a JobCondition> {
    let all = job.status.as_ref()?.conditions.as_deref()?;
    all.iter().find(|c| c.type_ == kind && c.status == "True")
}

fn born(pod: &Pod) -> Option<Timestamp> {
    pod.metadata.creation_timestamp.as_ref().map(|time| time.0)
}

fn took(job: &Job) -> Option<Duration> {
    let status = job.status.as_ref()?;
    let (from, to) = (status.start_time.as_ref()?.0, status.completion_time.as_ref()?.0);
    Duration::try_from(to.duration_since(from)).ok()
}

/// The cluster says that it failed: because of its time, its container, or something else.
fn failure(failed: &JobCondition, pod: Option<&Pod>, events: &[Event]) -> Verdict {
    let reason = failed.reason.clone().unwrap_or_default();
    let found = pod.and_then(|pod| bad_end(pod).or_else(|| displaced(pod)));
    if reason == "DeadlineExceeded" {
        let blame = pod.and_then(|pod| explain(pod, events).filter(|cause| is_start(&cause.fault)));
        return Verdict::TimedOut {
            cause: Box::new(blame.unwrap_or_else(|| about(pod, Fault::Unknown))),
            stopped: true,
        };
    }
    let cause = found.unwrap_or_else(|| {
        // Its pod is gone, with the exit code.
        let message = failed.message.clone().unwrap_or_default();
        about(pod, Fault::JobFailed { reason, message })
    });
    Verdict::Failed {
        cause: Box::new(cause),
    }
}

/// How the container that did the work ended. A sidecar that is stopped afterwards may end badly, too: that is nobody's fault.
fn bad_end(pod: &Pod) -> Option<Cause> {
    let spec = pod.spec.as_ref()?;
    let status = pod.status.as_ref()?;
    let is_bad = |container: &&ContainerStatus| {
        let state = container
            .state
            .as_ref()
            .and_then(|state| state.terminated.as_ref());
        state.is_some_and(|state| state.exit_code != 0)
    };
    let main = status.container_statuses.as_deref().unwrap_or_default();
    let found = main.iter().find(is_bad)?;
    let container = spec
        .containers
        .iter()
        .find(|container| container.name == found.name);
    let exit = ended(found, container)?;
    Some(Cause {
        container: Some(found.name.clone()),
        ..about(Some(pod), Fault::Crashed(exit))
    })
}

fn displaced(pod: &Pod) -> Option<Cause> {
    let status = pod.status.as_ref().filter(|_| is_displaced(pod))?;
    Some(about(
        Some(pod),
        Fault::Displaced {
            reason: status.reason.clone().unwrap_or_default(),
            message: status.message.clone().unwrap_or_default(),
        },
    ))
}

fn about(pod: Option<&Pod>, fault: Fault) -> Cause {
    let container = pod.and_then(|pod| pod.spec.as_ref()?.containers.first());
    Cause {
        pod: pod.and_then(|pod| pod.metadata.name.clone()),
        container: container.map(|container| container.name.clone()),
        pods: usize::from(pod.is_some()),
        ..Cause::of(fault)
    }
}

/// What keeps it from starting, and since when.
fn trouble(job: &Job, pod: Option<&Pod>, all: &[Event]) -> Option<(Cause, Option<Timestamp>)> {
    let Some(pod) = pod else {
        return refused(job, all);
    };
    let cause = explain(pod, all).filter(|cause| is_start(&cause.fault))?;
    let scheduled = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref());
    let unplaced = scheduled
        .unwrap_or_default()
        .iter()
        .find(|c| c.type_ == "PodScheduled" && c.status == "False")
        .and_then(|c| c.last_transition_time.as_ref());
    let since = unplaced.map(|time| time.0).or_else(|| born(pod));
    Some((cause, since))
}

/// Whether a fault is one of starting; a Job's pod need not be ready, and its end is told by the cluster.
fn is_start(fault: &Fault) -> bool {
    match fault {
        Fault::ImageMissing { .. }
        | Fault::PullDenied { .. }
        | Fault::PullFailing { .. }
        | Fault::ImageInvalid { .. }
        | Fault::ConfigMissing { .. }
        | Fault::CannotStart { .. }
        | Fault::Unschedulable { .. }
        | Fault::PodsRefused { .. } => true,
        // A sidecar that crashes again and again keeps the others from starting.
        Fault::InitFailed(exit) => exit.looping,
        _ => false,
    }
}

/// Kubernetes may not create its pod. The controller says so in an event about the Job.
fn refused(job: &Job, all: &[Event]) -> Option<(Cause, Option<Timestamp>)> {
    let uid = job.metadata.uid.as_deref();
    let event = all
        .iter()
        .filter(|event| event.reason.as_deref() == Some("FailedCreate"))
        .filter(|event| event.involved_object.uid.as_deref() == uid)
        .max_by_key(|event| events::last_time(event))?;
    let message = event.message.clone().unwrap_or_default();
    let first = event.first_timestamp.as_ref().map(|time| time.0);
    let since = first.or_else(|| job.metadata.creation_timestamp.as_ref().map(|time| time.0));
    Some((Cause::of(Fault::PodsRefused { message }), since))
}

fn stage(job: &Job, pod: Option<&Pod>) -> Stage {
    if job.spec.as_ref().is_some_and(|spec| spec.suspend == Some(true)) {
        return Stage::Suspended;
    }
    let Some(pod) = pod else { return Stage::Creating };
    let status = pod.status.as_ref();
    if status.is_some_and(|status| matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"))) {
        return Stage::Ending;
    }
    let main = status.and_then(|status| status.container_statuses.as_deref());
    let states = main
        .unwrap_or_default()
        .iter()
        .filter_map(|container| container.state.as_ref());
    let mut stage = Stage::Starting;
    for state in states {
        if let Some(running) = &state.running {
            let since = running.started_at.as_ref().map(|time| time.0);
            return Stage::Running { since };
        }
        if state.terminated.is_some() {
            stage = Stage::Ending;
        }
    }
    stage
}
