//! Purpose: a chat in the browser, in front of the emulated Slack: what people say there goes to the robot over the real protocol,
//! and what it answers is shown as Slack would show it. Beside it are the emulated cluster, a log of what went over the wire, buttons
//! that cause trouble, and a guided tour.
//!
//! The page is plain modules of the language browsers speak (`assets/`), built into the program. The server is for the same machine
//! only, and for its own page only: `guard` has the rules. One stream of server-sent events (`stream`) tells the page everything
//! there is to show; `acts` is what people do.

mod acts;
mod assets;
mod bench;
mod cluster;
mod guard;
mod shown;
mod stream;
mod tour;

pub use bench::{Bench, Stage};
pub use tour::{Act, Deed, Person, Step, Trouble};

use axum::{Router, middleware, routing::get, routing::post};
use otus_emulators::{kubernetes::Cluster, slack::Workspace};
use std::{net::SocketAddr, sync::Arc};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// What a page shows.
#[derive(Debug)]
pub struct Page {
    /// Where people talk.
    pub slack: Workspace,
    /// What is shown beside it.
    pub cluster: Arc<Cluster>,
    /// The namespaces that are shown, the most important last.
    pub namespaces: Vec<String>,
    /// The channel that is open at first, with its `#`.
    pub channel: String,
    /// As whom one can speak; the first is the one at the beginning.
    pub people: Vec<Person>,
    /// The guided tour; none when it is empty.
    pub tour: Vec<Step>,
    /// What can go wrong at the press of a button.
    pub troubles: Vec<Trouble>,
    /// How the robot's making stands, where it is made beside this page: then the page is a workbench.
    pub bench: Option<watch::Receiver<Bench>>,
}

/// A page that is served. It ends when this is dropped.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Served {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What one opens in a browser.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a page.
///
/// # Errors
/// When the listener has no address, or one that other machines can reach.
pub fn serve(page: Page, listener: TcpListener) -> std::io::Result<Served> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(std::io::Error::other(format!(
            "the demo's page is for this machine only, and {address} is not a loopback address"
        )));
    }
    let routes = Router::new()
        .route("/api/events", get(stream::events))
        .route("/api/files/{id}", get(acts::file))
        .route("/api/{verb}", post(acts::act))
        .with_state(Arc::new(page))
        .fallback(assets::serve)
        .layer(middleware::from_fn_with_state(address.port(), guard::guard));
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "the demo's page is no longer served");
        }
    });
    Ok(Served { address, task })
}
