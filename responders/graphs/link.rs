//! A link to a graph in Prometheus' own pages, read: `/graph?g0.expr=…&g0.range_input=1h&g0.end_input=…` of all versions, and `/query?…` of
//! the newer pages, whose parameters have the same names.

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use otus::{UserError, message::Segment};
use otus_monitoring::duration;
use url::Url;

use crate::{
    ask::{Ask, Span},
    manner::{self, Form, Manner},
    settings::{MOST_PANELS, Settings},
    texts,
};

/// So many links of one message are answered.
pub(crate) const MOST: usize = 3;

/// What a link shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Link {
    url: String,
    panels: Vec<Panel>,
}

/// One of its graphs.
#[derive(Debug, Clone, Default, PartialEq)]
struct Panel {
    query: String,
    range: Option<Duration>,
    end: Option<Timestamp>,
    form: Option<Form>,
}

impl Link {
    /// Reads an address, if it is one of a graph in a Prometheus that is known by one of these addresses.
    pub(crate) fn read(text: &str, known: &[&str]) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_known = known.iter().any(|base| is_below(&url, base));
        let page = url.path().rsplit('/').next().unwrap_or_default();
        if !is_known || !matches!(page, "graph" | "query") {
            return None;
        }
        let mut panels: BTreeMap<u32, Panel> = BTreeMap::new();
        for (name, value) in url.query_pairs() {
            let parameter = name.strip_prefix('g').and_then(|rest| rest.split_once('.'));
            let Some((Ok(number), parameter)) = parameter.map(|(number, rest)| (number.parse(), rest)) else {
                continue;
            };
            let panel = panels.entry(number).or_default();
            match parameter {
                "expr" => value.trim().clone_into(&mut panel.query),
                "range_input" => panel.range = duration::parse(&value).ok(),
                // The page writes its clock as UTC, and a table's moment under another name.
                "end_input" | "moment_input" => panel.end = panel.end.or_else(|| moment(&value)),
                "stacked" if value == "1" => panel.form = Some(Form::Stacked),
                "display_mode" if value == "stacked" => panel.form = Some(Form::Stacked),
                "display_mode" if value == "heatmap" => panel.form = Some(Form::Heatmap),
                _ => {}
            }
        }
        let mut panels: Vec<Panel> = panels.into_values().collect();
        panels.retain(|panel| !panel.query.is_empty());
        panels.truncate(MOST_PANELS);
        (!panels.is_empty()).then(|| Self {
            url: text.to_owned(),
            panels,
        })
    }

    /// The links in what somebody said, each once.
    pub(crate) fn all(content: &[Segment], known: &[&str]) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for segment in content {
            let read: Vec<Self> = match segment {
                Segment::Link { url, .. } => Self::read(url, known).into_iter().collect(),
                Segment::Text(text) => {
                    let words = text.split_whitespace();
                    words.filter_map(|word| Self::read(word, known)).collect()
                }
                _ => Vec::new(),
            };
            for link in read {
                if !found.contains(&link) {
                    found.push(link);
                }
            }
        }
        found.truncate(MOST);
        found
    }

    /// The PromQL of its first graph, by which is decided whether somebody may see it.
    pub(crate) fn query(&self) -> &str {
        self.panels
            .first()
            .map(|panel| panel.query.as_str())
            .unwrap_or_default()
    }

    /// What is drawn for it; the time and the look are the link's where nothing else is said.
    ///
    /// # Errors
    /// When it goes back too far.
    pub(crate) fn ask(
        &self,
        settings: &Settings,
        span: Option<Span>,
        said: Option<Manner>,
    ) -> Result<(Ask, Manner), UserError> {
        let first = self.panels.first().cloned().unwrap_or_default();
        let range = span.or(first.range.map(Span));
        let mut manner = said.unwrap_or_default();
        if let (None, None, Some(end)) = (span, &manner.period, first.end) {
            let length = range.map_or(settings.range, |range| range.0);
            // What the link's moments say is read like what a person says.
            let period = manner::between(end - length, end).parse::<Manner>();
            manner.period = period.ok().and_then(|period| period.period);
        }
        let mut asks = Vec::new();
        for panel in &self.panels {
            let mut ask = Ask::promql(settings, &panel.query, range)?;
            ask.usual.0 = panel.form.unwrap_or_default();
            asks.push(ask);
        }
        let ask = match asks.as_slice() {
            [only] if !only.what.trim_matches('`').contains('`') => only.clone(),
            [only] => Ask {
                what: self.url.clone(),
                ..only.clone()
            },
            _ => Ask {
                what: self.url.clone(),
                title: texts::LINKED.to_owned(),
                range: asks.first().map(|ask| ask.range).unwrap_or_default(),
                panels: asks,
                ..Ask::default()
            },
        };
        // A button has to say the look again that the link had.
        if let (None, [only]) = (manner.form, self.panels.as_slice())
            && ask.what != self.url
        {
            manner.form = only.form;
        }
        Ok((ask, manner))
    }
}

