//! Odd cases: no data, one point, far limits, crowded markers.

use jiff::tz::TimeZone;
use otus_charts::{Chart, Marker, Series, Shape, Theme, Threshold, Unit};

use crate::data::{self, START, wandering};

/// Charts nobody would ask for, and everybody gets some day.
pub(crate) fn charts() -> Vec<(&'static str, Chart)> {
    let hour = |title: &str| Chart::new(title).range(START, START + 3600.0, 10.0);
    let berlin = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
    let bytes = wandering(8, 1.3e9, 361, 10.0);
    let ratio: Vec<(f64, f64)> = wandering(9, 0.004, 361, 10.0)
        .into_iter()
        .map(|(t, v)| (t, if t > START + 2000.0 { v * 9.0 } else { v }))
        .collect();
    let close = [1000.0, 1040.0, 1200.0, 1420.0, 1425.0, 3590.0]
        .iter()
        .enumerate()
        .fold(data::easy(), |chart, (i, at)| {
            chart.marker(Marker::new(START + at, format!("deploy catalog v1.{i}.0")))
        });
    let nine = (0..9).fold(
        hour("Queue length by worker").unit(Unit::Count).top(10),
        |chart, i| {
            chart.series(Series::labelled(
                [("worker", format!("w-{i}"))],
                wandering(50 + i, 20.0 + 9.0 * i as f64, 361, 10.0),
            ))
        },
    );
    vec![
        ("hard", data::hard()),
        ("hard-light-berlin", data::hard().theme(Theme::Light).zone(berlin)),
        ("close-markers", close),
        ("nine", nine),
        ("area", data::easy().shape(Shape::Area)),
        (
            "bytes",
            hour("Resident memory")
                .query("process_resident_memory_bytes{job=\"api\"}")
                .series(Series::labelled(
                    [("job", "api"), ("instance", "10.0.0.1:9090")],
                    bytes,
                ))
                .threshold(Threshold::above(1.5 * 1024.0 * 1024.0 * 1024.0).label("limit")),
        ),
        (
            "ratio",
            hour("Error rate")
                .query("sum(rate(e_total[5m])) / sum(rate(r_total[5m]))")
                .series(Series::new("errors", ratio))
                .threshold(Threshold::above(0.01).label("objective")),
        ),
        (
            "no-data",
            hour("p95 latency of nothing")
                .query("up{job=\"nothing\"}")
                .marker(Marker::new(START + 600.0, "deploy api v1"))
                .threshold(Threshold::above(0.5))
                .unit(Unit::Seconds),
        ),
        ("no-data-bare", hour("Nothing at all")),
        (
            "one-point",
            hour("One point").series(Series::new("once", vec![(START + 1800.0, 42.0)])),
        ),
        (
            "flat-high",
            hour("Availability")
                .unit(Unit::Ratio)
                .series(Series::new(
                    "api",
                    wandering(5, 0.9991, 361, 10.0)
                        .into_iter()
                        .map(|(t, v)| (t, 0.999 + (v - 0.9991) * 0.004))
                        .collect(),
                ))
                .threshold(Threshold::below(0.999).label("objective")),
        ),
        (
            "far-threshold",
            hour("Far from its limit")
                .unit(Unit::Seconds)
                .series(Series::new("api", wandering(6, 0.02, 361, 10.0)))
                .threshold(Threshold::above(5.0)),
        ),
        (
            "negative",
            hour("Temperature").series(Series::new(
                "freezer",
                wandering(7, 10.0, 361, 10.0)
                    .into_iter()
                    .map(|(t, v)| (t, (v - 10.0) * 20.0))
                    .collect(),
            )),
        ),
        ("small", data::easy().size(800, 400)),
        (
            "week",
            Chart::new("A week")
                .range(START, START + 7.0 * 86_400.0, 600.0)
                .series(Series::new("logins", wandering(11, 300.0, 1008, 600.0)))
                .zone(TimeZone::get("America/New_York").unwrap_or(TimeZone::UTC)),
        ),
    ]
}
