//! What was said behind `dashboard`: which one, which panel, variables, the time.

use std::{str::FromStr, time::Duration};

use otus_monitoring::{duration, grafana::dashboards::Wanted};

use crate::{ask::Span, manner::Manner, texts::dashboards as texts};

/// The words, taken apart as far as nobody has to know which dashboards there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// The dashboard's name, and the panel's behind it; a name in quotation marks is one word.
    pub(crate) words: Vec<String>,
    /// Whether the first word was in quotation marks, so that it is all of the dashboard's name.
    pub(super) quoted: bool,
    pub(crate) wanted: Vec<Wanted>,
    pub(super) span: Option<Duration>,
    pub(super) manner: Option<Manner>,
    /// Which page of its panels, from 1 on.
    pub(super) page: Option<usize>,
    /// The time as it was said, to be said again.
    pub(super) time: String,
}

impl FromStr for Said {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut said = Self::default();
        let mut words: Vec<(String, bool)> = Vec::new();
        for (word, quoted) in split(text) {
            match word.split_once('=').filter(|(name, _)| !quoted && is_name(name)) {
                Some((name, values)) => {
                    said.wanted.push(Wanted {
                        name: name.to_owned(),
                        values: values
                            .split(',')
                            .map(|value| value.trim().to_owned())
                            .filter(|value| !value.is_empty())
                            .collect(),
                    });
                }
                None => words.push((word, quoted)),
            }
        }
        if let Some(bad) = said.wanted.iter().find(|wanted| wanted.values.is_empty()) {
            return Err(texts::empty_value(&bad.name));
        }
        said.take_time(&mut words)?;
        said.quoted = words.first().is_some_and(|(_, quoted)| *quoted);
        said.words = words.into_iter().map(|(word, _)| word).collect();
        match said.words.is_empty() {
            true => Err(texts::NO_NAME.to_owned()),
            false => Ok(said),
        }
    }
}

impl Said {
    /// Takes the time and the page off the end.
    fn take_time(&mut self, words: &mut Vec<(String, bool)>) -> Result<(), String> {
        loop {
            let plain: Vec<&str> = words
                .iter()
                .map(|(word, quoted)| if *quoted { "" } else { word.as_str() })
                .collect();
            let from = plain.iter().rposition(|word| word.eq_ignore_ascii_case("from"));
            if let Some(at) =
                from.filter(|at| *at > 0 && plain[*at..].iter().any(|word| word.eq_ignore_ascii_case("to")))
            {
                let period = plain[at..].join(" ").to_lowercase();
                self.manner = Some(period.parse()?);
                self.time = period;
                words.truncate(at);
                continue;
            }
            match plain.as_slice() {
                [_, .., page, count]
                    if page.eq_ignore_ascii_case("page")
                        && count.parse::<usize>().is_ok_and(|count| count > 0) =>
                {
                    self.page = count.parse().ok();
                    words.truncate(words.len() - 2);
                }
                [_, .., last, span]
                    if matches!(last.to_ascii_lowercase().as_str(), "last" | "over")
                        && duration::parse(span).is_ok() =>
                {
                    self.span = Some(span.parse::<Span>()?.0);
                    self.time = format!("last {span}");
                    words.truncate(words.len() - 2);
                }
                // A bare number may be a panel's.
                [_, .., span]
                    if span.ends_with(|c: char| c.is_ascii_alphabetic())
                        && span.starts_with(|c: char| c.is_ascii_digit())
                        && duration::parse(span).is_ok() =>
                {
                    self.span = Some(span.parse::<Span>()?.0);
                    self.time = format!("last {span}");
                    words.pop();
                }
                _ => return Ok(()),
            }
        }
    }

    /// The same with other variables.
    pub(crate) fn with(&self, wanted: impl Iterator<Item = (String, Vec<String>)>) -> Self {
        Self {
            wanted: wanted.map(|(name, values)| Wanted { name, values }).collect(),
            ..self.clone()
        }
    }

    /// Variables and time as one says them.
    fn spoken(&self) -> String {
        let variables = self
            .wanted
            .iter()
            .map(|wanted| quote(&format!("{}={}", wanted.name, wanted.values.join(","))));
        variables
            .chain([self.time.clone()])
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The same time and variables for another dashboard or panel, as one would say it.
    pub(crate) fn again(&self, uid: &str, panel: Option<&str>) -> String {
        let mut parts = vec!["dashboard".to_owned(), quote(uid)];
        parts.extend(panel.map(quote));
        parts.extend(Some(self.spoken()).filter(|rest| !rest.is_empty()));
        parts.join(" ")
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// Words; what is in quotation marks is one, and so is a value in them: `job="a b"`.
fn split(text: &str) -> Vec<(String, bool)> {
    let mut words: Vec<(String, bool)> = Vec::new();
    let (mut word, mut inside, mut quoted) = (String::new(), false, false);
    for c in text.chars() {
        match c {
            '"' => {
                quoted |= word.is_empty() && !inside;
                inside = !inside;
            }
            c if c.is_whitespace() && !inside => {
                if !word.is_empty() {
                    words.push((std::mem::take(&mut word), quoted));
                }
                quoted = false;
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push((word, quoted));
    }
    words
}

/// A word as one would say it, so that it stays one.
pub(super) fn quote(word: &str) -> String {
    match word
        .split_once('=')
        .filter(|(name, value)| is_name(name) && value.contains(char::is_whitespace))
    {
        Some((name, value)) => format!("{name}=\"{value}\""),
        None if word.contains(char::is_whitespace) => format!("\"{word}\""),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Said {
        text.parse().unwrap()
    }

    #[test]
    fn words_variables_and_time_are_told_apart() {
        let all = said("Node Exporter cpu basic instance=a:9100,b:9100 job=\"my node\" last 6h");
        assert_eq!(all.words, ["Node", "Exporter", "cpu", "basic"]);
        assert_eq!(all.wanted[0].values, ["a:9100", "b:9100"]);
        assert_eq!(all.wanted[1].values, ["my node"]);
        assert_eq!(all.span, Some(Duration::from_secs(6 * 3600)));
        assert_eq!(
            all.again("x y", Some("8")),
            "dashboard \"x y\" 8 instance=a:9100,b:9100 job=\"my node\" last 6h"
        );
        let page = said("shop 2d page 3");
        assert_eq!(
            (page.page, page.words.len(), page.span),
            (Some(3), 1, Some(Duration::from_secs(2 * 86_400)))
        );
        assert_eq!(said("shop 8").words, ["shop", "8"]);
        let period = said("shop from 13:00 to 14:00");
        assert!(period.manner.is_some() && period.words == ["shop"]);
        assert_eq!(said("from here").words, ["from", "here"]);
    }

    #[test]
    fn names_can_be_set_apart() {
        let quoted = said("\"Node Exporter\" \"CPU Basic\"");
        assert_eq!(
            (quoted.words, quoted.quoted),
            (vec!["Node Exporter".to_owned(), "CPU Basic".to_owned()], true)
        );
    }

    #[test]
    fn what_says_nothing_is_refused() {
        assert!("last 6h".parse::<Said>().is_ok_and(|said| said.words == ["last"]));
        assert!("a=b".parse::<Said>().is_err());
        assert!("shop a=".parse::<Said>().is_err());
        assert!("shop from soon to later".parse::<Said>().is_err());
    }
}
