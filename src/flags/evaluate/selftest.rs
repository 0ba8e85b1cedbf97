//! Purpose: a test that the program makes of itself when it starts.
//!
//! Where any crate in the build switches on `datalogic-rs`' own operators of flagd, they silently take the place of ours,
//! and a percentage is given to other people, or bad input answers false instead of null. That is found here, not by a user.

use super::{Context, Evaluator, FlagSet, Outcome};
use crate::{bucketing::Bucketing, definition::Document};
use serde_json::{Value, json};

/// What the evaluation does that it must not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the evaluation of flags is not what it has to be: {case} gives {found} instead of {wanted}. Nothing is served. This build is wrong: \
     most likely something in it switches on the crate datalogic-rs' feature `flagd` or `ext-string`"
)]
pub struct SelfTestFailure {
    /// Which rule.
    pub case: String,
    /// What it gives.
    pub found: String,
    /// What it has to give.
    pub wanted: String,
}

/// Rule, context, what comes of it in v2, and in v3. Null stands for the default.
fn cases() -> Vec<(Value, Value, Value, Value)> {
    let same = |rule: Value, context: Value, wanted: Value| (rule, context, wanted.clone(), wanted);
    let halves = json!([["a", 50], ["b", 50]]);
    let by = |key: &str| json!({"fractional": [key, ["a", 50], ["b", 50]]});
    let by_odd = json!({"fractional": [{"var": "odd"}, ["a", 50], ["b", 50]]});
    vec![
        same(
            json!({"starts_with": [{"var": "n"}, "a"]}),
            json!({"n": 1}),
            Value::Null,
        ),
        same(
            json!({"ends_with": [{"var": "n"}, "a"]}),
            json!({"n": 1}),
            Value::Null,
        ),
        same(json!({"starts_with": ["a"]}), json!({}), Value::Null),
        same(json!({"starts_with": ["ab", "a"]}), json!({}), json!("true")),
        same(json!({"ends_with": ["ab", "a"]}), json!({}), json!("false")),
        same(
            json!({"sem_ver": [{"var": "v"}, "=", "1.0.0"]}),
            json!({"v": "none"}),
            Value::Null,
        ),
        same(
            json!({"sem_ver": ["1.0.0", "===", "1.0.0"]}),
            json!({}),
            Value::Null,
        ),
        same(
            json!({"sem_ver": ["V1", "^", "1.5.0+build"]}),
            json!({}),
            json!("true"),
        ),
        same(
            json!({"fractional": [[true, 1], ["a", 0]]}),
            json!({"targetingKey": "x"}),
            json!("true"),
        ),
        same(
            json!({"fractional": [{"var": "none"}, ["a", 1]]}),
            json!({"targetingKey": "x"}),
            Value::Null,
        ),
        same(
            json!({"fractional": [["a", 0]]}),
            json!({"targetingKey": "x"}),
            Value::Null,
        ),
        same(
            json!({"fractional": [["a", -5], ["b", 1]]}),
            json!({"targetingKey": "x"}),
            json!("b"),
        ),
        // By the reference implementations of MurmurHash3 and CBOR.
        (by("gus"), json!({}), json!("b"), json!("a")),
        (by("eve"), json!({}), json!("b"), json!("b")),
        (
            json!({"fractional": halves}),
            json!({"targetingKey": "ann"}),
            json!("b"),
            json!("a"),
        ),
        (
            json!({"fractional": halves}),
            json!({"targetingKey": "gus"}),
            json!("b"),
            json!("a"),
        ),
        (by_odd.clone(), json!({"odd": 7}), Value::Null, json!("a")),
        (
            by_odd,
            json!({"odd": {"b": [1, 2.5], "a": -7, "aa": null}}),
            Value::Null,
            json!("b"),
        ),
    ]
}

/// Evaluates rules of which it is known what they give.
///
/// # Errors
/// [`SelfTestFailure`] names the first that gives something else.
pub fn self_test() -> Result<(), SelfTestFailure> {
    let mut evaluator = Evaluator::new();
    for (rule, context, v2, v3) in cases() {
        for (bucketing, wanted) in [(Bucketing::V2, &v2), (Bucketing::V3, &v3)] {
            let found = given(&mut evaluator, bucketing, &rule, &context);
            if found != *wanted {
                return Err(SelfTestFailure {
                    case: format!("{rule} for {context} in bucketing {}", bucketing.name()),
                    found: found.to_string(),
                    wanted: wanted.to_string(),
                });
            }
        }
    }
    Ok(())
}

fn given(evaluator: &mut Evaluator, bucketing: Bucketing, rule: &Value, context: &Value) -> Value {
    let document = json!({
        "metadata": {"bucketing": bucketing.name()},
        "flags": {"flag": {
            "state": "ENABLED", "variants": {"a": 1, "b": 2, "true": 3, "false": 4}, "targeting": rule,
        }},
    });
    let Ok(document) = Document::read(&document) else {
        return json!("no flag set");
    };
    let set = FlagSet::compile("self-test", 1, &document);
    let Some(flag) = set.flag("flag") else {
        return json!("no flag");
    };
    let Ok(context) = Context::from_value(context) else {
        return json!("no context");
    };
    match evaluator.evaluate(&set, flag, &context, 0) {
        Outcome::Variant { name, .. } => name.into(),
        Outcome::CodeDefault(_) => Value::Null,
        Outcome::Error(_, why) => why.into(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_build_is_right() {
        super::self_test().unwrap();
    }
}
