//! What a kubelet knows of one pod: its containers, and how they are doing.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::conditions;
use crate::kubernetes::{
    behaviour::Behaviour,
    timing::stamp,
    value::{int, items, put, text},
};

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The scheduler has not looked at it yet.
    New,
    /// It has a node; its image is being pulled.
    Pulling,
    /// It cannot start, and is tried again: so many times.
    Stuck(u32),
    /// Its containers run, but it is not ready yet.
    Started,
    /// It is ready.
    Ready,
    /// A container has ended, and waits for its restart.
    Crashed,
    /// It will not change any more.
    Over,
}

/// The state of a container.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    Waiting {
        reason: &'static str,
        message: String,
    },
    Running {
        since: String,
    },
    Ended {
        code: i32,
        reason: &'static str,
        since: String,
        at: String,
    },
}

impl Condition {
    pub(crate) fn waiting(reason: &'static str) -> Self {
        Self::Waiting {
            reason,
            message: String::new(),
        }
    }

    fn to_json(&self, id: &str) -> Value {
        match self {
            Self::Waiting { reason, message } if message.is_empty() => {
                json!({ "waiting": { "reason": reason } })
            }
            Self::Waiting { reason, message } => {
                json!({ "waiting": { "reason": reason, "message": message } })
            }
            Self::Running { since } => json!({ "running": { "startedAt": since } }),
            Self::Ended {
                code,
                reason,
                since,
                at,
            } => json!({ "terminated": {
                "exitCode": code,
                "reason": reason,
                "startedAt": since,
                "finishedAt": at,
                "containerID": id,
            }}),
        }
    }
}

/// One container of a pod.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) init: bool,
    pub(crate) behaviour: Behaviour,
    pub(crate) state: Condition,
    pub(crate) last: Option<Condition>,
    pub(crate) restarts: u32,
    pub(crate) ready: bool,
    pub(crate) log: Vec<String>,
    /// What the run before this one logged.
    pub(crate) previous: Option<Vec<String>>,
}

impl Container {
    pub(crate) fn run(&mut self) {
        if let Condition::Ended { .. } = self.state {
            self.last = Some(self.state.clone());
        }
        self.state = Condition::Running { since: stamp() };
        self.log.push(format!("{} starting {}", stamp(), self.image));
    }

    pub(crate) fn end(&mut self, code: i32, reason: &'static str) {
        let since = match &self.state {
            Condition::Running { since } => since.clone(),
            _ => stamp(),
        };
        self.ready = false;
        self.state = Condition::Ended {
            code,
            reason,
            since,
            at: stamp(),
        };
    }

    /// A new run: the log of the last is the previous one now.
    pub(crate) fn restart(&mut self) {
        self.restarts += 1;
        self.previous = Some(std::mem::take(&mut self.log));
        self.run();
    }
}

/// One pod, as its kubelet knows it.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) ns: String,
    pub(crate) name: String,
    pub(crate) phase: Phase,
    pub(crate) containers: Vec<Container>,
    /// The container that decides how the pod fares.
    pub(crate) focus: usize,
    /// From creation to readiness.
    pub(crate) takes: std::time::Duration,
    pub(crate) ready_since: Option<Instant>,
    /// Its containers end by themselves: a Job's pod.
    pub(crate) ends: bool,
    /// What ended or evicted the pod: phase, reason, message.
    pub(crate) outcome: Option<(&'static str, &'static str, String)>,
    /// Why no node takes it.
    pub(crate) unplaced: Option<String>,
    pub(crate) ip: String,
}

