//! What is said of migrations that run.

use std::time::Duration;

use otus::card::Button;
use otus::markup::{bold, code};
use otus_migrations::run::{Phase, Throttle};

use super::{LONGEST, MOST_FILES, in_the_way};
use crate::apply::{FileEnd, Now};
use crate::plan::Planned;
use crate::words::{bar, count, cut, duration, list, percent, rows};

/// The heading while it goes on.
pub(crate) fn migrating(service: &str, environment: &str) -> String {
    format!("Migrating {} in {}", bold(service), bold(environment))
}

/// The heading when it is done.
pub(crate) fn migrated(service: &str, environment: &str) -> String {
    format!("{} in {} is migrated", bold(service), bold(environment))
}

/// The heading when it is not.
pub(crate) fn not_migrated(service: &str, environment: &str) -> String {
    format!("{} in {} is not migrated", bold(service), bold(environment))
}

/// A file that is done.
fn done_line(file: &str, end: &FileEnd) -> String {
    match end {
        FileEnd::Done { ms, rows: changed } => {
            let changed = changed.map_or_else(String::new, |changed| format!(", {}", rows(changed)));
            format!(
                "✓ {} in {}{changed}",
                code(file),
                duration(Duration::from_millis((*ms).max(1)))
            )
        }
        FileEnd::Failed { .. } | FileEnd::Stopped { .. } => format!("✗ {}", code(file)),
    }
}

/// How it stands: the files that are done, the one that runs, those to come.
pub(crate) fn standing(planned: &Planned, ended: &[FileEnd], at: usize, now: Option<&Now>) -> String {
    let mut lines = Vec::new();
    let skipped = at.saturating_sub(MOST_FILES / 2);
    if skipped > 0 {
        lines.push(format!("✓ {} done before", count(skipped, "file")));
    }
    for (chosen, end) in planned.files.iter().zip(ended).skip(skipped) {
        lines.push(done_line(&chosen.file, end));
    }
    if let Some(chosen) = planned.files.get(at) {
        lines.push(match now {
            Some(now) => format!(
                "⏳ {}: {}",
                code(&chosen.file),
                runs(chosen.statements, chosen.transaction, now)
            ),
            None => format!("⏸ {}: held before it begins", code(&chosen.file)),
        });
    }
    let left = planned.files.len().saturating_sub(at + 1);
    for chosen in planned.files.iter().skip(at + 1).take(MOST_FILES / 2) {
        lines.push(format!("· {}", code(&chosen.file)));
    }
    if left > MOST_FILES / 2 {
        lines.push(format!("· and {} more", left - MOST_FILES / 2));
    }
    lines.join("\n")
}

/// What the file that runs is at.
fn runs(statements: usize, transaction: bool, now: &Now) -> String {
    let which = match statements {
        0 | 1 => String::new(),
        _ if transaction => String::new(),
        _ => format!("statement {} of {statements}, ", now.statement + 1),
    };
    let what = match now.phase {
        _ if now.paused => "held".to_owned(),
        Phase::Lock => "waiting for its turn".to_owned(),
        Phase::Check | Phase::Marks | Phase::Probe => "looking what is done".to_owned(),
        Phase::Clear => "clearing away what was left half done".to_owned(),
        Phase::Unlock => "ending".to_owned(),
        Phase::File | Phase::Begin | Phase::Statement | Phase::Mark | Phase::Record => {
            match &now.live.stage {
                Some(stage) => stage.clone(),
                None => "running".to_owned(),
            }
        }
    };
    let mut text = format!(
        "{which}{what} for {}",
        duration(now.since.max(Duration::from_secs(1)))
    );
    if let Some(share) = now.live.share.or(now.live.done) {
        text = format!("{text} · {} {}", bar(share), percent(share));
        // What is left takes as long as what is done, by what there is to go by.
        if now.live.share.is_some() && share > 0.05 && share < 1.0 {
            let left = now.since.mul_f64((1.0 - share) / share);
            text = format!(
                "{text}, about {} left",
                duration(left.max(Duration::from_secs(1)))
            );
        }
    }
    if let Some(changed) = now.live.rows {
        text = format!("{text} · {}", rows(changed));
    }
    text
}

