//! A flag's rule in words.

use jiff::Timestamp;
use otus::{markup::code, phrase};
use otus_flags::{
    Definition, Growth, Ramp, State,
    words::{By, Condition, Served, Share, Sign, describe},
};
use serde_json::Value;
use std::time::Duration;

/// A rule that is longer is cut.
const LONGEST: usize = 100;

/// What nobody decides here.
pub(crate) const CODE: &str = "the code's own default";
/// What changes without anybody seeing it.
pub(crate) const UNSEEN: &str = "others, and nobody sees a difference for now";

/// What changes then.
pub(crate) fn rules_of(set: Option<&str>) -> String {
    match set {
        Some(set) => format!("the rules in {set}"),
        None => "the rules".into(),
    }
}

/// A value as people write it.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::String(text) => phrase::inert(text, 60),
        other => phrase::inert(&other.to_string(), 60),
    }
}

/// Who they are.
pub(crate) fn condition(condition: &Condition) -> String {
    let values = |values: &[Value]| {
        let all: Vec<String> = values.iter().take(8).map(value).collect();
        let more = values.len().saturating_sub(all.len());
        if more > 0 {
            format!("{} and {more} more", all.join(", "))
        } else {
            phrase::either(&all)
        }
    };
    let several = |conditions: &[Condition], word: &str| {
        let all: Vec<String> = conditions.iter().map(self::condition).collect();
        all.join(&format!(" {word} "))
    };
    match condition {
        Condition::Named(name) => phrase::inert(name, 60),
        Condition::Compare(name, Sign::Is, key) if name == "targetingKey" => value(key),
        Condition::OneOf(name, keys) if name == "targetingKey" => {
            let all: Vec<String> = keys.iter().take(8).map(value).collect();
            match keys.len().saturating_sub(all.len()) {
                0 => phrase::list(&all),
                more => format!("{} and {more} more", all.join(", ")),
            }
        }
        Condition::Compare(name, sign, other) => {
            format!("{} {} {}", name, sign_in_words(*sign), value(other))
        }
        Condition::OneOf(name, all) => format!("{name} is {}", values(all)),
        Condition::Contains(name, part) => format!("{name} has {}", value(part)),
        Condition::StartsWith(name, part) => format!("{name} begins with {}", phrase::inert(part, 60)),
        Condition::EndsWith(name, part) => format!("{name} ends with {}", phrase::inert(part, 60)),
        Condition::Version(name, sign, version) => format!("{name} {sign} {version}"),
        Condition::Has(name) => format!("who has {name}"),
        Condition::Time(sign, at) => {
            let at = Timestamp::from_second(*at).map_or_else(|_| at.to_string(), phrase::moment);
            match sign {
                Sign::Less | Sign::AtMost => format!("until {at}"),
                Sign::More | Sign::AtLeast => format!("from {at} on"),
                Sign::Is => format!("at {at}"),
                Sign::IsNot => format!("not at {at}"),
            }
        }
        Condition::All(all) => several(all, "and"),
        Condition::Any(all) => several(all, "or"),
        Condition::Not(inner) => format!("not ({})", self::condition(inner)),
        Condition::Rule(rule) => phrase::inert(&rule.to_string(), LONGEST),
    }
}

fn sign_in_words(sign: Sign) -> &'static str {
    match sign {
        Sign::Is => "is",
        Sign::IsNot => "is not",
        Sign::Less => "<",
        Sign::AtMost => "≤",
        Sign::More => ">",
        Sign::AtLeast => "≥",
    }
}

/// A share in percent: `25 %`, `0.1 %`.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let text = format!("{percent:.1}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// What somebody gets. It does not say how far something that grows has come: a plan has to read the same tomorrow.
pub(crate) fn gets(served: Option<&Served>) -> String {
    match served {
        None | Some(Served::Default) => CODE.into(),
        Some(Served::Variant(name)) => name.clone(),
        Some(Served::Split { by, shares }) => split(by, shares),
        Some(Served::Ramp(ramp)) => grows(ramp),
        Some(Served::Cases { cases, otherwise }) => {
            let mut all: Vec<String> = cases
                .iter()
                .map(|case| format!("{}: {}", condition(&case.when), gets(Some(&case.gets))))
                .collect();
            all.push(format!("else {}", gets(Some(otherwise))));
            all.join("; ")
        }
        Some(Served::Rule(rule)) => format!(
            "what the rule {} gives",
            phrase::inert(&rule.to_string(), LONGEST)
        ),
    }
}

