//! The thread that sends: what was added up since the last time, again and again until it arrives.

use super::{EXPERIMENTS, HttpSinkBuilder, LARGEST_ANSWER, LONGEST_PAUSE, Shared};
use crate::{
    stats::ExperimentStats,
    wire::{Answer, Batch, MAX_BODY, VERSION},
};
use std::{
    collections::BTreeMap,
    sync::{PoisonError, Weak, atomic::Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

pub(super) fn send_all(settings: &HttpSinkBuilder, shared: &Weak<Shared>) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(settings.timeout))
        .http_status_as_error(false)
        // A token goes to the address it was given for, and to no other.
        .max_redirects(0)
        .build()
        .into();
    let instance = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    let (mut sequence, mut from, mut told) = (0, now(), 0);
    let mut waiting: Option<Batch> = None;
    let mut pause = settings.every;
    let mut in_a_row = 0u32;
    loop {
        let Some(shared) = shared.upgrade() else { return };
        // The first one goes at once: who was stopped before this process began learns of it.
        let asked = if sequence == 0 {
            shared.rounds.lock().unwrap_or_else(PoisonError::into_inner).0
        } else {
            wait(&shared, pause)
        };
        let batch = waiting.take().unwrap_or_else(|| {
            sequence += 1;
            let dropped = shared.dropped.load(Ordering::Relaxed);
            let to = now();
            Batch {
                version: VERSION,
                application: settings.application.clone(),
                release: settings.release.clone(),
                instance: instance.clone(),
                sequence,
                from: std::mem::replace(&mut from, to),
                to,
                dropped: dropped - std::mem::replace(&mut told, dropped),
                experiments: collect(&shared),
            }
        });
        let result = post(&agent, settings, &batch);
        pause = settings.every;
        match result {
            Ok(answer) => {
                in_a_row = 0;
                shared.sent.fetch_add(1, Ordering::Relaxed);
                answer.apply();
            }
            Err(Fault { why, again }) => {
                shared.failed.fetch_add(1, Ordering::Relaxed);
                *shared.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                if again {
                    waiting = Some(batch);
                    in_a_row += 1;
                    pause = settings
                        .every
                        .saturating_mul(1 << in_a_row.min(8))
                        .min(LONGEST_PAUSE.max(settings.every));
                } else {
                    let runs = batch
                        .experiments
                        .values()
                        .map(|experiment| experiment.control.runs)
                        .sum();
                    shared.dropped.fetch_add(runs, Ordering::Relaxed);
                }
            }
        }
        shared.rounds.lock().unwrap_or_else(PoisonError::into_inner).1 = asked;
        shared.bell.notify_all();
    }
}

/// Waits for the next round, or until somebody asks for one. How many were asked for so far.
fn wait(shared: &Shared, pause: Duration) -> u64 {
    let rounds = shared.rounds.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = shared
        .bell
        .wait_timeout_while(rounds, pause, |rounds| rounds.0 == rounds.1);
    waited.unwrap_or_else(PoisonError::into_inner).0.0
}

fn collect(shared: &Shared) -> BTreeMap<String, ExperimentStats> {
    let mut all = BTreeMap::<String, ExperimentStats>::new();
    for stripe in &shared.stripes {
        // Held for as long as it takes to put an empty one in its place.
        let table = std::mem::take(&mut *stripe.lock().unwrap_or_else(PoisonError::into_inner));
        for (name, stats) in table {
            all.entry(name.to_string()).or_default().merge(stats);
        }
    }
    // Also those that did not run: whoever wants to let one run has to know that it is there.
    for (name, percent, stopped) in crate::registry::registered().into_iter().take(EXPERIMENTS) {
        let stats = all.entry(name.to_string()).or_default();
        (stats.percent, stats.stopped) = (percent, stopped);
    }
    all
}

struct Fault {
    why: String,
    /// Whether the same batch may fare better later.
    again: bool,
}

fn post(agent: &ureq::Agent, settings: &HttpSinkBuilder, batch: &Batch) -> Result<Answer, Fault> {
    let lost = |why: String| Fault { why, again: false };
    let body = serde_json::to_vec(batch).map_err(|error| lost(error.to_string()))?;
    if body.len() > MAX_BODY {
        return Err(lost(format!(
            "a batch of {} bytes is larger than {MAX_BODY}",
            body.len()
        )));
    }
    let request = agent
        .post(&settings.url)
        .header("authorization", format!("Bearer {}", settings.token))
        .header("content-type", "application/json");
    let mut response = request.send(&body[..]).map_err(|error| Fault {
        why: error.to_string(),
        again: true,
    })?;
    let status = response.status().as_u16();
    if !(200..300).contains(&status) {
        return Err(Fault {
            why: format!("Otus answered {status}"),
            again: matches!(status, 408 | 429 | 500..),
        });
    }
    // It has arrived. What it says that cannot be read changes nothing.
    let text = response
        .body_mut()
        .with_config()
        .limit(LARGEST_ANSWER)
        .read_to_vec()
        .unwrap_or_default();
    Ok(serde_json::from_slice(&text).unwrap_or_default())
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
