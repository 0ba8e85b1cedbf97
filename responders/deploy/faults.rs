//! The texts about what is wrong with a rollout: why, and what to do about it.

use otus::markup::code;
use otus_kubernetes::{Cause, Exit, Fault};

use crate::words::{count, cut};

/// A pod that runs and whose probe has not failed once is on its way, as every pod is for a while: nothing to tell.
pub(crate) fn just_starts(cause: &Cause) -> bool {
    matches!(cause.fault, Fault::NotReady { failures: 0, .. })
}

/// How much of what a cluster said is repeated.
const QUOTE: usize = 300;

/// Which pod, and why.
pub(crate) fn why(cause: &Cause) -> String {
    let pod = match (&cause.pod, cause.pods) {
        (Some(pod), 0 | 1) => format!("The new pod {}", code(pod)),
        (Some(pod), pods) => format!("The new pod {} (and {} more)", code(pod), pods - 1),
        (None, _) => "The rollout".to_owned(),
    };
    let container = cause.container.as_deref().unwrap_or_default();
    match &cause.fault {
        Fault::InTheWay { namespace, fault } => {
            let name = cause.pod.as_deref().unwrap_or_default();
            let old = format!("The pod {} of an earlier version", code(name));
            let command = format!("kubectl delete pod {name} -n {namespace}");
            format!(
                "The StatefulSet waits for a broken pod before it replaces any other, and would wait for ever. {} {} makes \
                 room for the new version.",
                told(fault, &old, container),
                code(&command)
            )
        }
        fault => told(fault, &pod, container),
    }
}

/// What is wrong with this pod and container.
fn told(fault: &Fault, pod: &str, container: &str) -> String {
    match fault {
        Fault::ImageMissing { image, .. } => {
            format!(
                "{pod} cannot start: the registry does not have the image {}.",
                code(image)
            )
        }
        Fault::PullDenied { image, message } => format!(
            "{pod} cannot start: the registry does not give the image {} to the cluster: {}",
            code(image),
            quote(message)
        ),
        Fault::PullFailing { image, message } => {
            format!(
                "{pod} is still without its image {}: {}",
                code(image),
                quote(message)
            )
        }
        Fault::ImageInvalid { image, message } => {
            format!(
                "{pod} cannot start: {} cannot be used as an image: {}",
                code(image),
                quote(message)
            )
        }
        Fault::ConfigMissing { message } => format!("{pod} cannot start: {}", quote(message)),
        Fault::CannotStart { reason, message } => {
            format!(
                "{pod} cannot start its container {} ({reason}): {}",
                code(container),
                quote(message)
            )
        }
        Fault::InitFailed(exit) => {
            format!(
                "{pod} cannot start: its init container {} {}.",
                code(container),
                ended(exit)
            )
        }
        Fault::Crashed(exit) if exit.out_of_memory() => {
            let limit = exit
                .memory_limit
                .as_ref()
                .map(|limit| format!(" of {limit}"))
                .unwrap_or_default();
            format!(
                "{pod} was killed for using more memory than its limit{limit}{}.",
                again(exit)
            )
        }
        Fault::Crashed(exit) => format!(
            "{pod} crashes: its container {} {}.",
            code(container),
            ended(exit)
        ),
        Fault::Unschedulable { message } => format!("{pod} finds no node to run on: {}", quote(message)),
        Fault::NotReady {
            probe,
            message,
            failures,
            threshold,
        } => {
            let probe = probe
                .as_ref()
                .map(|probe| format!(" ({})", code(probe)))
                .unwrap_or_default();
            match message {
                Some(message) => format!(
                    "{pod} runs but is not ready: its probe{probe} failed {}, {threshold} are allowed: {}",
                    count(*failures, "time"),
                    quote(message)
                ),
                None => format!("{pod} runs but is not ready, and its probe{probe} has not failed yet."),
            }
        }
        Fault::PodsRefused { message } => format!(
            "Kubernetes is not allowed to create the new pods: {}",
            quote(message)
        ),
        Fault::LostPods { available, wanted } => {
            format!(
                "Only {available} of {} are still available.",
                count(*wanted, "pod")
            )
        }
        Fault::InTheWay { fault, .. } => told(fault, pod, container),
        Fault::ByHand => {
            "The update strategy is OnDelete: pods take the new version only when somebody deletes them."
                .to_owned()
        }
        Fault::Degraded { message } => {
            format!("The controller of the Rollout gave it up: {}", quote(message))
        }
        Fault::Displaced { reason, message } => {
            format!(
                "{pod} was ended by Kubernetes itself ({reason}): {}",
                quote(message)
            )
        }
        Fault::JobFailed { reason, message } => {
            format!("It failed ({reason}), and its pod is gone: {}", quote(message))
        }
        Fault::NotObserved => "Kubernetes has not begun to act on the change at all.".to_owned(),
        Fault::Unknown => {
            "Nothing tells why: the new pods neither come up nor report anything wrong.".to_owned()
        }
    }
}

