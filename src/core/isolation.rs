//! Walls between handlers: each runs in a task of its own, with a deadline and a limit on how many of a kind run at
//! once, and a panic in it ends nothing else.

use crate::error::{Error, Result};
use futures_util::future::BoxFuture;
use std::{
    collections::HashMap,
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio::sync::Semaphore;
use tracing::Instrument;

/// How a handler's run ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It returned.
    Returned(Result),
    /// It panicked; what it said in panic stays in the log.
    Panicked,
    /// It was still running at its deadline and was stopped.
    TimedOut(Duration),
    /// Too many of its kind are waiting already.
    Crowded,
}

/// The gates of all commands, one each, so that a crowd before one never stands before another.
#[derive(Debug)]
pub(crate) struct Gates {
    gates: HashMap<String, Arc<Gate>>,
    waiting: usize,
}

#[derive(Debug)]
struct Gate {
    running: Semaphore,
    waiting: AtomicUsize,
}

/// Counts one that waits, also when it stops waiting by being dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Gates {
    /// Gates for these commands: so many of each run at once, so many wait before each.
    pub(crate) fn new(commands: impl Iterator<Item = String>, running: usize, waiting: usize) -> Self {
        let gate = || {
            Arc::new(Gate {
                running: Semaphore::new(running.max(1)),
                waiting: AtomicUsize::new(0),
            })
        };
        Self {
            gates: commands.map(|command| (command, gate())).collect(),
            waiting,
        }
    }

    /// Runs a handler behind its command's gate. Time spent waiting is not counted against its deadline.
    pub(crate) async fn run(
        &self,
        command: &str,
        deadline: Duration,
        handler: impl FnOnce() -> BoxFuture<'static, Result> + Send + 'static,
    ) -> Outcome {
        let Some(gate) = self.gates.get(command) else {
            return Outcome::Returned(Err(Error::msg(format!("there is no gate for {command}"))));
        };
        if gate.waiting.fetch_add(1, Ordering::SeqCst) >= self.waiting {
            gate.waiting.fetch_sub(1, Ordering::SeqCst);
            return Outcome::Crowded;
        }
        let waiting = Waiting(&gate.waiting);
        let Ok(_permit) = gate.running.acquire().await else {
            return Outcome::Returned(Err(Error::msg("the gate is closed")));
        };
        drop(waiting);
        // The handler is called inside of the task: what panics before its first await is caught as well.
        let mut task = tokio::spawn(async move { handler().await }.in_current_span());
        match tokio::time::timeout(deadline, &mut task).await {
            Ok(Ok(returned)) => Outcome::Returned(returned),
            Ok(Err(error)) if error.is_panic() => Outcome::Panicked,
            Ok(Err(_)) => Outcome::Returned(Err(Error::msg("the handler was stopped"))),
            Err(_) => {
                task.abort();
                Outcome::TimedOut(deadline)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gates(running: usize, waiting: usize) -> Arc<Gates> {
        Arc::new(Gates::new(
            ["a".to_owned(), "b".to_owned()].into_iter(),
            running,
            waiting,
        ))
    }

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn a_panic_a_hang_and_a_crowd_stay_behind_their_gate() {
        let gates = gates(1, 1);
        let outcome = gates.run("a", LONG, || panic!("before the first await")).await;
        assert!(matches!(outcome, Outcome::Panicked));
        let outcome = gates.run("a", LONG, || Box::pin(async { panic!("later") })).await;
        assert!(matches!(outcome, Outcome::Panicked));

        let (entered, inside) = tokio::sync::oneshot::channel();
        let hanging = tokio::spawn({
            let gates = gates.clone();
            async move {
                let hang = || -> BoxFuture<'static, Result> {
                    Box::pin(async move {
                        let _ = entered.send(());
                        std::future::pending().await
                    })
                };
                gates.run("a", LONG, hang).await
            }
        });
        inside.await.unwrap();
        let second = tokio::spawn({
            let gates = gates.clone();
            async move { gates.run("a", LONG, || Box::pin(async { Ok(()) })).await }
        });
        while gates.gates["a"].waiting.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let third = gates.run("a", LONG, || Box::pin(async { Ok(()) })).await;
        assert!(matches!(third, Outcome::Crowded));
        let elsewhere = gates.run("b", LONG, || Box::pin(async { Ok(()) })).await;
        assert!(matches!(elsewhere, Outcome::Returned(Ok(()))));

        assert!(matches!(hanging.await.unwrap(), Outcome::TimedOut(LONG)));
        assert!(matches!(second.await.unwrap(), Outcome::Returned(Ok(()))));
    }
}
