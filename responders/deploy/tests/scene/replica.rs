//! One of several robots on one store and one cluster, any of which may die.

use std::sync::Arc;
use std::time::Duration;

use otus::MemoryStore;
use otus::operations::Timing;
use otus::prelude::*;
use otus::room::{Clock, Fuse, RoomChat};
use otus_emulators::kubernetes::{Cluster, Options};
use otus_kubernetes::{Clusters, Config};
use otus_responder_deploy::{Deploys, Settings};

use super::Steers;

/// One replica of a robot that deploys a service of its own.
pub(crate) struct Replica<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) chat: Arc<RoomChat>,
    pub(crate) clock: Clock,
    pub(crate) service: String,
    /// What else stands in the service's section.
    pub(crate) more: String,
}

impl<'a> Replica<'a> {
    pub(crate) fn of(cluster: &'a Cluster, service: String) -> Self {
        Replica {
            cluster,
            store: Arc::new(MemoryStore::new()),
            chat: Arc::new(RoomChat::default()),
            clock: Clock::default(),
            service,
            more: String::new(),
        }
    }

    /// One whose service has something to run first.
    pub(crate) fn with_step(cluster: &'a Cluster, service: String) -> Self {
        Replica {
            more: r#"before = { command = ["bin/migrate"], args = ["up"], deadline = "1h" }"#.to_owned(),
            ..Replica::of(cluster, service)
        }
    }

    /// One whose service has a canary.
    pub(crate) fn with_canary(cluster: &'a Cluster, service: String) -> Self {
        Replica {
            more: r#"canary = { bake = "100ms" }"#.to_owned(),
            ..Replica::of(cluster, service)
        }
    }

    /// One whose service is a Rollout of Argo.
    pub(crate) fn with_rollout(cluster: &'a Cluster, service: String) -> Self {
        Replica {
            more: format!("workload = \"rollout/{service}\""),
            ..Replica::of(cluster, service)
        }
    }

    pub(crate) fn room(&self, fuse: &Fuse, timing: Timing) -> Room {
        let catalog = format!(
            "[environments.staging]\n[services.{}]\nimage = \"registry.test/shop/one\"\n{}",
            self.service, self.more
        );
        Room::builder()
            .catalog(&catalog)
            .timing(timing)
            .resource(Clusters::at(&self.cluster.url(), Config::default()).unwrap())
            .store(self.store.clone())
            .chat(self.chat.clone())
            .fuse(fuse.clone(), self.clock.clone())
            .responder(Deploys::new(Settings {
                stability: Duration::from_millis(100),
                ..Settings::default()
            }))
            .responder(Steers)
            .open()
    }
}

pub(crate) async fn place() -> Cluster {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Cluster::start(Options::default()).await.unwrap()
}
