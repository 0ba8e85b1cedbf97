//! Matchers, as Alertmanager writes them: `service="api"`, `severity=~"page|critical"`, `env!="staging"`.

use crate::Labels;
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, the whole value against a regular expression.
    Matches,
    /// `!~`
    NotMatches,
}

impl Operator {
    /// As it is written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Matches => "=~",
            Self::NotMatches => "!~",
        }
    }
}

/// One condition on one label. A label that is not there counts as empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct Matcher {
    /// The label.
    pub name: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub value: String,
}

/// As the API has it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    name: String,
    value: String,
    is_regex: bool,
    // Older servers leave it out and mean yes.
    #[serde(default = "yes")]
    is_equal: bool,
}

fn yes() -> bool {
    true
}

impl From<Wire> for Matcher {
    fn from(wire: Wire) -> Self {
        let operator = match (wire.is_regex, wire.is_equal) {
            (false, true) => Operator::Equal,
            (false, false) => Operator::NotEqual,
            (true, true) => Operator::Matches,
            (true, false) => Operator::NotMatches,
        };
        Self {
            name: wire.name,
            operator,
            value: wire.value,
        }
    }
}

impl From<Matcher> for Wire {
    fn from(matcher: Matcher) -> Self {
        Self {
            is_regex: matches!(matcher.operator, Operator::Matches | Operator::NotMatches),
            is_equal: matches!(matcher.operator, Operator::Equal | Operator::Matches),
            name: matcher.name,
            value: matcher.value,
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.replace('\\', "\\\\").replace('"', "\\\"");
        let value = value.replace('\n', "\\n");
        write!(to, "{}{}\"{value}\"", self.name, self.operator.symbol())
    }
}

impl Matcher {
    /// The label has exactly this value.
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            operator: Operator::Equal,
            value: value.into(),
        }
    }

    /// Whether labels meet it. A regular expression that cannot be read meets nothing, in either direction.
    #[must_use]
    pub fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.name).map(String::as_str).unwrap_or_default();
        match self.operator {
            Operator::Equal => value == self.value,
            Operator::NotEqual => value != self.value,
            Operator::Matches => self.regex().is_ok_and(|regex| regex.is_match(value)),
            Operator::NotMatches => self.regex().is_ok_and(|regex| !regex.is_match(value)),
        }
    }

    /// Whether it meets the empty value, too: alone it would meet alerts that do not have the label.
    #[must_use]
    pub fn holds_for_nothing(&self) -> bool {
        self.holds(&Labels::new())
    }

    fn regex(&self) -> Result<Regex, regex::Error> {
        Regex::new(&format!("^(?:{})$", self.value))
    }

    fn checked(self) -> Result<Self, String> {
        if let Operator::Matches | Operator::NotMatches = self.operator
            && self.regex().is_err()
        {
            return Err(format!("`{}` is not a regular expression", self.value));
        }
        Ok(self)
    }
}

/// Reads matchers as people write them: with or without braces, apart by commas or spaces, values with or without quotes. A
/// single word without a comparison is an alert's name.
///
/// # Errors
/// A sentence that says which part cannot be read.
pub fn matchers(text: &str) -> Result<Vec<Matcher>, String> {
    let text = text.trim().trim_matches('`').trim();
    let inside = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let mut rest = inside.unwrap_or(text).trim_start();
    let mut all: Vec<Matcher> = Vec::new();
    while !rest.is_empty() {
        let (matcher, after) = one(rest)?;
        all.push(matcher.checked()?);
        rest = after.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
    }
    if all.is_empty() {
        return Err(
            "there is no matcher; write for example `alertname=\"Down\" service=~\"api|web\"`".into(),
        );
    }
    Ok(all)
}

