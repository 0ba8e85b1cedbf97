//! What is wrong with one pod, read from its status and the events about it.

use k8s_openapi::api::core::v1::{
    Container, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus, Event, Pod, Probe,
};

use crate::cause::{Cause, Exit, Fault};
use crate::events;

/// The kubelet gives up on a probe after this many failures unless the spec says otherwise.
const DEFAULT_THRESHOLD: i32 = 3;

/// The best explanation of why a pod is not as it should be; none when it is, or when it has simply not
/// started yet.
#[must_use]
pub fn explain(pod: &Pod, events: &[Event]) -> Option<Cause> {
    let status = pod.status.as_ref()?;
    let spec = pod.spec.as_ref();
    let init = status.init_container_statuses.as_deref().unwrap_or_default();
    let main = status.container_statuses.as_deref().unwrap_or_default();
    let specs = |name: &str| {
        let init = spec
            .and_then(|spec| spec.init_containers.as_deref())
            .unwrap_or_default();
        let main = spec.map(|spec| spec.containers.as_slice()).unwrap_or_default();
        init.iter().chain(main).find(|container| container.name == name)
    };
    let cause = |fault: Fault, container: Option<&str>| Cause {
        fault,
        pod: pod.metadata.name.clone(),
        container: container.map(str::to_owned),
        pods: 1,
        log: Vec::new(),
    };
    let found = init
        .iter()
        .filter(|container| !container.ready)
        .filter_map(|container| {
            let fault = stuck(pod, container, specs(&container.name), events)
                .or_else(|| ended(container, specs(&container.name)).map(Fault::InitFailed))?;
            Some(cause(fault, Some(&container.name)))
        })
        .chain(
            main.iter()
                .filter(|container| !container.ready)
                .filter_map(|container| {
                    let fault = stuck(pod, container, specs(&container.name), events)
                        .or_else(|| ended(container, specs(&container.name)).map(Fault::Crashed))?;
                    Some(cause(fault, Some(&container.name)))
                }),
        )
        .max_by_key(|cause| cause.fault.rank());
    found
        .or_else(|| unschedulable(pod).map(|fault| cause(fault, None)))
        .or_else(|| {
            let container = main
                .iter()
                .find(|container| !container.ready && is_running(container))?;
            let fault = not_ready(pod, specs(&container.name), events);
            Some(cause(fault, Some(&container.name)))
        })
}

/// True when a pod ended for a reason that has nothing to do with what runs in it: Kubernetes replaces it.
#[must_use]
pub fn is_displaced(pod: &Pod) -> bool {
    let Some(status) = &pod.status else { return false };
    let reason = status.reason.as_deref().unwrap_or_default();
    let displaced = [
        "Evicted",
        "NodeLost",
        "Preempting",
        "NodeAffinity",
        "NodeShutdown",
        "Terminated",
    ];
    let out_of = reason.starts_with("OutOf") || reason == "UnexpectedAdmissionError";
    status.phase.as_deref() == Some("Failed") && (out_of || displaced.contains(&reason))
}

fn is_running(container: &ContainerStatus) -> bool {
    container
        .state
        .as_ref()
        .is_some_and(|state| state.running.is_some())
}

fn waiting(container: &ContainerStatus) -> Option<&ContainerStateWaiting> {
    container.state.as_ref()?.waiting.as_ref()
}

/// Why a container has not been started at all.
fn stuck(
    pod: &Pod,
    container: &ContainerStatus,
    spec: Option<&Container>,
    events: &[Event],
) -> Option<Fault> {
    let waiting = waiting(container)?;
    let reason = waiting.reason.as_deref().unwrap_or_default();
    let message = waiting.message.clone().unwrap_or_default();
    let image = spec
        .and_then(|spec| spec.image.clone())
        .unwrap_or_else(|| container.image.clone());
    match reason {
        "ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable" => {
            // While the kubelet backs off, its text says only that; the reason stands in an event.
            let told = std::iter::once(message.clone())
                .chain(
                    events::about(pod, events)
                        .filter(|event| event.reason == "Failed")
                        .map(|event| event.message),
                )
                .filter(|text| text.contains(&image) || *text == message)
                .max_by_key(|text| pull_rank(text, &image));
            let message = told.unwrap_or(message);
            Some(match pull_rank(&message, &image) {
                3 => Fault::ImageMissing { image, message },
                2 => Fault::PullDenied { image, message },
                _ => Fault::PullFailing { image, message },
            })
        }
        "InvalidImageName" | "ErrImageNeverPull" => Some(Fault::ImageInvalid { image, message }),
        "CreateContainerConfigError" => Some(Fault::ConfigMissing { message }),
        "CreateContainerError" | "RunContainerError" | "PostStartHookError" | "PreCreateHookError" => {
            Some(Fault::CannotStart {
                reason: reason.to_owned(),
                message,
            })
        }
        _ => None,
    }
}

