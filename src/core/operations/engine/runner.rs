//! Running an operation in this process: its task, its lease, its card, its end.

use super::{Operations, tell::Written};
use crate::{
    card::Post,
    chat::{MessageRef, Urgency},
    error::{Result, UserError},
    operations::{
        action::{Ending, Outcome},
        operation::Operation,
        run::{Interrupted, Run},
        texts, transitions,
    },
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, task::JoinError, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// How long an action may look around after its lease is lost before it is cut off.
const GRACE: Duration = Duration::from_millis(100);

/// How long the last words on a card may take when the robot stops.
const LAST_WORDS: Duration = Duration::from_secs(3);

impl Operations {
    /// Runs an operation whose lease was taken just now, not before `taken`. `posted` is its card, if that was posted just now and is not saved yet.
    pub(super) fn run(
        &self,
        operation: Operation,
        resumed: bool,
        posted: Option<MessageRef>,
        taken: Instant,
    ) {
        let valid = taken + self.lease();
        let span =
            tracing::info_span!("operation", id = %operation.id, generation = operation.lease.generation);
        let operations = self.clone();
        let drive = async move { operations.drive(operation, resumed, posted, valid).await };
        self.engine().tasks.spawn(drive.instrument(span));
    }

    pub(crate) fn lease(&self) -> Duration {
        self.engine().timing.lease
    }

    async fn drive(&self, operation: Operation, resumed: bool, posted: Option<MessageRef>, valid: Instant) {
        let id = operation.id.clone();
        let Some(action) = self.engine().action(&operation.kind) else {
            tracing::error!(
                kind = operation.kind,
                "no responder of this robot has this action; another replica may"
            );
            return;
        };
        let journal = match self.services.store().steps(&id).await {
            Ok(journal) => journal,
            Err(error) => {
                tracing::error!(%error, "the journal cannot be read; it is taken up again when the lease is over");
                return;
            }
        };
        let run = Run::new(
            self.clone(),
            self.services.clone(),
            operation,
            journal,
            resumed,
            valid,
        );
        let poke = Arc::new(Notify::new());
        self.engine().running().insert(id.clone(), poke.clone());
        let keeper =
            tokio::spawn(keep(run.clone(), poke, self.engine().timing.poll, self.lease()).in_current_span());
        if posted.is_none() {
            run.soil();
        } else {
            let posted = posted.clone();
            // A failure shows by the lease.
            let _ = run
                .write(|mut operation, _, _| {
                    operation.card.clone_from(&posted);
                    (operation, Vec::new(), Vec::new())
                })
                .await;
        }
        let enough = CancellationToken::new();
        let shower = tokio::spawn(
            self.clone()
                .keep_showing(run.clone(), enough.clone())
                .in_current_span(),
        );
        let (apply, inside) = (action.clone(), run.clone());
        let mut task = tokio::spawn(async move { apply.apply(inside).await }.in_current_span());
        let ended = tokio::select! {
            ended = &mut task => Some(ended),
            () = run.over().cancelled() => self.come_to_rest(&run, &mut task).await,
        };
        keeper.abort();
        let ending = self.ending(&run, ended);
        let finished = match ending {
            Some(ending) => run
                .write(|operation, _, now| {
                    let (next, entries) = transitions::finished(&operation, ending.clone(), now);
                    (next, Vec::new(), entries)
                })
                .await
                .ok(),
            None => None,
        };
        self.engine().running().remove(&id);
        enough.cancel();
        if let Err(error) = shower.await {
            tracing::error!(%error, "the showing of a card ended abruptly");
        }
        match finished {
            Some(finished) => {
                count(&finished);
                self.tell(finished).await;
            }
            None if run.is_lost() => {
                // A store that is away must not hold up a robot that stops.
                if tokio::time::timeout(self.lease(), self.untell(&id))
                    .await
                    .is_err()
                {
                    tracing::warn!("whether the card says something old cannot be found out");
                }
            }
            None => self.release(&run).await,
        }
    }

    /// The robot stops, or the lease is lost: lets the action come to a safe point, then cuts it off.
    async fn come_to_rest(
        &self,
        run: &Run,
        task: &mut tokio::task::JoinHandle<Result<Ending>>,
    ) -> Option<Result<Result<Ending>, JoinError>> {
        let lost = async {
            while !run.is_lost() {
                tokio::time::sleep(GRACE).await;
            }
            tokio::time::sleep(GRACE).await;
        };
        let ended = tokio::select! {
            ended = &mut *task => Some(ended),
            () = lost => None,
            () = tokio::time::sleep(self.engine().timing.rest) => None,
        };
        if ended.is_none() {
            tracing::warn!("the action does not come to a safe point and is cut off");
            task.abort();
            // Perhaps it came to its end just before.
            return Some((&mut *task).await)
                .filter(|ended| !matches!(ended, Err(error) if error.is_cancelled()));
        }
        ended
    }

    /// How it ended; nothing when it goes on elsewhere.
    fn ending(&self, run: &Run, ended: Option<Result<Result<Ending>, JoinError>>) -> Option<Ending> {
        if run.is_lost() {
            return None;
        }
        let operation = run.operation();
        let failed = |note: String, card| Ending {
            outcome: Outcome::Failed,
            note,
            card,
        };
        match ended? {
            Ok(Ok(ending)) => Some(ending),
            Ok(Err(error)) if is_interrupted(&error) => None,
            Ok(Err(error)) => Some(match error.downcast_ref::<UserError>() {
                Some(user) => failed(user.to_string(), texts::failed(&operation, &user.text)),
                None => {
                    tracing::error!(
                        kind = operation.kind,
                        error = format!("{error:#}"),
                        "the operation failed"
                    );
                    failed(texts::BROKEN.into(), texts::broken(&operation))
                }
            }),
            Err(error) if error.is_panic() => {
                tracing::error!(kind = operation.kind, "the operation panicked");
                Some(failed(texts::BROKEN.into(), texts::broken(&operation)))
            }
            // The runtime goes down.
            Err(_) => None,
        }
    }

    /// Gives the lease back, so that another replica goes on at once.
    async fn release(&self, run: &Run) {
        if self.services.stopping().is_cancelled() {
            let operation = run.operation();
            let words = Post::from(texts::resting(&operation));
            let writing = self.write(&operation, words, Urgency::Answer);
            let _ = tokio::time::timeout(LAST_WORDS, writing).await;
        }
        let released = run
            .write(|mut operation, _, now| {
                operation.lease.until = Some(now);
                (operation, Vec::new(), Vec::new())
            })
            .await;
        match released {
            Ok(operation) => tracing::info!(
                operation = operation.id,
                "the operation is left to another process"
            ),
            Err(Interrupted) => tracing::warn!("the lease could not be given back; it ends by itself"),
        }
    }

    /// Writes the card whenever something about it is new, one edit at a time.
    async fn keep_showing(self, run: Run, enough: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = enough.cancelled() => return,
                () = run.dirty() => {}
            }
            let operation = run.operation();
            if run.is_lost() || !operation.state.is_active() {
                return;
            }
            let shown = run
                .shown()
                .or_else(|| run.resumed().then(|| texts::taken_up(&operation)));
            let card = texts::running(&operation, shown, self.pauses(&operation.kind));
            match self.write(&operation, Post::from(card), Urgency::Progress).await {
                Written::On(message) if operation.card.as_ref() != Some(&message) => {
                    let saved = run
                        .write(|mut operation, _, _| {
                            operation.card = Some(message.clone());
                            (operation, Vec::new(), Vec::new())
                        })
                        .await;
                    if saved.is_err() {
                        return;
                    }
                }
                Written::On(_) => {}
                Written::Later(error) | Written::Never(error) => {
                    tracing::warn!(%error, "a progress card could not be written");
                }
            }
        }
    }
}

