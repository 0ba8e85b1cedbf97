//! Watches: what is, then what changes, a line of JSON each.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::body::{Body, Bytes};
use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use super::{
    resources::Res,
    rest::{Shown, show},
    selectors::Selector,
    server::Shared,
    status::{Answer, ApiError},
    store::{Change, ChangeKind, State},
    value::text,
};

/// What a watch asks for.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) res: Res,
    pub(crate) ns: String,
    pub(crate) selector: Selector,
    pub(crate) shown: Shown,
    /// Empty or `0`: begin with what is.
    pub(crate) version: String,
    pub(crate) bookmarks: bool,
    pub(crate) send_initial: bool,
    pub(crate) timeout: Option<Duration>,
}

struct Stream {
    ask: Ask,
    shared: Arc<Shared>,
    lines: VecDeque<Bytes>,
    seen: u64,
    changed: watch::Receiver<u64>,
    cut: watch::Receiver<u64>,
    until: Instant,
    bookmark: Instant,
    over: bool,
}

/// The server ends a watch by itself after half an hour to an hour.
const LONGEST: Duration = Duration::from_secs(1_800);

/// Begins a watch.
///
/// # Errors
/// A version that is no longer remembered is 410 Gone, as an event where the server would have begun already.
pub(crate) fn begin(shared: &Arc<Shared>, state: &State, ask: Ask) -> Answer<Body> {
    let mut lines = VecDeque::new();
    let mut seen = state.version();
    let from_now = matches!(ask.version.as_str(), "" | "0");
    if from_now || ask.send_initial {
        for object in state
            .all(ask.res.store, &ask.ns)
            .filter(|object| ask.selector.matches(object))
        {
            lines.push_back(line("ADDED", &ask.shown, ask.res, object));
        }
        if ask.send_initial && ask.bookmarks {
            lines.push_back(bookmark(&ask, seen, true));
        }
    } else {
        seen = ask.version.parse().map_err(|_| {
            ApiError::bad_request(format!(
                "Invalid value: {:?}: resourceVersion: invalid",
                ask.version
            ))
        })?;
        if seen < state.oldest() {
            lines.push_back(error_line(&ApiError::too_old(seen, state.oldest())));
        }
    }
    let now = Instant::now();
    let over = !from_now && !ask.send_initial && seen < state.oldest();
    let stream = Stream {
        until: now + ask.timeout.unwrap_or(LONGEST).min(LONGEST),
        bookmark: now + state.timing.bookmark,
        changed: shared.changed.subscribe(),
        cut: shared.cut.subscribe(),
        shared: Arc::clone(shared),
        ask,
        lines,
        seen,
        over,
    };
    Ok(Body::from_stream(futures_util::stream::unfold(stream, next)))
}

async fn next(mut stream: Stream) -> Option<(Result<Bytes, std::io::Error>, Stream)> {
    loop {
        if let Some(first) = stream.lines.pop_front() {
            // One write for all that is there: a big cluster's beginning is thousands of lines.
            let mut all = first.to_vec();
            while let Some(more) = stream.lines.pop_front() {
                all.extend_from_slice(&more);
            }
            return Some((Ok(Bytes::from(all)), stream));
        }
        if stream.over {
            return None;
        }
        stream.changed.borrow_and_update();
        stream.catch_up();
        if !stream.lines.is_empty() {
            continue;
        }
        let bookmark = if stream.ask.bookmarks {
            stream.bookmark
        } else {
            stream.until
        };
        tokio::select! {
            changed = stream.changed.changed() => {
                if changed.is_err() {
                    return None;
                }
            }
            _ = stream.cut.changed() => {
                stream.over = true;
                let cut = std::io::Error::other("the watch was cut");
                return Some((Err(cut), stream));
            }
            () = stream.shared.stop.cancelled() => return None,
            () = tokio::time::sleep_until(stream.until) => return None,
            () = tokio::time::sleep_until(bookmark), if stream.ask.bookmarks => {
                let line = bookmark_now(&mut stream);
                stream.lines.push_back(line);
            }
        }
    }
}

fn bookmark_now(stream: &mut Stream) -> Bytes {
    let every = stream.shared.state().timing.bookmark;
    stream.bookmark = Instant::now() + every;
    bookmark(&stream.ask, stream.seen, false)
}

impl Stream {
    fn catch_up(&mut self) {
        let shared = Arc::clone(&self.shared);
        let state = shared.state();
        match state.since(self.ask.res.store, self.seen) {
            Ok(changes) => {
                for change in changes {
                    if let Some(line) = told(&self.ask, &change) {
                        self.lines.push_back(line);
                    }
                }
                self.seen = state.version();
            }
            Err(oldest) => {
                self.lines
                    .push_back(error_line(&ApiError::too_old(self.seen, oldest)));
                self.over = true;
            }
        }
    }
}

/// A change as this watch is told it: what no longer is selected is deleted to it.
fn told(ask: &Ask, change: &Change) -> Option<Bytes> {
    if !ask.ns.is_empty() && text(&change.object, "/metadata/namespace") != ask.ns {
        return None;
    }
    let before = change
        .before
        .as_ref()
        .is_some_and(|before| ask.selector.matches(before));
    let after = change.kind != ChangeKind::Deleted && ask.selector.matches(&change.object);
    let kind = match (before, after) {
        (false, true) => "ADDED",
        (true, true) => "MODIFIED",
        (true, false) => "DELETED",
        (false, false) => return None,
    };
    Some(line(kind, &ask.shown, ask.res, &change.object))
}

fn line(kind: &str, shown: &Shown, res: Res, object: &Value) -> Bytes {
    written(&json!({ "type": kind, "object": show(shown, res, object) }))
}

fn written(event: &Value) -> Bytes {
    Bytes::from(format!("{event}\n"))
}

fn error_line(error: &ApiError) -> Bytes {
    written(&json!({ "type": "ERROR", "object": error.body() }))
}

/// A watch that tells one error, and ends.
pub(crate) fn failing(error: &ApiError) -> Body {
    Body::from(error_line(error))
}

fn bookmark(ask: &Ask, version: u64, initial_end: bool) -> Bytes {
    let mut object = json!({
        "kind": ask.res.kind,
        "apiVersion": ask.res.api_version(),
        "metadata": { "resourceVersion": version.to_string(), "creationTimestamp": null },
    });
    if initial_end {
        object["metadata"]["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
    }
    if ask.shown.table {
        object = json!({
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": { "resourceVersion": version.to_string() },
            "columnDefinitions": [],
            "rows": [{ "cells": [], "object": object }],
        });
    }
    written(&json!({ "type": "BOOKMARK", "object": object }))
}
