//! Purpose: a walk through a rule that knows where a variant's name has to stand.

use crate::{
    bucketing::MOST_WEIGHT,
    definition::{Definition, Document},
    evaluate::OPERATORS,
    fault::{Fault, perhaps},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Operators that answer true or false.
const TESTS: &[&str] = &[
    "==",
    "===",
    "!=",
    "!==",
    "!",
    "!!",
    ">",
    ">=",
    "<",
    "<=",
    "all",
    "none",
    "some",
    "in",
    "sem_ver",
    "starts_with",
    "ends_with",
];

/// A walk through rules, with what they may name.
pub(crate) struct Walk<'a> {
    evaluators: &'a BTreeMap<String, Value>,
    /// Nothing for an evaluator, which belongs to no flag.
    variants: Option<&'a BTreeMap<String, Value>>,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Walk<'a> {
    pub(crate) fn evaluator(document: &'a Document, faults: &'a mut Vec<Fault>) -> Self {
        Self {
            evaluators: &document.evaluators,
            variants: None,
            faults,
        }
    }

    pub(crate) fn flag(document: &'a Document, flag: &'a Definition, faults: &'a mut Vec<Fault>) -> Self {
        Self {
            evaluators: &document.evaluators,
            variants: Some(&flag.variants),
            faults,
        }
    }

    fn say(&mut self, path: &str, what: impl Into<String>) {
        self.faults.push(Fault::new(path, what));
    }

    /// What stands where a variant's name has to come out.
    pub(crate) fn result(&mut self, rule: &Value, path: &str) {
        match rule {
            Value::Null => {}
            Value::Object(object) => {
                let Some((operator, args)) = self.operator(object, path) else {
                    return;
                };
                let at = format!("{path}.{operator}");
                match operator {
                    "if" | "?:" => self.branches(&list(args), &at),
                    "fractional" => self.shares(&list(args), &at, true),
                    _ => {
                        if TESTS.contains(&operator) {
                            self.boolean(path);
                        }
                        self.call(operator, args, &at);
                    }
                }
            }
            Value::Bool(_) | Value::String(_) | Value::Number(_) => self.named(rule, path),
            Value::Array(_) => self.say(path, "a variant's name is wanted here, and this is a list"),
        }
    }

    fn named(&mut self, name: &Value, path: &str) {
        let Some(variants) = self.variants else { return };
        let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
        if !variants.contains_key(&name) {
            let near = perhaps(&name, variants.keys().map(String::as_str));
            self.say(path, format!("there is no variant `{name}`{near}"));
        }
    }

    fn boolean(&mut self, path: &str) {
        let both =
            |variants: &BTreeMap<_, _>| variants.contains_key("true") && variants.contains_key("false");
        if self.variants.is_some_and(|variants| !both(variants)) {
            self.say(
                path,
                "this answers true or false, and there are no variants `true` and `false`: write {\"if\": [<this>, \"<a variant>\"]}",
            );
        }
    }

    fn branches(&mut self, args: &[&Value], path: &str) {
        for (at, arg) in args.iter().enumerate() {
            let here = format!("{path}[{at}]");
            // Conditions and results take turns; what is left over at the end is the result for everybody else.
            if at % 2 == 1 || at + 1 == args.len() {
                self.result(arg, &here);
            } else {
                self.operand(arg, &here);
            }
        }
    }

    /// What stands where any value may.
    pub(crate) fn operand(&mut self, rule: &Value, path: &str) {
        match rule {
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.operand(item, &format!("{path}[{at}]"));
                }
            }
            Value::Object(object) => {
                if let Some((operator, args)) = self.operator(object, path) {
                    self.call(operator, args, &format!("{path}.{operator}"));
                }
            }
            _ => {}
        }
    }

    /// A rule's operator, if it is one.
    fn operator<'r>(&mut self, object: &'r Map<String, Value>, path: &str) -> Option<(&'r str, &'r Value)> {
        let mut pairs = object.iter();
        let (Some((operator, args)), None) = (pairs.next(), pairs.next()) else {
            let names: Vec<_> = object.keys().map(|key| format!("`{key}`")).collect();
            let has = if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(" and ")
            };
            self.say(
                path,
                format!("a rule is an object with one operator, and this has {has}"),
            );
            return None;
        };
        if operator == "$ref" {
            self.reference(args, &format!("{path}.$ref"));
            return None;
        }
        if !OPERATORS.contains(&operator.as_str()) {
            let near = perhaps(operator, OPERATORS.iter().copied());
            self.say(
                &format!("{path}.{operator}"),
                format!("there is no such operator{near}"),
            );
            return None;
        }
        Some((operator, args))
    }

    fn reference(&mut self, name: &Value, path: &str) {
        match name.as_str() {
            None => self.say(path, "this names an evaluator, so it is a text"),
            Some(_) if self.variants.is_none() => {
                self.say(path, "an evaluator cannot refer to another: write its rule out")
            }
            Some(name) if !self.evaluators.contains_key(name) => {
                let near = perhaps(name, self.evaluators.keys().map(String::as_str));
                self.say(path, format!("there is no evaluator `{name}`{near}"));
            }
            Some(_) => {}
        }
    }

    fn call(&mut self, operator: &str, args: &Value, path: &str) {
        let listed = list(args);
        match operator {
            "var" => self.variable(&listed, path),
            "starts_with" | "ends_with" => self.count(&listed, 2, path),
            "sem_ver" => self.versions(&listed, path),
            "fractional" => return self.shares(&listed, path, false),
            "==" | "===" | "!=" | "!==" | "%" | "in" | "map" | "filter" | "all" | "none" | "some" => {
                self.count(&listed, 2, path);
            }
            "reduce" => self.count(&listed, 3, path),
            _ => {}
        }
        self.operand(args, path);
    }

    fn count(&mut self, args: &[&Value], wanted: usize, path: &str) {
        if args.len() != wanted {
            self.say(
                path,
                format!("this takes {wanted} arguments, and has {}", args.len()),
            );
        }
    }

    fn variable(&mut self, args: &[&Value], path: &str) {
        let own = args
            .first()
            .and_then(|name| name.as_str())
            .filter(|name| name.starts_with("$flagd"));
        if own.is_some_and(|name| !["$flagd.flagKey", "$flagd.timestamp"].contains(&name)) {
            self.say(
                path,
                "of $flagd there are `$flagd.flagKey` and `$flagd.timestamp`",
            );
        }
    }

    fn versions(&mut self, args: &[&Value], path: &str) {
        self.count(args, 3, path);
        let sign = args.get(1).and_then(|sign| sign.as_str());
        if sign.is_some_and(|sign| !["=", "!=", "<", "<=", ">", ">=", "^", "~"].contains(&sign)) {
            self.say(
                &format!("{path}[1]"),
                "versions are compared by =, !=, <, <=, >, >=, ^ or ~",
            );
        }
        for at in [0, 2] {
            let text = args.get(at).and_then(|version| version.as_str());
            let numbers = |text: &str| {
                text.split('.').take(2).all(|part| part.parse::<u32>().is_ok())
                    && text.split('.').count() <= 2
            };
            let bare = text.map(|text| text.strip_prefix(['v', 'V']).unwrap_or(text));
            if let Some(bare) = bare
                && semver::Version::parse(bare).is_err()
                && !numbers(bare)
            {
                self.say(&format!("{path}[{at}]"), format!("{} is no version", args[at]));
            }
        }
    }

    fn shares(&mut self, args: &[&Value], path: &str, named: bool) {
        let mut total = Some(0_i64);
        let mut any = false;
        for (at, arg) in args.iter().enumerate() {
            let here = format!("{path}[{at}]");
            let Some(share) = arg.as_array() else {
                // The first may say what to bucket by.
                if at == 0 {
                    self.operand(arg, &here);
                } else {
                    self.say(
                        &here,
                        "a share is a list of a variant and its weight, such as [\"on\", 10]",
                    );
                }
                continue;
            };
            any = true;
            let Some(variant) = share.first() else {
                self.say(
                    &here,
                    "a share is a list of a variant and its weight, such as [\"on\", 10]",
                );
                continue;
            };
            if named {
                self.result(variant, &format!("{here}[0]"));
            } else {
                self.operand(variant, &format!("{here}[0]"));
            }
            match share.get(1) {
                None => total = total.map(|total| total.saturating_add(1)),
                Some(Value::Number(weight)) => match weight.as_i64().filter(|weight| *weight >= 0) {
                    Some(weight) => total = total.map(|total| total.saturating_add(weight)),
                    None => self.say(&format!("{here}[1]"), "a weight is a whole number from 0"),
                },
                Some(rule @ Value::Object(_)) => {
                    total = None;
                    self.operand(rule, &format!("{here}[1]"));
                }
                Some(_) => self.say(&format!("{here}[1]"), "a weight is a whole number from 0"),
            }
            if share.len() > 2 {
                self.say(&here, "a share is a variant and its weight, and nothing more");
            }
        }
        match total {
            _ if !any => self.say(path, "there is no share, such as [\"on\", 10]"),
            Some(total) if total > MOST_WEIGHT => {
                self.say(
                    path,
                    format!("the weights add up to {total}, and the most is {MOST_WEIGHT}"),
                );
            }
            Some(0) => self.say(path, "all weights are 0, so nobody gets anything"),
            _ => {}
        }
    }
}

