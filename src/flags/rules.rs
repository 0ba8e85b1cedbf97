//! Purpose: a flag, changed as people say it: these get this, so many in a hundred get that.
//!
//! Cases stand in the order people expect: who is named first, then groups, then what anybody may have, then everybody else. What is
//! written by hand stays where it is.

use crate::{
    definition::{Definition, State},
    ramp::{Ramp, RampFault},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What an application calls the one it asks for.
const KEY: &str = "targetingKey";

/// Whom a change is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// Everybody: all cases go.
    Everybody,
    /// The one with this targeting key.
    Key(String),
    /// Those of whom the shared rule of this name holds.
    Group(String),
    /// Those with this value of an attribute.
    Attribute(String, Value),
    /// So many in a hundred of those who are in no case.
    Percent(u8),
}

/// Why a flag cannot be changed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GiveFault {
    /// It has no such variant.
    #[error("there is no variant `{0}`")]
    NoVariant(String),
    /// More than everybody.
    #[error("a share is at most 100 %")]
    Share,
    /// With more than two variants, nobody knows what the others get.
    #[error(
        "what everybody else gets is not clear: it has more than two variants, and `{0}` is what there is otherwise"
    )]
    Others(String),
    /// There is no such ramp.
    #[error(transparent)]
    Ramp(#[from] RampFault),
}

/// A share that grows or shrinks from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    /// What more and more get.
    pub variant: String,
    /// The share at the start, in percent.
    pub from: u8,
    /// The share at the end, in percent.
    pub to: u8,
    /// How long it takes, in seconds.
    pub seconds: i64,
}

/// A rule as a list of cases.
struct Rules {
    cases: Vec<(Value, Value)>,
    otherwise: Value,
}

impl Rules {
    fn of(rule: Option<&Value>) -> Self {
        let mut rules = Self {
            cases: Vec::new(),
            otherwise: rule.cloned().unwrap_or_default(),
        };
        // An `if` within the last branch goes on with the same list.
        while let Some(args) = branches(&rules.otherwise) {
            let pairs = args.chunks_exact(2);
            let rest = pairs.remainder().first().cloned().unwrap_or_default();
            rules
                .cases
                .extend(pairs.map(|pair| (pair[0].clone(), pair[1].clone())));
            rules.otherwise = rest;
        }
        rules
    }

    /// Takes somebody out of the cases that name them alone.
    fn without(&mut self, whom: &Whom) {
        if let Whom::Key(key) = whom {
            let key = json!(key);
            self.cases.retain_mut(|(when, _)| match keys(when) {
                Some(mut all) => {
                    all.retain(|one| *one != key);
                    let some = !all.is_empty();
                    *when = of_keys(&all);
                    some
                }
                None => true,
            });
        } else if let Some(when) = condition(whom) {
            self.cases.retain(|(other, _)| *other != when);
        }
    }

    /// Gives them this.
    fn put(&mut self, whom: &Whom, variant: &str) {
        let gets = json!(variant);
        if let Whom::Key(key) = whom {
            for (when, given) in &mut self.cases {
                if let Some(mut all) = keys(when).filter(|_| *given == gets) {
                    all.push(json!(key));
                    *when = of_keys(&all);
                    return;
                }
            }
        }
        let Some(when) = condition(whom) else { return };
        let rank = rank(&when);
        let at = self
            .cases
            .iter()
            .take_while(|(other, _)| self::rank(other) <= rank);
        let at = at.count();
        self.cases.insert(at, (when, gets));
    }

    /// As it is written, with what there is where it says nothing.
    fn write(self, definition: &mut Definition) {
        let otherwise = match (&self.otherwise, self.cases.is_empty()) {
            // Everybody gets one thing: that is what a default is.
            (Value::String(name), true) => {
                definition.default_variant = Some(name.clone());
                Value::Null
            }
            (Value::String(name), false) if definition.default_variant.as_ref() == Some(name) => Value::Null,
            _ => self.otherwise,
        };
        if self.cases.is_empty() {
            definition.targeting = Some(otherwise).filter(|rule| !rule.is_null());
            return;
        }
        let mut args: Vec<Value> = self
            .cases
            .into_iter()
            .flat_map(|(when, gets)| [when, gets])
            .collect();
        if !otherwise.is_null() {
            args.push(otherwise);
        }
        definition.targeting = Some(json!({ "if": args }));
    }
}

impl Definition {
    /// The names of what is true and of what is false, where that is all a flag gives.
    #[must_use]
    pub fn sides(&self) -> Option<(&str, &str)> {
        let named = |side: bool| {
            let mut found = self
                .variants
                .iter()
                .filter(|(_, value)| **value == Value::Bool(side));
            found
                .next()
                .map(|(name, _)| name.as_str())
                .filter(|_| found.next().is_none())
        };
        Some((named(true)?, named(false)?))
    }

