//! What is said about logs and events.

use jiff::Timestamp;
use otus::markup::{bold, code};
use otus_kubernetes::events::Note;
use otus_kubernetes::{PodSeen, redact};

use crate::words::{age, count, cut, duration, list, since};

/// Whose logs or events, when nothing tells.
pub(crate) fn whose(command: &str) -> String {
    format!(
        "Whose {command} do you mean? Say {}, or {} in the thread of a deploy.",
        code(&format!("{command} <service> in <environment>")),
        code(command)
    )
}

/// Neither a service, nor said where a pod could be meant.
pub(crate) fn neither(what: &str) -> String {
    format!(
        "There is no service called {}. A pod can be named in the thread of its deploy.",
        code(what)
    )
}

/// The service has no such pod.
pub(crate) fn no_such_pod(service: &str, environment: &str, what: &str, pods: &[PodSeen]) -> String {
    const SHOWN: usize = 8;
    let names: Vec<_> = pods.iter().take(SHOWN).map(|pod| code(&pod.name)).collect();
    let there = match names.as_slice() {
        [] => "No pod of it runs there.".to_owned(),
        names => format!("It has {}.", list(names)),
    };
    format!(
        "{} has no pod {} in {}. {there}",
        code(service),
        code(what),
        bold(environment)
    )
}

/// Logs cannot be shown.
pub(crate) fn cannot_show(what: &str, service: &str, environment: &str, error: &str) -> String {
    format!(
        "I cannot show the {what} of {} in {}: {}.",
        code(service),
        bold(environment),
        error.trim_end_matches('.')
    )
}

/// Above logs or events.
pub(crate) fn looked_at(what: &str, service: &str, environment: &str) -> String {
    format!("{what} of {} in {}", bold(service), bold(environment))
}

/// No pod runs.
pub(crate) fn no_pods() -> String {
    "No pod of it runs there.".to_owned()
}

/// Above the log of one pod.
pub(crate) fn pod(pod: &PodSeen, now: Timestamp) -> String {
    let mut words = vec![if pod.ready { "ready" } else { "not ready" }.to_owned()];
    if let Some(created) = pod.created {
        words.push(format!("{} old", duration(since(created, now))));
    }
    match pod.restarts {
        0 => {}
        1 => words.push("started again once".to_owned()),
        times => words.push(format!("started again {times} times")),
    }
    if !pod.wanted {
        words.push("of an earlier version".to_owned());
    }
    format!("{}: {}", code(&pod.name), words.join(", "))
}

/// Instead of a log.
pub(crate) fn no_log(previous: bool) -> String {
    match previous {
        true => "It was never started again, so there is no earlier log.".to_owned(),
        false => "It has not started yet, so there is no log.".to_owned(),
    }
}

/// An empty log.
pub(crate) fn wrote_nothing() -> String {
    "It wrote nothing.".to_owned()
}

/// More pods than are shown.
pub(crate) fn more_pods(more: usize) -> String {
    let more = i32::try_from(more).unwrap_or(i32::MAX);
    format!("And {}; name one to see its log.", count(more, "more pod"))
}

/// Nothing happened.
pub(crate) fn no_events() -> String {
    "Kubernetes reports nothing about it; it forgets events after an hour or so.".to_owned()
}

/// One thing that happened.
pub(crate) fn event(note: &Note, now: Timestamp) -> String {
    const LINE: usize = 130;
    let age = note.at.map(|at| age(since(at, now))).unwrap_or_default();
    let times = match note.count {
        1 => String::new(),
        times => format!(" ×{times}"),
    };
    let line = format!(
        "{} {}{times}: {}",
        note.object,
        note.reason,
        redact(&note.message)
    );
    format!("{age:>4}  {}", cut(&line, LINE))
}
