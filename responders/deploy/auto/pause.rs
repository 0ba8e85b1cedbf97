//! Pausing what goes out by itself: people go on deploying, the robot does not. A value of the store per service and environment, or per
//! service.

use std::str::FromStr;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use otus::audit::Entry;
use otus::{Context, Environment, Result, Service, Services, UserError};
use serde::{Deserialize, Serialize};

use super::decision::Decision;
use super::lane::Lane;
use super::texts;

/// The space of the pauses.
const PAUSES: &str = "autodeploy.paused";
/// How often a change is tried while others change the same thing.
const TRIES: usize = 20;

/// Somebody wants nothing to go out by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pause {
    /// Of which service.
    pub(crate) service: String,
    /// In which environment; nothing for all.
    pub(crate) environment: Option<String>,
    /// Who.
    pub(crate) by: String,
    /// Why.
    pub(crate) reason: String,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Until when, if it ends by itself.
    pub(crate) until: Option<Timestamp>,
}

impl Pause {
    fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    fn covers(&self, lane: &Lane) -> bool {
        self.service == lane.service.name
            && self
                .environment
                .as_ref()
                .is_none_or(|name| *name == lane.environment.name)
    }
}

impl From<&Pause> for Decision {
    fn from(pause: &Pause) -> Self {
        Decision::Paused {
            by: pause.by.clone(),
            reason: pause.reason.clone(),
            since: pause.since,
            until: pause.until,
        }
    }
}

fn key(service: &str, environment: Option<&str>) -> String {
    format!("{service} {}", environment.unwrap_or("*"))
}

/// All that hold.
pub(crate) async fn all(services: &Services, now: Timestamp) -> Result<Vec<Pause>> {
    let mut pauses = Vec::new();
    for entry in services.store().entries(PAUSES).await? {
        // One that cannot be read may be what is in the way.
        let pause: Pause = serde_json::from_value(entry.value)?;
        if pause.holds(now) {
            pauses.push(pause);
        }
    }
    Ok(pauses)
}

/// The one in the way of a lane; of several the one of the lane itself.
pub(crate) fn of<'a>(pauses: &'a [Pause], lane: &Lane) -> Option<&'a Pause> {
    let covering = pauses.iter().filter(|pause| pause.covers(lane));
    covering.max_by_key(|pause| pause.environment.is_some())
}

/// A length of time as people say it: `2h`, `1h30m`, `20 min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length(SignedDuration);

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write for example `30m`, `2h` or `2 days`".to_owned();
        let span: Span = text.parse().map_err(|_| wrong())?;
        let length = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|_| wrong())?;
        let longest = SignedDuration::from_hours(24 * 365);
        let right = length.is_positive() && length <= longest;
        right.then_some(Length(length)).ok_or_else(wrong)
    }
}

/// Pauses.
pub(crate) async fn pause(
    cx: &Context,
    service: &Service,
    environment: Option<&Environment>,
    length: Option<Length>,
) -> Result {
    let services = cx.services();
    may_be_paused(services, service, environment)?;
    let reason = cx
        .options()
        .reason
        .as_deref()
        .map(str::trim)
        .filter(|reason| !reason.is_empty());
    let Some(reason) = reason else {
        return Err(UserError::new(texts::why_pause(cx.line())).into());
    };
    let now = services.store().now().await?;
    let pause = Pause {
        service: service.name.clone(),
        environment: environment.map(|environment| environment.name.clone()),
        by: cx.person().await.name,
        reason: reason.to_owned(),
        since: now,
        until: length.and_then(|length| now.checked_add(length.0).ok()),
    };
    let entry = entry(cx, now, "paused", texts::pause_record(&pause));
    put(
        services,
        &key(&pause.service, pause.environment.as_deref()),
        Some(&pause),
        &entry,
    )
    .await?;
    cx.reply(texts::paused(&pause)).await
}

/// Lets it go on.
pub(crate) async fn resume(cx: &Context, service: &Service, environment: Option<&Environment>) -> Result {
    let services = cx.services();
    may_be_paused(services, service, environment)?;
    let now = services.store().now().await?;
    let named = environment.map(|environment| environment.name.as_str());
    let of_service = |pause: &Pause| pause.service == service.name;
    let all: Vec<Pause> = all(services, now).await?.into_iter().filter(of_service).collect();
    // Without an environment, all of the service's; with one, exactly that.
    let meant = |pause: &&Pause| named.is_none() || pause.environment.as_deref() == named;
    let ended: Vec<&Pause> = all.iter().filter(meant).collect();
    if ended.is_empty() {
        return Err(texts::not_paused(&service.name, named, &all).into());
    }
    for pause in &ended {
        let entry = entry(cx, now, "resumed", texts::resume_record(pause));
        put(
            services,
            &key(&pause.service, pause.environment.as_deref()),
            None,
            &entry,
        )
        .await?;
    }
    let left: Vec<&Pause> = all.iter().filter(|pause| !ended.contains(pause)).collect();
    cx.reply(texts::resumed(&ended, &left)).await
}

/// Refuses what nobody has to pause.
fn may_be_paused(services: &Services, service: &Service, environment: Option<&Environment>) -> Result {
    let lanes = Lane::all(services.catalog());
    let there = |lane: &Lane| {
        lane.service.name == service.name
            && environment.is_none_or(|environment| lane.environment == *environment)
    };
    if lanes.iter().any(there) {
        return Ok(());
    }
    let environment = environment.map(|environment| environment.name.as_str());
    Err(UserError::new(texts::by_hand(&service.name, environment)).into())
}

fn entry(cx: &Context, now: Timestamp, event: &str, text: String) -> Entry {
    Entry {
        request: Some(cx.id().to_owned()),
        command: Some(cx.command().id()),
        channel: Some(cx.message().channel.clone()),
        ..Entry::new(now, event, text).by(cx.author())
    }
}

async fn put(services: &Services, key: &str, pause: Option<&Pause>, entry: &Entry) -> Result {
    let store = services.store();
    let value = pause.map(serde_json::to_value).transpose()?;
    for _ in 0..TRIES {
        let held = store
            .entries(PAUSES)
            .await?
            .into_iter()
            .find(|held| held.key == key);
        let revision = held.map_or(0, |held| held.revision);
        if value.is_none() && revision == 0 {
            return Ok(());
        }
        let entries = std::slice::from_ref(entry);
        if store.swap(PAUSES, key, revision, value.as_ref(), entries).await? {
            return Ok(());
        }
    }
    anyhow::bail!("{PAUSES} {key} was changed by others each of {TRIES} times")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_say_them() {
        let of = |text: &str| text.parse::<Length>().map(|length| length.0.as_secs());
        assert_eq!(of("30m"), Ok(1800));
        assert_eq!(of("1h30m"), Ok(5400));
        assert_eq!(of("20 min"), Ok(1200));
        assert_eq!(of("2 days"), Ok(172_800));
        assert!(of("soon").is_err() && of("0s").is_err() && of("99999h").is_err());
    }
}
