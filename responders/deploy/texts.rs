//! Everything this responder says, in one place; what is wrong with a pod stands in [`crate::faults`].

mod canary;
mod gates;
mod look;
mod planning;
mod status;
mod step;
mod versions;

use std::time::Duration;

use jiff::Timestamp;
use otus::markup::{bold, code};
use otus::store::Deploy;
use otus_kubernetes::{Conflict, Found, Image, Kind, Outage, Step, Why};

pub(crate) use self::canary::*;
pub(crate) use self::gates::*;
pub(crate) use self::look::*;
pub(crate) use self::planning::*;
pub(crate) use self::status::*;
pub(crate) use self::step::*;
pub(crate) use self::versions::*;
use crate::state::Halt;
use crate::words::{bar, count, cut, duration, moment, since};

/// What changes.
pub(crate) fn plan(deploy: &Deploy) -> String {
    // Of a commit people know the name; the image has a digest.
    if let Some(from) = deploy.details.get("from").and_then(serde_json::Value::as_str) {
        return match deploy.previous.as_deref() {
            Some(previous) if previous != deploy.image => {
                let (from, to) = versions(from, &deploy.version);
                format!("{from} → {to}")
            }
            _ => code(&short(&deploy.version)),
        };
    }
    match deploy.previous.as_deref().filter(|from| *from != deploy.image) {
        Some(from) => {
            let (from, to) = from_to(from, &deploy.image);
            format!("{from} → {to}")
        }
        None => from_to(&deploy.image, &deploy.image).1,
    }
}

/// The heading while it goes on.
pub(crate) fn deploying(deploy: &Deploy) -> String {
    format!(
        "Deploying {} {} to {}",
        bold(&deploy.service),
        code(&short(&deploy.version)),
        bold(&deploy.environment)
    )
}

/// A commit to choose.
pub(crate) fn green_commit(sha: &str, subject: &str) -> String {
    format!("{sha} {subject}")
}

/// The heading while the new pods are watched.
pub(crate) fn watching(deploy: &Deploy) -> String {
    format!(
        "Watching {} {} in {}",
        bold(&deploy.service),
        code(&short(&deploy.version)),
        bold(&deploy.environment)
    )
}

/// The heading when it went well.
pub(crate) fn live(deploy: &Deploy) -> String {
    format!(
        "{} {} is live in {}",
        bold(&deploy.service),
        code(&short(&deploy.version)),
        bold(&deploy.environment)
    )
}

/// The heading when it ran already.
pub(crate) fn already_live(deploy: &Deploy) -> String {
    format!(
        "{} {} is already live in {}",
        bold(&deploy.service),
        code(&short(&deploy.version)),
        bold(&deploy.environment)
    )
}

/// The heading when it went wrong.
pub(crate) fn failed(deploy: &Deploy) -> String {
    format!(
        "{} {} failed in {}",
        bold(&deploy.service),
        code(&short(&deploy.version)),
        bold(&deploy.environment)
    )
}

/// The heading when nothing was changed.
pub(crate) fn not_deployed(deploy: &Deploy) -> String {
    format!(
        "{} {} was not deployed to {}",
        bold(&deploy.service),
        code(&short(&deploy.version)),
        bold(&deploy.environment)
    )
}

/// The heading when another change came in between.
pub(crate) fn overtaken(deploy: &Deploy) -> String {
    format!(
        "{} {} was overtaken in {}",
        bold(&deploy.service),
        code(&short(&deploy.version)),
        bold(&deploy.environment)
    )
}

/// The heading when how it ended is not known.
pub(crate) fn lost(deploy: &Deploy) -> String {
    format!(
        "I lost sight of {} {} in {}",
        bold(&deploy.service),
        code(&short(&deploy.version)),
        bold(&deploy.environment)
    )
}

/// The cluster is being asked.
pub(crate) fn applying() -> String {
    "Asking the cluster for the change…".to_owned()
}

