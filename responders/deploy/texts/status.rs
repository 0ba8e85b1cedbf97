//! What is said about what runs where.

use jiff::Timestamp;
use otus::markup::{bold, code, user};
use otus::operations::Operation;
use otus::phrase;
use otus::store::Deploy;

use super::short;
use crate::words::{duration, since};

/// Above the table.
pub(crate) fn status_title(rows: usize) -> String {
    match rows {
        1 => "What runs there".to_owned(),
        _ => "What runs where".to_owned(),
    }
}

/// Which flags were changed lately.
pub(crate) fn flags_changed(changed: &[Operation], now: Timestamp) -> String {
    let line = |operation: &Operation| {
        let note = operation
            .ending
            .as_ref()
            .map_or("", |ending| ending.note.as_str());
        let ago = operation
            .ended
            .map(|ended| phrase::duration(phrase::between(ended, now)));
        format!(
            "flag: {}, by {}, {} ago",
            phrase::inert(note, 120),
            phrase::inert(&operation.name, 60),
            ago.unwrap_or_default()
        )
    };
    let lines: Vec<String> = changed.iter().map(line).collect();
    lines.join("\n")
}

/// No service, or none that runs anywhere.
pub(crate) fn nothing_configured() -> String {
    format!(
        "No service runs anywhere yet. Add {} and {} to my configuration.",
        code("[services]"),
        code("[environments]")
    )
}

/// Below the table: a deploy is under way.
pub(crate) fn being_deployed(deploy: &Deploy, now: Timestamp) -> String {
    format!(
        "⏳ {} is being deployed to {}: {} asked for {} {} ago.",
        code(&deploy.service),
        bold(&deploy.environment),
        user(&deploy.by),
        code(&short(&deploy.version)),
        duration(since(deploy.began, now))
    )
}

/// Below the table: it cannot be told what runs.
pub(crate) fn cannot_tell(service: &str, environment: &str, error: &str) -> String {
    format!(
        "⚠️ What {} runs in {} cannot be told: {}.",
        code(service),
        bold(environment),
        error.trim_end_matches('.')
    )
}

/// Below the table: paused.
pub(crate) fn is_paused(service: &str, environment: &str) -> String {
    format!(
        "⏸️ The rollout of {} in {} is paused.",
        code(service),
        bold(environment)
    )
}

/// Below the table: somebody else changed it.
pub(crate) fn is_drifted(last: &Deploy, version: &str, by: Option<&str>) -> String {
    let who = by.map(|by| format!(", set by {}", code(by))).unwrap_or_default();
    format!(
        "⚠️ {} in {} runs {}{who}; I deployed {} last.",
        code(&last.service),
        bold(&last.environment),
        code(version),
        code(&short(&last.version))
    )
}
