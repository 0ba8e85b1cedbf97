//! otus-core
