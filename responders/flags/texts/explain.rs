//! Why somebody gets what they get.

use super::words::{CODE, condition, value};
use otus::{
    Card, Tone,
    markup::{bold, clean, code},
    phrase,
};
use otus_flags::{
    Reason,
    words::{Explanation, Step},
};
use serde_json::{Map, Value};

/// Why.
pub(crate) fn explained(flag: &str, set: &str, who: &Map<String, Value>, found: &Explanation) -> Card {
    let gets = match (&found.error, &found.variant) {
        (Some(_), _) => "an error".to_owned(),
        (None, Some(name)) => bold(name),
        (None, None) => CODE.to_owned(),
    };
    let tone = if found.error.is_some() {
        Tone::Bad
    } else {
        Tone::Neutral
    };
    let mut steps: Vec<String> = found.steps.iter().map(step).collect();
    match (&found.error, found.reason) {
        (Some(error), _) => steps.push(format!("that fails: {}", phrase::inert(error, 300))),
        (None, Some(Reason::Static)) => steps.push("there is no rule: everybody gets it".into()),
        (None, Some(Reason::Disabled)) => steps.push("the flag is not in use".into()),
        (None, Some(Reason::Default)) => steps.push("so it is what there is otherwise".into()),
        (None, Some(Reason::TargetingMatch) | None) => {}
    }
    let steps: Vec<String> = steps
        .into_iter()
        .enumerate()
        .map(|(at, step)| format!("{}. {step}", at + 1))
        .collect();
    Card::new(
        tone,
        format!("{} gets {gets} of {} in {}", name(who), bold(flag), bold(set)),
    )
    .text(steps.join("\n"))
    .footer(described(who))
}

/// What to call them.
fn name(who: &Map<String, Value>) -> String {
    match who.get("targetingKey").and_then(Value::as_str) {
        Some(key) => code(key),
        None => "Somebody like that".into(),
    }
}

/// As what they were described.
fn described(who: &Map<String, Value>) -> String {
    let all: Vec<String> = who
        .iter()
        .map(|(name, is)| format!("{}={}", clean(name), value(is)))
        .collect();
    all.join(" ")
}

fn step(step: &Step) -> String {
    match step {
        Step::Tested {
            condition: when,
            holds,
            seen,
        } => {
            let seen: Vec<String> = seen
                .iter()
                .map(|(name, is)| match is {
                    Value::Null => format!("{name} is not given"),
                    is => format!("{name} is {}", value(is)),
                })
                .collect();
            let answer = if *holds { "yes" } else { "no" };
            let seen = if seen.is_empty() {
                String::new()
            } else {
                format!(" ({})", seen.join(", "))
            };
            format!("{}? {}{seen}", condition(when), bold(answer))
        }
        Step::Bucketed { by, shares, picked } => {
            let total: i64 = shares.iter().map(|(_, weight)| weight).sum();
            #[expect(clippy::cast_precision_loss, reason = "weights are below 2³¹")]
            let shares: Vec<String> = shares
                .iter()
                .map(|(variant, weight)| {
                    let share = *weight as f64 / total.max(1) as f64;
                    format!("{} {}", super::percent(share), value(variant))
                })
                .collect();
            let by = match by {
                Some(by) => format!("by {}", value(by)),
                None => "by the flag and the key".into(),
            };
            let picked = match picked {
                Value::Null => "nothing in particular".into(),
                picked => bold(&value(picked)),
            };
            format!("shared out {by} ({}): {picked}", shares.join(", "))
        }
        Step::Gave(Value::Null) => "the rule says nothing".into(),
        Step::Gave(given) => format!("so it is {}", bold(&value(given))),
    }
}

/// It is no context.
pub(crate) fn no_context(why: &str) -> String {
    format!(
        "This does not say who: {}. Write a key and attributes, for example {}.",
        phrase::inert(why, 200),
        code("user-17 plan=pro country=de")
    )
}

/// Two keys.
pub(crate) fn two_keys(word: &str) -> String {
    format!(
        "{} is a second key. Write attributes with their name, for example {}.",
        code(word),
        code("plan=pro")
    )
}
