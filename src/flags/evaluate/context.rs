//! Purpose: who is asked about: an evaluation context, read once and evaluated against many times.

use datalogic_rs::{DataValue, ParsedData};
use serde_json::{Map, Number, Value};

/// An evaluation context: a JSON object, with the `targetingKey` that says who it is.
#[derive(Debug)]
pub struct Context(ParsedData);

/// What is wrong with a context.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextFault {
    /// It is no JSON.
    #[error("the context is no JSON: {0}")]
    NoJson(String),
    /// It is JSON, but no object.
    #[error("the context is {0}, and has to be an object")]
    NoObject(&'static str),
    /// Who it is, is no text.
    #[error("the context's targetingKey is {0}, and has to be a text")]
    NoKey(&'static str),
}

impl Context {
    /// Reads one.
    ///
    /// # Errors
    /// [`ContextFault`] says what is wrong with it.
    pub fn from_json(json: &str) -> Result<Self, ContextFault> {
        // Everywhere else 2.0 is 2, also when it becomes a text; and what flagd adds is not to be forged.
        let odd =
            json.contains(".0") || json.contains(['e', 'E']) && has_exponent(json) || json.contains("$flagd");
        if odd {
            let value: Value =
                serde_json::from_str(json).map_err(|error| ContextFault::NoJson(error.to_string()))?;
            return Self::from_value(&value);
        }
        let parsed = ParsedData::from_json(json).map_err(|error| ContextFault::NoJson(error.to_string()))?;
        Self(parsed).checked()
    }

    /// One of a value.
    ///
    /// # Errors
    /// As [`Context::from_json`].
    pub fn from_value(value: &Value) -> Result<Self, ContextFault> {
        let mut value = whole(value);
        if let Value::Object(pairs) = &mut value {
            pairs.remove("$flagd");
        }
        let parsed = ParsedData::from_json(&value.to_string())
            .map_err(|error| ContextFault::NoJson(error.to_string()))?;
        Self(parsed).checked()
    }

    /// One that only says who it is.
    #[must_use]
    pub fn of(targeting_key: &str) -> Self {
        let value = Value::Object(Map::from_iter([(
            "targetingKey".to_owned(),
            targeting_key.into(),
        )]));
        Self::from_value(&value).unwrap_or_else(|_| Self::empty())
    }

    /// One that says nothing.
    #[must_use]
    pub fn empty() -> Self {
        #[expect(clippy::expect_used, reason = "an empty object is JSON")]
        Self(ParsedData::from_json("{}").expect("an empty object is JSON"))
    }

    /// Who it is.
    #[must_use]
    pub fn targeting_key(&self) -> Option<&str> {
        self.get("targetingKey").and_then(DataValue::as_str)
    }

    fn checked(self) -> Result<Self, ContextFault> {
        if !matches!(self.0.value(), DataValue::Object(_)) {
            return Err(ContextFault::NoObject(kind(self.0.value())));
        }
        match self.get("targetingKey") {
            None | Some(DataValue::String(_) | DataValue::Null) => Ok(self),
            Some(other) => Err(ContextFault::NoKey(kind(other))),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&DataValue<'_>> {
        self.pairs()
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn pairs(&self) -> &[(&str, DataValue<'_>)] {
        match self.0.value() {
            DataValue::Object(pairs) => pairs,
            _ => &[],
        }
    }
}

/// Whether a number may be written with an exponent: an `e` behind a digit.
fn has_exponent(json: &str) -> bool {
    json.as_bytes()
        .windows(2)
        .any(|pair| pair[0].is_ascii_digit() && matches!(pair[1], b'e' | b'E'))
}

/// The same value, with floats that are whole as integers: JSON knows no difference, and no implementation of flagd makes one.
pub(crate) fn whole(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "the range was looked at")]
            Some(float)
                if number.is_f64() && float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0 =>
            {
                Value::Number(Number::from(float as i64))
            }
            _ => value.clone(),
        },
        Value::Array(items) => Value::Array(items.iter().map(whole).collect()),
        Value::Object(pairs) => Value::Object(
            pairs
                .iter()
                .map(|(key, value)| (key.clone(), whole(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

fn kind(value: &DataValue<'_>) -> &'static str {
    match value {
        DataValue::Null => "null",
        DataValue::Bool(_) => "true or false",
        DataValue::Number(_) => "a number",
        DataValue::String(_) => "a text",
        DataValue::Array(_) => "a list",
        DataValue::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_context_is_an_object_that_says_who() {
        assert_eq!(
            Context::from_json(r#"{"targetingKey":"ann"}"#)
                .unwrap()
                .targeting_key(),
            Some("ann")
        );
        assert_eq!(Context::from_json("{}").unwrap().targeting_key(), None);
        assert_eq!(
            Context::from_json("[]").unwrap_err(),
            ContextFault::NoObject("a list")
        );
        assert_eq!(
            Context::from_json(r#"{"targetingKey":7}"#).unwrap_err(),
            ContextFault::NoKey("a number")
        );
        assert!(matches!(Context::from_json("{"), Err(ContextFault::NoJson(_))));
    }

    #[test]
    fn what_flagd_adds_is_not_forged() {
        let context = Context::from_json(r#"{"$flagd":{"flagKey":"x"},"a":1}"#).unwrap();
        assert!(context.get("$flagd").is_none());
        assert!(context.get("a").is_some());
    }

    #[test]
    fn whole_floats_are_integers() {
        assert_eq!(
            whole(&json!([2.0, 2.5, {"a": -0.0}, 1e300])),
            json!([2, 2.5, {"a": 0}, 1e300])
        );
        let context = Context::from_json(r#"{"a":2.0,"b":1E2}"#).unwrap();
        assert_eq!(context.get("a").unwrap().as_i64(), Some(2));
        assert_eq!(context.get("a").unwrap().to_string(), "2");
        assert_eq!(context.get("b").unwrap().to_string(), "100");
    }
}
