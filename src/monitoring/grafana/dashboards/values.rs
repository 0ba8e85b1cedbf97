//! What a variable stands for: of what it may have, what was asked for, and what the dashboard was saved with.

use super::{
    interpolate::{Destination, Meaning, Meanings, fill, mentioned},
    model::{Dashboard, Panel, Row},
    variables::{ALL, Choice, Kind, Variable},
};
use crate::duration;
use std::{collections::BTreeSet, time::Duration};

/// What somebody wants a variable to be: `instance=a,b`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The variable.
    pub name: String,
    /// The values; several where several are allowed.
    pub values: Vec<String>,
}

/// A variable cannot be what was wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VariableError {
    /// There is no such variable.
    #[error("there is no variable {name}")]
    Unknown {
        /// What was said.
        name: String,
        /// What there is: names, and what people call them.
        known: Vec<(String, String)>,
    },
    /// It does not have this value.
    #[error("{name} cannot be {value}")]
    Value {
        /// The variable.
        name: String,
        /// What was said.
        value: String,
        /// What there is.
        known: Vec<String>,
    },
    /// It has one value only.
    #[error("{name} has one value at a time")]
    Single {
        /// The variable.
        name: String,
    },
    /// It is not for people to change.
    #[error("{name} is not changed")]
    Fixed {
        /// The variable.
        name: String,
    },
}

impl Dashboard {
    /// The variable that somebody means, by its name or by what people call it.
    ///
    /// # Errors
    /// [`VariableError::Unknown`], with what there is.
    pub fn variable(&self, name: &str) -> Result<&Variable, VariableError> {
        let shown = || self.variables.iter().filter(|variable| !variable.hidden);
        self.variables
            .iter()
            .find(|variable| variable.name == name)
            .or_else(|| shown().find(|variable| variable.name.eq_ignore_ascii_case(name)))
            .or_else(|| shown().find(|variable| variable.label.eq_ignore_ascii_case(name)))
            .ok_or_else(|| VariableError::Unknown {
                name: name.to_owned(),
                known: shown()
                    .map(|variable| (variable.name.clone(), variable.label.clone()))
                    .collect(),
            })
    }

    /// The variables that some panels need, those that others need first, each once.
    pub(super) fn needed<'a>(
        &'a self,
        panels: impl Iterator<Item = (&'a Row, &'a Panel)>,
    ) -> Vec<&'a Variable> {
        let mut names = BTreeSet::new();
        for (row, panel) in panels {
            let raw = panel.raw.to_string();
            names.extend(mentioned(&raw).into_iter().map(str::to_owned));
            names.extend(mentioned(&row.title).into_iter().map(str::to_owned));
            let repeats = [&row.repeat, &panel.repeat].into_iter().flatten();
            names.extend(repeats.map(|name| name.trim_start_matches('$').to_owned()));
            for target in &panel.targets {
                names.extend(mentioned(&target.expr).into_iter().map(str::to_owned));
            }
        }
        let mut ordered = Vec::new();
        // Filters are added to every query.
        let wanted =
            |variable: &&Variable| names.contains(&variable.name) || matches!(variable.kind, Kind::AdHoc(_));
        for variable in self.variables.iter().filter(wanted) {
            self.before(variable, &mut ordered, &mut Vec::new());
        }
        ordered
    }

    /// What a variable needs, then itself. In a circle who was asked for first comes last.
    fn before<'a>(
        &'a self,
        variable: &'a Variable,
        ordered: &mut Vec<&'a Variable>,
        open: &mut Vec<&'a str>,
    ) {
        if open.contains(&variable.name.as_str()) || ordered.iter().any(|known| known.name == variable.name) {
            return;
        }
        open.push(&variable.name);
        let words = variable.words();
        let names: BTreeSet<&str> = words.iter().flat_map(|words| mentioned(words)).collect();
        for other in self
            .variables
            .iter()
            .filter(|other| names.contains(other.name.as_str()))
        {
            self.before(other, ordered, open);
        }
        open.pop();
        ordered.push(variable);
    }
}

impl Variable {
    /// The values it may have, as far as nobody has to be asked.
    pub(super) fn own_choices(&self) -> Option<Vec<Choice>> {
        match &self.kind {
            Kind::Custom(choices) => Some(choices.clone()),
            Kind::Constant(value) => Some(vec![Choice::plain(value)]),
            Kind::Interval(steps, auto) => {
                let auto = auto.is_some().then(|| Choice {
                    text: "auto".into(),
                    value: "auto".into(),
                });
                Some(steps.iter().map(Choice::plain).chain(auto).collect())
            }
            Kind::Source(_) | Kind::Query(_) => None,
            Kind::Text | Kind::AdHoc(_) | Kind::Unknown(_) => Some(Vec::new()),
        }
    }

