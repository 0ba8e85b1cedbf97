//! What the engine says of operations: cards, refusals, sentences of the record. Pure functions of the row, so that whoever
//! finds a card can write it again.

use super::{
    operation::{Operation, State, Wish},
    plan::{Change, Target},
    transitions::{self, Refusal},
};
use crate::{
    card::{Button, Card, Tone},
    error::UserError,
    ids::UserId,
    markup,
    options::Options,
    phrase,
    policy::VerdictKind,
};
use jiff::Timestamp;

/// How many changes of a plan a card shows.
const MOST_CHANGES: usize = 12;

/// The card of an operation as it stands, but for one under way whose action has something of its own to show.
pub(crate) fn card(operation: &Operation, pauses: bool) -> Card {
    match (&operation.ending, operation.state) {
        (Some(ending), _) => with_footer(ending.card.clone(), operation),
        (None, State::Planned) => with_footer(planned(operation), operation),
        (None, State::Confirming) => with_footer(confirming(operation), operation),
        (None, State::Approving) => with_footer(approving(operation), operation),
        (None, State::Queued) => with_footer(queued(operation), operation),
        (None, _) => running(operation, None, pauses),
    }
}

/// The card of one under way: what its action shows, or what it will do, and the buttons to stop and hold it.
pub(crate) fn running(operation: &Operation, shown: Option<Card>, pauses: bool) -> Card {
    let mut card = shown.unwrap_or_else(|| with_plan(Tone::Running, operation));
    let id = &operation.id;
    match operation.wish {
        Wish::Cancel => {
            card = card.text(format!(
                "Stopping at the next safe point{}.",
                wished_by(operation)
            ))
        }
        Wish::Pause if operation.state == State::Paused => {
            card = card.text(format!("Paused{}.", wished_by(operation)));
        }
        Wish::Pause => card = card.text(format!("Pausing at the next safe point{}.", wished_by(operation))),
        Wish::Go => {}
    }
    if operation.wish != Wish::Cancel {
        let question = "Stop it at the next safe point? What is done stays done.";
        if pauses && operation.wish == Wish::Pause {
            card = card.button(Button::new("Resume", format!("resume {id}")).primary());
        } else if pauses {
            card = card.button(Button::new("Pause", format!("pause {id}")));
        }
        card = card.button(Button::new("Cancel", format!("cancel {id}")).danger(question));
    }
    with_footer(card, operation)
}

fn wished_by(operation: &Operation) -> String {
    match &operation.wished_by {
        Some(by) => format!(", as {} wants", markup::user(by)),
        None => String::new(),
    }
}

/// While the robot stops: it goes on afterwards.
pub(crate) fn resting(operation: &Operation) -> Card {
    let card = with_plan(Tone::Running, operation)
        .text("I am restarting. It goes on by itself where it stopped, in a moment.");
    with_footer(card, operation)
}

/// Taken up from another process, before the action has shown anything.
pub(crate) fn taken_up(operation: &Operation) -> Card {
    with_plan(Tone::Running, operation)
        .text("Taken up again after an interruption; it goes on where it stopped.")
}

/// The plan, as somebody reads it before it happens.
fn with_plan(tone: Tone, operation: &Operation) -> Card {
    let plan = &operation.plan;
    let mut card = Card::new(tone, plan.title.clone());
    for change in plan.changes.iter().take(MOST_CHANGES) {
        card = card.field(change.what.clone(), change_value(change));
    }
    if plan.changes.len() > MOST_CHANGES {
        card = card.text(format!(
            "… and {} more changes.",
            plan.changes.len() - MOST_CHANGES
        ));
    }
    for warning in &plan.warnings {
        card = card.text(format!("⚠️ {warning}"));
    }
    for note in &plan.notes {
        card = card.text(note.clone());
    }
    if let Some(reason) = &operation.reason {
        card = card.text(format!("_because {}_", markup::clean(reason)));
    }
    if operation.verdict.glass {
        card = card.text("🚨 *The glass is broken*: policy would not allow this.");
    }
    card
}

fn change_value(change: &Change) -> String {
    match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("{from} → {to}"),
        (None, Some(to)) => format!("{to} (new)"),
        (Some(from), None) => format!("{from} → gone"),
        (None, None) => "changes".into(),
    }
}