/// The bar of pods.
pub(crate) fn pods(done: i32, total: i32) -> String {
    format!(
        "{} {done} of {} on the new version",
        code(&bar(done, total)),
        count(total, "pod")
    )
}

/// What the rollout waits for, and what is next.
pub(crate) fn waiting(why: Why, stability: Duration) -> String {
    let now = match why {
        Why::NotObserved => "Waiting for Kubernetes to begin.".to_owned(),
        Why::Creating { .. } => "Kubernetes is starting new pods.".to_owned(),
        Why::OldPods { left } => format!("{} to stop.", old_pods(left)),
        Why::Starting { left } => format!("Waiting for {} to become ready.", count(left, "new pod")),
        Why::Steps { at, of } => format!("The rollout is at step {at} of {of}."),
    };
    format!("{now}{}", then_watch(stability))
}

fn old_pods(left: i32) -> String {
    format!("Waiting for {}", count(left, "old pod"))
}

fn then_watch(stability: Duration) -> String {
    match stability.as_secs() {
        0 => String::new(),
        _ => format!(" Then I watch them for {}.", duration(stability)),
    }
}

/// What is not well yet may pass.
pub(crate) fn trouble(why: &str) -> String {
    format!("Not well yet: {why}")
}

/// The cluster does not answer.
pub(crate) fn outage(outage: &Outage, now: Timestamp) -> String {
    format!(
        "I have not seen the cluster for {}: {}. The rollout goes on without me; I keep trying.",
        duration(since(outage.since, now)),
        outage.error
    )
}

/// Somebody paused it, and what to do.
pub(crate) fn paused(deploy: &Deploy, by: Option<&str>, at: Option<Timestamp>, resume: &str) -> String {
    let who = by.map(|by| format!(" by {}", code(by))).unwrap_or_default();
    let when = at.map(|at| format!(" since {}", moment(at))).unwrap_or_default();
    format!(
        "The rollout of {} is paused{who}{when}, so the new version does not start, and no deadline runs in the cluster. \
         To let it go on: {}",
        code(&deploy.service),
        code(resume)
    )
}

/// Paused too long.
pub(crate) fn left_paused(by: Option<&str>, resume: &str) -> String {
    let who = by.map(|by| format!(" by {}", code(by))).unwrap_or_default();
    format!(
        "The rollout is still paused{who}, and I do not wait any longer. The change stays in the cluster and starts when \
         somebody says {}. The old pods keep serving.",
        code(resume)
    )
}

/// All pods are on the new version and are being watched.
pub(crate) fn watched(pods: i32, until: Timestamp, now: Timestamp) -> String {
    let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    match pods {
        1 => format!("The only pod runs it. I watch it for {} more.", duration(left)),
        _ => format!(
            "All {pods} pods run it. I watch them for {} more.",
            duration(left)
        ),
    }
}

/// It went well.
pub(crate) fn stable(pods: i32, stability: Duration) -> String {
    let quiet = match stability.as_secs() {
        0 => String::new(),
        _ => format!(" and stayed well for {}", duration(stability)),
    };
    match pods {
        1 => format!("The only pod runs it{quiet}."),
        _ => format!("All {pods} pods run it{quiet}."),
    }
}

/// Nothing ran this code.
pub(crate) fn nothing_ran() -> String {
    "0 replicas: no pod runs this version, so nobody knows yet whether it works.".to_owned()
}

/// It ran already.
pub(crate) fn since_when(at: Option<Timestamp>, by: Option<&str>, ready: i32, total: i32) -> String {
    let when = at.map(|at| format!(" since {}", moment(at))).unwrap_or_default();
    let who = by
        .map(|by| format!(", brought by {}", code(by)))
        .unwrap_or_default();
    format!(
        "It runs there{when}{who}: {ready} of {} ready. Nothing was changed.",
        count(total, "pod")
    )
}

