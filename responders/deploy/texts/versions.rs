//! What is said about commits: why one is not deployed, what comes with one, and what going back would lose.

use otus::markup::{bold, code, link, user};
use otus_ci::version::{Direction, Found, NotReady, Refusal, Resolved, Skipped, State, Way};

use super::short;
use crate::good::Rejected;
use crate::words::{cut, list, moment};

/// The longest first line of a commit's message that is shown.
const SUBJECT: usize = 72;
/// So many of a list are shown.
const SHOWN: usize = 4;

/// From one version to another, as people say them.
pub(crate) fn versions(from: &str, to: &str) -> (String, String) {
    (code(&short(from)), code(&short(to)))
}

fn commits(number: usize) -> String {
    match number {
        1 => "1 commit".to_owned(),
        _ => format!("{number} commits"),
    }
}

/// What was written about a service cannot be used.
pub(crate) fn bad_source(service: &str, faults: &[String]) -> String {
    let faults: Vec<String> = faults.iter().map(|fault| fault.replace('`', "'")).collect();
    format!(
        "I cannot tell where the versions of {} come from: {}.",
        code(service),
        faults.join("; ")
    )
}

/// GitHub or the registry does not answer.
pub(crate) fn cannot_ask(service: &str, environment: &str, error: &str) -> String {
    format!(
        "I cannot tell which version of {} to deploy to {}: {}. Nothing was changed.",
        code(service),
        bold(environment),
        error.trim_end_matches('.').replace('`', "'")
    )
}

/// There is no version to deploy.
pub(crate) fn refusal(service: &str, refusal: &Refusal) -> String {
    match refusal {
        Refusal::Unknown { said, repository } => format!(
            "{} has no version {}: {repository} has no branch, tag or commit of that name.",
            code(service),
            code(said)
        ),
        Refusal::NotReady {
            sha,
            message,
            why,
            states,
        } => {
            let commit = format!("{} “{}”", code(&first(sha)), cut(message, SUBJECT));
            let mut lines = vec![format!(
                "{} {commit} is not deployed: {}.",
                bold(service),
                not_ready(why)
            )];
            if !matches!(why, NotReady::NoImage { .. } | NotReady::WrongRevision { .. }) {
                lines.extend(states.iter().map(state));
            }
            lines.extend(advice(why));
            lines.join("\n")
        }
        Refusal::NothingGreen { branch, skipped } => {
            let mut text = format!(
                "None of the newest {} of {} can be deployed.",
                commits(skipped.len()),
                code(branch)
            );
            for skipped in skipped.iter().take(SHOWN) {
                text.push_str(&format!("\n{}", passed(skipped)));
            }
            text
        }
        Refusal::NoCommit { image } => format!(
            "Nothing tells which commit {} was built from, so I cannot tell whether it may go on. Name a version, or let the \
             build set the label {}.",
            code(image),
            code("org.opencontainers.image.revision")
        ),
        // A refusal this text does not know yet.
        other => format!(
            "{} is not deployed: {}.",
            bold(service),
            other.to_string().replace('`', "'")
        ),
    }
}

fn first(sha: &str) -> String {
    sha.chars().take(7).collect()
}

fn names(names: &[String]) -> String {
    list(&names.iter().map(|name| code(name)).collect::<Vec<_>>())
}

/// Why a commit is not ready, as the rest of a sentence.
pub(crate) fn not_ready(why: &NotReady) -> String {
    match why {
        NotReady::Red(red) => format!("{} failed", names(red)),
        NotReady::Pending(pending) => format!("{} still run", names(pending)),
        NotReady::Missing(missing) => format!("nothing was heard of {} yet", names(missing)),
        NotReady::NoChecks => "it has no checks yet".to_owned(),
        NotReady::NoImage { tag } => format!("it is green, but there is no image tagged {} yet", code(tag)),
        NotReady::WrongRevision { tag, revision } => format!(
            "the image tagged {} says that it was built from {}",
            code(tag),
            code(&cut(revision, 40))
        ),
    }
}

fn advice(why: &NotReady) -> Option<String> {
    match why {
        NotReady::NoImage { .. } => {
            Some("Has its build finished, and does it push under this tag?".to_owned())
        }
        NotReady::WrongRevision { .. } => Some(format!(
            "Build it anew, and let the build set {}, which is otherwise inherited from the base image.",
            code("org.opencontainers.image.revision")
        )),
        _ => None,
    }
}

/// How one check stands.
fn state(state: &State) -> String {
    let mark = match state.state.as_str() {
        "good" => "✅",
        "pending" => "⏳",
        "bad" => "❌",
        _ => "❔",
    };
    let name = match &state.url {
        Some(url) => link(url, &state.name),
        None => code(&state.name),
    };
    match state.said.as_str() {
        "" => format!("{mark} {name}: not there"),
        said => format!("{mark} {name}: {}", said.replace('_', " ")),
    }
}

fn passed(skipped: &Skipped) -> String {
    format!(
        "{} “{}”: {}",
        code(&skipped.short()),
        cut(&skipped.message, SUBJECT),
        not_ready(&skipped.why)
    )
}

/// Newer commits that are not taken.
pub(crate) fn skipped(skipped: &[Skipped]) -> Option<String> {
    let lines: Vec<String> = skipped.iter().take(SHOWN).map(passed).collect();
    let more = match skipped.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("\n… and {more} more"),
    };
    (!lines.is_empty()).then(|| format!("Newer, but not ready:\n{}{more}", lines.join("\n")))
}

