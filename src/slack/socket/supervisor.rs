//! Keeps the configured number of sockets open, each on its own: a rotation or failure of one leaves the others alone.

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    backoff::{Backoff, Reason},
    connection::{Common, Connection, Steering},
    status,
};
use crate::SlackError;

/// Keeps `count` sockets open until `stop`, or until something happens that no new socket can heal.
pub(crate) async fn supervise(
    common: Common,
    mut failures: mpsc::UnboundedReceiver<SlackError>,
    count: u8,
    stop: CancellationToken,
) -> Result<(), SlackError> {
    // Its own token, so that a fatal error closes the sockets without stopping the rest of the program by itself.
    let closing = stop.child_token();
    let mut slots = JoinSet::new();
    for nth in 0..u32::from(count) {
        let wait = common.liveness.stagger * nth;
        slots.spawn(keep_open(common.clone(), wait, closing.clone()));
    }
    let fatal = tokio::select! {
        () = stop.cancelled() => None,
        fatal = failures.recv() => fatal,
    };
    if let Some(error) = &fatal {
        tracing::error!(%error, "Slack cannot be listened to any more");
    }
    closing.cancel();
    while slots.join_next().await.is_some() {}
    fatal.map_or(Ok(()), Err)
}

/// One place among the sockets: whatever happens to its connection, another follows.
async fn keep_open(common: Common, wait: Duration, stop: CancellationToken) {
    let mut backoff = Backoff::new(common.liveness);
    let mut pause = wait;
    let mut old: Option<CancellationToken> = None;
    let mut running: Vec<JoinHandle<Option<Reason>>> = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = sleep(pause) => {}
        }
        let opened = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            opened = Connection::open(common.clone()) => opened,
        };
        let connection = match opened {
            Ok(connection) => connection,
            Err(error) if error.is_fatal() => {
                common.status.fail(error);
                break;
            }
            Err(error) => {
                let reason = Reason::Failed(error);
                pause = backoff.after(&reason, None);
                announce(&reason, pause);
                continue;
            }
        };
        let opened_at = Instant::now();
        if let Some(old) = old.take() {
            old.cancel();
        }
        let (moving, mut moved) = oneshot::channel();
        let replaced = CancellationToken::new();
        let steering = Steering {
            moving,
            replaced: replaced.clone(),
            stop: stop.clone(),
        };
        let mut task = tokio::spawn(connection.run(steering));
        running.retain(|task| !task.is_finished());
        let reason = tokio::select! {
            biased;
            Ok(reason) = &mut moved => {
                old = Some(replaced);
                running.push(task);
                reason
            }
            ended = &mut task => match ended {
                Ok(Some(reason)) => reason,
                // Let go only by a stop, or after a fatal error that is already told.
                Ok(None) => break,
                Err(panic) => Reason::Lost(format!("its task ended: {panic}")),
            },
        };
        pause = backoff.after(&reason, Some(opened_at.elapsed()));
        announce(&reason, pause);
    }
    // Each ends within the bounds of its writes and of its close.
    for task in running {
        let _ = task.await;
    }
}

fn announce(reason: &Reason, pause: Duration) {
    status::reconnect(reason.label());
    let pause_ms = pause.as_millis() as u64;
    match reason {
        Reason::Warning | Reason::Refresh => tracing::debug!(%reason, pause_ms, "replacing a socket"),
        _ => tracing::warn!(%reason, pause_ms, "replacing a socket"),
    }
}
