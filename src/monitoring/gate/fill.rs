//! Purpose: what stands between double braces in a query, filled in so that it stays one value and nothing else.
//!
//! Inside quotes a value is escaped, after `=~` and `!~` so that it means itself and not a pattern. Outside of quotes
//! only what can be part of a name is let in: `my-api` would be a subtraction there. Comments are left as they are.

use crate::duration;
use std::time::Duration;

/// Below this a rate has too few points; it is four scrapes of Prometheus' usual 15 s.
const SHORTEST: Duration = Duration::from_secs(60);

/// The names that are known.
const NAMES: [&str; 4] = ["service", "env", "version", "since"];

/// What is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vars {
    /// For `{{service}}`.
    pub service: String,
    /// For `{{env}}`.
    pub env: String,
    /// For `{{version}}`: the one that is being deployed, or before the deploy the one that runs.
    pub version: String,
    /// For `{{since}}`: how long ago the deploy began, as in `rate(x[{{since}}])`. At least a minute is filled in.
    pub since: Duration,
}

/// What cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FillError {
    /// A name that nobody knows.
    #[error(
        "{{{{{name}}}}} is not known; there are {{{{service}}}}, {{{{env}}}}, {{{{version}}}} and {{{{since}}}}"
    )]
    Unknown {
        /// What stands between the braces.
        name: String,
    },
    /// Braces that are not closed.
    #[error("a {{{{ in the query has no }}}}")]
    Open,
    /// A value that would be more than a name, outside of quotes.
    #[error(
        "{{{{{name}}}}} stands outside of quotes, where `{value}` would be more than a name; put it in quotes"
    )]
    Bare {
        /// The name.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// A value that cannot be written between backticks, where nothing can be escaped.
    #[error("{{{{{name}}}}} stands between backticks, where `{value}` cannot be escaped; use double quotes")]
    Raw {
        /// The name.
        name: &'static str,
        /// Its value.
        value: String,
    },
}

/// Where in a query something stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Code,
    Quoted { quote: char, pattern: bool },
    Comment,
}

/// Whether a query can be filled in, as far as that can be told without the values.
pub(super) fn check(query: &str) -> Result<(), FillError> {
    walk(query, &mut String::new(), |_, _| Ok("0".into()))
}

/// Fills the values in.
pub(super) fn fill(query: &str, vars: &Vars) -> Result<String, FillError> {
    let mut filled = String::with_capacity(query.len() + 32);
    walk(query, &mut filled, |name, place| {
        let since;
        let value = match name {
            "service" => vars.service.as_str(),
            "env" => vars.env.as_str(),
            "version" => vars.version.as_str(),
            _ => {
                let seconds = vars.since.as_millis().div_ceil(1_000);
                let whole = Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX));
                since = duration::format(whole.max(SHORTEST));
                since.as_str()
            }
        };
        put(name, value, place)
    })?;
    Ok(filled)
}

