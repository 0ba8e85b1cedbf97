//! What is said about executables.

use otus::markup;

pub(crate) fn not_a(kind: &str, name: &str, said: &str) -> String {
    format!(
        "{} is no good as <{name}>: {kind} is expected.",
        markup::code(said)
    )
}

pub(crate) fn not_one_of(name: &str, said: &str, choices: &[String]) -> String {
    let all: Vec<String> = choices.iter().map(|choice| markup::code(choice)).collect();
    format!(
        "{} is no good as <{name}>. There are: {}.",
        markup::code(said),
        all.join(", ")
    )
}

pub(crate) fn out_of_bounds(name: &str, said: &str, min: Option<i64>, max: Option<i64>) -> String {
    let bounds = match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("{min} or more"),
        (None, Some(max)) => format!("{max} or less"),
        (None, None) => "another number".to_owned(),
    };
    format!(
        "{} is no good as <{name}>: {bounds} is expected.",
        markup::code(said)
    )
}

/// Something an executable did against the rules: for the operator, with what to do.
pub(crate) fn fault(file: &str, what: &str) -> String {
    format!("the executable {file} {what}")
}