fn planned(operation: &Operation) -> Card {
    let id = &operation.id;
    let card = with_plan(Tone::Neutral, operation);
    let card = match &operation.verdict.kind {
        VerdictKind::Allow => card.text("Nothing has changed yet. It may be applied."),
        VerdictKind::Confirm => card.text("Nothing has changed yet. It may be applied, with a confirmation."),
        VerdictKind::Approve { .. } => card.text(format!(
            "Nothing has changed yet. To be applied it needs {}.",
            lacking(operation)
        )),
        VerdictKind::Wait { .. } => card.text(format!(
            "Nothing has changed yet. It could not be applied right now: {}.",
            operation.verdict.rule
        )),
        VerdictKind::Refuse => card.text(format!(
            "Nothing has changed yet. {} could not apply it: {}.",
            markup::user(&operation.by),
            operation.verdict.rule
        )),
    };
    card.text(until(operation, "It can be applied"))
        .button(Button::new("Apply", format!("apply {id}")).primary())
        .button(Button::new("Cancel", format!("cancel {id}")))
}

fn confirming(operation: &Operation) -> Card {
    let id = &operation.id;
    let mut card = with_plan(Tone::Warning, operation).text(format!(
        "{}, please confirm: {}.",
        markup::user(&operation.by),
        operation.verdict.rule
    ));
    if !transitions::needs(operation).is_empty() {
        card = card.text(format!("After that it needs {}.", lacking(operation)));
    }
    card.text(until(operation, "It waits"))
        .button(Button::new("Confirm", format!("confirm {id}")).primary())
        .button(Button::new("Cancel", format!("cancel {id}")))
}

fn approving(operation: &Operation) -> Card {
    let id = &operation.id;
    let mut card = with_plan(Tone::Warning, operation).text(format!(
        "It needs {}: {}.",
        lacking(operation),
        operation.verdict.rule
    ));
    if !operation.approvals.is_empty() {
        card = card.text(format!("Approved so far by {}.", approvers(operation)));
    }
    card.text(until(operation, "It waits"))
        .button(Button::new("Approve", format!("approve {id}")).primary())
        .button(Button::new("Deny", format!("deny {id}")).danger("Say no to it?"))
        .button(Button::new("Cancel", format!("cancel {id}")))
}

fn queued(operation: &Operation) -> Card {
    let mut card = with_plan(Tone::Neutral, operation);
    if matches!(operation.verdict.kind, VerdictKind::Wait { .. }) {
        card = card.text(format!("In the way: {}.", operation.verdict.rule));
    } else {
        card = card.text(format!(
            "In the way: another operation on {}.",
            markup::bold(&operation.plan.target.to_string())
        ));
    }
    card.text("It begins by itself when its way is free; a newer one takes its place.")
        .text(until(operation, "It waits"))
        .button(Button::new("Cancel", format!("cancel {}", operation.id)))
}

fn until(operation: &Operation, what: &str) -> String {
    let plan = markup::code(operation.hash.short());
    match operation.expires {
        Some(expires) => format!("{what} until {}. Plan {plan}.", phrase::moment(expires)),
        None => format!("{what}. Plan {plan}."),
    }
}

/// What approvals are still needed, in words: `1 more approval of sre`.
pub(crate) fn lacking(operation: &Operation) -> String {
    let needs: Vec<_> = transitions::needs(operation)
        .iter()
        .map(|need| {
            let lacking = transitions::lacking(operation, &operation.approvals, need);
            let what = if lacking == 1 { "approval" } else { "approvals" };
            let more = if lacking < need.count { " more" } else { "" };
            (
                lacking,
                format!("{lacking}{more} {what} of {}", markup::code(&need.role)),
            )
        })
        .filter(|(lacking, _)| *lacking > 0)
        .map(|(_, text)| text)
        .collect();
    match needs.as_slice() {
        [] => "no more approvals".into(),
        needs => phrase::list(needs),
    }
}

