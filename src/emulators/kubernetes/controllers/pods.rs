//! The scheduler and the kubelets: what becomes of a pod, step by step.

use serde_json::Value;
use tokio::time::Instant;

use super::{Phase, Run, Task, daemonset::is_open, run::Condition};
use crate::kubernetes::{
    behaviour::Behaviour,
    store::State,
    value::{controller, int, items, name, namespace, put, text, uid},
    write::{KUBELET, Writer},
};

const SCHEDULER: Writer<'static> = Writer {
    manager: "kube-scheduler",
    subresource: "",
    dry_run: false,
};

/// The kubelet's words for an image that the registry does not have.
fn not_found(image: &str) -> String {
    format!(
        "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
    )
}

impl State {
    /// A new pod begins its life.
    pub(super) fn start(&mut self, pod: &Value) {
        let takes = self.ready_time();
        let version = text(pod, "/metadata/labels/app.kubernetes.io~1version").to_owned();
        let behaviours = &self.behaviours;
        let mut run = Run::new(pod, |image| behaviours.of(image, &version), takes);
        if run.containers.is_empty() {
            return;
        }
        if run.behaviour() == Behaviour::Evicted
            && let Some(owner) = controller(pod)
            && !self.evicted.insert(owner.to_owned())
        {
            run.focus().behaviour = Behaviour::Good;
        }
        if self.is_settling(pod) {
            run.takes = std::time::Duration::ZERO;
        }
        let first = if run.takes.is_zero() {
            run.takes
        } else {
            self.timing.reaction
        };
        self.runs.insert(uid(pod).to_owned(), run);
        self.agenda
            .add(Instant::now() + first, Task::Pod(uid(pod).to_owned()));
    }

    fn is_settling(&self, pod: &Value) -> bool {
        let owner = items(pod, "/metadata/ownerReferences")
            .iter()
            .find(|o| controller(pod) == Some(text(o, "/uid")));
        let owner = owner.map(|o| text(o, "/name")).unwrap_or_default();
        let root = self.find("replicasets", namespace(pod), owner).and_then(|set| {
            items(&set, "/metadata/ownerReferences")
                .first()
                .map(|o| text(o, "/name").to_owned())
        });
        self.settling.contains(&(
            namespace(pod).to_owned(),
            root.unwrap_or_else(|| owner.to_owned()),
        ))
    }

    /// A pod takes its next step.
    pub(super) fn step(&mut self, pod_uid: &str) {
        let Some(mut run) = self.runs.get(pod_uid).cloned() else {
            return;
        };
        let Some(pod) = self
            .find("pods", &run.ns, &run.name)
            .filter(|pod| uid(pod) == pod_uid)
        else {
            return;
        };
        if !text(&pod, "/metadata/deletionTimestamp").is_empty() {
            return;
        }
        let next = match run.phase {
            Phase::New => self.place(&mut run, &pod),
            Phase::Pulling => self.pulled(&mut run, &pod),
            Phase::Stuck(times) => self.stuck(&mut run, &pod, times),
            Phase::Started => self.started(&mut run, &pod),
            Phase::Ready => self.spoil(&mut run, &pod),
            Phase::Crashed => self.restart(&mut run, &pod),
            Phase::Over => None,
        };
        self.modify("pods", (&run.ns, &run.name), &KUBELET, |object| {
            run.publish(object)
        });
        self.runs.insert(pod_uid.to_owned(), run);
        if let Some(delay) = next {
            self.agenda
                .add(Instant::now() + delay, Task::Pod(pod_uid.to_owned()));
        }
    }

    fn place(&mut self, run: &mut Run, pod: &Value) -> Option<std::time::Duration> {
        if let Behaviour::Unschedulable { message } = run.behaviour() {
            self.record(pod, "Warning", "FailedScheduling", &message, "default-scheduler");
            run.unplaced = Some(message);
            return Some(self.timing.seconds(10.0));
        }
        let open = self.all("nodes", "").filter(|node| is_open(node));
        let nodes: Vec<_> = open.map(|node| name(node).to_owned()).collect();
        let wanted = text(pod, "/spec/nodeName").to_owned();
        let node = if wanted.is_empty() {
            let load = |node: &String| {
                self.all("pods", "")
                    .filter(|p| text(p, "/spec/nodeName") == node)
                    .count()
            };
            nodes
                .iter()
                .min_by_key(|node| load(node))
                .cloned()
                .unwrap_or_default()
        } else {
            wanted
        };
        self.modify("pods", (&run.ns, &run.name), &SCHEDULER, |object| {
            put(object, &["spec", "nodeName"], node.as_str());
        });
        let message = format!("Successfully assigned {}/{} to {node}", run.ns, run.name);
        self.record(pod, "Normal", "Scheduled", &message, "default-scheduler");
        run.phase = Phase::Pulling;
        let image = run.focus().image.clone();
        self.record(
            pod,
            "Normal",
            "Pulling",
            &format!("Pulling image \"{image}\""),
            "kubelet",
        );
        Some(run.takes * 2 / 5)
    }

