//! Runs in which a candidate differed.

use crate::{record::Kept, words};
use jiff::Timestamp;
use otus::{Card, Tone, markup};

/// A value is shown up to so many characters.
const VALUE: usize = 300;

/// Adds one to a card: what happened, and what both returned.
pub(crate) fn sample(card: Card, kept: &Kept) -> Card {
    let sample = &kept.sample;
    let what = match sample.outcome.as_str() {
        "mismatch" => "differed",
        "error" => "returned an error",
        "panic" => "panicked",
        "timeout" => "was not done in time",
        _ => "did something else",
    };
    let at = i64::try_from(sample.at)
        .ok()
        .and_then(|at| Timestamp::from_millisecond(at).ok());
    let at = at.map_or_else(String::new, |at| format!("{}: ", words::moment(at)));
    let detail = sample.detail.as_deref().map_or_else(String::new, |detail| {
        format!(" in {}", markup::code(&words::cut(detail, 120)))
    });
    let mut around: Vec<String> = sample
        .context
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if let Some(release) = &kept.release {
        around.insert(0, words::release(release));
    }
    let around = match around.as_slice() {
        [] => String::new(),
        around => format!(" ({})", markup::code(&words::cut(&around.join(" "), 200))),
    };
    let card = card.text(format!(
        "{at}*{}* {what}{detail}{around}",
        words::inert(&sample.candidate, 60)
    ));
    match (&sample.control, &sample.value) {
        (None, None) => card,
        (control, value) => {
            let line = |arm: &str, value: &Option<String>, took: Option<u64>| {
                let took = took.map_or_else(|| "–".into(), |took| words::took(took as f64));
                let value = value
                    .as_deref()
                    .map_or_else(|| "–".into(), |value| words::cut(value, VALUE));
                format!("{arm} {took:>7}  {}", markup::clean(&value).replace("```", "'''"))
            };
            card.code(format!(
                "{}\n{}",
                line("old", control, Some(sample.control_ns)),
                line("new", value, sample.candidate_ns)
            ))
        }
    }
}

/// The answer to `experiment <name> mismatches`.
pub(crate) fn mismatches(name: &str, shown: &[&Kept], kept: usize) -> Card {
    let title = format!("What differed in *{name}*, the newest first");
    if shown.is_empty() {
        return Card::new(Tone::Good, title).text("Nothing that differed is on record.");
    }
    let card = shown
        .iter()
        .fold(Card::new(Tone::Neutral, title), |card, kept| sample(card, kept));
    let hint = shown.iter().all(|kept| kept.sample.control.is_none());
    let footer = format!("{} of {kept} that are kept.", shown.len());
    card.footer(if hint {
        format!("{footer} Values are only recorded where the program says what may be, with `clean`.")
    } else {
        footer
    })
}
