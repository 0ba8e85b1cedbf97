//! otus-monitoring