    fn pulled(&mut self, run: &mut Run, pod: &Value) -> Option<std::time::Duration> {
        if matches!(run.behaviour(), Behaviour::BadImage | Behaviour::BadConfig { .. }) {
            run.phase = Phase::Stuck(0);
            return self.stuck(run, pod, 0);
        }
        let in_init = run.in_init();
        let focus = run.focus;
        for (at, container) in run.containers.iter_mut().enumerate() {
            match (in_init, container.init) {
                // What stands before the broken one has done its work; what stands after it waits.
                (true, true) if at < focus => {
                    container.run();
                    container.end(0, "Completed");
                    container.ready = true;
                }
                (true, true) if at == focus => container.run(),
                (true, _) => container.state = Condition::waiting("PodInitializing"),
                (false, true) => {
                    container.run();
                    container.end(0, "Completed");
                    container.ready = true;
                }
                (false, false) => container.run(),
            }
        }
        let (container, image) = (run.focus().name.clone(), run.focus().image.clone());
        let pulled = format!(
            "Successfully pulled image \"{image}\" in 512ms (512ms including waiting). Image size: 12345678 bytes."
        );
        self.record(pod, "Normal", "Pulled", &pulled, "kubelet");
        self.record(
            pod,
            "Normal",
            "Created",
            &format!("Created container: {container}"),
            "kubelet",
        );
        self.record(
            pod,
            "Normal",
            "Started",
            &format!("Started container {container}"),
            "kubelet",
        );
        run.phase = Phase::Started;
        Some(match run.behaviour() {
            Behaviour::CrashLoop { .. } | Behaviour::OutOfMemory => self.timing.crash,
            Behaviour::HangingProbe => self.probe_period(pod),
            _ => run.takes * 3 / 5,
        })
    }

    /// An image that cannot be pulled, or a configuration that is not there: tried again and again.
    fn stuck(&mut self, run: &mut Run, pod: &Value, times: u32) -> Option<std::time::Duration> {
        run.phase = Phase::Stuck(times + 1);
        let image = run.focus().image.clone();
        if let Behaviour::BadConfig { message } = run.behaviour() {
            self.record(pod, "Warning", "Failed", &format!("Error: {message}"), "kubelet");
            run.focus().state = Condition::Waiting {
                reason: "CreateContainerConfigError",
                message,
            };
            return Some(self.timing.seconds(12.0));
        }
        if times.is_multiple_of(2) {
            if times > 0 {
                self.record(
                    pod,
                    "Normal",
                    "Pulling",
                    &format!("Pulling image \"{image}\""),
                    "kubelet",
                );
            }
            let message = not_found(&image);
            self.record(
                pod,
                "Warning",
                "Failed",
                &format!("Failed to pull image \"{image}\": {message}"),
                "kubelet",
            );
            self.record(pod, "Warning", "Failed", "Error: ErrImagePull", "kubelet");
            run.focus().state = Condition::Waiting {
                reason: "ErrImagePull",
                message,
            };
            // A moment, and the kubelet backs off.
            return Some(self.timing.seconds(1.0).max(self.timing.reaction * 3));
        }
        let message = format!("Back-off pulling image \"{image}\"");
        self.record(pod, "Normal", "BackOff", &message, "kubelet");
        self.record(pod, "Warning", "Failed", "Error: ImagePullBackOff", "kubelet");
        run.focus().state = Condition::Waiting {
            reason: "ImagePullBackOff",
            message,
        };
        Some(self.backoff(times.div_ceil(2)))
    }

    fn started(&mut self, run: &mut Run, pod: &Value) -> Option<std::time::Duration> {
        match run.behaviour() {
            Behaviour::CrashLoop { exit_code, log } => self.crash(run, pod, exit_code, "Error", &log),
            Behaviour::OutOfMemory => {
                self.crash(run, pod, 137, "OOMKilled", "allocating 512 MiB for the cache")
            }
            Behaviour::HangingProbe => {
                let message = "Readiness probe failed: HTTP probe failed with statuscode: 503";
                self.record(pod, "Warning", "Unhealthy", message, "kubelet");
                run.focus().log.push(format!(
                    "{} waiting for the database",
                    crate::kubernetes::timing::stamp()
                ));
                Some(self.probe_period(pod))
            }
            _ if run.ends => {
                for container in run.containers.iter_mut().filter(|c| !c.init) {
                    container.log.push("done".into());
                    container.end(0, "Completed");
                }
                run.outcome = Some(("Succeeded", "", String::new()));
                run.phase = Phase::Over;
                None
            }
            behaviour => {
                for container in run.containers.iter_mut().filter(|c| !c.init) {
                    container.ready = true;
                    container.log.push("listening on 0.0.0.0:8080".into());
                }
                run.ready_since = Some(Instant::now());
                run.phase = Phase::Ready;
                match behaviour {
                    // Long enough that a rollout of a few pods is through before the first crash.
                    Behaviour::CrashAfterReady { .. } => Some(*self.timing.ready.end() * 8 / 3),
                    Behaviour::Evicted => Some(self.timing.crash * 2),
                    _ => None,
                }
            }
        }
    }