/// Whether an address lies below another one: the same host and port, and the path goes on from there.
fn is_below(url: &Url, base: &str) -> bool {
    let Ok(base) = Url::parse(base) else { return false };
    let path = base.path().trim_end_matches('/');
    let rest = url.path().strip_prefix(path);
    matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.host() == base.host()
        && url.port_or_known_default() == base.port_or_known_default()
        && rest.is_some_and(|rest| rest.starts_with('/'))
}

/// `2026-11-23 12:00:00` on UTC's clock, as the page writes it; or with a zone of its own, or Unix seconds.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let seconds = || Timestamp::from_second(text.split('.').next()?.parse().ok()?).ok();
    let civil = || {
        let civil: DateTime = text.parse().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    text.parse().ok().or_else(civil).or_else(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 2] = ["http://prometheus:9090", "https://example.com/prometheus/"];

    fn read(text: &str) -> Option<Link> {
        Link::read(text, &KNOWN)
    }

    #[test]
    fn only_graphs_of_what_is_known_are_read() {
        assert!(read("http://prometheus:9090/graph?g0.expr=up&g0.tab=0").is_some());
        assert!(read("https://example.com/prometheus/query?g0.expr=up&g0.show_tree=0").is_some());
        for other in [
            "https://prometheus:9090/../graph",
            "http://prometheus/graph?g0.expr=up",
            "http://prometheus:9090.evil.test/graph?g0.expr=up",
            "http://user@elsewhere:9090/graph?g0.expr=up",
            "https://example.com/prometheusx/graph?g0.expr=up",
            "https://example.com/graph?g0.expr=up",
            "http://prometheus:9090/alerts?g0.expr=up",
            "http://prometheus:9090/graph?g0.tab=0",
            "http://prometheus:9090/graph?g0.expr=",
            "nothing at all",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn the_page_s_parameters_become_what_one_would_say() {
        let settings = Settings::default();
        let link = read("http://prometheus:9090/graph?g0.expr=sum(rate(x%5B5m%5D))%20%3E%202&g0.tab=0&g0.stacked=1&g0.range_input=3h&g0.end_input=2026-11-23%2012%3A00%3A00").unwrap();
        let (ask, manner) = link.ask(&settings, None, None).unwrap();
        let ask = ask.shown(
            &settings,
            manner,
            &TimeZone::UTC,
            "2026-11-24T00:00:00Z".parse().unwrap(),
        );
        let ask = ask.unwrap();
        assert_eq!(
            (ask.what.as_str(), ask.query.as_str()),
            ("`sum(rate(x[5m])) > 2`", "sum(rate(x[5m]))")
        );
        assert_eq!(ask.range, Duration::from_secs(3 * 3600));
        assert_eq!(ask.end, Some("2026-11-23T12:00:00Z".parse().unwrap()));
        assert_eq!(ask.form(), Form::Stacked);
        assert_eq!(
            ask.period.as_deref(),
            Some("from 2026-11-23 09:00 to 2026-11-23 12:00")
        );
        assert_eq!(
            ask.over(Duration::from_secs(3600)),
            "graph `sum(rate(x[5m])) > 2` 1h as stacked"
        );
        // Without an end it is until now, and of the newer page's.
        let link = read("https://example.com/prometheus/query?g0.expr=up&g0.show_tree=0&g0.tab=graph&g0.range_input=1d&g0.res_type=auto&g0.display_mode=lines").unwrap();
        let (ask, manner) = link.ask(&settings, None, None).unwrap();
        assert_eq!(
            (ask.range, manner),
            (Duration::from_secs(86_400), Manner::default())
        );
    }

    #[test]
    fn several_graphs_are_one_picture() {
        let settings = Settings::default();
        let url = "http://prometheus:9090/graph?g0.expr=up&g1.expr=down&g1.range_input=2h&g0.range_input=30m";
        let link = read(url).unwrap();
        let (ask, _) = link.ask(&settings, None, None).unwrap();
        assert_eq!(ask.parts().len(), 2);
        assert_eq!(ask.over(Duration::from_secs(3600)), format!("graph {url} 1h"));
        let (ask, _) = link
            .ask(&settings, Some(Span(Duration::from_secs(7200))), None)
            .unwrap();
        assert_eq!(ask.range, Duration::from_secs(7200));
        assert!(ask.parts().iter().all(|part| part.range == ask.range));
    }

    #[test]
    fn links_are_found_in_what_is_said() {
        let link = |url: &str| Segment::Link {
            url: url.into(),
            text: "see".into(),
        };
        let one = "http://prometheus:9090/graph?g0.expr=up";
        let content = [
            Segment::Text(format!("look: {one} and")),
            link(one),
            link("https://example.com/prometheus/graph?g0.expr=b"),
            link("https://other.example.com/graph?g0.expr=c"),
        ];
        assert_eq!(Link::all(&content, &KNOWN).len(), 2);
        assert_eq!(Link::all(&[Segment::Code(one.into())], &KNOWN), Vec::new());
    }
}
