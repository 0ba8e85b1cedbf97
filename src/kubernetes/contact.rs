//! The contact to a cluster while something is followed: how long it has been silent, and whether it answers.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use futures_util::future::ready;
use futures_util::stream::{BoxStream, StreamExt as _};
use jiff::Timestamp;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::client::Cluster;
use crate::error::Error;
use crate::memory::is_after;

/// How often an unreachable cluster is tried.
const RETRY: Duration = Duration::from_secs(2);
/// How long watches may be silent before everything is read again.
const SILENCE: Duration = Duration::from_secs(15);
/// How long the cluster must have been silent before something late is given up.
const LONG_OUTAGE: Duration = Duration::from_secs(60);

/// The cluster does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub error: Error,
}

/// What is known of the connection.
#[derive(Debug)]
pub(crate) struct Contact {
    /// When a watch last brought something.
    heard: Instant,
    /// When everything was last read.
    read: Instant,
    /// A watch broke: perhaps the cluster is gone, perhaps only the connection.
    suspect: bool,
    outage: Option<Outage>,
}

impl Contact {
    pub(crate) fn new() -> Self {
        Contact {
            heard: Instant::now(),
            read: Instant::now(),
            suspect: false,
            outage: None,
        }
    }

    /// A watch brought something.
    pub(crate) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// A watch broke.
    pub(crate) fn broke(&mut self) {
        self.suspect = true;
    }

    pub(crate) fn outage(&self) -> Option<&Outage> {
        self.outage.as_ref()
    }

    /// Whether what is known may be old, so that it is to be read again.
    pub(crate) fn is_doubtful(&self) -> bool {
        let silent = self.heard.elapsed() >= SILENCE && self.read.elapsed() >= SILENCE;
        let retry = self.outage.is_some() && self.read.elapsed() >= RETRY;
        self.suspect || silent || retry
    }

    /// Everything was read again, or was not. A failure that may pass is an outage; another one is the end.
    pub(crate) fn tried(&mut self, read: Result<(), Error>) -> Result<(), Error> {
        self.suspect = false;
        self.read = Instant::now();
        match read {
            Ok(()) => {
                self.heard = Instant::now();
                self.outage = None;
                Ok(())
            }
            Err(error) if error.is_passing() || matches!(error, Error::Unauthorized { .. }) => {
                let since = self
                    .outage
                    .as_ref()
                    .map_or_else(Timestamp::now, |outage| outage.since);
                self.outage = Some(Outage { since, error });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The outage, when it has lasted so long that what is late anyway is given up.
    pub(crate) fn is_long(&self) -> bool {
        self.outage
            .as_ref()
            .is_some_and(|outage| is_after(Timestamp::now(), outage.since, LONG_OUTAGE))
    }
}

/// Sorts what a watch reports.
pub(crate) fn sort(cluster: &Cluster, what: &str, error: &watcher::Error) -> Error {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => Error::from_kube(&cluster.name, what, error),
        watcher::Error::WatchError(status) => Error::from_status(&cluster.name, what, status),
        watcher::Error::NoResourceVersion => Error::Unreachable {
            cluster: cluster.name.to_string(),
            detail: error.to_string(),
        },
    }
}

/// The whole list again after each change, as long as the program runs. A watch that breaks is resumed by itself, and
/// tells of it with `trouble`.
pub(crate) fn lists<K, N>(
    api: Api<K>,
    config: watcher::Config,
    trouble: impl Fn(watcher::Error) -> N + Send + 'static,
    wrap: impl Fn(Vec<K>) -> N + Send + 'static,
) -> BoxStream<'static, N>
where
    K: kube::Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    N: Send + 'static,
{
    let mut known: BTreeMap<String, K> = BTreeMap::new();
    let mut listed: BTreeMap<String, K> = BTreeMap::new();
    watcher(api, config)
        .default_backoff()
        .filter_map(move |event| {
            match event {
                Ok(watcher::Event::Init) => {
                    listed.clear();
                    return ready(None);
                }
                Ok(watcher::Event::InitApply(object)) => {
                    listed.insert(object.name_any(), object);
                    return ready(None);
                }
                Ok(watcher::Event::InitDone) => known = std::mem::take(&mut listed),
                Ok(watcher::Event::Apply(object)) => {
                    known.insert(object.name_any(), object);
                }
                Ok(watcher::Event::Delete(object)) => {
                    known.remove(&object.name_any());
                }
                Err(error) => return ready(Some(trouble(error))),
            }
            ready(Some(wrap(known.values().cloned().collect())))
        })
        .boxed()
}