/// What an operator is given: one thing need not be in a list.
pub(crate) fn list(args: &Value) -> Vec<&Value> {
    match args {
        Value::Array(items) => items.iter().collect(),
        other => vec![other],
    }
}

/// A rule with its references written out. One to what does not exist, or within what is referred to, stays.
pub(crate) fn resolved(rule: &Value, evaluators: &BTreeMap<String, Value>) -> Value {
    match rule {
        Value::Array(items) => Value::Array(items.iter().map(|item| resolved(item, evaluators)).collect()),
        Value::Object(object) => {
            if object.len() == 1
                && let Some(name) = object.get("$ref").and_then(Value::as_str)
                && let Some(rule) = evaluators.get(name)
            {
                return rule.clone();
            }
            let pairs = object
                .iter()
                .map(|(key, value)| (key.clone(), resolved(value, evaluators)));
            Value::Object(pairs.collect())
        }
        other => other.clone(),
    }
}

/// Why a rule with its references written out is none at all, as flagd sees it: it names what does not exist.
pub(crate) fn broken(rule: &Value) -> Option<String> {
    match rule {
        Value::Array(items) => items.iter().find_map(broken),
        Value::Object(object) => {
            if object.len() > 1 {
                return Some("a rule has one operator".to_owned());
            }
            object
                .iter()
                .find_map(|(operator, args)| match operator.as_str() {
                    "$ref" => Some(format!("there is no evaluator {args}")),
                    known if OPERATORS.contains(&known) => broken(args),
                    other => Some(format!("there is no operator `{other}`")),
                })
        }
        _ => None,
    }
}