/// The first matcher, and what comes after it.
fn one(text: &str) -> Result<(Matcher, &str), String> {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-');
    let end = text.find(|c| !word(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return Err(format!("`{text}` does not begin with a label"));
    }
    let rest = rest.trim_start();
    let operators = [
        ("=~", Operator::Matches),
        ("!~", Operator::NotMatches),
        ("!=", Operator::NotEqual),
        ("==", Operator::Equal),
        ("=", Operator::Equal),
    ];
    let found = operators
        .into_iter()
        .find_map(|(sign, operator)| Some((operator, rest.strip_prefix(sign)?)));
    let Some((operator, rest)) = found else {
        return Ok((Matcher::equal("alertname", name), rest));
    };
    let (value, rest) = value(rest.trim_start())?;
    let matcher = Matcher {
        name: name.to_owned(),
        operator,
        value,
    };
    Ok((matcher, rest))
}

fn value(text: &str) -> Result<(String, &str), String> {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let end = text
            .find(|c: char| c == ',' || c.is_whitespace())
            .unwrap_or(text.len());
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped)) if matches!(escaped, '"' | '\'' | '\\') => value.push(escaped),
                Some((_, other)) => value.extend(['\\', other]),
                None => break,
            },
            c => value.push(c),
        }
    }
    Err(format!("`{text}` has no closing quote"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Result<String, String> {
        let all = matchers(text)?;
        Ok(all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_table_of_matchers() {
        for (text, expected) in [
            ("Down", r#"alertname="Down""#),
            (r#"alertname="Down""#, r#"alertname="Down""#),
            (
                r#"{alertname="Down", env!="dev"}"#,
                r#"alertname="Down" env!="dev""#,
            ),
            (
                "Down service=api,env=~pro.*",
                r#"alertname="Down" service="api" env=~"pro.*""#,
            ),
            (r#"`a!~"x|y"`"#, r#"a!~"x|y""#),
            (r#"a = 'it\'s'"#, r#"a="it's""#),
            (r#"a="b\\c\"d\n""#, r#"a="b\\c\"d\n""#),
            (r#"a=~"\d+""#, r#"a=~"\\d+""#),
            (r#"a="" b="c,d e""#, r#"a="" b="c,d e""#),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
        }
        for (text, told) in [
            ("", "there is no matcher"),
            ("{}", "there is no matcher"),
            (r#"a="b"#, "has no closing quote"),
            (r#"="b""#, "does not begin with a label"),
            (r#"a=~"(""#, "is not a regular expression"),
        ] {
            let error = shown(text).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn what_they_meet() {
        let labels: Labels = [("env", "production"), ("n", "x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        for (text, holds) in [
            ("env=production", true),
            ("env!=production", false),
            ("env=~prod", false),
            ("env=~prod.*", true),
            ("env!~prod", true),
            ("gone=\"\"", true),
            ("gone!=x", true),
            ("gone=~.+", false),
        ] {
            assert_eq!(matchers(text).unwrap()[0].holds(&labels), holds, "{text}");
        }
        assert!(matchers("gone=~.*").unwrap()[0].holds_for_nothing());
        assert!(!matchers("env=production").unwrap()[0].holds_for_nothing());
    }

    #[test]
    fn as_the_api_has_them() {
        let matcher = matchers("a!~b").unwrap().remove(0);
        let wire = serde_json::json!({"name": "a", "value": "b", "isRegex": true, "isEqual": false});
        assert_eq!(serde_json::to_value(&matcher).unwrap(), wire);
        assert_eq!(serde_json::from_value::<Matcher>(wire).unwrap(), matcher);
        let old = serde_json::json!({"name": "a", "value": "b", "isRegex": false});
        assert_eq!(
            serde_json::from_value::<Matcher>(old).unwrap(),
            Matcher::equal("a", "b")
        );
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(name in "[a-z_]{1,8}", value in "\\PC{0,20}", negated: bool) {
            let operator = if negated { Operator::NotEqual } else { Operator::Equal };
            let matcher = Matcher { name, operator, value };
            prop_assert_eq!(matchers(&matcher.to_string()), Ok(vec![matcher]));
        }

        #[test]
        fn garbage_never_panics(text in "[a-z=!~\"'{}, \\\\é`]{0,40}") {
            let _ = matchers(&text);
        }
    }
}
