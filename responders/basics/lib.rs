//! otus-responder-basics