/// What a person can do about it.
pub(crate) fn todo(cause: &Cause) -> &'static str {
    match &cause.fault {
        Fault::ImageMissing { .. } => {
            "Check that the build of this version has finished and pushed its image, and that its name is right."
        }
        Fault::PullDenied { .. } => {
            "Check that the image exists, and the pull secret (`imagePullSecrets`) of the pods or their service account."
        }
        Fault::PullFailing { .. } => "Check whether the registry is up, and whether the nodes can reach it.",
        Fault::ImageInvalid { .. } => "Correct `image` of the service in my configuration, or the version.",
        Fault::ConfigMissing { .. } => "Create what is missing, or deploy a version that does not need it.",
        Fault::CannotStart { .. } => "Check the command, the mounts and the user of the container.",
        Fault::InitFailed(_) => {
            "Look at its log; mend what it needs, or deploy a version that works without."
        }
        Fault::Crashed(exit) if exit.out_of_memory() => {
            "Raise the memory limit, or deploy a version that needs less."
        }
        Fault::Crashed(_) => "Look at the log; mend it and deploy the next version.",
        Fault::Unschedulable { .. } => "Make room: add nodes, or lower what the pods ask for.",
        Fault::NotReady { .. } => "Look at what the probe asks for; the log may tell why it is not answered.",
        Fault::PodsRefused { .. } => "Raise the quota, or change what the policy refuses.",
        Fault::LostPods { .. } => "Look at the pods' events; a node may be gone.",
        Fault::InTheWay { .. } => "It goes on by itself then; to have it watched, deploy again.",
        Fault::ByHand => "Set `updateStrategy.type` to RollingUpdate, or delete the pods one by one.",
        Fault::Degraded { .. } => {
            "Find out what the analysis measured, or who ended it; the way out is another deploy."
        }
        Fault::Displaced { .. } => "Look at the nodes' events; try again when they are well.",
        Fault::JobFailed { .. } => "Look at the Job's events in the cluster.",
        Fault::NotObserved => "Check that the cluster's controller manager runs.",
        Fault::Unknown => "Look at the pods in the cluster.",
    }
}

/// How a container ended.
pub(crate) fn ended(exit: &Exit) -> String {
    let how = match (exit.signal, exit.reason.as_str()) {
        (Some(signal), _) => format!("was ended by signal {signal} (exit code {})", exit.code),
        (None, "" | "Error" | "Completed") => format!("ended with exit code {}", exit.code),
        (None, reason) => format!("ended with exit code {} ({reason})", exit.code),
    };
    let said = exit
        .message
        .as_ref()
        .map(|message| format!(": {}", quote(message)))
        .unwrap_or_default();
    format!("{how}{}{}", again(exit), said.trim_end_matches('.'))
}

fn again(exit: &Exit) -> String {
    match exit.restarts {
        0 => String::new(),
        restarts => format!(", and was started again {}", count(restarts, "time")),
    }
}

