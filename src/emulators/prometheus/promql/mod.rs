//! Purpose: a small PromQL, enough for graphs and alerts about web services, and honest about the rest.
//!
//! Known: selectors with all four matchers, ranges, `offset`; `rate`, `irate`, `increase`, the `…_over_time` family,
//! `histogram_quantile`, `abs`, `time`, `vector`; `sum`, `avg`, `min`, `max`, `count` with `by` and `without`; arithmetic,
//! comparison (with `bool`) and set operators between numbers and vectors, one to one, with `on` and `ignoring`. Everything
//! else is refused with a parse error that says that it is this emulator that does not know it.
//!
//! Values are those of Prometheus 2.x (windows closed at both ends, lookback of five minutes); a test compares them with
//! the real server's.

mod ast;
mod binary;
mod eval;
mod functions;
mod lexer;
mod parser;

pub(super) use ast::{Expr, Kind, Matcher};
pub(super) use eval::{Column, Steps, Value, evaluate};
pub(super) use lexer::duration;

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Error {
    /// It cannot be read.
    Parse {
        /// The byte to point at.
        at: usize,
        /// Why.
        message: String,
    },
    /// It cannot be computed.
    Execution(String),
}

impl Error {
    fn at(at: usize, message: impl Into<String>) -> Self {
        Self::Parse {
            at,
            message: message.into(),
        }
    }
}

/// Reads an expression.
pub(super) fn parse(query: &str) -> Result<Expr, Error> {
    parser::parse(query)
}

/// The error as Prometheus writes it: `1:5: parse error: unclosed left parenthesis`.
pub(super) fn describe(query: &str, at: usize, message: &str) -> String {
    let before = &query.as_bytes()[..at.min(query.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = at
        - before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |newline| newline + 1)
        + 1;
    format!("{line}:{column}: parse error: {message}")
}

#[cfg(test)]
mod tests;
