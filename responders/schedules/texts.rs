//! What people read.

use crate::{
    actions::{Ask, Zone},
    read::Unclear,
    remind::Whom,
    schedule::{MOST, Schedule},
    when::{LAST, Rhythm, When, ordinal},
};
use jiff::Timestamp;
use otus::{
    Button, Card, ChannelId, Effect, Tone, UserError, markup,
    policy::{Verdict, VerdictKind},
};

/// How many schedules are listed.
const LISTED: usize = 20;

/// The next runs of a schedule that begins now: three at most.
fn runs(when: &When, from: Timestamp) -> Vec<String> {
    let after = |at: &Timestamp| when.next_after(*at);
    std::iter::successors(when.next_after(from), after)
        .take(3)
        .map(|at| when.short(at))
        .collect()
}

/// A moment in the reader's own zone, or in that of the schedule.
fn moment(when: &When, at: Timestamp) -> String {
    markup::moment(at.as_second(), &format!("{} ({})", when.short(at), when.zone))
}

fn zone(when: &When, zone: Zone) -> String {
    match zone {
        Zone::Said => format!("The time zone is {}.", when.zone),
        Zone::Theirs => format!("The time zone is {}, as in your profile.", when.zone),
        Zone::Unknown => format!(
            "The time zone is {}, since the chat does not say yours. Another one goes after the time: {}.",
            when.zone,
            markup::code("at 9:00 Europe/Berlin")
        ),
    }
}

/// Why a time is not clear, and what to write; what was probably meant, if that can be told.
pub(crate) fn unclear(unclear: &Unclear, line: &str, meant: Option<&str>) -> UserError {
    let why = why(unclear, line);
    match meant {
        Some(meant) => UserError::new(format!("{why} Did you mean {}?", markup::code(meant))).instead(meant),
        None => UserError::new(why),
    }
}

fn why(unclear: &Unclear, line: &str) -> String {
    match unclear {
        Unclear::NoTime => format!(
            "{} does not begin with a time that I can read. Write for example {}, {}, {}, {}, {} or {}.",
            markup::code(line),
            markup::code("in 2h …"),
            markup::code("at 17:30 …"),
            markup::code("tomorrow at 9:00 …"),
            markup::code("on friday at 16:00 …"),
            markup::code("every weekday at 9:00 …"),
            markup::code("every 2 hours …"),
        ),
        Unclear::NoClock(day) => format!(
            "At what time? Write for example {}.",
            markup::code(&format!("{day} at 9:00 …"))
        ),
        Unclear::BadClock(word) => format!(
            "{} is no time of the day. Write it like {}, {} or {}.",
            markup::code(word),
            markup::code("9:00"),
            markup::code("17:30"),
            markup::code("9am")
        ),
        Unclear::BadDay(word) => format!(
            "{} is no day. Write a day of the week, or a date like {}.",
            markup::code(word),
            markup::code("2026-12-24")
        ),
        Unclear::BadLength(word) => format!(
            "{} is no length of time that I can wait. Write for example {}, {} or {}.",
            markup::code(word),
            markup::code("30m"),
            markup::code("2h"),
            markup::code("2 days")
        ),
        Unclear::BadRhythm(word) => format!(
            "{} is nothing that comes again and again. Write for example {}, {}, {} or {}.",
            markup::code(word),
            markup::code("every weekday at 9:00 …"),
            markup::code("every monday at 9:00 …"),
            markup::code("every 2 hours …"),
            markup::code("every 1st of the month at 8:00 …")
        ),
        Unclear::NoDay => format!(
            "On which day of the month? Write for example {} or {}.",
            markup::code("every 1st of the month at 8:00 …"),
            markup::code("every last day of the month at 8:00 …")
        ),
        Unclear::NoZone(zone) => format!(
            "There is no time zone called {}. Write it as the IANA database does: {}, {} or {}.",
            markup::code(zone),
            markup::code("Europe/Berlin"),
            markup::code("America/New_York"),
            markup::code("UTC")
        ),
        Unclear::Past(when) => past(when),
        Unclear::TooOften => too_often(),
        Unclear::NoCommand => format!(
            "What shall I do then? Write a command after the time: {}.",
            markup::code(&format!("{} post Hello", line.trim()))
        ),
    }
}

/// The time is over.
pub(crate) fn past(when: &When) -> String {
    format!("That is over: it was {}.", when.words())
}

/// It would run too often.
pub(crate) fn too_often() -> String {
    "Nothing runs more often than every minute.".into()
}

/// There are enough.
pub(crate) fn too_many() -> String {
    format!(
        "There are {MOST} schedules already, and there cannot be more. Unschedule one that nobody needs any more."
    )
}

/// The inner line is no command; these are the lines that would do instead.
pub(crate) fn no_command(line: &str, near: &[String]) -> UserError {
    let why = format!(
        "{} is no command, so there is nothing to schedule.",
        markup::code(line)
    );
    if near.is_empty() {
        return UserError::new(format!(
            "{why} To have words said, write {}.",
            markup::code("… post <text>")
        ));
    }
    let shown: Vec<_> = near.iter().map(|line| markup::code(line)).collect();
    let error = UserError::new(format!("{why} Did you mean {}?", shown.join(" or ")));
    near.iter().fold(error, UserError::instead)
}

