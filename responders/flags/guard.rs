//! Guards: a metric is asked, and a flag whose guard breaks is turned off at once.
//!
//! Every replica watches. Whichever finds it broken first turns the flag off, as a change from what it saw; the others find it off,
//! and only who made the change says so.

use crate::{
    facts, place,
    settings::{Guard, Settings},
    tell, texts,
};
use jiff::Timestamp;
use otus::{Result, Services, audit::Entry, operations::Target};
use otus_flags::{Author, ChangeError, Definition, Edit, State, Whom, words::retreats};
use otus_monitoring::{
    Prometheus,
    gate::{Outcome, Vars, probe},
};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// Who turns flags off.
const BY: &str = "robot:flag-guard";
/// What is watched is looked for so often.
const LOOK: Duration = Duration::from_secs(1);

/// What is known of a guard on a flag in a set.
#[derive(Debug)]
struct Watch {
    next: Instant,
    bad: u32,
}

/// Watches until the robot stops.
pub(crate) async fn watch(services: &Services, settings: &Settings, prometheus: Option<&Prometheus>) {
    let Some(prometheus) = prometheus.filter(|_| !settings.guards.is_empty()) else {
        return;
    };
    let mut watches = HashMap::new();
    let mut troubled = false;
    loop {
        match look(services, settings, prometheus, &mut watches).await {
            Ok(()) => troubled = false,
            Err(error) if !troubled => {
                troubled = true;
                tracing::warn!(
                    error = format!("{error:#}"),
                    "guards of flags cannot be looked at; it is tried again"
                );
            }
            Err(_) => {}
        }
        tokio::select! {
            () = services.stopping().cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Asks what is due.
async fn look(
    services: &Services,
    settings: &Settings,
    prometheus: &Prometheus,
    watches: &mut HashMap<(String, String, String), Watch>,
) -> Result<()> {
    let flags = place::engine(services)?;
    let mut seen = Vec::new();
    for (flag, facts) in facts::all(services.store().as_ref()).await? {
        for (set, name) in &facts.guards {
            let live = flags.set(set);
            let definition = live.and_then(|live| live.kept().document.flags.get(&flag).cloned());
            let (Some(guard), Some(definition)) = (settings.guards.get(name), definition) else {
                continue;
            };
            let off = off(&definition);
            let now = services.store().now().await?;
            // Nobody gets anything of it already.
            if off == definition || retreats(None, Some(&definition), now.as_second()) {
                continue;
            }
            let key = (set.clone(), flag.clone(), name.clone());
            seen.push(key.clone());
            let watch = watches.entry(key).or_insert_with(|| Watch {
                next: Instant::now(),
                bad: 0,
            });
            if Instant::now() < watch.next {
                continue;
            }
            watch.next = Instant::now() + guard.every;
            let Some(value) = broken(prometheus, name, guard, set, now).await else {
                watch.bad = 0;
                continue;
            };
            watch.bad += 1;
            if watch.bad >= guard.times {
                let broken = Broken {
                    flag: &flag,
                    set,
                    guard: name,
                    bound: &guard.bound,
                    value,
                };
                turn_off(services, settings, &broken, &definition, &off, now).await?;
            }
        }
    }
    watches.retain(|key, _| seen.contains(key));
    Ok(())
}

/// A guard that broke.
#[derive(Debug)]
pub(crate) struct Broken<'a> {
    pub(crate) flag: &'a str,
    pub(crate) set: &'a str,
    pub(crate) guard: &'a str,
    pub(crate) bound: &'a str,
    pub(crate) value: f64,
}

/// The value that is bad, if it is. What cannot be asked says nothing.
pub(crate) async fn broken(
    prometheus: &Prometheus,
    name: &str,
    guard: &Guard,
    set: &str,
    now: Timestamp,
) -> Option<f64> {
    // Looked at when the robot started.
    let config = guard.config(name).ok()?;
    let vars = Vars {
        service: String::new(),
        env: set.to_owned(),
        version: String::new(),
        since: guard.every,
    };
    match probe(prometheus, &config, &vars, config.bound, now).await.outcome {
        Outcome::Fail { value, .. } => Some(value),
        Outcome::Error { why, .. } => {
            tracing::warn!(guard = name, why, "a guard of a flag could not be asked");
            None
        }
        Outcome::Pass { .. } | Outcome::NoData { .. } => None,
    }
}

/// The flag, turned off: everybody gets what is false, or what the code has.
fn off(definition: &Definition) -> Definition {
    let given = definition
        .sides()
        .and_then(|(_, off)| definition.give(off, &Whom::Everybody).ok());
    given.unwrap_or_else(|| Definition {
        state: State::Disabled,
        ..definition.clone()
    })
}

async fn turn_off(
    services: &Services,
    settings: &Settings,
    broken: &Broken<'_>,
    before: &Definition,
    off: &Definition,
    now: Timestamp,
) -> Result<()> {
    let flags = place::engine(services)?;
    let edit = Edit::Put {
        key: broken.flag.to_owned(),
        definition: off.clone(),
    };
    let author = Author {
        by: BY.into(),
        reason: Some(texts::guard_reason(broken)),
        at: now,
        operation: None,
    };
    let change = flags
        .change_from(broken.set, broken.flag, Some(before), &edit, &author)
        .await;
    let change = match change {
        Ok(change) => change,
        // Somebody was quicker: the next look sees what it is now.
        Err(ChangeError::Moved(_) | ChangeError::Edit(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    tracing::warn!(
        flag = broken.flag,
        set = broken.set,
        guard = broken.guard,
        "a guard turned a flag off"
    );
    let entry = Entry {
        target: Target {
            service: None,
            environment: place::environment(services, broken.set),
        },
        ..Entry::new(now, "flag guard", texts::guard_record(broken))
    };
    services.record(&[entry]).await;
    let facts = facts::of(services.store().as_ref(), broken.flag).await?;
    let mut channels = tell::channels(services, broken.flag).await?;
    channels.extend(settings.channel.clone());
    if let Some(owner) = &facts.owner {
        match services.chat().direct(owner).await {
            Ok(channel) => channels.push(channel),
            Err(error) => tracing::warn!(%error, "the owner of a flag cannot be told"),
        }
    }
    channels.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    channels.dedup();
    let card = texts::guard_broke(broken, facts.owner.as_ref());
    let key = format!("flag-guard-{}-{}", broken.set, change.revision);
    tell::say(services, &channels, &key, &card).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn off_is_what_nobody_asked_for() {
        let on = Definition::switch(false).give("on", &Whom::Percent(20)).unwrap();
        assert_eq!(off(&on), Definition::switch(false));
        let mut text = Definition::switch(false);
        text.variants = [("red".to_owned(), json!("red"))].into();
        text.default_variant = Some("red".into());
        assert_eq!(off(&text).state, State::Disabled);
    }
}
