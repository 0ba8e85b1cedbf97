//! Purpose: a flag's rule, taken apart into the few shapes that people write. What is none of them stays a rule.

use crate::{
    check::list,
    definition::{Definition, State},
    ramp::Ramp,
};
use serde_json::Value;

/// What a flag does.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Whether it is evaluated at all.
    pub enabled: bool,
    /// What there is where the rule leaves it open; nothing for the application's own default.
    pub default: Option<String>,
    /// Who gets what.
    pub served: Served,
}

/// Who gets what.
#[derive(Debug, Clone, PartialEq)]
pub enum Served {
    /// Everybody this variant.
    Variant(String),
    /// Everybody the default.
    Default,
    /// Shares of people.
    Split {
        /// What is bucketed by.
        by: By,
        /// The shares, in order.
        shares: Vec<Share>,
    },
    /// A share that grows or shrinks with time.
    Ramp(Ramp),
    /// The first case that fits.
    Cases {
        /// In order.
        cases: Vec<Case>,
        /// Everybody else.
        otherwise: Box<Served>,
    },
    /// Whatever this rule gives.
    Rule(Value),
}

/// Some people, and what they get.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Who.
    pub when: Condition,
    /// What.
    pub gets: Served,
}

/// One share of a percentage.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// The variant; nothing for the default.
    pub variant: Option<String>,
    /// From 0 to 1.
    pub share: f64,
}

/// What is bucketed by.
#[derive(Debug, Clone, PartialEq)]
pub enum By {
    /// The flag's key and the targeting key: each flag divides people otherwise.
    Key,
    /// An attribute of the context.
    Attribute(String),
    /// A rule.
    Rule(Value),
}

/// What may hold of a context.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// An attribute compares so with a value.
    Compare(String, Sign, Value),
    /// An attribute is one of these.
    OneOf(String, Vec<Value>),
    /// An attribute, a list or a text, has this in it.
    Contains(String, Value),
    /// An attribute begins so.
    StartsWith(String, String),
    /// An attribute ends so.
    EndsWith(String, String),
    /// An attribute, a version, compares so. The sign is flagd's, with `^` for the same major and `~` for the same minor version.
    Version(String, String, String),
    /// An attribute is there, and not empty, zero or false.
    Has(String),
    /// The time, in seconds since 1970, compares so.
    Time(Sign, i64),
    /// A shared rule of this name holds.
    Named(String),
    /// All of these.
    All(Vec<Condition>),
    /// One of these at least.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// Whatever this rule says.
    Rule(Value),
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// `==`
    Is,
    /// `!=`
    IsNot,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

/// What a flag does, as data.
#[must_use]
pub fn describe(definition: &Definition) -> Description {
    let served = match (&definition.targeting, &definition.default_variant) {
        (Some(rule), _) => served(rule),
        (None, _) => Served::Default,
    };
    Description {
        enabled: definition.state == State::Enabled,
        default: definition.default_variant.clone(),
        served,
    }
}

pub(super) fn served(rule: &Value) -> Served {
    match rule {
        Value::Null => return Served::Default,
        Value::String(name) => return Served::Variant(name.clone()),
        Value::Bool(name) => return Served::Variant(name.to_string()),
        _ => {}
    }
    if let Some(ramp) = Ramp::read(rule) {
        return Served::Ramp(ramp);
    }
    let found = match only(rule) {
        Some(("if" | "?:", args)) => Some(cases(&list(args))),
        Some(("fractional", args)) => split(&list(args)),
        _ => None,
    };
    found.unwrap_or_else(|| Served::Rule(rule.clone()))
}

fn cases(args: &[&Value]) -> Served {
    let pairs = args.chunks_exact(2);
    let otherwise = pairs
        .remainder()
        .first()
        .map_or(Served::Default, |rest| served(rest));
    let mut cases: Vec<_> = pairs
        .map(|pair| Case {
            when: condition(pair[0]),
            gets: served(pair[1]),
        })
        .collect();
    // An `if` within the last branch goes on with the same list.
    let otherwise = match otherwise {
        Served::Cases {
            cases: more,
            otherwise,
        } => {
            cases.extend(more);
            otherwise
        }
        other => Box::new(other),
    };
    Served::Cases { cases, otherwise }
}

fn split(args: &[&Value]) -> Option<Served> {
    let (by, shares) = match args {
        [by, shares @ ..] if !by.is_array() => (
            variable(by).map_or_else(|| By::Rule((*by).clone()), |name| By::Attribute(name.to_owned())),
            shares,
        ),
        shares => (By::Key, shares),
    };
    let mut weighed = Vec::new();
    for share in shares {
        let (variant, weight) = match share.as_array()?.as_slice() {
            [variant] => (variant, 1),
            [variant, weight] => (variant, weight.as_i64()?.max(0)),
            _ => return None,
        };
        let variant = match variant {
            Value::Null => None,
            Value::String(name) => Some(name.clone()),
            Value::Bool(name) => Some(name.to_string()),
            _ => return None,
        };
        weighed.push((variant, weight));
    }
    let total: i64 = weighed.iter().map(|(_, weight)| weight).sum();
    #[expect(clippy::cast_precision_loss, reason = "weights are below 2³¹")]
    let shares = weighed.into_iter().map(|(variant, weight)| Share {
        variant,
        share: weight as f64 / total as f64,
    });
    (total > 0).then(|| Served::Split {
        by,
        shares: shares.collect(),
    })
}

