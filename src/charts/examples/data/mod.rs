//! Fixed data with a story, for examples, golden pictures and benches: no randomness but a fixed generator.

#![allow(dead_code, reason = "each user takes its part")]

use otus_charts::{
    Axis, BarGauge, Bucket, Cell, Chart, Currency, Grid, Heatmap, Histogram, Level, Marker, Series, Shape,
    Stat, Table, TableColumn, Threshold, Unit,
};

/// Thursday 5 November 2026, 10:00 UTC.
pub(crate) const START: f64 = 1_793_872_800.0;

/// A small generator: the same numbers everywhere, for ever.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From −1 to 1.
    pub(crate) fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// A value that wanders around `base`, every `step` seconds.
pub(crate) fn wandering(seed: u64, base: f64, count: usize, step: f64) -> Vec<(f64, f64)> {
    let mut noise = Noise::new(seed);
    let mut drift = 0.0;
    (0..count)
        .map(|i| {
            drift = drift * 0.96 + noise.next() * 0.035;
            (
                START + i as f64 * step,
                base * (1.0 + drift + noise.next() * 0.015),
            )
        })
        .collect()
}

fn labelled(service: &str, points: Vec<(f64, f64)>) -> Series {
    Series::labelled([("service", service), ("quantile", "0.95")], points)
}

/// How far an incident of the deploy at 10:35 has gone, 0 to 1.
fn incident(t: f64) -> f64 {
    let minute = (t - START) / 60.0;
    let up = 1.0 - (-(minute - 36.3).max(0.0) / 2.4).exp();
    let down = if minute > 51.9 {
        (-(minute - 51.9) / 1.2).exp()
    } else {
        1.0
    };
    up * down
}

/// Four services over an hour: a deploy makes two of them slow, the next deploy mends it, one is not scraped for a while.
pub(crate) fn easy() -> Chart {
    let (count, step) = (361, 10.0);
    let mut noise = Noise::new(77);
    let checkout = wandering(1, 0.178, count, step)
        .into_iter()
        .map(|(t, v)| (t, v + incident(t) * (0.76 + noise.next() * 0.13)))
        .collect();
    let payments = wandering(3, 0.236, count, step)
        .into_iter()
        .map(|(t, v)| (t, v + incident(t) * (0.36 + noise.next() * 0.05)))
        .collect();
    let search = wandering(4, 0.071, count, step)
        .into_iter()
        .map(|(t, v)| {
            (
                t,
                if (1200.0..1400.0).contains(&(t - START)) {
                    f64::NAN
                } else {
                    v
                },
            )
        })
        .collect();
    Chart::new("API p95 latency by service")
        .query(
            "histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket[5m])))",
        )
        .unit(Unit::Seconds)
        .range(START, START + 3600.0, 10.0)
        .series(labelled("checkout", checkout))
        .series(labelled("catalog", wandering(2, 0.11, count, step)))
        .series(labelled("payments", payments))
        .series(labelled("search", search))
        .threshold(Threshold::above(0.5))
        .marker(Marker::new(START + 2148.0, "deploy checkout v2.41.0"))
        .marker(Marker::new(START + 3108.0, "deploy checkout v2.40.3"))
}

/// Twenty series of 11,000 points over two days.
pub(crate) fn hard() -> Chart {
    let step = 15.0;
    let series = (0..20).map(|i| {
        let base = 40.0 + 23.0 * ((i * 7) % 20) as f64;
        let points = wandering(100 + i, base, 11_000, step)
            .into_iter()
            .map(|(t, v)| (t, v * (1.0 + 0.3 * ((t - START) / 13_000.0 + i as f64).sin())))
            .collect();
        Series::labelled(
            [
                ("pod", format!("api-7c9d{i:02}")),
                ("namespace", "shop".to_owned()),
            ],
            points,
        )
    });
    Chart::new("Requests per second by pod")
        .query("sum by (pod) (rate(http_requests_total{namespace=\"shop\"}[1m]))")
        .range(START, START + 11_000.0 * step, step)
        .all_series(series)
}

