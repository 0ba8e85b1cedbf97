//! Label and field selectors.

use serde_json::Value;

use super::{
    status::{Answer, ApiError},
    value::{items, text},
};

#[derive(Clone, Debug, PartialEq)]
enum Rule {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

impl Rule {
    fn matches(&self, value: impl Fn(&str) -> Option<String>) -> bool {
        match self {
            Self::In(key, wanted) => value(key).is_some_and(|v| wanted.contains(&v)),
            Self::NotIn(key, unwanted) => value(key).is_none_or(|v| !unwanted.contains(&v)),
            Self::Exists(key) => value(key).is_some(),
            Self::Missing(key) => value(key).is_none(),
        }
    }
}

/// Which objects a list or a watch is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Selector {
    labels: Vec<Rule>,
    fields: Vec<Rule>,
}

impl Selector {
    /// Reads both selectors as they stand in a query.
    pub(crate) fn parse(labels: &str, fields: &str) -> Answer<Self> {
        Ok(Self {
            labels: split(labels)
                .iter()
                .map(|rule| label_rule(rule))
                .collect::<Answer<_>>()?,
            fields: split(fields)
                .iter()
                .map(|rule| field_rule(rule))
                .collect::<Answer<_>>()?,
        })
    }

    /// A selector as it stands in a spec.
    pub(crate) fn of_spec(selector: &Value) -> Self {
        let mut labels = Vec::new();
        if let Some(map) = selector.get("matchLabels").and_then(Value::as_object) {
            for (key, value) in map {
                labels.push(Rule::In(
                    key.clone(),
                    vec![value.as_str().unwrap_or_default().into()],
                ));
            }
        }
        for rule in items(selector, "/matchExpressions") {
            let key = text(rule, "/key").to_owned();
            let values = items(rule, "/values")
                .iter()
                .filter_map(|v| Some(v.as_str()?.to_owned()))
                .collect();
            labels.push(match text(rule, "/operator") {
                "In" => Rule::In(key, values),
                "NotIn" => Rule::NotIn(key, values),
                "Exists" => Rule::Exists(key),
                _ => Rule::Missing(key),
            });
        }
        Self {
            labels,
            fields: Vec::new(),
        }
    }

    /// As a query would write it.
    pub(crate) fn label_text(&self) -> String {
        let texts: Vec<_> = self
            .labels
            .iter()
            .map(|rule| match rule {
                Rule::In(key, values) if values.len() == 1 => format!("{key}={}", values[0]),
                Rule::In(key, values) => format!("{key} in ({})", values.join(",")),
                Rule::NotIn(key, values) => format!("{key} notin ({})", values.join(",")),
                Rule::Exists(key) => key.clone(),
                Rule::Missing(key) => format!("!{key}"),
            })
            .collect();
        texts.join(",")
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.labels.iter().all(|rule| {
            rule.matches(|key| Some(object.pointer("/metadata/labels")?.get(key)?.as_str()?.to_owned()))
        }) && self
            .fields
            .iter()
            .all(|rule| rule.matches(|path| Some(field(object, path))))
    }

    /// Whether a map of labels is selected.
    pub(crate) fn matches_labels(&self, labels: Option<&Value>) -> bool {
        self.labels
            .iter()
            .all(|rule| rule.matches(|key| Some(labels?.get(key)?.as_str()?.to_owned())))
    }
}

/// A field is empty, never missing, where an object does not have it.
fn field(object: &Value, path: &str) -> String {
    // Events are kept as the core group writes them; the newer group has other names for the same.
    let path = match path.strip_prefix("regarding.") {
        Some(rest) => format!("involvedObject.{rest}"),
        None => match path {
            "source" => "source.component".to_owned(),
            "reportingController" => "reportingComponent".to_owned(),
            other => other.to_owned(),
        },
    };
    match object.pointer(&format!("/{}", path.replace('.', "/"))) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Splits at commas that are not inside parentheses.
fn split(selector: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, c) in selector.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(selector[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(selector[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn equality(rule: &str) -> Option<Rule> {
    let cut = |at: usize, len: usize| {
        (
            rule[..at].trim().to_owned(),
            vec![rule[at + len..].trim().to_owned()],
        )
    };
    if let Some(at) = rule.find("!=") {
        let (key, value) = cut(at, 2);
        return Some(Rule::NotIn(key, value));
    }
    let at = rule.find('=')?;
    let (key, value) = cut(at, if rule[at..].starts_with("==") { 2 } else { 1 });
    Some(Rule::In(key, value))
}

fn label_rule(rule: &str) -> Answer<Rule> {
    let wrong = || {
        ApiError::bad_request(format!(
            "unable to parse requirement: found '{rule}', expected: a label selector"
        ))
    };
    if let Some((head, tail)) = rule.split_once('(') {
        let values = tail.trim_end().strip_suffix(')').ok_or_else(wrong)?;
        let values = values.split(',').map(|v| v.trim().to_owned()).collect();
        let mut words = head.split_whitespace();
        return match (words.next(), words.next(), words.next()) {
            (Some(key), Some("in"), None) => Ok(Rule::In(key.into(), values)),
            (Some(key), Some("notin"), None) => Ok(Rule::NotIn(key.into(), values)),
            _ => Err(wrong()),
        };
    }
    if let Some(rule) = equality(rule) {
        return Ok(rule);
    }
    let key = rule.trim_start_matches('!').trim();
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err(wrong());
    }
    Ok(if rule.starts_with('!') {
        Rule::Missing(key.into())
    } else {
        Rule::Exists(key.into())
    })
}

fn field_rule(rule: &str) -> Answer<Rule> {
    equality(rule).ok_or_else(|| {
        ApiError::bad_request(format!(
            "invalid field selector: {rule}; expected <field>=<value> or <field>!=<value>"
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_and_fields() {
        let pod = json!({
            "metadata": { "name": "a", "labels": { "app": "web", "tier": "front" } },
            "status": { "phase": "Running" },
        });
        for (labels, fields, expected) in [
            ("", "", true),
            ("app=web", "", true),
            ("app==web,tier in (front, back)", "metadata.name=a", true),
            ("app!=web", "", false),
            ("other!=web", "", true),
            ("!app", "", false),
            ("app", "status.phase!=Running", false),
            ("tier notin (front)", "", false),
            ("", "metadata.name=b", false),
            ("", "spec.nodeName=", true),
        ] {
            let selector = Selector::parse(labels, fields).unwrap();
            assert_eq!(selector.matches(&pod), expected, "{labels:?} {fields:?}");
        }
        assert!(Selector::parse("a in b)", "").is_err());
        assert!(Selector::parse("", "metadata.name").is_err());
    }
}
