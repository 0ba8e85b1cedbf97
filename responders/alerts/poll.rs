//! What no webhook told: silences that others made or ended, alerts that ended while they were silenced (Alertmanager tells nobody of
//! those) or while a notification got lost, graphs that grow old, and groups that nobody needs any more.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use otus::{Result, Services};
use otus_monitoring::alertmanager::{Alertmanager, AlertmanagerError, Current, Silence, SilenceState};

use crate::{
    House,
    group::{Group, Quiet, What},
    keep::{self, Change},
    picture,
    settings::signed,
};

/// How soon a graph that could not be had is tried again.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// The last graph of what is over for longer than this helps nobody.
const LATE: SignedDuration = SignedDuration::from_mins(30);

/// Asks every so often, until the robot stops.
pub(crate) async fn run(house: &House, services: &Services) {
    let every = house.settings().poll;
    let mut troubled = false;
    loop {
        match once(house, services).await {
            Ok(()) => troubled = false,
            // Once, not every half a minute.
            Err(error) if !troubled => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "what fires cannot be looked at; it is tried again"
                );
                troubled = true;
            }
            Err(_) => {}
        }
        tokio::select! {
            () = services.stopping().cancelled() => return,
            () = tokio::time::sleep(jittered(every)) => {}
        }
    }
}

/// Replicas do not ask in step.
fn jittered(every: Duration) -> Duration {
    let nanos = Timestamp::now().subsec_nanosecond().unsigned_abs();
    every.mul_f64(0.9 + 0.2 * f64::from(nanos) / 1e9)
}

async fn once(house: &House, services: &Services) -> Result<()> {
    let now = services.store().now().await?;
    let groups = keep::all(services).await?;
    for group in groups.iter().filter(|group| keep::is_old(house, group, now)) {
        keep::change(services, &group.id, &[], |known| match known {
            Some(known) if keep::is_old(house, &known, now) => Change::Forget,
            _ => Change::None,
        })
        .await?;
    }
    for (source, api) in house.apis() {
        let of_source = |group: &&Group| group.source == *source;
        let open: Vec<&Group> = groups
            .iter()
            .filter(of_source)
            .filter(|group| !keep::is_old(house, group, now))
            .collect();
        if open.is_empty() {
            continue;
        }
        match seen(api).await {
            Ok((alerts, silences)) => {
                for group in open {
                    look(house, services, group, &alerts, &silences).await?;
                }
            }
            Err(error) => tracing::info!(source, %error, "Alertmanager cannot be asked for what it knows"),
        }
    }
    for group in &groups {
        redraw(house, services, group, now).await?;
    }
    Ok(())
}

async fn seen(api: &Alertmanager) -> Result<(Vec<Current>, Vec<Silence>), AlertmanagerError> {
    Ok((api.alerts(&[]).await?, api.silences().await?))
}

/// Compares a group with what Alertmanager says.
async fn look(
    house: &House,
    services: &Services,
    group: &Group,
    alerts: &[Current],
    silences: &[Silence],
) -> Result<()> {
    let now = services.store().now().await?;
    let (reopen, gone) = (signed(house.settings().reopen), signed(house.settings().gone));
    let mut draw = false;
    let mut changed = false;
    let kept = keep::change(services, &group.id, &[], |known| {
        let Some(known) = known else {
            return Change::None;
        };
        let next = compared(known.clone(), alerts, silences, now, reopen, gone);
        draw = (next.state(), next.resolved) != (known.state(), known.resolved);
        changed = next != known;
        if changed {
            Change::To(Box::new(next))
        } else {
            Change::None
        }
    })
    .await?;
    match kept {
        Some(kept) if changed => keep::tell(house, services, &kept, draw).await,
        _ => Ok(()),
    }
}

/// What Alertmanager's word makes of a group.
fn compared(
    mut group: Group,
    alerts: &[Current],
    silences: &[Silence],
    now: Timestamp,
    reopen: SignedDuration,
    gone: SignedDuration,
) -> Group {
    let active = |id: &String| {
        silences
            .iter()
            .find(|silence| silence.id == *id && silence.state() == SilenceState::Active)
    };
    let mut over = Vec::new();
    let mut new: Vec<Quiet> = Vec::new();
    for (fingerprint, alert) in &mut group.alerts {
        let current = alerts.iter().find(|current| current.fingerprint == *fingerprint);
        match current {
            Some(current) => {
                alert.missing = None;
                let covering = current.silenced_by().iter().filter_map(active);
                let covering: Vec<Quiet> = covering.map(quiet).collect();
                for quiet in &covering {
                    if !alert.silences.iter().any(|known| known.id == quiet.id)
                        && !new.iter().any(|known| known.id == quiet.id)
                    {
                        new.push(quiet.clone());
                    }
                }
                alert.silences = covering;
                // It fires again, and whoever said so was not heard: not what ended just now, of which Alertmanager may not know yet.
                if alert.ended.is_some_and(|ended| now.duration_since(ended) > gone)
                    && current.starts_at >= alert.starts
                {
                    alert.starts = current.starts_at;
                    alert.ended = None;
                }
            }
            None if alert.ended.is_none() => {
                let since = *alert.missing.get_or_insert(now);
                // Right after its own start Alertmanager knows nothing until Prometheus tells it anew.
                if now.duration_since(since) >= gone {
                    over.push(fingerprint.clone());
                }
            }
            None => {}
        }
    }
    group.forget(&over, now, reopen);
    for quiet in new {
        let told = |what: &What| match what {
            What::Silenced { id, .. } | What::SilencedElsewhere { id, .. } => *id == quiet.id,
            _ => false,
        };
        if !group.log.iter().any(|logged| told(&logged.what)) {
            let what = What::SilencedElsewhere {
                by: quiet.by.clone(),
                until: quiet.until,
                id: quiet.id.clone(),
            };
            group.note(now, what);
        }
    }
    group
}

pub(crate) fn quiet(silence: &Silence) -> Quiet {
    Quiet {
        id: silence.id.clone(),
        until: silence.ends_at,
        by: silence.created_by.clone(),
        comment: silence.comment.clone(),
    }
}

/// Has a graph drawn that is old, or was not to be had.
async fn redraw(house: &House, services: &Services, group: &Group, now: Timestamp) -> Result<()> {
    let due = match (&group.reading, group.resolved) {
        // Once more when it is over for a while, to show that all is well.
        (reading, Some(resolved)) => {
            let last = resolved
                .checked_add(picture::after(house.settings().range))
                .unwrap_or(resolved);
            let soon = now.duration_since(last) < LATE;
            now >= last && soon && reading.as_ref().is_some_and(|reading| reading.at < last)
        }
        (None, None) => true,
        (Some(reading), None) => {
            let age = now.duration_since(reading.at);
            let after = match &reading.trouble {
                Some(_) => AGAIN.min(signed(house.settings().refresh)),
                None => signed(house.settings().refresh),
            };
            age >= after
        }
    };
    if due && house.prometheus.is_some() {
        let key = format!("{} {}", group.id, group.episode);
        keep::pictures(services)
            .add(&key, None, SignedDuration::ZERO)
            .await?;
        house.draw.notify_one();
    }
    Ok(())
}

#[cfg(test)]
#[path = "poll_tests.rs"]
mod tests;