/// Requests by response class, on top of each other, against last week's sum.
pub(crate) fn stacked() -> Chart {
    let class = |class: &str, points: Vec<(f64, f64)>| Series::labelled([("code", class)], points);
    let ok = wandering(31, 420.0, 361, 10.0);
    let errors: Vec<(f64, f64)> = wandering(32, 12.0, 361, 10.0)
        .into_iter()
        .map(|(t, v)| (t, v + incident(t) * 90.0))
        .collect();
    let before = ok.iter().map(|(t, v)| (t - 604_800.0, v * 0.93)).collect();
    Chart::new("Requests by status")
        .query("sum by (code) (rate(http_requests_total{service=\"checkout\"}[1m]))")
        .range(START, START + 3600.0, 10.0)
        .shape(Shape::Stacked)
        .series(class("2xx", ok))
        .series(class("3xx", wandering(33, 80.0, 361, 10.0)))
        .series(class("4xx", wandering(34, 35.0, 361, 10.0)))
        .series(class("5xx", errors))
        .series(class("2xx", before).moved(604_800.0).earlier("last week"))
        .marker(Marker::new(START + 2148.0, "deploy checkout v2.41.0"))
        .marker(Marker::new(START + 3108.0, "deploy checkout v2.40.3"))
}

/// A line, and the same a week before.
pub(crate) fn last_week() -> Chart {
    let service = |name: &str, seed, base: f64, shift: f64| {
        let points = wandering(seed, base, 289, 300.0)
            .into_iter()
            .map(|(t, v)| {
                (
                    t,
                    v * (1.0 + 0.6 * ((t - START) / 86_400.0 * std::f64::consts::TAU - shift).sin()),
                )
            })
            .collect();
        Series::labelled([("service", name)], points)
    };
    Chart::new("Orders per minute")
        .query("sum by (service) (rate(orders_total[5m])) * 60")
        .range(START, START + 86_400.0, 300.0)
        .zone(jiff::tz::TimeZone::get("Europe/Berlin").unwrap_or(jiff::tz::TimeZone::UTC))
        .series(service("web", 41, 220.0, 0.2))
        .series(service("app", 42, 130.0, 0.4))
        .series(service("web", 43, 190.0, 0.25).earlier("last week"))
        .series(service("app", 44, 128.0, 0.38).earlier("last week"))
}

/// A state that holds until it changes, and a gap.
pub(crate) fn steps() -> Chart {
    let replicas = |changes: &[(usize, f64)]| -> Vec<(f64, f64)> {
        (0..361)
            .map(|i| {
                let now = changes
                    .iter()
                    .rev()
                    .find(|(from, _)| *from <= i)
                    .map_or(f64::NAN, |c| c.1);
                (START + i as f64 * 10.0, now)
            })
            .collect()
    };
    Chart::new("Replicas ready")
        .query("kube_deployment_status_replicas_ready")
        .unit(Unit::Count)
        .range(START, START + 3600.0, 10.0)
        .shape(Shape::Steps)
        .series(Series::labelled(
            [("deployment", "api")],
            replicas(&[
                (0, 6.0),
                (90, 5.0),
                (100, 6.0),
                (110, 5.0),
                (120, 6.0),
                (215, 9.0),
                (310, 6.0),
            ]),
        ))
        .series(Series::labelled(
            [("deployment", "worker")],
            replicas(&[(0, 3.0), (150, f64::NAN), (180, 3.0), (240, 2.0), (270, 3.0)]),
        ))
        .marker(Marker::new(START + 900.0, "deploy api v3.1.0"))
}

/// Five powers of ten, with zeros among them if wished.
pub(crate) fn log(zeros: bool) -> Chart {
    let queue = |name: &str, seed, base: f64, swing: f64| {
        let points = wandering(seed, 1.0, 361, 10.0)
            .into_iter()
            .map(|(t, v)| {
                let value = base * v * (swing * ((t - START) / 1200.0 + seed as f64).sin()).exp();
                (t, if zeros && value < base * 0.3 { 0.0 } else { value })
            })
            .collect();
        Series::labelled([("queue", name)], points)
    };
    Chart::new(if zeros {
        "Age of the oldest job"
    } else {
        "Time to run"
    })
    .unit(Unit::Seconds)
    .range(START, START + 3600.0, 10.0)
    .axis(Axis::Log)
    .series(queue("mail", 61, 0.02, 1.2))
    .series(queue("reports", 62, 30.0, 2.0))
    .series(queue("exports", 63, 900.0, 1.0))
    .threshold(Threshold::above(600.0))
}

