//! Purpose: what somebody gets of a flag: a compiled flag, a context and a moment in; a variant, a fallback or an error out.
//!
//! The rules are JsonLogic on `datalogic-rs`, compiled when a flag set is loaded, with flagd's four operators of our own. A
//! rule that adds up does so without a clock of its own: the moment comes in as `$flagd.timestamp`, in whole seconds.

mod compiled;
mod context;
mod operators;
mod outcome;
mod selftest;

pub use compiled::{Flag, FlagSet};
pub use context::{Context, ContextFault};
pub use outcome::{ErrorCode, Outcome, Reason};
pub use selftest::{SelfTestFailure, self_test};

pub(crate) use operators::{OPERATORS, engine};

use compiled::Rule;
use datalogic_rs::{DataValue, bumpalo::Bump};

/// Evaluates. It keeps the memory it worked in, so one for each thread, used again and again, is the fast way.
#[derive(Debug, Default)]
pub struct Evaluator {
    arena: Bump,
}

impl Evaluator {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a context gets of a flag at a moment, given in seconds since 1970.
    pub fn evaluate<'s>(
        &mut self,
        set: &'s FlagSet,
        flag: &'s Flag,
        context: &Context,
        now: i64,
    ) -> Outcome<'s> {
        if !flag.enabled {
            return Outcome::CodeDefault(Reason::Disabled);
        }
        let logic = match &flag.rule {
            Rule::None => return flag.default_outcome(Reason::Static),
            Rule::Broken(why) => {
                return Outcome::Error(ErrorCode::ParseError, why.clone());
            }
            Rule::Logic(logic) => logic,
        };
        self.arena.reset();
        let root = root(&self.arena, &flag.key, context, now);
        let found = match engine(set.bucketing()).evaluate(logic, root, &self.arena) {
            Ok(found) => found,
            Err(error) => {
                return Outcome::Error(
                    ErrorCode::General,
                    format!("the rule of `{}` cannot be evaluated: {error}", flag.key),
                );
            }
        };
        match found {
            DataValue::Null => flag.default_outcome(Reason::Default),
            DataValue::String(name) => flag.named(name),
            DataValue::Bool(true) => flag.named("true"),
            DataValue::Bool(false) => flag.named("false"),
            other => flag.named(&other.to_string()),
        }
    }

    /// What a rule that is no flag's gives, as JSON. For explaining: each part of a rule can be asked for.
    ///
    /// # Errors
    /// Says why it gives nothing.
    pub(crate) fn part(
        &mut self,
        set: &FlagSet,
        flag: &str,
        rule: &serde_json::Value,
        context: &Context,
        now: i64,
    ) -> Result<serde_json::Value, String> {
        let engine = engine(set.bucketing());
        let logic = engine.compile(rule).map_err(|error| error.to_string())?;
        self.arena.reset();
        let root = root(&self.arena, flag, context, now);
        let found = engine
            .evaluate(&logic, root, &self.arena)
            .map_err(|error| error.to_string())?;
        serde_json::from_str(&found.to_string()).map_err(|error| error.to_string())
    }
}

/// What a rule sees: the context, and what flagd adds to it.
fn root<'a>(arena: &'a Bump, flag: &'a str, context: &'a Context, now: i64) -> &'a DataValue<'a> {
    let pairs = context.pairs();
    let own = arena.alloc_slice_fill_with(2, |at| match at {
        0 => ("flagKey", DataValue::String(flag)),
        _ => ("timestamp", DataValue::from_i64(now)),
    });
    let own = DataValue::Object(own);
    let all = arena.alloc_slice_fill_with(pairs.len() + 1, |at| match pairs.get(at) {
        Some((key, value)) => (*key, *value),
        None => ("$flagd", own),
    });
    arena.alloc(DataValue::Object(all))
}
