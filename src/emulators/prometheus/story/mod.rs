//! Purpose: the numbers behind the demo: services under a daily load, and what deploys do to them.
//!
//! A story is simulated in scrapes. Its past is made at once, coarser the older it is, and its present is caught up whenever
//! somebody looks. All noise comes from a fixed seed and the time, so the same story always tells the same numbers.
//!
//! Metrics, each with `service` and `environment`: `http_requests_total{code}`, `http_request_duration_seconds` (a histogram),
//! `container_cpu_usage_seconds_total{pod}`, `container_memory_working_set_bytes{pod}`, `app_info{version}`,
//! `app_deploy_timestamp_seconds{version}`, `up{job,instance}`; and for each environment the business's
//! `signups_total` and `orders_total`.

mod noise;
mod service;

use super::tsdb::{SeriesId, Tsdb};
use jiff::{SignedDuration, Timestamp};
use noise::Noise;
use service::Service;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often the story is scraped.
pub const SCRAPE: SignedDuration = SignedDuration::from_secs(15);

const SCRAPE_MS: i64 = 15_000;
const HOUR_MS: i64 = 3_600_000;

/// How far back the past goes, and how coarse it is: (hours ago, spacing in ms), oldest first. Any range a graph usually
/// asks for has at least two samples in its `$__rate_interval`.
const PAST: [(i64, i64); 3] = [(8 * 24, 120_000), (48, 60_000), (6, SCRAPE_MS)];

/// What a deploy does to its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It cures whatever was wrong.
    Good,
    /// Requests take longer and longer, up to nine times as long.
    Slow,
    /// Four in a hundred requests fail, and orders fall with them.
    Errors,
}

/// A story. Clones tell the same one.
#[derive(Debug, Clone)]
pub struct Story {
    world: Arc<Mutex<World>>,
}

#[derive(Debug)]
struct World {
    data: Tsdb,
    services: Vec<Service>,
    markets: Vec<Market>,
    now_ms: i64,
    /// Whether the present is caught up when somebody looks.
    live: bool,
}

/// The business numbers of one environment.
#[derive(Debug)]
struct Market {
    environment: String,
    weight: f64,
    signups: (SeriesId, f64),
    orders: (SeriesId, f64),
    /// Of sign-ups, of orders.
    noise: [Noise; 2],
}

impl Story {
    /// Services in environments, with eight days of past before `now`. The first environment named has the people's load,
    /// `staging` and the like have a twentieth of it.
    #[must_use]
    pub fn new(seed: u64, services: &[&str], environments: &[&str], now: Timestamp) -> Self {
        Self::with_past(
            seed,
            services,
            environments,
            now,
            SignedDuration::from_hours(PAST[0].0),
        )
    }

    /// The same with a shorter past, for tests.
    #[must_use]
    pub fn with_past(
        seed: u64,
        services: &[&str],
        environments: &[&str],
        now: Timestamp,
        past: SignedDuration,
    ) -> Self {
        let mut data = Tsdb::default();
        let pairs = environments
            .iter()
            .flat_map(|environment| services.iter().map(move |service| (*service, *environment)));
        let services: Vec<_> = pairs
            .map(|(service, environment)| Service::new(seed, &mut data, service, environment))
            .collect();
        let market = |environment: &&str| Market {
            environment: (*environment).to_owned(),
            weight: service::weight(environment),
            signups: (data.series("signups_total", &[("environment", environment)]), 0.0),
            orders: (data.series("orders_total", &[("environment", environment)]), 0.0),
            noise: ["signups", "orders"].map(|what| Noise::new(seed, &format!("{what}/{environment}"))),
        };
        let markets = environments.iter().map(market).collect();
        let end = now.as_millisecond().div_euclid(SCRAPE_MS) * SCRAPE_MS;
        let mut world = World {
            data,
            services,
            markets,
            now_ms: 0,
            live: false,
        };
        world.remember(end, i64::try_from(past.as_millis()).unwrap_or(HOUR_MS));
        world.live = true;
        Self {
            world: Arc::new(Mutex::new(world)),
        }
    }

    /// From now on this version serves. Answers whether the story has such a service.
    pub fn deploy(&self, service: &str, environment: &str, version: &str, effect: Effect) -> bool {
        self.deploy_at(Timestamp::now(), service, environment, version, effect)
    }

    /// The same at a given time, which must not be before what was already told.
    pub fn deploy_at(
        &self,
        at: Timestamp,
        service: &str,
        environment: &str,
        version: &str,
        effect: Effect,
    ) -> bool {
        let mut world = self.lock();
        world.advance(at.as_millisecond());
        let World { services, data, .. } = &mut *world;
        let found = services
            .iter_mut()
            .find(|known| known.name == service && known.environment == environment);
        if let Some(service) = found {
            service.deploy(data, at.as_millisecond(), version, effect);
            return true;
        }
        false
    }

