//! What people read: on GitHub, in Grafana, and in the chat.

use jiff::{SignedDuration, Timestamp};
use otus::operations::{Operation, State};
use otus::outbox::Standing;
use otus::phrase::count;
use otus::store::Deploy;
use otus::{Button, Card, Tone, markup};

use crate::{annotations, deployments, facts};

/// So many of those that were given up are listed.
const LISTED: usize = 5;

fn version(row: &Deploy) -> String {
    let sha = row.version.len() == 40 && row.version.bytes().all(|byte| byte.is_ascii_hexdigit());
    if sha {
        row.version.chars().take(7).collect()
    } else {
        row.version.clone()
    }
}

/// What GitHub shows of a deployment.
pub(crate) fn deployment(row: &Deploy, pull: Option<u64>) -> String {
    let (service, environment) = (&row.service, &row.environment);
    match pull {
        None => format!("{service} {} to {environment}", version(row)),
        Some(_) => format!("Went to {environment} with {service} {}", version(row)),
    }
}

/// How a deploy stands, as GitHub shows it.
pub(crate) fn standing(operation: &Operation) -> String {
    match operation.state {
        state if state.is_active() => format!("{} is deploying it", operation.name),
        State::Succeeded => "It is live".to_owned(),
        State::Superseded => "Another deploy took its place".to_owned(),
        state if !state.is_over() => "It waits".to_owned(),
        _ => operation.ending.as_ref().map_or_else(
            || "It did not go well".to_owned(),
            |ending| markup::plain(&ending.note),
        ),
    }
}

/// Why an earlier deployment is live no more.
pub(crate) fn replaced(row: &Deploy) -> String {
    format!("{} {} runs there now", row.service, version(row))
}

/// What Grafana shows of a deploy.
pub(crate) fn annotation(operation: &Operation, row: Option<&Deploy>, link: Option<&str>) -> String {
    let target = &operation.plan.target;
    let what = match row {
        Some(row) => format!("{} {} to {}", row.service, version(row), row.environment),
        None => target.to_string(),
    };
    let text = match &operation.ending {
        Some(ending) if facts::is_flag(operation) => format!("{}, by {}", ending.note, operation.name),
        _ if operation.state.is_over() => format!(
            "{what}, deployed by {}: {}",
            operation.name,
            operation.state.name()
        ),
        _ => format!("{what}, deployed by {}", operation.name),
    };
    match link {
        // Grafana shows links, and takes anything else out.
        Some(link) => format!(
            "{}\n<a href=\"{}\">in the chat</a>",
            escaped(&text),
            escaped(link)
        ),
        None => escaped(&text),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn called(follower: &str) -> &str {
    match follower {
        deployments::NAME => "GitHub's deployments",
        annotations::NAME => "Grafana's annotations",
        other => other,
    }
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).max(SignedDuration::ZERO).as_secs();
    let text = match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    };
    markup::moment(at.as_second(), &text)
}

/// How telling others is doing.
pub(crate) fn overview(places: &[(&'static str, Vec<Standing>)], now: Timestamp) -> Card {
    if places.is_empty() {
        return Card::new(Tone::Neutral, "Nobody else is told of deploys").text(format!(
            "Whoever runs me can change that: {} below {}, and {}. On my own graphs deploys are marked in any case.",
            markup::code("github_deployments = true"),
            markup::code("[responders.markers]"),
            markup::code("[grafana]")
        ));
    }
    let given_up = |all: &[Standing]| all.iter().filter(|standing| standing.given_up).count();
    let waits = |all: &[Standing]| {
        let waiting = all.iter().filter(|standing| standing.waits && !standing.given_up);
        waiting.count()
    };
    let lost: usize = places.iter().map(|(_, all)| given_up(all)).sum();
    let troubled = places
        .iter()
        .any(|(_, all)| all.iter().any(|standing| standing.waits && standing.attempts > 1));
    let (tone, title) = match lost {
        0 if troubled => (
            Tone::Warning,
            "Some deploys are not told elsewhere yet".to_owned(),
        ),
        0 => (Tone::Good, "Deploys are told elsewhere, too".to_owned()),
        _ => (
            Tone::Bad,
            format!("{} could not be told elsewhere", count(lost, "deploy")),
        ),
    };
    let mut card = Card::new(tone, title);
    for (follower, all) in places {
        let mut text = format!("{}: ", markup::bold(called(follower)));
        text += &match waits(all) {
            0 => "nothing waits".to_owned(),
            waiting => format!(
                "{} {}",
                count(waiting, "deploy"),
                if waiting == 1 { "waits" } else { "wait" }
            ),
        };
        if let Some(newest) = all.iter().find(|standing| !standing.waits) {
            text += &format!(", the last was told {}", ago(newest.touched, now));
        }
        let troubles = all.iter().filter(|standing| standing.waits);
        let troubles = troubles.filter_map(|standing| Some((standing, standing.reason.as_ref()?)));
        for (standing, reason) in troubles.take(LISTED) {
            let how = if standing.given_up { "given up" } else { "tried" };
            text += &format!(
                "\n{} {how} after {}: {}",
                markup::code(&standing.key),
                count(standing.attempts as usize, "attempt"),
                markup::clean(reason)
            );
        }
        card = card.text(text);
    }
    if lost > 0 {
        card = card.button(Button::new("Try again", "markers retry"));
    }
    card
}

/// What was given up is tried again.
pub(crate) fn retried(again: usize) -> String {
    match again {
        0 => "There is nothing that I gave up.".to_owned(),
        again => format!("I tell of {} once more.", count(again, "deploy")),
    }
}
