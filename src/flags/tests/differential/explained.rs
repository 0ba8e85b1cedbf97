//! Purpose: where the official evaluators answer otherwise, and why that is right.
//!
//! What JsonLogic leaves open, each library answers for itself; where they disagree, ours does what most of them do. None of
//! this concerns the buckets of what is plain text, or any rule in which a value is compared with one of its own type.

use crate::oracle::Found;
use otus_flags::Bucketing;
use serde_json::Value;

/// Why a difference is none that matters, or one in which they are wrong.
pub(crate) fn explained(
    bucketing: Bucketing,
    rule: &Value,
    context: &Value,
    theirs: &Found,
) -> Option<&'static str> {
    let rule = written_out(rule);
    let seen = Seen { rule: &rule, context };
    match bucketing {
        Bucketing::V2 => seen.by_javascript(theirs),
        Bucketing::V3 => seen.by_python(),
    }
}

struct Seen<'a> {
    rule: &'a Value,
    context: &'a Value,
}

impl Seen<'_> {
    fn by_javascript(&self, theirs: &Found) -> Option<&'static str> {
        let threw = theirs.error.as_deref() == Some("GENERAL");
        let non_ascii = ["targetingKey", "email"]
            .iter()
            .any(|name| !self.text(name).is_ascii());
        if self.has("fractional", |_| true) && non_ascii {
            return Some("imurmurhash hashes UTF-16 units; flagd hashes the bytes of UTF-8");
        }
        if threw
            && self.has("in", |args| {
                !matches!(self.value(&args[1]), Value::String(_) | Value::Array(_))
            })
        {
            return Some(
                "json-logic-engine throws when looking into what is neither a text nor a list; ours says it is not in there",
            );
        }
        let odd = |args: &Value| {
            self.pairs(args)
                .iter()
                .any(|(one, other)| not_numeric(one, other))
        };
        if threw
            && ["==", "!=", "<", "<=", ">", ">=", "all", "some", "none"]
                .iter()
                .any(|name| self.has(name, odd))
        {
            return Some(
                "json-logic-engine throws when a text that is no number is compared with a number; ours says they differ",
            );
        }
        if self.has("cat", |args| self.null_in(args)) {
            return Some(
                "json-logic-engine writes null out when it joins texts; ours and json-logic-js join nothing",
            );
        }
        if self.has("all", |args| {
            self.value(&args[0]).as_array().is_none_or(Vec::is_empty)
        }) {
            return Some(
                "of no elements all pass in json-logic-engine; in JsonLogic itself, and in ours, they do not",
            );
        }
        None
    }

    fn by_python(&self) -> Option<&'static str> {
        let empty = |name: &Value| {
            matches!(self.lookup(name.as_str().unwrap_or_default()), Some(Value::Null))
                || self
                    .lookup(name.as_str().unwrap_or_default())
                    .is_some_and(|value| value == "")
        };
        if self.has("missing", |args| {
            args.as_array().is_some_and(|names| names.iter().any(empty))
        }) {
            return Some(
                "panzi-json-logic counts null and the empty text as missing; ours only what is not there",
            );
        }
        if self.has("cat", |args| self.null_in(args)) {
            return Some(
                "panzi-json-logic writes null out when it joins texts; ours and json-logic-js join nothing",
            );
        }
        if ["min", "max"]
            .iter()
            .any(|name| self.has(name, |args| self.null_in(args)))
        {
            return Some(
                "panzi-json-logic takes null for 0 among the least and the most; in ours, as in json-logic-engine, that is an error",
            );
        }
        if self.has("-", |args| self.null_in(args)) {
            return Some(
                "panzi-json-logic takes null as a second argument for none, and turns the sign of the first",
            );
        }
        let negative = |args: &Value| self.value(&args[0]).as_f64().is_some_and(|number| number < 0.0);
        if self.has("%", negative) {
            return Some(
                "Python's remainder has the sign of the divisor; JavaScript's, Go's and ours that of what is divided",
            );
        }
        None
    }

    /// Whether there is an operator with such arguments anywhere in the rule.
    fn has(&self, operator: &str, such: impl Fn(&Value) -> bool) -> bool {
        any(self.rule, &mut |name, args| name == operator && such(args))
    }

    fn null_in(&self, args: &Value) -> bool {
        args.as_array()
            .is_some_and(|args| args.iter().any(|arg| self.value(arg).is_null()))
    }

    fn text(&self, name: &str) -> &str {
        self.context[name].as_str().unwrap_or_default()
    }

    fn lookup(&self, path: &str) -> Option<&Value> {
        path.split('.')
            .try_fold(self.context, |value, part| value.get(part))
    }

    /// What an argument is, where it is a value or a variable.
    fn value(&self, arg: &Value) -> Value {
        match arg.get("var") {
            Some(Value::String(path)) => self.lookup(path).cloned().unwrap_or_default(),
            Some(Value::Array(args)) => self
                .lookup(args[0].as_str().unwrap_or_default())
                .cloned()
                .unwrap_or_else(|| args[1].clone()),
            _ => arg.clone(),
        }
    }

    /// What is compared: two values, or each element of a list with one.
    fn pairs(&self, args: &Value) -> Vec<(Value, Value)> {
        let (one, other) = (self.value(&args[0]), &args[1]);
        match (one, other.get("==")) {
            (Value::Array(items), Some(inner)) => {
                items.into_iter().map(|item| (item, inner[1].clone())).collect()
            }
            (one, _) => vec![(one, self.value(other))],
        }
    }
}

/// A text that is no number, beside what counts as one.
fn not_numeric(one: &Value, other: &Value) -> bool {
    let text = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| !text.is_empty() && text.parse::<f64>().is_err())
    };
    let number = |value: &Value| matches!(value, Value::Number(_) | Value::Bool(_));
    text(one) && number(other) || number(one) && text(other)
}

fn any(rule: &Value, look: &mut impl FnMut(&str, &Value) -> bool) -> bool {
    match rule {
        Value::Array(items) => items.iter().any(|item| any(item, look)),
        Value::Object(object) => object
            .iter()
            .any(|(name, args)| look(name, args) || any(args, look)),
        _ => false,
    }
}

/// With the evaluators that the generator refers to.
fn written_out(rule: &Value) -> Value {
    let text = rule.to_string();
    let text = text.replace(r#"{"$ref":"adult"}"#, r#"{">=":[{"var":"age"},18]}"#);
    serde_json::from_str(&text).unwrap()
}