/// Limits of several levels as bands.
pub(crate) fn bands() -> Chart {
    let points = wandering(71, 0.62, 361, 10.0)
        .into_iter()
        .map(|(t, v)| (t, (v + incident(t) * 0.24).min(0.99)))
        .collect();
    Chart::new("Disk used")
        .query("1 - node_filesystem_avail_bytes / node_filesystem_size_bytes")
        .unit(Unit::Ratio)
        .range(START, START + 3600.0, 10.0)
        .series(Series::labelled([("instance", "db-1")], points))
        .threshold(Threshold::above(0.7).level(Level::Warning))
        .threshold(Threshold::above(0.85))
}

/// Money by the hour, as bars on top of each other.
pub(crate) fn money() -> Chart {
    let shop = |name: &str, seed, base: f64| {
        let points = wandering(seed, base, 48, 3600.0)
            .into_iter()
            .map(|(t, v)| {
                (
                    t,
                    v * (1.0 + 0.7 * ((t - START) / 86_400.0 * std::f64::consts::TAU).sin()),
                )
            })
            .collect();
        Series::labelled([("shop", name)], points)
    };
    Chart::new("Turnover per hour")
        .query("sum by (shop) (increase(orders_eur_total[1h]))")
        .unit(Unit::Money(Currency::EUR))
        .range(START, START + 47.0 * 3600.0, 3600.0)
        .zone(jiff::tz::TimeZone::get("Europe/Berlin").unwrap_or(jiff::tz::TimeZone::UTC))
        .shape(Shape::Bars)
        .series(shop("de", 81, 5200.0))
        .series(shop("fr", 82, 3100.0))
        .series(shop("nl", 83, 900.0))
}

/// The night the clocks go back in Berlin: 02:00 comes twice.
pub(crate) fn clocks() -> Chart {
    let from = 1_792_875_600.0;
    let points = wandering(91, 900.0, 361, 90.0)
        .into_iter()
        .map(|(t, v)| (t - START + from, v))
        .collect();
    Chart::new("The night the clocks go back")
        .range(from, from + 9.0 * 3600.0, 90.0)
        .zone(jiff::tz::TimeZone::get("Europe/Berlin").unwrap_or(jiff::tz::TimeZone::UTC))
        .unit(Unit::PerSecond)
        .series(Series::new("requests", points))
}

/// More series than colours.
pub(crate) fn many() -> Chart {
    (0..12).fold(
        Chart::new("Queue length by worker")
            .unit(Unit::Count)
            .range(START, START + 3600.0, 10.0)
            .top(12),
        |chart, i| {
            chart.series(Series::labelled(
                [("worker", format!("w-{i}"))],
                wandering(50 + i, 20.0 + 14.0 * i as f64, 361, 10.0),
            ))
        },
    )
}

/// An alert's graph: who fires is strong, the others dim, and the alert lasts from its beginning to its end.
pub(crate) fn alert() -> Chart {
    let pods = (0..9).map(|i| {
        let points = wandering(200 + i, 0.12 + 0.012 * i as f64, 361, 10.0).into_iter();
        let points = points
            .map(|(t, v)| (t, if i == 4 { v + incident(t) * 0.5 } else { v }))
            .collect();
        let series = Series::labelled([("pod", format!("checkout-7f{i}"))], points);
        if i == 4 { series } else { series.dimmed() }
    });
    Chart::new("CheckoutSlow")
        .query("histogram_quantile(0.95, sum by (pod, le) (rate(http_request_duration_seconds_bucket[5m])))")
        .range(START, START + 3600.0, 10.0)
        .all_series(pods)
        .threshold(Threshold::above(0.4))
        .marker(Marker::new(START + 2148.0, "deploy checkout v2.41.0"))
        .marker(
            Marker::new(START + 2580.0, "alert CheckoutSlow")
                .until(START + 3230.0)
                .level(Level::Critical),
        )
        .marker(Marker::new(START + 3108.0, "deploy checkout v2.40.3"))
}

/// The share of observations up to a bound, of times around `middle` seconds that spread by `spread` powers of e.
fn up_to(bound: f64, middle: f64, spread: f64) -> f64 {
    1.0 / (1.0 + (-(bound / middle).ln() / spread * 1.7).exp())
}

/// Where the middle of the latencies is, at a moment.
fn middle(t: f64, noise: f64) -> f64 {
    0.085 * (1.0 + 0.15 * noise) + incident(t) * 0.42
}

