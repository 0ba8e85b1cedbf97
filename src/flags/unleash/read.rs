//! Purpose: what Unleash says of a flag, as a definition: who has it, in the words that people change flags in.
//!
//! In Unleash a flag is off in an environment, or on for whom any of its strategies holds; without a strategy it is on for everybody. What is
//! none of the shapes known here becomes a condition that names it, so that people see it, and nothing is taken for something else.

use super::shape::{Constraint, Environment, Segment, Strategy};
use crate::definition::Definition;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What an application calls the one it asks for.
const KEY: &str = "targetingKey";
/// The same in Unleash.
pub(super) const USER: &str = "userId";
/// The strategy that takes a share of those of whom its constraints hold.
pub(super) const ROLLOUT: &str = "flexibleRollout";
/// The entry of a flag's metadata with the strategies that stand in an environment where the flag is off.
pub const ASLEEP: &str = "unleash.asleep";

/// Who has a flag by one strategy.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Way {
    /// Those of whom all of this holds; nothing for everybody.
    pub(super) when: Vec<Value>,
    /// So many in a hundred of them.
    pub(super) share: u8,
    /// What is bucketed by, where it is not who asks.
    pub(super) by: Option<String>,
}

/// The flag as it is in an environment.
pub(super) fn definition(environment: &Environment, segments: &[Segment]) -> Definition {
    let awake: Vec<&Strategy> = environment
        .strategies
        .iter()
        .filter(|strategy| !strategy.disabled)
        .collect();
    if !environment.enabled {
        let mut off = Definition::switch(false);
        if !awake.is_empty() {
            // Whoever turns it on decides about them, so a plan is void once they change.
            let asleep = json!(
                awake
                    .iter()
                    .map(|strategy| json!(Strategy {
                        id: None,
                        ..(*strategy).clone()
                    }))
                    .collect::<Vec<_>>()
            );
            off.metadata.insert(ASLEEP.into(), asleep.to_string().into());
        }
        return off;
    }
    if environment.strategies.is_empty() {
        return Definition::switch(true);
    }
    let ways: Vec<Way> = awake.iter().map(|strategy| way(strategy, segments)).collect();
    let mut ways = ways;
    // In Unleash their order means nothing; here they stand as people expect.
    ways.sort_by_key(rank);
    let mut args = Vec::new();
    let mut rest: Option<&Way> = None;
    // Who is named has it before a share decides.
    for way in &ways {
        if way.when.is_empty() {
            // Of several shares the largest holds the others, as long as all are bucketed alike.
            rest = rest.filter(|rest| rest.share >= way.share).or(Some(way));
        } else {
            args.push(all(&way.when));
            args.push(gets(way));
        }
    }
    let mut definition = Definition::switch(false);
    match rest {
        Some(rest) if rest.share >= 100 => {
            // Everybody has it, whatever the others say.
            return Definition::switch(true);
        }
        Some(rest) if rest.share > 0 => args.push(gets(rest)),
        _ => {}
    }
    definition.targeting = match args.len() {
        0 => None,
        1 => args.pop(),
        _ => Some(json!({ "if": args })),
    };
    definition
}

/// Its place among the cases: who is named, then groups, then attributes; what takes a share of some comes last, since who is not in it
/// may be in another.
fn rank(way: &Way) -> (bool, u8) {
    let place = match way.when.as_slice() {
        [only] if only["in"][0] == json!({ "var": KEY }) => 0,
        [only] if only.get("$ref").is_some() => 1,
        _ => 2,
    };
    (way.share < 100, place)
}

/// Who has the flag by a strategy.
pub(super) fn way(strategy: &Strategy, segments: &[Segment]) -> Way {
    let mut when: Vec<Value> = strategy.constraints.iter().map(condition).collect();
    for id in &strategy.segments {
        let named = segments.iter().find(|segment| segment.id == *id);
        when.push(match named {
            Some(segment) => json!({ "$ref": segment.name }),
            None => odd("a segment that is gone", &id.to_string()),
        });
    }
    let text = |name: &str| strategy.parameters.get(name).map(plain).unwrap_or_default();
    let mut way = Way {
        when,
        share: 100,
        by: None,
    };
    match strategy.name.as_str() {
        "default" => {}
        ROLLOUT => {
            way.share = text("rollout")
                .parse::<f64>()
                .map_or(0, |share| share.clamp(0.0, 100.0) as u8);
            let by = text("stickiness");
            way.by = Some(by).filter(|by| !matches!(by.as_str(), "" | "default" | USER));
        }
        "userWithId" => {
            let ids = text("userIds");
            let ids: Vec<&str> = ids
                .split(',')
                .map(str::trim)
                .filter(|id| !id.is_empty())
                .collect();
            way.when.push(json!({"in": [{"var": KEY}, ids]}));
        }
        other => {
            let parameters: Vec<String> = strategy
                .parameters
                .iter()
                .map(|(name, value)| format!("{name} {}", plain(value)))
                .collect();
            way.when
                .push(odd(&format!("the strategy {other}"), &parameters.join(", ")));
        }
    }
    way
}

