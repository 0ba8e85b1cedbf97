//! Purpose: what Prometheus answers, as plain values.

use std::collections::BTreeMap;

/// A series' labels, `__name__` among them, sorted.
pub type Labels = BTreeMap<String, String>;

/// One value at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The value; NaN and the infinities occur.
    pub value: f64,
}

/// One line of a graph. What is absent is absent: a gap is a spacing above the step.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Which series it is.
    pub labels: Labels,
    /// Its points, in order of time.
    pub points: Vec<Point>,
}

/// One element of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Which series it is.
    pub labels: Labels,
    /// Its value now.
    pub point: Point,
}

/// The four kinds of results.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Series over time; every range query's result.
    Matrix(Vec<Series>),
    /// One value per series.
    Vector(Vec<Sample>),
    /// One number.
    Scalar(Point),
    /// One text; only a string literal evaluates to it.
    Text(String),
}

impl Data {
    /// The series of a matrix; empty for the other kinds.
    #[must_use]
    pub fn series(&self) -> &[Series] {
        match self {
            Self::Matrix(series) => series,
            _ => &[],
        }
    }

    /// The samples of a vector; empty for the other kinds.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        match self {
            Self::Vector(samples) => samples,
            _ => &[],
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Matrix(series) => series.is_empty(),
            Self::Vector(samples) => samples.is_empty(),
            Self::Scalar(_) | Self::Text(_) => false,
        }
    }
}

/// An answer with everything that came with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The result.
    pub data: Data,
    /// What the reader must know: Prometheus' own warnings (Thanos and Mimir tell partial results this way), and
    /// this client's notes (series left out, native histograms skipped).
    pub warnings: Vec<String>,
    /// Prometheus' hints about the query, for who asks for details.
    pub infos: Vec<String>,
}

/// What Prometheus knows about a metric.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Metadata {
    /// `counter`, `gauge`, `histogram`, `summary`, `unknown` …
    #[serde(rename = "type")]
    pub kind: String,
    /// The help text.
    #[serde(default)]
    pub help: String,
    /// The unit, often empty.
    #[serde(default)]
    pub unit: String,
}

/// Which server it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Build {
    /// Its version, for example `2.42.0`.
    pub version: String,
}
