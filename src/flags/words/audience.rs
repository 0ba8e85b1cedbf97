//! Purpose: who gets what before and after a change, in shares, and by how much the largest of them grows.

use super::describe::{Condition, Description, Served, Sign, describe};
use crate::{
    definition::Definition,
    evaluate::{Context, Evaluator, FlagSet},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Shares of variants, from 0 to 1; without a name, that of the application's own default. Nothing is known where a rule decides
/// that nobody can tell without evaluating it.
pub type Shares = Option<BTreeMap<Option<String>, f64>>;

/// Some people, and what they get before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Who; nothing for everybody else.
    pub who: Option<Condition>,
    /// What they got.
    pub before: Shares,
    /// What they get.
    pub after: Shares,
    /// What they were served; nothing for the application's own default.
    pub gave: Option<Served>,
    /// What they are served.
    pub gives: Option<Served>,
}

/// Who gets what before and after a change, at a moment. A flag that is not there gives the application's own default.
#[must_use]
pub fn audience(before: Option<&Definition>, after: Option<&Definition>, now: i64) -> Vec<Group> {
    between((before, now), (after, now))
}

/// The same, where before and after are looked at at moments of their own.
fn between(before: (Option<&Definition>, i64), after: (Option<&Definition>, i64)) -> Vec<Group> {
    let (before, after) = (Reach::of(before.0, before.1), Reach::of(after.0, after.1));
    let mut everybody: Vec<Option<Condition>> = Vec::new();
    for (who, _) in after.cases.iter().chain(&before.cases) {
        if !everybody.contains(&Some(who.clone())) {
            everybody.push(Some(who.clone()));
        }
    }
    everybody.push(None);
    let group = |who: Option<Condition>| {
        let (gave, gives) = (before.served(who.as_ref()), after.served(who.as_ref()));
        Group {
            before: before.shares(gave),
            after: after.shares(gives),
            gave: gave.cloned(),
            gives: gives.cloned(),
            who,
        }
    };
    everybody.into_iter().map(group).collect()
}

/// By how much more of those whom a change does not name get something new, from 0 to 1, between the flag as it was at one moment and as it
/// will be at another. Nothing is known when a rule decides.
///
/// People and groups that are named, and whoever goes back to what is false or to the application's own default, are not counted: the
/// first are few and meant, the second is the way out.
#[must_use]
pub fn jump(before: (Option<&Definition>, i64), after: (Option<&Definition>, i64)) -> Option<f64> {
    growth(before, after, false)
}

/// Whether a change gives nobody anything but what is false or the application's own default: the way out.
#[must_use]
pub fn retreats(before: Option<&Definition>, after: Option<&Definition>, now: i64) -> bool {
    growth((before, now), (after, now), true).is_some_and(|growth| growth <= 0.0)
}

fn growth(
    before: (Option<&Definition>, i64),
    after: (Option<&Definition>, i64),
    with_named: bool,
) -> Option<f64> {
    let safe = |variant: &Option<String>| {
        let values = [after.0, before.0].into_iter().flatten();
        let value = |name: &String| {
            values
                .clone()
                .find_map(|definition| definition.variants.get(name))
        };
        variant
            .as_ref()
            .is_none_or(|name| value(name).is_some_and(|value| *value == Value::Bool(false)))
    };
    let mut largest = 0.0_f64;
    for group in between(before, after) {
        if !with_named && group.who.as_ref().is_some_and(is_named) {
            continue;
        }
        // A rule that stays is no jump, whatever it gives.
        if group.before.is_none() && group.gave == group.gives {
            continue;
        }
        let new = group.after?;
        let growing = new.iter().filter(|(variant, _)| !safe(variant));
        let Some(old) = group.before else {
            // What a rule gave is not known; where nobody gets anything new, it does not matter.
            if growing.clone().all(|(_, share)| *share <= 0.0) {
                continue;
            }
            return None;
        };
        for (variant, share) in growing {
            largest = largest.max(share - old.get(variant).copied().unwrap_or(0.0));
        }
    }
    Some(largest)
}

