//! `alerts` and `silences`.

use jiff::Timestamp;
use otus::{
    Button, Card, Tone,
    markup::{bold, clean, code},
    phrase::{between, count, duration, inert, moment},
};
use otus_monitoring::alertmanager::{AlertmanagerError, Matcher, Silence, SilenceState};

use super::{name, short, shown};
use crate::{House, group::Group};

/// So many are listed.
const LISTED: usize = 20;
/// So many buttons.
const BUTTONS: usize = 4;

/// What fires.
pub(crate) fn alerts(
    house: &House,
    firing: &[Group],
    all: usize,
    words: Option<&str>,
    now: Timestamp,
) -> Card {
    if house.settings().sources.is_empty() {
        return Card::new(Tone::Neutral, "Nobody sends me alerts yet").text(format!(
            "Whoever runs me can change that: docs/alerts.md says how, below {}.",
            code("[responders.alerts.sources.…]")
        ));
    }
    if firing.is_empty() {
        return match (words, all) {
            (Some(words), all) if all > 0 => {
                Card::new(Tone::Good, format!("Nothing fires for {}", code(words)))
                    .button(Button::new(format!("All {all}"), "alerts"))
            }
            _ => Card::new(Tone::Good, "Nothing fires"),
        };
    }
    let lines: Vec<String> = firing
        .iter()
        .take(LISTED)
        .map(|group| line(house, group, now))
        .collect();
    let more = firing.len().saturating_sub(LISTED);
    let mut text = lines.join("\n");
    if more > 0 {
        text += &format!("\nand {more} more");
    }
    let title = match words {
        Some(words) => format!("{} for {}", fire(firing.len()), code(words)),
        None => fire(firing.len()),
    };
    let open = firing
        .iter()
        .filter(|group| group.acked.is_none() && !group.is_silenced(now));
    let tone = if open.clone().next().is_some() {
        Tone::Bad
    } else {
        Tone::Warning
    };
    open.take(BUTTONS)
        .fold(Card::new(tone, title).text(text), |card, group| {
            card.button(Button::new(
                format!("Ack {}", name(group)),
                format!("ack {}", group.short()),
            ))
        })
}

fn fire(number: usize) -> String {
    match number {
        1 => "1 alert fires".to_owned(),
        many => format!("{many} alerts fire"),
    }
}

fn line(house: &House, group: &Group, now: Timestamp) -> String {
    let firing = group.firing().count();
    let counted = if firing > 1 {
        format!(" × {firing}")
    } else {
        String::new()
    };
    let first = group.firing().next().map(|(_, alert)| &alert.labels);
    let (service, environment) = first.map(|labels| house.ready.spot(labels)).unwrap_or_default();
    let place = match (service, environment) {
        (Some(service), Some(environment)) => {
            Some(format!("{} in {}", inert(service, 40), inert(environment, 40)))
        }
        (Some(one), None) | (None, Some(one)) => Some(inert(one, 40)),
        (None, None) => None,
    };
    let value = group
        .reading
        .as_ref()
        .filter(|reading| reading.episode == group.episode)
        .and_then(|reading| Some((reading.worst.as_ref()?, &reading.limit)))
        .map(|(worst, limit)| match limit {
            Some(limit) => format!("{worst} ({limit})"),
            None => worst.clone(),
        });
    let state = match (group.is_silenced(now), &group.acked) {
        (true, _) => Some("silenced".to_owned()),
        (false, Some(_)) => Some("acknowledged".to_owned()),
        (false, None) => None,
    };
    let since = Some(format!("for {}", duration(between(group.began, now))));
    let severity = group.common("severity").map(|severity| inert(severity, 20));
    let parts = [severity, place, value, since, state];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    format!(
        "• {}{counted} {} {parts}",
        bold(&name(group)),
        code(group.short())
    )
}

/// What is silenced, by source.
pub(crate) fn silences(found: &[(&str, Result<Vec<Silence>, AlertmanagerError>)], now: Timestamp) -> Card {
    let total: usize = found
        .iter()
        .filter_map(|(_, all)| all.as_ref().ok())
        .map(Vec::len)
        .sum();
    let failed = found.iter().any(|(_, all)| all.is_err());
    let title = match total {
        0 if failed => "What is silenced cannot be told".to_owned(),
        0 => "Nothing is silenced".to_owned(),
        total => count(total, "silence"),
    };
    let tone = if failed { Tone::Warning } else { Tone::Neutral };
    let mut card = Card::new(tone, title);
    let several = found.len() > 1;
    for (source, all) in found {
        match all {
            Err(error) => card = card.text(format!("⚠️ {}: {}", code(source), clean(&error.to_string()))),
            Ok(all) => {
                let mut lines: Vec<String> =
                    all.iter().take(LISTED).map(|silence| one(silence, now)).collect();
                if all.len() > LISTED {
                    lines.push(format!("and {} more", all.len() - LISTED));
                }
                if lines.is_empty() {
                    continue;
                }
                let head = if several {
                    format!("{}\n", bold(source))
                } else {
                    String::new()
                };
                card = card.text(head + &lines.join("\n"));
                for silence in all.iter().take(BUTTONS) {
                    let id = short(&silence.id);
                    card = card.button(Button::new(
                        format!("End {id}"),
                        format!("unsilence {}", silence.id),
                    ));
                }
            }
        }
    }
    card
}

fn one(silence: &Silence, now: Timestamp) -> String {
    let matchers = code(&shown(&silence.matchers));
    let when = match silence.state() {
        SilenceState::Pending => format!("from {}", moment(silence.starts_at)),
        _ => format!("{} more", duration(between(now, silence.ends_at))),
    };
    let comment = inert(&silence.comment, 120);
    let because = if comment.is_empty() {
        String::new()
    } else {
        format!(": {comment}")
    };
    format!(
        "• {} {matchers} · {when} · {}{because}",
        code(short(&silence.id)),
        inert(&silence.created_by, 40)
    )
}

/// Words for matchers are shared with what silences.
pub(super) fn matchers(all: &[Matcher]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
