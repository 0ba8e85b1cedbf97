//! What is said of the last step.

use super::*;

/// The heading of dropping it.
pub(crate) fn drop(row: &Row, environment: &str) -> String {
    format!("Drop {} in {}", bold(&what(row)), bold(environment))
}

/// While it is dropped.
pub(crate) fn dropping(key: &str, environment: &str) -> String {
    format!("Dropping {} in {}", bold(object_of(key)), bold(environment))
}

/// It is gone.
pub(crate) fn dropped(key: &str, environment: &str) -> String {
    format!("{} is dropped in {}", bold(object_of(key)), bold(environment))
}

fn object_of(key: &str) -> &str {
    key.split_once(' ').map_or(key, |(_, object)| object)
}

/// It does not come back.
pub(crate) fn gone_for_good(row: &Row) -> String {
    format!(
        "What is in {} is gone for good; only a backup has it.",
        code(&what(row))
    )
}

/// The rule that asks for an approval.
pub(crate) fn takes_away(row: &Row) -> String {
    format!("it takes away {} for good", code(&what(row)))
}

/// A gate is not passed.
pub(crate) fn not_ready(row: &Row, signers: &[Signer]) -> String {
    let mut now = row.clone();
    now.reconcile(signers);
    format!(
        "{} is not to be {} yet: {}.",
        code(&what(row)),
        gone(row),
        waits_for(&now, signers).trim_end_matches('.')
    )
}

/// Files that add come first.
pub(crate) fn additive_first(file: &str, service: &str, environment: &str) -> String {
    format!(
        "{} comes before it: {} first.",
        code(file),
        code(&format!("migrate {service} in {environment}"))
    )
}

/// No file drops it.
pub(crate) fn no_file_for(row: &Row, next: Option<&str>, takes: &[String]) -> String {
    let next = match next {
        Some(next) if takes.is_empty() => format!(" The next file is {}.", code(next)),
        Some(next) => format!(
            " The next file is {}, which takes away {}.",
            code(next),
            list(takes)
        ),
        None => String::new(),
    };
    format!(
        "No file that waits drops {} and nothing else.{next} Write one that says only {}, merge it, and say this again.",
        code(&what(row)),
        code(&row.contract.statement)
    )
}

/// A file drops it in another way.
pub(crate) fn other_statement(row: &Row, report: Option<&FileReport>) -> String {
    let findings = report.into_iter().flat_map(|report| &report.findings);
    let refused: Vec<String> = findings
        .filter(|finding| finding.level == Level::Refused)
        .take(2)
        .map(|finding| cut(&finding.message, 200))
        .collect();
    format!(
        "The file does not say exactly what was agreed to, which is {}, alone: {}",
        code(&row.contract.statement),
        refused.join(" ")
    )
}
