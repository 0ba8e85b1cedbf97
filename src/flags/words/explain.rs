//! Purpose: why a context gets what it gets: the rule gone through in order, with what each part of it came to.

use super::describe::{Condition, condition, only};
use crate::{
    check::{list, resolved},
    evaluate::{Context, Evaluator, FlagSet, Outcome, Reason},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Why somebody gets something.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The variant; nothing for the application's own default.
    pub variant: Option<String>,
    /// OpenFeature's reason; nothing for an error.
    pub reason: Option<Reason>,
    /// What went wrong, for people.
    pub error: Option<String>,
    /// The way there.
    pub steps: Vec<Step>,
}

/// One step of the way.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A condition was looked at.
    Tested {
        /// Which.
        condition: Condition,
        /// Whether it holds.
        holds: bool,
        /// The attributes it reads, as they are; null for what is not there.
        seen: BTreeMap<String, Value>,
    },
    /// A percentage was looked at.
    Bucketed {
        /// What was bucketed by; nothing for the flag's key and the targeting key.
        by: Option<Value>,
        /// The variants with their weights at this moment.
        shares: Vec<(Value, i64)>,
        /// What was picked; null for the default.
        picked: Value,
    },
    /// A rule gave this.
    Gave(Value),
}

/// Why a context gets what it gets of a flag. Nothing when there is no such flag.
#[must_use]
pub fn explain(set: &FlagSet, flag: &str, context: &Context, now: i64) -> Option<Explanation> {
    let mut evaluator = Evaluator::new();
    let outcome = evaluator.evaluate(set, set.flag(flag)?, context, now);
    let mut way = Way {
        evaluator,
        set,
        flag,
        context,
        now,
        steps: Vec::new(),
    };
    if let Some(rule) = &set.document().flags.get(flag)?.targeting
        && !matches!(outcome, Outcome::CodeDefault(Reason::Disabled))
    {
        way.go(rule);
    }
    let (variant, reason, error) = match outcome {
        Outcome::Variant { name, reason, .. } => (Some(name.to_owned()), Some(reason), None),
        Outcome::CodeDefault(reason) => (None, Some(reason), None),
        Outcome::Error(_, why) => (None, None, Some(why)),
    };
    Some(Explanation {
        variant,
        reason,
        error,
        steps: way.steps,
    })
}

struct Way<'a> {
    evaluator: Evaluator,
    set: &'a FlagSet,
    flag: &'a str,
    context: &'a Context,
    now: i64,
    steps: Vec<Step>,
}

impl Way<'_> {
    fn value(&mut self, rule: &Value) -> Value {
        let rule = resolved(rule, &self.set.document().evaluators);
        let found = self
            .evaluator
            .part(self.set, self.flag, &rule, self.context, self.now);
        found.unwrap_or_default()
    }

    fn go(&mut self, rule: &Value) {
        match only(rule) {
            Some(("if" | "?:", args)) => self.choose(&list(args)),
            Some(("fractional", args)) => self.bucket(rule, &list(args)),
            _ => {
                let given = self.value(rule);
                self.steps.push(Step::Gave(given));
            }
        }
    }

    fn choose(&mut self, args: &[&Value]) {
        for pair in args.chunks(2) {
            let [test, then] = pair else {
                return self.go(pair[0]);
            };
            let holds = self.value(&json!({"!!": [test]})) == true;
            let mut seen = BTreeMap::new();
            self.read(test, &mut seen);
            self.steps.push(Step::Tested {
                condition: condition(test),
                holds,
                seen,
            });
            if holds {
                return self.go(then);
            }
        }
        self.steps.push(Step::Gave(Value::Null));
    }

    fn bucket(&mut self, rule: &Value, args: &[&Value]) {
        let (by, shares) = match args {
            [by, shares @ ..] if !by.is_array() => (Some(self.value(by)), shares),
            shares => (None, shares),
        };
        let mut weighed = Vec::new();
        for share in shares.iter().filter_map(|share| share.as_array()) {
            let variant = share
                .first()
                .map(|variant| self.value(variant))
                .unwrap_or_default();
            let weight = share.get(1).map_or(Some(1), |weight| self.value(weight).as_i64());
            weighed.push((variant, weight.unwrap_or(0).max(0)));
        }
        let picked = self.value(rule);
        self.steps.push(Step::Bucketed {
            by,
            shares: weighed,
            picked,
        });
    }

    /// The attributes that a condition reads, also by way of a shared rule.
    fn read(&mut self, rule: &Value, seen: &mut BTreeMap<String, Value>) {
        match rule {
            Value::Array(items) => items.iter().for_each(|item| self.read(item, seen)),
            Value::Object(object) => {
                for (operator, args) in object {
                    let name = match list(args).first() {
                        Some(Value::String(name)) => Some(name),
                        _ => None,
                    };
                    match (operator.as_str(), name) {
                        ("var", Some(name)) => {
                            let value = self.value(rule);
                            seen.insert(name.clone(), value);
                        }
                        ("$ref", Some(name)) => {
                            if let Some(shared) = self.set.document().evaluators.get(name) {
                                self.read(shared, seen);
                            }
                        }
                        // Within these, a variable is one of an element.
                        ("map" | "filter" | "reduce" | "all" | "some" | "none", _) => {
                            if let Some(of) = list(args).first() {
                                self.read(of, seen);
                            }
                        }
                        _ => self.read(args, seen),
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;

    #[test]
    fn the_way_is_told() {
        let document = json!({
            "flags": {"nav": {
                "state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
                "targeting": {"if": [
                    {"$ref": "staff"}, "on",
                    {"==": [{"var": "plan"}, "pro"]}, {"fractional": [["on", 0], ["off", {"-": [{"var": "$flagd.timestamp"}, 90]}]]},
                ]},
            }},
            "$evaluators": {"staff": {"ends_with": [{"var": "email"}, "@example.com"]}},
        });
        let set = FlagSet::compile("production", 1, &Document::read(&document).unwrap());
        let why =
            |context: Value| explain(&set, "nav", &Context::from_value(&context).unwrap(), 100).unwrap();
        let staff = |holds, email: Value| Step::Tested {
            condition: Condition::Named("staff".into()),
            holds,
            seen: [("email".to_owned(), email)].into(),
        };
        let ann = why(json!({"email": "ann@example.com"}));
        assert_eq!(
            (ann.variant.as_deref(), ann.reason),
            (Some("on"), Some(Reason::TargetingMatch))
        );
        assert_eq!(
            ann.steps,
            [staff(true, json!("ann@example.com")), Step::Gave(json!("on"))]
        );
        let bob = why(json!({"targetingKey": "bob", "plan": "pro"}));
        assert_eq!(bob.steps[0], staff(false, Value::Null));
        assert_eq!(
            bob.steps[2],
            Step::Bucketed {
                by: None,
                shares: vec![(json!("on"), 0), (json!("off"), 10)],
                picked: json!("off"),
            }
        );
        let eve = why(json!({}));
        assert_eq!(
            (eve.variant.as_deref(), eve.reason),
            (Some("off"), Some(Reason::Default))
        );
        assert_eq!(eve.steps[2], Step::Gave(Value::Null));
        assert!(explain(&set, "none", &Context::empty(), 100).is_none());
    }
}
