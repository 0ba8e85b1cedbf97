//! Purpose: from Prometheus' JSON to [`Answer`], tolerant of what newer servers add.

use crate::{
    Error, Result,
    answer::{Answer, Data, Labels, Point, Sample, Series},
};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, SeqAccess, Visitor},
};
use std::fmt;

/// The envelope every answer of the API comes in.
#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(crate) struct Envelope<T> {
    status: Status,
    data: Option<T>,
    #[serde(rename = "errorType", default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

/// Data with its warnings and infos.
pub(crate) type Opened<T> = (T, Vec<String>, Vec<String>);

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Success,
    Error,
}

impl<T> Envelope<T> {
    /// The data, or the error Prometheus told. `None` when it says success and brings nothing.
    pub(crate) fn open(self, status: u16) -> Result<Option<Opened<T>>> {
        if self.status == Status::Error {
            return Err(Error::told(status, &self.error_type, &self.error));
        }
        Ok(self.data.map(|data| (data, self.warnings, self.infos)))
    }
}

/// `data` of query and query_range.
#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub(crate) enum Outcome {
    Matrix(Vec<MatrixItem>),
    Vector(Vec<VectorItem>),
    Scalar(Value),
    String(Text),
}

#[derive(Deserialize)]
pub(crate) struct MatrixItem {
    metric: Labels,
    #[serde(default)]
    values: Vec<Value>,
    #[serde(default)]
    histograms: Option<IgnoredAny>,
}

#[derive(Deserialize)]
pub(crate) struct VectorItem {
    metric: Labels,
    value: Option<Value>,
    #[serde(default)]
    histogram: Option<IgnoredAny>,
}

impl Outcome {
    /// Keeps at most `max_series`, and says what was left out.
    pub(crate) fn into_answer(
        self,
        mut warnings: Vec<String>,
        infos: Vec<String>,
        max_series: usize,
    ) -> Answer {
        let mut histograms = 0usize;
        let mut cut = |total: usize| {
            if total > max_series {
                warnings.push(format!(
                    "only the first {max_series} of {total} series; narrow the query (topk, sum by) to see the rest"
                ));
            }
        };
        let data = match self {
            Self::Matrix(items) => {
                histograms = items.iter().filter(|item| item.histograms.is_some()).count();
                let series = items
                    .into_iter()
                    .filter(|item| !item.values.is_empty() || item.histograms.is_none());
                let mut series: Vec<_> = series
                    .map(|item| Series {
                        labels: item.metric,
                        points: item.values.into_iter().map(|value| value.0).collect(),
                    })
                    .collect();
                cut(series.len());
                series.truncate(max_series);
                Data::Matrix(series)
            }
            Self::Vector(items) => {
                histograms = items.iter().filter(|item| item.histogram.is_some()).count();
                let samples = items
                    .into_iter()
                    .filter_map(|item| Some((item.metric, item.value?.0)));
                let mut samples: Vec<_> = samples.map(|(labels, point)| Sample { labels, point }).collect();
                cut(samples.len());
                samples.truncate(max_series);
                Data::Vector(samples)
            }
            Self::Scalar(value) => Data::Scalar(value.0),
            Self::String(text) => Data::Text(text.0),
        };
        if histograms > 0 {
            warnings.push(format!(
                "{histograms} of the series are native histograms, which cannot be drawn as lines; wrap the query in histogram_quantile(0.95, …)"
            ));
        }
        Answer {
            data,
            warnings,
            infos,
        }
    }
}

/// `[1435781430.781, "1"]`, read without an allocation: a long graph has hundreds of thousands of them.
pub(crate) struct Value(pub(crate) Point);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Pair;
        impl<'de> Visitor<'de> for Pair {
            type Value = Value;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a pair of time and value")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<Value, A::Error> {
                let seconds: f64 = pair
                    .next_element()?
                    .ok_or_else(|| A::Error::custom("a pair without a time"))?;
                let Number(value) = pair
                    .next_element()?
                    .ok_or_else(|| A::Error::custom("a pair without a value"))?;
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "Prometheus' times are whole milliseconds in i64"
                )]
                let at_ms = (seconds * 1_000.0).round() as i64;
                Ok(Value(Point { at_ms, value }))
            }
        }
        from.deserialize_seq(Pair)
    }
}

