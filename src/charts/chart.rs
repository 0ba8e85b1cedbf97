//! A chart is described step by step, then drawn.

use jiff::tz::TimeZone;

use crate::{
    alt, error::ChartError, frame, markers::Marker, plot, png, scene::Scene, series::Series, sheet::Sheet,
    theme::Theme, thresholds::Threshold, unit::Unit,
};

/// A picture, and the words for who cannot see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The PNG.
    pub png: Vec<u8>,
    /// What the picture says, in at most 1000 characters.
    pub alt: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
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
    pub(crate) theme: Theme,
    pub(crate) size: (u32, u32),
    pub(crate) top: usize,
}

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
            theme: Theme::default(),
            size: (1600, 800),
            top: 8,
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

    /// Dark (the default) or light.
    #[must_use]
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }

    /// The picture's size in pixels, 1600 × 800 if not given; kept between 640 × 320 and 4096 × 4096.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width.clamp(640, 4096), height.clamp(320, 4096));
        self
    }

    /// How many rows the legend may have, at most (1 to 12); 8 if not given. With more series than that, those with the
    /// highest maximum are named and the others dimmed.
    #[must_use]
    pub fn top(mut self, rows: usize) -> Self {
        self.top = rows.clamp(1, 12);
        self
    }

    /// Draws it.
    ///
    /// # Errors
    ///
    /// When the picture cannot be allocated, drawn or encoded. No data is no error: the picture says so.
    pub fn render(&self) -> Result<Picture, ChartError> {
        let (sheet, alt) = self.draw()?;
        let (width, height) = self.size;
        Ok(Picture {
            png: png::encode(sheet.canvas.data(), width, height)?,
            alt,
            width,
            height,
        })
    }

    #[cfg(test)]
    pub(crate) fn pixels(&self) -> (u32, u32) {
        self.size
    }

    /// Draws without encoding.
    pub(crate) fn draw(&self) -> Result<(Sheet, String), ChartError> {
        let scene = Scene::of(self);
        let canvas = crate::backend::Canvas::new(self.size.0, self.size.1, scene.colors.ground)
            .ok_or(ChartError::Size(self.size.0, self.size.1))?;
        let mut sheet = Sheet {
            canvas,
            written: Vec::new(),
        };
        frame::header(&mut sheet, &scene);
        plot::draw(&mut sheet.canvas, &scene)?;
        frame::around(&mut sheet, &scene);
        Ok((sheet, alt::text(&scene)))
    }
}