/// Policy said no, or not now.
pub(crate) fn refused(operation: &Operation) -> Card {
    let line = markup::code(&operation.line);
    let rule = &operation.verdict.rule;
    let why = Button::new("Why?", format!("why {}", operation.id));
    match &operation.verdict.kind {
        VerdictKind::Wait { lock, until } => {
            let mut card = Card::new(Tone::Warning, format!("Not now: {rule}.")).text(format!(
                "{line} was not begun{}.",
                match until {
                    Some(until) => format!(
                        "; as far as anybody knows, the way is free at {}",
                        phrase::moment(*until)
                    ),
                    None => String::new(),
                }
            ));
            card = card.button(Button::new("Queue it", with_queue(operation)));
            if let Some(lock) = lock {
                card = card.button(Button::new(
                    "Tell me when it opens",
                    format!("tell me when {} opens", lock.target),
                ));
            }
            card.button(why)
        }
        _ => Card::new(Tone::Bad, format!("I won't do {line} for you: {rule}.")).button(why),
    }
}

/// Another one runs on the target.
pub(crate) fn busy(operation: &Operation, other: &Operation, now: Timestamp) -> Card {
    Card::new(Tone::Warning, format!("Not now: {}", busy_note(other)))
        .text(format!(
            "{} was not begun; the other one is under way for {}.",
            markup::code(&operation.line),
            phrase::duration(phrase::between(other.started.unwrap_or(other.asked), now))
        ))
        .button(Button::new("Queue it", with_queue(operation)))
        .button(Button::new("Why?", format!("why {}", other.id)))
}

/// Who does what, and since when.
pub(crate) fn busy_note(other: &Operation) -> String {
    format!(
        "{} does {} since {}, and only one at a time may change {}.",
        markup::clean(&other.name),
        markup::code(&other.line),
        phrase::moment(other.started.unwrap_or(other.asked)),
        other.plan.target
    )
}

/// The same command again, waiting for its way to be free.
pub(crate) fn with_queue(operation: &Operation) -> String {
    let options = Options {
        plan: false,
        queue: true,
        reason: operation.reason.as_deref().map(markup::clean),
    };
    options.on(&operation.line)
}

fn because(operation: &Operation) -> String {
    match &operation.reason {
        Some(reason) => format!(" because {}", markup::clean(reason)),
        None => String::new(),
    }
}

/// There is nothing to do.
pub(crate) fn nothing_to_do(operation: &Operation) -> Card {
    let mut card = Card::new(Tone::Good, operation.plan.title.clone())
        .text("There is nothing to do: it is like that already.");
    for note in operation.plan.warnings.iter().chain(&operation.plan.notes) {
        card = card.text(note.clone());
    }
    card
}

/// The world moved.
pub(crate) fn void(operation: &Operation, moved: &[String]) -> Card {
    let what: Vec<_> = moved.iter().map(|what| format!("• {what}")).collect();
    Card::new(Tone::Warning, format!("Void: {}", operation.plan.title))
        .text("The world moved since it was planned, so nothing was done:")
        .text(what.join("\n"))
        .button(again(operation))
}

/// Nobody agreed in time.
pub(crate) fn expired(operation: &Operation) -> Card {
    Card::new(Tone::Neutral, format!("Expired: {}", operation.plan.title))
        .text(format!("{} Nothing was done.", expired_note(operation)))
        .button(again(operation))
}

/// What did not come in time.
pub(crate) fn expired_note(operation: &Operation) -> String {
    match operation.state {
        State::Planned => "Nobody applied it in time.".into(),
        State::Confirming => "It was not confirmed in time.".into(),
        State::Approving => format!("It still needed {}.", lacking(operation)),
        _ => "Its way did not become free in time.".into(),
    }
}

/// A newer one took its place in the queue.
pub(crate) fn superseded(operation: &Operation, newer: &Operation) -> Card {
    Card::new(Tone::Neutral, format!("Superseded: {}", operation.plan.title)).text(format!(
        "{} asked for {} since, which took its place. Nothing was done.",
        markup::clean(&newer.name),
        markup::code(&newer.line)
    ))
}

/// One who was asked to approve said no.
pub(crate) fn denied(operation: &Operation, by: &UserId, reason: Option<&str>) -> Card {
    let why = match reason {
        Some(reason) => format!(": {}", markup::clean(reason)),
        None => String::new(),
    };
    Card::new(Tone::Bad, format!("Denied: {}", operation.plan.title))
        .text(format!("{} said no{why}. Nothing was done.", markup::user(by)))
}

