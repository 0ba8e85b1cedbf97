//! What the store promises, held against it.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly in its helpers too")]

mod conformance;
mod file;
mod rules;
mod samples;
mod servers;
