//! Purpose: asking Prometheus (and what speaks like it: Thanos, Mimir, VictoriaMetrics) for numbers.
//!
//! An engine that knows no chat. [`Prometheus`] asks, [`step`] decides how finely a range is asked and fills in
//! `$__interval` and its kin the way Grafana does, and [`threshold`] finds out what an alert's expression compares
//! with what, so that a graph can show the limit. [`gate`] judges a deploy by a query and a bound. [`alertmanager`] reads what
//! alerts say, and makes silences.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use otus_monitoring::{Prometheus, PrometheusConfig, step};
//!
//! let config = PrometheusConfig { url: Some("http://127.0.0.1:9090".into()), ..Default::default() };
//! let prometheus = Prometheus::new(&config)?;
//! let now = jiff::Timestamp::now();
//! let range = step::Rules::of(&config).plan(now - jiff::SignedDuration::from_hours(1), now)?;
//! let query = range.fill_in("sum(rate(http_requests_total[$__rate_interval]))");
//! let answer = prometheus.query_range(&query, &range).await?;
//! println!("{} series", answer.data.series().len());
//! # Ok(()) }
//! ```

pub mod alertmanager;
mod answer;
mod client;
mod config;
pub mod duration;
mod error;
pub mod gate;
pub mod grafana;
pub mod pagerduty;
pub mod step;
pub mod threshold;
mod variables;
mod wire;

pub use answer::{Answer, Build, Data, Labels, Metadata, Point, Sample, Series};
pub use client::Prometheus;
pub use config::PrometheusConfig;
pub use error::{Error, Position, Result, point_at};
