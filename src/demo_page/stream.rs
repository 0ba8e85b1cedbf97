//! What the page hears: server-sent events, `start` with everything first, then what changes. A browser that lost the stream connects
//! again by itself, and gets everything anew.

use crate::{Bench, Page, cluster, shown};
use axum::{
    extract::State,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::stream;
use serde_json::{Value, json};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};

/// Nothing happens for so long at most; what is looked at then is the same again.
const HOUR: Duration = Duration::from_secs(3_600);

/// `GET /api/events`
pub(crate) async fn events(State(page): State<Arc<Page>>) -> Response {
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(tell(page, sender));
    let events = stream::unfold(receiver, |mut receiver| async {
        let told: (&str, Value) = receiver.recv().await?;
        let event = Event::default().event(told.0).data(told.1.to_string());
        Some((Ok::<_, Infallible>(event), receiver))
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

/// Tells until nobody listens any more.
async fn tell(page: Arc<Page>, to: mpsc::Sender<(&'static str, Value)>) {
    let entries = page.slack.journal(0);
    // What happens meanwhile is told once more: the page takes a message twice as once.
    let mut seen = entries.last().map_or(0, |entry| entry.n);
    let mut bench = page.bench.clone();
    let start = shown::start(&page, &entries);
    let mut places = start["channels"].clone();
    drop(entries);
    if to.send(("start", start)).await.is_err() {
        return;
    }
    let mut pods = Value::Null;
    loop {
        tokio::select! {
            () = to.closed() => return,
            new = page.slack.entries_after(seen) => {
                seen = new.last().map_or(seen, |entry| entry.n);
                let (changes, now) = page.slack.look(|world| {
                    let changes: Vec<Value> = new.iter().filter_map(|entry| shown::change(entry, world)).collect();
                    (changes, Value::from(shown::channels(world)))
                });
                let log: Vec<Value> = new.iter().map(shown::entry).collect();
                let mut told = json!({ "changes": changes, "log": log });
                if now != places {
                    told["channels"] = now.clone();
                    places = now;
                }
                if to.send(("news", told)).await.is_err() {
                    return;
                }
            }
            now = worked(&mut bench) => {
                if to.send(("bench", now)).await.is_err() {
                    return;
                }
            }
            now = page.cluster.wait_until(HOUR, |view| {
                let now = cluster::shown(view, &page.namespaces);
                (now != pods).then_some(now)
            }) => {
                if let Ok(now) = now {
                    pods = now.clone();
                    if to.send(("cluster", now)).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// How the bench stands, once that has changed; never, where there is none.
async fn worked(bench: &mut Option<watch::Receiver<Bench>>) -> Value {
    if let Some(bench) = bench
        && bench.changed().await.is_ok()
    {
        return json!(*bench.borrow_and_update());
    }
    // Without one there is nothing to hear of; nor is there when whoever works there is gone.
    std::future::pending().await
}
