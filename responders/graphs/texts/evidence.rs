//! What is said of what became of a service.

use std::time::Duration;

use otus::{
    markup::{clean, code},
    operations::Operation,
    phrase::cut,
    prelude::*,
};
use otus_monitoring::duration;

use crate::{
    ask::Ask,
    evidence::{Moved, Of},
};

/// The mark of the operation in the picture.
pub(crate) fn mark(operation: &Operation) -> String {
    operation.line.clone()
}

/// Above the picture.
pub(crate) fn title(operation: &Operation) -> String {
    format!("Before and after {}", operation.line)
}

/// Below that.
pub(crate) fn subtitle(before: Duration, after: Duration, zone: &jiff::tz::TimeZone) -> String {
    let (before, after) = (duration::format(before), duration::format(after));
    let zone = zone.iana_name().unwrap_or("UTC");
    format!("from {before} before until {after} after, {zone}")
}

/// What changed: `latency 310 ms → 330 ms, errors unchanged (0.1%)`.
fn words(moved: &[(&Ask, Moved)]) -> String {
    let all: Vec<String> = moved.iter().map(|(ask, moved)| one(ask, moved)).collect();
    all.join(", ")
}

fn one(ask: &Ask, moved: &Moved) -> String {
    let name = clean(&ask.what);
    let value = |value| ask.unit.value(value);
    let of = of(moved.of.as_ref());
    match (moved.before, moved.after) {
        (Some(before), Some(after)) if moved.is_still() || value(before) == value(after) => match &moved.of {
            // The one that moved most did not.
            Some(Of::One(_, others)) => format!("{name} unchanged in all {}", others + 1),
            _ => format!("{name} unchanged ({}{of})", value(after)),
        },
        (Some(before), Some(after)) => {
            let worse = if moved.worse { "⚠️ " } else { "" };
            let of = bracketed(&of);
            format!("{worse}{name} {} → {}{of}", value(before), value(after))
        }
        (None, Some(after)) => format!("{name} {}{of}, before there was no data", value(after)),
        (Some(before), None) => format!("{name} was {}{of}, and now there is no data", value(before)),
        (None, None) => format!("{name} without data"),
    }
}

/// Of what the values are.
fn of(of: Option<&Of>) -> String {
    match of {
        None => String::new(),
        Some(Of::One(series, others)) => {
            format!(", {}, which moved most of {}", code(&cut(series, 60)), others + 1)
        }
        Some(Of::All(reduce, count)) => format!(", {} of {count}", reduce.word()),
    }
}

fn bracketed(of: &str) -> String {
    match of.strip_prefix(", ") {
        Some(of) => format!(" ({of})"),
        None => String::new(),
    }
}

/// What stands around the picture, with the way forward when a deploy made something worse.
pub(crate) fn card(operation: &Operation, moved: &[(&Ask, Moved)]) -> Card {
    let line = code(&operation.line);
    if !moved.iter().any(|(_, moved)| moved.worse) {
        return Card::new(Tone::Neutral, format!("Before and after {line}")).text(sentence(moved));
    }
    let card = Card::new(Tone::Warning, format!("It got worse after {line}")).text(sentence(moved));
    let target = &operation.plan.target;
    match (&target.service, &target.environment) {
        (Some(service), Some(environment)) if operation.kind == "deploy" => card.button(
            Button::new(
                "Move forward to the last good",
                format!("deploy {service}@last-good to {environment}"),
            )
            .primary(),
        ),
        _ => card,
    }
}

fn sentence(moved: &[(&Ask, Moved)]) -> String {
    format!("{}.", words(moved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Reduce;
    use insta::assert_snapshot;
    use otus_charts::Unit;

    #[test]
    fn what_changed_is_said_in_words() {
        let ask = |what: &str, unit| Ask {
            what: what.into(),
            unit,
            ..Ask::default()
        };
        let (latency, errors, load) = (
            ask("p95", Unit::Seconds),
            ask("errors", Unit::Ratio),
            ask("load", Unit::None),
        );
        let moved = |before, after, worse, of| Moved {
            before,
            after,
            worse,
            of,
        };
        let all = [
            (
                &latency,
                moved(Some(0.31), Some(2.1), true, Some(Of::One("check_out".into(), 2))),
            ),
            (&errors, moved(Some(0.001), Some(0.001), false, None)),
            (
                &load,
                moved(Some(1.0), None, false, Some(Of::All(Reduce::Sum, 4))),
            ),
        ];
        assert_snapshot!(sentence(&all), @"⚠️ p95 310 ms → 2.1 s (`check_out`, which moved most of 3), errors unchanged (0.1%), load was 1, the sum of 4, and now there is no data.");
        let all = [
            (
                &latency,
                moved(Some(0.31), Some(0.31), false, Some(Of::One("api".into(), 2))),
            ),
            (
                &load,
                moved(Some(1.0), Some(2.0), false, Some(Of::All(Reduce::Max, 2))),
            ),
            (&errors, moved(None, None, false, None)),
        ];
        assert_snapshot!(sentence(&all), @"p95 unchanged in all 3, load 1 → 2 (the highest of 2), errors without data.");
    }
}
