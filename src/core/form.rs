//! Forms: what a command still needs, asked for with choices instead of refused.
//!
//! A form is made of a command's usage, which is the one place that says how its parameters stand in a line: filling the form in is
//! filling the usage in, and what comes out is a command like any other, matched, decided on and recorded as if it had been typed.

mod usage;

use crate::{responder::CommandSpec, services::Services};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
pub use usage::Usage;

/// What has been said of a command: the values of its groups, by name.
pub type Values = BTreeMap<String, String>;

/// So many choices are offered for one parameter; with more it is typed.
pub const MOST_CHOICES: usize = 100;

/// A command's parameters, to be filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// The words the command begins with: `deploy`.
    pub command: String,
    /// How it is said; [`fill`] takes it.
    pub usage: String,
    /// What it does, in one line.
    pub about: String,
    /// Its parameters, in the order of the usage.
    pub fields: Vec<Field>,
}

/// A parameter to be filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The group's name.
    pub name: String,
    /// Whether it may stay empty.
    pub optional: bool,
    /// What there is to choose from; none means that it is typed.
    pub choices: Vec<Choice>,
    /// What it begins with: said already, or the only one there is.
    pub initial: Option<String>,
    /// Whether it is typed on several lines, which are one in the command.
    #[serde(default)]
    pub lines: bool,
    /// How it is written, in a sentence.
    #[serde(default)]
    pub hint: Option<String>,
}

/// Something to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What is put into the command.
    pub value: String,
    /// What people read.
    pub label: String,
    /// What it belongs to, where choices of several things stand together.
    pub group: Option<String>,
}

impl Choice {
    /// One that reads as it is.
    pub fn new(value: impl Into<String>) -> Self {
        let value = value.into();
        Self {
            label: value.clone(),
            value,
            group: None,
        }
    }

    /// The same, reading otherwise.
    #[must_use]
    pub fn labelled(self, label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            ..self
        }
    }

    /// The same, belonging to something.
    #[must_use]
    pub fn of(self, group: impl Into<String>) -> Self {
        Self {
            group: Some(group.into()),
            ..self
        }
    }
}

/// A parameter of a command, described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Its group.
    pub name: &'static str,
    /// Whether it may be left out.
    pub optional: bool,
    /// The values it can have, where its type knows them.
    pub candidates: Candidates,
}

/// Asks a type for its values; nothing from a type that takes whatever can be read.
#[derive(Debug, Clone, Copy)]
pub struct Candidates(pub fn(&Services) -> Option<Vec<String>>);

// Two functions cannot be told apart; what they ask is said by the parameter around them.
impl PartialEq for Candidates {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Candidates {}

/// A question for live choices: asked of a responder about one of its own parameters.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The command.
    pub command: &'static CommandSpec,
    /// The parameter's group.
    pub parameter: &'static str,
    /// What is known of the others.
    pub said: Values,
}

/// The command that a form makes of these values; the names of what is still missing, when something is.
///
/// # Errors
/// What has to be filled in and is not.
pub fn fill(usage: &str, values: &Values) -> Result<String, Vec<String>> {
    let values = values
        .iter()
        .map(|(name, value)| {
            (
                name.clone(),
                value.split_whitespace().collect::<Vec<_>>().join(" "),
            )
        })
        .filter(|(_, value)| !value.is_empty())
        .collect();
    Usage::parse(usage).fill(&values)
}
