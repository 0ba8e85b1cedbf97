//! What can go wrong between Otus and a cluster, in sentences a person can act on.

use std::error::Error as _;
use std::time::Duration;

/// Why Kubernetes did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No cluster of this name is configured.
    #[error(
        "no cluster is called `{name}`; configured: {known}. Add `[kubernetes.clusters.{name}]`",
        known = known.join(", ")
    )]
    UnknownCluster {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The kubeconfig is missing or wrong.
    #[error("the cluster `{cluster}` cannot be reached: {detail}")]
    Config {
        /// The cluster's name.
        cluster: String,
        /// What is wrong.
        detail: String,
    },
    /// No connection, or it broke.
    #[error("the cluster `{cluster}` does not answer: {detail}")]
    Unreachable {
        /// The cluster's name.
        cluster: String,
        /// The deepest cause, for example `Connection refused`.
        detail: String,
    },
    /// A connection, but no answer in time.
    #[error("the cluster `{cluster}` did not answer within {} s", after.as_secs_f32().ceil())]
    TimedOut {
        /// The cluster's name.
        cluster: String,
        /// How long was waited.
        after: Duration,
    },
    /// The cluster does not accept Otus' credentials.
    #[error("the cluster `{cluster}` does not accept my credentials: {message}")]
    Unauthorized {
        /// The cluster's name.
        cluster: String,
        /// The server's words.
        message: String,
    },
    /// The credentials are good, the permission is missing.
    #[error("I am not allowed to do that in the cluster `{cluster}`: {message}")]
    Forbidden {
        /// The cluster's name.
        cluster: String,
        /// The server's words: they name the account, the verb, the resource and the namespace.
        message: String,
    },
    /// The workload does not exist.
    #[error("there is no {what}")]
    NotFound {
        /// Kind, name, namespace and cluster.
        what: String,
    },
    /// The workload has no such container: applying would silently add one.
    #[error("{what} has no container called `{asked}`; it has: {existing}", existing = existing.join(", "))]
    UnknownContainer {
        /// Kind, name, namespace and cluster.
        what: String,
        /// The name asked for.
        asked: String,
        /// The names there are.
        existing: Vec<String>,
    },
    /// Several containers, and nobody said which.
    #[error(
        "{what} has several containers ({existing}) and none is configured",
        existing = existing.join(", ")
    )]
    WhichContainer {
        /// Kind, name, namespace and cluster.
        what: String,
        /// The names there are.
        existing: Vec<String>,
    },
    /// The object changed under every attempt.
    #[error("{what} kept changing while I tried to change it; try again")]
    Busy {
        /// Kind, name, namespace and cluster.
        what: String,
    },
    /// Another worker of the same operation has laid hands on it since: this one has to stop.
    #[error("{what} is in the hands of a newer worker of the same operation")]
    Replaced {
        /// Kind, name, namespace and cluster.
        what: String,
        /// The generation of the newer worker.
        generation: u64,
    },
    /// An operation that was begun later has laid hands on it already.
    #[error("{what} was changed by the operation {operation} meanwhile, which was begun later")]
    Outdated {
        /// Kind, name, namespace and cluster.
        what: String,
        /// The newer operation.
        operation: String,
    },
    /// This kind of workload cannot be paused.
    #[error("{what} cannot be paused: Kubernetes goes on replacing its pods. Deploy another version instead")]
    CannotPause {
        /// Kind, name, namespace and cluster.
        what: String,
    },
    /// Its pods take another image only when somebody deletes them.
    #[error(
        "{what} has the update strategy OnDelete: its pods take another image only when somebody deletes them. \
         Set `updateStrategy.type` to RollingUpdate"
    )]
    ByHand {
        /// Kind, name, namespace and cluster.
        what: String,
    },
    /// A Rollout that has its pod template from another object.
    #[error(
        "{what} has no pod template of its own (workloadRef), so there is no image in it that I could change. Move the template into it"
    )]
    Borrowed {
        /// Kind, name, namespace and cluster.
        what: String,
    },
    /// An object of the name that only this operation gives is not this operation's.
    #[error("{what} was not made by this operation; delete it, or see who uses its name")]
    Taken {
        /// Kind, name, namespace and cluster.
        what: String,
    },
    /// The server understood and refused, for example an admission webhook.
    #[error("the cluster `{cluster}` refused the change: {message}")]
    Refused {
        /// The cluster's name.
        cluster: String,
        /// The HTTP status.
        code: u16,
        /// The server's words.
        message: String,
    },
    /// The server is overloaded or broken for the moment.
    #[error("the cluster `{cluster}` is in trouble (HTTP {code}): {message}")]
    Troubled {
        /// The cluster's name.
        cluster: String,
        /// The HTTP status.
        code: u16,
        /// The server's words.
        message: String,
    },
}

impl Error {
    /// True when the same request may well succeed in a moment.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Error::Unreachable { .. } | Error::TimedOut { .. } | Error::Troubled { .. }
        )
    }

    /// Sorts what the client library reports.
    pub(crate) fn from_kube(cluster: &str, what: &str, error: &kube::Error) -> Error {
        let cluster = cluster.to_owned();
        match error {
            kube::Error::Api(status) => Error::from_status(&cluster, what, status),
            kube::Error::InferConfig(_) | kube::Error::InferKubeconfig(_) | kube::Error::Auth(_) => {
                Error::Config {
                    cluster,
                    detail: deepest(error),
                }
            }
            _ => Error::Unreachable {
                cluster,
                detail: deepest(error),
            },
        }
    }

    pub(crate) fn from_status(cluster: &str, what: &str, status: &kube::core::Status) -> Error {
        let cluster = cluster.to_owned();
        let message = match status.message.trim() {
            "" => status.reason.clone(),
            text => text.to_owned(),
        };
        match status.code {
            401 => Error::Unauthorized { cluster, message },
            403 => Error::Forbidden { cluster, message },
            404 => Error::NotFound {
                what: what.to_owned(),
            },
            408 | 410 | 429 | 500..=599 => Error::Troubled {
                cluster,
                code: status.code,
                message,
            },
            code => Error::Refused {
                cluster,
                code,
                message,
            },
        }
    }
}

/// The last link of an error's chain: the others repeat it with more words.
pub(crate) fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    let text = last.to_string();
    // The number helps nobody.
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// The cause inside a client library's error.
pub(crate) fn deepest_kube(error: &kube::Error) -> String {
    error.source().map_or_else(|| error.to_string(), deepest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    #[test]
    fn sorted_by_what_a_person_can_do() {
        let of = |code, message: &str| {
            let status = Status::failure(message, "Reason").with_code(code);
            Error::from_kube("eu", "deployment web in shop", &kube::Error::Api(status.boxed()))
        };
        assert_eq!(of(404, "x").to_string(), "there is no deployment web in shop");
        assert_eq!(
            of(403, "deployments.apps \"web\" is forbidden").to_string(),
            "I am not allowed to do that in the cluster `eu`: deployments.apps \"web\" is forbidden"
        );
        assert!(of(503, "later").is_passing());
        assert!(of(429, "").to_string().contains("Reason"));
        assert!(!of(422, "no").is_passing());
    }
}
