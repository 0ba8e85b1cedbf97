//! Everything that is said about what goes out by itself.

use jiff::SignedDuration;
use otus::markup::{bold, clean, code, user};
use otus::operations::State;
use otus::policy::words::length;
use otus::{Auto, Button, Card, Tone, UserError};
use otus_ci::version::{NotReady, Resolved};

use super::decision::Decision;
use super::kept::{Commit, Decided, Notice, Now, Story};
use super::lane::Lane;
use super::pause::Pause;
use crate::texts::not_ready;
use crate::words::{cut, list, moment};

/// The longest first line of a commit's message that is shown.
const SUBJECT: usize = 60;
/// So many decisions of one commit are told.
const TOLD: usize = 6;

/// Why the robot deploys it: the reason on the card and in the record.
pub(crate) fn because_green(version: &Resolved) -> String {
    format!(
        "it is green: auto-deploy of {} by {}",
        version.name(),
        version.author
    )
}

/// The same of what comes from the environment before.
pub(crate) fn because_ripe(version: &Resolved, before: &str, bake: SignedDuration) -> String {
    format!(
        "it ran well in {before} for {}: auto-deploy of {} by {}",
        length(bake),
        version.name(),
        version.author
    )
}

/// Something went wrong that people cannot do anything about.
pub(crate) fn our_side() -> String {
    "Something went wrong on my side; the log has the details.".to_owned()
}

/// They did, but not in time.
pub(crate) fn too_long() -> String {
    "GitHub and the registry take too long to answer.".to_owned()
}

/// GitHub or the registry does not answer.
pub(crate) fn unasked(error: &str) -> String {
    format!("{}.", error.trim_end_matches('.').replace('`', "'"))
}

/// The responder that deploys is not there.
pub(crate) fn no_deploys() -> String {
    "the command `deploy` is not there".to_owned()
}

/// Policy took too long.
pub(crate) fn policy_late() -> String {
    "whether it may could not be found out in time".to_owned()
}

fn end(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.'))
}

/// Why, as a sentence; "there" is the lane's environment.
pub(crate) fn sentence(decision: &Decision) -> String {
    match decision {
        Decision::Here => "It runs there.".to_owned(),
        Decision::Going {
            operation,
            state: State::Approving,
        } => {
            format!("Its deploy {} waits for approval.", code(operation))
        }
        Decision::Going { operation, .. } => format!("Its deploy {} is under way.", code(operation)),
        Decision::Older { runs } => format!("{} runs there, which is it or was built on it.", code(runs)),
        Decision::Aside { runs } => format!(
            "{} runs there, which has commits that it has not: it would go sideways.",
            code(runs)
        ),
        Decision::Unknown { runs } => format!(
            "Which commit {} there was built from is not known, so I cannot tell whether it would go forward.",
            code(runs)
        ),
        Decision::NotReady { why } => format!("It is not ready: {}.", not_ready(why)),
        Decision::ImageLate { tag, since } => format!(
            "It is green since {}, and there is still no image tagged {}.",
            moment(*since),
            code(tag)
        ),
        Decision::Rejected { version, by, at, why } => {
            let why = why
                .as_deref()
                .map(|why| format!(" because {}", clean(why)))
                .unwrap_or_default();
            end(&format!(
                "{} was rejected there by {}, {}{why}; it is that one or came before it",
                code(version),
                user(by),
                moment(*at)
            ))
        }
        Decision::WentBack { from } => {
            format!(
                "Somebody went away from {} there, which is it or was built on it.",
                code(from)
            )
        }
        Decision::Superseded { by } => format!("The newer {} goes instead.", code(by)),
        Decision::Failed {
            operation: Some(operation),
            at,
        } => {
            format!(
                "It was deployed there and failed, {} ({}).",
                moment(*at),
                code(operation)
            )
        }
        Decision::Failed { operation: None, at } => {
            format!("It was deployed there and failed, {}.", moment(*at))
        }
        Decision::Ended {
            operation,
            state,
            note,
        } => end(&format!(
            "Its deploy {} was {}: {}",
            code(operation),
            ended(*state),
            clean(note)
        )),
        Decision::Troubled { operation, note, .. } => end(&format!(
            "Its deploy {} changed nothing: {}",
            code(operation),
            clean(note)
        )),
        Decision::Paused {
            by,
            reason,
            since,
            until,
        } => {
            let until = until
                .map(|until| format!(" until {}", moment(until)))
                .unwrap_or_default();
            end(&format!(
                "{} has paused what goes there by itself, {}{until}: {}",
                clean(by),
                moment(*since),
                clean(reason)
            ))
        }
        Decision::Held { why, .. } => end(why),
        Decision::Refused { why } => end(&format!("auto-deploy may not: {why}")),
        Decision::Personal { why } => end(&format!(
            "It takes a confirmation by who asks, and nobody asked: {why}"
        )),
        Decision::Busy { operation, line } => {
            format!("{} ({}) is under way there.", code(line), code(operation))
        }
        Decision::Queued {
            operation,
            line,
            name,
        } => format!(
            "{} by {} ({}) waits there, and goes first.",
            code(line),
            clean(name),
            code(operation)
        ),
        Decision::Unplanned { why } | Decision::Unasked { why } => end(why),
        Decision::Baking { before, until } => {
            format!(
                "It runs well in {}, and goes on from there {}.",
                bold(before),
                moment(*until)
            )
        }
        Decision::Broken { before, version, at } => format!(
            "It ran well in {}, but {} failed there meanwhile, {}.",
            bold(before),
            code(version),
            moment(*at)
        ),
        Decision::Gone { before, runs } => {
            format!(
                "It ran well in {}, where {} runs by now, without it.",
                bold(before),
                code(runs)
            )
        }
    }
}

