//! otus-kubernetes