    /// What was ready does not stay so.
    fn spoil(&mut self, run: &mut Run, pod: &Value) -> Option<std::time::Duration> {
        match run.behaviour() {
            Behaviour::CrashAfterReady { exit_code, log } => self.crash(run, pod, exit_code, "Error", &log),
            Behaviour::Evicted => {
                let message =
                    "The node was low on resource: memory. Threshold quantity: 100Mi, available: 64Mi.";
                self.record(pod, "Warning", "Evicted", message, "kubelet");
                run.focus().end(137, "Error");
                run.ready_since = None;
                run.outcome = Some(("Failed", "Evicted", message.into()));
                run.phase = Phase::Over;
                None
            }
            _ => None,
        }
    }

    fn crash(
        &mut self,
        run: &mut Run,
        pod: &Value,
        code: i32,
        reason: &'static str,
        log: &str,
    ) -> Option<std::time::Duration> {
        run.ready_since = None;
        run.phase = Phase::Crashed;
        let container = run.focus();
        container.log.extend(log.lines().map(str::to_owned));
        container.end(code, reason);
        let restarts = container.restarts;
        if text(pod, "/spec/restartPolicy") == "Never" {
            run.outcome = Some(("Failed", "", String::new()));
            run.phase = Phase::Over;
            return None;
        }
        // The first restart follows at once; after that the kubelet backs off.
        Some(if restarts == 0 {
            self.timing.reaction * 2
        } else {
            self.timing.reaction
        })
    }

    fn restart(&mut self, run: &mut Run, pod: &Value) -> Option<std::time::Duration> {
        let pod_uid = uid(pod).to_owned();
        let (ns, pod_name) = (run.ns.clone(), run.name.clone());
        let container = run.focus();
        let ended = matches!(container.state, Condition::Ended { .. });
        if ended && container.restarts > 0 {
            let times = container.restarts;
            let name = container.name.clone();
            container.last = Some(container.state.clone());
            let seconds = backoff_seconds(times);
            let shown = format!(
                "back-off {} restarting failed container={name} pod={pod_name}_{ns}({pod_uid})",
                spoken(seconds)
            );
            container.state = Condition::Waiting {
                reason: "CrashLoopBackOff",
                message: shown,
            };
            let message =
                format!("Back-off restarting failed container {name} in pod {pod_name}_{ns}({pod_uid})");
            self.record(pod, "Warning", "BackOff", &message, "kubelet");
            return Some(self.backoff(times));
        }
        container.restart();
        let (name, image) = (container.name.clone(), container.image.clone());
        let pulled = format!("Container image \"{image}\" already present on machine");
        self.record(pod, "Normal", "Pulled", &pulled, "kubelet");
        self.record(
            pod,
            "Normal",
            "Created",
            &format!("Created container: {name}"),
            "kubelet",
        );
        self.record(
            pod,
            "Normal",
            "Started",
            &format!("Started container {name}"),
            "kubelet",
        );
        run.phase = Phase::Started;
        Some(match run.behaviour() {
            Behaviour::CrashAfterReady { .. } => run.takes * 3 / 5,
            _ => self.timing.crash,
        })
    }

    fn backoff(&self, times: u32) -> std::time::Duration {
        self.timing.seconds(f64::from(backoff_seconds(times)))
    }

    fn probe_period(&self, pod: &Value) -> std::time::Duration {
        let period = int(pod, "/spec/containers/0/readinessProbe/periodSeconds");
        #[expect(clippy::cast_precision_loss, reason = "a small number of seconds")]
        self.timing.seconds(if period > 0 { period as f64 } else { 10.0 })
    }
}

/// 10 s, doubling, up to 5 minutes.
fn backoff_seconds(times: u32) -> u32 {
    10_u32
        .saturating_mul(2_u32.saturating_pow(times.saturating_sub(1)))
        .min(300)
}

/// As Go writes a duration.
fn spoken(seconds: u32) -> String {
    match (seconds / 60, seconds % 60) {
        (0, s) => format!("{s}s"),
        (m, s) => format!("{m}m{s}s"),
    }
}
