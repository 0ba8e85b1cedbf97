//! What is said of what became of a service.

use std::time::Duration;

use otus::{
    markup::{clean, code},
    operations::Operation,
    prelude::*,
};
use otus_monitoring::duration;

use crate::{ask::Ask, evidence::Moved};

/// The mark of the operation in the picture.
pub(crate) fn mark(operation: &Operation) -> String {
    operation.line.clone()
}

/// Above the picture.
pub(crate) fn title(operation: &Operation) -> String {
    format!("Before and after {}", operation.line)
}

/// Below that.
pub(crate) fn subtitle(before: Duration, after: Duration) -> String {
    let (before, after) = (duration::format(before), duration::format(after));
    format!("from {before} before until {after} after, UTC")
}

/// What changed: `latency 310 ms → 330 ms, errors unchanged (0.1%)`.
pub(crate) fn words(moved: &[(&Ask, Moved)]) -> String {
    let all: Vec<String> = moved.iter().map(|(ask, moved)| one(ask, moved)).collect();
    format!("Before and after: {}.", all.join(", "))
}

fn one(ask: &Ask, moved: &Moved) -> String {
    let name = clean(&ask.what);
    let value = |value| ask.unit.value(value);
    match (moved.before, moved.after) {
        (Some(before), Some(after)) if moved.is_still() || value(before) == value(after) => {
            format!("{name} unchanged ({})", value(after))
        }
        (Some(before), Some(after)) => {
            let worse = if moved.worse { "⚠️ " } else { "" };
            format!("{worse}{name} {} → {}", value(before), value(after))
        }
        (None, Some(after)) => format!("{name} {}, before there was no data", value(after)),
        (Some(before), None) => format!("{name} was {}, and now there is no data", value(before)),
        (None, None) => format!("{name} has no data"),
    }
}

/// It got worse, and what can be done.
pub(crate) fn worse(operation: &Operation, moved: &[(&Ask, Moved)]) -> Card {
    let lines: Vec<String> = moved
        .iter()
        .filter(|(_, moved)| moved.worse)
        .map(|(ask, moved)| format!("• {}", one(ask, moved)))
        .collect();
    let card = Card::new(
        Tone::Warning,
        format!("It got worse after {}.", code(&operation.line)),
    )
    .text(lines.join("\n"));
    let target = &operation.plan.target;
    match (&target.service, &target.environment) {
        (Some(service), Some(environment)) if operation.kind == "deploy" => card.button(Button::new(
            "Move forward to the last good",
            format!("deploy {service}@last-good to {environment}"),
        )),
        _ => card,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let moved = |before, after, worse| Moved { before, after, worse };
        let all = [
            (&latency, moved(Some(0.31), Some(2.1), true)),
            (&errors, moved(Some(0.001), Some(0.001), false)),
            (&load, moved(Some(1.0), None, false)),
        ];
        assert_snapshot!(words(&all), @"Before and after: ⚠️ p95 310 ms → 2.1 s, errors unchanged (0.1%), load was 1, and now there is no data.");
    }
}
