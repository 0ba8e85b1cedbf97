//! `$name`, `${name}`, `${name:format}`, `${name.field}`, `[[name]]`, `[[name:format]]` become values.
//!
//! Formats and escapes as Grafana's templating documents them; what PromQL gets without a format is that of its Prometheus data
//! source: several values are a regular expression `(a|b)`.

use std::collections::{BTreeMap, BTreeSet};

/// What a variable stands for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meaning {
    /// The values; for "All" every one there is.
    pub values: Vec<String>,
    /// What people read for them.
    pub texts: Vec<String>,
    /// What "All" stands for, where the dashboard says; it is put in as it is.
    pub verbatim: Option<String>,
    /// Whether the dashboard allows several values, so that a single one is escaped, too.
    pub several: bool,
    /// Whether it is "All".
    pub all: bool,
}

impl Meaning {
    /// One value.
    pub fn one(value: impl Into<String>) -> Self {
        let value = value.into();
        Self {
            texts: vec![value.clone()],
            values: vec![value],
            ..Self::default()
        }
    }

    /// What people read.
    #[must_use]
    pub fn text(&self) -> String {
        match self.all {
            true => "All".to_owned(),
            false => self.texts.join(" + "),
        }
    }
}

/// What all variables stand for, by their names.
pub type Meanings = BTreeMap<String, Meaning>;

/// Where the text goes that is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// PromQL.
    PromQl,
    /// A title, read by people.
    Title,
    /// A query of something else, or a name.
    Other,
}

/// A place in a text where a variable stands.
struct Mention<'a> {
    /// Where it begins, and where it ends.
    span: (usize, usize),
    name: &'a str,
    format: Option<&'a str>,
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The next mention from `from` on.
fn next(text: &str, from: usize) -> Option<Mention<'_>> {
    let mut at = from;
    while let Some(found) = text[at..].find(['$', '[']) {
        let start = at + found;
        let rest = &text[start..];
        let (inside, close) = match rest {
            _ if rest.starts_with("${") => (&rest[2..], "}"),
            _ if rest.starts_with("[[") => (&rest[2..], "]]"),
            _ if rest.starts_with('$') => {
                let name = &rest[1..];
                let end = name.find(|c| !is_name(c)).unwrap_or(name.len());
                if end > 0 {
                    return Some(Mention {
                        span: (start, start + 1 + end),
                        name: &name[..end],
                        format: None,
                    });
                }
                at = start + 1;
                continue;
            }
            _ => {
                at = start + 1;
                continue;
            }
        };
        if let Some(end) = inside.find(close) {
            let (name, format) = match inside[..end].split_once(':') {
                Some((name, format)) => (name, Some(format)),
                None => (&inside[..end], None),
            };
            // `${var.field}`: our values have no fields.
            let name = name.split_once('.').map_or(name, |(name, _)| name);
            if !name.is_empty() && name.chars().all(is_name) {
                return Some(Mention {
                    span: (start, start + 2 + end + close.len()),
                    name,
                    format,
                });
            }
        }
        at = start + 1;
    }
    None
}

/// The names of the variables in a text, whether there are such or not.
pub(super) fn mentioned(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut at = 0;
    while let Some(mention) = next(text, at) {
        names.insert(mention.name);
        at = mention.span.1;
    }
    names
}

/// Fills in what is known; what is not stays, so that somebody can point at it.
#[must_use]
pub fn fill(text: &str, meanings: &Meanings, into: Destination) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(mention) = next(text, at) {
        filled.push_str(&text[at..mention.span.0]);
        match meanings.get(mention.name) {
            Some(meaning) => filled.push_str(&value(meaning, mention.name, mention.format, into)),
            None => filled.push_str(&text[mention.span.0..mention.span.1]),
        }
        at = mention.span.1;
    }
    filled.push_str(&text[at..]);
    filled
}

fn value(meaning: &Meaning, name: &str, format: Option<&str>, into: Destination) -> String {
    let values = &meaning.values;
    if let (Some(verbatim), true) = (&meaning.verbatim, into != Destination::Title)
        && format != Some("text")
    {
        return verbatim.clone();
    }
    let each = |escape: &dyn Fn(&str) -> String| values.iter().map(|one| escape(one)).collect::<Vec<_>>();
    let many = |all: Vec<String>, open: &str, between: &str, close: &str| match all.as_slice() {
        [one] => one.clone(),
        all => format!("{open}{}{close}", all.join(between)),
    };
    let Some(format) = format else {
        return match into {
            Destination::Title => meaning.text(),
            Destination::Other => many(values.clone(), "{", ",", "}"),
            Destination::PromQl => match (meaning.several, values.as_slice()) {
                (false, [one]) => one.replace('\\', "\\\\").replace('\'', "\\\\'"),
                _ => many(each(&|one| escaped(one, "\\\\")), "(", "|", ")"),
            },
        };
    };
    match format.split(':').next().unwrap_or_default() {
        "csv" => values.join(","),
        "pipe" => values.join("|"),
        "regex" => many(each(&|one| escaped(one, "\\")), "(", "|", ")"),
        "glob" => many(values.clone(), "{", ",", "}"),
        "json" => match values.as_slice() {
            [one] => serde_json::Value::from(one.as_str()).to_string(),
            all => serde_json::Value::from(all.to_vec()).to_string(),
        },
        "doublequote" => each(&|one| format!("\"{}\"", one.replace('"', "\\\""))).join(","),
        "singlequote" => each(&|one| format!("'{}'", one.replace('\'', "\\'"))).join(","),
        "sqlstring" => each(&|one| format!("'{}'", one.replace('\'', "''"))).join(","),
        "lucene" => {
            let quoted = each(&|one| match values.len() {
                1 => lucene(one),
                _ => format!("\"{}\"", lucene(one)),
            });
            many(quoted, "(", " OR ", ")")
        }
        "percentencode" => percent(&many(values.clone(), "{", ",", "}")),
        "queryparam" => each(&|one| format!("var-{name}={}", percent(one))).join("&"),
        "distributed" => {
            let mut parts = values.iter();
            let first = parts.next().cloned().unwrap_or_default();
            parts.fold(first, |all, one| format!("{all},{name}={one}"))
        }
        "text" => meaning.text(),
        // `raw`, `date` of a text, and what nobody knows.
        _ => values.join(","),
    }
}