fn ended(state: State) -> &'static str {
    match state {
        State::Expired => "not approved in time",
        other => other.name(),
    }
}

/// What would change it, as a sentence.
pub(crate) fn change(decision: &Decision) -> String {
    match decision {
        Decision::Here | Decision::Older { .. } => "There is nothing to wait for.",
        Decision::Going {
            state: State::Approving,
            ..
        } => "An approval, on its card.",
        Decision::Going { .. } => "Its end, on its card.",
        Decision::Aside { .. } => "A green commit that has both; or deploy it by hand.",
        Decision::Unknown { .. } => "Deploy it by hand, once.",
        Decision::NotReady { why } => match why {
            NotReady::Red(_) => "The check run again and good, or a newer green commit.",
            NotReady::Pending(_) | NotReady::Missing(_) | NotReady::NoChecks => "The checks' end.",
            NotReady::NoImage { .. } => "Its image.",
            NotReady::WrongRevision { .. } => "An image that says it was built from this commit.",
        },
        Decision::ImageLate { .. } => "Its image: has the build finished, and does it push under this tag?",
        Decision::Rejected { .. } | Decision::WentBack { .. } => {
            "A newer green commit; or deploy it by hand."
        }
        Decision::Superseded { .. } => "Nothing: it comes with the newer one.",
        Decision::Failed { .. } => "A newer green commit; or deploy it by hand.",
        Decision::Ended { .. } => "A newer one; or deploy it by hand.",
        Decision::Troubled { again: Some(at), .. } => {
            return format!("It is tried once more {}.", moment(*at));
        }
        Decision::Troubled { again: None, .. } => "A newer one; or deploy it by hand.",
        Decision::Paused { .. } => "Somebody who says `autodeploy resume`.",
        Decision::Held {
            until: Some(until), ..
        } => {
            return format!("That it ends, {}; then the newest goes.", moment(*until));
        }
        Decision::Held { until: None, .. } => "That it ends; then the newest goes.",
        Decision::Refused { .. } => {
            "The configuration: `robot:auto-deploy` in the role, and what the rules say."
        }
        Decision::Personal { .. } => {
            "Somebody who deploys it by hand; or a rule that asks for approvals instead."
        }
        Decision::Busy { .. } | Decision::Queued { .. } => "Its end; then the newest goes.",
        Decision::Unplanned { .. } | Decision::Unasked { .. } => "It is tried again by itself.",
        Decision::Baking { .. } => "Time, if nothing fails there.",
        Decision::Broken { .. } => "A newer one that runs well there; or promote it by hand.",
        Decision::Gone { .. } => "A newer one that runs well there; or deploy it by hand.",
    }
    .to_owned()
}