/// Whether it names people, or a group of them that has a name.
fn is_named(who: &Condition) -> bool {
    match who {
        Condition::Named(_) => true,
        Condition::Compare(attribute, Sign::Is, _) | Condition::OneOf(attribute, _) => {
            attribute == "targetingKey"
        }
        _ => false,
    }
}

/// By how much the share of any variant grows in any group at the most, from 0 to 1. Nothing is known when a rule decides.
#[must_use]
pub fn largest_step(groups: &[Group]) -> Option<f64> {
    let mut largest = 0.0_f64;
    for group in groups {
        if group.before == group.after && group.before.is_some() {
            continue;
        }
        let (before, after) = (group.before.as_ref()?, group.after.as_ref()?);
        for (variant, share) in after {
            largest = largest.max(share - before.get(variant).copied().unwrap_or(0.0));
        }
    }
    Some(largest)
}

/// How many of these contexts get which variant before, and which after; without a name where there is none.
#[must_use]
pub fn moved(
    before: &FlagSet,
    after: &FlagSet,
    flag: &str,
    contexts: &[Context],
    now: i64,
) -> BTreeMap<(Option<String>, Option<String>), usize> {
    let mut evaluator = Evaluator::new();
    let mut given = |set: &FlagSet, context: &Context| {
        let flag = set.flag(flag)?;
        evaluator
            .evaluate(set, flag, context, now)
            .variant()
            .map(str::to_owned)
    };
    let mut counts = BTreeMap::new();
    for context in contexts {
        *counts
            .entry((given(before, context), given(after, context)))
            .or_default() += 1;
    }
    counts
}

struct Reach {
    cases: Vec<(Condition, Served)>,
    /// Nothing for the application's own default.
    otherwise: Option<Served>,
    default: Option<String>,
    now: i64,
}

impl Reach {
    fn of(definition: Option<&Definition>, now: i64) -> Self {
        let described = definition.map(describe).filter(|described| described.enabled);
        let Some(Description { default, served, .. }) = described else {
            return Self {
                cases: Vec::new(),
                otherwise: None,
                default: None,
                now,
            };
        };
        let (cases, otherwise) = match served {
            Served::Cases { cases, otherwise } => (
                cases.into_iter().map(|case| (case.when, case.gets)).collect(),
                *otherwise,
            ),
            served => (Vec::new(), served),
        };
        Self {
            cases,
            otherwise: Some(plain(otherwise, default.as_deref())),
            default,
            now,
        }
    }

    /// What these get. Who is in no case is among all others.
    fn served(&self, who: Option<&Condition>) -> Option<&Served> {
        let case = who.and_then(|who| self.cases.iter().find(|(condition, _)| condition == who));
        case.map(|(_, served)| served).or(self.otherwise.as_ref())
    }

    fn shares(&self, served: Option<&Served>) -> Shares {
        match served {
            Some(served) => shares(served, self.default.as_ref(), self.now),
            None => Some([(None, 1.0)].into()),
        }
    }
}

/// The default by its name, where it has one: so that whoever compares sees that nothing changes.
fn plain(served: Served, default: Option<&str>) -> Served {
    match (served, default) {
        (Served::Default, Some(name)) => Served::Variant(name.to_owned()),
        (served, _) => served,
    }
}