/// What a version is, and what comes with it.
pub(crate) fn about(version: &Resolved, way: Option<&Way>) -> String {
    let mut text = format!("“{}” by {}", cut(&version.message, SUBJECT), version.author);
    if version.tag.is_some() {
        text.push_str(&format!(", {}", code(&version.short)));
    }
    let Some(way) = way.filter(|way| way.brings > 0) else {
        return format!("{text}.");
    };
    let number = match &way.url {
        Some(url) => link(url, &commits(way.brings)),
        None => commits(way.brings),
    };
    let authors = match way.authors.len() {
        0 => String::new(),
        all if all > SHOWN => {
            let some: Vec<String> = way.authors.iter().take(SHOWN - 1).cloned().collect();
            format!(" by {} and {} others", some.join(", "), all + 1 - SHOWN)
        }
        _ => format!(" by {}", list(&way.authors)),
    };
    format!("{text}: {number}{authors}.")
}

/// Nobody knows whether it goes forward.
pub(crate) fn unknown_way(from: &str) -> String {
    format!(
        "Which commit {} was built from is not known, so I cannot tell whether this goes forward.",
        code(&short(from))
    )
}

/// What is not as it should be about a version that may go out.
pub(crate) fn doubts(found: &Found) -> Vec<String> {
    let mut doubts = Vec::new();
    if let Some(branch) = &found.off_branch {
        doubts.push(format!("This commit is not on {}.", code(branch)));
    }
    if found.unlabelled {
        doubts.push(format!(
            "The image does not say which commit it was built from; let its build set the label {}.",
            code("org.opencontainers.image.revision")
        ));
    }
    doubts
}

/// What going there would lose.
fn loss(from: &str, way: &Way) -> String {
    let from = code(&short(from));
    match (way.direction, way.loses) {
        (Direction::Back, lost) => format!("back in time: {} of {from} would be gone", commits(lost)),
        (_, 0) => format!("sideways: it has nothing in common with {from}"),
        (_, lost) => format!(
            "sideways: it was not built on {from}, of which {} would be gone",
            commits(lost)
        ),
    }
}

/// A warning that something is lost.
pub(crate) fn loses(from: &str, way: &Way) -> String {
    format!("This goes {}.", loss(from, way))
}

/// It would lose something, and nobody has said that it may.
pub(crate) fn would_lose(from: &str, to: &str, environment: &str, way: &Way) -> String {
    format!(
        "{} would take {} {}. If that is meant, say it with {}.",
        code(&short(to)),
        bold(environment),
        loss(from, way),
        code("--back")
    )
}

/// It would lose something, and that is not done there.
pub(crate) fn must_not_lose(service: &str, from: &str, to: &str, environment: &str, way: &Way) -> String {
    format!(
        "{} would take {} {}, which is not done there. Deploy a commit that has all of it, or go to the last version that ran \
         well: {}.",
        code(&short(to)),
        bold(environment),
        loss(from, way),
        code(&format!("deploy {service}@last-good to {environment}"))
    )
}

/// Nobody asked for it, and whether it goes forward cannot be told.
pub(crate) fn auto_unknown(from: &str, environment: &str) -> String {
    format!(
        "Which commit {} in {} was built from is not known, so I cannot tell whether this goes forward, and nobody asked for it.",
        code(&short(from)),
        bold(environment)
    )
}

/// Something else went out meanwhile.
pub(crate) fn older(runs: &str) -> String {
    format!(
        "Meanwhile {} went out, which has commits that this has not. {}",
        code(&short(runs)),
        super::unchanged()
    )
}

/// The button to deploy it all the same.
pub(crate) fn go_back() -> &'static str {
    "Go back to it"
}

/// What that button asks.
pub(crate) fn go_back_question(runs: &str) -> String {
    format!("Commits of {} will be gone.", short(runs))
}

/// It failed where it would come from.
pub(crate) fn failed_there(service: &str, version: &str, environment: &str) -> String {
    format!(
        "{} {} failed in {}, so it does not go on from there. Name a version to deploy it all the same.",
        bold(service),
        code(&short(version)),
        bold(environment)
    )
}

/// Nothing ran well there before.
pub(crate) fn no_last_good(service: &str, environment: &str) -> String {
    format!(
        "I remember no other version of {} that ran well in {} and was not rejected since. Name one: {}.",
        code(service),
        bold(environment),
        code(&format!("deploy {service}@<version> to {environment} --back"))
    )
}

/// What runs will be rejected.
pub(crate) fn will_reject(from: &str, environment: &str) -> String {
    format!(
        "{} is then rejected in {}: it is deployed there again only by {}.",
        code(&short(from)),
        bold(environment),
        code("--force because <reason>")
    )
}

/// Why it was rejected, when nobody said it and it failed.
pub(crate) fn why_rejected() -> String {
    "it failed there".to_owned()
}

/// It was rejected here.
pub(crate) fn is_rejected(version: &str, rejected: &Rejected) -> String {
    let why = match &rejected.why {
        Some(why) => format!(" because {}", otus::markup::clean(why)),
        None => String::new(),
    };
    format!(
        "{} was rejected in {} by {}, {}{why}. Deploy a newer one; if it has to be this one, say {}.",
        code(&short(version)),
        bold(&rejected.environment),
        user(&rejected.by),
        moment(rejected.at),
        code("--force because <reason>")
    )
}