    /// What it stands for: what was wanted, else what the dashboard was saved with, else the first there is. `choices` is what it
    /// may have, where that is known.
    ///
    /// # Errors
    /// What was wanted cannot be.
    pub(super) fn mean(
        &self,
        wanted: Option<&[String]>,
        choices: Option<&[Choice]>,
        known: &Meanings,
        range: Duration,
    ) -> Result<Meaning, VariableError> {
        let name = || self.name.clone();
        if let Kind::Constant(value) = &self.kind {
            return match wanted {
                Some(_) => Err(VariableError::Fixed { name: name() }),
                None => Ok(Meaning::one(value)),
            };
        }
        let given: Vec<String> = match wanted {
            Some(wanted) => wanted.to_vec(),
            None => self.current.iter().map(|choice| choice.value.clone()).collect(),
        };
        let is_all = |value: &String| value == ALL || (self.all && value.eq_ignore_ascii_case("all"));
        if given.iter().any(is_all) && self.all {
            return Ok(self.everything(choices, known));
        }
        if wanted.is_some() && given.len() > 1 && !self.multi {
            return Err(VariableError::Single { name: name() });
        }
        let open = matches!(self.kind, Kind::Text | Kind::Unknown(_) | Kind::AdHoc(_));
        let known_choices = choices.filter(|choices| !open && !choices.is_empty());
        let mut chosen = Vec::new();
        for value in given.iter().filter(|value| *value != ALL) {
            let fits = |choice: &&Choice| choice.value == *value || choice.text.eq_ignore_ascii_case(value);
            let found = known_choices.map(|choices| choices.iter().find(fits));
            match found {
                Some(Some(choice)) => chosen.push(choice.clone()),
                Some(None) if wanted.is_some() && !self.takes(value) => {
                    return Err(VariableError::Value {
                        name: name(),
                        value: value.clone(),
                        known: choices
                            .unwrap_or_default()
                            .iter()
                            .map(|choice| choice.text.clone())
                            .collect(),
                    });
                }
                // What it was saved with is gone; an interval may be any.
                Some(None) if !self.takes(value) => {}
                _ => chosen.push(Choice {
                    text: self.saved_text(value),
                    value: value.clone(),
                }),
            }
        }
        if chosen.is_empty() {
            match known_choices.and_then(<[Choice]>::first) {
                _ if self.all && self.current.is_empty() => return Ok(self.everything(choices, known)),
                Some(first) => chosen.push(first.clone()),
                None if open => chosen.push(Choice::default()),
                None => {
                    return Ok(Meaning {
                        several: self.multi || self.all,
                        ..Meaning::default()
                    });
                }
            }
        }
        if let Kind::Interval(_, auto) = &self.kind {
            for choice in &mut chosen {
                if choice.value == "auto" || choice.value.starts_with("$__auto") {
                    choice.value = automatic(auto.as_ref(), range);
                }
            }
        }
        Ok(Meaning {
            values: chosen.iter().map(|choice| choice.value.clone()).collect(),
            texts: chosen.into_iter().map(|choice| choice.text).collect(),
            verbatim: None,
            several: self.multi || self.all,
            all: false,
        })
    }

    /// Whether it takes a value that is not listed.
    fn takes(&self, value: &str) -> bool {
        let automatic = value == "auto" || value.starts_with("$__auto");
        matches!(&self.kind, Kind::Interval(..)) && (automatic || duration::parse(value).is_ok())
    }

    fn saved_text(&self, value: &str) -> String {
        let saved = self.current.iter().find(|choice| choice.value == value);
        saved.map_or_else(|| value.to_owned(), |choice| choice.text.clone())
    }

    /// All of its values.
    fn everything(&self, choices: Option<&[Choice]>, known: &Meanings) -> Meaning {
        let choices = choices.unwrap_or_default();
        let verbatim = self
            .all_value
            .as_deref()
            .map(|all| fill(all, known, Destination::Other));
        Meaning {
            values: choices.iter().map(|choice| choice.value.clone()).collect(),
            texts: choices.iter().map(|choice| choice.text.clone()).collect(),
            // Where nobody could say what there is, anything is all.
            verbatim: verbatim.or_else(|| choices.is_empty().then(|| ".*".to_owned())),
            several: true,
            all: true,
        }
    }
}

