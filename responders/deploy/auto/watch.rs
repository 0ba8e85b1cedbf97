//! Watching the lanes: who looks at which, and when. Any number of replicas do it; a lane is one's for as long as its lease.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use otus::{Auto, Result};

use super::decision::{Decision, Way};
use super::kept::{self, Lease, Now, Standing};
use super::lane::Lane;
use super::look::{Hand, Looked, after, look};
use super::{go, notice};

/// So many lanes are looked at once.
const AT_ONCE: usize = 4;

/// Watches until the robot stops.
pub(crate) async fn watch(hand: &Hand, lanes: &[Lane]) {
    let stopping = hand.services.stopping();
    let mut troubled = false;
    while !stopping.is_cancelled() {
        match pass(hand, lanes).await {
            Ok(()) => troubled = false,
            // Once, not every time.
            Err(error) if !troubled => {
                let error = format!("{error:#}");
                tracing::error!(
                    error,
                    "what goes out by itself cannot be looked at; it is tried again"
                );
                troubled = true;
            }
            Err(_) => {}
        }
        tokio::select! {
            () = stopping.cancelled() => {}
            () = hand.bell.notified() => {}
            () = tokio::time::sleep(hand.settings.pace.pass) => {}
        }
    }
}

/// Looks once at each lane that is due, or whose way is free.
async fn pass(hand: &Hand, lanes: &[Lane]) -> Result {
    let all = kept::all(&hand.services).await?;
    let now = hand.services.store().now().await?;
    let mut looks = Vec::new();
    for lane in lanes {
        let held = all.get(&lane.key()).cloned().unwrap_or_default();
        looks.push(one_told(hand, lane, lanes, held, now));
    }
    stream::iter(looks)
        .buffer_unordered(AT_ONCE)
        .for_each(|()| async {})
        .await;
    Ok(())
}

async fn one_told(hand: &Hand, lane: &Lane, lanes: &[Lane], held: (Standing, u64), now: Timestamp) {
    if let Err(error) = one(hand, lane, lanes, held, now).await {
        let error = format!("{error:#}");
        tracing::warn!(
            lane = lane.key(),
            error,
            "a lane could not be looked at; it is tried again"
        );
    }
}

async fn one(hand: &Hand, lane: &Lane, lanes: &[Lane], held: (Standing, u64), now: Timestamp) -> Result {
    let services = &hand.services;
    // A lease of a process that cannot be there any more is nobody's.
    let dead = |standing: &Standing| {
        let owner = standing.lease.as_ref().map(|lease| lease.owner.as_str());
        services.store().is_alone() && owner.is_some_and(|owner| owner != hand.owner)
    };
    if held.0.is_taken(now) && !dead(&held.0) {
        return Ok(());
    }
    if !is_due(hand, lane, &held.0, now).await? || services.stopping().is_cancelled() {
        return Ok(());
    }
    let lease = Lease {
        owner: hand.owner.clone(),
        until: after(now, hand.settings.pace.lease),
    };
    let Some(taken) = kept::take(services, lane, &held, lease.clone()).await? else {
        // Another replica was quicker, or something was heard.
        return Ok(());
    };
    // Over before anybody else may take it.
    let patience = hand.settings.pace.lease.mul_f64(0.6);
    let looked = tokio::time::timeout(patience, look(hand, lane, &taken, now)).await;
    let looked = match looked {
        Ok(looked) => looked?,
        Err(_) => Looked::late(hand, &taken, now),
    };
    let stands = looked.now.map(|(commit, decision)| {
        let before = taken.now.as_ref();
        let same = before
            .is_some_and(|before| before.commit.sha == commit.sha && before.decision.is_like(&decision));
        let since = before.filter(|_| same).map_or(now, |before| before.since);
        Now {
            commit,
            decision,
            since,
        }
    });
    let shown = notice::show(hand, lane, taken.notice.as_ref(), stands.as_ref(), now);
    let shown = tokio::time::timeout(Duration::from_secs(10), shown).await;
    let shown = shown.unwrap_or_else(|_| taken.notice.clone());
    let ended = |standing: &Standing| {
        let ours = standing.lease.as_ref() == Some(&lease);
        ours.then(|| Standing {
            heard: standing.heard,
            looked: taken.heard,
            due: looked.due,
            seen: looked.seen,
            peak: looked.peak.clone(),
            now: stands.clone(),
            notice: shown.clone(),
            lease: None,
        })
    };
    kept::change(services, &lane.key(), ended).await?;
    if has_settled(taken.now.as_ref(), stands.as_ref()) {
        // What comes after it has something new to look at.
        for next in lanes.iter().filter(|next| comes_after(next, lane)) {
            kept::hear(services, next).await?;
        }
    }
    Ok(())
}

/// Whether there is something to look at, or whether what stood in the way is gone. Asks the store alone.
async fn is_due(hand: &Hand, lane: &Lane, standing: &Standing, now: Timestamp) -> Result<bool> {
    if standing.heard != standing.looked || standing.due.is_none_or(|due| due <= now) {
        return Ok(true);
    }
    let Some(decision) = standing.now.as_ref().map(|now| &now.decision) else {
        return Ok(false);
    };
    match decision {
        Decision::Going { operation, .. } => {
            let operation = hand.services.store().operation(operation).await?;
            Ok(operation.is_none_or(|operation| operation.state.is_over()))
        }
        decision if decision.way() == Way::Inside => {
            let blocked = go::blocked(hand, lane, now).await?;
            Ok(!blocked.is_some_and(|blocked| blocked.is_like(decision)))
        }
        _ => Ok(false),
    }
}

/// Whether something has come to its end in a lane.
fn has_settled(before: Option<&Now>, now: Option<&Now>) -> bool {
    let going = before.is_some_and(|before| matches!(before.decision, Decision::Going { .. }));
    going && before != now
}

fn comes_after(lane: &Lane, before: &Lane) -> bool {
    let from = match &lane.auto {
        Auto::Green => return false,
        Auto::After { environment, .. } => environment,
    };
    lane.service == before.service && *from == before.environment
}
