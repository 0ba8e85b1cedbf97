//! otus-macros
