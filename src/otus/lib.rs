//! otus
