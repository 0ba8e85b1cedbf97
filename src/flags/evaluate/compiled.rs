//! Purpose: a flag set made ready to be evaluated: rules compiled, and answers written as far as they can be beforehand.

use super::{ErrorCode, Outcome, Reason, context::whole, engine};
use crate::{
    bucketing::Bucketing,
    check::{broken, resolved},
    definition::{Definition, Document, Metadata, State},
    ramp::Clock,
};
use datalogic_rs::Logic;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A flag set, ready to be evaluated. It never changes: a change makes a new one.
#[derive(Debug)]
pub struct FlagSet {
    name: String,
    revision: u64,
    bucketing: Bucketing,
    flags: BTreeMap<String, Flag>,
    document: Document,
    clock: Clock,
}

/// A flag, ready to be evaluated.
#[derive(Debug)]
pub struct Flag {
    pub(super) key: String,
    pub(super) enabled: bool,
    pub(super) rule: Rule,
    variants: Vec<(String, Value)>,
    default: Default,
    metadata: Metadata,
    wire: Wire,
}

/// What decides.
#[derive(Debug)]
pub(super) enum Rule {
    None,
    Logic(Box<Logic>),
    /// It is none, and why.
    Broken(String),
}

/// Who the rule says nothing of, gets this.
#[derive(Debug)]
enum Default {
    Code,
    Variant(usize),
    /// A variant that does not exist.
    Missing(String),
}

/// Parts of answers, as JSON.
#[derive(Debug)]
struct Wire {
    /// `"key":…,"value":…,"variant":…`, for each variant.
    variants: Vec<String>,
    /// `"key":…`
    key: String,
    /// `,"metadata":…`, or nothing.
    metadata: String,
}

impl FlagSet {
    /// Makes a document ready. A flag whose rule is none answers with that error; the others are not touched by it.
    #[must_use]
    pub fn compile(name: &str, revision: u64, document: &Document) -> Self {
        let bucketing = document.bucketing();
        let flags = document.flags.iter().map(|(key, definition)| {
            let flag = Flag::compile(key, definition, document, bucketing);
            (key.clone(), flag)
        });
        Self {
            name: name.to_owned(),
            revision,
            bucketing,
            flags: flags.collect(),
            clock: Clock::of(document),
            document: document.clone(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often it was changed.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How its percentages are bucketed.
    #[must_use]
    pub fn bucketing(&self) -> Bucketing {
        self.bucketing
    }

    /// What it was made of.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// One of its flags.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<&Flag> {
        self.flags.get(key)
    }

    /// Its flags, by key.
    pub fn flags(&self) -> impl ExactSizeIterator<Item = &Flag> {
        self.flags.values()
    }

    /// When time alone changes what it gives.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl Flag {
    fn compile(key: &str, definition: &Definition, document: &Document, bucketing: Bucketing) -> Self {
        let rule = definition.targeting.as_ref().map_or(Rule::None, |rule| {
            let rule = whole(&resolved(rule, &document.evaluators));
            match broken(&rule) {
                Some(why) => Rule::Broken(format!("the rule of `{key}` is none: {why}")),
                None => match engine(bucketing).compile(&rule) {
                    Ok(logic) => Rule::Logic(Box::new(logic)),
                    Err(error) => Rule::Broken(format!("the rule of `{key}` is none: {error}")),
                },
            }
        });
        let variants: Vec<_> = definition
            .variants
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let default = match &definition.default_variant {
            None => Default::Code,
            Some(name) => match variants.iter().position(|(variant, _)| variant == name) {
                Some(index) => Default::Variant(index),
                None => Default::Missing(name.clone()),
            },
        };
        let mut metadata = document.metadata.clone();
        metadata.extend(definition.metadata.clone());
        let written = format!("\"key\":{}", json!(key));
        let wire = Wire {
            variants: variants
                .iter()
                .map(|(name, value)| format!("{written},\"value\":{value},\"variant\":{}", json!(name)))
                .collect(),
            key: written,
            metadata: if metadata.is_empty() {
                String::new()
            } else {
                format!(",\"metadata\":{}", json!(metadata))
            },
        };
        Self {
            key: key.to_owned(),
            enabled: definition.state == State::Enabled,
            rule,
            variants,
            default,
            metadata,
            wire,
        }
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its metadata, over that of its set.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// What there is for who the rule says nothing of.
    pub(super) fn default_outcome(&self, reason: Reason) -> Outcome<'_> {
        match &self.default {
            Default::Code => Outcome::CodeDefault(Reason::Default),
            Default::Variant(index) => self.variant(*index, reason),
            Default::Missing(name) => self.missing(name),
        }
    }

    /// The variant that the rule names.
    pub(super) fn named(&self, name: &str) -> Outcome<'_> {
        match self.variants.iter().position(|(variant, _)| variant == name) {
            Some(index) => self.variant(index, Reason::TargetingMatch),
            None => self.missing(name),
        }
    }

    fn variant(&self, index: usize, reason: Reason) -> Outcome<'_> {
        let (name, value) = &self.variants[index];
        Outcome::Variant {
            index,
            name,
            value,
            reason,
        }
    }

    fn missing(&self, name: &str) -> Outcome<'_> {
        Outcome::Error(
            ErrorCode::General,
            format!("the flag `{}` has no variant `{name}`", self.key),
        )
    }

    /// Writes what came of it, as OFREP has it.
    pub(crate) fn write(&self, outcome: &Outcome<'_>, to: &mut String) {
        to.push('{');
        match outcome {
            Outcome::Variant { index, reason, .. } => {
                to.push_str(&self.wire.variants[*index]);
                to.push_str(",\"reason\":\"");
                to.push_str(reason.name());
                to.push('"');
            }
            // A variant that is none: the official provider for Python (0.3.0) cannot do without.
            Outcome::CodeDefault(reason) => {
                to.push_str(&self.wire.key);
                to.push_str(",\"variant\":\"\",\"reason\":\"");
                to.push_str(reason.name());
                to.push('"');
            }
            Outcome::Error(code, why) => {
                to.push_str(&self.wire.key);
                to.push_str(",\"errorCode\":\"");
                to.push_str(code.name());
                to.push_str("\",\"errorDetails\":");
                to.push_str(&json!(why).to_string());
            }
        }
        to.push_str(&self.wire.metadata);
        to.push('}');
    }
}