/// A classic histogram over an hour: buckets by their upper bounds.
/// How often each bucket was hit a second, over an hour.
pub(crate) fn heatmap_series() -> Vec<Series> {
    const BOUNDS: [f64; 12] = [
        0.005,
        0.01,
        0.025,
        0.05,
        0.1,
        0.25,
        0.5,
        1.0,
        2.5,
        5.0,
        10.0,
        f64::INFINITY,
    ];
    let mut noise = Noise::new(5);
    let moments: Vec<(f64, f64, f64)> = (0..121)
        .map(|i| {
            let t = START + f64::from(i) * 30.0;
            (t, middle(t, noise.next()), 45.0 * (1.0 + 0.1 * noise.next()))
        })
        .collect();
    let series = BOUNDS.iter().map(|le| {
        let points = moments
            .iter()
            .map(|(t, middle, rate)| {
                let share = if le.is_finite() {
                    up_to(*le, *middle, 0.4)
                } else {
                    1.0
                };
                // Counted over a minute, and an observation is whole.
                (*t, (rate * share * 60.0).round() / 60.0)
            })
            .collect();
        Series::labelled([("le", le.to_string())], points)
    });
    series.collect()
}

pub(crate) fn heatmap() -> Heatmap {
    Heatmap::new("Latency of checkout")
        .query("sum by (le) (rate(http_request_duration_seconds_bucket{service=\"checkout\"}[1m]))")
        .range(START, START + 3600.0, 30.0)
        .all_series(heatmap_series())
        .marker(Marker::new(START + 2148.0, "deploy checkout v2.41.0"))
        .marker(Marker::new(START + 3108.0, "deploy checkout v2.40.3"))
        .threshold(Threshold::above(0.5))
}

/// The buckets of a native histogram of schema 2: four for each power of two.
fn native(middle: f64, spread: f64, count: f64) -> Vec<Bucket> {
    (-30..12)
        .map(|i| {
            let (low, high) = ((f64::from(i) / 4.0).exp2(), (f64::from(i + 1) / 4.0).exp2());
            let share = up_to(high, middle, spread) - up_to(low, middle, spread);
            Bucket::new(low, high, (share * count).round())
        })
        .filter(|b| b.count > 0.0)
        .collect()
}

/// The same as a native histogram, with its fine buckets.
pub(crate) fn native_heatmap() -> Heatmap {
    let mut noise = Noise::new(6);
    let moments = (0..181).map(|i| {
        let t = START + f64::from(i) * 20.0;
        (t, native(middle(t, noise.next()), 0.4, 9000.0))
    });
    Heatmap::new("Latency of checkout, native histogram")
        .query("sum (increase(http_request_duration_seconds{service=\"checkout\"}[1m]))")
        .range(START, START + 3600.0, 20.0)
        .native(moments)
        .marker(Marker::new(START + 2148.0, "deploy checkout v2.41.0"))
}

/// One distribution.
pub(crate) fn histogram_buckets() -> Vec<Bucket> {
    native(0.11, 0.5, 1_200_000.0)
}

pub(crate) fn histogram() -> Histogram {
    Histogram::new("Latency of checkout, 10:00–11:00 UTC")
        .query("sum (increase(http_request_duration_seconds{service=\"checkout\"}[1h]))")
        .native(histogram_buckets())
        .threshold(Threshold::above(0.5))
}

/// The same from classic buckets.
pub(crate) fn classic_histogram() -> Histogram {
    let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let counts = bounds.map(|le| (le, (up_to(le, 0.11, 0.5) * 48_000.0).round()));
    Histogram::new("Latency of checkout, classic buckets")
        .query("sum by (le) (increase(http_request_duration_seconds_bucket{service=\"checkout\"}[1h]))")
        .classic(counts.into_iter().chain([(f64::INFINITY, 48_000.0)]))
}

/// One big number.
pub(crate) fn stat() -> Stat {
    Stat::new("p95 latency of checkout")
        .unit(Unit::Seconds)
        .series(Series::new("checkout", wandering(1, 0.178, 361, 10.0)))
        .series(Series::new("checkout", wandering(12, 0.161, 361, 10.0)).earlier("last week"))
        .threshold(Threshold::above(0.5))
}

/// Several.
pub(crate) fn stat_series() -> Vec<Series> {
    let service = |name: &str, points| Series::labelled([("service", name)], points);
    let slow = wandering(13, 0.31, 361, 10.0)
        .into_iter()
        .map(|(t, v)| {
            (
                t,
                v + incident(t) * 0.1 + if t > START + 3200.0 { 0.3 } else { 0.0 },
            )
        })
        .collect();
    vec![
        service("checkout", slow),
        service("catalog", wandering(2, 0.11, 361, 10.0)),
        service("payments", wandering(3, 0.36, 361, 10.0)),
        service("search", wandering(4, 0.071, 361, 10.0)),
    ]
}