fn called(commit: &Commit) -> String {
    match commit.message.is_empty() {
        true => code(&commit.name),
        false => format!("{} “{}”", code(&commit.name), cut(&commit.message, SUBJECT)),
    }
}

fn pause_line(lane: &Lane, verb: &str) -> String {
    format!(
        "autodeploy {verb} {} in {}",
        lane.service.name, lane.environment.name
    )
}

/// Tells in the channel that something does not go out.
pub(crate) fn notice(lane: &Lane, commit: &Commit, decision: &Decision) -> Card {
    let (service, environment) = (bold(&lane.service.name), bold(&lane.environment.name));
    let title = match commit.name.is_empty() {
        true => format!("{service} does not go out to {environment} by itself"),
        false => format!(
            "{service} {} does not go out to {environment} by itself",
            code(&commit.name)
        ),
    };
    let card = Card::new(Tone::Warning, title)
        .text(sentence(decision))
        .text(format!("What would change it: {}", change(decision)));
    match decision {
        Decision::Paused { .. } => card.button(Button::new("Resume", pause_line(lane, "resume"))),
        _ => card,
    }
}

/// The same, when it is over.
pub(crate) fn over(lane: &Lane, notice: &Notice, now: Option<&Now>) -> Card {
    let (service, environment) = (bold(&lane.service.name), bold(&lane.environment.name));
    let title = format!("{service} goes out to {environment} by itself again");
    let card = Card::new(Tone::Neutral, title).text(format!(
        "{} had not: {}",
        code(&notice.commit.name),
        sentence(&notice.decision)
    ));
    match now {
        Some(now) if !now.commit.name.is_empty() => {
            card.text(format!("{}: {}", code(&now.commit.name), sentence(&now.decision)))
        }
        _ => card,
    }
}

/// Pausing wants a reason.
pub(crate) fn why_pause(line: &str) -> String {
    format!(
        "Why? Whoever finds it paused should know. Say {}.",
        code(&format!("{} because <reason>", line.trim()))
    )
}

fn place(service: &str, environment: Option<&str>) -> String {
    match environment {
        Some(environment) => format!("{} in {}", bold(service), bold(environment)),
        None => bold(service),
    }
}

fn of(pause: &Pause) -> String {
    place(&pause.service, pause.environment.as_deref())
}

/// It is paused now.
pub(crate) fn paused(pause: &Pause) -> String {
    let until = match pause.until {
        Some(until) => format!("until {}", moment(until)),
        None => format!("until somebody says {}", code(&resume_line(pause))),
    };
    format!(
        "Nothing of {} goes out by itself {until}. Whoever wants to deploy still can. What is under way goes on.",
        of(pause)
    )
}

fn resume_line(pause: &Pause) -> String {
    match &pause.environment {
        Some(environment) => format!("autodeploy resume {} in {environment}", pause.service),
        None => format!("autodeploy resume {}", pause.service),
    }
}

/// For the record.
pub(crate) fn pause_record(pause: &Pause) -> String {
    format!(
        "Paused what goes out by itself of {}: {}",
        of(pause),
        clean(&pause.reason)
    )
}

/// For the record.
pub(crate) fn resume_record(pause: &Pause) -> String {
    format!("Let {} go out by itself again.", of(pause))
}

/// There is nothing to resume.
pub(crate) fn not_paused(service: &str, environment: Option<&str>, held: &[Pause]) -> UserError {
    let text = format!(
        "What goes out by itself of {} is not paused.",
        place(service, environment)
    );
    held.iter().fold(UserError::new(text), |error, pause| {
        error.instead(resume_line(pause))
    })
}

/// It goes on.
pub(crate) fn resumed(ended: &[&Pause], left: &[&Pause]) -> String {
    let places: Vec<String> = ended.iter().map(|pause| of(pause)).collect();
    let mut text = format!(
        "{} goes out by itself again; the newest that may go is next.",
        list(&places)
    );
    for pause in left {
        text.push_str(&format!(
            "\n{} is still paused by {}: {}",
            of(pause),
            clean(&pause.by),
            clean(&pause.reason)
        ));
    }
    text
}

