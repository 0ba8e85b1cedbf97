//! What is said before a deploy: what cannot be one, and what one would change.

use jiff::Timestamp;
use otus::markup::{bold, code};
use otus_kubernetes::{Image, Running};

use super::{short, since_when};
use crate::plan::Planned;
use crate::words::{count, list, moment};

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

/// The service or the environment of an earlier question is not configured any more.
pub(crate) fn not_configured(service: &str, environment: &str) -> String {
    format!(
        "I cannot deploy {} to {}: one of them is not in my configuration any more.",
        code(service),
        bold(environment)
    )
}

/// What a plan is called.
pub(crate) fn deploy(service: &str, version: &str, environment: &str) -> String {
    format!(
        "Deploy {} {} to {}",
        bold(service),
        code(&short(version)),
        bold(environment)
    )
}

/// What somebody should think about before it is deployed. Nothing here may differ from moment to moment: it is part of
/// what gets approved.
pub(crate) fn warnings(running: &Running, planned: &Planned, failed: Option<Timestamp>) -> Vec<String> {
    let mut warnings = Vec::new();
    if running.deploy.is_none() && running.last_deploy.is_some() && running.image != planned.image {
        let who = running.by.as_deref().map_or("Somebody".to_owned(), code);
        let (set, _) = from_to(&running.image, &planned.image);
        warnings.push(format!(
            "{who} set {set} after my last deploy, and this would undo that."
        ));
    }
    if running.paused && !planned.goes_on {
        let who = running.paused_by.as_deref().map(|by| format!(" by {}", code(by)));
        warnings.push(format!(
            "The rollout is paused{}: the new version starts when somebody lets it go on.",
            who.unwrap_or_default()
        ));
    }
    if running.replicas == 0 {
        warnings.push("0 replicas are wanted: no pod would run this version.".to_owned());
    }
    if let Some(at) = failed {
        warnings.push(format!(
            "{} failed here the last time, {}.",
            code(&short(&planned.version)),
            moment(at)
        ));
    }
    warnings
}

/// What is good to know before it is deployed, and may differ from moment to moment.
pub(crate) fn notes(running: &Running, planned: &Planned) -> Vec<String> {
    if running.image == planned.image && running.settled && !running.paused {
        return vec![since_when(
            running.since,
            running.by.as_deref(),
            running.ready,
            running.replicas,
        )];
    }
    let ready = format!("{} of {} ready.", running.ready, count(running.replicas, "pod"));
    let unwell = running.ready < running.replicas;
    let mut notes = vec![if unwell {
        format!("⚠️ Only {ready}")
    } else {
        ready
    }];
    if running.image == planned.image {
        notes.push("This image is wanted already; I would follow its rollout.".to_owned());
    }
    notes
}

/// An image and the one after it: short where they differ in nothing else.
pub(crate) fn from_to(from: &str, to: &str) -> (String, String) {
    let parse = |image: &str| image.parse::<Image>().ok();
    match (parse(from), parse(to)) {
        (Some(from), Some(to)) if from.repository() == to.repository() => {
            (code(&from.short()), code(&to.short()))
        }
        _ => (code(from), code(to)),
    }
}
