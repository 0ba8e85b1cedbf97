//! How an operation goes from one state to the next: pure functions of the row, of who does it, and of the time. Each answers
//! the row as it should be saved and the entries of the audit trail that are saved with it, or why it cannot be.

use super::{
    action::{Ending, Outcome},
    operation::{Approval, Lease, Need, Operation, State, Wish},
    plan::Plan,
    texts,
};
use crate::{
    audit::Entry,
    card::Card,
    ids::UserId,
    options::Options,
    policy::{Policy, Verdict, VerdictKind},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// The next row and what is recorded with it, or why there is none.
pub(crate) type Moved = Result<(Operation, Vec<Entry>), Refusal>;

/// Why something cannot be done to an operation as it stands. [`texts::refusal`] says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is over.
    Over,
    /// It runs already.
    Runs,
    /// It does not run.
    RunsNot,
    /// It is not paused, and nobody wants it to be.
    PausedNot,
    /// It does not wait for this.
    WaitsNot,
    /// Its time is over.
    Expired,
    /// It is somebody else's to confirm.
    Theirs,
    /// Nobody approves what they asked for themselves.
    Own,
    /// They have approved already.
    Twice,
    /// The plan is another one by now.
    OtherPlan,
}

/// Whether somebody may touch the card, or begin it: whoever has the lease, or anybody if nobody has.
pub(crate) fn is_free(operation: &Operation, now: Timestamp) -> bool {
    operation.lease.owner.is_none() || operation.lease.until.is_none_or(|until| until <= now)
}

/// Whether the lease is this owner's.
pub(crate) fn is_of(operation: &Operation, owner: Option<&str>, generation: u64) -> bool {
    operation.lease.owner.as_deref() == owner && operation.lease.generation == generation
}

fn has_expired(operation: &Operation, now: Timestamp) -> bool {
    operation.expires.is_some_and(|expires| expires <= now)
}

fn after(now: Timestamp, duration: SignedDuration) -> Option<Timestamp> {
    // What lies beyond the end of time never expires.
    now.checked_add(duration).ok()
}

/// Whether enough people have approved exactly this plan: of each need's role so many, each person counted once per need, and
/// never who asked.
pub(crate) fn is_met(operation: &Operation, approvals: &[Approval]) -> bool {
    needs(operation)
        .iter()
        .all(|need| lacking(operation, approvals, need) == 0)
}

/// How many approvals a need still lacks.
pub(crate) fn lacking(operation: &Operation, approvals: &[Approval], need: &Need) -> u32 {
    let mut people: Vec<_> = approvals
        .iter()
        .filter(|approval| approval.hash == operation.hash && approval.by != operation.by)
        .filter(|approval| approval.roles.contains(&need.role))
        .map(|approval| &approval.by)
        .collect();
    people.sort();
    people.dedup();
    need.count
        .saturating_sub(u32::try_from(people.len()).unwrap_or(u32::MAX))
}

/// What has to be agreed.
pub(crate) fn needs(operation: &Operation) -> &[Need] {
    match &operation.verdict.kind {
        VerdictKind::Approve { needs, .. } => needs,
        _ => &[],
    }
}

/// What was asked, with what policy said of it: the first row of an operation. A running one has no lease yet.
pub(crate) fn proposed(
    operation: &Operation,
    options: &Options,
    policy: &Policy,
    now: Timestamp,
) -> (Operation, Vec<Entry>) {
    let mut entries = vec![
        Entry::of(operation, now, "asked", texts::asked(operation))
            .by(&operation.by)
            .data(json!({ "plan": operation.plan, "ask": operation.ask, "reason": operation.reason })),
    ];
    let (next, more) = if operation.plan.nothing_to_do {
        nothing_to_do(operation, now)
    } else if options.plan {
        let mut next = operation.clone();
        next.state = State::Planned;
        next.expires = after(now, policy.confirm_expires);
        let decided = decided(&next, now);
        (next, vec![decided])
    } else {
        settled(operation, options.queue, false, policy, now)
    };
    entries.extend(more);
    (next, entries)
}