/// The inner line schedules something itself.
pub(crate) fn nested(line: &str) -> String {
    format!(
        "{} is a schedule itself, and a schedule cannot make schedules.",
        markup::code(line)
    )
}

/// There is none of this name.
pub(crate) fn no_schedule(id: &str) -> String {
    format!("There is no schedule {}; it may be over.", markup::code(id))
}

/// What scheduling is called.
pub(crate) fn schedule_title(line: &str, when: &When) -> String {
    format!("Schedule {} {}", shown(line), when.words())
}

/// When it runs, and in which zone.
pub(crate) fn schedule_notes(ask: &Ask, now: Timestamp) -> Vec<String> {
    let runs = runs(&ask.when, now);
    let runs = match runs.as_slice() {
        [one] => format!("It runs once: {one}."),
        several => format!("It runs next: {}.", several.join(", ")),
    };
    let mut notes = vec![
        runs,
        zone(&ask.when, ask.zone),
        "It runs with your rights, as they are by then.".into(),
    ];
    notes.extend(short_months(&ask.when));
    notes
}

/// What becomes of a day that not every month has.
fn short_months(when: &When) -> Option<String> {
    match when.rhythm {
        Rhythm::Month {
            day: day @ 29..LAST, ..
        } => Some(format!(
            "In a month without a {} it runs on the last day.",
            ordinal(day)
        )),
        _ => None,
    }
}

/// What would become of it if it ran now, where that is not simply that it runs.
/// Only an operation can wait for an approval.
pub(crate) fn foreseen(verdict: &Verdict, effect: Effect) -> Option<String> {
    let rule = &verdict.rule;
    match verdict.kind {
        VerdictKind::Allow | VerdictKind::Wait { .. } => None,
        VerdictKind::Confirm => Some(format!(
            "As the rules are now, I will ask you to confirm it when it runs: {rule}."
        )),
        VerdictKind::Approve { .. } if effect == Effect::Proposes => Some(format!(
            "As the rules are now, I will ask for approval when it runs: {rule}."
        )),
        VerdictKind::Approve { .. } => Some(format!(
            "As the rules are now, I would not do it: somebody else would have to approve it ({rule}), and a command that acts at \
             once cannot wait for that. It is decided on when it runs."
        )),
        VerdictKind::Refuse => Some(format!(
            "As it is now, I would not do it for you: {rule}. It is decided on when it runs."
        )),
    }
}

/// It is scheduled.
pub(crate) fn scheduled(schedule: &Schedule, ask: &Ask) -> Card {
    let (line, when) = (shown(&schedule.line), &schedule.when);
    let tone = match ask.foreseen {
        Some(_) => Tone::Warning,
        None => Tone::Good,
    };
    let mut card = Card::new(tone, format!("Scheduled: {line} {}", when.words()));
    if let Some(next) = schedule.next {
        let (name, then) = match when.repeats() {
            true => ("Next run", runs(when, next)),
            false => ("Runs", Vec::new()),
        };
        card = card.field(name, moment(when, next));
        if !then.is_empty() {
            card = card.field("Then", then[..then.len().min(2)].join(", "));
        }
    }
    for text in ask.foreseen.clone().into_iter().chain(short_months(when)) {
        card = card.text(text);
    }
    card.text(format!(
        "{} It runs with your rights, as they are by then.",
        zone(when, ask.zone)
    ))
    .button(Button::new(
        format!("Unschedule {}", schedule.id),
        format!("unschedule {}", schedule.id),
    ))
}

/// For the record: it is scheduled.
pub(crate) fn scheduled_record(schedule: &Schedule) -> String {
    format!(
        "scheduled `{}` {} as {}",
        schedule.line,
        schedule.when.words(),
        schedule.id
    )
}

/// For the record: its time has come.
pub(crate) fn due_record(schedule: &Schedule, at: Timestamp) -> String {
    format!(
        "the time has come for schedule {} of {}, {}: `{}`",
        schedule.id,
        schedule.name,
        schedule.when.moment(at),
        schedule.line
    )
}

/// For the record: it was missed.
pub(crate) fn missed_record(schedule: &Schedule, at: Timestamp) -> String {
    format!(
        "schedule {} of {} was missed, {}: `{}`",
        schedule.id,
        schedule.name,
        schedule.when.moment(at),
        schedule.line
    )
}

/// It was missed.
pub(crate) fn missed(schedule: &Schedule, at: Timestamp) -> Card {
    let line = shown(&schedule.line);
    let mut card = Card::new(Tone::Warning, format!("Missed: {line}"))
        .text(format!(
            "{} scheduled it for {}. No robot ran at that time, so I skipped it: now it is too late to run it unasked.",
            markup::user(&schedule.by),
            moment(&schedule.when, at)
        ))
        .button(Button::new("Run it now", schedule.line.clone()));
    if let Some(next) = schedule.next {
        card = card.field("Next run", moment(&schedule.when, next));
    }
    card
}