/// How a failure was found, where that is not plain from the failure.
pub(crate) fn found(found: Found, deadline: Duration) -> Option<String> {
    match found {
        Found::Doomed => None,
        Found::ProgressDeadline => {
            Some("The rollout made no progress for as long as the Deployment allows.".to_owned())
        }
        Found::OwnDeadline => Some(format!(
            "It did not finish within {}, so I stopped waiting.",
            duration(deadline)
        )),
        Found::Watching => Some("It went wrong after the rollout, while I watched.".to_owned()),
    }
}

/// What still serves.
pub(crate) fn still_serving(old: i32) -> String {
    match old {
        0 => "No old pod is left, so this version is all that serves.".to_owned(),
        1 => "1 pod of the old version keeps serving.".to_owned(),
        _ => format!("{old} pods of the old version keep serving."),
    }
}

/// The old pods serve, before anybody counted them.
pub(crate) fn unchanged() -> String {
    "Nothing was changed.".to_owned()
}

/// Another version is wanted by now.
pub(crate) fn superseded(
    image: &str,
    by: Option<&str>,
    manager: Option<&str>,
    at: Option<Timestamp>,
) -> String {
    let version = image
        .parse::<Image>()
        .map_or_else(|_| image.to_owned(), |image| image.short());
    let who = match (by, manager) {
        (Some(by), _) => format!("deployed by {}", code(by)),
        (None, Some(manager)) => format!("set by {}", code(manager)),
        (None, None) => "set by somebody".to_owned(),
    };
    let when = at.map(|at| format!(", {}", moment(at))).unwrap_or_default();
    format!(
        "{} is wanted there by now, {who}{when}. That rollout is not mine to report.",
        code(&version)
    )
}

/// The workload was deleted.
pub(crate) fn gone(service: &str, kind: Kind) -> String {
    format!(
        "The {} of {} was deleted, or another took its name, while I watched.",
        kind.manifest(),
        code(service)
    )
}

/// Somebody else changed the image since.
pub(crate) fn drifted(conflict: &Conflict) -> String {
    let when = conflict
        .since
        .map(|at| format!(" {}", moment(at)))
        .unwrap_or_default();
    match conflict.first {
        true => format!(
            "The image is managed by {}, and I have never deployed here. Nothing was changed. If I take it over, I set it \
             from now on; everything else stays with {0}.",
            code(&conflict.manager)
        ),
        false => format!(
            "{} set {}{when}, after my last deploy. Nothing was changed. Deploying over it undoes that.",
            code(&conflict.manager),
            code(&conflict.image)
        ),
    }
}

/// The button for that, its command's question.
pub(crate) fn deploy_over(conflict: &Conflict) -> (&'static str, String) {
    let question = format!("{} will no longer decide which image runs.", conflict.manager);
    match conflict.first {
        true => ("Take it over", question),
        false => ("Deploy over it", question),
    }
}

/// From whom the image was taken over.
pub(crate) fn adopted(conflict: &Conflict) -> String {
    format!(
        "I took the image over from {}; everything else stays as it was.",
        code(&conflict.manager)
    )
}

/// The heading when it was cancelled half-way.
pub(crate) fn halted(deploy: &Deploy) -> String {
    format!(
        "{} {} was stopped half-way in {}",
        bold(&deploy.service),
        code(&short(&deploy.version)),
        bold(&deploy.environment)
    )
}

/// Held before anything was changed.
pub(crate) fn held_before() -> String {
    "Nothing was changed yet.".to_owned()
}

/// The robot paused the rollout, because somebody wants it.
pub(crate) fn held() -> String {
    "I paused the rollout: no more pods are replaced, and no deadline runs, until somebody resumes it."
        .to_owned()
}

/// It waits at a step of its own.
pub(crate) fn waits_at(step: &Step) -> String {
    let place = match step.of {
        0 => "before the new pods take over".to_owned(),
        of => format!("at step {} of {of}", step.at),
    };
    match step.inconclusive {
        true => format!(
            "The rollout waits {place}, because its analysis could not tell whether the new version is well. Resume lets it go on, Cancel \
             leads back."
        ),
        false => format!(
            "The rollout waits {place}, as it is meant to, until somebody says that it may go on. Resume lets it go on, Cancel leads back."
        ),
    }
}

