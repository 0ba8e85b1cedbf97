//! Everything this responder says, in one place.

mod configured;
mod contract;
mod looking;
mod running;
mod tighten;

use otus::markup::{bold, code};
use otus_migrations::lint::{FileReport, Finding, Level};
use otus_migrations::plan::PlannedFile;

pub(crate) use self::configured::*;
pub(crate) use self::contract::*;
pub(crate) use self::looking::*;
pub(crate) use self::running::*;
pub(crate) use self::tighten::*;
use crate::words::{count, cut, list};

/// So many files are listed; the others are counted.
pub(crate) const MOST_FILES: usize = 12;
/// So much of an error's text is shown.
const LONGEST: usize = 400;

/// The heading of a plan.
pub(crate) fn migrate(service: &str, environment: &str, files: usize, database: &str) -> String {
    format!(
        "Migrate {} in {}: {} on {}",
        bold(service),
        bold(environment),
        count(files, "file"),
        code(database)
    )
}

/// What a file does, in one line.
pub(crate) fn what_a_file_does(file: &PlannedFile) -> String {
    let titles: Vec<String> = file.statements.iter().map(|(title, _)| title.clone()).collect();
    let mut text = match titles.as_slice() {
        // Of SQLite, where nothing is judged.
        [] => "run as it is".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one}; {two}"),
        [one, two, more @ ..] => format!("{one}; {two}; and {} more", more.len()),
    };
    let mut locks: Vec<String> = file
        .locks
        .iter()
        .filter(|lock| lock.level > otus_migrations::sql::LockLevel::RowExclusive)
        .map(|lock| {
            format!(
                "{} {}, which blocks {}",
                lock.table,
                lock.level,
                lock.level.blocks()
            )
        })
        .collect();
    locks.dedup();
    if !locks.is_empty() {
        text = format!("{text} · locks {}", locks.join("; "));
    }
    if !file.transaction {
        text.push_str(" · outside of a transaction");
    }
    cut(&text, LONGEST)
}

/// What somebody should know before a file runs.
pub(crate) fn warnings(report: &FileReport) -> Vec<String> {
    let findings = report
        .findings
        .iter()
        .filter(|finding| finding.level >= Level::Warning);
    findings.map(warning).collect()
}

fn warning(finding: &Finding) -> String {
    format!(
        "{}, {}: {} ({})",
        code(&finding.file),
        finding.place,
        cut(&finding.message, LONGEST),
        code(&finding.rule)
    )
}

/// Files that are not to run as they are.
pub(crate) fn lint_refuses(reports: &[&FileReport]) -> String {
    let mut lines = vec![format!(
        "{} would hurt whoever uses the database, so nothing was begun.",
        match reports {
            [one] => code(&one.file),
            more => count(more.len(), "file"),
        }
    )];
    for report in reports.iter().take(3) {
        let refused = report
            .findings
            .iter()
            .filter(|finding| finding.level == Level::Refused);
        for finding in refused.take(2) {
            lines.push(format!("✗ {}", warning(finding)));
            if let Some(safe) = &finding.safe {
                let safe: Vec<&str> = safe.lines().map(str::trim).collect();
                lines.push(format!("The safe way: {}", code(&cut(&safe.join(" "), LONGEST))));
            }
        }
    }
    lines.push(format!(
        "Change the file, and merge it. {} tells the same before it is merged.",
        code("otus migrations lint <folder>")
    ));
    lines.join("\n")
}

/// The rule that asks for a person.
pub(crate) fn needs_a_person(file: &str) -> String {
    format!("what {} does cannot be told from its text", code(file))
}

/// The first file that is not applied takes something away.
pub(crate) fn only_destructive(file: &str, takes: &[String]) -> String {
    format!(
        "{} is the next file, and takes away {}. That goes in four steps, and not with {}: {}",
        code(file),
        what(takes),
        code("migrate"),
        way_of(takes)
    )
}

/// A file is left, and those behind it.
pub(crate) fn left_for_contract(file: &str, takes: &[String], behind: usize) -> String {
    let behind = match behind {
        0 => String::new(),
        _ => format!(
            " So do {} behind it, because files go in their order.",
            count(behind, "file")
        ),
    };
    format!(
        "{} waits: it takes away {}. {}{behind}",
        code(file),
        what(takes),
        way_of(takes)
    )
}

/// A deploy leaves it.
pub(crate) fn left_by_deploy(file: &str, takes: &[String]) -> String {
    format!(
        "{} is not run: it takes away {}, which never goes with a deploy.",
        code(file),
        what(takes)
    )
}

/// A deploy needs a file behind one that takes something away.
pub(crate) fn behind_contract(file: &str, takes: &[String], needed: &str) -> String {
    format!(
        "{} has to run before this version goes out, and cannot: {} comes before it, and takes away {}, which never goes with a \
         deploy. Either that one gets a later number, or its contract comes first: {}",
        code(needed),
        code(file),
        what(takes),
        way_of(takes)
    )
}

fn what(takes: &[String]) -> String {
    match takes {
        [] => "something".into(),
        takes => list(&takes.iter().map(|one| code(one)).collect::<Vec<_>>()),
    }
}

/// How a column or a table is dropped, and a column replaced; everything else a person does.
fn way_of(takes: &[String]) -> String {
    let object = match takes {
        [one] if one.starts_with("table ") => Some(one.as_str()),
        [one] => one.strip_prefix("column "),
        _ => None,
    };
    let otherwise = match takes {
        [one] => one
            .strip_prefix("the name ")
            .or_else(|| one.strip_prefix("the type of ")),
        _ => None,
    };
    if let Some(column) = otherwise.filter(|name| name.contains('.')) {
        return format!(
            "{} begins.",
            code(&format!("contract replace {column} by <new> because …"))
        );
    }
    match object {
        Some(object) => format!("{} begins.", code(&format!("contract drop {object} because …"))),
        None => "Nobody but a person can say whether it is still used; run it by hand when it is not.".into(),
    }
}

/// Files and history disagree.
pub(crate) fn does_not_fit(database: &str, refusals: &[String]) -> String {
    let lines: Vec<String> = refusals
        .iter()
        .take(5)
        .map(|refusal| format!("✗ {refusal}"))
        .collect();
    format!(
        "The files and what {} says was applied do not fit together, so nothing can be run:\n{}",
        code(database),
        lines.join("\n")
    )
}

/// A version that is no commit.
pub(crate) fn no_commit(service: &str, version: &str) -> String {
    format!(
        "The migrations of {} are in its repository, and which commit {} is made of is not known, so nobody can say what has to run \
         before it.",
        code(service),
        code(version)
    )
}

/// Files that cannot be read.
pub(crate) fn unreadable(origin: &str, why: &str) -> String {
    format!(
        "The migrations in {} cannot be read: {}.",
        code(origin),
        cut(why, LONGEST).trim_end_matches('.')
    )
}
