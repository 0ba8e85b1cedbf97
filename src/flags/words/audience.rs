//! Purpose: who gets what before and after a change, in shares, and by how much the largest of them grows.

use super::describe::{Condition, Description, Served, describe};
use crate::{
    definition::Definition,
    evaluate::{Context, Evaluator, FlagSet},
};
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
}

/// Who gets what before and after a change, at a moment. A flag that is not there gives the application's own default.
#[must_use]
pub fn audience(before: Option<&Definition>, after: Option<&Definition>, now: i64) -> Vec<Group> {
    let (before, after) = (reach(before, now), reach(after, now));
    let mut groups: Vec<Group> = Vec::new();
    for (who, _) in after.cases.iter().chain(&before.cases) {
        if groups.iter().all(|group| group.who.as_ref() != Some(who)) {
            groups.push(Group {
                who: Some(who.clone()),
                before: before.of(who),
                after: after.of(who),
            });
        }
    }
    groups.push(Group {
        who: None,
        before: before.otherwise,
        after: after.otherwise,
    });
    groups
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
    cases: Vec<(Condition, Shares)>,
    otherwise: Shares,
}

impl Reach {
    /// What these get. Who is in no case is among all others.
    fn of(&self, who: &Condition) -> Shares {
        let case = self.cases.iter().find(|(condition, _)| condition == who);
        case.map_or_else(|| self.otherwise.clone(), |(_, shares)| shares.clone())
    }
}

fn reach(definition: Option<&Definition>, now: i64) -> Reach {
    let nothing = Reach {
        cases: Vec::new(),
        otherwise: Some([(None, 1.0)].into()),
    };
    let Some(description) = definition.map(describe).filter(|description| description.enabled) else {
        return nothing;
    };
    match &description.served {
        Served::Cases { cases, otherwise } => Reach {
            cases: cases
                .iter()
                .map(|case| (case.when.clone(), shares(&case.gets, &description, now)))
                .collect(),
            otherwise: shares(otherwise, &description, now),
        },
        served => Reach {
            cases: Vec::new(),
            otherwise: shares(served, &description, now),
        },
    }
}

fn shares(served: &Served, description: &Description, now: i64) -> Shares {
    let mut shares = BTreeMap::new();
    let mut add = |variant: Option<&String>, share: f64| {
        if share > 0.0 {
            *shares
                .entry(variant.or(description.default.as_ref()).cloned())
                .or_insert(0.0) += share;
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
    use serde_json::{Value, json};

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