/// What unscheduling is called.
pub(crate) fn unschedule_title(schedule: &Schedule) -> String {
    format!(
        "Unschedule {} of {} ({})",
        shown(&schedule.line),
        schedule.name,
        schedule.id
    )
}

/// For the record: it is unscheduled.
pub(crate) fn unscheduled_record(who: &str, schedule: &Schedule) -> String {
    format!(
        "{who} unscheduled {} of {}: `{}` {}",
        schedule.id,
        schedule.name,
        schedule.line,
        schedule.when.words()
    )
}

/// For the record of the operation: it is gone.
pub(crate) fn unscheduled_note(id: &str) -> String {
    format!("Schedule {id} is gone.")
}

/// It is unscheduled.
pub(crate) fn unscheduled(id: &str) -> Card {
    Card::new(Tone::Good, format!("Schedule {} is gone", markup::code(id)))
}

/// All there are.
pub(crate) fn schedules(all: &[Schedule], here: &ChannelId) -> Card {
    if all.is_empty() {
        return Card::new(Tone::Neutral, "Nothing is scheduled").text(format!(
            "Schedule something with {} or {}.",
            markup::code("in 2h …"),
            markup::code("every weekday at 9:00 …")
        ));
    }
    let mut card = Card::new(
        Tone::Neutral,
        match all.len() {
            1 => "One schedule".to_owned(),
            many => format!("{many} schedules"),
        },
    );
    for schedule in all.iter().take(LISTED) {
        let place = match &schedule.origin.channel {
            channel if channel == here => String::new(),
            channel => format!(" in {}", markup::channel(channel)),
        };
        let next = match schedule.next {
            Some(next) => format!("next {}", moment(&schedule.when, next)),
            None => "running".into(),
        };
        let last = match schedule.last {
            Some(last) => format!(" · last {}", moment(&schedule.when, last)),
            None => String::new(),
        };
        card = card.text(format!(
            "{} {} {}{place}\n{next}{last} · {}",
            markup::code(&schedule.id),
            shown(&schedule.line),
            schedule.when.words(),
            schedule.name
        ));
        card = card.button(Button::new(
            format!("Unschedule {}", schedule.id),
            format!("unschedule {}", schedule.id),
        ));
    }
    if all.len() > LISTED {
        card = card.text(format!("… and {} more.", all.len() - LISTED));
    }
    card
}

/// Words to be said: people who were mentioned are mentioned again, and what would ring at everybody rings at nobody.
pub(crate) fn post(text: &str) -> String {
    let mut said = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        said.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric());
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        if is_person(word) {
            said.push_str(&markup::user(&word.into()));
            rest = after;
            continue;
        }
        said.push('@');
        let lower = word.to_lowercase();
        if ["channel", "everyone", "here"]
            .iter()
            .any(|all| lower.starts_with(all))
        {
            // A space of no width: it reads the same and rings nowhere.
            said.push('\u{200B}');
        }
    }
    said.push_str(rest);
    said
}

/// Whether a word is a person's id, as mentions are kept in words: `U012AB3CD`.
fn is_person(word: &str) -> bool {
    word.len() >= 8
        && word.starts_with(['U', 'W'])
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

#[cfg(test)]
#[path = "texts_tests.rs"]
mod tests;

/// The command that a reminder is when its time comes.
pub(crate) fn reminder(whom: &Whom, what: &str) -> String {
    match whom {
        Whom::One(id) => format!("reminder for @{id}: {what}"),
        Whom::Everybody => format!("reminder: {what}"),
    }
}

/// A reminder, whose time has come.
pub(crate) fn reminded(whom: Option<&str>, what: &str) -> Card {
    let whom = whom.map(|whom| format!("{} ", post(whom))).unwrap_or_default();
    Card::new(Tone::Neutral, format!("⏰ {whom}{}", post(what)))
}

/// A scheduled line, as people read it: who is reminded has a name there.
fn shown(line: &str) -> String {
    let reminder = line
        .strip_prefix("reminder for @")
        .and_then(|rest| rest.split_once(": "));
    match reminder {
        Some((whom, what)) if is_person(whom) => {
            format!(
                "reminder for {}: {}",
                markup::user(&whom.into()),
                markup::code(what)
            )
        }
        _ => markup::code(line),
    }
}

/// When somebody is to be reminded is not clear.
pub(crate) fn unclear_reminder(unclear: &Unclear, whom: &str, what: &str) -> UserError {
    let why = match unclear {
        Unclear::NoTime => "I see no time in that.".to_owned(),
        Unclear::NoCommand => "Of what?".to_owned(),
        other => why(other, what),
    };
    UserError::new(format!(
        "{why} Write for example {} or {}.",
        markup::code(&format!("remind {whom} in 2h to look at the canary")),
        markup::code(&format!("remind {whom} to look at the canary tomorrow at 9:00")),
    ))
}

/// Nobody in the chat is called so.
pub(crate) fn not_a_person(said: &str) -> UserError {
    UserError::new(format!(
        "{} is nobody I can mention; pick somebody from the list that opens behind `@`, or say {} or {}.",
        markup::code(said),
        markup::code("me"),
        markup::code("us")
    ))
}