/// Where what policy said leads to. `confirmed` is true when who asked has seen this very plan and said yes to it.
pub(crate) fn settled(
    operation: &Operation,
    queue: bool,
    confirmed: bool,
    policy: &Policy,
    now: Timestamp,
) -> (Operation, Vec<Entry>) {
    let mut next = operation.clone();
    next.told = false;
    let decided = decided(&next, now);
    match next.verdict.kind.clone() {
        VerdictKind::Allow => begun(&next, vec![decided], now),
        VerdictKind::Confirm if confirmed => begun(&next, vec![decided], now),
        VerdictKind::Confirm => {
            next.state = State::Confirming;
            next.expires = after(now, policy.confirm_expires);
            (next, vec![decided])
        }
        VerdictKind::Approve { confirm: true, .. } if !confirmed => {
            next.state = State::Confirming;
            next.expires = after(now, policy.confirm_expires);
            (next, vec![decided])
        }
        VerdictKind::Approve { expire, .. } => {
            next.state = State::Approving;
            next.expires = after(now, SignedDuration::from_secs(expire));
            (next, vec![decided])
        }
        VerdictKind::Wait { .. } if queue => {
            let (next, queued) = queued(&next, policy, now);
            (next, [vec![decided], queued].concat())
        }
        VerdictKind::Wait { .. } | VerdictKind::Refuse => {
            let card = texts::refused(&next);
            let note = next.verdict.rule.clone();
            let next = ended(&next, State::Refused, Outcome::Cancelled, note, card, now);
            (next, vec![decided])
        }
    }
}

fn decided(operation: &Operation, now: Timestamp) -> Entry {
    Entry::of(operation, now, "decided", texts::decided(operation))
        .rule(operation.verdict.rule.clone())
        .data(json!({ "verdict": operation.verdict }))
}

/// The world is like that already.
pub(crate) fn nothing_to_do(operation: &Operation, now: Timestamp) -> (Operation, Vec<Entry>) {
    let card = texts::nothing_to_do(operation);
    let note = "There is nothing to do.".to_owned();
    let next = ended(operation, State::Succeeded, Outcome::Succeeded, note, card, now);
    let entry = Entry::of(&next, now, "ended", texts::recorded_end(&next));
    (next, vec![entry])
}

/// It begins: the lease is taken by the saver, who raises the generation.
pub(crate) fn begun(
    operation: &Operation,
    mut entries: Vec<Entry>,
    now: Timestamp,
) -> (Operation, Vec<Entry>) {
    let mut next = operation.clone();
    next.state = State::Running;
    next.expires = None;
    next.started = Some(now);
    next.wish = Wish::Go;
    next.wished_by = None;
    next.told = false;
    next.lease.generation += 1;
    entries.push(
        Entry::of(&next, now, "started", "It begins.").data(json!({ "generation": next.lease.generation })),
    );
    (next, entries)
}

/// Another one runs on its target, and nobody asked to wait for it.
pub(crate) fn blocked(operation: &Operation, other: &Operation, now: Timestamp) -> (Operation, Vec<Entry>) {
    let card = texts::busy(operation, other, now);
    let note = texts::busy_note(other);
    let next = ended(
        operation,
        State::Refused,
        Outcome::Cancelled,
        note.clone(),
        card,
        now,
    );
    let entry = Entry::of(&next, now, "refused", note).data(json!({ "busy": other.id }));
    (next, vec![entry])
}

/// It waits for its way to be free.
pub(crate) fn queued(operation: &Operation, policy: &Policy, now: Timestamp) -> (Operation, Vec<Entry>) {
    let mut next = operation.clone();
    next.state = State::Queued;
    next.started = None;
    next.expires = after(now, policy.queue_expires);
    next.told = false;
    let entry = Entry::of(&next, now, "queued", "It waits until its way is free.");
    (next, vec![entry])
}

/// A newer one of its kind on its target takes its place in the queue.
pub(crate) fn superseded(operation: &Operation, newer: &Operation, now: Timestamp) -> Moved {
    if operation.state != State::Queued {
        return Err(Refusal::WaitsNot);
    }
    let card = texts::superseded(operation, newer);
    let note = format!("A newer one took its place: {}.", newer.id);
    let next = ended(
        operation,
        State::Superseded,
        Outcome::Superseded,
        note.clone(),
        card,
        now,
    );
    let entry = Entry::of(&next, now, "superseded", note).data(json!({ "newer": newer.id }));
    Ok((next, vec![entry]))
}

