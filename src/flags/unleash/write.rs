//! Purpose: a definition, as what has to be done in Unleash; and what cannot be done there, in words.

use super::{
    read::{self, ROLLOUT, USER, Way, way},
    shape::{Constraint, Environment, Segment, Strategy},
};
use crate::definition::{Definition, State};
use serde_json::{Map, Value, json};

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Call {
    Add(Strategy),
    /// The one of this id becomes this.
    Replace(String, Strategy),
    Remove(String),
    Switch(bool),
}

/// What an environment is to say.
#[derive(Debug, PartialEq)]
enum Wanted {
    Off,
    On(Vec<Way>),
}

/// The calls that make a flag be this in an environment, in an order in which nobody gets it who should not, whatever is cut off in
/// the middle.
///
/// # Errors
/// What Unleash has no way to say, as a sentence.
pub(super) fn calls(
    flag: &str,
    definition: &Definition,
    now: &Environment,
    segments: &[Segment],
) -> Result<Vec<Call>, String> {
    let ways = match wanted(definition)? {
        // What stands there sleeps on.
        Wanted::Off => {
            return Ok(if now.enabled {
                vec![Call::Switch(false)]
            } else {
                Vec::new()
            });
        }
        Wanted::On(ways) => ways,
    };
    if !now.variants.is_empty() {
        return Err("it has variants in Unleash, which are changed there".to_owned());
    }
    let everybody = matches!(ways.as_slice(), [way] if way.when.is_empty() && way.share >= 100);
    if everybody && now.enabled && now.strategies.is_empty() {
        return Ok(Vec::new());
    }
    let mut there: Vec<(&Strategy, Way)> = now
        .strategies
        .iter()
        .filter(|strategy| !strategy.disabled)
        .map(|strategy| (strategy, way(strategy, segments)))
        .collect();
    let mut missing = Vec::new();
    for wanted in ways {
        match there.iter().position(|(_, there)| *there == wanted) {
            Some(at) => drop(there.remove(at)),
            None => missing.push(wanted),
        }
    }
    let mut calls = Vec::new();
    for wanted in missing {
        // A share of the same people: the strategy stays what it is otherwise, so nobody's bucket moves.
        let alike = there.iter().position(|(strategy, there)| {
            strategy.name == ROLLOUT
                && there.when == wanted.when
                && (wanted.by.is_none() || there.by == wanted.by)
        });
        match alike {
            Some(at) => {
                let (strategy, _) = there.remove(at);
                let mut next = strategy.clone();
                next.parameters
                    .insert("rollout".into(), json!(wanted.share.to_string()));
                calls.push(Call::Replace(next.id.take().unwrap_or_default(), next));
            }
            None => calls.push(Call::Add(strategy(flag, &wanted, segments)?)),
        }
    }
    let gone = there
        .iter()
        .filter_map(|(strategy, _)| strategy.id.clone().map(Call::Remove));
    if now.enabled {
        // Without a strategy it would be on for everybody: the new ones come first.
        calls.extend(gone);
    } else {
        calls.extend(gone);
        calls.push(Call::Switch(true));
    }
    Ok(calls)
}

/// Whether Unleash could be made to say it at all.
fn wanted(definition: &Definition) -> Result<Wanted, String> {
    if definition.state == State::Disabled {
        return Ok(Wanted::Off);
    }
    let Some((on, off)) = definition.sides() else {
        return Err(
            "a flag in Unleash is on or off here; what gives texts is changed in Unleash itself".to_owned(),
        );
    };
    let mut ways = Vec::new();
    let (cases, otherwise) = cases(definition.targeting.as_ref());
    for (when, gets) in cases {
        if gets == json!(off) {
            return Err(
                "Unleash says for whom a flag is on, and has no way to say for whom alone it is off"
                    .to_owned(),
            );
        }
        let (share, by) = share(&gets, on, off)?;
        let when = when
            .get("and")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_else(|| vec![when]);
        ways.push(Way { when, share, by });
    }
    let otherwise = if otherwise.is_null() {
        json!(definition.default_variant)
    } else {
        otherwise
    };
    let (share, by) = if otherwise == json!(off) || otherwise.is_null() {
        (0, None)
    } else {
        share(&otherwise, on, off)?
    };
    if share >= 100 {
        // What was said for some is covered.
        return Ok(Wanted::On(vec![Way {
            when: Vec::new(),
            share: 100,
            by: None,
        }]));
    }
    if share > 0 {
        ways.push(Way {
            when: Vec::new(),
            share,
            by,
        });
    }
    Ok(if ways.is_empty() {
        Wanted::Off
    } else {
        Wanted::On(ways)
    })
}