    /// Time stands still: only [`advance`](Self::advance) and [`deploy_at`](Self::deploy_at) go on telling. For tests that
    /// ask about a fixed time.
    #[must_use]
    pub fn frozen(self) -> Self {
        self.lock().live = false;
        self
    }

    /// Scrapes until this time.
    pub fn advance(&self, until: Timestamp) {
        self.lock().advance(until.as_millisecond());
    }

    /// Everything told from a time on as OpenMetrics text, to fill a real Prometheus with the same data
    /// (`promtool tsdb create-blocks-from openmetrics`).
    #[must_use]
    pub fn openmetrics(&self, from: Timestamp) -> String {
        self.lock().data.openmetrics(
            from.as_millisecond(),
            &FAMILIES.map(|(name, kind, _)| (name, kind)),
        )
    }

    pub(super) fn read<T>(&self, until: Timestamp, look: impl FnOnce(&Tsdb) -> T) -> T {
        let mut world = self.lock();
        if world.live {
            world.advance(until.as_millisecond());
        }
        look(&world.data)
    }

    /// A panic elsewhere leaves at worst one scrape half written, which a graph survives.
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every metric family: name (without `_total`), type, help.
pub(super) const FAMILIES: [(&str, &str, &str); 9] = [
    ("http_requests", "counter", "Requests answered."),
    (
        "http_request_duration_seconds",
        "histogram",
        "How long requests took.",
    ),
    ("container_cpu_usage_seconds", "counter", "CPU time used."),
    ("container_memory_working_set_bytes", "gauge", "Memory in use."),
    ("app_info", "gauge", "The version that serves."),
    (
        "app_deploy_timestamp_seconds",
        "gauge",
        "When the version that serves was deployed.",
    ),
    ("up", "gauge", "Whether the target could be scraped."),
    ("signups", "counter", "People who signed up."),
    ("orders", "counter", "Orders placed."),
];

impl World {
    /// Makes the past.
    fn remember(&mut self, end_ms: i64, past_ms: i64) {
        self.now_ms = end_ms - past_ms;
        for (index, (hours, spacing)) in PAST.iter().enumerate() {
            let until = end_ms - PAST.get(index + 1).map_or(0, |(hours, _)| hours * HOUR_MS);
            self.now_ms = self.now_ms.max(end_ms - hours * HOUR_MS);
            while self.now_ms + spacing <= until {
                self.scrape(*spacing);
            }
        }
    }

    fn advance(&mut self, until_ms: i64) {
        // A laptop that slept for a week must not simulate the week.
        let oldest = until_ms - 24 * HOUR_MS;
        if self.now_ms < oldest {
            self.now_ms = oldest.div_euclid(SCRAPE_MS) * SCRAPE_MS;
        }
        let before = self.now_ms;
        while self.now_ms + SCRAPE_MS <= until_ms {
            self.scrape(SCRAPE_MS);
        }
        let day = |ms: i64| ms.div_euclid(24 * HOUR_MS);
        if self.live && day(before) != day(self.now_ms) {
            self.data.forget_before(self.now_ms - (PAST[0].0 + 24) * HOUR_MS);
        }
    }

    /// One scrape, `spacing` after the last.
    fn scrape(&mut self, spacing: i64) {
        self.now_ms += spacing;
        let at = self.now_ms;
        #[expect(clippy::cast_precision_loss, reason = "a spacing is some minutes")]
        let elapsed = spacing as f64 / 1_000.0;
        for service in &mut self.services {
            service.scrape(&mut self.data, at, elapsed);
        }
        for market in &mut self.markets {
            // Whoever meets an error does not order.
            let failing = self
                .services
                .iter()
                .filter(|service| service.environment == market.environment);
            let lost = failing.map(Service::lost_business).fold(0.0, f64::max);
            let day = noise::day(at);
            let [more_signups, more_orders] = [0, 1].map(|what| 1.0 + 0.15 * market.noise[what].at(at));
            let (signups, orders) = (&mut market.signups, &mut market.orders);
            signups.1 += elapsed * market.weight * 0.3 * day * more_signups;
            orders.1 += elapsed * market.weight * 0.9 * day * more_orders * (1.0 - lost);
            self.data.push(signups.0, at, signups.1.floor());
            self.data.push(orders.0, at, orders.1.floor());
        }
    }
}

#[cfg(test)]
mod tests;
