//! Purpose: data in, PNG out.
//!
//! A picture for a chat: readable in a preview, complete without a mouse. It names its query, range, step and zone,
//! marks thresholds and events, shows gaps as gaps, and lists last, lowest, highest and mean of every series. Each comes
//! with words for who cannot see it. It knows no chat and no data source. All kinds are shown in `docs/gallery.md`.
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
//! # What there is
//!
//! | kind | what it shows | data |
//! |---|---|---|
//! | [`Chart`] | time series: [`Shape::Line`], [`Shape::Area`], [`Shape::Stacked`], [`Shape::Steps`], [`Shape::Bars`]; [`Axis::Linear`], [`Axis::Log`], [`Axis::Symlog`] | [`Series`] |
//! | [`Stat`] | big numbers with their course, coloured by [`Threshold`] | [`Series`] by [`Reduce`], or numbers |
//! | [`BarGauge`] | a bar for each value, limits marked | the same |
//! | [`Table`] | columns of words and numbers that line up | [`TableColumn`], [`Cell`] |
//! | [`Heatmap`] | a distribution over time, its median and 95th percentile | classic buckets (`le`), or [`Bucket`]s of a native histogram |
//! | [`Histogram`] | a distribution, its percentiles | the same |
//! | [`Grid`] | several of these in one picture | [`Panel`], made `from` any kind |
//!
//! All have `theme` ([`Theme`]), `size`, `density` (HiDPI) and `render`, which gives a [`Picture`].
//!
//! - The same time last week: [`Series::earlier`], and [`Series::moved`] for points not yet at the chart's times.
//! - Limits: [`Threshold::above`], [`Threshold::below`], [`Threshold::between`], each with a [`Level`]; their bands end where
//!   the next begins.
//! - Events: [`Marker`]; one that lasts, [`Marker::until`]; an alert, [`Marker::level`]. On an alert's graph, what does not
//!   fire is [`Series::dimmed`].
//! - Units: [`Unit::guess`] from a query, [`Unit::from_metadata`], or by name, ours or Grafana's (`parse`); money is
//!   [`Unit::Money`] of a [`Currency`].
//! - Time is that of a zone: [`Chart::zone`]. Ticks stay on its clock through every change of the clocks.
//!
//! # How it works
//!
//! A picture is decided (`scene`), laid out (`layout`), and drawn: the inside of plots by plotters (`plot`) through our
//! anti-aliased `backend`, what surrounds them by ourselves (`frame`). Every text written is remembered with its place
//! (`sheet`); property tests hold that none leaves the picture or meets another, whatever the input.

mod alt;
mod backend;
mod chart;
mod decimate;
mod error;
mod frame;
mod kinds;
mod layout;
mod legend;
mod markers;
mod naming;
mod page;
mod plot;
mod png;
#[cfg(test)]
mod properties;
mod scene;
mod series;
mod sheet;
mod stack;
mod text;
mod theme;
mod thresholds;
mod ticks;
mod unit;
mod words;

pub use chart::{Axis, Chart, Shape};
pub use error::ChartError;
pub use kinds::{BarGauge, Bucket, Cell, Grid, Heatmap, Histogram, Panel, Reduce, Stat, Table, TableColumn};
pub use markers::Marker;
pub use page::Picture;
pub use series::Series;
pub use theme::{Rgb, Theme};
pub use thresholds::{Level, Threshold};
pub use unit::{Currency, Unit, UnknownUnit};
