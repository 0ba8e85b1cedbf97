//! What a query variable asks: `label_values(metric, label)` and its kin, as Grafana's Prometheus data source understands them,
//! and what becomes of the answer: filtered by its regular expression, sorted.

use super::{look::regex_of, variables::Choice};

/// A question about labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lookup<'a> {
    /// The values of a label, of series that fit.
    LabelValues { series: Option<&'a str>, label: &'a str },
    /// The names of labels, of series that fit.
    LabelNames(Option<&'a str>),
    /// The names of metrics that fit a pattern.
    Metrics(&'a str),
    /// Each series of a result, written as a text.
    Result(&'a str),
    /// Each series that fits, written as a text.
    Series(&'a str),
}

impl<'a> Lookup<'a> {
    pub(super) fn read(query: &'a str) -> Self {
        let query = query.trim();
        let inside = |function: &str| {
            let rest = query.strip_prefix(function)?.trim_start();
            Some(rest.strip_prefix('(')?.strip_suffix(')')?.trim())
        };
        if let Some(inside) = inside("label_values") {
            // The last comma: the ones before stand in the selector.
            return match inside.rsplit_once(',') {
                Some((series, label)) if is_label(label.trim()) => Self::LabelValues {
                    series: Some(series.trim()).filter(|series| !series.is_empty()),
                    label: label.trim(),
                },
                _ => Self::LabelValues {
                    series: None,
                    label: inside,
                },
            };
        }
        if let Some(inside) = inside("label_names") {
            return Self::LabelNames(Some(inside).filter(|series| !series.is_empty()));
        }
        if let Some(inside) = inside("metrics") {
            return Self::Metrics(inside);
        }
        match inside("query_result") {
            Some(inside) => Self::Result(inside),
            None => Self::Series(query),
        }
    }
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':'))
}

/// What is left of the values, in the order the variable asks for. A pattern that cannot be read leaves all, and says so.
pub(super) fn choices(values: Vec<String>, regex: Option<&str>, sort: u64) -> (Vec<Choice>, bool) {
    let pattern = regex.map(regex_of);
    let readable = !matches!(pattern, Some(None));
    let mut all: Vec<Choice> = match pattern.flatten() {
        None => values.into_iter().map(Choice::plain).collect(),
        Some(pattern) => values
            .iter()
            .filter_map(|value| captured(&pattern, value))
            .collect(),
    };
    let number = |choice: &Choice| {
        let digits = choice.text.find(|c: char| c.is_ascii_digit())?;
        let rest = &choice.text[digits..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        rest[..end].trim_end_matches('.').parse::<f64>().ok()
    };
    match sort {
        1 | 2 => all.sort_by(|a, b| a.text.cmp(&b.text)),
        3 | 4 | 7 | 8 => all.sort_by(|a, b| {
            let none = f64::NEG_INFINITY;
            number(a)
                .unwrap_or(none)
                .total_cmp(&number(b).unwrap_or(none))
                .then_with(|| a.text.cmp(&b.text))
        }),
        5 | 6 => all.sort_by_key(|choice| choice.text.to_lowercase()),
        _ => {}
    }
    if matches!(sort, 2 | 4 | 6 | 8) {
        all.reverse();
    }
    let mut seen = std::collections::HashSet::new();
    all.retain(|choice| seen.insert(choice.value.clone()));
    (all, readable)
}

/// The groups `text` and `value`, else the first group, else all of it.
fn captured(pattern: &regex::Regex, value: &str) -> Option<Choice> {
    let found = pattern.captures(value)?;
    let named = |name: &str| found.name(name).map(|part| part.as_str().to_owned());
    let (text, value) = match (named("text"), named("value")) {
        (Some(text), Some(value)) => (text, value),
        (Some(one), None) | (None, Some(one)) => (one.clone(), one),
        (None, None) => {
            let part = found.get(1).or(found.get(0))?.as_str().to_owned();
            (part.clone(), part)
        }
    };
    Some(Choice { text, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_read() {
        let label = |series, label| Lookup::LabelValues { series, label };
        assert_eq!(Lookup::read("label_values(job)"), label(None, "job"));
        assert_eq!(
            Lookup::read(" label_values( up{a=\"x,y\", b=~\"c\"}, instance ) "),
            label(Some("up{a=\"x,y\", b=~\"c\"}"), "instance")
        );
        assert_eq!(Lookup::read("label_names()"), Lookup::LabelNames(None));
        assert_eq!(Lookup::read("label_names(up)"), Lookup::LabelNames(Some("up")));
        assert_eq!(Lookup::read("metrics(node_.*)"), Lookup::Metrics("node_.*"));
        assert_eq!(
            Lookup::read("query_result(topk(3, up))"),
            Lookup::Result("topk(3, up)")
        );
        assert_eq!(Lookup::read("up{job=\"x\"}"), Lookup::Series("up{job=\"x\"}"));
    }

    #[test]
    fn values_are_filtered_and_sorted() {
        let values = || ["b10:9", "a2:9", "B1:9", "a2:8"].map(str::to_owned).to_vec();
        let texts = |regex, sort| {
            let (all, readable) = choices(values(), regex, sort);
            (
                all.into_iter()
                    .map(|choice| choice.text)
                    .collect::<Vec<_>>()
                    .join(" "),
                readable,
            )
        };
        assert_eq!(texts(None, 0).0, "b10:9 a2:9 B1:9 a2:8");
        assert_eq!(texts(Some("/([^:]+):9/"), 1).0, "B1 a2 b10");
        assert_eq!(texts(Some("/(?<value>.+):(?<text>9)/i"), 0).0, "9 9 9");
        assert_eq!(texts(Some("/^b/i"), 3).0, "B b");
        assert_eq!(texts(Some("/[^:]+/"), 7).0, "B1 a2 b10");
        assert_eq!(texts(Some("/[^:]+/"), 6).0, "b10 B1 a2");
        assert!(!texts(Some("/(?!a)x/"), 0).1);
    }
}
