//! otus-store