/// A number in a string: `"1.5"`, `"NaN"`, `"+Inf"`, `"-Inf"`.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Number;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a number in a string")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                // Rust's parser knows NaN, inf and +Inf in any case.
                text.parse()
                    .map(Number)
                    .map_err(|_| E::custom(format!("`{text}` is not a number")))
            }
        }
        from.deserialize_str(Text)
    }
}

/// `[1435781430.781, "text"]`.
pub(crate) struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        <(f64, String)>::deserialize(from).map(|(_, text)| Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Answer> {
        let envelope: Envelope<Outcome> = serde_json::from_str(json).unwrap();
        let (outcome, warnings, infos) = envelope.open(200)?.unwrap();
        Ok(outcome.into_answer(warnings, infos, 2))
    }

    #[test]
    fn numbers_beyond_numbers() {
        let json = r#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"job":"a"},"values":[[1,"NaN"],[2.5,"+Inf"],[3,"-Inf"],[4,"1e3"]]}]}}"#;
        let answer = read(json).unwrap();
        let points = &answer.data.series()[0].points;
        assert!(points[0].value.is_nan());
        assert_eq!(
            points[1],
            Point {
                at_ms: 2_500,
                value: f64::INFINITY
            }
        );
        assert_eq!(points[2].value, f64::NEG_INFINITY);
        assert_eq!(points[3].value, 1_000.0);
    }

    #[test]
    fn every_kind_of_result() {
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#;
        assert_eq!(
            read(scalar).unwrap().data,
            Data::Scalar(Point {
                at_ms: 1_000,
                value: 2.0
            })
        );
        let text = r#"{"status":"success","data":{"resultType":"string","result":[1,"hi"]},"infos":["i"]}"#;
        assert_eq!(read(text).unwrap().data, Data::Text("hi".into()));
        assert_eq!(read(text).unwrap().infos, ["i"]);
        let vector =
            r#"{"status":"success","data":{"result":[{"metric":{},"value":[1,"2"]}],"resultType":"vector"}}"#;
        assert_eq!(read(vector).unwrap().data.samples()[0].point.value, 2.0);
        assert!(!read(scalar).unwrap().data.is_empty());
    }

    #[test]
    fn native_histograms_are_skipped_and_said() {
        let json = r#"{"status":"success","warnings":["partial"],"data":{"resultType":"matrix","result":[
            {"metric":{"a":"1"},"histograms":[[1,{"count":"3","sum":"2","buckets":[[0,"1","2","3"]]}]]},
            {"metric":{"a":"2"},"values":[[1,"2"]]}]}}"#;
        let answer = read(json).unwrap();
        assert_eq!(answer.data.series().len(), 1);
        assert_eq!(answer.warnings.len(), 2);
        assert_eq!(answer.warnings[0], "partial");
        assert!(
            answer.warnings[1].starts_with("1 of the series are native histograms"),
            "{:?}",
            answer.warnings
        );
        let vector = r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{},"histogram":[1,{"count":"3","sum":"2"}]}]}}"#;
        assert!(read(vector).unwrap().data.is_empty());
    }

    #[test]
    fn too_many_series_are_cut_and_said() {
        let item = r#"{"metric":{},"values":[[1,"2"]]}"#;
        let json = format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{item},{item},{item}]}}}}"#
        );
        let answer = read(&json).unwrap();
        assert_eq!(answer.data.series().len(), 2);
        assert!(answer.warnings[0].starts_with("only the first 2 of 3 series"));
    }

    #[test]
    fn an_error_wins_over_data_that_came_with_it() {
        let json = r#"{"status":"error","errorType":"execution","error":"why","data":{"resultType":"vector","result":[]}}"#;
        assert!(matches!(read(json), Err(Error::Execution { message }) if message == "why"));
    }
}
