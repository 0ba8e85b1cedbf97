//! Purpose: real servers, as Debian packages them, started in temporary folders on free loopback ports, for tests.
//!
//! A missing one is an error that says what to install, never a test that quietly passes.

mod alertmanager;
mod postgres;
mod process;
mod prometheus;
mod registry;
mod unleash;

pub use alertmanager::RealAlertmanager;
pub use postgres::RealPostgres;
pub use prometheus::RealPrometheus;
pub use registry::RealRegistry;
pub use unleash::RealUnleash;
