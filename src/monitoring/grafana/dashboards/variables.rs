//! A dashboard's variables, as they are written.

use super::{
    json::{at, flag, list, number, text, texts, whole, word},
    model::SourceRef,
};
use serde_json::Value;

/// What stands for all values.
pub(super) const ALL: &str = "$__all";

/// A variable of a dashboard.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Variable {
    /// What it is written with: `$name`.
    pub name: String,
    /// What people call it; the name where nobody said.
    pub label: String,
    /// Where its values come from.
    pub kind: Kind,
    /// Whether it may have several values.
    pub multi: bool,
    /// Whether there is an "All".
    pub all: bool,
    /// What "All" stands for, instead of all values.
    pub all_value: Option<String>,
    /// What the dashboard was saved with.
    pub current: Vec<Choice>,
    /// Which values count, and what of them.
    pub regex: Option<String>,
    /// Grafana's number for an order.
    pub sort: u64,
    /// Whom a query is for.
    pub source: Option<SourceRef>,
    /// Whether nobody sees it.
    pub hidden: bool,
}

/// A value, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Choice {
    /// What people read.
    pub text: String,
    /// What stands in queries.
    pub value: String,
}

impl Choice {
    /// A value that is called by itself.
    pub fn plain(value: impl Into<String>) -> Self {
        let value = value.into();
        Self {
            text: value.clone(),
            value,
        }
    }
}

/// Where the values come from.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Kind {
    /// They are listed.
    Custom(Vec<Choice>),
    /// There is one, which nobody changes.
    Constant(String),
    /// Durations; with how often the range is divided and the least for `auto`, where that is offered.
    Interval(Vec<String>, Option<(u64, String)>),
    /// Data sources of this type.
    Source(String),
    /// What a data source answers: the words, as `label_values(up, job)`.
    Query(String),
    /// Anything.
    #[default]
    Text,
    /// Filters added to every query.
    AdHoc(Vec<Filter>),
    /// Something we do not know, by its name.
    Unknown(String),
}

/// A filter of an ad hoc variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The label.
    pub key: String,
    /// `=`, `!=`, `=~`, `!~`.
    pub operator: String,
    /// What it is compared with.
    pub value: String,
}

/// Whom a `datasource` names: a name, a uid with a type, or nobody.
pub(super) fn source(value: &Value) -> Option<SourceRef> {
    match value {
        Value::String(name) if !name.is_empty() => Some(SourceRef {
            kind: None,
            name: Some(name.clone()),
        }),
        Value::Object(_) => {
            let name = text(value, &["uid"])
                .or(text(value, &["name"]))
                .map(str::to_owned);
            let kind = text(value, &["type"]).map(str::to_owned);
            (name.is_some() || kind.is_some()).then_some(SourceRef { kind, name })
        }
        _ => None,
    }
}

impl Variable {
    /// One of `templating.list`.
    pub(super) fn read(written: &Value) -> Option<Self> {
        let name = text(written, &["name"])?.to_owned();
        let options: Vec<Choice> = list(written, &["options"]).iter().filter_map(choice).collect();
        let query = match at(written, &["query"]) {
            Value::String(query) => query.clone(),
            // Since Grafana 7.5 a query is an object, of which the words are one part; other sources have no words.
            object => text(object, &["query"])
                .or(text(object, &["expr"]))
                .or(text(written, &["definition"]))
                .unwrap_or_default()
                .to_owned(),
        };
        let current = current(&written["current"]);
        let kind = match text(written, &["type"]).unwrap_or_default() {
            "custom" if options.iter().any(|option| option.value != ALL) => {
                Kind::Custom(without_all(options))
            }
            "custom" => Kind::Custom(listed(&query)),
            "constant" => Kind::Constant(match query.is_empty() {
                true => current
                    .first()
                    .map(|choice| choice.value.clone())
                    .unwrap_or_default(),
                false => query,
            }),
            "interval" => Kind::Interval(
                listed(&query).into_iter().map(|choice| choice.value).collect(),
                flag(written, &["auto"]).then(|| {
                    let count = whole(written, &["auto_count"]).unwrap_or(30).max(1);
                    (count, text(written, &["auto_min"]).unwrap_or("10s").to_owned())
                }),
            ),
            "datasource" => Kind::Source(query),
            "query" => Kind::Query(query),
            "textbox" => Kind::Text,
            "adhoc" => Kind::AdHoc(list(written, &["filters"]).iter().filter_map(filter).collect()),
            // A switch has two values.
            "switch" => Kind::Custom(vec![Choice::plain("true"), Choice::plain("false")]),
            other => Kind::Unknown(other.to_owned()),
        };
        let current = match (&kind, current.is_empty()) {
            (Kind::Text, true) => text(written, &["query"]).map(Choice::plain).into_iter().collect(),
            _ => current,
        };
        Some(Self {
            label: text(written, &["label"]).unwrap_or(&name).to_owned(),
            kind,
            multi: flag(written, &["multi"]),
            all: flag(written, &["includeAll"]),
            all_value: text(written, &["allValue"]).map(str::to_owned),
            current,
            regex: text(written, &["regex"]).map(str::to_owned),
            sort: whole(written, &["sort"]).unwrap_or(0),
            source: source(&written["datasource"]),
            hidden: number(written, &["hide"]).is_some_and(|hide| hide >= 2.0),
            name,
        })
    }

