//! What happens by itself: what is old is forgotten, and once a week a channel reads which experiments are finished, so that old
//! code does not stay for ever beside the new.

use crate::{
    door,
    grain::{FINE_KEPT, Grain},
    known::{self, Change, Known, Wanted},
    range, record,
    settings::Settings,
    texts,
    verdict::{self, Verdict},
};
use jiff::{SignedDuration, Timestamp};
use otus::{
    ChannelId, Post, Result, Services,
    chat::{Place, Urgency},
    store::Store,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(600);
const DAY: SignedDuration = SignedDuration::from_hours(24);
const WEEK: SignedDuration = SignedDuration::from_hours(24 * 7);
/// An experiment that runs so long without an end is one to think about.
const ENDLESS: SignedDuration = SignedDuration::from_hours(24 * 30);
/// The space of when people were last reminded.
const REMINDED: &str = "experiments.reminded";
/// A block is looked through for what is left in at most so many turns of one look.
const AT_ONCE: i64 = 400;

/// Why an experiment should come to its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Finished {
    /// It was stopped so long ago, by somebody.
    Stopped(SignedDuration, String),
    /// This candidate may take over.
    Ready(String),
    /// It runs for so long.
    Endless(SignedDuration),
}

/// When people were last reminded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Reminded {
    at: Timestamp,
}

/// Looks now and then, until the robot stops.
pub(crate) async fn run(services: &Services, settings: &Settings) {
    loop {
        if let Err(error) = look(services, settings).await {
            tracing::warn!(
                error = format!("{error:#}"),
                "experiments cannot be looked through; it is tried again"
            );
        }
        tokio::select! {
            () = services.stopping().cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Forgets and reminds.
pub(crate) async fn look(services: &Services, settings: &Settings) -> Result {
    let store = services.store().as_ref();
    let now = store.now().await?;
    for known in known::known(store).await?.into_values() {
        forget(store, &known, now, settings).await?;
    }
    match &settings.channel {
        Some(channel) => remind(services, channel, settings, now).await,
        None => Ok(()),
    }
}

/// Forgets what is old of an experiment, and an experiment of which nothing is left.
async fn forget(store: &dyn Store, known: &Known, now: Timestamp, settings: &Settings) -> Result {
    let oldest = door::oldest(now, settings);
    let fine = now.checked_sub(FINE_KEPT).unwrap_or(Timestamp::MIN);
    let gone = known.last() < oldest;
    let mut left = known.oldest;
    for ((left, grain), before) in left.iter_mut().zip(Grain::ALL).zip([fine, oldest]) {
        let end = grain.block(before) + i64::from(gone);
        let until = end.min(left.saturating_add(AT_ONCE));
        for block in *left..until {
            record::forget(store, grain, block, &known.name).await?;
        }
        *left = until.max(*left);
    }
    if gone {
        record::forget_samples(store, &known.name).await?;
        known::unwant(store, &known.name).await?;
        known::change_known(store, &known.name, |now| match now {
            // Somebody told of it in between.
            Some(now) if now.last() >= oldest => Change::Stays,
            Some(_) => Change::Goes,
            None => Change::Stays,
        })
        .await?;
        tracing::info!(
            experiment = known.name,
            "nobody tells of it any more; it is forgotten"
        );
    } else if left != known.oldest {
        known::change_known(store, &known.name, |now| match now {
            Some(mut now) if now.oldest == known.oldest => {
                now.oldest = left;
                Change::Becomes(now)
            }
            _ => Change::Stays,
        })
        .await?;
    }
    Ok(())
}

async fn remind(services: &Services, channel: &ChannelId, settings: &Settings, now: Timestamp) -> Result {
    let store = services.store().as_ref();
    let before: Option<Reminded> = store
        .recall(REMINDED, "last")
        .await?
        .and_then(|value| serde_json::from_value(value).ok());
    let due = |before: &Option<Reminded>| {
        before
            .as_ref()
            .is_none_or(|before| now.duration_since(before.at) >= WEEK)
    };
    if !due(&before) {
        return Ok(());
    }
    let finished = finished(store, settings, now).await?;
    if finished.is_empty() {
        return Ok(());
    }
    // Of several robots one says it.
    let mine = known::change(store, REMINDED, "last", &[], |last: Option<Reminded>| {
        if due(&last) {
            Change::Becomes(Reminded { at: now })
        } else {
            Change::Stays
        }
    })
    .await?;
    if !mine {
        return Ok(());
    }
    let post =
        Post::from(texts::finished(&finished)).keyed(format!("experiments-finished-{}", now.as_second()));
    let said = services
        .chat()
        .post(&Place::channel(channel.clone()), &post, Urgency::More)
        .await;
    if let Err(error) = said {
        // Nobody read it: the next look tries again.
        known::change(store, REMINDED, "last", &[], |last: Option<Reminded>| {
            match (&last, &before) {
                (Some(last), Some(before)) if last.at == now => Change::Becomes(before.clone()),
                (Some(last), None) if last.at == now => Change::Goes,
                _ => Change::Stays,
            }
        })
        .await?;
        return Err(error.into());
    }
    Ok(())
}

/// What is finished and still told of by programs.
async fn finished(store: &dyn Store, settings: &Settings, now: Timestamp) -> Result<Vec<(String, Finished)>> {
    let after = settings.finished_after();
    let mut wanted = known::wanted(store).await?;
    let mut all = Vec::new();
    for known in known::known(store).await?.into_values() {
        // Nobody tells of it: it is out of the code already.
        if now.duration_since(known.last()) > DAY {
            continue;
        }
        let wanted = wanted.remove(&known.name);
        let sums = range::sums(store, &known, after, now).await?;
        if let Some(why) = why(&known, wanted.as_ref(), &sums, after, now) {
            all.push((known.name, why));
        }
    }
    Ok(all)
}

fn why(
    known: &Known,
    wanted: Option<&Wanted>,
    sums: &range::Sums,
    after: SignedDuration,
    now: Timestamp,
) -> Option<Finished> {
    if let Some(wanted) = wanted.filter(|wanted| wanted.stopped) {
        let since = now.duration_since(wanted.at);
        return (since >= after).then(|| Finished::Stopped(since, wanted.by.clone()));
    }
    let age = now.duration_since(known.first);
    if age < after {
        return None;
    }
    let total = &sums.total;
    let mut candidates = total.candidates.iter();
    let ready = candidates.find(|(_, stats)| verdict::judge(&total.control, stats).verdict == Verdict::Ready);
    match ready {
        Some((name, _)) => Some(Finished::Ready(name.clone())),
        None => (age >= ENDLESS).then_some(Finished::Endless(age)),
    }
}