/// Copies the query, and lets what is between braces be replaced.
fn walk(
    query: &str,
    out: &mut String,
    replace: impl Fn(&'static str, Place) -> Result<String, FillError>,
) -> Result<(), FillError> {
    let (mut place, mut rest) = (Place::Code, query);
    while let Some(next) = rest.chars().next() {
        if place != Place::Comment && rest.starts_with("{{") {
            let (inside, after) = rest[2..].split_once("}}").ok_or(FillError::Open)?;
            let name = NAMES.into_iter().find(|name| *name == inside.trim());
            let name = name.ok_or_else(|| FillError::Unknown {
                name: inside.trim().chars().take(40).collect(),
            })?;
            out.push_str(&replace(name, place)?);
            rest = after;
            continue;
        }
        let mut length = next.len_utf8();
        place = match (place, next) {
            (Place::Code, '"' | '\'' | '`') => {
                let before = out.trim_end();
                Place::Quoted {
                    quote: next,
                    pattern: before.ends_with("=~") || before.ends_with("!~"),
                }
            }
            (Place::Code, '#') => Place::Comment,
            (Place::Comment, '\n') => Place::Code,
            (Place::Quoted { quote, .. }, _) if next == quote => Place::Code,
            (Place::Quoted { quote, .. }, '\\') if quote != '`' => {
                // The next one is escaped, be it a quote.
                length += rest[1..].chars().next().map_or(0, char::len_utf8);
                place
            }
            (place, _) => place,
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    Ok(())
}

/// Writes a value so that it is itself at its place.
fn put(name: &'static str, value: &str, place: Place) -> Result<String, FillError> {
    let Place::Quoted { quote, pattern } = place else {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        return if !value.is_empty() && value.chars().all(plain) {
            Ok(value.to_owned())
        } else {
            Err(FillError::Bare {
                name,
                value: value.to_owned(),
            })
        };
    };
    let mut literal = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        if pattern && r"\.+*?()|[]{}^$".contains(c) {
            literal.push('\\');
        }
        literal.push(c);
    }
    if quote == '`' {
        return if literal.contains(|c: char| c == '`' || c.is_control()) {
            Err(FillError::Raw {
                name,
                value: value.to_owned(),
            })
        } else {
            Ok(literal)
        };
    }
    let mut escaped = String::with_capacity(literal.len() + 8);
    for c in literal.chars() {
        match c {
            '\\' => escaped.push_str(r"\\"),
            // By its number, because either kind of quote knows only itself as an escape.
            '"' | '\'' => escaped.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_ascii_control() => escaped.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    Ok(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vars(service: &str) -> Vars {
        Vars {
            service: service.into(),
            env: "production".into(),
            version: "v1.2".into(),
            since: Duration::from_millis(300_500),
        }
    }

    #[test]
    fn each_at_its_place() {
        for (query, service, expected) in [
            (r#"up{s="{{service}}"}"#, "api", r#"up{s="api"}"#),
            (
                r#"up{s="{{ service }}", e='{{env}}'}"#,
                "api",
                r#"up{s="api", e='production'}"#,
            ),
            ("rate(x[{{since}}])", "api", "rate(x[5m1s])"),
            ("{{service}}_errors_total", "api", "api_errors_total"),
            (
                r#"up{s="{{service}}"}"#,
                r#"a"} or up{s="b"#,
                r#"up{s="a\x22} or up{s=\x22b"}"#,
            ),
            (r#"up{s='{{service}}'}"#, r"a'b\c", r"up{s='a\x27b\\c'}"),
            (r#"up{s="{{service}}"}"#, "a\nb", r#"up{s="a\x0ab"}"#),
            (r#"up{v=~"{{version}}-.*"}"#, "api", r#"up{v=~"v1\\.2-.*"}"#),
            (r#"up{v !~ "{{version}}"}"#, "api", r#"up{v !~ "v1\\.2"}"#),
            ("up{v=~`{{version}}`}", "api", r"up{v=~`v1\.2`}"),
            (r#"up{a="\"{{service}}"}"#, "a.b", r#"up{a="\"a.b"}"#),
            (
                "up # {{service}} \"\n + {{service}}",
                "api",
                "up # {{service}} \"\n + api",
            ),
        ] {
            assert_eq!(fill(query, &vars(service)).unwrap(), expected, "{query}");
        }
    }

    #[test]
    fn too_short_is_a_minute() {
        let short = Vars {
            since: Duration::ZERO,
            ..vars("api")
        };
        assert_eq!(fill("{{since}}", &short).unwrap(), "1m");
    }

    #[test]
    fn what_cannot_be_filled_in() {
        for bare in ["my-api", "", "a b", "a{", "a/b", "ä"] {
            let error = fill("{{service}}_total", &vars(bare)).unwrap_err();
            assert!(matches!(error, FillError::Bare { name: "service", .. }), "{bare}");
        }
        let error = fill("up{s=`{{service}}`}", &vars("a`b")).unwrap_err();
        assert!(matches!(error, FillError::Raw { .. }));
        assert_eq!(
            check("up{a=\"{{servise}}\"}").unwrap_err().to_string(),
            "{{servise}} is not known; there are {{service}}, {{env}}, {{version}} and {{since}}"
        );
        assert_eq!(check("up{a=\"{{service\"}").unwrap_err(), FillError::Open);
        assert_eq!(check("rate(up{a=\"{{service}}\"}[{{since}}])"), Ok(()));
    }

    proptest! {
        #[test]
        fn no_value_leaves_its_quotes(service in "[a\"'`\\\\\n{}#=~.é]{0,12}", quote in "[\"']", pattern in any::<bool>()) {
            let sign = if pattern { "=~" } else { "=" };
            let query = format!("up{{s{sign}{quote}{{{{service}}}}{quote}}}");
            let filled = fill(&query, &vars(&service)).unwrap();
            let start = format!("up{{s{sign}{quote}");
            let end = format!("{quote}}}");
            let inside = filled.strip_prefix(&start).and_then(|rest| rest.strip_suffix(&end)).unwrap();
            prop_assert!(!inside.contains(['"', '\'', '\n']), "{}", filled);
            // No backslash is left over that would escape the closing quote.
            let mut rest = inside.chars();
            while let Some(c) = rest.next() {
                if c == '\\' {
                    prop_assert!(matches!(rest.next(), Some('\\' | 'x')), "{}", filled);
                }
            }
        }

        #[test]
        fn garbage_never_panics(query in "[a{}\"'`#=~\\\\ \né]{0,30}|(\\{\\{|service|\\}\\}|\"){0,8}") {
            let filled = fill(&query, &vars("a\"b"));
            if check(&query).is_err() {
                prop_assert!(filled.is_err());
            }
        }
    }
}