/// Only people deploy it there.
pub(crate) fn by_hand(service: &str, environment: Option<&str>) -> String {
    format!(
        "Nothing of {} goes out by itself: it is deployed by hand. {} lists what does.",
        place(service, environment),
        code("autodeploys")
    )
}

/// A lane in the list. `pause` is one that has held nothing back yet.
pub(crate) fn lane(
    lane: &Lane,
    now: Option<&Now>,
    decision: Option<&Decision>,
    pause: Option<&Pause>,
) -> String {
    let mut text = in_list(lane, now, decision);
    if let Some(pause) = pause {
        text.push('\n');
        text.push_str(&sentence(&pause.into()));
    }
    text
}

fn in_list(lane: &Lane, now: Option<&Now>, decision: Option<&Decision>) -> String {
    let from = match &lane.auto {
        Auto::Green => format!("what is green on {}", code(lane.service.branch())),
        Auto::After { environment, bake } => format!(
            "what ran well in {} for {}",
            bold(&environment.name),
            length(*bake)
        ),
    };
    let head = format!(
        "{} in {}: {from}.",
        bold(&lane.service.name),
        bold(&lane.environment.name)
    );
    match (now, decision) {
        (Some(now), Some(decision)) if !now.commit.name.is_empty() => {
            format!("{head}\n{}: {}", called(&now.commit), sentence(decision))
        }
        (_, Some(decision)) => format!("{head}\n{}", sentence(decision)),
        _ => format!("{head}\nI have not looked yet."),
    }
}

/// All lanes.
pub(crate) fn lanes(lanes: &[String], shown: usize) -> Card {
    let mut card = Card::new(Tone::Neutral, "What goes out by itself");
    for lane in lanes.iter().take(shown) {
        card = card.text(lane.clone());
    }
    if lanes.len() > shown {
        card = card.text(format!(
            "… and {} more; name a service: {}.",
            lanes.len() - shown,
            code("autodeploys <service>")
        ));
    }
    card
}

/// Nothing does.
pub(crate) fn no_lanes() -> String {
    format!(
        "Nothing goes out by itself. {} below an environment in the configuration changes that.",
        code("auto = true")
    )
}

/// Why a lane stands where it stands.
pub(crate) fn why_lane(
    lane: &Lane,
    now: Option<&Now>,
    decision: Option<&Decision>,
    pause: Option<&Pause>,
    others: &[Story],
) -> Card {
    let title = format!(
        "Why {} in {}",
        bold(&lane.service.name),
        bold(&lane.environment.name)
    );
    let mut card = Card::new(Tone::Neutral, title);
    if let Some(pause) = pause {
        card = card
            .text(sentence(&pause.into()))
            .button(Button::new("Resume", pause_line(lane, "resume")));
    }
    let Some((now, decision)) = now.zip(decision) else {
        return card.text("I have not looked yet.");
    };
    if now.commit.name.is_empty() {
        card = card.text(sentence(decision));
    } else {
        card = card.text(format!("{}: {}", called(&now.commit), sentence(decision)));
    }
    card = card.text(format!("What would change it: {}", change(decision)));
    for story in others {
        if let Some(last) = story.decisions.last() {
            card = card.text(format!("{}: {}", called(&story.commit), sentence(&last.decision)));
        }
    }
    match decision {
        Decision::Paused { .. } => card.button(Button::new("Resume", pause_line(lane, "resume"))),
        _ => card,
    }
}

/// Why a commit is, or is not, where it should be.
pub(crate) fn why_commit(lane: &Lane, story: &Story, current: Option<&Decision>) -> Card {
    let title = format!(
        "Why {} {} in {}",
        bold(&lane.service.name),
        code(&story.commit.name),
        bold(&lane.environment.name)
    );
    let mut card = Card::new(Tone::Neutral, title);
    if !story.commit.message.is_empty() {
        card = card.text(format!("“{}”", cut(&story.commit.message, SUBJECT)));
    }
    let first = story.decisions.len().saturating_sub(TOLD);
    for decided in &story.decisions[first..] {
        card = card.text(step(decided));
    }
    match (current, story.decisions.last()) {
        (Some(current), _) => card.text(format!("What would change it: {}", change(current))),
        (None, Some(last)) => card.text(format!("What would change it: {}", last.change)),
        (None, None) => card,
    }
}

