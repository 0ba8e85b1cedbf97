//! Changing a flag: titles, warnings, ends.

use super::words::{CODE, gets, lines, will_grow};
use crate::{
    ask::{Ask, What},
    settings::{Guard, Settings},
};
use jiff::Timestamp;
use otus::{Button, Card, Tone, UserError, markup::bold, operations::Operation, phrase};
use otus_flags::{
    Definition, Growth, Whom,
    words::{Served, describe},
};
use std::time::Duration;

/// What a guard is called in a plan.
pub(crate) const GUARD: &str = "guard";
/// What a new flag does.
pub(crate) const NEW_IS_OFF: &str =
    "a new flag gives everybody its first value: nobody sees a difference until it is turned on";

/// Whom it is about.
fn whom(whom: &Whom) -> String {
    match whom {
        Whom::Everybody => "everybody".into(),
        Whom::Key(key) => phrase::inert(key, 60),
        Whom::Group(name) => name.clone(),
        Whom::Attribute(name, value) => format!("{name} {}", super::value(value)),
        Whom::Percent(share) => format!("{share} %"),
    }
}

/// Where it is about.
fn places(ask: &Ask) -> String {
    let places: Vec<String> = ask.sets.iter().map(|set| bold(set)).collect();
    phrase::list(&places)
}

/// The plan's title.
pub(crate) fn title(ask: &Ask) -> String {
    let (flag, at) = (bold(&ask.flag), places(ask));
    match &ask.what {
        What::Create { .. } => format!("Make the flag {flag} in {at}"),
        What::Give {
            variant,
            whom: Whom::Everybody,
        } => format!("Turn {flag} {variant} for everybody in {at}"),
        What::Give { variant, whom } => format!("Turn {flag} {variant} for {} in {at}", self::whom(whom)),
        What::Reset(whom) => format!(
            "Give {} the same of {flag} as everybody else in {at}",
            self::whom(whom)
        ),
        What::Use(true) => format!("Use {flag} in {at}"),
        What::Use(false) => format!("Use {flag} no more in {at}"),
        What::Grow(growth) => format!(
            "Let {flag} go from {} % to {} % within {} in {at}",
            growth.from,
            growth.to,
            long(growth)
        ),
        What::Promote { from } => format!("Make {flag} in {at} what it is in {}", bold(from)),
        What::Archive => format!("Archive {flag} in {at}"),
        What::Restore => format!("Restore {flag} in {at}"),
        What::Undo => format!("Undo the last change of {flag} in {at}"),
        What::Guard(Some(guard)) => format!("Guard {flag} in {at} by {}", bold(guard)),
        What::Guard(None) => format!("Take the guard of {flag} in {at} away"),
        What::Import => format!("Give {at} the flags of its file"),
    }
}

fn long(growth: &Growth) -> String {
    phrase::duration(Duration::from_secs(growth.seconds.unsigned_abs()))
}

/// The end, for the record.
pub(crate) fn done_record(ask: &Ask) -> String {
    let at = phrase::list(&ask.sets);
    let flag = &ask.flag;
    match &ask.what {
        What::Create { .. } => format!("{flag} was made in {at}"),
        What::Give { variant, whom } => format!("{flag} is {variant} for {} in {at}", self::whom(whom)),
        What::Reset(whom) => format!(
            "{} gets the same of {flag} as everybody else in {at}",
            self::whom(whom)
        ),
        What::Use(true) => format!("{flag} is in use in {at}"),
        What::Use(false) => format!("{flag} is not in use in {at}"),
        What::Grow(growth) => format!("{flag} in {at}: {}", will_grow(growth)),
        What::Promote { from } => format!("{flag} in {at} is what it is in {from}"),
        What::Archive => format!("{flag} is archived in {at}"),
        What::Restore => format!("{flag} is restored in {at}"),
        What::Undo => format!("the last change of {flag} in {at} is undone"),
        What::Guard(Some(guard)) => format!("{flag} in {at} is guarded by {guard}"),
        What::Guard(None) => format!("{flag} in {at} is guarded by nothing"),
        What::Import => format!("{at} has the flags of its file"),
    }
}

