//! What is under way, and what ended last.

use crate::{
    people::People,
    words::{inert, moment},
};
use otus::{
    markup::{bold, code},
    operations::{Operation, State},
    prelude::*,
};

/// What is under way or waits, with what one can do about it, and what ended last.
pub(crate) fn operations(about: &str, open: &[Operation], over: &[Operation], people: &People) -> Card {
    const BUTTONS: usize = 10;
    let what = match about {
        "" => String::new(),
        about => format!(" of {about}"),
    };
    let mut card = Card::new(Tone::Neutral, bold(&format!("Operations{what}")));
    card = match open {
        [] => card.text("Nothing is under way, and nothing waits."),
        open => card.text(lines(open, people)),
    };
    if !over.is_empty() {
        card = card.text(format!("Ended last:\n{}", lines(over, people)));
    }
    open.iter()
        .take(BUTTONS)
        .fold(card, |card, operation| card.button(button(operation)))
        .footer("`why <id>` tells how it came to one of them.")
}

fn lines(operations: &[Operation], people: &People) -> String {
    let lines: Vec<String> = operations.iter().map(|one| line(one, people)).collect();
    lines.join("\n")
}

fn line(operation: &Operation, people: &People) -> String {
    let (symbol, state) = shown(operation.state);
    let progress = match operation.state {
        State::Approving => {
            super::progress(operation).map_or_else(String::new, |progress| format!(", {progress}"))
        }
        _ => String::new(),
    };
    let when = operation.ended.or(operation.started).unwrap_or(operation.asked);
    format!(
        "{symbol} {} {} · {state}{progress} · {}, {}",
        code(&operation.id),
        inert(&operation.plan.title, 150),
        inert(&operation.name, 60),
        moment(when, &people.zone)
    )
}

/// A state by a symbol and in words.
pub(super) fn shown(state: State) -> (&'static str, &'static str) {
    match state {
        State::Planned => ("📋", "only planned"),
        State::Confirming => ("✋", "waits to be confirmed"),
        State::Approving => ("✋", "waits for approval"),
        State::Queued => ("🕓", "waits in the queue"),
        State::Running => ("⏳", "under way"),
        State::Paused => ("⏸️", "held"),
        State::Succeeded => ("✅", "done"),
        State::Failed => ("❌", "failed"),
        State::Cancelled => ("⏹️", "cancelled"),
        State::Refused => ("⛔", "refused"),
        State::Denied => ("⛔", "denied"),
        State::Expired => ("⌛", "expired"),
        State::Void => ("⚠️", "void"),
        State::Superseded => ("⏭️", "replaced by a newer one"),
        State::Unknown => ("❔", "ended nobody knows how"),
    }
}

/// What somebody will most likely want to do about an operation that is not over.
fn button(operation: &Operation) -> Button {
    let short = operation.id.get(..4).unwrap_or(&operation.id);
    let with = |word: &str, command: &str| {
        Button::new(format!("{word} {short}"), format!("{command} {}", operation.id))
    };
    match operation.state {
        State::Planned => with("Apply", "apply"),
        State::Confirming => with("Confirm", "confirm"),
        State::Approving => with("Approve", "approve"),
        State::Queued => with("Cancel", "cancel").danger("Take it out of the queue?"),
        State::Paused => with("Resume", "resume"),
        State::Running => with("Cancel", "cancel").danger("Stop it at its next safe point?"),
        _ => with("Why", "why"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::tests::{ended, operation, people};
    use otus::operations::Outcome;

    #[test]
    fn the_list_reads_well() {
        let open = [operation(State::Approving), operation(State::Running)];
        let over = [ended(State::Failed, Outcome::Failed, "a pod crashed")];
        let card = operations("api in production", &open, &over, &people());
        insta::assert_snapshot!(Post::from(card).plain(), @r"
        *Operations of api in production*
        ✋ `3f9c2ab01d` Deploy *api* 1.9.0 to *production* · waits for approval, 1 of 2 by `sre` · Ann, 2026-09-21 16:13 CEST
        ⏳ `3f9c2ab01d` Deploy *api* 1.9.0 to *production* · under way · Ann, 2026-09-21 16:13 CEST
        Ended last:
        ❌ `3f9c2ab01d` Deploy *api* 1.9.0 to *production* · failed · Ann, 2026-09-21 16:17 CEST
        [Approve 3f9c] [Cancel 3f9c]
        `why <id>` tells how it came to one of them.
        ");
        let card = operations("", &[], &[], &people());
        insta::assert_snapshot!(Post::from(card).plain(), @r"
        *Operations*
        Nothing is under way, and nothing waits.
        `why <id>` tells how it came to one of them.
        ");
    }
}