fn step(decided: &Decided) -> String {
    format!("{}: {}", moment(decided.since), sentence(&decided.decision))
}

/// Nothing is remembered of it.
pub(crate) fn unheard(what: &str, environment: &str, services: &[String]) -> String {
    let which = match services {
        [] => String::new(),
        services => {
            let names: Vec<String> = services.iter().map(|service| code(service)).collect();
            format!(
                " Of {}, I look at the commits of the branch that are newer than what runs.",
                list(&names)
            )
        }
    };
    format!(
        "I remember nothing about {} in {}.{which}",
        code(what),
        bold(environment)
    )
}

/// It is there, as part of what runs.
pub(crate) fn contained(service: &str, what: &str, runs: &str, environment: &str) -> String {
    format!(
        "{} {} is in {}: {} runs there, which is it or was built on it.",
        bold(service),
        code(what),
        bold(environment),
        code(runs)
    )
}

/// Nothing comes before it.
pub(crate) fn nothing_before(service: &str, environment: &str) -> String {
    format!(
        "{} is not promoted to {}: no environment of it comes before. Say {}.",
        code(service),
        bold(environment),
        code(&format!("deploy {service} to {environment}"))
    )
}

/// More than one environment comes after another.
pub(crate) fn promote_where(service: &str) -> String {
    format!(
        "Where to? Say {}.",
        code(&format!("promote {service} to <environment>"))
    )
}

