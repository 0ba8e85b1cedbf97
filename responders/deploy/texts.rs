//! Everything this responder says, in one place; what is wrong with a pod stands in [`crate::faults`].

use std::time::Duration;

use jiff::Timestamp;
use otus::markup::{bold, code, user};
use otus::store::Deploy;
use otus_kubernetes::{Conflict, Found, Image, Outage, Why};

use crate::words::{bar, count, cut, duration, list, moment, since};

/// A service is not meant to be in an environment.
pub(crate) fn not_there(service: &str, environment: &str, there: &[String]) -> String {
    match there {
        [] => nowhere(service),
        _ => format!(
            "{} does not run in {environment}. It runs in {}.",
            code(service),
            list(there)
        ),
    }
}

/// A service runs in no environment.
pub(crate) fn nowhere(service: &str) -> String {
    format!(
        "{} runs nowhere: there is no environment for it. Add one below `[environments]`.",
        code(service)
    )
}

/// Nobody said which version, and nothing tells.
pub(crate) fn which_version(service: &str, environment: &str) -> String {
    let example = format!("deploy {service}@<version> to {environment}");
    format!(
        "Which version of {} do you mean? Say {}.",
        code(service),
        code(&example)
    )
}

/// The versions that were deployed before, when nobody said which.
pub(crate) fn versions_before(versions: &[String]) -> String {
    let versions: Vec<_> = versions.iter().map(|version| code(version)).collect();
    format!("Deployed before: {}.", list(&versions))
}

/// There is no such version.
pub(crate) fn unknown_version(service: &str, version: &str, near: &[&str], known: &[String]) -> String {
    const SHOWN: usize = 8;
    let mut text = format!("{} has no version {}.", code(service), code(version));
    if near.is_empty() {
        let newest: Vec<_> = known.iter().rev().take(SHOWN).map(|known| code(known)).collect();
        let which = if known.len() > SHOWN {
            "The newest are"
        } else {
            "There are"
        };
        text.push_str(&format!(" {which} {}.", list(&newest)));
    } else {
        let near: Vec<_> = near.iter().map(|near| code(near)).collect();
        text.push_str(&format!(" Did you mean {}?", near.join(" or ")));
    }
    text
}

/// The version cannot be one.
pub(crate) fn bad_version(version: &str, error: &str) -> String {
    format!(
        "{} cannot be a version: {}.",
        code(version),
        error.replace('`', "'")
    )
}

/// The image to deploy cannot be made out.
pub(crate) fn bad_image(service: &str, image: &str, error: &str) -> String {
    format!(
        "I cannot tell the image of {}: {} is none ({}). Set {}.",
        code(service),
        code(image),
        error.replace('`', "'"),
        code(&format!("services.{service}.image"))
    )
}

/// The cluster cannot be asked what runs.
pub(crate) fn cannot_look(service: &str, environment: &str, error: &str) -> String {
    format!(
        "I cannot deploy {} to {}: {}.",
        code(service),
        bold(environment),
        error.trim_end_matches('.')
    )
}

/// Another deploy is under way.
pub(crate) fn busy(other: &Deploy, now: Timestamp) -> String {
    format!(
        "{} is already being deployed to {}: {} asked for {} {} ago. Wait for its end, then ask again.",
        code(&other.service),
        bold(&other.environment),
        user(&other.by),
        code(&other.version),
        duration(since(other.began, now))
    )
}

/// What will change, and for whom.
pub(crate) fn plan(deploy: &Deploy) -> String {
    let parse = |image: &str| image.parse::<Image>().ok();
    let to = parse(&deploy.image);
    let from = deploy.previous.as_deref().filter(|from| *from != deploy.image);
    let change = match (from, from.and_then(parse), to) {
        (Some(_), Some(from), Some(to)) if from.repository() == to.repository() => {
            format!("{} → {}", code(&from.short()), code(&to.short()))
        }
        (Some(from), _, _) => format!("{} → {}", code(from), code(&deploy.image)),
        (None, _, Some(to)) => code(&to.short()),
        (None, _, None) => code(&deploy.image),
    };
    format!("{change} for {}", user(&deploy.by))
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
pub(crate) fn gone(service: &str) -> String {
    format!(
        "The Deployment of {} was deleted, or another took its name, while I watched.",
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

/// The robot stops now and goes on after its restart.
pub(crate) fn restarting() -> String {
    "I am being restarted. The rollout goes on in the cluster; I look at it again when I am back.".to_owned()
}

/// The robot was restarted before it changed anything.
pub(crate) fn not_applied() -> String {
    "I was restarted before I had changed anything. Ask again if it is still wanted.".to_owned()
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

/// The small print: how long, since when, and what interrupted it.
pub(crate) fn footer(deploy: &Deploy, ended: bool, resumed: bool, now: Timestamp) -> String {
    let elapsed = duration(since(deploy.began, deploy.ended.unwrap_or(now)));
    let how_long = if ended { format!("took {elapsed}") } else { elapsed };
    let resumed = if resumed {
        " · I was restarted meanwhile"
    } else {
        ""
    };
    format!("{how_long} · began {}{resumed}", moment(deploy.began))
}

/// A version in few characters.
pub(crate) fn short(version: &str) -> String {
    match version.parse::<otus_kubernetes::Version>() {
        Ok(version) => version.short(),
        Err(_) => cut(version, 40),
    }
}

/// Above the table.
pub(crate) fn status_title(rows: usize) -> String {
    match rows {
        1 => "What runs there".to_owned(),
        _ => "What runs where".to_owned(),
    }
}

/// No service, or none that runs anywhere.
pub(crate) fn nothing_configured() -> String {
    format!(
        "No service runs anywhere yet. Add {} and {} to my configuration.",
        code("[services]"),
        code("[environments]")
    )
}

/// Below the table: a deploy is under way.
pub(crate) fn being_deployed(deploy: &Deploy, now: Timestamp) -> String {
    format!(
        "⏳ {} is being deployed to {}: {} asked for {} {} ago.",
        code(&deploy.service),
        bold(&deploy.environment),
        user(&deploy.by),
        code(&short(&deploy.version)),
        duration(since(deploy.began, now))
    )
}

/// Below the table: it cannot be told what runs.
pub(crate) fn cannot_tell(service: &str, environment: &str, error: &str) -> String {
    format!(
        "⚠️ What {} runs in {} cannot be told: {}.",
        code(service),
        bold(environment),
        error.trim_end_matches('.')
    )
}

/// Below the table: paused.
pub(crate) fn is_paused(service: &str, environment: &str) -> String {
    format!(
        "⏸️ The rollout of {} in {} is paused.",
        code(service),
        bold(environment)
    )
}

/// Below the table: somebody else changed it.
pub(crate) fn is_drifted(last: &Deploy, version: &str, by: Option<&str>) -> String {
    let who = by.map(|by| format!(", set by {}", code(by))).unwrap_or_default();
    format!(
        "⚠️ {} in {} runs {}{who}; I deployed {} last.",
        code(&last.service),
        bold(&last.environment),
        code(version),
        code(&short(&last.version))
    )
}
