//! The kinds of pictures beside time series, and several of them in one.

mod bars;
mod buckets;
mod grid;
mod head;
mod heatmap;
mod histogram;
mod panel;
mod reduce;
mod stat;
mod table;

pub use bars::BarGauge;
pub use buckets::Bucket;
pub use grid::Grid;
pub use heatmap::Heatmap;
pub(crate) use heatmap::{Block, Cells, LEVELS};
pub use histogram::Histogram;
pub use panel::Panel;
pub use reduce::Reduce;
pub use stat::Stat;
pub use table::{Cell, Table, TableColumn};
