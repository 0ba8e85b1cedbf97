//! A panel's results as our pictures.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use otus_charts::{
    Axis, BarGauge, Bucket, Chart, Heatmap, Histogram, Panel, Reduce, Series, Shape, Stat, Unit,
};
use otus_monitoring::grafana::dashboards::{Course, Draw, Field, Form, Results, Scale, Shown, Stacking};

use super::{
    limits,
    units::{self, Scaled},
    words,
};
use crate::texts::dashboards as texts;

/// So many bars and numbers are shown.
pub(super) const MOST: usize = 12;

/// A panel's picture; two of them, where its series are in different units, since one axis has one unit.
pub(super) fn panels(
    shown: &Shown,
    title: &str,
    form: Form,
    results: &Results,
    zone: &TimeZone,
) -> Vec<Panel> {
    match form {
        Form::TimeSeries => over_time(shown, title, results, zone),
        Form::Stat | Form::Bars => numbers(shown, title, form, results),
        Form::Table => vec![words::table(shown, title, results, zone)],
        Form::Heatmap => vec![heatmap(shown, title, results, zone)],
        _ => vec![histogram(shown, title, results)],
    }
}

fn series(course: &Course, factor: f64) -> Series {
    let points = course
        .points
        .iter()
        .map(|(at, value)| (*at, value * factor))
        .collect();
    match &course.name {
        Some(name) => Series::new(name, points),
        None => Series::labelled(course.labels.clone(), points),
    }
}

/// The unit, and the title with what we have no unit for.
fn unit(field: &Field, title: &str) -> (Scaled, String) {
    let (scaled, words) = units::of(field.unit.as_deref());
    (
        scaled,
        words.map_or_else(|| title.to_owned(), |words| texts::in_unit(title, &words)),
    )
}

/// The beginning, the end and the step.
fn seconds(results: &Results) -> (f64, f64, f64) {
    let range = &results.range;
    (
        range.start_ms() as f64 / 1e3,
        range.end_ms() as f64 / 1e3,
        range.step().as_secs_f64(),
    )
}

fn over_time(shown: &Shown, title: &str, results: &Results, zone: &TimeZone) -> Vec<Panel> {
    // By unit, the one of most series first.
    let mut groups: Vec<(Option<&str>, Vec<&Course>)> = Vec::new();
    for course in &results.courses {
        let unit = course.field.unit.as_deref();
        let scale = units::of(unit);
        match groups
            .iter_mut()
            .find(|(known, _)| units::of(*known).0.unit == scale.0.unit && units::of(*known).1 == scale.1)
        {
            Some((_, group)) => group.push(course),
            None => groups.push((unit, vec![course])),
        }
    }
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.len()));
    if groups.is_empty() {
        groups.push((shown.panel.field.unit.as_deref(), Vec::new()));
    }
    let several = groups.len() > 1;
    groups
        .into_iter()
        .take(2)
        .map(|(name, group)| {
            let field = group.first().map_or(&shown.panel.field, |course| &course.field);
            let called = match several {
                true => texts::of_unit(title, name),
                false => title.to_owned(),
            };
            chart(field, &called, &group, results, zone)
        })
        .collect()
}

fn chart(field: &Field, title: &str, group: &[&Course], results: &Results, zone: &TimeZone) -> Panel {
    let (scaled, title) = unit(field, title);
    let (start, end, step) = seconds(results);
    let shape = match (field.stacking, field.draw) {
        (_, Draw::Bars) => Shape::Bars,
        (Stacking::Normal | Stacking::Percent, _) => Shape::Stacked,
        (_, Draw::Area) => Shape::Area,
        (_, Draw::Steps) => Shape::Steps,
        _ => Shape::Line,
    };
    let share = field.stacking == Stacking::Percent;
    let mut all: Vec<Series> = group
        .iter()
        .map(|course| series(course, units::of(course.field.unit.as_deref()).0.factor))
        .collect();
    if share {
        all = shares(group);
    }
    let unit = if share { Unit::Percent } else { scaled.unit };
    let chart = Chart::new(title)
        .query(results.queries.join(" · "))
        .unit(unit)
        .range(start, end, step)
        .zone(zone.clone())
        .shape(shape)
        .axis(match field.scale {
            Scale::Linear => Axis::Linear,
            Scale::Log => Axis::Log,
            Scale::Symlog => Axis::Symlog,
        })
        .reach(
            field.min.map(|min| min * scaled.factor),
            field.max.map(|max| max * scaled.factor),
        )
        .all_series(all);
    match field.thresholds.drawn && !share {
        true => limits::of(field, scaled.factor)
            .into_iter()
            .fold(chart, Chart::threshold),
        false => chart,
    }
    .into()
}

