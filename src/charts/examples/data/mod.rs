//! Fixed data with a story, for examples, golden pictures and benches: no randomness but a fixed generator.

#![allow(dead_code, reason = "each user takes its part")]

use otus_charts::{Chart, Marker, Series, Threshold, Unit};

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
