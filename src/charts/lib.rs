//! Purpose: time series in, PNG out.
//!
//! A picture for a chat: readable in a preview, complete without a mouse. It names its query, range, step and zone,
//! marks thresholds and events, shows gaps as gaps, and lists last, lowest, highest and mean of every series. It knows
//! no chat and no data source.
//!
//! ```
//! use otus_charts::{Chart, Marker, Series, Threshold, Unit};
//!
//! let points = (0..60).map(|i| (1_793_872_800.0 + f64::from(i) * 60.0, f64::from(i % 7) / 10.0)).collect();
//! let picture = Chart::new("API p95 latency")
//!     .query("histogram_quantile(0.95, …)")
//!     .unit(Unit::Seconds)
//!     .range(1_793_872_800.0, 1_793_876_400.0, 60.0)
//!     .series(Series::labelled([("service", "checkout")], points))
//!     .threshold(Threshold::above(0.5))
//!     .marker(Marker::new(1_793_874_600.0, "deploy checkout v2.41.0"))
//!     .render()?;
//! assert!(picture.png.starts_with(b"\x89PNG"));
//! assert!(picture.alt.starts_with("API p95 latency"));
//! # Ok::<(), otus_charts::ChartError>(())
//! ```
//!
//! Rendering is work for a CPU: from async code, call it on a thread that may block.
//!
//! The chart is laid out by us (`layout`), its series are drawn by plotters through our anti-aliased `backend`.

mod alt;
mod backend;
mod chart;
mod decimate;
mod error;
mod frame;
mod layout;
mod legend;
mod markers;
mod naming;
mod plot;
mod png;
#[cfg(test)]
mod properties;
mod scene;
mod series;
mod sheet;
mod text;
mod theme;
mod thresholds;
mod ticks;
mod unit;
mod words;

pub use chart::{Chart, Picture};
pub use error::ChartError;
pub use markers::Marker;
pub use series::Series;
pub use theme::{Rgb, Theme};
pub use thresholds::Threshold;
pub use unit::{Unit, UnknownUnit};
