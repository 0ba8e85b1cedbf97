//! otus-charts