fn shares(served: &Served, default: Option<&String>, now: i64) -> Shares {
    let mut shares = BTreeMap::new();
    let mut add = |variant: Option<&String>, share: f64| {
        if share > 0.0 {
            *shares.entry(variant.or(default).cloned()).or_insert(0.0) += share;
        }
    };
    match served {
        Served::Variant(name) => add(Some(name), 1.0),
        Served::Default => add(None, 1.0),
        Served::Split { shares, .. } => shares
            .iter()
            .for_each(|share| add(share.variant.as_ref(), share.share)),
        Served::Ramp(ramp) => {
            let share = ramp.share(now);
            add(Some(&ramp.variant), share);
            add(Some(&ramp.other), 1.0 - share);
        }
        Served::Cases { .. } | Served::Rule(_) => return None,
    }
    Some(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;
    use serde_json::json;

    fn flag(targeting: Value) -> Definition {
        Definition {
            targeting: Some(targeting),
            ..Definition::switch(false)
        }
    }

    fn of(shares: &Shares, variant: &str) -> f64 {
        shares
            .as_ref()
            .unwrap()
            .get(&Some(variant.to_owned()))
            .copied()
            .unwrap_or(0.0)
    }

    #[test]
    fn who_gets_what_before_and_after() {
        let staff = json!({"$ref": "staff"});
        let before = flag(json!({"if": [staff, "on"]}));
        let after = flag(json!({"if": [staff, "on", {"fractional": [["on", 30], ["off", 70]]}]}));
        let groups = audience(Some(&before), Some(&after), 0);
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].who, Some(Condition::Named("staff".into())));
        assert!((of(&groups[0].before, "on") - 1.0).abs() < 1e-9 && groups[0].before == groups[0].after);
        assert!(of(&groups[1].before, "on").abs() < 1e-9);
        assert!((of(&groups[1].after, "on") - 0.3).abs() < 1e-9);
        assert!((largest_step(&groups).unwrap() - 0.3).abs() < 1e-9);

        let new = audience(None, Some(&Definition::switch(true)), 0);
        assert_eq!(new[0].before, Some([(None, 1.0)].into()));
        assert!((largest_step(&new).unwrap() - 1.0).abs() < 1e-9);
        let odd = audience(Some(&before), Some(&flag(json!({"var": "wish"}))), 0);
        assert_eq!(odd.last().unwrap().after, None);
        assert_eq!(largest_step(&odd), None, "nobody can tell");
    }

    #[test]
    fn a_jump_counts_whom_nobody_named() {
        let off = Definition::switch(false);
        let on = Definition::switch(true);
        let jumped = |before: &Definition, after: &Definition| jump((Some(before), 0), (Some(after), 0));
        assert_eq!(jumped(&off, &on), Some(1.0));
        assert_eq!(jumped(&on, &off), Some(0.0), "the way out");
        let named = flag(json!({"if": [
            {"in": [{"var": "targetingKey"}, ["ann"]]}, "on",
            {"$ref": "staff"}, "on",
        ]}));
        assert_eq!(jumped(&off, &named), Some(0.0));
        let country = flag(json!({"if": [{"==": [{"var": "country"}, "de"]}, "on"]}));
        assert_eq!(
            jumped(&off, &country),
            Some(1.0),
            "nobody knows how many these are"
        );
        let rule = flag(json!({"var": "wish"}));
        assert_eq!(jumped(&off, &rule), None);
        assert_eq!(jumped(&rule, &on), None);
        assert_eq!(jumped(&rule, &off), Some(0.0));
        assert_eq!(jumped(&rule, &rule), Some(0.0));
        assert_eq!(
            jump((None, 0), (Some(&off), 0)),
            Some(0.0),
            "a new one that is off"
        );
        assert_eq!(jump((Some(&on), 0), (None, 0)), Some(0.0));
        assert!(retreats(Some(&on), Some(&off), 0) && !retreats(Some(&off), Some(&named), 0));
    }

    #[test]
    fn who_is_moved_is_counted() {
        let set = |rule: Value| {
            let document = Document {
                flags: [("nav".to_owned(), flag(rule))].into(),
                ..Document::default()
            };
            FlagSet::compile("production", 1, &document)
        };
        let split = |on: u8| set(json!({"fractional": [["on", on], ["off", 100 - on]]}));
        let contexts: Vec<_> = (0..1000).map(|who| Context::of(&format!("user-{who}"))).collect();
        let counts = moved(&split(10), &split(40), "nav", &contexts, 0);
        let count = |before: &str, after: &str| {
            counts
                .get(&(Some(before.into()), Some(after.into())))
                .copied()
                .unwrap_or(0)
        };
        assert_eq!(count("on", "off"), 0, "who has it keeps it");
        assert!(count("off", "on").abs_diff(300) < 60);
        assert_eq!(counts.values().sum::<usize>(), 1000);
    }
}
