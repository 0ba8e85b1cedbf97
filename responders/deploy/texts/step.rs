//! What is said about what is done before the change.

use std::time::Duration;

use jiff::Timestamp;
use otus::markup::{bold, code};
use otus::store::Deploy;
use otus_kubernetes::Outage;
use otus_kubernetes::job::Stage;

use super::short;
use crate::words::{cut, duration, since};

/// How much of a command is shown.
const COMMAND: usize = 120;

/// The heading while it goes on.
pub(crate) fn preparing(deploy: &Deploy) -> String {
    format!(
        "Preparing {} {} for {}",
        bold(&deploy.service),
        code(&short(&deploy.version)),
        bold(&deploy.environment)
    )
}

/// A command in a sentence.
pub(crate) fn command_line(line: &str) -> String {
    code(&cut(line, COMMAND).replace('`', "'"))
}

/// The section cannot be read.
pub(crate) fn bad_before(service: &str, error: &str) -> String {
    format!(
        "What runs before a deploy of {} cannot be read from {}: {error}. Correct it, and start me again.",
        code(service),
        code(&format!("services.{service}.before"))
    )
}

/// What the plan lists.
pub(crate) fn runs_first(line: &str) -> String {
    command_line(line)
}

/// It is about to begin.
pub(crate) fn step_begins(what: &str) -> String {
    format!("First {what}: asking the cluster for its Job…")
}

/// How far it is.
pub(crate) fn step_stands(what: &str, stage: Stage, now: Timestamp) -> String {
    match stage {
        Stage::Suspended => format!("First {what}: its Job is suspended, so it waits for whoever did that."),
        Stage::Creating => format!("First {what}: waiting for its pod."),
        Stage::Starting => format!("First {what}: its pod is starting."),
        Stage::Running { since: Some(at) } => {
            format!("First {what}: running for {}.", duration(since(at, now)))
        }
        Stage::Running { since: None } => format!("First {what}: running."),
        Stage::Ending => format!("First {what}: it has ended; Kubernetes is to say how."),
    }
}

/// It cannot be held while it runs.
pub(crate) fn step_cannot_pause() -> String {
    "What runs now cannot be paused. I wait after it, before anything is changed.".to_owned()
}

/// The cluster does not answer.
pub(crate) fn step_outage(outage: &Outage, now: Timestamp) -> String {
    format!(
        "I have not seen the cluster for {}: {}. It goes on without me; I keep trying.",
        duration(since(outage.since, now)),
        outage.error
    )
}

/// It ended well.
pub(crate) fn step_done(what: &str, took: Option<Duration>) -> String {
    match took {
        Some(took) => format!("✓ {what} ran first, in {}", duration(took)),
        None => format!("✓ {what} ran first"),
    }
}

/// It ended badly.
pub(crate) fn step_failed(what: &str, how: &str) -> String {
    format!("{what}, which runs first, {how}.")
}

/// It ended badly for a reason that is a sentence.
pub(crate) fn step_failed_because(what: &str, why: &str) -> String {
    format!("{what}, which runs first, failed. {why}")
}

/// It does not begin.
pub(crate) fn step_cannot_start(what: &str, why: &str) -> String {
    format!("{what}, which runs first, did not begin. {why}")
}

/// It took too long.
pub(crate) fn step_timed_out(what: &str, deadline: Duration) -> String {
    format!(
        "{what}, which runs first, did not end within {}, so it was stopped half-way.",
        duration(deadline)
    )
}

/// Its Job is gone.
pub(crate) fn step_gone(what: &str, job: &str) -> String {
    format!(
        "Somebody deleted the Job {} of {what}, which runs first, so nobody knows how far it came.",
        code(job)
    )
}

/// The end is for a person to find.
pub(crate) fn step_look_yourself() -> &'static str {
    "Find out what it has done already before you try again."
}

/// Nothing came of following it.
pub(crate) fn no_verdict() -> &'static str {
    "it was followed to no end"
}

/// Its end was not seen.
pub(crate) fn step_lost(what: &str, error: &str) -> String {
    format!(
        "I lost sight of {what}, which runs first: {}.",
        error.trim_end_matches('.')
    )
}

/// Where to look.
pub(crate) fn step_find(job: &str, namespace: &str) -> String {
    format!(
        "{} shows how it stands.",
        code(&format!("kubectl describe job/{job} -n {namespace}"))
    )
}

/// The cluster did not take it.
pub(crate) fn step_not_made(what: &str, error: &str) -> String {
    format!(
        "{what}, which runs first, could not be begun: {}.",
        error.trim_end_matches('.')
    )
}

/// Nothing of the workload was changed.
pub(crate) fn step_changed_nothing(service: &str) -> String {
    format!(
        "{} itself was not changed: what served before serves on.",
        code(service)
    )
}

/// Cancelled while it ran.
pub(crate) fn step_cancelled(what: &str, left: Option<String>) -> String {
    let job = left.unwrap_or_else(|| "I deleted its Job, and nothing of it runs any more.".to_owned());
    format!("It was cancelled while {what} ran, which may be half done. {job}")
}

/// Its Job takes its time to go.
pub(crate) fn step_going(job: &str, namespace: &str) -> String {
    format!(
        "I deleted its Job {} in {}; its container still takes its time to stop.",
        code(job),
        code(namespace)
    )
}

/// Its Job could not be deleted.
pub(crate) fn step_stays(job: &str, namespace: &str, error: &str) -> String {
    format!(
        "I could not delete its Job: {}. It may go on; {} stops it.",
        error.trim_end_matches('.'),
        code(&format!("kubectl delete job/{job} -n {namespace}"))
    )
}

/// Cancelled before the change.
pub(crate) fn stopped_before(what: &str) -> String {
    format!("{what} The service itself was not changed.")
}

/// Somebody else's part cannot be done any more.
pub(crate) fn part_is_gone(name: &str) -> String {
    format!(
        "What comes first ({}) is not there any more: I was started with another configuration",
        code(name)
    )
}