/// Each series as its share of the sum at each moment.
fn shares(group: &[&Course]) -> Vec<Series> {
    let mut sums: BTreeMap<u64, f64> = BTreeMap::new();
    let finite = |value: f64| if value.is_finite() { value.abs() } else { 0.0 };
    for (at, value) in group.iter().flat_map(|course| &course.points) {
        *sums.entry(at.to_bits()).or_default() += finite(*value);
    }
    group
        .iter()
        .map(|course| {
            let share = |(at, value): &(f64, f64)| {
                let sum = sums.get(&at.to_bits()).copied().unwrap_or(0.0);
                (*at, if sum > 0.0 { value / sum * 100.0 } else { f64::NAN })
            };
            let points = course.points.iter().map(share).collect();
            series(
                &Course {
                    points,
                    ..(*course).clone()
                },
                1.0,
            )
        })
        .collect()
}

/// The number that stands for a series, by Grafana's name for it; what nobody knows is the last one.
pub(super) fn reduced(points: &[(f64, f64)], calc: &str) -> f64 {
    let values: Vec<f64> = points
        .iter()
        .map(|(_, value)| *value)
        .filter(|value| value.is_finite())
        .collect();
    let (Some(first), Some(last)) = (values.first().copied(), values.last().copied()) else {
        return f64::NAN;
    };
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match calc {
        "first" | "firstNotNull" => first,
        "min" => lowest,
        "max" => highest,
        "mean" => values.iter().sum::<f64>() / values.len() as f64,
        "sum" => values.iter().sum(),
        "count" => values.len() as f64,
        "range" => highest - lowest,
        "diff" => last - first,
        // As Grafana counts a counter's growth: what falls began anew.
        "delta" => values
            .windows(2)
            .map(|pair| {
                if pair[1] >= pair[0] {
                    pair[1] - pair[0]
                } else {
                    pair[1]
                }
            })
            .sum(),
        "diffperc" if first != 0.0 => (last - first) / first.abs(),
        _ => last,
    }
}

fn numbers(shown: &Shown, title: &str, form: Form, results: &Results) -> Vec<Panel> {
    let calc = shown.panel.calcs.first().map_or("lastNotNull", String::as_str);
    let field = results
        .courses
        .first()
        .map_or(&shown.panel.field, |course| &course.field);
    let (scaled, title) = unit(field, title);
    // A word for each value says more than the numbers, and moments are no numbers.
    let named =
        |course: &Course| shown.panel.names || course.field.mapped(reduced(&course.points, calc)).is_some();
    if results
        .courses
        .iter()
        .any(|course| named(course) || units::moment(course.field.unit.as_deref()))
    {
        return vec![words::of(shown, &title, calc, results)];
    }
    let courses = &results.courses;
    let limits = limits::of(field, scaled.factor);
    let query = results.queries.join(" · ");
    let reduce = match calc {
        "min" => Some(Reduce::Min),
        "max" => Some(Reduce::Max),
        "mean" => Some(Reduce::Mean),
        "sum" => Some(Reduce::Sum),
        "last" | "lastNotNull" => Some(Reduce::Last),
        _ => None,
    };
    // A single series has the panel's name already.
    let alone = courses.len() == 1;
    let own = |course: &Course| {
        let factor = units::of(course.field.unit.as_deref()).0.factor;
        let mut made = series(course, factor);
        if reduce.is_none() {
            let at = course.points.last().map_or(0.0, |point| point.0);
            let value = reduced(&course.points, calc) * factor;
            made = series(
                &Course {
                    points: vec![(at, value)],
                    ..course.clone()
                },
                1.0,
            );
        }
        match alone {
            true => Series::new("", made.points().to_vec()),
            false => made,
        }
    };
    let all = courses.iter().take(MOST * 4).map(own);
    let panel = match form {
        Form::Stat => {
            let stat = Stat::new(title)
                .query(query)
                .unit(scaled.unit)
                .reduce(reduce.unwrap_or_default())
                .all_series(all);
            limits.into_iter().fold(stat, Stat::threshold).into()
        }
        _ => {
            let ends = (
                field.min.map(|min| min * scaled.factor),
                field.max.map(|max| max * scaled.factor),
            );
            let gauge = BarGauge::new(title)
                .query(query)
                .unit(scaled.unit)
                .range(ends.0, ends.1)
                .reduce(reduce.unwrap_or_default())
                .all_series(all);
            limits.into_iter().fold(gauge, BarGauge::threshold).into()
        }
    };
    vec![panel]
}