/// Somebody took it back before it began.
pub(crate) fn taken_back(operation: &Operation, by: &UserId) -> Card {
    Card::new(Tone::Neutral, format!("Cancelled: {}", operation.plan.title))
        .text(format!(
            "{} took it back before it began. Nothing was done.",
            markup::user(by)
        ))
        .button(again(operation))
}

/// It cannot be planned any more.
pub(crate) fn unplannable(operation: &Operation, why: &str) -> Card {
    Card::new(Tone::Bad, format!("Not begun: {}", operation.plan.title))
        .text(why)
        .button(again(operation))
}

/// Its action failed with words for people.
pub(crate) fn failed(operation: &Operation, why: &str) -> Card {
    Card::new(Tone::Bad, format!("Failed: {}", operation.plan.title))
        .text(why)
        .button(again(operation))
}

/// Its action failed with what only the log should say.
pub(crate) fn broken(operation: &Operation) -> Card {
    let why = format!(
        "That went wrong on my side, so I stopped. The log has the details under incident `{}`.",
        operation.id
    );
    failed(operation, &why)
}

/// Why [`broken`], for the record.
pub(crate) const BROKEN: &str = "It went wrong on the robot's side; the log has the details under its id.";

fn again(operation: &Operation) -> Button {
    Button::new("Again", format!("again {}", operation.id))
}

/// Adds the small print: who asked, who approved, how long it took, the id.
fn with_footer(mut card: Card, operation: &Operation) -> Card {
    let asked = match operation.origin.schedule {
        Some(_) => "scheduled",
        None => "asked",
    };
    let mut parts = vec![format!("{asked} by {}", markup::user(&operation.by))];
    if !operation.approvals.is_empty() {
        parts.push(format!("approved by {}", approvers(operation)));
    }
    match (operation.started, operation.ended) {
        (Some(started), Some(ended)) => parts.push(phrase::duration(phrase::between(started, ended))),
        (Some(started), None) => parts.push(format!("since {}", phrase::moment(started))),
        (None, _) => {}
    }
    parts.push(markup::code(&operation.id));
    if let Some(footer) = card.footer.take() {
        parts.insert(0, footer);
    }
    card.footer = Some(parts.join(" · "));
    card
}

fn approvers(operation: &Operation) -> String {
    let people: Vec<_> = operation
        .approvals
        .iter()
        .map(|approval| markup::user(&approval.by))
        .collect();
    phrase::list(&people)
}

/// Why something cannot be done to an operation as it stands.
pub(crate) fn refusal(refusal: &Refusal, operation: &Operation) -> UserError {
    let what = markup::code(&operation.line);
    let id = markup::code(&operation.id);
    let state = operation.state.name();
    UserError::new(match refusal {
        Refusal::Over => format!("{what} ({id}) is over: it is {state}."),
        Refusal::Runs => format!("{what} ({id}) runs already."),
        Refusal::RunsNot => format!("{what} ({id}) is not running: it is {state}."),
        Refusal::PausedNot => format!("{what} ({id}) is not paused."),
        Refusal::WaitsNot => format!("{what} ({id}) does not wait for that: it is {state}."),
        Refusal::Expired => format!("{what} ({id}) waited too long and has expired. Ask for it again."),
        Refusal::Theirs => format!(
            "Only {} can confirm {what} ({id}), since they asked for it.",
            markup::clean(&operation.name)
        ),
        Refusal::Own => {
            format!("You asked for {what} ({id}) yourself, so somebody else has to decide on it.")
        }
        Refusal::Twice => {
            format!(
                "You have approved {what} ({id}) already. It needs {} by others.",
                lacking(operation)
            )
        }
        Refusal::OtherPlan => {
            format!("The plan of {what} ({id}) is another one by now. Look at its card again.")
        }
    })
}

/// They may not approve or deny it, and why.
pub(crate) fn may_not_decide(operation: &Operation, why: &str) -> UserError {
    UserError::new(format!(
        "You can't decide on {} ({}): {why}.",
        markup::code(&operation.line),
        markup::code(&operation.id)
    ))
}