fn split(by: &By, shares: &[Share]) -> String {
    let shares: Vec<String> = shares
        .iter()
        .map(|share| {
            let name = share.variant.as_deref().unwrap_or("the default");
            format!("{} {name}", percent(share.share))
        })
        .collect();
    let by = match by {
        By::Key => String::new(),
        By::Attribute(name) => format!(" by {name}"),
        By::Rule(rule) => format!(" by {}", phrase::inert(&rule.to_string(), LONGEST)),
    };
    format!("{}{by}", shares.join(", "))
}

fn grows(ramp: &Ramp) -> String {
    let end = Timestamp::from_second(ramp.end).map_or_else(|_| ramp.end.to_string(), phrase::moment);
    format!(
        "{} {} % → {} %, until {end}; else {}",
        ramp.variant, ramp.from, ramp.to, ramp.other
    )
}

/// What somebody will get who gets more and more.
pub(crate) fn will_grow(growth: &Growth) -> String {
    let long = phrase::duration(Duration::from_secs(growth.seconds.unsigned_abs()));
    format!(
        "{} {} % → {} %, evenly within {long} from when it begins",
        growth.variant, growth.from, growth.to
    )
}

/// Whom a line is about.
pub(crate) fn who(who: Option<&Condition>, alone: bool, set: Option<&str>) -> String {
    let who = match who {
        Some(who) => condition(who),
        None if alone => "everybody".into(),
        None => "everybody else".into(),
    };
    match set {
        Some(set) => format!("{who} in {set}"),
        None => who,
    }
}

/// What a flag gives, line by line; with how far something that grows has come.
pub(crate) fn lines(definition: &Definition, now: Timestamp) -> Vec<String> {
    if definition.state == State::Disabled {
        return vec![format!("not in use: everybody gets {CODE}")];
    }
    let default = definition.default_variant.as_deref().unwrap_or(CODE);
    let said = |served: &Served| match served {
        Served::Default => default.to_owned(),
        Served::Ramp(ramp) => format!("{} ({} now)", grows(ramp), percent(ramp.share(now.as_second()))),
        other => gets(Some(other)),
    };
    match describe(definition).served {
        Served::Cases { cases, otherwise } => {
            let mut lines: Vec<String> = cases
                .iter()
                .map(|case| format!("{}: {}", condition(&case.when), said(&case.gets)))
                .collect();
            lines.push(format!("everybody else: {}", said(&otherwise)));
            lines
        }
        served => vec![format!("everybody: {}", said(&served))],
    }
}

/// The same in a few words, for a list.
pub(crate) fn short(definition: &Definition, now: Timestamp) -> String {
    if definition.state == State::Disabled {
        return "not in use".into();
    }
    let default = definition.default_variant.as_deref().unwrap_or("the code's");
    let said = |served: &Served| match served {
        Served::Default => default.to_owned(),
        Served::Variant(name) => name.clone(),
        Served::Split { shares, .. } => match shares.first() {
            Some(share) => format!(
                "{} {}",
                share.variant.as_deref().unwrap_or(default),
                percent(share.share)
            ),
            None => default.to_owned(),
        },
        Served::Ramp(ramp) => {
            let share = percent(ramp.share(now.as_second()));
            let still = if now.as_second() < ramp.end {
                format!(" → {} %", ramp.to)
            } else {
                String::new()
            };
            format!("{} {share}{still}", ramp.variant)
        }
        Served::Cases { .. } | Served::Rule(_) => "a rule".into(),
    };
    match describe(definition).served {
        Served::Cases { cases, otherwise } => {
            let all: Vec<String> = cases
                .iter()
                .take(3)
                .map(|case| format!("{} {}", phrase::cut(&condition(&case.when), 30), said(&case.gets)))
                .collect();
            let more = cases.len().saturating_sub(all.len());
            let more = if more > 0 {
                format!(", {more} more")
            } else {
                String::new()
            };
            format!("{} ({}{more})", said(&otherwise), all.join(", "))
        }
        served => said(&served),
    }
}

/// Names of variants.
pub(crate) fn variants(definition: &Definition) -> String {
    let names: Vec<String> = definition.variants.keys().map(|name| code(name)).collect();
    phrase::list(&names)
}

/// A choice: for everybody.
pub(crate) const EVERYBODY: &str = "Everybody";
/// A choice: nothing guards it.
pub(crate) const NO_GUARD: &str = "No guard";

/// A choice: a group.
pub(crate) fn the_group(name: &str) -> String {
    format!("The group {name}")
}

/// A choice: somebody, as the applications know them.
pub(crate) fn the_one(key: &str) -> String {
    format!("Only {key}")
}

/// A choice: so many of everybody else.
pub(crate) fn share_of_all(share: u8) -> String {
    format!("{share} % of everybody else")
}
