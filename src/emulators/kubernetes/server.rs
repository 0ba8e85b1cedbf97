//! What all requests share, and the tasks behind a cluster.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{controllers, faults::Faults, rbac, store::State};

/// A request the cluster was asked.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Asked {
    /// The HTTP method.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// The answer's status; 0 while there is none.
    pub status: u16,
}

/// How many requests are remembered.
const REQUESTS: usize = 2_000;

/// What all requests share.
pub(crate) struct Shared {
    state: Mutex<State>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) requests: Mutex<VecDeque<Asked>>,
    /// The newest version.
    pub(crate) changed: watch::Sender<u64>,
    /// Counts up when open watches are to break.
    pub(crate) cut: watch::Sender<u64>,
    /// How many requests are held right now.
    pub(crate) held: watch::Sender<u32>,
    /// Counts up when held requests are to go on.
    pub(crate) released: watch::Sender<u64>,
    pub(crate) wake: Notify,
    pub(crate) stop: CancellationToken,
    pub(crate) token: Option<String>,
}

/// The state, lent; when it is given back, the controllers look whether there is something to do.
pub(crate) struct Lent<'a> {
    state: MutexGuard<'a, State>,
    wake: &'a Notify,
    next: Option<Instant>,
}

impl std::ops::Deref for Lent<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl std::ops::DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if self.state.agenda.next() != self.next {
            self.wake.notify_one();
        }
    }
}

/// A panic of one request must not take the cluster down with it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(state: State, changed: watch::Sender<u64>, token: Option<String>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(state),
            faults: Mutex::default(),
            requests: Mutex::default(),
            changed,
            cut: watch::Sender::new(0),
            held: watch::Sender::new(0),
            released: watch::Sender::new(0),
            wake: Notify::new(),
            stop: CancellationToken::new(),
            token,
        })
    }

    pub(crate) fn state(&self) -> Lent<'_> {
        let state = lock(&self.state);
        let next = state.agenda.next();
        Lent {
            state,
            wake: &self.wake,
            next,
        }
    }

    /// A new token of a service account, or why there is none.
    pub(crate) fn issue(&self, ns: &str, name: &str) -> Result<String, String> {
        let mut state = self.state();
        if state.find("serviceaccounts", ns, name).is_none() {
            return Err(format!(
                "serviceaccounts \"{name}\" not found in namespace \"{ns}\""
            ));
        }
        let token = format!("emulated-{}", uuid::Uuid::new_v4());
        state.tokens.insert(token.clone(), rbac::account(ns, name));
        Ok(token)
    }

    /// Holds a request until it is released. One whose caller went away is not done at all.
    pub(crate) async fn hold(&self) {
        /// Counts down also when the caller goes away.
        struct Held<'a>(&'a watch::Sender<u32>);
        impl Drop for Held<'_> {
            fn drop(&mut self) {
                self.0.send_modify(|held| *held -= 1);
            }
        }
        let mut released = self.released.subscribe();
        released.borrow_and_update();
        self.held.send_modify(|held| *held += 1);
        let _held = Held(&self.held);
        tokio::select! {
            // The sender lives as long as this.
            _ = released.changed() => {}
            () = self.stop.cancelled() => {}
        }
    }

    pub(crate) fn remember(&self, asked: Asked) {
        let mut requests = lock(&self.requests);
        requests.push_back(asked);
        if requests.len() > REQUESTS {
            requests.pop_front();
        }
    }

    /// Lets controllers and kubelets do what is due, until the cluster stops.
    pub(crate) async fn drive(self: Arc<Self>) {
        loop {
            let next = controllers::advance(&mut lock(&self.state), Instant::now());
            let due = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = due => {}
            }
        }
    }
}