pub(super) fn condition(rule: &Value) -> Condition {
    named(rule).unwrap_or_else(|| Condition::Rule(rule.clone()))
}

fn named(rule: &Value) -> Option<Condition> {
    let (operator, args) = only(rule)?;
    let args = list(args);
    let inner = || args.iter().map(|arg| condition(arg)).collect::<Vec<_>>();
    Some(match (operator, args.as_slice()) {
        ("$ref", [Value::String(name)]) => Condition::Named(name.clone()),
        ("and", _) => Condition::All(inner()),
        ("or", _) => Condition::Any(inner()),
        ("!", [_]) => Condition::Not(Box::new(inner().pop()?)),
        ("!!", [_]) => inner().pop()?,
        ("var", [Value::String(name), ..]) => Condition::Has(name.clone()),
        ("in", [needle, Value::Array(values)]) => {
            Condition::OneOf(variable(needle)?.to_owned(), values.clone())
        }
        ("in", [value, of]) if !value.is_object() => {
            Condition::Contains(variable(of)?.to_owned(), (*value).clone())
        }
        ("starts_with", [of, Value::String(part)]) => {
            Condition::StartsWith(variable(of)?.to_owned(), part.clone())
        }
        ("ends_with", [of, Value::String(part)]) => {
            Condition::EndsWith(variable(of)?.to_owned(), part.clone())
        }
        ("sem_ver", [of, Value::String(sign), Value::String(version)]) => {
            Condition::Version(variable(of)?.to_owned(), sign.clone(), version.clone())
        }
        (_, [one, other]) => compared(sign(operator)?, one, other)?,
        _ => return None,
    })
}

fn compared(sign: Sign, one: &Value, other: &Value) -> Option<Condition> {
    let (name, sign, value) = match (variable(one), variable(other)) {
        (Some(name), None) if !other.is_object() => (name, sign, other),
        (None, Some(name)) if !one.is_object() => (name, turned(sign), one),
        _ => return None,
    };
    match (name, value.as_i64()) {
        ("$flagd.timestamp", Some(moment)) => Some(Condition::Time(sign, moment)),
        _ => Some(Condition::Compare(name.to_owned(), sign, value.clone())),
    }
}

fn sign(operator: &str) -> Option<Sign> {
    Some(match operator {
        "==" | "===" => Sign::Is,
        "!=" | "!==" => Sign::IsNot,
        "<" => Sign::Less,
        "<=" => Sign::AtMost,
        ">" => Sign::More,
        ">=" => Sign::AtLeast,
        _ => return None,
    })
}

/// The sign with its sides changed.
fn turned(sign: Sign) -> Sign {
    match sign {
        Sign::Less => Sign::More,
        Sign::AtMost => Sign::AtLeast,
        Sign::More => Sign::Less,
        Sign::AtLeast => Sign::AtMost,
        same => same,
    }
}

/// The attribute that a rule reads, if that is all it does.
fn variable(rule: &Value) -> Option<&str> {
    match only(rule)? {
        ("var", Value::String(name)) => Some(name),
        ("var", Value::Array(args)) if args.len() == 1 => args[0].as_str(),
        _ => None,
    }
}

pub(super) fn only(rule: &Value) -> Option<(&str, &Value)> {
    let object = rule.as_object().filter(|object| object.len() == 1)?;
    object
        .iter()
        .next()
        .map(|(operator, args)| (operator.as_str(), args))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_people_write_is_taken_apart() {
        let rule = json!({"if": [
            {"and": [{"$ref": "staff"}, {"!": [{"in": [{"var": "country"}, ["de", "at"]]}]}]}, "on",
            {"if": [
                {"sem_ver": [{"var": ["version"]}, ">=", "2.1"]},
                {"fractional": [{"var": "email"}, ["on", 30], [null, 70]]},
                {">=": [1_750_000_000, {"var": "$flagd.timestamp"}]}, "off",
                {"==": [{"+": [1, {"var": "a"}]}, 3]}, {"var": "wish"},
            ]},
        ]});
        let Served::Cases { cases, otherwise } = served(&rule) else {
            panic!("no cases");
        };
        assert_eq!(*otherwise, Served::Default);
        let countries = Condition::OneOf("country".into(), vec![json!("de"), json!("at")]);
        assert_eq!(
            cases[0],
            Case {
                when: Condition::All(vec![
                    Condition::Named("staff".into()),
                    Condition::Not(Box::new(countries))
                ]),
                gets: Served::Variant("on".into()),
            }
        );
        assert_eq!(
            cases[1].when,
            Condition::Version("version".into(), ">=".into(), "2.1".into())
        );
        let share = |variant: Option<&str>, share| Share {
            variant: variant.map(str::to_owned),
            share,
        };
        assert_eq!(
            cases[1].gets,
            Served::Split {
                by: By::Attribute("email".into()),
                shares: vec![share(Some("on"), 0.3), share(None, 0.7)],
            }
        );
        assert_eq!(cases[2].when, Condition::Time(Sign::AtMost, 1_750_000_000));
        assert_eq!(
            cases[3].when,
            Condition::Rule(json!({"==": [{"+": [1, {"var": "a"}]}, 3]}))
        );
        assert_eq!(cases[3].gets, Served::Rule(json!({"var": "wish"})));
        assert_eq!(describe(&Definition::switch(true)).served, Served::Default);
    }
}
