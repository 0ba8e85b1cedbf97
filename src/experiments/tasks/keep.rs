//! One candidate in a task of its own, until it is done, or over its deadline.

use super::Candidate;
use crate::{
    experiment::{Inner, Permit},
    guard::{Payload, catch, consume},
    judge::{Came, Over},
    outcome::{Shed, Stage},
};
use std::time::Duration;
use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Instant};
use tokio::{runtime::Handle, task::JoinHandle};

/// A task that ends when nobody waits for it any more.
pub(super) struct Task<T>(pub(super) JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs a candidate in a task of its own until it is done, or over its deadline.
pub(super) async fn keep<O: Send + 'static>(
    inner: Arc<Inner<O>>,
    handle: Handle,
    (candidate, start): Candidate<O>,
    permit: Arc<Permit<O>>,
) -> Over<O> {
    let shed = |why| (Came::Shed(why), None);
    let (came, took) = if candidate.breaker.allow(Instant::now()) {
        let run = async move {
            // Kept until it really ends: a candidate that never awaits goes on taking a place.
            let _permit = permit;
            timed(start).await
        };
        let deadline = inner.deadline;
        let waited = caught(move || async move {
            let mut task = Task(handle.spawn(run));
            tokio::time::timeout(deadline, &mut task.0).await
        });
        match waited.await {
            Ok(Ok(Ok((Ok(value), took)))) => (Came::Value(value), Some(took)),
            Ok(Ok(Ok((Err(payload), took)))) => (Came::Panicked(consume(payload)), Some(took)),
            // What it dropped at its end panicked.
            Ok(Ok(Err(ended))) if ended.is_panic() => (Came::Panicked(consume(ended.into_panic())), None),
            // Its task was ended by somebody else.
            Ok(Ok(Err(_))) => (Came::Cancelled, None),
            // It takes part in its time budget with all the time it had.
            Ok(Err(_)) => (Came::TimedOut, Some(inner.deadline)),
            Err(payload) => {
                let said = consume(payload);
                inner.failures.note(
                    Stage::BeforeRun,
                    format!("the runtime has no clock for deadlines: {said}"),
                );
                shed(Shed::Nowhere)
            }
        }
    } else {
        inner.failures.dispose(start);
        shed(Shed::Breaker)
    };
    Over {
        candidate,
        came,
        took,
    }
}

/// Runs something to its end or its panic, and says how long that took.
pub(super) async fn timed<F: Future>(run: impl FnOnce() -> F) -> (Result<F::Output, Payload>, Duration) {
    let began = Instant::now();
    let ended = caught(run).await;
    (ended, began.elapsed())
}

/// Like [`catch`], for async code.
pub(super) async fn caught<F: Future>(run: impl FnOnce() -> F) -> Result<F::Output, Payload> {
    let mut future = pin!(catch(run)?);
    poll_fn(|cx| match catch(|| future.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(payload) => Poll::Ready(Err(payload)),
    })
    .await
}
