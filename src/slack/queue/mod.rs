//! What goes out: everything the robot posts and edits passes here, so that one busy channel, or one that Slack limits,
//! never holds up another, and what people wait for goes before what is cosmetic. `schedule` decides, this file does.

mod bucket;
mod schedule;

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use otus_core::chat::{MessageRef, Urgency};
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, sleep_until, timeout_at},
};

use self::schedule::{Absorb, Full, Next, Schedule, Ticket};
use crate::{SlackError, config::Pace};

/// How often a job is sent again after a 429 before its sender hears of it.
const MOST_TRIES: u32 = 6;
/// How many requests are under way at once.
const MOST_UNDER_WAY: usize = 32;

type Outcome<R> = Result<R, SlackError>;

/// Sends one job. It must return [`SlackError::RateLimited`] on a 429 rather than wait.
pub(crate) trait Sender<J, R>:
    Fn(Arc<J>) -> BoxFuture<'static, Outcome<R>> + Send + Sync + 'static
{
}
impl<J, R, F: Fn(Arc<J>) -> BoxFuture<'static, Outcome<R>> + Send + Sync + 'static> Sender<J, R> for F {}

struct Job<J, R> {
    what: Arc<J>,
    tries: u32,
    senders: Vec<oneshot::Sender<Outcome<R>>>,
}

impl<J, R: Clone> Job<J, R> {
    fn tell(self, outcome: Outcome<R>) {
        for sender in self.senders {
            // Who asked may have given up meanwhile.
            let _ = sender.send(outcome.clone());
        }
    }
}

impl<J, R> Absorb for Job<J, R> {
    fn absorb(&mut self, mut other: Self) {
        self.senders.append(&mut other.senders);
    }
}

struct State<J, R> {
    schedule: Schedule<Job<J, R>>,
    closed: bool,
}

struct Shared<J, R> {
    state: Mutex<State<J, R>>,
    changed: Notify,
    idle: Notify,
    longest_pause: Duration,
}

impl<J, R> Shared<J, R> {
    fn state(&self) -> MutexGuard<'_, State<J, R>> {
        // Nothing panics while it holds the lock; if it did, the state would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way out. Cheap to clone.
pub(crate) struct Outbox<J, R> {
    shared: Arc<Shared<J, R>>,
}

impl<J, R> Clone for Outbox<J, R> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<J, R> Outbox<J, R>
where
    J: Send + Sync + 'static,
    R: Clone + Send + 'static,
{
    /// Starts to send, until closed.
    pub(crate) fn start(pace: Pace, longest_pause: Duration, send: impl Sender<J, R>) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                schedule: Schedule::new(pace, Instant::now()),
                closed: false,
            }),
            changed: Notify::new(),
            idle: Notify::new(),
            longest_pause,
        });
        tokio::spawn(dispatch(Arc::clone(&shared), send));
        Self { shared }
    }

    /// Queues a post and waits for what becomes of it.
    pub(crate) async fn post(&self, channel: &str, urgency: Urgency, what: J) -> Outcome<R> {
        let (job, outcome) = job(what);
        {
            let mut state = self.shared.state();
            if state.closed {
                return Err(SlackError::Stopping);
            }
            state
                .schedule
                .post(channel, urgency, job, Instant::now())
                .map_err(refuse)?;
            count(&state.schedule);
        }
        self.shared.changed.notify_one();
        outcome.await.unwrap_or(Err(SlackError::Stopping))
    }

    /// Queues an edit and waits for what becomes of it, or of the edit of the same message that stands for it.
    pub(crate) async fn edit(&self, message: &MessageRef, urgency: Urgency, what: J) -> Outcome<R> {
        let (job, outcome) = job(what);
        self.queue_edit(message, urgency, job)?;
        outcome.await.unwrap_or(Err(SlackError::Stopping))
    }

    /// Queues an edit without waiting for it. That it fails is only logged.
    pub(crate) fn edit_later(&self, message: &MessageRef, urgency: Urgency, what: J) -> Outcome<()> {
        let (job, outcome) = job(what);
        self.queue_edit(message, urgency, job)?;
        let message = message.clone();
        tokio::spawn(async move {
            if let Ok(Err(error)) = outcome.await {
                tracing::warn!(%error, channel = %message.channel, message = %message.id, "a message could not be edited");
            }
        });
        Ok(())
    }

    fn queue_edit(&self, message: &MessageRef, urgency: Urgency, job: Job<J, R>) -> Outcome<()> {
        {
            let mut state = self.shared.state();
            if state.closed {
                return Err(SlackError::Stopping);
            }
            if state
                .schedule
                .edit(message, urgency, job, Instant::now())
                .map_err(refuse)?
            {
                metrics::counter!("otus_slack_edits_merged_total").increment(1);
            }
            count(&state.schedule);
        }
        self.shared.changed.notify_one();
        Ok(())
    }

    /// Takes nothing more, drops what is cosmetic, and waits until the rest is sent or the time is up.
    pub(crate) async fn close(&self, within: Duration) {
        let deadline = Instant::now() + within;
        let cosmetic = {
            let mut state = self.shared.state();
            state.closed = true;
            state.schedule.clear(true)
        };
        give_up(cosmetic);
        self.shared.changed.notify_one();
        loop {
            let idle = self.shared.idle.notified();
            if self.shared.state().schedule.is_idle() {
                return;
            }
            if timeout_at(deadline, idle).await.is_err() {
                break;
            }
        }
        let rest = self.shared.state().schedule.clear(false);
        tracing::warn!(messages = rest.len(), "stopping with messages unsent");
        give_up(rest);
        self.shared.changed.notify_one();
    }
}