/// How much a text about a failed pull tells: nothing, some failure, access is denied, the image is missing.
fn pull_rank(text: &str, image: &str) -> u8 {
    // An image may be called anything, `not-found:403` too.
    let text = text.replace(image, "").to_ascii_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if any(&[
        "not found",
        "manifest unknown",
        "name unknown",
        "no such manifest",
    ]) {
        3
    } else if any(&[
        "401",
        "403",
        "unauthorized",
        "forbidden",
        "denied",
        "authentication required",
        "authorize",
    ]) {
        2
    } else if text.is_empty() || text.starts_with("back-off pulling") || text.starts_with("error: ") {
        0
    } else {
        1
    }
}

/// A container of the pod that crashed and was started again, ready now or not.
#[must_use]
pub(crate) fn restarted(pod: &Pod) -> Option<Cause> {
    let status = pod.status.as_ref()?;
    let spec = pod.spec.as_ref();
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    let container = containers
        .iter()
        .max_by_key(|container| container.restart_count)?;
    let spec = spec.and_then(|spec| spec.containers.iter().find(|other| other.name == container.name));
    Some(Cause {
        fault: Fault::Crashed(ended(container, spec)?),
        pod: pod.metadata.name.clone(),
        container: Some(container.name.clone()),
        pods: 1,
        log: Vec::new(),
    })
}

/// How a container last ended, when it ended badly.
pub(crate) fn ended(container: &ContainerStatus, spec: Option<&Container>) -> Option<Exit> {
    let looping =
        waiting(container).is_some_and(|waiting| waiting.reason.as_deref() == Some("CrashLoopBackOff"));
    let terminated = |state: Option<&k8s_openapi::api::core::v1::ContainerState>| {
        state.and_then(|state| state.terminated.clone())
    };
    let last: Option<ContainerStateTerminated> =
        terminated(container.state.as_ref()).or_else(|| terminated(container.last_state.as_ref()));
    let exit = match last {
        // A main container must not end at all; one that ended well and is started again is still a crash.
        Some(last) if last.exit_code != 0 || looping || container.restart_count > 0 => Exit {
            code: last.exit_code,
            signal: last.signal.or_else(|| {
                (129..=159)
                    .contains(&last.exit_code)
                    .then(|| last.exit_code - 128)
            }),
            reason: last.reason.unwrap_or_default(),
            message: last
                .message
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty()),
            ..Exit::default()
        },
        None if looping => Exit::default(),
        _ => return None,
    };
    let memory_limit = spec
        .and_then(|spec| spec.resources.as_ref()?.limits.as_ref()?.get("memory"))
        .map(|quantity| quantity.0.clone());
    Some(Exit {
        restarts: container.restart_count,
        looping,
        memory_limit,
        ..exit
    })
}

fn unschedulable(pod: &Pod) -> Option<Fault> {
    let conditions = pod.status.as_ref()?.conditions.as_deref()?;
    let condition = conditions.iter().find(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    })?;
    Some(Fault::Unschedulable {
        message: condition.message.clone().unwrap_or_default(),
    })
}

fn not_ready(pod: &Pod, spec: Option<&Container>, events: &[Event]) -> Fault {
    let last = events::about(pod, events)
        .filter(|event| event.reason == "Unhealthy")
        .max_by_key(|event| event.at);
    let startup = last
        .as_ref()
        .is_some_and(|event| event.message.starts_with("Startup"));
    let probe = spec.and_then(|spec| match startup {
        true => spec.startup_probe.as_ref(),
        false => spec.readiness_probe.as_ref().or(spec.startup_probe.as_ref()),
    });
    Fault::NotReady {
        probe: probe.and_then(probed),
        failures: last.as_ref().map_or(0, |event| event.count),
        message: last.map(|event| event.message),
        threshold: probe
            .and_then(|probe| probe.failure_threshold)
            .unwrap_or(DEFAULT_THRESHOLD),
    }
}

/// What a probe does, in a few words.
fn probed(probe: &Probe) -> Option<String> {
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
    let port = |port: &IntOrString| match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    };
    if let Some(http) = &probe.http_get {
        return Some(format!(
            "GET :{}{}",
            port(&http.port),
            http.path.as_deref().unwrap_or("/")
        ));
    }
    if let Some(tcp) = &probe.tcp_socket {
        return Some(format!("connect to :{}", port(&tcp.port)));
    }
    if let Some(grpc) = &probe.grpc {
        return Some(format!("gRPC health check on :{}", grpc.port));
    }
    let command = probe.exec.as_ref()?.command.as_ref()?;
    Some(format!("run {}", command.join(" ")))
}
