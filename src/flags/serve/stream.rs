//! Purpose: changes as server-sent events (OFREP's ADR-0008): a word that there is something new, never what it is.
//!
//! The event that says how far the set has come is made once for all who listen. Whoever connects is told of it, unless it
//! says by `Last-Event-ID` that it has it: so a change between a client's first answer and its first listening is not missed,
//! and any number of missed events are one.

use super::{Serving, ofrep::empty};
use crate::service::{News, Stage};
use axum::{
    body::{Body, Bytes},
    extract::{Query, State},
    http::{Extensions, HeaderMap, HeaderValue, Response, StatusCode, header},
};
use futures_util::{Stream, stream::unfold};
use serde::Deserialize;
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

/// After how many milliseconds a client that lost the connection tries again.
const HELLO: &[u8] = b"retry: 3000\n\n";

/// A comment, which nobody sees.
const HEARTBEAT: &[u8] = b":\n\n";

#[derive(Deserialize)]
pub(super) struct Where {
    channel: Option<String>,
}

/// All who listen.
pub(crate) struct Streams {
    most: u32,
    open: Arc<AtomicU32>,
    heartbeat: Duration,
    stop: CancellationToken,
}

impl Streams {
    pub(crate) fn new(most: u32, heartbeat: Duration, stop: CancellationToken) -> Self {
        Self {
            most,
            open: Arc::default(),
            heartbeat,
            stop,
        }
    }

    /// A place among them, given back when it is dropped.
    fn place(&self) -> Option<Place> {
        let place = Place(self.open.clone());
        (self.open.fetch_add(1, Ordering::Relaxed) < self.most).then_some(place)
    }
}

struct Place(Arc<AtomicU32>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) async fn events(
    State(serving): State<Arc<Serving>>,
    Query(channel): Query<Where>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response<Body> {
    let by_channel = || {
        let channel = channel.channel.as_deref()?;
        serving.access.by_channel(channel, serving.flags.now())
    };
    let client = match serving.access.by_headers(&headers).or_else(by_channel) {
        Some(client) => serving.admitted(client, &extensions),
        None => Err(serving.stranger(&extensions)),
    };
    let client = match client {
        Ok(client) => client,
        Err(refusal) => return refusal,
    };
    let Some(news) = serving.flags.listen(&client.set) else {
        return empty(StatusCode::SERVICE_UNAVAILABLE, Some(30));
    };
    let Some(place) = serving.streams.place() else {
        return empty(StatusCode::SERVICE_UNAVAILABLE, Some(30));
    };
    let last = headers
        .get("last-event-id")
        .and_then(|id| Stage::from_name(id.to_str().ok()?));
    let stream = told(
        news,
        last,
        serving.streams.heartbeat,
        serving.streams.stop.clone(),
        place,
    );
    let mut response = Response::new(Body::from_stream(stream));
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        // nginx would keep events back until there are enough of them.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn told(
    news: watch::Receiver<Arc<News>>,
    last: Option<Stage>,
    heartbeat: Duration,
    stop: CancellationToken,
    place: Place,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let begin = (news, last, false, place);
    unfold(begin, move |(mut news, last, greeted, place)| {
        let stop = stop.clone();
        async move {
            if !greeted {
                return Some((Ok(Bytes::from_static(HELLO)), (news, last, true, place)));
            }
            let beat = Instant::now() + heartbeat;
            loop {
                let now = news.borrow_and_update().clone();
                // Another stage than the last, even an earlier one: a client may come from a replica that is ahead.
                if last != Some(now.stage) {
                    return Some((Ok(now.event.clone()), (news, Some(now.stage), true, place)));
                }
                drop(now);
                tokio::select! {
                    () = stop.cancelled() => return None,
                    changed = news.changed() => if changed.is_err() { return None },
                    () = tokio::time::sleep_until(beat) => {
                        return Some((Ok(Bytes::from_static(HEARTBEAT)), (news, last, true, place)));
                    }
                }
            }
        }
    })
}