/// Shared rules: the segments, as far as they are needed to read the flags.
pub(super) fn evaluators(segments: &[Segment]) -> BTreeMap<String, Value> {
    let rule = |segment: &Segment| {
        let when: Vec<Value> = segment
            .constraints
            .iter()
            // A list is read as one, as groups are written.
            .map(
                |constraint| match (constraint.operator.as_str(), constraint.inverted) {
                    ("IN", false) => json!({"in": [{ "var": constraint.context_name }, constraint.values]}),
                    _ => condition(constraint),
                },
            )
            .collect();
        (
            segment.name.clone(),
            if when.is_empty() {
                json!({"==": [1, 1]})
            } else {
                all(&when)
            },
        )
    };
    segments.iter().map(rule).collect()
}

fn gets(way: &Way) -> Value {
    if way.share >= 100 {
        return json!("on");
    }
    let shares = [json!(["on", way.share]), json!(["off", 100 - way.share])];
    let by = way.by.as_ref().map(|by| json!({ "var": by }));
    json!({ "fractional": by.into_iter().chain(shares).collect::<Vec<_>>() })
}

/// All of these hold.
pub(super) fn all(when: &[Value]) -> Value {
    match when {
        [one] => one.clone(),
        several => json!({ "and": several }),
    }
}

fn condition(constraint: &Constraint) -> Value {
    let name = if constraint.context_name == USER {
        KEY
    } else {
        constraint.context_name.as_str()
    };
    let attribute = json!({ "var": name });
    let one = constraint
        .value
        .clone()
        .or_else(|| constraint.values.first().cloned())
        .unwrap_or_default();
    let number = || {
        one.parse::<f64>().ok().map(|number| {
            if number.fract() == 0.0 && number.abs() < 9e15 {
                json!(number as i64)
            } else {
                json!(number)
            }
        })
    };
    let each = |operator: &str| {
        let mut tests: Vec<Value> = constraint
            .values
            .iter()
            .map(|value| json!({ operator: [attribute, value] }))
            .collect();
        match tests.len() {
            1 => tests.pop(),
            0 => None,
            _ => Some(json!({ "or": tests })),
        }
    };
    let exact = !constraint.case_insensitive;
    let compared = |sign: &str| number().map(|number| json!({ sign: [attribute, number] }));
    let version = |sign: &str| Some(json!({ "sem_ver": [attribute, sign, one] }));
    let found = match constraint.operator.as_str() {
        "IN" if constraint.values.len() == 1 && name != KEY => {
            Some(json!({"==": [attribute, constraint.values[0]]}))
        }
        "IN" => Some(json!({ "in": [attribute, constraint.values] })),
        "NOT_IN" => Some(json!({ "!": [{ "in": [attribute, constraint.values] }] })),
        "STR_STARTS_WITH" if exact => each("starts_with"),
        "STR_ENDS_WITH" if exact => each("ends_with"),
        "NUM_EQ" => compared("=="),
        "NUM_GT" => compared(">"),
        "NUM_GTE" => compared(">="),
        "NUM_LT" => compared("<"),
        "NUM_LTE" => compared("<="),
        "SEMVER_EQ" => version("="),
        "SEMVER_GT" => version(">"),
        "SEMVER_LT" => version("<"),
        _ => None,
    };
    let found = found.unwrap_or_else(|| {
        let values = if constraint.values.is_empty() {
            one.clone()
        } else {
            constraint.values.join(", ")
        };
        let loosely = if exact { "" } else { ", in any case" };
        odd(
            &format!("{name} {}", constraint.operator),
            &format!("{values}{loosely}"),
        )
    });
    if constraint.inverted {
        json!({ "!": [found] })
    } else {
        found
    }
}

/// Something of which only the name is known here.
fn odd(what: &str, value: &str) -> Value {
    json!({"==": [{ "var": what.replace('.', "·") }, value]})
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A definition without what is kept only to notice changes.
pub(super) fn bare(definition: &Definition) -> Definition {
    let mut bare = definition.clone();
    bare.metadata.clear();
    bare
}
