//! What is said about a canary.

use std::time::Duration;

use jiff::Timestamp;
use otus::markup::code;
use otus_kubernetes::canary::Size;
use otus_kubernetes::{Kind, Running};

use crate::canary::Canary;
use crate::words::{count, duration, since};

/// The section cannot be read.
pub(crate) fn bad_canary(service: &str, error: &str) -> String {
    format!(
        "The canary of {} cannot be read from {}: {error}. Correct it, and start me again.",
        code(service),
        code(&format!("services.{service}.canary"))
    )
}

/// Its kind has none.
pub(crate) fn no_canary_of(service: &str, kind: Kind) -> String {
    let why = match kind {
        Kind::DaemonSet => {
            "a DaemonSet has one pod on every node, and a second one would be on every node, too"
        }
        Kind::Rollout => {
            "a Rollout of Argo has steps of its own, with weights and pauses, and gates watch them, too"
        }
        _ => {
            "the pods of a StatefulSet have names and volumes of their own, which a second one would not have; it replaces one pod after \
             the other anyway, and I stop it at the first that is not well"
        }
    };
    format!(
        "{} has a canary in my configuration, and it cannot have one: {why}. Take {} out, or name other {} in it.",
        code(service),
        code(&format!("[services.{service}.canary]")),
        code("environments")
    )
}

/// What the plan lists.
pub(crate) fn canary_planned(canary: &Canary) -> String {
    let pods = match canary.size {
        Size::Pods(pods) => count(pods, "pod"),
        Size::Percent(percent) => format!("pods for {percent} %"),
    };
    format!("{pods} first, watched for {}", duration(canary.bake))
}

/// Who counts its pods, too.
pub(crate) fn canary_counts(workload: &str) -> String {
    format!(
        "The canary's pods have the labels of {}: its Services send them requests, and its autoscaler and disruption budget count \
         them, too.",
        code(workload)
    )
}

/// Another deploy left one.
pub(crate) fn canary_left(name: &str, left: &Running) -> String {
    let from = left
        .version
        .as_deref()
        .map(|version| format!(" with {}", code(version)))
        .unwrap_or_default();
    format!(
        "⚠️ An earlier deploy left {}{from}; I delete it before I make a new one.",
        code(name)
    )
}

/// It is about to begin.
pub(crate) fn canary_begins() -> String {
    "Canary: asking the cluster for it…".to_owned()
}

/// Its pods come up.
pub(crate) fn canary_starts(done: i32, total: i32) -> String {
    format!(
        "Canary: {done} of {} of the new version ready.",
        count(total, "pod")
    )
}

/// It is watched.
pub(crate) fn canary_watched(pods: i32, until: Timestamp, now: Timestamp) -> String {
    format!(
        "Canary: {} of the new version beside the old ones. I watch for {} more.",
        count(pods, "pod"),
        duration(since(now, until))
    )
}

/// It is well, and the gates are to say so, too.
pub(crate) fn canary_gates(pods: i32) -> String {
    format!(
        "Canary: {} of the new version, and well. It is passed when the gates are.",
        count(pods, "pod")
    )
}

/// Somebody paused it in the cluster.
pub(crate) fn canary_is_held() -> String {
    "Canary: somebody paused it in the cluster, so its pods do not start.".to_owned()
}

/// Paused until it was too late.
pub(crate) fn canary_held() -> &'static str {
    "somebody paused it in the cluster, and nobody let it go on"
}

/// It cannot be held while it is watched.
pub(crate) fn canary_cannot_pause() -> String {
    "Paused: the canary stays and is watched on; I wait after it, before anything else is changed.".to_owned()
}

/// It did well.
pub(crate) fn canary_passed(pods: i32, bake: Duration) -> String {
    format!(
        "✓ Canary: {} of it stayed well for {}",
        count(pods, "pod"),
        duration(bake)
    )
}

/// It did not do well.
pub(crate) fn canary_failed(why: &str) -> String {
    format!("The canary failed. {why}")
}

/// Somebody deleted it, or gave it another image.
pub(crate) fn canary_meddled(name: &str) -> String {
    format!(
        "Somebody deleted or changed the canary {} in the cluster, so it tells nothing.",
        code(name)
    )
}

/// Its end was not seen.
pub(crate) fn canary_lost(error: &str) -> String {
    format!("I lost sight of the canary: {}.", error.trim_end_matches('.'))
}

/// The cluster did not take it.
pub(crate) fn canary_not_made(error: &str) -> String {
    format!("The canary could not be made: {}.", error.trim_end_matches('.'))
}

/// Where to look.
pub(crate) fn canary_find(name: &str, namespace: &str) -> String {
    format!(
        "It may be there all the same; {} shows it, and the next deploy deletes it.",
        code(&format!("kubectl get deployment/{name} -n {namespace}"))
    )
}

/// Nothing of it is left.
pub(crate) fn canary_gone() -> &'static str {
    "I deleted the canary."
}

/// Cancelled while it was watched.
pub(crate) fn canary_cancelled(left: Option<String>) -> String {
    let gone = left.unwrap_or_else(|| canary_gone().to_owned());
    format!("It was cancelled while the canary was watched. {gone} The service itself was not changed.")
}

/// It takes its time to go.
pub(crate) fn canary_going(name: &str, namespace: &str) -> String {
    format!(
        "I deleted it ({} in {}); its pods still take their time to stop.",
        code(name),
        code(namespace)
    )
}

/// It could not be deleted.
pub(crate) fn canary_stays(name: &str, namespace: &str, error: &str) -> String {
    format!(
        "⚠️ I could not delete the canary: {}. It goes on serving; {} stops it.",
        error.trim_end_matches('.'),
        code(&format!("kubectl delete deployment/{name} -n {namespace}"))
    )
}
