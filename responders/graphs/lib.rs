//! otus-responder-graphs
