//! A chart is described step by step, then drawn.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::{
    alt,
    error::ChartError,
    frame,
    kinds::Cells,
    markers::Marker,
    page::{Look, Page, looks},
    plot,
    scene::Scene,
    series::Series,
    sheet::Sheet,
    thresholds::Threshold,
    unit::Unit,
};

/// How a series is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// A line; with few series, a faint area below it.
    #[default]
    Line,
    /// A line over a filled area; areas lie over each other.
    Area,
    /// Areas on top of each other, the highest series at the bottom: the top edge is the total.
    Stacked,
    /// A value holds until the next one.
    Steps,
    /// A bar for each point, as wide as its step, on top of each other.
    Bars,
}

/// How values become heights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Axis {
    /// Evenly.
    #[default]
    Linear,
    /// By their powers of ten. Where there are zeros or negative values, as `Symlog`.
    Log,
    /// By their powers of ten on both sides of a linear part around zero.
    Symlog,
}

/// A chart of time series.
#[derive(Debug, Clone)]
pub struct Chart {
    pub(crate) title: String,
    pub(crate) query: String,
    pub(crate) unit: Option<Unit>,
    pub(crate) range: Option<(f64, f64, f64)>,
    pub(crate) zone: TimeZone,
    pub(crate) series: Vec<Series>,
    pub(crate) thresholds: Vec<Threshold>,
    pub(crate) markers: Vec<Marker>,
    pub(crate) look: Look,
    pub(crate) top: usize,
    pub(crate) shape: Shape,
    pub(crate) axis: Axis,
    /// What the axis of values shows at least.
    pub(crate) reach: (Option<f64>, Option<f64>),
    /// What lies behind the lines, in a heatmap.
    pub(crate) cells: Option<Arc<Cells>>,
}

looks!(Chart, "1600 × 800");

impl Chart {
    /// An empty chart with a title.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            query: String::new(),
            unit: None,
            range: None,
            zone: TimeZone::UTC,
            series: Vec::new(),
            thresholds: Vec::new(),
            markers: Vec::new(),
            look: Look::based(1600, 800),
            top: 8,
            shape: Shape::default(),
            axis: Axis::default(),
            reach: (None, None),
            cells: None,
        }
    }

    /// What was asked to get the data; shown below the title, and used to guess a unit that was not given.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    /// What the values are.
    #[must_use]
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = Some(unit);
        self
    }

    /// The range shown and the distance between points, in (Unix) seconds. Without it, the data's own.
    #[must_use]
    pub fn range(mut self, start: f64, end: f64, step: f64) -> Self {
        self.range = Some((start, end, step));
        self
    }

    /// The viewer's time zone; UTC if not given.
    #[must_use]
    pub fn zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    /// Adds a series.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Adds series.
    #[must_use]
    pub fn all_series(mut self, series: impl IntoIterator<Item = Series>) -> Self {
        self.series.extend(series);
        self
    }

    /// Adds a limit.
    #[must_use]
    pub fn threshold(mut self, threshold: Threshold) -> Self {
        self.thresholds.push(threshold);
        self
    }

    /// Adds an event.
    #[must_use]
    pub fn marker(mut self, marker: Marker) -> Self {
        self.markers.push(marker);
        self
    }

    /// How the series are drawn; as lines if not given.
    #[must_use]
    pub fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// How values become heights; evenly if not given.
    #[must_use]
    pub fn axis(mut self, axis: Axis) -> Self {
        self.axis = axis;
        self
    }

    /// Values the axis shows at least, as 0 and 100 for per cent: it ends there, unless there are values beyond.
    #[must_use]
    pub fn reach(mut self, low: Option<f64>, high: Option<f64>) -> Self {
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite() && value.abs() < 1e300);
        self.reach = (finite(low), finite(high));
        self
    }

    /// How many rows the legend may have, at most (1 to 12); 8 if not given. With more series than that, those with the
    /// highest maximum are named and the others dimmed; stacked, the others are one area.
    #[must_use]
    pub fn top(mut self, rows: usize) -> Self {
        self.top = rows.clamp(1, 12);
        self
    }

    /// The series added so far.
    pub fn shown(&self) -> &[Series] {
        &self.series
    }

    pub(crate) fn page(&self) -> Page {
        self.look.page()
    }

    /// Draws without encoding.
    pub(crate) fn draw_on(&self, page: &Page) -> Result<(Sheet, String), ChartError> {
        let scene = Scene::of(self, page);
        let mut sheet = page.sheet()?;
        frame::header(&mut sheet, &scene);
        plot::draw(&mut sheet.canvas, &scene)?;
        frame::around(&mut sheet, &scene);
        Ok((sheet, alt::text(&scene)))
    }
}