impl Run {
    pub(crate) fn new(
        pod: &Value,
        behaviour: impl Fn(&str) -> Behaviour,
        takes: std::time::Duration,
    ) -> Self {
        let container = |spec: &Value, init: bool| Container {
            name: text(spec, "/name").into(),
            image: text(spec, "/image").into(),
            init,
            behaviour: behaviour(text(spec, "/image")),
            state: Condition::waiting(if init {
                "PodInitializing"
            } else {
                "ContainerCreating"
            }),
            last: None,
            restarts: 0,
            ready: false,
            log: Vec::new(),
            previous: None,
        };
        let inits = items(pod, "/spec/initContainers")
            .iter()
            .map(|spec| container(spec, true));
        let containers: Vec<_> = inits
            .chain(
                items(pod, "/spec/containers")
                    .iter()
                    .map(|spec| container(spec, false)),
            )
            .collect();
        let bad = |c: &Container| !matches!(c.behaviour, Behaviour::Good | Behaviour::Slow);
        let focus = containers
            .iter()
            .position(bad)
            .or_else(|| containers.iter().position(|c| !c.init));
        let slow = containers.iter().any(|c| c.behaviour == Behaviour::Slow);
        let octets = text(pod, "/metadata/uid").bytes().fold(0_u16, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u16::from(byte))
        });
        Self {
            ns: text(pod, "/metadata/namespace").into(),
            name: text(pod, "/metadata/name").into(),
            phase: Phase::New,
            containers,
            focus: focus.unwrap_or_default(),
            takes: if slow { takes * 10 } else { takes },
            ready_since: None,
            ends: text(pod, "/spec/restartPolicy") != "Always",
            outcome: None,
            unplaced: None,
            ip: format!("10.244.{}.{}", octets >> 8, octets & 0xff),
        }
    }

    pub(crate) fn focus(&mut self) -> &mut Container {
        // A pod without containers is refused when it is created.
        let at = self.focus.min(self.containers.len() - 1);
        &mut self.containers[at]
    }

    pub(crate) fn behaviour(&self) -> Behaviour {
        self.containers
            .get(self.focus)
            .map(|c| c.behaviour.clone())
            .unwrap_or_default()
    }

    /// Whether the container that decides is one that runs before the others.
    pub(crate) fn in_init(&self) -> bool {
        self.containers
            .get(self.focus)
            .is_some_and(|c| c.init && c.behaviour != Behaviour::Good)
    }

    /// Writes all that into the pod's status.
    pub(crate) fn publish(&self, pod: &mut Value) {
        let placed = !text(pod, "/spec/nodeName").is_empty();
        let mut initialized = true;
        let mut not_ready = Vec::new();
        for container in &self.containers {
            if container.init {
                initialized &= matches!(container.state, Condition::Ended { code: 0, .. });
            } else if !container.ready {
                not_ready.push(container.name.as_str());
            }
        }
        let phase = match &self.outcome {
            Some((phase, reason, message)) => {
                if !reason.is_empty() {
                    put(pod, &["status", "reason"], *reason);
                    put(pod, &["status", "message"], message.as_str());
                }
                phase
            }
            None => {
                let begun = |c: &Container| {
                    !c.init && (c.restarts > 0 || !matches!(c.state, Condition::Waiting { .. }))
                };
                if self.containers.iter().any(begun) {
                    "Running"
                } else {
                    "Pending"
                }
            }
        };
        put(pod, &["status", "phase"], phase);
        if let Some(message) = &self.unplaced {
            conditions::set(pod, condition("PodScheduled", false, "Unschedulable", message));
            return;
        }
        if !placed {
            return;
        }
        put(pod, &["status", "hostIP"], "192.0.2.10");
        if text(pod, "/status/startTime").is_empty() {
            put(pod, &["status", "startTime"], stamp());
        }
        if phase == "Running" {
            put(pod, &["status", "podIP"], self.ip.as_str());
            put(pod, &["status", "podIPs"], json!([{ "ip": self.ip }]));
        }
        let unready = format!("containers with unready status: [{}]", not_ready.join(" "));
        let done = phase == "Succeeded";
        let (reason, message) = match (not_ready.is_empty(), done) {
            (true, _) => ("", ""),
            (false, true) => ("PodCompleted", ""),
            (false, false) => ("ContainersNotReady", unready.as_str()),
        };
        conditions::set(
            pod,
            condition("PodReadyToStartContainers", self.outcome.is_none(), "", ""),
        );
        let uninitialized = if initialized {
            ("", "")
        } else {
            ("ContainersNotInitialized", "containers with incomplete status")
        };
        conditions::set(
            pod,
            condition("Initialized", initialized, uninitialized.0, uninitialized.1),
        );
        conditions::set(pod, condition("Ready", not_ready.is_empty(), reason, message));
        conditions::set(
            pod,
            condition("ContainersReady", not_ready.is_empty(), reason, message),
        );
        conditions::set(pod, condition("PodScheduled", true, "", ""));
        let statuses = |init: bool| -> Vec<Value> {
            self.containers
                .iter()
                .filter(|c| c.init == init)
                .map(|c| self.status(c))
                .collect()
        };
        put(pod, &["status", "containerStatuses"], statuses(false));
        let inits = statuses(true);
        if !inits.is_empty() {
            put(pod, &["status", "initContainerStatuses"], inits);
        }
        let generation = int(pod, "/metadata/generation");
        put(pod, &["status", "observedGeneration"], generation);
    }

    fn status(&self, container: &Container) -> Value {
        let id = |run: u32| {
            let seed = format!("{}/{}/{run}", self.name, container.name);
            let letters = super::deployment::hash(&seed);
            let hex: String = letters
                .bytes()
                .cycle()
                .take(64)
                .map(|b| char::from(b"0123456789abcdef"[usize::from(b % 16)]))
                .collect();
            format!("containerd://{hex}")
        };
        let begun = !matches!(container.state, Condition::Waiting { .. }) || container.restarts > 0;
        let now = id(container.restarts);
        json!({
            "name": container.name,
            "image": container.image,
            "imageID": if begun { container.image.as_str() } else { "" },
            "containerID": if begun { now.as_str() } else { "" },
            "ready": container.ready,
            "started": matches!(container.state, Condition::Running { .. }),
            "restartCount": container.restarts,
            "state": container.state.to_json(&now),
            "lastState": container.last.as_ref().map_or(json!({}), |last| last.to_json(&id(container.restarts.saturating_sub(1)))),
        })
    }
}

fn condition(kind: &str, status: bool, reason: &str, message: &str) -> Value {
    let mut condition = json!({
        "type": kind,
        "status": if status { "True" } else { "False" },
        "lastProbeTime": null,
        "lastTransitionTime": stamp(),
    });
    if !reason.is_empty() {
        condition["reason"] = json!(reason);
    }
    if !message.is_empty() {
        condition["message"] = json!(message);
    }
    condition
}