    /// The flag with a variant given to somebody. One that was not in use is.
    ///
    /// # Errors
    /// [`GiveFault`] says why that cannot be.
    pub fn give(&self, variant: &str, whom: &Whom) -> Result<Self, GiveFault> {
        if !self.variants.contains_key(variant) {
            return Err(GiveFault::NoVariant(variant.to_owned()));
        }
        let mut next = self.clone();
        next.state = State::Enabled;
        let mut rules = Rules::of(self.targeting.as_ref());
        match whom {
            Whom::Everybody => {
                rules.cases.clear();
                rules.otherwise = json!(variant);
            }
            Whom::Percent(101..) => return Err(GiveFault::Share),
            Whom::Percent(100) => rules.otherwise = json!(variant),
            Whom::Percent(share) => {
                let other = self.other(variant)?;
                let shares = if self.comes_first(variant, &other) {
                    [json!([variant, share]), json!([other, 100 - share])]
                } else {
                    [json!([other, 100 - share]), json!([variant, share])]
                };
                let by = bucketed_by(&rules.otherwise);
                let args: Vec<Value> = by.into_iter().chain(shares).collect();
                rules.otherwise = if *share == 0 {
                    json!(other)
                } else {
                    json!({ "fractional": args })
                };
                self.rest_on(&mut next, &other);
            }
            named => {
                rules.without(named);
                rules.put(named, variant);
            }
        }
        rules.write(&mut next);
        Ok(next)
    }

    /// The flag without a case of its own for these: they get what everybody else gets.
    #[must_use]
    pub fn forget(&self, whom: &Whom) -> Self {
        let mut next = self.clone();
        let mut rules = Rules::of(self.targeting.as_ref());
        if rules.cases.is_empty() {
            return next;
        }
        rules.without(whom);
        rules.write(&mut next);
        next
    }

    /// The flag with a share that grows from a moment on, for everybody who is in no case.
    ///
    /// # Errors
    /// [`GiveFault`] says why that cannot be.
    pub fn grow(&self, growth: &Growth, start: i64) -> Result<Self, GiveFault> {
        if !self.variants.contains_key(&growth.variant) {
            return Err(GiveFault::NoVariant(growth.variant.clone()));
        }
        let other = self.other(&growth.variant)?;
        let mut rules = Rules::of(self.targeting.as_ref());
        // Turned round where the other one has the first buckets: who has one of both keeps it as long as may be.
        let turned = !self.comes_first(&growth.variant, &other);
        let ((variant, other), (from, to)) = if turned {
            let rest = |share: u8| 100_u8.checked_sub(share).ok_or(GiveFault::Share);
            let shares = (rest(growth.from)?, rest(growth.to)?);
            ((other, growth.variant.clone()), shares)
        } else {
            ((growth.variant.clone(), other), (growth.from, growth.to))
        };
        let mut next = self.clone();
        next.state = State::Enabled;
        self.rest_on(&mut next, if turned { &variant } else { &other });
        let ramp = Ramp {
            variant,
            other,
            from,
            to,
            start,
            end: start.checked_add(growth.seconds).ok_or(RampFault::TooLong)?,
            by: bucketed_by(&rules.otherwise),
        };
        rules.otherwise = ramp.rule()?;
        rules.write(&mut next);
        Ok(next)
    }

    /// What there is where percentages say nothing: what is false, where that is all a flag gives.
    fn rest_on(&self, next: &mut Self, other: &str) {
        let rest = self.sides().map_or(other, |(_, off)| off);
        next.default_variant = Some(rest.to_owned());
    }

    /// What the others get.
    fn other(&self, variant: &str) -> Result<String, GiveFault> {
        let mut others = self.variants.keys().filter(|name| *name != variant);
        match (others.next(), others.next(), &self.default_variant) {
            (Some(other), None, _) => Ok(other.clone()),
            (_, _, Some(default)) if default != variant => Ok(default.clone()),
            (_, _, default) => Err(GiveFault::Others(default.clone().unwrap_or_default())),
        }
    }

    /// Whether a variant has the first buckets of the two. As it is, so it stays, so that nobody is moved without need; else what is
    /// true has them.
    fn comes_first(&self, variant: &str, other: &str) -> bool {
        let rules = Rules::of(self.targeting.as_ref());
        let shares = rules.otherwise.get("fractional").and_then(Value::as_array);
        let named = |share: &Value| share.get(0).and_then(Value::as_str).map(str::to_owned);
        match shares.into_iter().flatten().find_map(named) {
            Some(first) if first == variant => true,
            Some(first) if first == other => false,
            _ => self.variants.get(other) != Some(&Value::Bool(true)),
        }
    }
}

/// The branches of an `if`.
fn branches(rule: &Value) -> Option<Vec<Value>> {
    let object = rule.as_object().filter(|object| object.len() == 1)?;
    let args = object.get("if").or_else(|| object.get("?:"))?.as_array()?;
    (args.len() >= 2).then(|| args.clone())
}

fn condition(whom: &Whom) -> Option<Value> {
    match whom {
        Whom::Key(key) => Some(of_keys(&[json!(key)])),
        Whom::Group(name) => Some(json!({ "$ref": name })),
        Whom::Attribute(name, value) => Some(json!({"==": [{"var": name}, value]})),
        Whom::Everybody | Whom::Percent(_) => None,
    }
}

fn of_keys(keys: &[Value]) -> Value {
    json!({"in": [{"var": KEY}, keys]})
}

/// The keys that a condition names, if that is all it does.
fn keys(when: &Value) -> Option<Vec<Value>> {
    let key = json!({ "var": KEY });
    if when["in"][0] == key {
        return when["in"][1].as_array().cloned();
    }
    (when["=="][0] == key).then(|| vec![when["=="][1].clone()])
}

/// Its place among the cases.
fn rank(when: &Value) -> u8 {
    if keys(when).is_some() {
        0
    } else if when.get("$ref").is_some() {
        1
    } else {
        2
    }
}

/// What a percentage or a ramp is bucketed by, where it says so.
fn bucketed_by(rule: &Value) -> Option<Value> {
    let first = rule.get("fractional")?.as_array()?.first()?;
    (!first.is_array()).then(|| first.clone())
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
