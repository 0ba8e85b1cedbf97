//! otus-http
