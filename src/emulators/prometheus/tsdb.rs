//! Purpose: samples in memory, found by matchers.

use super::promql::Matcher;
use std::{collections::BTreeMap, fmt::Write as _};

/// A series' labels, `__name__` among them.
pub(super) type Labels = BTreeMap<String, String>;

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    pub(super) at_ms: i64,
    pub(super) value: f64,
}

/// All series. A series' samples are in order of time.
#[derive(Debug, Default)]
pub(super) struct Tsdb {
    series: Vec<(Labels, Vec<Sample>)>,
    index: BTreeMap<Labels, usize>,
}

/// A series that is written to again and again.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeriesId(usize);

impl Tsdb {
    /// Finds or makes a series.
    pub(super) fn series(&mut self, name: &str, labels: &[(&str, &str)]) -> SeriesId {
        let pairs = labels
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .copied()
            .chain([("__name__", name)]);
        let labels: Labels = pairs
            .map(|(label, value)| (label.to_owned(), value.to_owned()))
            .collect();
        let next = self.series.len();
        let id = *self.index.entry(labels.clone()).or_insert(next);
        if id == next {
            self.series.push((labels, Vec::new()));
        }
        SeriesId(id)
    }

    /// Adds a sample; one that is not newer than the last is ignored.
    pub(super) fn push(&mut self, id: SeriesId, at_ms: i64, value: f64) {
        let samples = &mut self.series[id.0].1;
        if samples.last().is_none_or(|last| last.at_ms < at_ms) {
            samples.push(Sample { at_ms, value });
        }
    }

    /// The series that all matchers accept.
    pub(super) fn select<'a>(
        &'a self,
        matchers: &'a [Matcher],
    ) -> impl Iterator<Item = (&'a Labels, &'a [Sample])> {
        let empty = "";
        self.series
            .iter()
            .filter(move |(labels, _)| {
                matchers
                    .iter()
                    .all(|matcher| matcher.matches(labels.get(&matcher.label).map_or(empty, String::as_str)))
            })
            .map(|(labels, samples)| (labels, samples.as_slice()))
    }

    /// Drops samples older than this, so that a demo that runs for days does not grow for ever.
    pub(super) fn forget_before(&mut self, at_ms: i64) {
        for (_, samples) in &mut self.series {
            let old = samples.partition_point(|sample| sample.at_ms < at_ms);
            samples.drain(..old);
        }
    }

    /// Everything from a time on in the OpenMetrics text format, to fill a real Prometheus with the same data.
    pub(super) fn openmetrics(&self, from_ms: i64, types: &[(&str, &str)]) -> String {
        let mut text = String::new();
        for (family, kind) in types {
            // Writing into a String cannot fail, so the results are of no interest.
            let _ = writeln!(text, "# TYPE {family} {kind}");
            let suffixes: &[&str] = match *kind {
                "counter" => &["_total"],
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            let names: Vec<String> = suffixes
                .iter()
                .map(|suffix| format!("{family}{suffix}"))
                .collect();
            for (labels, samples) in self
                .series
                .iter()
                .filter(|(labels, _)| names.contains(&labels["__name__"]))
            {
                let inside: Vec<String> = labels
                    .iter()
                    .filter(|(label, _)| *label != "__name__")
                    .map(|(label, value)| format!("{label}=\"{value}\""))
                    .collect();
                let name = &labels["__name__"];
                for sample in samples.iter().filter(|sample| sample.at_ms >= from_ms) {
                    let (seconds, ms) = (sample.at_ms.div_euclid(1_000), sample.at_ms.rem_euclid(1_000));
                    let _ = writeln!(
                        text,
                        "{name}{{{}}} {} {seconds}.{ms:03}",
                        inside.join(","),
                        sample.value
                    );
                }
            }
        }
        text.push_str("# EOF\n");
        text
    }
}
