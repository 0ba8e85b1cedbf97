//! What was said, read as the executable declared it. What does not fit is told to the person, and nothing is run.

use crate::texts;
use otus::{Context, Environment, Known, Service, UserError, args, responder::Captures};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// An argument, as the executable declares it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Argument {
    /// What it is.
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    /// The values it can have.
    pub(crate) choices: Vec<String>,
    /// Of a number, the least.
    pub(crate) min: Option<i64>,
    /// Of a number, the most.
    pub(crate) max: Option<i64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    #[default]
    Text,
    Integer,
    Service,
    Environment,
}

pub(crate) fn read(
    declared: &BTreeMap<String, Argument>,
    captures: &Captures,
    cx: &Context,
) -> Result<Map<String, Value>, UserError> {
    let mut read = Map::new();
    for (name, argument) in declared {
        let value = match captures.get(name) {
            None => Value::Null,
            Some(said) => value(name, argument, said, captures, cx)?,
        };
        read.insert(name.clone(), value);
    }
    Ok(read)
}

fn value(
    name: &str,
    argument: &Argument,
    said: &str,
    captures: &Captures,
    cx: &Context,
) -> Result<Value, UserError> {
    if !argument.choices.is_empty() {
        let chosen = argument
            .choices
            .iter()
            .find(|choice| choice.eq_ignore_ascii_case(said));
        return chosen
            .map(|choice| json!(choice))
            .ok_or_else(|| UserError::new(texts::not_one_of(name, said, &argument.choices)));
    }
    match argument.kind {
        Kind::Text => Ok(json!(said)),
        Kind::Integer => {
            let number: i64 = said
                .parse()
                .map_err(|_| UserError::new(texts::not_a("a whole number", name, said)))?;
            let fits =
                argument.min.is_none_or(|min| number >= min) && argument.max.is_none_or(|max| number <= max);
            if fits {
                Ok(json!(number))
            } else {
                Err(UserError::new(texts::out_of_bounds(
                    name,
                    said,
                    argument.min,
                    argument.max,
                )))
            }
        }
        Kind::Service => known::<Service>(said, name, captures, cx).map(|service| json!(service.name)),
        Kind::Environment => {
            known::<Environment>(said, name, captures, cx).map(|environment| json!(environment.name))
        }
    }
}

fn known<T: Known>(said: &str, name: &str, captures: &Captures, cx: &Context) -> Result<T, UserError> {
    T::find(said, cx.services()).ok_or_else(|| {
        args::unknown(T::WHAT, said, &T::candidates(cx.services()), |near| {
            captures.with(name, near)
        })
    })
}
