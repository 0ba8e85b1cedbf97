//! A stateful GitHub on loopback: commits with parents, branches, tags, statuses, check runs, pull requests, deployments
//! and webhooks, over the REST API of api.github.com.
//!
//! It speaks plain HTTP with GitHub's paging by `Link`, `ETag` and 304, rate limits, errors and shapes. What people and CI
//! do is done by verbs in Rust, and sends the webhooks that GitHub would send: signed, once, never retried.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use otus_emulators::github::{Conclusion, GitHub};
//!
//! let github = GitHub::start().await?;
//! let api = github.repository("acme/api")?;
//! let sha = api.commit("main", "Answer faster")?;
//! api.check(&sha, "build", Conclusion::Success)?;
//! println!("api {} token {}", github.url(), github.token());
//! # Ok(()) }
//! ```
//!
//! Not emulated: forks, files, branch protection of the old kind, teams, and merging by rebase.

mod answers;
mod app;
mod checks;
mod commits;
mod control;
mod deliveries;
mod deployments;
mod faults;
mod files;
mod graph;
mod hooks;
mod limits;
mod payloads;
mod pull_requests;
mod pulls;
mod routes;
mod server;
mod shapes;
mod webhooks;
mod world;

pub use checks::{CheckRun, Conclusion, StatusState};
pub use control::{Refused, Repository};
pub use deployments::DeploymentSeen;
pub use faults::Fault;
pub use hooks::Delivered;
pub use pull_requests::{Merge, Verdict};
pub use webhooks::sign;

use crate::slack::wire::{Line, WireListener};
use jiff::Timestamp;
use server::Shared;
use std::sync::Arc;
use tokio::net::TcpListener;
use world::App;

/// A running emulated GitHub. Cheap to clone; dropping the last clone stops it.
#[derive(Debug, Clone)]
pub struct GitHub {
    shared: Arc<Shared>,
    _running: Arc<Running>,
    token: String,
}

/// Ends the server and its connections with the last handle.
#[derive(Debug)]
struct Running {
    shared: Arc<Shared>,
    tasks: [tokio::task::AbortHandle; 2],
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        self.shared.wires.reset_all();
    }
}

impl GitHub {
    /// Starts on a free port of loopback.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await?)
    }

    /// Starts on a listener somebody else bound.
    ///
    /// # Errors
    /// When the listener has no address.
    pub fn start_on(listener: TcpListener) -> anyhow::Result<Self> {
        let shared = Shared::new(format!("http://{}", listener.local_addr()?));
        let token = "ghp_emulated_token".to_owned();
        shared.world().tokens.insert(token.clone());
        let service = server::router(Arc::clone(&shared)).into_make_service_with_connect_info::<Line>();
        let listener = WireListener::new(listener, Arc::clone(&shared.wires));
        let serve = tokio::spawn(async move {
            // It only ends when aborted: accept errors are waited out.
            let _ = axum::serve(listener, service).await;
        });
        let deliver = tokio::spawn(webhooks::run(Arc::clone(&shared)));
        let tasks = [serve.abort_handle(), deliver.abort_handle()];
        let running = Arc::new(Running {
            shared: Arc::clone(&shared),
            tasks,
        });
        Ok(Self {
            shared,
            _running: running,
            token,
        })
    }

    /// What a client is configured with as the API's address, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// A token that may do everything.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Another token that may do everything, as after a rotation.
    pub fn allow_token(&self, token: &str) {
        self.shared.world().tokens.insert(token.to_owned());
    }

    /// From now on this token is answered 401.
    pub fn revoke_token(&self, token: &str) {
        self.shared.world().tokens.remove(token);
    }

    /// From now on every installation token that was handed out is answered 401.
    pub fn revoke_installation_tokens(&self) {
        self.shared
            .world()
            .tokens
            .retain(|token| !token.starts_with("ghs_"));
    }

    /// An App with its one installation. The public key is PKCS #1 DER, as `ring` tells it of a pair.
    pub fn register_app(&self, app: u64, installation: u64, public_key: &[u8], token_seconds: i64) {
        let public_key = public_key.to_vec();
        let registered = App {
            installation,
            public_key,
            token_seconds,
        };
        self.shared.world().apps.insert(app, registered);
    }

    /// Makes a repository with an empty first commit on `main`, or finds the one that is there.
    ///
    /// # Errors
    /// [`Refused`] when the name is not `owner/name`.
    pub fn repository(&self, full_name: &str) -> Result<Repository, Refused> {
        Repository::new(&self.shared, full_name)
    }

    /// Lets the next calls whose `METHOD /path?query` contains this text go wrong.
    pub fn fault(&self, part_of_call: &str, fault: Fault, times: u32) {
        self.shared.world().faults.order(part_of_call, fault, times);
    }

    /// Takes back what was ordered and has not happened.
    pub fn clear_faults(&self) {
        self.shared.world().faults.clear();
    }

    /// So many calls are left until this many seconds from now.
    pub fn rate_limit(&self, remaining: u64, reset_in_seconds: i64) {
        let mut world = self.shared.world();
        let now = world.now().as_second();
        world.limits.remaining = remaining;
        world.limits.reset = now + reset_in_seconds;
    }

    /// How many calls are left.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.shared.world().limits.remaining
    }

    /// Every call so far, as `GET /path?query`, with the status that was answered; 0 where the connection was closed.
    #[must_use]
    pub fn calls(&self) -> Vec<(String, u16)> {
        self.shared.world().calls.clone()
    }

    /// From now on everything happens at this time, or, with `None`, when it happens.
    pub fn set_time(&self, at: Option<Timestamp>) {
        self.shared.world().clock = at;
    }
}
