//! What holds a change up: a jump that has to be approved, and a deploy under way.

use crate::{
    ask::{Ask, RECENT},
    guard, place,
    plan::{Side, read},
    settings::Settings,
    texts,
};
use jiff::Timestamp;
use otus::{
    Result, Services,
    operations::{Need, OperationFilter, State},
};
use otus_flags::{
    Definition,
    words::{jump, retreats},
};
use otus_monitoring::Prometheus;

/// Who has to agree, because more people at once get something new than the rules let.
pub(crate) async fn need(
    services: &Services,
    settings: &Settings,
    ask: &Ask,
    side: &Side,
    now: Timestamp,
    notes: &mut Vec<String>,
) -> Result<Option<Need>> {
    let Some(role) = settings
        .approvers
        .as_ref()
        .filter(|_| settings.steps_in(&side.set))
    else {
        return Ok(None);
    };
    let baseline = match ask.since {
        Some(since) => baseline(services, ask, side, since).await?,
        None => side.before.clone(),
    };
    let within = settings.step_within.as_secs();
    let grown = jump(
        (baseline.as_ref(), now.as_second() - within),
        (side.after.as_ref(), now.as_second() + within),
    );
    // Half a point is what a share is rounded by.
    let large = grown.is_none_or(|grown| grown * 100.0 > f64::from(settings.step) + 0.5);
    if !large {
        return Ok(None);
    }
    notes.push(texts::grows_by(grown, settings));
    Ok(Some(Need {
        count: settings.approvals,
        role: role.clone(),
        rule: texts::step_rule(settings),
    }))
}

/// The flag as it was at a revision.
async fn baseline(services: &Services, ask: &Ask, side: &Side, since: u64) -> Result<Option<Definition>> {
    let flags = place::engine(services)?;
    let changes = place::history(&flags, &side.set, &ask.flag, RECENT).await?;
    let mut later = changes
        .into_iter()
        .filter(|change| change.revision > since && change.flag.is_some());
    match later.next_back() {
        Some(first) => read(&first.before.unwrap_or_default()),
        None => Ok(side.before.clone()),
    }
}

/// Refuses what would change flags while something is being deployed there, or there is an incident, but for turning off.
pub(crate) async fn frozen(
    services: &Services,
    settings: &Settings,
    prometheus: Option<&Prometheus>,
    side: &Side,
    now: Timestamp,
) -> Result {
    if retreats(side.before.as_ref(), side.after.as_ref(), now.as_second()) {
        return Ok(());
    }
    let told = settings.frozen_in_incidents.as_ref();
    let told = told.and_then(|name| Some((name, settings.guards.get(name)?, prometheus?)));
    if let Some((name, guard, prometheus)) = told
        && let Some(value) = guard::broken(prometheus, name, guard, &side.set, now).await
    {
        return Err(texts::incident(&side.set, name, &guard.bound, value).into());
    }
    let here = settings
        .frozen_by_deploys
        .iter()
        .any(|name| name.eq_ignore_ascii_case(&side.set));
    if !here {
        return Ok(());
    }
    let filter = OperationFilter {
        kind: Some("deploy".into()),
        environment: Some(side.set.clone()),
        states: vec![State::Running, State::Paused],
        limit: 1,
        ..OperationFilter::default()
    };
    match services.store().operations(&filter).await?.first() {
        Some(deploy) => Err(texts::frozen(&side.set, deploy).into()),
        None => Ok(()),
    }
}
