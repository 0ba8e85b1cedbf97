//! Purpose: what comes in over HTTP, and how the process says how it is.
//!
//! One [`Server`] takes a bound listener, the routes other crates bring (webhooks, commands), and serves beside them:
//!
//! | path | answers |
//! |---|---|
//! | `/healthz` | 200 as long as the process lives: for a supervisor that restarts it |
//! | `/readyz` | 200 or 503 with every check and what is wrong: for a load balancer, and for a person |
//! | `/metrics` | the metrics in Prometheus' text format |
//!
//! Everything else that nobody serves is a 404 in JSON. No body is larger than the limit. A stop lets open requests end,
//! for a bounded time.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use otus_http::{Check, Server, metrics};
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! let stop = tokio_util::sync::CancellationToken::new();
//! Server::new(listener)
//!     .metrics(metrics::install())
//!     .readiness(|| async { vec![Check::ok("store"), Check::failed("slack", "no socket is open")] })
//!     .run(stop)
//!     .await?;
//! # Ok(()) }
//! ```

pub mod metrics;
mod ready;
mod server;

pub use ready::Check;
pub use server::Server;
