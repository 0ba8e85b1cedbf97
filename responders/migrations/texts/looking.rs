//! What is said of migrations that are not applied.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use otus::card::{Button, Card, Tone};
use otus::markup::{bold, code};
use otus_migrations::lint::{FileReport, Level, Verdict};
use otus_migrations::postgres::Blocker;

use super::{MOST_FILES, what_a_file_does};
use crate::plan::Seen;
use crate::words::{bytes, count, cut, duration, list, rows};

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fine => "✓",
        Verdict::Warned => "⚠",
        Verdict::Person => "?",
        Verdict::Refused => "✗",
    }
}

fn place(seen: &Seen) -> String {
    format!(
        "{} in {}",
        bold(&seen.spot.service.name),
        bold(&seen.spot.environment.name)
    )
}

/// What is not applied.
pub(crate) fn pending(seen: &Seen, authors: &BTreeMap<String, String>) -> Card {
    let what = &seen.plan.what;
    let from = format!(
        "{} of {} on {}",
        code(&seen.origin.name()),
        seen.plan.what.format,
        code(&seen.spot.database)
    );
    if !what.refusals.is_empty() {
        let lines: Vec<String> = what
            .refusals
            .iter()
            .take(5)
            .map(|one| format!("✗ {one}"))
            .collect();
        return Card::new(Tone::Bad, format!("The migrations of {} do not fit", place(seen)))
            .text(lines.join("\n"))
            .footer(from);
    }
    if what.files.is_empty() {
        return Card::new(Tone::Good, format!("{} has every migration", place(seen)))
            .text(format!("{} applied.", count(what.applied, "file")))
            .footer(from);
    }
    let worst = seen.plan.verdict();
    let additive = seen.additive();
    // What waits for its contract is nobody's fault.
    let judged = what.files.iter().take(additive).map(|file| file.verdict);
    let tone = match judged.max() {
        None | Some(Verdict::Fine) => Tone::Neutral,
        Some(Verdict::Warned | Verdict::Person) => Tone::Warning,
        Some(Verdict::Refused) => Tone::Bad,
    };
    let mut lines = Vec::new();
    for (at, file) in what.files.iter().enumerate().take(MOST_FILES) {
        let takes = seen.destroys(at);
        let mark = if takes.is_empty() {
            mark(file.verdict)
        } else {
            "⛔"
        };
        let mut line = format!("{mark} {}", code(&file.file));
        if let Some(author) = authors.get(&file.file) {
            let _ = write!(line, " by {author}");
        }
        let _ = write!(line, ": {}", what_a_file_does(file));
        if !takes.is_empty() {
            let _ = write!(line, " · takes away {}: needs its contract", takes.join(", "));
        } else if file.verdict > Verdict::Fine {
            let rules = file.rules.iter().filter(|(_, level)| *level >= Level::Warning);
            let rules: Vec<String> = rules.map(|(rule, _)| code(rule)).collect();
            let _ = write!(line, " · {}: {}", file.verdict, rules.join(", "));
        }
        lines.push(line);
    }
    if what.files.len() > MOST_FILES {
        lines.push(format!("and {} more", what.files.len() - MOST_FILES));
    }
    let mut card = Card::new(
        tone,
        format!(
            "{} waits for {}",
            place(seen),
            count(what.files.len(), "migration")
        ),
    )
    .text(lines.join("\n"));
    let notes = now(seen, &BTreeMap::new());
    if !notes.is_empty() {
        card = card.text(notes.join("\n"));
    }
    let (service, environment) = (&seen.spot.service.name, &seen.spot.environment.name);
    if worst > Verdict::Fine {
        card = card.button(Button::new(
            "What is to be said against it",
            format!("migrations lint {service} in {environment}"),
        ));
    }
    if additive > 0 {
        card = card.button(Button::new(
            "What would happen",
            format!("migrate {service} in {environment} --plan"),
        ));
    }
    card.footer(from)
}