/// What runs before is not known to run well.
pub(crate) fn not_stable(service: &str, version: &str, before: &str, environment: &str) -> String {
    format!(
        "{} {} is not promoted: I do not know it to have run well in {}. If it has to go all the same, say {}.",
        bold(service),
        code(version),
        bold(before),
        code(&format!("deploy {service}@{version} to {environment}"))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use otus::UserId;
    use otus::markup::plain;

    fn at() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn every() -> Vec<Decision> {
        let (operation, runs) = ("3f9c2ab01d".to_owned(), "c992a90".to_owned());
        vec![
            Decision::Here,
            Decision::Going {
                operation: operation.clone(),
                state: State::Running,
            },
            Decision::Going {
                operation: operation.clone(),
                state: State::Approving,
            },
            Decision::Older { runs: runs.clone() },
            Decision::Aside { runs: runs.clone() },
            Decision::Unknown { runs: "old".into() },
            Decision::NotReady {
                why: NotReady::Red(vec!["test".into()]),
            },
            Decision::NotReady {
                why: NotReady::Pending(vec!["build".into(), "test".into()]),
            },
            Decision::NotReady {
                why: NotReady::NoImage {
                    tag: "06f01a3".into(),
                },
            },
            Decision::NotReady {
                why: NotReady::WrongRevision {
                    tag: "06f01a3".into(),
                    revision: "c992a90".into(),
                },
            },
            Decision::ImageLate {
                tag: "06f01a3".into(),
                since: at(),
            },
            Decision::Rejected {
                version: runs.clone(),
                by: UserId::new("U1"),
                at: at(),
                why: Some("it failed there".into()),
            },
            Decision::WentBack { from: runs.clone() },
            Decision::Superseded { by: runs.clone() },
            Decision::Failed {
                operation: Some(operation.clone()),
                at: at(),
            },
            Decision::Ended {
                operation: operation.clone(),
                state: State::Denied,
                note: "U2 denied it".into(),
            },
            Decision::Ended {
                operation: operation.clone(),
                state: State::Expired,
                note: "Nobody agreed in time.".into(),
            },
            Decision::Troubled {
                operation: operation.clone(),
                note: "unreachable".into(),
                again: Some(at()),
            },
            Decision::Paused {
                by: "Ann".into(),
                reason: "the fair".into(),
                since: at(),
                until: None,
            },
            Decision::Held {
                why: "api is locked by Ann: a migration".into(),
                until: Some(at()),
            },
            Decision::Refused {
                why: "it asks for the role `deployer`, which who asked does not have".into(),
            },
            Decision::Personal {
                why: "careful: who asked has to confirm it".into(),
            },
            Decision::Busy {
                operation: operation.clone(),
                line: "deploy api".into(),
            },
            Decision::Queued {
                operation,
                line: "deploy api".into(),
                name: "Ann".into(),
            },
            Decision::Unplanned {
                why: "I cannot look at api".into(),
            },
            Decision::Unasked {
                why: "GitHub cannot be reached.".into(),
            },
            Decision::Baking {
                before: "staging".into(),
                until: at(),
            },
            Decision::Broken {
                before: "staging".into(),
                version: runs.clone(),
                at: at(),
            },
            Decision::Gone {
                before: "staging".into(),
                runs,
            },
        ]
    }

    #[test]
    fn every_rule_says_why_and_what_would_change_it() {
        let told: Vec<String> = every()
            .iter()
            .map(|decision| {
                let calls = match decision.calls() {
                    Some(after) if after.is_zero() => "told: ".to_owned(),
                    Some(after) => format!("told after {}: ", length(after)),
                    None => String::new(),
                };
                plain(&format!("{calls}{} → {}", sentence(decision), change(decision)))
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @"
        It runs there. → There is nothing to wait for.
        Its deploy `3f9c2ab01d` is under way. → Its end, on its card.
        Its deploy `3f9c2ab01d` waits for approval. → An approval, on its card.
        `c992a90` runs there, which is it or was built on it. → There is nothing to wait for.
        told: `c992a90` runs there, which has commits that it has not: it would go sideways. → A green commit that has both; or deploy it by hand.
        told: Which commit `old` there was built from is not known, so I cannot tell whether it would go forward. → Deploy it by hand, once.
        It is not ready: `test` failed. → The check run again and good, or a newer green commit.
        It is not ready: `build` and `test` still run. → The checks' end.
        It is not ready: it is green, but there is no image tagged `06f01a3` yet. → Its image.
        told: It is not ready: the image tagged `06f01a3` says that it was built from `c992a90`. → An image that says it was built from this commit.
        told: It is green since 2027-01-15 08:00 UTC, and there is still no image tagged `06f01a3`. → Its image: has the build finished, and does it push under this tag?
        told: `c992a90` was rejected there by @U1, 2027-01-15 08:00 UTC because it failed there; it is that one or came before it. → A newer green commit; or deploy it by hand.
        told: Somebody went away from `c992a90` there, which is it or was built on it. → A newer green commit; or deploy it by hand.
        The newer `c992a90` goes instead. → Nothing: it comes with the newer one.
        It was deployed there and failed, 2027-01-15 08:00 UTC (`3f9c2ab01d`). → A newer green commit; or deploy it by hand.
        Its deploy `3f9c2ab01d` was denied: U2 denied it. → A newer one; or deploy it by hand.
        Its deploy `3f9c2ab01d` was not approved in time: Nobody agreed in time. → A newer one; or deploy it by hand.
        Its deploy `3f9c2ab01d` changed nothing: unreachable. → It is tried once more 2027-01-15 08:00 UTC.
        told: Ann has paused what goes there by itself, 2027-01-15 08:00 UTC: the fair. → Somebody who says `autodeploy resume`.
        told: api is locked by Ann: a migration. → That it ends, 2027-01-15 08:00 UTC; then the newest goes.
        told: auto-deploy may not: it asks for the role `deployer`, which who asked does not have. → The configuration: `robot:auto-deploy` in the role, and what the rules say.
        told: It takes a confirmation by who asks, and nobody asked: careful: who asked has to confirm it. → Somebody who deploys it by hand; or a rule that asks for approvals instead.
        `deploy api` (`3f9c2ab01d`) is under way there. → Its end; then the newest goes.
        `deploy api` by Ann (`3f9c2ab01d`) waits there, and goes first. → Its end; then the newest goes.
        told after 10 min: I cannot look at api. → It is tried again by itself.
        told after 10 min: GitHub cannot be reached. → It is tried again by itself.
        It runs well in *staging*, and goes on from there 2027-01-15 08:00 UTC. → Time, if nothing fails there.
        told: It ran well in *staging*, but `c992a90` failed there meanwhile, 2027-01-15 08:00 UTC. → A newer one that runs well there; or promote it by hand.
        It ran well in *staging*, where `c992a90` runs by now, without it. → A newer one that runs well there; or deploy it by hand.
        ");
    }
}