/// It cannot be paused or let go on right now.
pub(crate) fn obstacle(error: &str) -> String {
    format!(
        "I cannot do that yet, and keep trying: {}.",
        error.trim_end_matches('.')
    )
}

/// This kind of workload cannot be paused.
pub(crate) fn cannot_pause(kind: Kind) -> String {
    format!(
        "I cannot pause the rollout of a {}: Kubernetes has no way to. It goes on; `cancel` makes me stop watching it, and another \
         deploy changes its course.",
        kind.manifest()
    )
}

/// Somebody let the rollout go on in the cluster.
pub(crate) fn overruled() -> String {
    "Somebody let the rollout go on in the cluster, although I had paused it.".to_owned()
}

/// Cancelled in time.
pub(crate) fn untouched() -> String {
    format!("It was cancelled in time. {}", unchanged())
}

/// What became of the rollout of a deploy that was cancelled.
pub(crate) fn halt(halt: &Halt, done: i32, total: i32) -> String {
    let pods = format!("{done} of {}", count(total, "pod"));
    let verb = if done == 1 { "runs" } else { "run" };
    match halt {
        Halt::Paused => format!(
            "I paused the rollout. {pods} {verb} the new version and will stay; the old ones go on serving. The next deploy \
             goes on from here."
        ),
        Halt::Aborted => "The rollout was aborted: the pods that served before take all requests again, and the new ones go. The cluster \
             still wants the new version, and stays as it is until another deploy."
            .to_owned(),
        Halt::Theirs(by) => format!(
            "The rollout stays paused{}. {pods} {verb} the new version; the old ones go on serving.",
            by.as_deref()
                .map(|by| format!(" by {}", code(by)))
                .unwrap_or_default()
        ),
        Halt::Through => format!(
            "The rollout was through already: {pods} {verb} the new version. I only stopped watching."
        ),
        Halt::Overtaken => {
            "Another image is wanted there by now, so that rollout was not mine to pause.".to_owned()
        }
        Halt::Unpaused(error) => format!(
            "I could not pause the rollout, so it goes on in the cluster: {}. {pods} {verb} the new version so far.",
            error.trim_end_matches('.')
        ),
    }
}

/// The button to go on with a deploy that was stopped.
pub(crate) fn go_on(version: &str) -> String {
    format!("Go on with {}", short(version))
}

/// A later operation was quicker.
pub(crate) fn outdated(operation: &str) -> String {
    format!(
        "The operation {} was begun later and has changed the workload already. {}",
        code(operation),
        unchanged()
    )
}

/// How it ended is not known.
pub(crate) fn lost_because(error: &str) -> String {
    format!(
        "The change was made, but I could not watch it to its end: {}. See {}.",
        error.trim_end_matches('.'),
        code("status")
    )
}

/// Whether the change arrived is not known.
pub(crate) fn unsure_because(error: &str) -> String {
    format!(
        "Whether the cluster took the change is not known: {}. See {}.",
        error.trim_end_matches('.'),
        code("status")
    )
}

/// The button to the last good release.
pub(crate) fn roll_forward(version: &str) -> String {
    format!("Roll forward to {}", short(version))
}

/// The button to try the same again.
pub(crate) fn try_again() -> &'static str {
    "Try again"
}

/// The small print: how long so far, and what interrupted it. The rest is the engine's.
pub(crate) fn footer(deploy: &Deploy, ended: bool, resumed: bool, now: Timestamp) -> Option<String> {
    let elapsed = (!ended).then(|| duration(since(deploy.began, now)));
    let resumed = resumed.then(|| "I was restarted meanwhile".to_owned());
    let parts: Vec<_> = elapsed.into_iter().chain(resumed).collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// A version in few characters.
pub(crate) fn short(version: &str) -> String {
    match version.parse::<otus_kubernetes::Version>() {
        Ok(version) => version.short(),
        Err(_) => cut(version, 40),
    }
}