fn job<J, R>(what: J) -> (Job<J, R>, oneshot::Receiver<Outcome<R>>) {
    let (sender, outcome) = oneshot::channel();
    (
        Job {
            what: Arc::new(what),
            tries: 0,
            senders: vec![sender],
        },
        outcome,
    )
}

fn give_up<J, R: Clone>(jobs: Vec<Job<J, R>>) {
    for job in jobs {
        job.tell(Err(SlackError::Stopping));
    }
}

fn refuse(Full { everywhere }: Full) -> SlackError {
    metrics::counter!("otus_slack_queue_refused_total").increment(1);
    SlackError::QueueFull { everywhere }
}

fn count<T: Absorb>(schedule: &Schedule<T>) {
    metrics::gauge!("otus_slack_queue_waiting").set(schedule.waiting() as f64);
}

async fn dispatch<J, R>(shared: Arc<Shared<J, R>>, send: impl Sender<J, R>)
where
    J: Send + Sync + 'static,
    R: Clone + Send + 'static,
{
    // All in this task: what is sent waits for the network, and a task of its own would only be one more wait.
    let mut under_way = FuturesUnordered::new();
    loop {
        let mut wake = None;
        {
            let mut state = shared.state();
            while under_way.len() < MOST_UNDER_WAY {
                match state.schedule.next(Instant::now()) {
                    Next::Start(ticket, mut job) => {
                        job.tries += 1;
                        // A panic must not leave its channel waiting for ever.
                        let sending = AssertUnwindSafe(send(Arc::clone(&job.what))).catch_unwind();
                        under_way.push(async move {
                            let outcome = sending.await.unwrap_or_else(|_| {
                                Err(SlackError::Unsure {
                                    method: "sending",
                                    reason: "it panicked".to_owned(),
                                })
                            });
                            (ticket, job, outcome)
                        });
                    }
                    Next::At(at) => {
                        wake = Some(at);
                        break;
                    }
                    Next::Idle => break,
                }
            }
            count(&state.schedule);
            if state.schedule.is_idle() {
                shared.idle.notify_waiters();
                if state.closed {
                    return;
                }
            }
        }
        tokio::select! {
            Some((ticket, job, outcome)) = under_way.next() => settle(&shared, ticket, job, outcome),
            () = shared.changed.notified() => {}
            () = async { sleep_until(wake.unwrap_or_else(Instant::now)).await }, if wake.is_some() => {}
        }
    }
}

fn settle<J, R: Clone>(shared: &Shared<J, R>, ticket: Ticket, job: Job<J, R>, outcome: Outcome<R>) {
    match outcome {
        Err(SlackError::RateLimited { retry_after, .. })
            if retry_after <= shared.longest_pause && job.tries < MOST_TRIES =>
        {
            metrics::counter!("otus_slack_queue_limited_total").increment(1);
            shared
                .state()
                .schedule
                .limited(ticket, job, retry_after, Instant::now());
        }
        outcome => {
            shared.state().schedule.finished(&ticket);
            job.tell(outcome);
        }
    }
}

#[cfg(test)]
mod tests;
