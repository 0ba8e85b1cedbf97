//! Purpose: a small Prometheus on loopback: real API, made-up numbers that tell a story.
//!
//! For the demo, so that a graph shows what a bad deploy did, and for tests that need no installed server. Of PromQL it knows
//! selectors with all matchers, `offset`, `rate`, `irate`, `increase`, `…_over_time`, `histogram_quantile`, `sum`, `avg`,
//! `min`, `max`, `count` by or without labels, arithmetic, comparisons and set operators one to one. What it does not know it
//! refuses with the place and its name. A test compares it with the real Prometheus on the same data.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use otus_emulators::prometheus::{Effect, Prometheus, Story};
//!
//! let story = Story::new(7, &["api", "web"], &["production"], jiff::Timestamp::now());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let prometheus = Prometheus::start(story.clone(), listener)?;
//! story.deploy("api", "production", "v2", Effect::Slow);
//! println!("{}", prometheus.url());
//! # Ok(()) }
//! ```

mod http;
mod promql;
mod story;
mod tsdb;

pub use story::{Effect, SCRAPE, Story};

use std::net::SocketAddr;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A running emulated Prometheus. Dropping it stops it.
#[derive(Debug)]
pub struct Prometheus {
    address: SocketAddr,
    server: JoinHandle<()>,
    stop: DropGuard,
}

impl Prometheus {
    /// Serves the story on a listener.
    ///
    /// # Errors
    /// When the listener has no address.
    pub fn start(story: Story, listener: TcpListener) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, http::routes(story))
                .with_graceful_shutdown(stopped)
                .await
            {
                tracing::error!(%error, "the emulated Prometheus stopped");
            }
        });
        Ok(Self {
            address,
            server,
            stop: stop.drop_guard(),
        })
    }

    /// Where it is reached, for example `http://127.0.0.1:41233`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops taking requests, and returns when the open ones are answered.
    pub async fn stop(self) {
        drop(self.stop);
        // A panic in the server has been logged where it happened.
        let _ = self.server.await;
    }
}
