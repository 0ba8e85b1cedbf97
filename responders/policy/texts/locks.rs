//! What is said about locks.

use jiff::{SignedDuration, Timestamp};
use otus::{
    Button, Card, Tone, UserError, UserId,
    markup::{self, bold, clean, code},
    operations::Operation,
    policy::{Freeze, Lock, LockTarget, words},
};

/// So many locks have a button and a line.
const MOST: usize = 20;

/// Two environments were named.
pub(crate) fn environment_in_environment(one: &str, other: &str) -> String {
    format!(
        "{} and {} are both environments. I lock a service, an environment, or a service in an environment.",
        code(one),
        code(other)
    )
}

/// A lock needs a reason.
pub(crate) fn why_lock(line: &str) -> String {
    format!(
        "Why? Who is held up by it will want to know. Say {}.",
        code(&format!("{line} because <reason>"))
    )
}

/// Somebody else's lock goes only with a reason.
pub(crate) fn why_unlock(lock: &Lock, now: Timestamp, line: &str) -> String {
    format!(
        "It is not your lock: {}. Why should it go? Say {}.",
        words::locked(lock, now),
        code(&format!("{line} because <reason>"))
    )
}

/// What would be locked.
pub(crate) fn lock_title(target: &LockTarget, length: Option<SignedDuration>) -> String {
    let length = length.map(|length| format!(" for {}", words::length(length)));
    format!(
        "Lock {}{}",
        bold(&clean(&target.to_string())),
        length.unwrap_or_default()
    )
}

/// A lock that will be.
pub(crate) fn lock_for(length: Option<SignedDuration>, reason: &str) -> String {
    let length = match length {
        Some(length) => format!("for {}", words::length(length)),
        None => "until somebody unlocks it".into(),
    };
    format!("{length}: {}", clean(reason))
}

/// A lock that is. It stands in a plan, which may not differ from moment to moment.
pub(crate) fn lock_until(until: Option<Timestamp>, reason: &str) -> String {
    let until = match until {
        Some(until) => format!("until {}", until.strftime("%Y-%m-%d %H:%M UTC")),
        None => "until somebody unlocks it".into(),
    };
    format!("{until}: {}", clean(reason))
}

/// What the lock holds up.
pub(crate) fn in_the_way_of(target: &LockTarget) -> String {
    let what = match target {
        LockTarget::Service(service) => format!("{}, in every environment", clean(service)),
        LockTarget::Environment(environment) => format!("everything in {}", clean(environment)),
        LockTarget::Both(service, environment) => {
            format!("{} in {}", clean(service), clean(environment))
        }
    };
    format!("It is in the way of whoever else wants to change {what}.")
}

/// What is under way is not stopped by a lock.
pub(crate) fn goes_on(operation: &Operation) -> String {
    format!(
        "{} by {} is under way and goes on: {}",
        clean(&operation.kind),
        clean(&operation.name),
        operation.plan.title
    )
}

/// Somebody else's lock is on it already.
pub(crate) fn taken(lock: &Lock, now: Timestamp) -> UserError {
    UserError::new(format!("I can't lock it again: {}.", words::locked(lock, now)))
        .instead(format!("tell me when {} opens", lock.target))
}

/// The same, found out only at the last moment.
pub(crate) fn taken_meanwhile(lock: &Lock, now: Timestamp) -> Card {
    let title = format!("Somebody was faster: {}", words::locked(lock, now));
    Card::new(Tone::Bad, title).button(Button::new(
        "Tell me",
        format!("tell me when {} opens", lock.target),
    ))
}

/// For the record.
pub(crate) fn taken_record(lock: &Lock) -> String {
    format!("{} was locked by {} first", lock.target, lock.name)
}

/// For the record.
pub(crate) fn locked_record(lock: &Lock) -> String {
    let until = lock.until.map(|until| format!(" until {until}"));
    format!(
        "{} locked {}{}: {}",
        lock.name,
        lock.target,
        until.unwrap_or_default(),
        lock.reason
    )
}

/// It is locked.
pub(crate) fn locked(lock: &Lock, now: Timestamp) -> Card {
    let until = match lock.until {
        Some(until) => format!("until {}", words::moment(until, now)),
        None => "until somebody unlocks it".into(),
    };
    let title = format!(
        "🔒 {} has locked {} {until}",
        clean(&lock.name),
        bold(&clean(&lock.target.to_string()))
    );
    Card::new(Tone::Neutral, title)
        .text(clean(&lock.reason))
        .button(Button::new("Unlock", format!("unlock {}", lock.target)))
}

/// What would be unlocked.
pub(crate) fn unlock_title(target: &LockTarget) -> String {
    format!("Unlock {}", bold(&clean(&target.to_string())))
}

/// Whose lock it is, and who waits.
pub(crate) fn unlock_notes(lock: &Lock, now: Timestamp) -> Vec<String> {
    let mut notes = vec![words::locked(lock, now)];
    match lock.waiting.len() {
        0 => {}
        1 => notes.push("one person waits and will be told".into()),
        many => notes.push(format!("{many} people wait and will be told")),
    }
    notes
}

/// For the record.
pub(crate) fn unlocked_record(name: &str, target: &LockTarget, reason: &Option<String>) -> String {
    let because = reason.as_ref().map(|reason| format!(" because {reason}"));
    format!("{name} unlocked {target}{}", because.unwrap_or_default())
}

