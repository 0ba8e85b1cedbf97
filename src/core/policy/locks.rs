//! Locks and elevations: what people put in the way, or out of it, for a while.

use crate::{
    chat::Place,
    ids::{ChannelId, MessageId, UserId},
    operations::Target,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The key-value space of the locks, by [`LockTarget::key`].
pub const LOCKS: &str = "policy.locks";
/// The key-value space of the elevations, by the person's id.
pub const ELEVATIONS: &str = "policy.elevations";

/// What a lock is on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockTarget {
    /// A service, wherever it runs.
    Service(String),
    /// An environment with everything in it.
    Environment(String),
    /// A service in one environment.
    Both(String, String),
}

impl LockTarget {
    /// Its key in the store.
    pub fn key(&self) -> String {
        match self {
            Self::Service(service) => format!("{service}/*"),
            Self::Environment(environment) => format!("*/{environment}"),
            Self::Both(service, environment) => format!("{service}/{environment}"),
        }
    }

    /// Whether what is on this target is in the way of that one. What is about no service in particular is about all of
    /// them, and so with environments.
    pub fn covers(&self, target: &Target) -> bool {
        let touches = |name: &Option<String>, this: &str| {
            name.as_ref()
                .is_none_or(|name| name.to_lowercase() == this.to_lowercase())
        };
        match self {
            Self::Service(service) => touches(&target.service, service),
            Self::Environment(environment) => touches(&target.environment, environment),
            Self::Both(service, environment) => {
                touches(&target.service, service) && touches(&target.environment, environment)
            }
        }
    }

    /// The same as what an operation is about.
    pub fn target(&self) -> Target {
        match self.clone() {
            Self::Service(service) => Target {
                service: Some(service),
                environment: None,
            },
            Self::Environment(environment) => Target {
                service: None,
                environment: Some(environment),
            },
            Self::Both(service, environment) => Target::new(service, environment),
        }
    }
}

impl std::fmt::Display for LockTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Service(one) | Self::Environment(one) => f.write_str(one),
            Self::Both(service, environment) => write!(f, "{service} in {environment}"),
        }
    }
}

/// Somebody holds something still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// What.
    pub target: LockTarget,
    /// Who.
    pub by: UserId,
    /// What to call them.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when, if it ends by itself.
    pub until: Option<Timestamp>,
    /// Who wants to be told when it opens.
    pub waiting: Vec<Waiting>,
    /// Who took it away before its time, for those who are not told yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_by: Option<String>,
    /// Since when somebody is at telling those who wait that it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telling: Option<Timestamp>,
}

impl Lock {
    /// Whether it still holds.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Somebody who wants to be told when a lock opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Who.
    pub user: UserId,
    /// Where.
    pub channel: ChannelId,
    /// In which thread.
    pub thread: Option<MessageId>,
}

impl Waiting {
    /// Where to tell them.
    pub fn place(&self) -> Place {
        Place {
            channel: self.channel.clone(),
            thread: self.thread.clone(),
            hook: None,
        }
    }
}

/// Somebody broke the glass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elevation {
    /// Who.
    pub by: UserId,
    /// What to call them.
    pub name: String,
    /// Where they said so.
    pub channel: ChannelId,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Since when somebody is at telling that it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telling: Option<Timestamp>,
}

impl Elevation {
    /// Whether it still holds.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.until
    }
}
