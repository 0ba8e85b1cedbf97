//! What is said about releases.

use otus::markup::{bold, code, link};
use otus::store::{Deploy, DeployFilter, DeployState};
use otus::{Button, Card, Tone};

use crate::people::Around;
use crate::words::{between, count, duration, inert, moment, short};

/// So many lines stand in one part, so that a chat shows all of it.
const LINES: usize = 10;

/// A moment that cannot be read.
pub(crate) fn no_moment(text: &str) -> String {
    format!(
        "{} is no moment of the past. Say for example {}, {}, {} or {}.",
        code(&inert(text, 40)),
        code("yesterday"),
        code("3d"),
        code("2 weeks"),
        code("2026-11-01")
    )
}

/// How a deploy ended, by a symbol and in words.
pub(super) fn outcome(deploy: &Deploy) -> (&'static str, &'static str) {
    match deploy.state {
        DeployState::Running => ("⏳", "under way"),
        DeployState::Succeeded if deploy.details.get("adopted").is_some() => ("📝", "adopted"),
        DeployState::Succeeded => ("✅", "live"),
        DeployState::Failed => ("❌", "failed"),
        DeployState::Superseded => ("⏭️", "superseded"),
        DeployState::Stopped => ("⏹️", "stopped"),
    }
}

/// Of what, as far as it differs from line to line.
fn what(filter: &DeployFilter, deploy: &Deploy) -> String {
    let service = filter.service.is_none().then(|| bold(&deploy.service));
    let environment = filter.environment.is_none().then(|| deploy.environment.clone());
    match (service, environment) {
        (Some(service), Some(environment)) => format!("{service} in {environment}: "),
        (Some(service), None) => format!("{service} "),
        (None, Some(environment)) => format!("{environment}: "),
        (None, None) => String::new(),
    }
}

/// One release: when, what, who, how long, how it ended, where to look.
fn line(what: &str, deploy: &Deploy, around: &Around) -> String {
    let (symbol, outcome) = outcome(deploy);
    let took = deploy
        .ended
        .map(|ended| between(deploy.began, ended))
        .filter(|took| took.as_secs() > 0)
        .map(|took| format!(" after {}", duration(took)))
        .unwrap_or_default();
    let id = match around.links.get(&deploy.id) {
        Some(url) => link(url, "card"),
        None => code(&deploy.id),
    };
    format!(
        "{symbol} {} · {what}{} · {} · {outcome}{took} · {id}",
        moment(deploy.began),
        code(&short(&deploy.version)),
        around.name(&deploy.by)
    )
}

/// A page of the list.
pub(crate) fn releases(
    filter: &DeployFilter,
    found: &[Deploy],
    around: &Around,
    older: Option<String>,
) -> Card {
    let of = filter
        .service
        .as_deref()
        .map(|service| format!(" of {}", bold(service)));
    let place = filter
        .environment
        .as_deref()
        .map(|environment| format!(" in {}", bold(environment)));
    let before = filter.before.map(|before| format!(" before {}", moment(before)));
    let since = filter.since.map(|since| format!(" since {}", moment(since)));
    let parts: String = [of, place, since, before].into_iter().flatten().collect();
    let card = Card::new(Tone::Neutral, format!("Releases{parts}"));
    if found.is_empty() {
        return card.text("There is none.");
    }
    let lines: Vec<String> = found
        .iter()
        .map(|deploy| line(&what(filter, deploy), deploy, around))
        .collect();
    let card = lines
        .chunks(LINES)
        .fold(card, |card, lines| card.text(lines.join("\n")));
    let card = match found.iter().all(|deploy| around.links.contains_key(&deploy.id)) {
        true => card,
        false => card.footer("`why <id>` tells how it came to one of them."),
    };
    match older {
        Some(command) => card.button(Button::new("Older", command)),
        None => card,
    }
}

/// The last release of everything everywhere, service by service.
pub(crate) fn newest(rows: &[(String, String, Option<Deploy>)], around: &Around) -> Card {
    let mut card = Card::new(Tone::Neutral, "The last release of everything");
    let mut never = 0;
    for of_service in rows.chunk_by(|one, next| one.0 == next.0) {
        let lines: Vec<String> = of_service
            .iter()
            .filter_map(|(_, environment, last)| {
                let deploy = last.as_ref()?;
                Some(line(&format!("{environment}: "), deploy, around))
            })
            .collect();
        never += of_service.len() - lines.len();
        if let (Some((service, ..)), false) = (of_service.first(), lines.is_empty()) {
            card = card.text(format!("{}\n{}", bold(service), lines.join("\n")));
        }
    }
    if never == rows.len() {
        return card.text("Nothing was released yet.");
    }
    match never {
        0 => card,
        _ => card.footer(format!(
            "In {} nothing was released yet.",
            count(never, "other place")
        )),
    }
}
