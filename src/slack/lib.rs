//! otus-slack
