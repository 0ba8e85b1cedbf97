//! Any kind of picture.

use crate::{
    chart::Chart,
    error::ChartError,
    page::{Page, Picture},
    sheet::Sheet,
    theme::Theme,
};

use super::{BarGauge, Heatmap, Histogram, Stat, Table};

/// A picture of any kind, alone or in a [`Grid`](super::Grid).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Panel {
    /// Time series.
    Chart(Chart),
    /// Big numbers.
    Stat(Stat),
    /// A bar for each value.
    BarGauge(BarGauge),
    /// A table.
    Table(Table),
    /// A distribution over time.
    Heatmap(Heatmap),
    /// A distribution.
    Histogram(Histogram),
}

macro_rules! each {
    ($self:expr, $one:ident => $do:expr) => {
        match $self {
            Panel::Chart($one) => $do,
            Panel::Stat($one) => $do,
            Panel::BarGauge($one) => $do,
            Panel::Table($one) => $do,
            Panel::Heatmap($one) => $do,
            Panel::Histogram($one) => $do,
        }
    };
}

macro_rules! from {
    ($($kind:ident),*) => {
        $(impl From<$kind> for Panel {
            fn from(panel: $kind) -> Self {
                Self::$kind(panel)
            }
        })*
    };
}
from!(Chart, Stat, BarGauge, Table, Heatmap, Histogram);

impl Panel {
    /// Dark (the default) or light.
    #[must_use]
    pub fn theme(self, theme: Theme) -> Self {
        each!(self, one => one.theme(theme).into())
    }

    /// Draws it alone.
    ///
    /// # Errors
    ///
    /// When the picture cannot be allocated, drawn or encoded. No data is no error: the picture says so.
    pub fn render(&self) -> Result<Picture, ChartError> {
        each!(self, one => one.render())
    }

    pub(crate) fn draw_on(&self, page: &Page) -> Result<(Sheet, String), ChartError> {
        each!(self, one => one.draw_on(page))
    }

    #[cfg(test)]
    pub(crate) fn page(&self) -> Page {
        each!(self, one => one.page())
    }

    /// How high it is as one panel among others, at full size.
    pub(super) fn height(&self) -> f32 {
        match self {
            Self::Chart(_) | Self::Heatmap(_) | Self::Histogram(_) => 500.0,
            Self::Stat(stat) => stat.part_height(),
            Self::BarGauge(gauge) => gauge.part_height(),
            Self::Table(table) => table.part_height(),
        }
    }
}
