//! For whom: `staff`, `@ann`, `key user-17`, `country de`, `25%`; and the other small things people say.

use crate::{facts, place, settings::Settings, texts};
use otus::{Context, Result, UserId};
use otus_flags::Whom;
use serde_json::{Value, json};
use std::str::FromStr;

/// What an application calls the one it asks for.
pub(crate) const KEY: &str = "targetingKey";

/// What somebody said, before it is known what they mean.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    Everybody,
    Percent(u8),
    Person(UserId),
    /// A group, as far as one can tell.
    Word(String),
    Attribute(String, Value),
}

impl FromStr for Said {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<&str> = text.split_whitespace().collect();
        Ok(match words.as_slice() {
            ["everybody" | "everyone" | "all"] => Self::Everybody,
            [number, "%"] => Self::Percent(percent(number)?),
            [word] => match (word.strip_suffix('%'), word.strip_prefix('@')) {
                (Some(number), _) => Self::Percent(percent(number)?),
                (_, Some(person)) => Self::Person(UserId::new(person)),
                _ => match word.split_once('=') {
                    Some((name, text)) if !name.is_empty() && !text.is_empty() => Self::attribute(name, text),
                    _ => Self::Word((*word).to_owned()),
                },
            },
            [name, text @ ..] if !text.is_empty() => {
                let text = match text {
                    ["=" | "is", rest @ ..] if !rest.is_empty() => rest.join(" "),
                    text => text.join(" "),
                };
                Self::attribute(name, &text)
            }
            _ => return Err("say for whom: `staff`, `@ann`, `country de`, `25%`".into()),
        })
    }
}

impl Said {
    fn attribute(name: &str, text: &str) -> Self {
        let name = if matches!(name, "key" | "user") { KEY } else { name };
        Self::Attribute(name.to_owned(), value(text))
    }

    /// Whom that is in a flag set.
    ///
    /// # Errors
    /// A group nobody knows, or a person the applications have no name for, as far as anybody said.
    pub(crate) async fn meant(self, cx: &Context, settings: &Settings, set: &str) -> Result<Whom> {
        Ok(match self {
            Self::Everybody => Whom::Everybody,
            Self::Percent(share) => Whom::Percent(share),
            Self::Attribute(name, value) if name == KEY => Whom::Key(plain(&value)),
            Self::Attribute(name, value) => Whom::Attribute(name, value),
            Self::Person(person) => Whom::Key(key_of(cx, settings, &person).await?),
            Self::Word(word) => {
                let live = place::engine(cx.services())?.set(set);
                let mut known: Vec<String> = settings.groups.keys().cloned().collect();
                if let Some(live) = live {
                    known.extend(live.kept().document.evaluators.keys().cloned());
                }
                known.sort();
                known.dedup();
                match known.iter().find(|name| name.eq_ignore_ascii_case(&word)) {
                    Some(name) => Whom::Group(name.clone()),
                    None => return Err(texts::no_group(&word, &known, cx.line()).into()),
                }
            }
        })
    }
}

/// As what the applications know a person of the chat.
pub(crate) async fn key_of(cx: &Context, settings: &Settings, person: &UserId) -> Result<String> {
    if let Some(key) = settings.people.get(person) {
        return Ok(key.clone());
    }
    match facts::known_as(cx.services(), person).await? {
        Some(key) => Ok(key),
        None => Err(texts::nobody_knows(person).into()),
    }
}

/// A value as it is written: numbers and truths as such.
pub(crate) fn value(text: &str) -> Value {
    match serde_json::from_str::<Value>(text) {
        Ok(value @ (Value::Bool(_) | Value::Number(_) | Value::String(_))) => value,
        _ => json!(text),
    }
}

/// A value without quotes.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn percent(text: &str) -> Result<u8, String> {
    let share = text.trim().parse::<u8>().ok().filter(|share| *share <= 100);
    share.ok_or_else(|| format!("{text} % is none: a share is a whole number from 0 to 100"))
}

/// A share in percent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share(pub(crate) u8);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        percent(text).map(Self)
    }
}

/// The texts that a flag may give.
#[derive(Debug, Clone)]
pub(crate) struct Variants(pub(crate) Vec<String>);

impl FromStr for Variants {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
        let fits = |name: &String| {
            !name.is_empty()
                && name.len() <= 60
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        if let Some(odd) = names.iter().find(|name| !fits(name)) {
            return Err(format!("{odd:?} is none: a text has letters, digits and - _ ."));
        }
        let mut sorted = names.clone();
        sorted.sort();
        sorted.dedup();
        if sorted.len() < names.len() {
            return Err("each text is there once".into());
        }
        Ok(Self(names))
    }
}

/// A length of time, in seconds: `2h`, `90 min`, `3 days`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Length(pub(crate) i64);

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let spaced: String = text
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
            .to_lowercase();
        let span: jiff::Span = spaced.parse().map_err(|_| wrong())?;
        let length = span
            .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
            .map_err(|_| wrong())?;
        if !(60..=248 * 86_400).contains(&length.as_secs()) {
            return Err("a ramp takes at least a minute, and at most 248 days".into());
        }
        Ok(Self(length.as_secs()))
    }
}

fn wrong() -> String {
    "write for example `30m`, `2h` or `3 days`".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_say_it_in_many_ways() {
        let said = |text: &str| text.parse::<Said>().unwrap();
        assert_eq!(said("25%"), Said::Percent(25));
        assert_eq!(said("25 %"), Said::Percent(25));
        assert_eq!(said("staff"), Said::Word("staff".into()));
        assert_eq!(said("everyone"), Said::Everybody);
        assert_eq!(said("@U0ANN"), Said::Person(UserId::new("U0ANN")));
        for text in ["country de", "country=de", "country is de", "country = de"] {
            assert_eq!(
                said(text),
                Said::Attribute("country".into(), json!("de")),
                "{text}"
            );
        }
        assert_eq!(said("key user-17"), Said::Attribute(KEY.into(), json!("user-17")));
        assert_eq!(said("beta true"), Said::Attribute("beta".into(), json!(true)));
        assert_eq!(
            said("city \"New York\""),
            Said::Attribute("city".into(), json!("New York"))
        );
        for text in ["101%", "x%", "-1%", ""] {
            assert!(text.parse::<Said>().is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_and_texts() {
        for (text, seconds) in [
            ("2h", 7_200),
            ("90 min", 5_400),
            ("1h30m", 5_400),
            ("3 days", 259_200),
        ] {
            assert_eq!(text.parse::<Length>().unwrap().0, seconds, "{text}");
        }
        for text in ["2", "30s", "400 days", "soon"] {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
        assert_eq!(
            "red, green,blue".parse::<Variants>().unwrap().0,
            ["red", "green", "blue"]
        );
        assert!("red, red".parse::<Variants>().is_err());
    }
}
