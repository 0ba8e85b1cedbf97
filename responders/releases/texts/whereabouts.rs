//! What is said about where a change is.

use otus::markup::{bold, code};
use otus::operations::{Operation, State};
use otus::store::{Deploy, DeployState};
use otus::{Card, Tone};
use otus_ci::github::Pull;

use super::{numbered, outcome};
use crate::find::{Latest, Place, Standing};
use crate::words::{inert, list, moment, short};

/// A number that is none.
pub(crate) fn no_number(what: &str) -> String {
    format!("{} is no pull request's number.", code(&inert(what, 40)))
}

/// Nobody knows it.
pub(crate) fn nowhere(what: &str, troubles: &[(String, String)]) -> String {
    let mut text = format!(
        "I know {} neither from a release nor from a repository.",
        code(&inert(what, 60))
    );
    for line in told(troubles) {
        text.push(' ');
        text.push_str(&line);
    }
    text
}

fn told(troubles: &[(String, String)]) -> Vec<String> {
    let mut whys: Vec<(&String, Vec<String>)> = Vec::new();
    for (service, why) in troubles {
        match whys.iter_mut().find(|(known, _)| *known == why) {
            Some((_, services)) => services.push(code(service)),
            None => whys.push((why, vec![code(service)])),
        }
    }
    whys.into_iter()
        .map(|(why, services)| {
            format!(
                "{} was not looked at: {}.",
                list(&services),
                why.trim_end_matches('.')
            )
        })
        .collect()
}

/// Where it is.
pub(crate) fn whereabouts(
    what: &str,
    pulls: &[Pull],
    places: &[Place],
    troubles: &[(String, String)],
) -> Card {
    let everywhere = !places.is_empty()
        && places
            .iter()
            .all(|place| matches!(place.standing, Standing::Runs(_) | Standing::Within(_)));
    let tone = if everywhere { Tone::Good } else { Tone::Neutral };
    let mut card = Card::new(tone, format!("Where {} is", code(&short(&inert(what, 60)))));
    for pull in pulls {
        let state = match (pull.merged_at, pull.open) {
            (Some(at), _) => format!("merged {}", moment(at)),
            (None, true) => "not merged yet, so it is nowhere".to_owned(),
            (None, false) => "closed without being merged, so it is nowhere".to_owned(),
        };
        card = card.text(format!("{} {}: {state}.", numbered(pull), inert(&pull.title, 90)));
    }
    for of_service in places.chunk_by(|one, next| one.service == next.service) {
        let service = of_service
            .first()
            .map(|place| bold(&place.service))
            .unwrap_or_default();
        let lines: Vec<String> = of_service.iter().map(line).collect();
        card = card.text(format!("{service}\n{}", lines.join("\n")));
    }
    told(troubles).into_iter().fold(card, Card::text)
}

fn line(place: &Place) -> String {
    let environment = bold(&place.environment);
    let runs = |now: &Option<String>| match now {
        Some(now) => format!("{} runs there", code(&short(now))),
        None => "what runs there is not known".to_owned(),
    };
    match &place.standing {
        Standing::Runs(since) => {
            let since = since
                .map(|at| format!(" since {}", moment(at)))
                .unwrap_or_default();
            format!("✅ {environment} runs it{since}.")
        }
        Standing::Within(now) => format!("✅ {environment} has it: it is part of {}.", code(&short(now))),
        Standing::Was { at, state, now } => {
            let was = match state {
                DeployState::Succeeded => "had it",
                DeployState::Failed => "tried it, and it failed",
                DeployState::Running => "is getting it",
                DeployState::Superseded => "was getting it, and was overtaken",
                DeployState::Stopped => "was getting it, and was stopped",
            };
            format!(
                "⚪ {environment} {was}, {}. {}.",
                moment(*at),
                capital(&runs(now))
            )
        }
        Standing::NotYet { now, latest } => {
            let why = match latest {
                Latest::Asked(operation) => decision(operation),
                Latest::Deployed(deploy) => last_deploy(deploy),
                Latest::Nothing => "nobody has asked for a deploy there".to_owned(),
            };
            format!("⚪ {environment} has it not yet: {}; {why}.", runs(now))
        }
        Standing::Unknown(why) => format!("❔ {environment} cannot be told: {}.", why.trim_end_matches('.')),
    }
}

/// What was deployed there last.
fn last_deploy(deploy: &Deploy) -> String {
    format!(
        "the last deploy there was {}, {} ({})",
        code(&short(&deploy.version)),
        moment(deploy.began),
        outcome(deploy).1
    )
}

/// What was decided last about a deploy there.
fn decision(operation: &Operation) -> String {
    let what = inert(&operation.plan.title, 90);
    let how = match operation.state {
        State::Approving => "waits for approval".to_owned(),
        State::Confirming => "waits to be confirmed".to_owned(),
        State::Planned => "is only planned".to_owned(),
        State::Queued => "waits in the queue".to_owned(),
        State::Running => "is under way".to_owned(),
        State::Paused => "is paused".to_owned(),
        State::Succeeded => "was the last one, and succeeded".to_owned(),
        State::Refused => format!(
            "was refused, because {}",
            operation.verdict.rule.trim_end_matches('.')
        ),
        other => format!("ended as {}", other.name()),
    };
    format!("“{what}” {how} ({})", code(&format!("why {}", operation.id)))
}

fn capital(text: &str) -> String {
    match text.strip_prefix("what") {
        Some(rest) => format!("What{rest}"),
        None => text.to_owned(),
    }
}