/// What means something in a regular expression gets these before it.
fn escaped(text: &str, with: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => {
                all.push_str(with);
                all.push_str(with);
            }
            '$' | '^' | '*' | '{' | '}' | '[' | ']' | '+' | '?' | '.' | '(' | ')' | '|' => {
                all.push_str(with);
                all.push(c);
            }
            '\'' if with.len() > 1 => {
                all.push_str(with);
                all.push(c);
            }
            c => all.push(c),
        }
    }
    all
}

fn lucene(text: &str) -> String {
    let mut all = String::new();
    for c in text.chars() {
        if "+-&|!(){}[]^\"~*?:\\/ ".contains(c) && c != ' ' {
            all.push('\\');
        }
        all.push(c);
    }
    all
}

fn percent(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn meanings() -> Meanings {
        let two = Meaning {
            values: vec!["a.b".into(), "c".into()],
            texts: vec!["A".into(), "C".into()],
            several: true,
            ..Meaning::default()
        };
        let one = Meaning {
            values: vec!["a.b".into()],
            several: true,
            ..Meaning::one("a.b")
        };
        let all = Meaning {
            verbatim: Some(".*".into()),
            all: true,
            ..two.clone()
        };
        [
            ("one", Meaning::one("a.b")),
            ("multi", one),
            ("two", two),
            ("all", all),
        ]
        .map(|(name, meaning)| (name.to_owned(), meaning))
        .into()
    }

    fn promql(text: &str) -> String {
        fill(text, &meanings(), Destination::PromQl)
    }

    #[test]
    fn promql_gets_regular_expressions_where_there_may_be_several() {
        assert_eq!(promql(r#"up{a="$one"}"#), r#"up{a="a.b"}"#);
        assert_eq!(promql(r#"up{a=~"$multi"}"#), r#"up{a=~"a\\.b"}"#);
        assert_eq!(promql(r#"up{a=~"[[two]]"}"#), r#"up{a=~"(a\\.b|c)"}"#);
        assert_eq!(promql(r#"up{a=~"${all}"}"#), r#"up{a=~".*"}"#);
        assert_eq!(
            promql("$unknown ${unknown:csv} [[unknown]] [5m] $"),
            "$unknown ${unknown:csv} [[unknown]] [5m] $"
        );
        assert_eq!(promql("$one_more $ones"), "$one_more $ones");
    }

    #[test]
    fn every_format() {
        for (format, one, two) in [
            ("csv", "a.b", "a.b,c"),
            ("pipe", "a.b", "a.b|c"),
            ("regex", r"a\.b", r"(a\.b|c)"),
            ("glob", "a.b", "{a.b,c}"),
            ("json", "\"a.b\"", r#"["a.b","c"]"#),
            ("doublequote", "\"a.b\"", r#""a.b","c""#),
            ("singlequote", "'a.b'", "'a.b','c'"),
            ("sqlstring", "'a.b'", "'a.b','c'"),
            ("lucene", "a.b", r#"("a.b" OR "c")"#),
            ("percentencode", "a.b", "%7Ba.b%2Cc%7D"),
            ("queryparam", "var-one=a.b", "var-two=a.b&var-two=c"),
            ("distributed", "a.b", "a.b,two=c"),
            ("raw", "a.b", "a.b,c"),
            ("text", "a.b", "A + C"),
        ] {
            assert_eq!(promql(&format!("${{one:{format}}}")), one, "{format}");
            assert_eq!(promql(&format!("[[two:{format}]]")), two, "{format}");
        }
        assert_eq!(
            fill("$two and ${all}", &meanings(), Destination::Title),
            "A + C and All"
        );
        assert_eq!(fill("$two", &meanings(), Destination::Other), "{a.b,c}");
    }

    #[test]
    fn mentions() {
        let found = mentioned("$a ${b} ${c:csv} [[d]] ${e.f} $__interval $ ${} [x] ${g");
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            ["__interval", "a", "b", "c", "d", "e"]
        );
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in r"[$\[\]{}:._a-z é]{0,40}") {
            let _ = promql(&text);
            let _ = mentioned(&text);
        }

        #[test]
        fn a_text_without_mentions_is_unchanged(text in "[a-z{}(). ]{0,40}") {
            prop_assert_eq!(promql(&text), text);
        }
    }
}
