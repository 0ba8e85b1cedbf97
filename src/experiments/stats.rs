//! Counts, shares with intervals, and histograms that can be merged: what runs come to when there are many of them. Whoever
//! sends them and whoever shows them use the same.

mod histogram;
mod share;
mod summary;

pub use histogram::Histogram;
pub use share::Share;
pub use summary::{CandidateStats, ControlStats, Counts, ExperimentStats, SAMPLES, SampleRecord};
