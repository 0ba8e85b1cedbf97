//! The configuration: what is built in, under the file, under the environment; read into types with every fault named by
//! file, line and key, and kept with where each value came from.
//!
//! The layers are merged by the `config` crate; `toml_layer` and `env_layer` are its sources. `read` turns the merged
//! values into types and goes on after a fault, so that all of them are told at once.

mod check;
mod env_layer;
mod fault;
mod load;
mod place;
mod read;
mod schema;
mod secrets;
mod settings;
mod show;
#[cfg(test)]
mod tests;
mod toml_layer;

pub use check::{demands, resources};
pub use fault::{Fault, Faults};
pub use load::{Loaded, Origin, load};
pub use place::Place;
pub use schema::schema;
pub use settings::{HttpConfig, LogConfig, LogFormat, OtlpConfig, Settings};

/// What is built in: every key with its default.
pub const DEFAULT: &str = include_str!("../../config/default.toml");
/// What the demo changes of it.
pub const DEMO: &str = include_str!("../../config/demo.toml");