/// What somebody else said, so short that it fits, as the end of a sentence.
fn quote(text: &str) -> String {
    let text = otus::markup::clean(&cut(text, QUOTE)).replace('`', "'");
    match text.ends_with(['.', '!', '?', '…']) {
        true => text,
        false => format!("{text}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(fault: Fault) -> String {
        let cause = Cause {
            pod: Some("web-7d9f-x2x".into()),
            container: Some("app".into()),
            pods: 1,
            ..Cause::of(fault)
        };
        format!("{} {}", why(&cause), todo(&cause))
    }

    fn exit(code: i32) -> Exit {
        Exit {
            code,
            reason: "Error".into(),
            restarts: 2,
            looping: true,
            ..Exit::default()
        }
    }

    #[test]
    fn every_fault_says_which_pod_why_and_what_to_do() {
        let image = || "r/web:v2".to_owned();
        let message = || "the server's words".to_owned();
        let faults = [
            Fault::ImageMissing {
                image: image(),
                message: message(),
            },
            Fault::PullDenied {
                image: image(),
                message: "401 Unauthorized".into(),
            },
            Fault::PullFailing {
                image: image(),
                message: "i/o timeout".into(),
            },
            Fault::ImageInvalid {
                image: image(),
                message: message(),
            },
            Fault::ConfigMissing {
                message: "secret \"db\" not found".into(),
            },
            Fault::CannotStart {
                reason: "RunContainerError".into(),
                message: message(),
            },
            Fault::InitFailed(exit(2)),
            Fault::Crashed(exit(1)),
            Fault::Crashed(Exit {
                message: Some("panic: no `DB_URL`".into()),
                ..exit(101)
            }),
            Fault::Crashed(Exit {
                signal: Some(9),
                reason: "OOMKilled".into(),
                memory_limit: Some("256Mi".into()),
                ..exit(137)
            }),
            Fault::Crashed(Exit {
                signal: Some(11),
                ..exit(139)
            }),
            Fault::Unschedulable {
                message: "0/5 nodes are available: 5 Insufficient cpu.".into(),
            },
            Fault::NotReady {
                probe: Some("GET :8080/healthz".into()),
                message: Some("Readiness probe failed: statuscode: 503".into()),
                failures: 12,
                threshold: 3,
            },
            Fault::PodsRefused {
                message: "exceeded quota: small".into(),
            },
            Fault::LostPods {
                available: 2,
                wanted: 3,
            },
            Fault::InTheWay {
                namespace: "shop".into(),
                fault: Box::new(Fault::ImageMissing {
                    image: image(),
                    message: message(),
                }),
            },
            Fault::ByHand,
            Fault::Displaced {
                reason: "Evicted".into(),
                message: "The node was low on memory.".into(),
            },
            Fault::JobFailed {
                reason: "BackoffLimitExceeded".into(),
                message: "Job has reached the specified backoff limit".into(),
            },
            Fault::NotObserved,
            Fault::Unknown,
        ];
        insta::assert_snapshot!(faults.map(said).join("\n"), @r#"
        The new pod `web-7d9f-x2x` cannot start: the registry does not have the image `r/web:v2`. Check that the build of this version has finished and pushed its image, and that its name is right.
        The new pod `web-7d9f-x2x` cannot start: the registry does not give the image `r/web:v2` to the cluster: 401 Unauthorized. Check that the image exists, and the pull secret (`imagePullSecrets`) of the pods or their service account.
        The new pod `web-7d9f-x2x` is still without its image `r/web:v2`: i/o timeout. Check whether the registry is up, and whether the nodes can reach it.
        The new pod `web-7d9f-x2x` cannot start: `r/web:v2` cannot be used as an image: the server's words. Correct `image` of the service in my configuration, or the version.
        The new pod `web-7d9f-x2x` cannot start: secret "db" not found. Create what is missing, or deploy a version that does not need it.
        The new pod `web-7d9f-x2x` cannot start its container `app` (RunContainerError): the server's words. Check the command, the mounts and the user of the container.
        The new pod `web-7d9f-x2x` cannot start: its init container `app` ended with exit code 2, and was started again 2 times. Look at its log; mend what it needs, or deploy a version that works without.
        The new pod `web-7d9f-x2x` crashes: its container `app` ended with exit code 1, and was started again 2 times. Look at the log; mend it and deploy the next version.
        The new pod `web-7d9f-x2x` crashes: its container `app` ended with exit code 101, and was started again 2 times: panic: no 'DB_URL'. Look at the log; mend it and deploy the next version.
        The new pod `web-7d9f-x2x` was killed for using more memory than its limit of 256Mi, and was started again 2 times. Raise the memory limit, or deploy a version that needs less.
        The new pod `web-7d9f-x2x` crashes: its container `app` was ended by signal 11 (exit code 139), and was started again 2 times. Look at the log; mend it and deploy the next version.
        The new pod `web-7d9f-x2x` finds no node to run on: 0/5 nodes are available: 5 Insufficient cpu. Make room: add nodes, or lower what the pods ask for.
        The new pod `web-7d9f-x2x` runs but is not ready: its probe (`GET :8080/healthz`) failed 12 times, 3 are allowed: Readiness probe failed: statuscode: 503. Look at what the probe asks for; the log may tell why it is not answered.
        Kubernetes is not allowed to create the new pods: exceeded quota: small. Raise the quota, or change what the policy refuses.
        Only 2 of 3 pods are still available. Look at the pods' events; a node may be gone.
        The StatefulSet waits for a broken pod before it replaces any other, and would wait for ever. The pod `web-7d9f-x2x` of an earlier version cannot start: the registry does not have the image `r/web:v2`. `kubectl delete pod web-7d9f-x2x -n shop` makes room for the new version. It goes on by itself then; to have it watched, deploy again.
        The update strategy is OnDelete: pods take the new version only when somebody deletes them. Set `updateStrategy.type` to RollingUpdate, or delete the pods one by one.
        The new pod `web-7d9f-x2x` was ended by Kubernetes itself (Evicted): The node was low on memory. Look at the nodes' events; try again when they are well.
        It failed (BackoffLimitExceeded), and its pod is gone: Job has reached the specified backoff limit. Look at the Job's events in the cluster.
        Kubernetes has not begun to act on the change at all. Check that the cluster's controller manager runs.
        Nothing tells why: the new pods neither come up nor report anything wrong. Look at the pods in the cluster.
        "#);
    }

    #[test]
    fn several_pods_are_counted() {
        let cause = Cause {
            pod: Some("web-1".into()),
            container: Some("app".into()),
            pods: 3,
            ..Cause::of(Fault::Crashed(exit(1)))
        };
        insta::assert_snapshot!(why(&cause), @"The new pod `web-1` (and 2 more) crashes: its container `app` ended with exit code 1, and was started again 2 times.");
    }
}
