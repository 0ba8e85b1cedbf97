//! Why a rollout does not go on: what a person needs to know to act. The words are the caller's.

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What is wrong.
    pub fault: Fault,
    /// The pod it was seen on.
    pub pod: Option<String>,
    /// The container in it.
    pub container: Option<String>,
    /// How many of the new pods suffer from the same.
    pub pods: usize,
    /// The container's last lines, without what looks like a secret. Filled in when a rollout ends.
    pub log: Vec<String>,
}

/// What can be wrong with a new pod, or in its stead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The registry does not have the image.
    ImageMissing {
        /// The image.
        image: String,
        /// The runtime's words.
        message: String,
    },
    /// The registry does not let the cluster have the image.
    PullDenied {
        /// The image.
        image: String,
        /// The runtime's words.
        message: String,
    },
    /// The image cannot be pulled for the moment, for a reason that may pass.
    PullFailing {
        /// The image.
        image: String,
        /// The runtime's words.
        message: String,
    },
    /// The text is no image reference, or the image may not be pulled at all.
    ImageInvalid {
        /// The image.
        image: String,
        /// The kubelet's words.
        message: String,
    },
    /// A secret, a configmap or a key in one is missing.
    ConfigMissing {
        /// The kubelet's words: they name what is missing.
        message: String,
    },
    /// The container cannot be created or started.
    CannotStart {
        /// Kubernetes' reason, for example `RunContainerError`.
        reason: String,
        /// The runtime's words.
        message: String,
    },
    /// An init container ended with a failure.
    InitFailed(Exit),
    /// The container ended with a failure.
    Crashed(Exit),
    /// No node can take the pod.
    Unschedulable {
        /// The scheduler's words.
        message: String,
    },
    /// The container runs and is not ready.
    NotReady {
        /// What is probed, for example `GET :8080/healthz`.
        probe: Option<String>,
        /// The kubelet's words about the last failed probe.
        message: Option<String>,
        /// How often the probe failed.
        failures: i32,
        /// How often it may fail.
        threshold: i32,
    },
    /// Kubernetes is not allowed to create the pods: a quota, an admission webhook, pod security.
    PodsRefused {
        /// The server's words.
        message: String,
    },
    /// Some pods that were available are not any more, and nothing says why.
    LostPods {
        /// How many are available.
        available: i32,
        /// How many are wanted.
        wanted: i32,
    },
    /// A pod of an earlier version is broken, and the StatefulSet waits for it before it replaces any; it would wait for ever:
    /// <https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback>.
    InTheWay {
        /// The pod's namespace, for the command that deletes it.
        namespace: String,
        /// What is wrong with it.
        fault: Box<Fault>,
    },
    /// Pods take another image only when somebody deletes them: the update strategy is OnDelete.
    ByHand,
    /// The controller of a Rollout says that it is not well: its analysis failed, somebody ended it, its spec is wrong.
    Degraded {
        /// The controller's words.
        message: String,
    },
    /// Kubernetes itself ended the pod: evicted, preempted, or its node is lost.
    Displaced {
        /// Kubernetes' reason, for example `Evicted`.
        reason: String,
        /// Its words.
        message: String,
    },
    /// A Job failed, and its pod is no longer there to tell why.
    JobFailed {
        /// Kubernetes' reason, for example `BackoffLimitExceeded`.
        reason: String,
        /// Its words.
        message: String,
    },
    /// The controller has not looked at the change.
    NotObserved,
    /// Nothing is known but that it takes too long.
    Unknown,
}

/// How a container ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exit {
    /// The exit code.
    pub code: i32,
    /// The signal, when one ended it.
    pub signal: Option<i32>,
    /// Kubernetes' reason, for example `Error` or `OOMKilled`.
    pub reason: String,
    /// What the container left as its last words.
    pub message: Option<String>,
    /// How often it was started again.
    pub restarts: i32,
    /// True when Kubernetes waits before it tries again: it crashes and crashes.
    pub looping: bool,
    /// The container's memory limit, as it stands in its spec.
    pub memory_limit: Option<String>,
}

impl Exit {
    /// True when it was killed for using more memory than it may.
    #[must_use]
    pub fn out_of_memory(&self) -> bool {
        self.reason == "OOMKilled"
    }
}

/// How surely a fault dooms its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doom {
    /// Not at all: it may well pass.
    No,
    /// If it lasts.
    Likely,
    /// Nothing but another change helps.
    Sure,
}

impl Fault {
    /// How surely this dooms a pod: krane's rules, with the doubtful ones given a grace time.
    #[must_use]
    pub fn doom(&self) -> Doom {
        match self {
            Fault::ImageMissing { .. } | Fault::ImageInvalid { .. } => Doom::Sure,
            // The kubelet says this also while its own cache is not yet filled.
            Fault::ConfigMissing { message } if message.contains("failed to sync") => Doom::No,
            Fault::ConfigMissing { .. } => Doom::Sure,
            Fault::Crashed(exit) | Fault::InitFailed(exit) if exit.looping => Doom::Sure,
            // It holds everything up, whatever the new version is like.
            Fault::InTheWay { .. } | Fault::ByHand | Fault::Degraded { .. } => Doom::Sure,
            Fault::PullDenied { .. } | Fault::CannotStart { .. } | Fault::PodsRefused { .. } => Doom::Likely,
            Fault::Crashed(_)
            | Fault::InitFailed(_)
            | Fault::PullFailing { .. }
            | Fault::Unschedulable { .. }
            | Fault::NotReady { .. }
            | Fault::LostPods { .. }
            | Fault::Displaced { .. }
            | Fault::JobFailed { .. }
            | Fault::NotObserved
            | Fault::Unknown => Doom::No,
        }
    }

    /// True when the container's log may tell more.
    #[must_use]
    pub fn has_log(&self) -> bool {
        matches!(
            self,
            Fault::Crashed(_) | Fault::InitFailed(_) | Fault::NotReady { .. }
        )
    }

    /// Which of several explanations to show: the most telling has the highest rank.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Fault::InTheWay { .. } | Fault::ByHand => 13,
            Fault::InitFailed(_) => 12,
            Fault::ImageMissing { .. } => 11,
            Fault::PullDenied { .. } => 10,
            Fault::ImageInvalid { .. } => 9,
            Fault::ConfigMissing { .. } => 8,
            Fault::CannotStart { .. } => 7,
            Fault::Crashed(_) => 6,
            Fault::PodsRefused { .. } => 5,
            Fault::PullFailing { .. } => 4,
            Fault::Unschedulable { .. } => 3,
            Fault::NotReady { .. } => 2,
            Fault::LostPods { .. }
            | Fault::Degraded { .. }
            | Fault::Displaced { .. }
            | Fault::JobFailed { .. }
            | Fault::NotObserved => 1,
            Fault::Unknown => 0,
        }
    }
}

impl Cause {
    /// A cause that is about no pod in particular.
    #[must_use]
    pub fn of(fault: Fault) -> Self {
        Cause {
            fault,
            pod: None,
            container: None,
            pods: 0,
            log: Vec::new(),
        }
    }
}