pub(crate) fn stats() -> Stat {
    Stat::new("p95 latency")
        .unit(Unit::Seconds)
        .all_series(stat_series())
        .threshold(Threshold::above(0.3).level(Level::Warning))
        .threshold(Threshold::above(0.5))
}

/// How full the disks are.
pub(crate) const DISKS: [(&str, f64); 5] = [
    ("db-1 /var/lib/postgresql", 0.91),
    ("db-2 /var/lib/postgresql", 0.74),
    ("web-1 /", 0.42),
    ("web-2 /", 0.39),
    ("ci-1 /var/lib/docker", 0.66),
];

pub(crate) fn gauge() -> BarGauge {
    DISKS
        .into_iter()
        .fold(
            BarGauge::new("Disk used").unit(Unit::Ratio),
            |gauge, (name, value)| gauge.value(name, value),
        )
        .threshold(Threshold::above(0.7).level(Level::Warning))
        .threshold(Threshold::above(0.85))
}

/// Services and their golden signals.
pub(crate) const SERVICES: [(&str, &str, f64, f64, f64, f64); 5] = [
    ("checkout", "v2.41.0", 412.0, 0.034, 0.612, 1.31e9),
    ("payments", "v1.18.2", 96.3, 0.002, 0.346, 8.2e8),
    ("catalog", "v7.0.1", 1240.0, 0.0004, 0.118, 2.4e9),
    ("search", "v3.3.0", 388.0, 0.0011, 0.071, 5.9e9),
    ("mail", "v0.9.4", 2.41, 0.0, 0.044, 1.2e8),
];

pub(crate) fn table() -> Table {
    let table = Table::new("Services in production")
        .column(TableColumn::text("service"))
        .column(TableColumn::text("release"))
        .column(TableColumn::number("requests", Unit::PerSecond))
        .column(TableColumn::number("errors", Unit::Ratio).threshold(Threshold::above(0.01)))
        .column(
            TableColumn::number("p95", Unit::Seconds)
                .threshold(Threshold::above(0.3).level(Level::Warning))
                .threshold(Threshold::above(0.5)),
        )
        .column(TableColumn::number("memory", Unit::Bytes));
    SERVICES.into_iter().fold(
        table,
        |table, (service, release, requests, errors, p95, memory)| {
            table.row([
                Cell::from(service),
                release.into(),
                requests.into(),
                errors.into(),
                p95.into(),
                memory.into(),
            ])
        },
    )
}

/// A service's key graphs in one picture.
pub(crate) fn grid() -> Grid {
    let ratio: Vec<(f64, f64)> = wandering(9, 0.003, 361, 10.0)
        .into_iter()
        .map(|(t, v)| (t, v * (1.0 + incident(t) * 9.0)))
        .collect();
    let memory = Chart::new("Memory")
        .unit(Unit::Bytes)
        .range(START, START + 3600.0, 10.0)
        .series(Series::labelled(
            [("pod", "checkout-5d")],
            wandering(21, 7.1e8, 361, 10.0),
        ))
        .series(Series::labelled(
            [("pod", "checkout-7f")],
            wandering(22, 6.4e8, 361, 10.0),
        ))
        .threshold(Threshold::above(1024.0 * 1024.0 * 1024.0).label("limit"));
    let errors = Chart::new("Error rate")
        .unit(Unit::Ratio)
        .range(START, START + 3600.0, 10.0)
        .series(Series::new("errors", ratio))
        .threshold(Threshold::above(0.01))
        .marker(Marker::new(START + 2148.0, "deploy v2.41.0"));
    Grid::new("checkout, before and after v2.41.0")
        .subtitle("Thu 5 Nov 2026, 10:00–11:00 UTC")
        .panel(easy())
        .panel(errors)
        .panel(memory)
        .panel(stats())
}

/// Panels of other kinds.
pub(crate) fn board() -> Grid {
    Grid::new("The shop at a glance")
        .subtitle("Thu 5 Nov 2026, 10:00–11:00 UTC")
        .panel(heatmap())
        .panel(classic_histogram())
        .panel(gauge())
        .panel(steps())
        .wide(table())
}
