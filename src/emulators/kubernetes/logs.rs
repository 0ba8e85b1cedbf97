//! `pods/log`.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use tokio::sync::watch;

use super::{
    controllers::{Phase, Run},
    server::Shared,
    status::{Answer, ApiError},
    store::State,
    value::uid,
};

/// What is asked of a log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) container: String,
    pub(crate) previous: bool,
    pub(crate) tail: Option<usize>,
    pub(crate) limit: Option<usize>,
    pub(crate) timestamps: bool,
}

fn run<'a>(state: &'a State, ns: &str, pod: &str) -> Answer<&'a Run> {
    let missing = || ApiError::not_found(super::resources::known("pods"), pod);
    let object = state.find("pods", ns, pod).ok_or_else(missing)?;
    state.runs.get(uid(&object)).ok_or_else(missing)
}

/// The lines of a container's log, oldest first.
fn lines(state: &State, ns: &str, pod: &str, ask: &Ask) -> Answer<Vec<String>> {
    let run = run(state, ns, pod)?;
    let mains: Vec<_> = run.containers.iter().filter(|c| !c.init).collect();
    let container = match (ask.container.as_str(), mains.as_slice()) {
        ("", [one]) => Some(*one),
        ("", many) => {
            let names: Vec<_> = many.iter().map(|c| c.name.as_str()).collect();
            return Err(ApiError::bad_request(format!(
                "a container name must be specified for pod {pod}, choose one of: [{}]",
                names.join(" ")
            )));
        }
        (wanted, _) => run.containers.iter().find(|c| c.name == wanted),
    };
    let Some(container) = container else {
        return Err(ApiError::bad_request(format!(
            "container {} is not valid for pod {pod}",
            ask.container
        )));
    };
    if ask.previous {
        return container
            .previous
            .clone()
            .or_else(|| ended(run, container))
            .ok_or_else(|| {
                let name = &container.name;
                ApiError::bad_request(format!(
                    "previous terminated container \"{name}\" in pod \"{pod}\" not found"
                ))
            });
    }
    if container.log.is_empty() && container.restarts == 0 {
        let why = match &container.state {
            super::controllers::Condition::Waiting { reason, .. } if reason.contains("Image") => {
                "trying and failing to pull image"
            }
            super::controllers::Condition::Waiting { reason, .. } => *reason,
            _ => return Ok(Vec::new()),
        };
        let name = &container.name;
        return Err(ApiError::bad_request(format!(
            "container \"{name}\" in pod \"{pod}\" is waiting to start: {why}"
        )));
    }
    Ok(container.log.clone())
}

/// While a container waits for its restart, the run that just ended is the previous one as well as the current.
fn ended(run: &Run, container: &super::controllers::Container) -> Option<Vec<String>> {
    (run.phase == Phase::Crashed && container.last.is_some()).then(|| container.log.clone())
}

fn cut(mut lines: Vec<String>, ask: &Ask) -> String {
    if let Some(tail) = ask.tail {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    let mut text = String::new();
    for line in &lines {
        if ask.timestamps {
            text.push_str(&super::timing::micro_stamp());
            text.push(' ');
        }
        text.push_str(line);
        text.push('\n');
    }
    if let Some(limit) = ask.limit
        && text.len() > limit
    {
        // Bytes are what is limited; half a letter is left out.
        text.truncate(
            (0..=limit)
                .rev()
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or_default(),
        );
    }
    text
}

/// The log as it is now.
pub(crate) fn read(state: &State, ns: &str, pod: &str, ask: &Ask) -> Answer<String> {
    Ok(cut(lines(state, ns, pod, ask)?, ask))
}

struct Follow {
    shared: Arc<Shared>,
    ns: String,
    pod: String,
    ask: Ask,
    restarts: u32,
    sent: usize,
    first: Option<String>,
    changed: watch::Receiver<u64>,
    cut: watch::Receiver<u64>,
}

/// The log as it is, and what is added to it until the container ends.
pub(crate) fn follow(shared: &Arc<Shared>, state: &State, ns: &str, pod: &str, ask: Ask) -> Answer<Body> {
    let all = lines(state, ns, pod, &ask)?;
    let follow = Follow {
        restarts: run(state, ns, pod)?.containers.iter().map(|c| c.restarts).sum(),
        sent: all.len(),
        first: Some(cut(all, &ask)),
        shared: Arc::clone(shared),
        ns: ns.to_owned(),
        pod: pod.to_owned(),
        changed: shared.changed.subscribe(),
        cut: shared.cut.subscribe(),
        ask,
    };
    Ok(Body::from_stream(futures_util::stream::unfold(follow, next)))
}

async fn next(mut follow: Follow) -> Option<(Result<Bytes, std::io::Error>, Follow)> {
    if let Some(first) = follow.first.take().filter(|text| !text.is_empty()) {
        return Some((Ok(Bytes::from(first)), follow));
    }
    loop {
        follow.changed.borrow_and_update();
        let (fresh, over) = follow.fresh();
        if !fresh.is_empty() {
            return Some((Ok(Bytes::from(fresh)), follow));
        }
        if over {
            return None;
        }
        tokio::select! {
            changed = follow.changed.changed() => changed.ok()?,
            _ = follow.cut.changed() => return None,
            () = follow.shared.stop.cancelled() => return None,
        }
    }
}

impl Follow {
    /// What was added, and whether nothing will be any more.
    fn fresh(&mut self) -> (String, bool) {
        let state = self.shared.state();
        let Ok(run) = run(&state, &self.ns, &self.pod) else {
            return (String::new(), true);
        };
        let restarts: u32 = run.containers.iter().map(|c| c.restarts).sum();
        let over = restarts != self.restarts || matches!(run.phase, Phase::Crashed | Phase::Over);
        if restarts != self.restarts {
            return (String::new(), true);
        }
        let Ok(all) = lines(&state, &self.ns, &self.pod, &self.ask) else {
            return (String::new(), true);
        };
        let fresh = all.get(self.sent..).unwrap_or_default().to_vec();
        self.sent = all.len();
        (
            cut(
                fresh,
                &Ask {
                    tail: None,
                    ..self.ask.clone()
                },
            ),
            over,
        )
    }
}