/// The end, for people: what the flag gives now, and how many were told.
pub(crate) fn done(
    ask: &Ask,
    places: &[(String, Option<Definition>, usize)],
    settings: &Settings,
    now: Timestamp,
) -> Card {
    let flag = bold(&ask.flag);
    let at = self::places(ask);
    let title = match &ask.what {
        What::Create { .. } => format!("{flag} is there, in {at}"),
        What::Give {
            variant,
            whom: Whom::Everybody,
        } => format!("{flag} is {variant} in {at}"),
        What::Give { variant, whom } => format!("{flag} is {variant} for {} in {at}", self::whom(whom)),
        What::Reset(whom) => format!(
            "{} gets the same of {flag} as everybody else in {at}",
            self::whom(whom)
        ),
        What::Use(true) => format!("{flag} is in use in {at}"),
        What::Use(false) => format!("{flag} is not in use in {at}"),
        What::Grow(growth) => format!("{flag} goes from {} % to {} % in {at}", growth.from, growth.to),
        What::Promote { from } => format!("{flag} in {at} is what it is in {}", bold(from)),
        What::Archive => format!("{flag} is archived in {at}"),
        What::Restore => format!("{flag} is back in {at}"),
        What::Undo => format!("{flag} in {at} is what it was before"),
        What::Guard(Some(guard)) => format!("{flag} in {at} is guarded by {}", bold(guard)),
        What::Guard(None) => format!("{flag} in {at} is guarded by nothing"),
        What::Import => format!("{at} has the flags of its file"),
    };
    let mut card = Card::new(Tone::Good, title);
    let several = places.len() > 1;
    let mut text = Vec::new();
    for (set, definition, listening) in places {
        let lines = match definition {
            Some(definition) => lines(definition, now),
            None => vec![format!("applications use {CODE}")],
        };
        if several {
            text.push(format!("• {set}: {}", lines.join(" · ")));
        } else {
            text.extend(lines.into_iter().map(|line| format!("• {line}")));
        }
        if let Some(told) = told_at_once(*listening).filter(|_| !several) {
            text.push(told);
        }
    }
    if let What::Guard(Some(name)) = &ask.what {
        text.push(format!(
            "It is turned off when this breaks: {}.",
            guard_in_words(name, settings.guards.get(name))
        ));
    }
    card = card.text(text.join("\n"));
    let set = ask.sets.first().map_or("", String::as_str);
    let flag = &ask.flag;
    match (&ask.what, several) {
        (What::Create { .. }, _) => {
            let first = format!("flag {flag}");
            card.button(Button::new("Show it", first))
        }
        (What::Guard(_), _) => card.button(Button::new("Show it", format!("flag {flag}"))),
        (What::Archive, true) => card.button(Button::new("Restore", format!("flag restore {flag}"))),
        (_, true) => card.button(Button::new("Show it", format!("flag {flag}"))),
        (_, false) => card
            .button(Button::new("Undo", format!("flag undo {flag} in {set}")))
            .button(Button::new("Show it", format!("flag {flag}"))),
    }
}

/// How many were told.
pub(crate) fn told_at_once(listening: usize) -> Option<String> {
    match listening {
        0 => None,
        1 => Some("The 1 client that listens here was told at once.".into()),
        many => Some(format!("The {many} clients that listen here were told at once.")),
    }
}

/// How many would be told.
pub(crate) fn listening(set: &str, listening: usize, several: bool) -> Option<String> {
    let at = if several {
        format!(" in {set}")
    } else {
        String::new()
    };
    (listening > 0).then(|| {
        format!(
            "{} listening{at} are told at once",
            phrase::count(listening, "client")
        )
    })
}

/// What somebody should think about first.
pub(crate) fn warnings(before: Option<&Definition>, after: Option<&Definition>) -> Vec<String> {
    let by_hand = |definition: &Definition| match describe(definition).served {
        Served::Rule(rule) => Some(rule),
        Served::Cases { otherwise, .. } => match *otherwise {
            Served::Rule(rule) => Some(rule),
            _ => None,
        },
        _ => None,
    };
    let (Some(before), Some(after)) = (before, after) else {
        return Vec::new();
    };
    let lost = by_hand(before).filter(|rule| by_hand(after).as_ref() != Some(rule));
    lost.map(|rule| {
        format!(
            "a rule that somebody wrote by hand goes: {}",
            phrase::inert(&rule.to_string(), 200)
        )
    })
    .into_iter()
    .collect()
}

/// By how much it grows.
pub(crate) fn grows_by(grown: Option<f64>, settings: &Settings) -> String {
    let within = phrase::signed(settings.step_within);
    match grown {
        Some(grown) => format!(
            "the share of those who get something new grows by {:.0} points within {within}",
            grown * 100.0
        ),
        None => "how many get something new, nobody can tell without asking the rule".into(),
    }
}

/// The rule that asks for an approval.
pub(crate) fn step_rule(settings: &Settings) -> String {
    format!(
        "more than {} points within {} are approved",
        settings.step,
        phrase::signed(settings.step_within)
    )
}

/// Something is being deployed.
pub(crate) fn frozen(set: &str, deploy: &Operation) -> UserError {
    let what = deploy.plan.target.service.as_deref().unwrap_or("something");
    UserError::new(format!(
        "Flags in {} stand still while {} is deployed there: else nobody could tell what broke what. Turning a flag off goes at any time.",
        bold(set),
        bold(what)
    ))
}

/// There is an incident there.
pub(crate) fn incident(set: &str, guard: &str, bound: &str, value: f64) -> UserError {
    UserError::new(format!(
        "Flags in {} stand still while something is wrong there: {} is {}, and {} is good. Turning a flag off goes at any time.",
        bold(set),
        otus::markup::code(guard),
        super::number(value),
        otus::markup::code(bound)
    ))
}

/// What guards it, in words.
pub(crate) fn guard_in_words(name: &str, guard: Option<&Guard>) -> String {
    match guard {
        Some(guard) => format!(
            "{name} {}, asked every {}, {} bad in a row",
            guard.bound,
            phrase::duration(guard.every),
            guard.times
        ),
        None => format!("{name}, which is not configured any more"),
    }
}

/// What changed, for a line of the history.
pub(crate) fn difference(
    before: Option<&Definition>,
    after: Option<&Definition>,
    now: Timestamp,
) -> Vec<String> {
    let groups = otus_flags::words::audience(before, after, now.as_second());
    let alone = groups.len() == 1;
    let differ = groups.into_iter().filter(|group| group.gave != group.gives);
    differ
        .map(|group| {
            format!(
                "{}: {} → {}",
                super::who(group.who.as_ref(), alone, None),
                gets(group.gave.as_ref()),
                gets(group.gives.as_ref())
            )
        })
        .collect()
}
