//! What the store promises, held against it.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly in its helpers too")]

mod conformance;
mod cut;
mod file;
mod flags;
mod kill;
mod left;
mod model;
mod opening;
mod replicas;
mod restart;
mod rules;
mod samples;
mod servers;
mod tampering;
