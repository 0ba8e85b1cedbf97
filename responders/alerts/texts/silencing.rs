//! What is said about silences: plans, ends, and what keeps them from being made.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use otus::{
    Button, Card, Part, Tone, UserError,
    form::{Field, Form},
    markup::{bold, clean, code},
    phrase::{count, cut, either, inert, list, moment, signed},
};
use otus_monitoring::alertmanager::{AlertmanagerError, Matcher, Silence};

use super::{message::differing, name};
use crate::group::Group;

/// So many kinds of alerts are named.
const NAMED: usize = 5;
/// So many labels are offered to narrow a silence down.
const OFFERED: usize = 3;

/// Enough of a silence's id for people.
pub(crate) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// Matchers as one types them.
pub(crate) fn shown(matchers: &[Matcher]) -> String {
    super::lists::matchers(matchers)
}

/// What is planned.
pub(crate) fn silence_title(matchers: &[Matcher], length: SignedDuration) -> String {
    let name = matchers.iter().find(|matcher| matcher.name == "alertname");
    let what = match name {
        Some(name) => bold(&inert(&name.value, 80)),
        None => "alerts".to_owned(),
    };
    format!("Silence {what} for {}", signed(length))
}

/// What the silence will be.
pub(crate) fn silence_for(matchers: &[Matcher], length: SignedDuration) -> String {
    format!("{} for {}", shown(matchers), signed(length))
}

/// What it covers now.
pub(crate) fn covers(names: &BTreeMap<&str, usize>) -> String {
    let total: usize = names.values().sum();
    if total == 0 {
        return "No alert that fires now meets this; it silences what fires later.".to_owned();
    }
    let mut each: Vec<String> = names
        .iter()
        .take(NAMED)
        .map(|(name, number)| format!("{} × {number}", inert(name, 60)))
        .collect();
    if names.len() > NAMED {
        each.push(format!("{} more kinds", names.len() - NAMED));
    }
    format!(
        "It covers {} that fire now: {}.",
        count(total, "alert"),
        list(&each)
    )
}

/// What Alertmanager shows beside it.
pub(crate) fn comment(reason: Option<&str>, operation: &str) -> String {
    format!(
        "{} (Otus {operation})",
        reason.map_or("no reason given", str::trim)
    )
}

/// It is silenced.
pub(crate) fn silenced(matchers: &[Matcher], until: Timestamp, reason: Option<&str>, id: &str) -> Card {
    let card =
        Card::new(Tone::Good, format!("Silenced until {}", moment(until))).text(code(&shown(matchers)));
    let card = match reason {
        Some(reason) => card.text(inert(reason, 300)),
        None => card,
    };
    card.button(Button::new("Unsilence", format!("unsilence {id}")))
}

/// For the record.
pub(crate) fn silenced_record(matchers: &[Matcher], until: Timestamp, id: &str) -> String {
    format!("silenced {} until {until} ({id})", shown(matchers))
}

/// It is not.
pub(crate) fn not_silenced(matchers: &[Matcher], why: &str) -> Card {
    Card::new(Tone::Bad, "Nothing was silenced")
        .text(code(&shown(matchers)))
        .text(sentence(why))
}

/// For the record.
pub(crate) fn not_silenced_record(why: &str) -> String {
    format!("nothing was silenced: {why}")
}

/// What is planned.
pub(crate) fn unsilence_title(ids: &[String]) -> String {
    match ids {
        [one] => format!("End the silence {}", code(short(one))),
        many => format!("End {}", count(many.len(), "silence")),
    }
}

/// How a silence stands.
pub(crate) fn silence_until(silence: &Silence) -> String {
    format!(
        "{} until {}, by {}",
        shown(&silence.matchers),
        silence.ends_at.strftime("%Y-%m-%d %H:%M UTC"),
        inert(&silence.created_by, 60)
    )
}

/// It is over.
pub(crate) fn unsilenced(ids: &[String]) -> Card {
    let title = match ids {
        [one] => format!("The silence {} is over", code(short(one))),
        many => format!("{} are over", count(many.len(), "silence")),
    };
    Card::new(Tone::Good, title)
}

/// For the record.
pub(crate) fn unsilenced_record(ids: &[String]) -> String {
    format!("ended {}", list(ids))
}

/// It is not.
pub(crate) fn not_unsilenced(ids: &[String], why: &str) -> Card {
    Card::new(Tone::Bad, format!("{} did not end", count(ids.len(), "silence"))).text(sentence(why))
}

/// For the record.
pub(crate) fn not_unsilenced_record(why: &str) -> String {
    format!("nothing was unsilenced: {why}")
}