    /// The texts of it that may hold other variables.
    pub(super) fn words(&self) -> Vec<&str> {
        let query = match &self.kind {
            Kind::Query(query) => Some(query.as_str()),
            _ => None,
        };
        let source = self.source.as_ref().and_then(|source| source.name.as_deref());
        [query, source, self.regex.as_deref(), self.all_value.as_deref()]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// `{text, value}`, where each may be one or several.
fn current(written: &Value) -> Vec<Choice> {
    let values = texts(&written["value"]);
    let called = texts(&written["text"]);
    let same = values.len() == called.len();
    values
        .into_iter()
        .enumerate()
        .filter(|(_, value)| !value.is_empty())
        .map(|(index, value)| Choice {
            text: called.get(index).filter(|_| same).unwrap_or(&value).clone(),
            value,
        })
        .collect()
}

fn choice(written: &Value) -> Option<Choice> {
    let value = word(&written["value"])?;
    Some(Choice {
        text: word(&written["text"]).unwrap_or_else(|| value.clone()),
        value,
    })
}

fn without_all(options: Vec<Choice>) -> Vec<Choice> {
    options.into_iter().filter(|option| option.value != ALL).collect()
}

/// `a, b, c` and `A : a, B : b`; a comma behind a backslash is one.
fn listed(query: &str) -> Vec<Choice> {
    let mut parts = vec![String::new()];
    let mut chars = query.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(',')) => {
                chars.next();
                parts
                    .iter_mut()
                    .last()
                    .into_iter()
                    .for_each(|part| part.push(','));
            }
            (',', _) => parts.push(String::new()),
            _ => parts.iter_mut().last().into_iter().for_each(|part| part.push(c)),
        }
    }
    parts
        .iter()
        .map(|part| part.trim())
        .filter(|part| !part.is_empty())
        .map(|part| match part.split_once(" : ") {
            Some((text, value)) => Choice {
                text: text.trim().to_owned(),
                value: value.trim().to_owned(),
            },
            None => Choice::plain(part),
        })
        .collect()
}

fn filter(written: &Value) -> Option<Filter> {
    Some(Filter {
        key: text(written, &["key"])?.to_owned(),
        operator: text(written, &["operator"]).unwrap_or("=").to_owned(),
        value: text(written, &["value"]).unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(written: Value) -> Variable {
        Variable::read(&written).unwrap()
    }

    #[test]
    fn every_kind_is_read() {
        let custom =
            read(json!({"name": "a", "type": "custom", "query": "one,Two : 2, a\\,b", "includeAll": true}));
        let two = Choice {
            text: "Two".into(),
            value: "2".into(),
        };
        assert_eq!(
            custom.kind,
            Kind::Custom(vec![Choice::plain("one"), two, Choice::plain("a,b")])
        );
        let listed = read(json!({"name": "a", "type": "custom", "query": "x", "options": [
            {"text": "All", "value": "$__all"}, {"text": "Yes", "value": 1}]}));
        assert_eq!(
            listed.kind,
            Kind::Custom(vec![Choice {
                text: "Yes".into(),
                value: "1".into()
            }])
        );
        let interval =
            read(json!({"name": "i", "type": "interval", "query": "1m,10m", "auto": true, "auto_count": 50}));
        assert_eq!(
            interval.kind,
            Kind::Interval(vec!["1m".into(), "10m".into()], Some((50, "10s".into())))
        );
        let query = read(
            json!({"name": "q", "type": "query", "definition": "label_values(job)", "query": {"query": "label_values(up, job)", "refId": "x"},
            "datasource": {"type": "prometheus", "uid": "$ds"}, "current": {"text": ["A", "B"], "value": ["a", "b"]}}),
        );
        assert_eq!(query.kind, Kind::Query("label_values(up, job)".into()));
        assert_eq!(
            query.current[1],
            Choice {
                text: "B".into(),
                value: "b".into()
            }
        );
        assert_eq!(query.words(), ["label_values(up, job)", "$ds"]);
        assert_eq!(
            read(json!({"name": "t", "type": "textbox", "query": "seed"})).current,
            [Choice::plain("seed")]
        );
        assert_eq!(
            read(json!({"name": "c", "type": "constant", "query": "k"})).kind,
            Kind::Constant("k".into())
        );
        assert_eq!(
            read(json!({"name": "d", "type": "datasource", "query": "prometheus"})).kind,
            Kind::Source("prometheus".into())
        );
        assert_eq!(
            read(json!({"name": "g", "type": "groupby"})).kind,
            Kind::Unknown("groupby".into())
        );
        assert!(Variable::read(&json!({"type": "custom"})).is_none());
    }
}