/// What `auto` is: the range divided by the number of steps, but not below the least.
fn automatic(auto: Option<&(u64, String)>, range: Duration) -> String {
    let (count, least) = match auto {
        Some((count, least)) => (*count, duration::parse(least).unwrap_or(Duration::from_secs(10))),
        None => (30, Duration::from_secs(10)),
    };
    let step = range / u32::try_from(count).unwrap_or(u32::MAX).max(1);
    duration::format(crate::step::round_interval(step).max(least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn variable(more: serde_json::Value) -> Variable {
        let mut written = json!({"name": "node", "type": "query", "query": "label_values(up, node)", "current": {"text": "b", "value": "b"}});
        written
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        Variable::read(&written).unwrap()
    }

    fn mean(variable: &Variable, wanted: Option<&[&str]>) -> Result<Meaning, VariableError> {
        let choices = ["a", "b", "c"].map(Choice::plain);
        let wanted: Option<Vec<String>> =
            wanted.map(|wanted| wanted.iter().map(|one| (*one).to_owned()).collect());
        variable.mean(
            wanted.as_deref(),
            Some(&choices),
            &Meanings::new(),
            Duration::from_secs(3600),
        )
    }

    #[test]
    fn what_was_saved_what_was_wanted_what_there_is() {
        let plain = variable(json!({}));
        assert_eq!(mean(&plain, None).unwrap().values, ["b"]);
        assert_eq!(mean(&plain, Some(&["C"])).unwrap().values, ["c"]);
        assert_eq!(
            mean(&plain, Some(&["d"])).unwrap_err(),
            VariableError::Value {
                name: "node".into(),
                value: "d".into(),
                known: vec!["a".into(), "b".into(), "c".into()]
            }
        );
        assert_eq!(
            mean(&plain, Some(&["a", "b"])).unwrap_err(),
            VariableError::Single { name: "node".into() }
        );
        let gone = variable(json!({"current": {"text": "x", "value": "x"}}));
        assert_eq!(mean(&gone, None).unwrap().values, ["a"]);
        let multi = variable(json!({"multi": true, "includeAll": true}));
        assert_eq!(mean(&multi, Some(&["a", "c"])).unwrap().values, ["a", "c"]);
        let all = mean(&multi, Some(&["all"])).unwrap();
        assert!(all.all && all.values.len() == 3 && all.verbatim.is_none());
        let said = variable(json!({"includeAll": true, "allValue": ".+", "current": {"value": "$__all"}}));
        assert_eq!(mean(&said, None).unwrap().verbatim.as_deref(), Some(".+"));
    }

    #[test]
    fn an_interval_divides_the_range() {
        let interval = variable(
            json!({"type": "interval", "query": "1m,5m", "auto": true, "auto_count": 60, "auto_min": "10s",
            "current": {"text": "auto", "value": "$__auto_interval_node"}}),
        );
        let choices = interval.own_choices().unwrap();
        let at = |hours: u64| {
            interval
                .mean(
                    None,
                    Some(&choices),
                    &Meanings::new(),
                    Duration::from_secs(hours * 3600),
                )
                .unwrap()
                .values
        };
        assert_eq!((at(1), at(24)), (vec!["1m".to_owned()], vec!["20m".to_owned()]));
        let own = [String::from("7m")];
        assert_eq!(
            interval
                .mean(
                    Some(&own),
                    Some(&choices),
                    &Meanings::new(),
                    Duration::from_secs(60)
                )
                .unwrap()
                .values,
            ["7m"]
        );
    }

    #[test]
    fn what_others_need_comes_first() {
        let dashboard = Dashboard::classic(&json!({
        "panels": [{"type": "graph", "targets": [{"expr": "up{a=\"$c\"}"}]}],
        "templating": {"list": [
            {"name": "c", "type": "query", "query": "label_values(up{b=\"$b\"}, a)", "datasource": {"uid": "$ds"}},
            {"name": "b", "type": "query", "query": "label_values(up{c=\"$c\"}, b)"},
            {"name": "ds", "type": "datasource", "query": "prometheus"},
            {"name": "other", "type": "query", "query": "label_values(other)"},
        ]}}));
        let pairs = dashboard
            .rows
            .iter()
            .flat_map(|row| row.panels.iter().map(move |panel| (row, panel)));
        let names: Vec<&str> = dashboard
            .needed(pairs)
            .iter()
            .map(|variable| variable.name.as_str())
            .collect();
        assert_eq!(names.len(), 3);
        assert!(names.contains(&"ds") && !names.contains(&"other"));
        assert_eq!(names.last(), Some(&"c"));
    }
}