/// Nobody agreed in time.
pub(crate) fn expired(operation: &Operation, now: Timestamp) -> Moved {
    if !operation.state.is_waiting() || !has_expired(operation, now) {
        return Err(Refusal::WaitsNot);
    }
    let card = texts::expired(operation);
    let note = texts::expired_note(operation);
    let next = ended(
        operation,
        State::Expired,
        Outcome::Cancelled,
        note.clone(),
        card,
        now,
    );
    let entry = Entry::of(&next, now, "expired", note);
    Ok((next, vec![entry]))
}

/// The world moved between the plan and its use.
pub(crate) fn voided(operation: &Operation, new: &Plan, now: Timestamp) -> (Operation, Vec<Entry>) {
    let moved = operation.plan.moved(new);
    let card = texts::void(operation, &moved);
    let note = format!("The world moved since it was planned: {}.", moved.join("; "));
    let next = ended(
        operation,
        State::Void,
        Outcome::Cancelled,
        note.clone(),
        card,
        now,
    );
    let entry = Entry::of(&next, now, "void", note).data(json!({ "now": new, "hash": new.hash() }));
    (next, vec![entry])
}

/// It waited long enough for the world to change; this is what it would do now.
pub(crate) fn replanned(operation: &Operation, plan: Plan, now: Timestamp) -> (Operation, Vec<Entry>) {
    let moved = operation.plan.moved(&plan);
    let mut next = operation.clone();
    next.hash = plan.hash();
    next.plan = plan;
    next.approvals.clear();
    let text = format!("It was planned anew: {}.", moved.join("; "));
    let entry = Entry::of(&next, now, "planned", text).data(json!({ "plan": next.plan }));
    (next, vec![entry])
}

/// Policy says no by now.
pub(crate) fn refused(operation: &Operation, verdict: Verdict, now: Timestamp) -> (Operation, Vec<Entry>) {
    let mut next = operation.clone();
    next.verdict = verdict;
    let card = texts::refused(&next);
    let note = next.verdict.rule.clone();
    let next = ended(&next, State::Refused, Outcome::Cancelled, note, card, now);
    let entry = decided(&next, now);
    (next, vec![entry])
}

/// It turned out that it cannot be planned any more.
pub(crate) fn unplannable(operation: &Operation, why: &str, now: Timestamp) -> (Operation, Vec<Entry>) {
    let card = texts::unplannable(operation, why);
    let note = crate::markup::plain(why);
    let next = ended(operation, State::Failed, Outcome::Failed, note, card, now);
    let entry = Entry::of(&next, now, "ended", texts::recorded_end(&next));
    (next, vec![entry])
}

/// Who asked says yes.
pub(crate) fn may_confirm(operation: &Operation, by: &UserId, now: Timestamp) -> Result<(), Refusal> {
    waits(operation, State::Confirming, now)?;
    if *by == operation.by {
        Ok(())
    } else {
        Err(Refusal::Theirs)
    }
}

/// The entry of a confirmation.
pub(crate) fn confirmed(operation: &Operation, now: Timestamp) -> Entry {
    Entry::of(operation, now, "confirmed", "Who asked has confirmed it.").by(&operation.by)
}

/// Whether this person may be asked for an approval at all; which roles they have is found out afterwards.
pub(crate) fn may_approve(operation: &Operation, by: &UserId, now: Timestamp) -> Result<(), Refusal> {
    waits(operation, State::Approving, now)?;
    if *by == operation.by {
        return Err(Refusal::Own);
    }
    if operation.approvals.iter().any(|approval| approval.by == *by) {
        return Err(Refusal::Twice);
    }
    Ok(())
}

/// Somebody agrees, with the roles they have now, to the plan they saw. The others' approvals are those that still hold.
pub(crate) fn approved(
    operation: &Operation,
    others: Vec<Approval>,
    approval: Approval,
    now: Timestamp,
) -> Moved {
    may_approve(operation, &approval.by, now)?;
    if approval.hash != operation.hash {
        return Err(Refusal::OtherPlan);
    }
    let mut next = operation.clone();
    next.told = false;
    let entry = Entry::of(&next, now, "approved", "It was approved.")
        .by(&approval.by)
        .data(json!({ "roles": approval.roles }));
    next.approvals = others;
    next.approvals.push(approval);
    Ok((next, vec![entry]))
}