/// The cases of a rule, and what everybody else gets.
fn cases(rule: Option<&Value>) -> (Vec<(Value, Value)>, Value) {
    let Some(rule) = rule else {
        return (Vec::new(), Value::Null);
    };
    let Some(args) = rule
        .get("if")
        .and_then(Value::as_array)
        .filter(|args| args.len() >= 2)
    else {
        return (Vec::new(), rule.clone());
    };
    let pairs = args.chunks_exact(2);
    let otherwise = pairs.remainder().first();
    let (mut more, otherwise) = cases(otherwise);
    let mut all: Vec<(Value, Value)> = args
        .chunks_exact(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect();
    all.append(&mut more);
    (all, otherwise)
}

/// Which share is on.
fn share(gets: &Value, on: &str, off: &str) -> Result<(u8, Option<String>), String> {
    if *gets == json!(on) {
        return Ok((100, None));
    }
    let odd = || "this rule is more than Unleash's strategies can say".to_owned();
    let args = gets.get("fractional").and_then(Value::as_array).ok_or_else(odd)?;
    let by = args.first().filter(|first| !first.is_array());
    let by = match by {
        None => None,
        Some(by) => Some(by.get("var").and_then(Value::as_str).ok_or_else(odd)?.to_owned()),
    };
    let mut share = None;
    let mut total = 0;
    for entry in args.iter().filter(|entry| entry.is_array()) {
        let weight =
            match &entry[1] {
                Value::Number(weight) => weight.as_u64().ok_or_else(odd)?,
                Value::Null => 1,
                _ => return Err(
                    "Unleash has no share that grows by itself: give it a share now, and a larger one later"
                        .to_owned(),
                ),
            };
        total += weight;
        if entry[0] == json!(on) {
            share = Some(weight);
        } else if entry[0] != json!(off) {
            return Err(odd());
        }
    }
    match share {
        Some(share) if total > 0 && (share * 100) % total == 0 => {
            Ok((u8::try_from(share * 100 / total).map_err(|_| odd())?, by))
        }
        Some(_) => Err("a share in Unleash is in whole percents".to_owned()),
        None => Err(odd()),
    }
}

fn strategy(flag: &str, way: &Way, segments: &[Segment]) -> Result<Strategy, String> {
    let mut made = Strategy {
        name: ROLLOUT.to_owned(),
        ..Strategy::default()
    };
    made.parameters = Map::from_iter([
        ("rollout".to_owned(), json!(way.share.to_string())),
        (
            "stickiness".to_owned(),
            json!(way.by.as_deref().unwrap_or("default")),
        ),
        ("groupId".to_owned(), json!(flag)),
    ]);
    for when in &way.when {
        if let Some(name) = when.get("$ref").and_then(Value::as_str) {
            let segment = segments.iter().find(|segment| segment.name == name);
            let segment = segment.ok_or_else(|| format!("there is no segment {name} in Unleash"))?;
            made.segments.push(segment.id);
        } else {
            made.constraints.push(constraint(when)?);
        }
    }
    Ok(made)
}

/// A shared rule, as the constraints of a segment.
pub(super) fn segment(rule: &Value) -> Result<Vec<Constraint>, String> {
    let all = rule
        .get("and")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_else(|| vec![rule.clone()]);
    all.iter().map(constraint).collect()
}

/// A condition, as a constraint.
fn constraint(when: &Value) -> Result<Constraint, String> {
    let odd = || format!("Unleash's constraints cannot say this rule: {when}");
    let object = when
        .as_object()
        .filter(|object| object.len() == 1)
        .ok_or_else(odd)?;
    let (sign, args) = object.iter().next().ok_or_else(odd)?;
    if sign == "!" {
        let inner = args.get(0).unwrap_or(args);
        let mut inner = constraint(inner)?;
        inner.inverted = !inner.inverted;
        return Ok(inner);
    }
    let name = args[0]["var"].as_str().ok_or_else(odd)?;
    if name.contains(' ') {
        // What was read and is not known here is kept where it stands, and not made anew elsewhere.
        return Err(format!("only Unleash itself can say this: {name}"));
    }
    let name = if name == "targetingKey" { USER } else { name };
    let list = |values: &Value| -> Option<Vec<String>> { values.as_array()?.iter().map(text).collect() };
    let (operator, values, value) = match (sign.as_str(), &args[1]) {
        ("==", Value::Number(number)) => ("NUM_EQ", Vec::new(), Some(number.to_string())),
        (">", Value::Number(number)) => ("NUM_GT", Vec::new(), Some(number.to_string())),
        (">=", Value::Number(number)) => ("NUM_GTE", Vec::new(), Some(number.to_string())),
        ("<", Value::Number(number)) => ("NUM_LT", Vec::new(), Some(number.to_string())),
        ("<=", Value::Number(number)) => ("NUM_LTE", Vec::new(), Some(number.to_string())),
        ("==", value) => ("IN", vec![text(value).ok_or_else(odd)?], None),
        ("in", values) => ("IN", list(values).ok_or_else(odd)?, None),
        ("starts_with", value) => ("STR_STARTS_WITH", vec![text(value).ok_or_else(odd)?], None),
        ("ends_with", value) => ("STR_ENDS_WITH", vec![text(value).ok_or_else(odd)?], None),
        ("sem_ver", Value::String(sign)) => {
            let operator = match sign.as_str() {
                "=" => "SEMVER_EQ",
                ">" => "SEMVER_GT",
                "<" => "SEMVER_LT",
                _ => return Err(odd()),
            };
            (operator, Vec::new(), Some(text(&args[2]).ok_or_else(odd)?))
        }
        _ => return Err(odd()),
    };
    Ok(Constraint {
        context_name: name.to_owned(),
        operator: operator.to_owned(),
        values,
        value,
        ..Constraint::default()
    })
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Whether two definitions mean the same in Unleash.
pub(super) fn same(one: &Definition, other: &Definition) -> bool {
    match (wanted(one), wanted(other)) {
        (Ok(Wanted::On(mut one)), Ok(Wanted::On(mut other))) => {
            // Their order means nothing.
            let key = |way: &Way| (json!(way.when).to_string(), way.share);
            one.sort_by_key(key);
            other.sort_by_key(key);
            one == other
        }
        (Ok(one), Ok(other)) => one == other,
        _ => read::bare(one) == read::bare(other),
    }
}