/// They may not touch it, and why.
pub(crate) fn may_not_touch(operation: &Operation, rule: &str) -> UserError {
    UserError::new(format!(
        "You can't do that to {} ({}): {rule}.",
        markup::code(&operation.line),
        markup::code(&operation.id)
    ))
}

/// It was agreed to, but something came in its way; it goes on waiting.
pub(crate) fn not_yet(operation: &Operation, why: &str, command: &str) -> UserError {
    UserError::new(format!(
        "{} ({}) can't begin now: {why} It goes on waiting; say it again when the way is free.",
        markup::code(&operation.line),
        markup::code(&operation.id)
    ))
    .instead(format!("{command} {}", operation.id))
}

/// It turned out void.
pub(crate) fn is_void(operation: &Operation) -> UserError {
    let note = operation
        .ending
        .as_ref()
        .map(|ending| ending.note.clone())
        .unwrap_or_default();
    UserError::new(format!(
        "{} ({}) is void. {note}",
        markup::code(&operation.line),
        markup::code(&operation.id)
    ))
    .instead(format!("again {}", operation.id))
}

/// It cannot be held.
pub(crate) fn cannot_pause(operation: &Operation) -> UserError {
    UserError::new(format!(
        "{} ({}) can't be paused, only cancelled.",
        markup::code(&operation.line),
        markup::code(&operation.id)
    ))
}

/// There is nothing in its way that one could wait for.
pub(crate) fn nothing_to_wait_for(operation: &Operation) -> UserError {
    UserError::new(format!(
        "{} ({}) is {}: there is nothing to wait for.",
        markup::code(&operation.line),
        markup::code(&operation.id),
        operation.state.name()
    ))
}

/// No operation has this id.
pub(crate) fn unknown(id: &str) -> UserError {
    UserError::new(format!("I know no operation {}.", markup::code(id)))
}

/// Several operations' ids begin so.
pub(crate) fn several(id: &str, found: &[Operation]) -> UserError {
    let some: Vec<_> = found
        .iter()
        .take(5)
        .map(|operation| {
            format!(
                "{} ({})",
                markup::code(&operation.id),
                markup::code(&operation.line)
            )
        })
        .collect();
    UserError::new(format!(
        "Several operations begin with {}: {}.",
        markup::code(id),
        phrase::list(&some)
    ))
}

/// No id was given, and the thread has no operation.
pub(crate) fn which() -> UserError {
    UserError::new("Which operation? Say its id, or say it in the operation's thread.")
}

/// The sentence of the record for what was asked.
pub(crate) fn asked(operation: &Operation) -> String {
    format!(
        "{} asked for `{}`{}.",
        operation.name,
        operation.line,
        because(operation)
    )
}

/// The sentence of the record for what could not even be planned.
pub(crate) fn unplanned(name: &str, line: &str, why: &str) -> String {
    format!("{name} asked for `{line}`, which could not be planned: {why}")
}

/// The sentence of the record for what was decided.
pub(crate) fn decided(operation: &Operation) -> String {
    let rule = &operation.verdict.rule;
    match &operation.verdict.kind {
        VerdictKind::Allow => format!("Policy allows it: {rule}."),
        VerdictKind::Confirm => format!("Policy asks for a confirmation: {rule}."),
        VerdictKind::Approve { .. } => format!("Policy asks for {}: {rule}.", lacking(operation)),
        VerdictKind::Wait { .. } => format!("Policy says not now: {rule}."),
        VerdictKind::Refuse => format!("Policy says no: {rule}."),
    }
}

/// The sentence of the record for a wish.
pub(crate) fn wished(wish: Wish) -> &'static str {
    match wish {
        Wish::Go => "It is wanted to go on.",
        Wish::Pause => "It is wanted to wait at its next safe point.",
        Wish::Cancel => "It is wanted to stop at its next safe point.",
    }
}

/// The sentence of the record for an end.
pub(crate) fn recorded_end(operation: &Operation) -> String {
    let note = operation.ending.as_ref().map(|ending| ending.note.as_str());
    format!(
        "It ended as {}: {}",
        operation.state.name(),
        note.unwrap_or_default()
    )
}

/// In whose way it is, for a target: `api in production is busy`.
pub(crate) fn is_busy(target: &Target, other: &Operation) -> String {
    format!("{target} is busy. {}", busy_note(other))
}