/// How it stands at the moment: sizes, how long to expect, who is in the way, what was tried.
pub(crate) fn now(seen: &Seen, authors: &BTreeMap<String, String>) -> Vec<String> {
    let now = &seen.plan.now;
    let mut lines = Vec::new();
    if !authors.is_empty() {
        let mut names: Vec<&String> = authors.values().collect();
        names.sort();
        names.dedup();
        let names: Vec<String> = names.into_iter().cloned().collect();
        lines.push(format!("Written by {}.", list(&names)));
    }
    let tables: Vec<String> = now
        .tables
        .iter()
        .take(6)
        .map(|(name, facts)| {
            let size = bytes(facts.bytes + facts.index_bytes);
            let traffic = facts.reads_per_s + facts.writes_per_s;
            let busy = if traffic >= 1.0 {
                format!(", used {traffic:.0} times a second")
            } else {
                String::new()
            };
            format!("{} has {} in {size}{busy}", code(name), rows(facts.rows))
        })
        .collect();
    if !tables.is_empty() {
        lines.push(format!("{}.", tables.join("; ")));
    }
    match now.expected_ms {
        Some(ms) if ms >= 1_000 => {
            lines.push(format!(
                "To be expected: about {}.",
                duration(Duration::from_millis(ms))
            ));
        }
        _ => {}
    }
    lines.extend(now.blockers.iter().take(3).map(in_the_way));
    if let Some(dry) = &now.dry_run
        && !dry.tried.is_empty()
    {
        let rewritten = match dry.rewritten.as_slice() {
            [] => "no table would be written anew".to_owned(),
            tables => format!("{} would be written anew", tables.join(", ")),
        };
        lines.push(format!(
            "Tried in a transaction that was rolled back: {}; {rewritten}.",
            count(dry.tried.len(), "file")
        ));
    }
    lines
}

/// Who holds what is needed.
pub(crate) fn in_the_way(blocker: &Blocker) -> String {
    let who = match (blocker.application.as_str(), blocker.user.as_str()) {
        ("", "") => "A session".to_owned(),
        ("", user) => code(user),
        (application, "") => code(application),
        (application, user) => format!("{} of {}", code(application), code(user)),
    };
    let table = match blocker.table.as_str() {
        "" => String::new(),
        table => format!(" {}", code(table.strip_prefix("public.").unwrap_or(table))),
    };
    let since = match blocker.seconds {
        0 => String::new(),
        seconds => format!(" for {}", duration(Duration::from_secs(seconds))),
    };
    let query = match blocker.query.as_str() {
        "" => String::new(),
        query => format!(": {}", code(&cut(query, 80))),
    };
    let state = match blocker.state.as_str() {
        "" => String::new(),
        state => format!(", {state}{since}"),
    };
    format!(
        "{who} (process {}{state}) is in the way of{}{query}",
        blocker.pid,
        match table.as_str() {
            "" => " it".to_owned(),
            table => table.to_owned(),
        }
    )
}

/// What is to be said against what is not applied: a card, and one for each file that has something.
pub(crate) fn lint(seen: &Seen) -> (Card, Vec<Card>) {
    let reports: Vec<&FileReport> = seen.plan.now.report.files.iter().collect();
    let said: Vec<&&FileReport> = reports
        .iter()
        .filter(|report| !report.findings.is_empty())
        .collect();
    let count_of = |verdict| reports.iter().filter(|report| report.verdict == verdict).count();
    let parts: Vec<String> = [Verdict::Refused, Verdict::Person, Verdict::Warned, Verdict::Fine]
        .into_iter()
        .map(|verdict| (verdict, count_of(verdict)))
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {verdict}"))
        .collect();
    let tone = match reports.iter().map(|report| report.verdict).max() {
        None | Some(Verdict::Fine) => Tone::Good,
        Some(Verdict::Warned | Verdict::Person) => Tone::Warning,
        Some(Verdict::Refused) => Tone::Bad,
    };
    let text = match parts.as_slice() {
        [] => "There is nothing to judge: every file is applied.".to_owned(),
        parts => format!("{}.", parts.join(", ")),
    };
    let first = Card::new(
        tone,
        format!("The migrations that {} waits for, judged", place(seen)),
    )
    .text(text)
    .footer(code(&seen.origin.name()));
    (
        first,
        said.into_iter()
            .take(MOST_FILES)
            .map(|report| file(report))
            .collect(),
    )
}

fn file(report: &FileReport) -> Card {
    let tone = match report.verdict {
        Verdict::Fine => Tone::Neutral,
        Verdict::Warned | Verdict::Person => Tone::Warning,
        Verdict::Refused => Tone::Bad,
    };
    let mut card = Card::new(tone, format!("{}: {}", code(&report.file), report.verdict));
    for finding in report.findings.iter().take(4) {
        let mut text = format!(
            "{}, {}{}: {} ({})",
            finding.place,
            finding.level,
            match finding.statement.as_str() {
                "" => String::new(),
                statement => format!(", {}", code(statement)),
            },
            finding.message,
            code(&finding.rule)
        );
        for lock in &finding.locks {
            let long = match lock.expected_ms {
                Some(ms) => format!(", for about {}", duration(Duration::from_millis(ms.max(1)))),
                None => String::new(),
            };
            let _ = write!(
                text,
                "\nLocks {} {}, which blocks {}{long}.",
                code(&lock.table),
                lock.level,
                lock.blocks
            );
        }
        card = card.text(text);
        if let Some(safe) = &finding.safe {
            card = card.code(safe.clone());
        }
    }
    card
}