/// What keeps it waiting.
pub(crate) fn trouble(now: &Now) -> Option<String> {
    let blockers: Vec<String> = now.live.blockers.iter().take(3).map(in_the_way).collect();
    if now.phase == Phase::Lock && now.tries > 0 {
        return Some(
            "Somebody else runs migrations of this database; I wait for them to end, and hold nothing meanwhile.".into(),
        );
    }
    if now.tries > 0 {
        let who = match blockers.as_slice() {
            [] => String::new(),
            who => format!(" {}.", who.join(". ")),
        };
        return Some(format!(
            "The table was in use {}. I step back each time, so that nobody waits behind me.{who}",
            match now.tries {
                1 => "once".to_owned(),
                tries => format!("{tries} times in a row"),
            }
        ));
    }
    if !blockers.is_empty() {
        return Some(format!("{}.", blockers.join(". ")));
    }
    now.live.throttle.filter(|_| !now.paused).map(throttled)
}

/// Why a backfill waits by itself.
fn throttled(why: Throttle) -> String {
    let why = match why {
        Throttle::Replica(ms) => format!("A replica is {} behind", duration(Duration::from_millis(ms))),
        Throttle::Busy(1) => "The server is busy: a statement of others is at work".to_owned(),
        Throttle::Busy(many) => format!("The server is busy: {many} statements of others are at work"),
    };
    format!("{why}. The next batch waits until that is over.")
}

/// What one can do about it; stopping is the card's own button.
pub(crate) fn retry_buttons(operation: &str) -> Vec<Button> {
    vec![
        Button::new("Retry now", format!("migration retry {operation}")),
        Button::new("Wait longer", format!("migration wait {operation}")),
    ]
}

/// Everything is applied.
pub(crate) fn part_done(planned: &Planned, ended: &[FileEnd]) -> String {
    let mut lines = Vec::new();
    let skipped = ended.len().saturating_sub(MOST_FILES);
    if skipped > 0 {
        lines.push(format!("✓ {} applied before", count(skipped, "file")));
    }
    for (chosen, end) in planned.files.iter().zip(ended).skip(skipped) {
        lines.push(done_line(&chosen.file, end));
    }
    lines.join("\n")
}

/// A file that failed.
pub(crate) fn file_failed(file: &str, statement: Option<usize>, why: &str) -> String {
    let which = statement.map_or_else(String::new, |number| format!(", statement {number},"));
    format!(
        "{}{which} was not applied: {}.",
        code(file),
        cut(why, LONGEST).trim_end_matches('.')
    )
}

/// What to do after a failure.
pub(crate) fn todo_after(done: usize, all: usize) -> String {
    let before = match done {
        0 => "Nothing before it was changed.".to_owned(),
        _ => format!("{} before it of {all} stay applied.", count(done, "file")),
    };
    format!("{before} Mend it and try again: what is done is not done twice.")
}

/// A result that nobody can read.
pub(crate) fn nobody_knows() -> String {
    "How far it came is not known; the history in the database says.".into()
}

/// Nothing could be begun.
pub(crate) fn not_run(why: &str) -> String {
    format!("Nothing was run: {}.", cut(why, LONGEST).trim_end_matches('.'))
}

/// Nothing was begun.
pub(crate) fn not_begun() -> String {
    "It was cancelled before anything was run.".into()
}

/// The files changed after the plan.
pub(crate) fn file_moved(file: &str) -> String {
    format!("{file} is not there any more as it was planned")
}

/// The configuration changed after the plan.
pub(crate) fn database_moved(database: &str) -> String {
    format!("the configuration does not name the database {database} any more")
}

/// Somebody cancelled it.
pub(crate) fn cancelled(planned: &Planned, ended: &[FileEnd], left: Option<&str>) -> String {
    let done: Vec<String> = planned
        .files
        .iter()
        .zip(ended)
        .map(|(chosen, _)| code(&chosen.file))
        .collect();
    let done = match done.as_slice() {
        [] => "nothing is applied".to_owned(),
        done => format!("{} stay applied", list(done)),
    };
    let left = left.map_or_else(String::new, |left| {
        format!(" But {}.", left.trim_end_matches('.'))
    });
    format!("It was stopped: {done}, and the rest is not.{left}")
}

/// Says it again.
pub(crate) fn again_button(service: &str, environment: &str) -> Button {
    Button::new("Try again", format!("migrate {service} in {environment}"))
}