/// Somebody who may approve says no.
pub(crate) fn denied(operation: &Operation, by: &UserId, reason: Option<&str>, now: Timestamp) -> Moved {
    waits(operation, State::Approving, now)?;
    if *by == operation.by {
        return Err(Refusal::Own);
    }
    let card = texts::denied(operation, by, reason);
    let note = match reason {
        Some(reason) => format!("It was denied: {reason}."),
        None => "It was denied.".to_owned(),
    };
    let next = ended(
        operation,
        State::Denied,
        Outcome::Cancelled,
        note.clone(),
        card,
        now,
    );
    let entry = Entry::of(&next, now, "denied", note).by(by);
    Ok((next, vec![entry]))
}

/// Somebody takes back what has not begun.
pub(crate) fn taken_back(operation: &Operation, by: &UserId, now: Timestamp) -> Moved {
    if operation.state.is_over() {
        return Err(Refusal::Over);
    }
    if operation.state.is_active() {
        return Err(Refusal::Runs);
    }
    let card = texts::taken_back(operation, by);
    let note = "It was taken back before it began.".to_owned();
    let next = ended(
        operation,
        State::Cancelled,
        Outcome::Cancelled,
        note.clone(),
        card,
        now,
    );
    let entry = Entry::of(&next, now, "cancelled", note).by(by);
    Ok((next, vec![entry]))
}

/// Somebody wants something of a running one.
pub(crate) fn wished(operation: &Operation, wish: Wish, by: &UserId, now: Timestamp) -> Moved {
    if operation.state.is_over() {
        return Err(Refusal::Over);
    }
    if !operation.state.is_active() {
        return Err(Refusal::RunsNot);
    }
    let is_held = operation.state == State::Paused || operation.wish == Wish::Pause;
    if wish == Wish::Go && (!is_held || operation.wish == Wish::Cancel) {
        return Err(Refusal::PausedNot);
    }
    if wish == Wish::Pause && operation.wish == Wish::Cancel {
        return Err(Refusal::RunsNot);
    }
    let mut next = operation.clone();
    if next.wish == wish {
        return Ok((next, Vec::new()));
    }
    next.wish = wish;
    next.wished_by = Some(by.clone());
    let entry = Entry::of(&next, now, "wish", texts::wished(wish)).by(by);
    Ok((next, vec![entry]))
}

/// A process takes up what another one left. The saver puts in its lease.
pub(crate) fn taken_up(operation: &Operation, now: Timestamp) -> Moved {
    if !operation.state.is_active() || !is_free(operation, now) {
        return Err(Refusal::RunsNot);
    }
    let mut next = operation.clone();
    next.lease = Lease {
        generation: operation.lease.generation + 1,
        ..Lease::default()
    };
    let entry = Entry::of(
        &next,
        now,
        "taken_up",
        "Another process goes on with it, where it stopped.",
    )
    .data(json!({ "generation": next.lease.generation }));
    Ok((next, vec![entry]))
}

/// Its action came to an end.
pub(crate) fn finished(operation: &Operation, ending: Ending, now: Timestamp) -> (Operation, Vec<Entry>) {
    let state = match ending.outcome {
        Outcome::Succeeded => State::Succeeded,
        Outcome::Failed => State::Failed,
        Outcome::Cancelled => State::Cancelled,
        Outcome::Superseded => State::Superseded,
        Outcome::Unknown => State::Unknown,
    };
    let next = ended(operation, state, ending.outcome, ending.note, ending.card, now);
    let entry = Entry::of(&next, now, "ended", texts::recorded_end(&next))
        .data(json!({ "outcome": state.name(), "generation": next.lease.generation }));
    (next, vec![entry])
}

fn waits(operation: &Operation, state: State, now: Timestamp) -> Result<(), Refusal> {
    if operation.state.is_over() {
        Err(Refusal::Over)
    } else if operation.state.is_active() {
        Err(Refusal::Runs)
    } else if operation.state != state {
        Err(Refusal::WaitsNot)
    } else if has_expired(operation, now) {
        Err(Refusal::Expired)
    } else {
        Ok(())
    }
}

/// Whether it can be applied: it was planned, and still counts.
pub(crate) fn may_apply(operation: &Operation, now: Timestamp) -> Result<(), Refusal> {
    waits(operation, State::Planned, now)
}

fn ended(
    operation: &Operation,
    state: State,
    outcome: Outcome,
    note: String,
    card: Card,
    now: Timestamp,
) -> Operation {
    Operation {
        state,
        ended: Some(now),
        expires: None,
        ending: Some(Ending { outcome, note, card }),
        told: false,
        ..operation.clone()
    }
}