/// It is open.
pub(crate) fn unlocked(target: &LockTarget, lock: Option<&Lock>) -> Card {
    let target = bold(&clean(&target.to_string()));
    match lock.map(|lock| lock.waiting.len()) {
        None => Card::new(Tone::Good, format!("{target} was open already")),
        Some(0) => Card::new(Tone::Good, format!("{target} is open")),
        Some(1) => Card::new(Tone::Good, format!("{target} is open")).text("Who waits for it is told."),
        Some(many) => Card::new(Tone::Good, format!("{target} is open"))
            .text(format!("The {many} people who wait for it are told.")),
    }
}

/// It may not be unlocked after all.
pub(crate) fn still_locked(target: &LockTarget, why: &str) -> Card {
    Card::new(
        Tone::Bad,
        format!("{} stays locked: {why}", bold(&clean(&target.to_string()))),
    )
}

/// For the record.
pub(crate) fn still_locked_record(target: &LockTarget, why: &str) -> String {
    format!("{target} stays locked: {why}")
}

/// There is no such lock; perhaps another one is meant.
pub(crate) fn not_locked(target: &LockTarget, others: &[&Lock], now: Timestamp) -> UserError {
    let target = code(&target.to_string());
    if others.is_empty() {
        return UserError::new(format!("Nothing locks {target}. `locks` tells what is locked."));
    }
    let found: Vec<_> = others.iter().map(|lock| words::locked(lock, now)).collect();
    let error = UserError::new(format!(
        "There is no lock on just {target}, but {}.",
        found.join("; and ")
    ));
    others.iter().take(3).fold(error, |error, lock| {
        error.instead(format!("unlock {}", lock.target))
    })
}

/// It is somebody else's, and why that matters.
pub(crate) fn not_yours(lock: &Lock, now: Timestamp, why: &str) -> String {
    format!(
        "It is not your lock, and {why}. What is there: {}.",
        words::locked(lock, now)
    )
}

/// Why nobody may.
pub(crate) fn nobody_overrides() -> String {
    "no role may take away the locks of others (`lock_override` below [policy])".into()
}

/// Why this one may not.
pub(crate) fn no_override(role: &str) -> String {
    format!("only the role {} may take away the locks of others", code(role))
}

/// Why nobody can tell.
pub(crate) fn override_unknown(role: &str, why: &str) -> String {
    format!(
        "only the role {} may take away the locks of others, and whether you have it cannot be told: {why}",
        code(role)
    )
}

/// Somebody else's lock, and no reason.
pub(crate) fn no_reason() -> String {
    "it is somebody else's lock, and no reason was given".into()
}

/// All locks.
pub(crate) fn locks(locks: &[Lock], now: Timestamp) -> Card {
    if locks.is_empty() {
        return Card::new(Tone::Good, "Nothing is locked");
    }
    let title = match locks.len() {
        1 => "🔒 One lock".to_owned(),
        many => format!("🔒 {many} locks"),
    };
    let lines: Vec<_> = locks
        .iter()
        .take(MOST)
        .map(|lock| {
            let waiting = match lock.waiting.len() {
                0 => String::new(),
                1 => " · one person waits".into(),
                many => format!(" · {many} people wait"),
            };
            format!("• {}{waiting}", words::locked(lock, now))
        })
        .collect();
    let mut card = Card::new(Tone::Neutral, title).text(lines.join("\n"));
    for lock in locks.iter().take(MOST) {
        let target = lock.target.to_string();
        card = card.button(Button::new(
            format!("Unlock {target}"),
            format!("unlock {target}"),
        ));
    }
    if locks.len() > MOST {
        card = card.footer(format!("And {} more.", locks.len() - MOST));
    }
    card
}

/// Somebody will be told.
pub(crate) fn will_tell(target: &LockTarget, locks: &[Lock], freezes: &[Freeze], now: Timestamp) -> String {
    if locks.is_empty() {
        let frozen: Vec<_> = freezes
            .iter()
            .filter(|freeze| is_about(freeze, target))
            .filter_map(|freeze| {
                let window = freeze.calendar().ok()?.open_at(now)?;
                Some(words::frozen(freeze, &window, now))
            })
            .collect();
        let target = code(&target.to_string());
        return if frozen.is_empty() {
            format!("Nothing locks {target}: go ahead.")
        } else {
            format!(
                "Nothing locks {target}, but there is a freeze: {}. I don't tell when one ends; a command with `--queue` at its \
                 end waits for that by itself.",
                frozen.join("; and ")
            )
        };
    }
    let found: Vec<_> = locks.iter().map(|lock| words::locked(lock, now)).collect();
    format!("I'll tell you here when it opens: {}.", found.join("; and "))
}

/// Whether some command about this would be frozen.
fn is_about(freeze: &Freeze, target: &LockTarget) -> bool {
    let listed = |list: &[String], is: &Option<String>| {
        let listed = |is: &String| {
            list.iter()
                .any(|listed| listed.to_lowercase() == is.to_lowercase())
        };
        list.is_empty() || is.as_ref().is_none_or(listed)
    };
    let target = target.target();
    listed(&freeze.services, &target.service) && listed(&freeze.environments, &target.environment)
}

/// Who waited is told.
pub(crate) fn opened(lock: &Lock, user: &UserId) -> String {
    let how = match &lock.opened_by {
        Some(name) => format!("{} has unlocked it", clean(name)),
        None => "the time of its lock is over".into(),
    };
    format!(
        "{} {} is open: {how}.",
        markup::user(user),
        bold(&clean(&lock.target.to_string()))
    )
}

/// For the record.
pub(crate) fn expired_record(lock: &Lock) -> String {
    format!("the time of the lock of {} on {} is over", lock.name, lock.target)
}
