//! Purpose: flagd's own four operators (its specifications of custom operations), and the engines that know them.
//!
//! On bad input each answers null, so that the default is given: false would be looked up as a variant.

use crate::bucketing::{Bucketing, MOST_WEIGHT, place};
use datalogic_rs::{
    ArenaExt, CustomOperator, DataValue, Engine, EvaluationConfig, Result, bumpalo::Bump,
    operator::EvalContext,
};
use semver::Version;
use std::{cmp::Ordering, sync::LazyLock};

/// The operators that a rule may use: JsonLogic's, and flagd's at the end.
pub(crate) const OPERATORS: &[&str] = &[
    "var",
    "missing",
    "missing_some",
    "if",
    "?:",
    "==",
    "===",
    "!=",
    "!==",
    "!",
    "!!",
    "or",
    "and",
    ">",
    ">=",
    "<",
    "<=",
    "max",
    "min",
    "+",
    "-",
    "*",
    "/",
    "%",
    "map",
    "filter",
    "reduce",
    "all",
    "none",
    "some",
    "merge",
    "in",
    "cat",
    "substr",
    "fractional",
    "sem_ver",
    "starts_with",
    "ends_with",
];

static V2: LazyLock<Engine> = LazyLock::new(|| made(Bucketing::V2));
static V3: LazyLock<Engine> = LazyLock::new(|| made(Bucketing::V3));

/// The engine with a bucketing.
pub(crate) fn engine(bucketing: Bucketing) -> &'static Engine {
    match bucketing {
        Bucketing::V2 => &V2,
        Bucketing::V3 => &V3,
    }
}

fn made(bucketing: Bucketing) -> Engine {
    let config = EvaluationConfig::default().with_loose_equality_errors(false);
    Engine::builder()
        .with_config(config)
        .add_operator("fractional", Fractional(bucketing))
        .add_operator("sem_ver", SemVer)
        .add_operator("starts_with", Compare(|text, start| text.starts_with(start)))
        .add_operator("ends_with", Compare(|text, end| text.ends_with(end)))
        .build()
}

struct Fractional(Bucketing);

impl CustomOperator for Fractional {
    fn evaluate<'a>(
        &self,
        args: &[&'a DataValue<'a>],
        cx: &mut EvalContext<'_, 'a>,
        arena: &'a Bump,
    ) -> Result<&'a DataValue<'a>> {
        Ok(self.pick(args, cx.root_input()).unwrap_or_else(|| arena.null()))
    }
}

impl Fractional {
    fn pick<'a>(&self, args: &[&'a DataValue<'a>], root: &DataValue<'_>) -> Option<&'a DataValue<'a>> {
        let (by, shares) = args.split_first()?;
        let (hash, shares) = if matches!(by, DataValue::Array(_)) {
            let key = field(root, "targetingKey")?
                .as_str()
                .filter(|key| !key.is_empty())?;
            let flag = field(field(root, "$flagd")?, "flagKey")?.as_str()?;
            (self.0.default_hash(flag, key), args)
        } else {
            (self.0.hash(by)?, shares)
        };
        let mut total = 0_i64;
        for share in shares {
            total = total.checked_add(weight(share)?)?;
        }
        if !(1..=MOST_WEIGHT).contains(&total) {
            return None;
        }
        let place = place(hash, total);
        let mut end = 0;
        shares.iter().find_map(|share| {
            end += weight(share)?;
            (place < end).then(|| variant(share))?
        })
    }
}

/// A share's weight: a whole number, 1 if it says none. A negative one counts as nothing: it comes of a ramp that has not begun.
fn weight(share: &DataValue<'_>) -> Option<i64> {
    match share {
        DataValue::Array([_]) => Some(1),
        DataValue::Array([_, DataValue::Number(weight)]) => {
            let weight = weight.as_f64();
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it is whole, and too large a one is cut to one that is too large"
            )]
            (weight.fract() == 0.0).then_some((weight as i64).max(0))
        }
        _ => None,
    }
}

fn variant<'a>(share: &'a DataValue<'a>) -> Option<&'a DataValue<'a>> {
    match share {
        DataValue::Array([variant, ..]) => Some(variant),
        _ => None,
    }
}

fn field<'a>(of: &'a DataValue<'a>, name: &str) -> Option<&'a DataValue<'a>> {
    match of {
        DataValue::Object(pairs) => pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value),
        _ => None,
    }
}

struct SemVer;

impl CustomOperator for SemVer {
    fn evaluate<'a>(
        &self,
        args: &[&'a DataValue<'a>],
        _: &mut EvalContext<'_, 'a>,
        arena: &'a Bump,
    ) -> Result<&'a DataValue<'a>> {
        let [one, sign, other] = args else {
            return Ok(arena.null());
        };
        let holds = || {
            let (one, other) = (version(one)?, version(other)?);
            let order = one.cmp_precedence(&other);
            Some(match sign.as_str()? {
                "=" => order == Ordering::Equal,
                "!=" => order != Ordering::Equal,
                "<" => order == Ordering::Less,
                "<=" => order != Ordering::Greater,
                ">" => order == Ordering::Greater,
                ">=" => order != Ordering::Less,
                "^" => one.major == other.major,
                "~" => one.major == other.major && one.minor == other.minor,
                _ => return None,
            })
        };
        Ok(holds().map_or_else(|| arena.null(), |holds| arena.bool(holds)))
    }
}

/// A version, perhaps with a `v` before it, perhaps only its first one or two numbers, perhaps a number.
fn version(value: &DataValue<'_>) -> Option<Version> {
    let written;
    let text = match value {
        DataValue::String(text) => *text,
        DataValue::Number(_) => {
            written = value.to_string();
            &written
        }
        _ => return None,
    };
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    Version::parse(text).ok().or_else(|| {
        let digits = |part: &str| {
            part.parse::<u64>()
                .ok()
                .filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let mut parts = text.split('.');
        let major = digits(parts.next()?)?;
        let minor = parts.next().map_or(Some(0), digits)?;
        parts.next().is_none().then(|| Version::new(major, minor, 0))
    })
}

struct Compare(fn(&str, &str) -> bool);

impl CustomOperator for Compare {
    fn evaluate<'a>(
        &self,
        args: &[&'a DataValue<'a>],
        _: &mut EvalContext<'_, 'a>,
        arena: &'a Bump,
    ) -> Result<&'a DataValue<'a>> {
        Ok(match args {
            [DataValue::String(text), DataValue::String(part)] => arena.bool(self.0(text, part)),
            _ => arena.null(),
        })
    }
}