/// What is asked before something is silenced: the matchers of a group, one a line, to be changed; how long; and why.
pub(crate) fn silence_form(group: &Group, matchers: &[Matcher], source: Option<&str>) -> Form {
    let source = source.map(|source| format!(" on {source}")).unwrap_or_default();
    let lines: Vec<String> = matchers.iter().map(ToString::to_string).collect();
    let narrower: Vec<String> = differing(group)
        .into_iter()
        .take(OFFERED)
        .filter_map(|(label, values)| Some(Matcher::equal(label, values.first()?.clone()).to_string()))
        .collect();
    let narrower = match narrower.as_slice() {
        [] => String::new(),
        some => format!(" To silence less, add {}.", either(some)),
    };
    let field = |name: &str, initial: Option<String>, hint: &str| Field {
        name: name.into(),
        initial,
        hint: Some(hint.into()),
        ..Field::default()
    };
    Form {
        command: "silence".into(),
        usage: format!("silence <matchers>{source} for <length> [because <reason>]"),
        about: format!("Silences {} in Alertmanager for a while.", cut(&name(group), 100)),
        fields: vec![
            Field {
                lines: true,
                ..field(
                    "matchers",
                    (!lines.is_empty()).then(|| lines.join("\n")),
                    &format!(
                        "One a line; an alert has to meet all of them: =, !=, =~ or !~ and a value.{narrower}"
                    ),
                )
            },
            field("length", Some("2h".into()), "Such as 30m, 2h, 1h30m or 3 days."),
            Field {
                optional: true,
                ..field("reason", None, "It stands in Alertmanager, too.")
            },
        ],
    }
}

/// The same as a card, where nothing can be opened.
pub(crate) fn form(group: &Group, form: Form) -> Card {
    let card = Card::new(Tone::Neutral, format!("Silence {}", bold(&name(group))))
        .text("Press how long; or change what is silenced, and press Go.");
    let card = Card {
        parts: card.parts.into_iter().chain([Part::Form(form)]).collect(),
        ..card
    };
    let id = group.short();
    [("1 h", "1h"), ("4 h", "4h"), ("1 d", "1d"), ("3 d", "3d")]
        .into_iter()
        .fold(card, |card, (label, length)| {
            card.button(Button::new(label, format!("silence {id} for {length}")))
        })
}

/// Alertmanager does not tell.
pub(crate) fn not_asked(error: &AlertmanagerError) -> UserError {
    UserError::new(sentence(&error.to_string()))
}

fn sentence(why: &str) -> String {
    let why = clean(why);
    let why = why.trim_end_matches('.');
    let mut chars = why.chars();
    match chars.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), chars.as_str()),
        None => String::new(),
    }
}

/// The matchers cannot be read.
pub(crate) fn no_matchers(why: &str) -> UserError {
    UserError::new(format!(
        "I cannot read that: {}.",
        clean(why).trim_end_matches('.')
    ))
}

/// Too long a silence.
pub(crate) fn too_long(longest: SignedDuration) -> UserError {
    UserError::new(format!("A silence is at most {} long here.", signed(longest)))
}

/// It would silence everything.
pub(crate) fn would_silence_everything() -> UserError {
    UserError::new("That would silence every alert there is. Name at least one label that has to be there.")
}

/// The alerts of a group have nothing in common.
pub(crate) fn nothing_in_common(group: &Group) -> String {
    format!(
        "The alerts of {} have no label in common, so silencing them would silence everything. Name matchers: {}.",
        bold(&name(group)),
        code("silence <matchers> for 2h")
    )
}

/// There is no API.
pub(crate) fn no_api() -> UserError {
    UserError::new(format!(
        "I know no Alertmanager that I could ask. Whoever runs me can set {} below {}.",
        code("url"),
        code("[responders.alerts.sources.…]")
    ))
}

/// There is none for this source.
pub(crate) fn no_api_of(source: &str) -> UserError {
    UserError::new(format!(
        "I do not know how to reach the Alertmanager {}. Whoever runs me can set {} below {}.",
        code(source),
        code("url"),
        code(&format!("[responders.alerts.sources.{source}]"))
    ))
}

/// There is no such source.
pub(crate) fn no_such_source(named: &str, known: &[&String]) -> UserError {
    UserError::new(format!(
        "I know no Alertmanager {}. I know {}.",
        code(named),
        codes(known)
    ))
}

/// Which source?
pub(crate) fn which_source(known: &[&String]) -> UserError {
    UserError::new(format!(
        "Which Alertmanager? Say {} before {}: I know {}.",
        code("on <name>"),
        code("for"),
        codes(known)
    ))
}

fn codes(names: &[&String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    either(&names.iter().map(|name| code(name)).collect::<Vec<_>>())
}

/// There is no such silence.
pub(crate) fn no_such_silence(id: &str) -> UserError {
    let mut error = UserError::new(format!(
        "I know neither a silence nor an alert whose id begins with {}.",
        code(id)
    ));
    error.instead = vec!["silences".into()];
    error
}

/// There are several.
pub(crate) fn several_silences(id: &str) -> UserError {
    let mut error = UserError::new(format!(
        "{} is the beginning of several silences' ids; say more of it.",
        code(id)
    ));
    error.instead = vec!["silences".into()];
    error
}

/// Nothing keeps it quiet.
pub(crate) fn not_silenced_at_all(group: &Group) -> UserError {
    UserError::new(format!("Nothing silences {} now.", bold(&name(group))))
}
