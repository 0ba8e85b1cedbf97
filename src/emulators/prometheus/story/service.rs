//! Purpose: one service in one environment: its load, its latencies, its errors, its pods.

use super::{
    Effect,
    noise::{self, Noise},
};
use crate::prometheus::tsdb::{SeriesId, Tsdb};

/// The histogram's bounds, Prometheus' default ones.
const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Pods of a service.
const PODS: usize = 3;

const MEBIBYTE: f64 = 1_048_576.0;

/// Its nature: requests per second, median latency in seconds, and spread of the log-normal distribution.
#[derive(Debug)]
struct Nature {
    rate: f64,
    median: f64,
    sigma: f64,
}

#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) environment: String,
    nature: Nature,
    /// How bad the version is: latency × (1 + 8 × slow), share of failing requests.
    slow: Drift,
    errors: Drift,
    restarted_ms: Option<i64>,
    requests: [(SeriesId, f64); 2],
    buckets: Vec<(SeriesId, f64)>,
    sum: (SeriesId, f64),
    count: (SeriesId, f64),
    cpu: Vec<(SeriesId, f64)>,
    memory: Vec<SeriesId>,
    up: Vec<SeriesId>,
    version: Option<Version>,
    noise: Noises,
}

#[derive(Debug)]
struct Noises {
    rate: Noise,
    errors: Noise,
    median: Noise,
    cpu: Vec<Noise>,
    memory: Vec<Noise>,
}

/// The series of the version that serves.
#[derive(Debug)]
struct Version {
    info: SeriesId,
    deployed: SeriesId,
    at_ms: i64,
}

/// Something that moves towards a goal, the faster the further away it is.
#[derive(Debug, Clone, Copy)]
struct Drift {
    now: f64,
    goal: f64,
    time_constant: f64,
}

impl Drift {
    fn step(&mut self, elapsed: f64) {
        self.now += (self.goal - self.now) * (1.0 - (-elapsed / self.time_constant).exp());
    }
}

/// Of the people's load, an environment's share.
pub(super) fn weight(environment: &str) -> f64 {
    if environment.is_empty() || environment.starts_with("prod") {
        1.0
    } else {
        0.05
    }
}

impl Service {
    pub(super) fn new(seed: u64, data: &mut Tsdb, name: &str, environment: &str) -> Self {
        let labels = [("service", name), ("environment", environment)];
        let nature = match name {
            "checkout" => Nature {
                rate: 40.0,
                median: 0.11,
                sigma: 0.55,
            },
            "catalog" => Nature {
                rate: 120.0,
                median: 0.06,
                sigma: 0.45,
            },
            "payments" => Nature {
                rate: 25.0,
                median: 0.14,
                sigma: 0.5,
            },
            _ => {
                let own = |what: &str| noise::trait_of(seed, &format!("{what}/{name}"));
                Nature {
                    rate: 20.0 + 90.0 * own("rate"),
                    median: 0.04 + 0.1 * own("median"),
                    sigma: 0.4 + 0.2 * own("sigma"),
                }
            }
        };
        let mut with = |metric: &str, label: &str, value: &str| {
            (data.series(metric, &[labels[0], labels[1], (label, value)]), 0.0)
        };
        let bounds = BOUNDS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        let noise = |what: &str| Noise::new(seed, &format!("{what}/{name}/{environment}"));
        let pods: Vec<String> = (0..PODS).map(|pod| format!("{name}-{pod}")).collect();
        Self {
            name: name.to_owned(),
            environment: environment.to_owned(),
            nature,
            slow: Drift {
                now: 0.0,
                goal: 0.0,
                time_constant: 60.0,
            },
            errors: Drift {
                now: 0.001,
                goal: 0.001,
                time_constant: 45.0,
            },
            restarted_ms: None,
            requests: ["200", "500"].map(|code| with("http_requests_total", "code", code)),
            buckets: bounds
                .map(|bound| with("http_request_duration_seconds_bucket", "le", &bound))
                .collect(),
            sum: with("http_request_duration_seconds_sum", "", ""),
            count: with("http_request_duration_seconds_count", "", ""),
            cpu: pods
                .iter()
                .map(|pod| with("container_cpu_usage_seconds_total", "pod", pod))
                .collect(),
            memory: pods
                .iter()
                .map(|pod| with("container_memory_working_set_bytes", "pod", pod).0)
                .collect(),
            up: pods
                .iter()
                .map(|pod| {
                    data.series(
                        "up",
                        &[
                            labels[0],
                            labels[1],
                            ("job", name),
                            ("instance", &format!("{pod}:8080")),
                        ],
                    )
                })
                .collect(),
            version: None,
            noise: Noises {
                rate: noise("rate"),
                errors: noise("errors"),
                median: noise("median"),
                cpu: pods.iter().map(|pod| noise(&format!("cpu/{pod}"))).collect(),
                memory: pods.iter().map(|pod| noise(&format!("memory/{pod}"))).collect(),
            },
        }
    }

