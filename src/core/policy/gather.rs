//! Finding out what the decision depends on.

use super::{
    decide,
    holding::{self, Found},
    locks::{ELEVATIONS, Elevation, LOCKS, Lock},
    matching,
    rules::Policy,
    verdict::{Asked, Facts, Held, Verdict},
};
use crate::{ids::UserId, responder::Effect, services::Services, store::StoreError};
use futures_util::future::join_all;
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    time::Duration,
};

/// How long one question may take; then the answer is that nobody can tell.
const PATIENCE: Duration = Duration::from_secs(3);

/// Finds out everything [`decide`](super::decide) wants to know. What cannot be found out is said in the facts, never guessed.
///
/// Only what matching rules, locks and freezes name is asked.
pub async fn gather(services: &Services, policy: &Policy, asked: &Asked) -> Facts {
    let mut unknown = Vec::new();
    let store = services.store();
    let (now, locks, elevations) = tokio::join!(
        in_time(store.now()),
        in_time(holding::all::<Lock>(store.as_ref(), LOCKS)),
        in_time(holding::all::<Elevation>(store.as_ref(), ELEVATIONS)),
    );
    let now = now.unwrap_or_else(|error| {
        unknown.push(format!("what time it is cannot be told: {error}"));
        // The refusal that follows has to be of some moment.
        Timestamp::now()
    });
    let locks = locks.unwrap_or_else(|error| {
        unknown.push(format!("whether something is locked cannot be told: {error}"));
        Vec::new()
    });
    let elevations = elevations.unwrap_or_else(|error| {
        unknown.push(format!("whether the glass is broken cannot be told: {error}"));
        Vec::new()
    });
    let changes = changes(services, &asked.command);
    let locks: Vec<_> = locks
        .into_iter()
        .map(|Found { value, .. }| value)
        .filter(|lock| lock.holds(now) && lock.target.covers(&asked.target))
        .collect();
    let elevation = elevations
        .into_iter()
        .map(|Found { value, .. }| value)
        .find(|elevation| elevation.by == asked.user && elevation.holds(now));

    let rules = matching::rules(policy, asked, changes);
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    wanted.extend(asked.role.as_deref());
    wanted.extend(
        rules
            .iter()
            .flat_map(|rule| rule.roles.iter().map(String::as_str)),
    );
    if locks.iter().any(|lock| lock.by != asked.user) {
        wanted.extend(policy.lock_override.as_deref());
    }
    for freeze in matching::freezes(policy, asked, changes) {
        let frozen = freeze
            .calendar()
            .is_ok_and(|calendar| calendar.open_at(now).is_some());
        wanted.extend(freeze.override_role.as_deref().filter(|_| frozen));
    }
    for rule in &rules {
        if let Some(role) = &rule.approvers
            && !services.roles().0.contains_key(role)
        {
            unknown.push(format!(
                "{}: the role `{role}` that approves is not defined, so nobody has it",
                rule.name
            ));
        }
    }
    let named = rules.iter().any(|rule| {
        let here = rule
            .channels
            .iter()
            .any(|channel| channel == asked.channel.as_str());
        !here && rule.channels.iter().any(|channel| channel.starts_with('#'))
    });
    let (roles, channel_name) = tokio::join!(roles(services, asked, wanted), async {
        if named {
            channel_name(services, asked).await
        } else {
            None
        }
    });
    Facts {
        now,
        changes,
        roles,
        channel_name,
        locks,
        elevation,
        unknown,
    }
}

/// Gathers and decides.
pub async fn verdict(services: &Services, asked: &Asked) -> Verdict {
    let policy = services.policy();
    let facts = gather(services, policy, asked).await;
    decide(policy, asked, &facts)
}

/// Whether a command is one that changes something, for which rules and freezes without commands are. One nobody knows is,
/// for all anybody can tell.
fn changes(services: &Services, command: &str) -> bool {
    services
        .commands()
        .iter()
        .find(|spec| spec.id() == command)
        .is_none_or(|spec| matches!(spec.effect, Effect::Changes | Effect::Proposes))
}

/// Whether somebody has a role, as far as that can be found out in time.
pub async fn held(services: &Services, user: &UserId, role: &str) -> Held {
    let held = services.roles().held(services.chat().as_ref(), user, role);
    let held = tokio::time::timeout(PATIENCE, held).await;
    held.unwrap_or_else(|_| Held::Unknown(late()))
}

async fn roles(services: &Services, asked: &Asked, wanted: BTreeSet<&str>) -> BTreeMap<String, Held> {
    let held = wanted
        .into_iter()
        .map(|role| async move { (role.to_owned(), held(services, &asked.user, role).await) });
    join_all(held).await.into_iter().collect()
}

async fn channel_name(services: &Services, asked: &Asked) -> Option<String> {
    let name = services.chat().channel_name(&asked.channel);
    match tokio::time::timeout(PATIENCE, name).await {
        Ok(Ok(name)) => Some(name),
        Ok(Err(error)) => {
            tracing::warn!(%error, channel = %asked.channel, "the name of a channel could not be found out");
            None
        }
        Err(_) => {
            tracing::warn!(channel = %asked.channel, "the name of a channel was not found out in time");
            None
        }
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(StoreError::Unavailable(late())))
}

fn late() -> String {
    format!("no answer within {} s", PATIENCE.as_secs())
}