/// Renews the lease, and looks whether something is wanted.
async fn keep(run: Run, poke: Arc<Notify>, poll: Duration, lease: Duration) {
    let mut beat = Instant::now() + lease / 3;
    while !run.is_lost() {
        let _ = tokio::time::timeout(poll.min(lease / 3), poke.notified()).await;
        if Instant::now() >= beat {
            // A lost lease ends the loop.
            let _ = run
                .write(|operation, _, _| (operation, Vec::new(), Vec::new()))
                .await;
            beat = Instant::now() + lease / 3;
        }
        run.refresh().await;
    }
}

fn is_interrupted(error: &anyhow::Error) -> bool {
    error.is::<Interrupted>() || error.chain().any(|cause| cause.is::<Interrupted>())
}

/// Counts an end.
pub(super) fn count(operation: &Operation) {
    let (kind, outcome) = (operation.kind.clone(), operation.state.name());
    metrics::counter!("otus_operations_total", "kind" => kind.clone(), "outcome" => outcome).increment(1);
    if let (Some(started), Some(ended)) = (operation.started, operation.ended) {
        let seconds = ended.duration_since(started).as_secs_f64();
        metrics::histogram!("otus_operation_seconds", "kind" => kind, "outcome" => outcome).record(seconds);
    }
}