    /// A new version serves: its goals are its effect, memory and caches start cold.
    pub(super) fn deploy(&mut self, data: &mut Tsdb, at_ms: i64, version: &str, effect: Effect) {
        self.slow.goal = if effect == Effect::Slow { 1.0 } else { 0.0 };
        self.errors.goal = if effect == Effect::Errors { 0.04 } else { 0.001 };
        self.restarted_ms = Some(at_ms);
        let labels = [
            ("service", &*self.name),
            ("environment", &*self.environment),
            ("version", version),
        ];
        self.version = Some(Version {
            info: data.series("app_info", &labels),
            deployed: data.series("app_deploy_timestamp_seconds", &labels),
            at_ms,
        });
    }

    /// The share of business that is lost to errors and waiting.
    pub(super) fn lost_business(&self) -> f64 {
        ((self.errors.now - 0.001) * 8.0 + self.slow.now * 0.25).clamp(0.0, 0.9)
    }

    pub(super) fn scrape(&mut self, data: &mut Tsdb, at_ms: i64, elapsed: f64) {
        self.slow.step(elapsed);
        self.errors.step(elapsed);
        let rate = self.nature.rate
            * weight(&self.environment)
            * noise::day(at_ms)
            * (1.0 + 0.1 * self.noise.rate.at(at_ms));
        let served = rate * elapsed;
        let errors = (self.errors.now * (1.0 + 0.3 * self.noise.errors.at(at_ms))).max(0.0);
        let mut add = |(series, total): &mut (SeriesId, f64), grown: f64, whole: bool| {
            *total += grown;
            data.push(*series, at_ms, if whole { total.floor() } else { *total });
        };
        add(&mut self.requests[0], served * (1.0 - errors), true);
        add(&mut self.requests[1], served * errors, true);
        let median =
            self.nature.median * (1.0 + 8.0 * self.slow.now) * (1.0 + 0.08 * self.noise.median.at(at_ms));
        let sigma = self.nature.sigma * (1.0 + 0.3 * self.slow.now);
        for (bucket, bound) in self
            .buckets
            .iter_mut()
            .zip(BOUNDS.into_iter().chain([f64::INFINITY]))
        {
            add(bucket, served * log_normal(bound, median, sigma), true);
        }
        add(
            &mut self.sum,
            served * median * (sigma * sigma / 2.0).exp(),
            false,
        );
        add(&mut self.count, served, true);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a handful of pods, and times that fit 53 bits"
        )]
        for pod in 0..PODS {
            let wobble = self.noise.cpu[pod].at(at_ms);
            // Waiting costs little CPU, so a slow version shows in latency first.
            let busy = 0.05 + rate / PODS as f64 * 0.004 * (1.0 + self.slow.now) * (1.0 + 0.15 * wobble);
            add(&mut self.cpu[pod], busy * elapsed, false);
        }
        #[expect(clippy::cast_precision_loss, reason = "times fit a float's 53 bits")]
        let warm = self.restarted_ms.map_or(1.0, |since| {
            1.0 - (-((at_ms - since).max(0) as f64) / 600_000.0).exp()
        });
        for pod in 0..PODS {
            let wobble = self.noise.memory[pod].at(at_ms);
            let memory = (140.0 + 120.0 * warm + 25.0 * wobble + rate * 0.2) * MEBIBYTE;
            data.push(self.memory[pod], at_ms, memory.floor());
            data.push(self.up[pod], at_ms, 1.0);
        }
        if let Some(version) = &self.version {
            data.push(version.info, at_ms, 1.0);
            #[expect(clippy::cast_precision_loss, reason = "times fit a float's 53 bits")]
            data.push(version.deployed, at_ms, (version.at_ms / 1_000) as f64);
        }
    }
}

/// The share of requests that take at most this long.
fn log_normal(bound: f64, median: f64, sigma: f64) -> f64 {
    if bound.is_infinite() {
        return 1.0;
    }
    normal_share((bound / median).ln() / sigma)
}

/// The normal distribution's share below `x`, by the logistic curve that is nearest to it (within 0.0002; smooth and rising,
/// which is all a story needs).
fn normal_share(x: f64) -> f64 {
    1.0 / (1.0 + (-(1.5976 * x + 0.070_565_992 * x.powi(3))).exp())
}