fn heatmap(shown: &Shown, title: &str, results: &Results, zone: &TimeZone) -> Panel {
    let (start, end, step) = seconds(results);
    let (scaled, title) = unit(&shown.panel.field, title);
    let bound = |course: &Course| {
        let written = course.labels.get("le").or(course.name.as_ref());
        written.and_then(|le| le.trim().parse::<f64>().ok())
    };
    let classic = results.courses.iter().filter_map(|course| {
        let points = course.points.clone();
        Some((bound(course)? * scaled.factor, points))
    });
    Heatmap::new(title)
        .query(results.queries.join(" · "))
        .unit(scaled.unit)
        .range(start, end, step)
        .zone(zone.clone())
        .classic(classic)
        .into()
}

/// Grafana's histogram counts how often values occur, in about thirty buckets of equal width.
fn histogram(shown: &Shown, title: &str, results: &Results) -> Panel {
    const BUCKETS: f64 = 30.0;
    let (scaled, title) = unit(&shown.panel.field, title);
    let histogram = Histogram::new(title)
        .query(results.queries.join(" · "))
        .unit(scaled.unit);
    if results
        .courses
        .iter()
        .all(|course| course.labels.contains_key("le"))
        && !results.courses.is_empty()
    {
        return histogram
            .all_series(
                results
                    .courses
                    .iter()
                    .map(|course| Series::labelled(course.labels.clone(), course.points.clone())),
            )
            .into();
    }
    let values: Vec<f64> = results
        .courses
        .iter()
        .flat_map(|course| &course.points)
        .map(|(_, value)| value * scaled.factor)
        .filter(|value| value.is_finite())
        .collect();
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.is_empty() {
        return histogram.into();
    }
    let width = match (highest - lowest) / BUCKETS {
        width if width > 0.0 && width.is_finite() => width,
        _ => 1.0,
    };
    let mut counts: BTreeMap<i64, f64> = BTreeMap::new();
    for value in values {
        *counts
            .entry(((value - lowest) / width).floor().min(BUCKETS - 1.0) as i64)
            .or_default() += 1.0;
    }
    let bucket = |(at, count): (i64, f64)| {
        Bucket::new(
            lowest + width * at as f64,
            lowest + width * (at + 1) as f64,
            count,
        )
    };
    histogram.native(counts.into_iter().map(bucket)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_for_series() {
        let points: Vec<(f64, f64)> = [4.0, 2.0, f64::NAN, 6.0, 3.0]
            .into_iter()
            .map(|value| (0.0, value))
            .collect();
        for (calc, wanted) in [
            ("first", 4.0),
            ("lastNotNull", 3.0),
            ("min", 2.0),
            ("max", 6.0),
            ("mean", 3.75),
            ("sum", 15.0),
            ("count", 4.0),
            ("range", 4.0),
            ("diff", -1.0),
            ("delta", 2.0 + 4.0 + 3.0),
            ("diffperc", -0.25),
            ("p95", 3.0),
        ] {
            assert!((reduced(&points, calc) - wanted).abs() < 1e-9, "{calc}");
        }
        assert!(reduced(&[], "max").is_nan());
    }
}
