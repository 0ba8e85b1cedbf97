//! Letting a version go: what became of it so far, what stands in the way of whatever would go, and the proposal itself.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use otus::operations::{Operation, OperationFilter, Proposal, Proposed, State};
use otus::policy::{self, Asked, Verdict};
use otus::store::{DeployFilter, DeployState};
use otus::{Auto, ChannelId, EventKey, Result, UserError, UserId};
use otus_ci::version::{Found, Resolved};

use super::decide::{self, MOST_PROPOSED, Tried, ruled};
use super::decision::Decision;
use super::lane::Lane;
use super::look::Hand;
use super::{ACTOR, pause, texts};
use crate::KIND;
use crate::card::command;
use crate::commits::Picked;
use crate::plan::Wanted;

/// The command whose rules and role hold for it: what a person would say.
const COMMAND: &str = "deploy.deploy";
/// How long finding out whether it may is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The id of one proposal: the same, whoever makes it.
fn id(lane: &Lane, version: &Resolved, number: u32) -> String {
    let (service, environment) = (&lane.service.name, &lane.environment.name);
    let digest = version.digest();
    EventKey::new(format!("autodeploy:{service}:{environment}:{digest}:{number}")).short()
}

/// What became of a version in a lane.
pub(crate) async fn tried(hand: &Hand, lane: &Lane, version: &Resolved, now: Timestamp) -> Result<Tried> {
    let store = hand.services.store();
    let mut operations = Vec::new();
    for number in 0..MOST_PROPOSED {
        match store.operation(&id(lane, version, number)).await? {
            Some(operation) => operations.push(operation),
            None => break,
        }
    }
    let mut states: BTreeMap<String, DeployState> = BTreeMap::new();
    if !operations.is_empty() {
        let filter = DeployFilter {
            service: Some(lane.service.name.clone()),
            environment: Some(lane.environment.name.clone()),
            ..DeployFilter::default()
        };
        let deploys = store.deploys(&filter).await?;
        states.extend(deploys.into_iter().map(|deploy| (deploy.id, deploy.state)));
    }
    let operations: Vec<(Operation, Option<DeployState>)> = operations
        .into_iter()
        .map(|operation| {
            let state = states.get(&operation.id).copied();
            (operation, state)
        })
        .collect();
    let again = SignedDuration::try_from(hand.settings.pace.again).unwrap_or(SignedDuration::MAX);
    Ok(decide::tried(&operations, again, now))
}

/// What is in the way of whatever would go: a pause, a rule, a lock, a freeze, something else on the same target.
pub(crate) async fn blocked(hand: &Hand, lane: &Lane, now: Timestamp) -> Result<Option<Decision>> {
    let services = &hand.services;
    let target = lane.target();
    let pauses = pause::all(services, now).await?;
    let Some(spec) = services.commands().iter().find(|spec| spec.id() == COMMAND) else {
        return Ok(Some(Decision::Refused {
            why: texts::no_deploys(),
        }));
    };
    let asked = Asked {
        command: COMMAND.to_owned(),
        role: spec.role.map(Into::into),
        target: target.clone(),
        user: UserId::robot(ACTOR),
        channel: channel(hand, lane)?,
        reason: Some(ACTOR.to_owned()),
    };
    let verdict = tokio::time::timeout(PATIENCE, policy::verdict(services, &asked)).await;
    let verdict = verdict.unwrap_or_else(|_| Verdict::refuse(texts::policy_late()));
    let filter = OperationFilter {
        service: target.service.clone(),
        environment: target.environment.clone(),
        states: vec![
            State::Running,
            State::Paused,
            State::Queued,
            State::Approving,
            State::Confirming,
        ],
        ..OperationFilter::default()
    };
    let mut others = services.store().operations(&filter).await?;
    others.retain(|other| other.plan.target == target && other.plan.exclusive);
    let busy = others.iter().find(|other| other.state.is_active());
    let queued = others.iter().find(|other| !other.state.is_active());
    Ok(decide::blocked(pause::of(&pauses, lane), &verdict, busy, queued))
}

/// Where the cards of a lane are shown. The configuration is refused without.
fn channel(hand: &Hand, lane: &Lane) -> Result<ChannelId> {
    let channel = hand.settings.channel(&lane.service.name);
    let channel = channel.ok_or_else(|| anyhow::anyhow!("no channel is set for {}", lane.service.name))?;
    Ok(ChannelId::new(channel))
}

/// Proposes it, as the robot itself.
pub(crate) async fn propose(hand: &Hand, lane: &Lane, found: Found, number: u32) -> Result<Decision> {
    let version = found.version.clone();
    let reason = match &lane.auto {
        Auto::Green => texts::because_green(&version),
        Auto::After { environment, bake } => texts::because_ripe(&version, &environment.name, *bake),
    };
    let (service, environment) = (&lane.service.name, &lane.environment.name);
    let wanted = Wanted {
        service: service.clone(),
        environment: environment.clone(),
        version: version.name().to_owned(),
        like: None,
        force: false,
        picked: Some(Picked {
            // What was passed over is told where somebody asks.
            found: Found {
                skipped: Vec::new(),
                ..found
            },
            good: false,
            back: false,
            reason: Some(reason.clone()),
            auto: true,
        }),
    };
    let proposal = Proposal {
        id: id(lane, &version, number),
        kind: KIND.to_owned(),
        command: COMMAND.to_owned(),
        line: command(service, version.name(), environment),
        ask: serde_json::to_value(wanted)?,
        by: UserId::robot(ACTOR),
        channel: channel(hand, lane)?,
        reason,
    };
    match hand.services.operations().propose_itself(proposal).await {
        Ok(Proposed::Made(operation) | Proposed::Known(operation)) => Ok(Decision::Going {
            operation: operation.id,
            state: operation.state,
        }),
        Ok(Proposed::NothingToDo) => Ok(Decision::Here),
        Ok(Proposed::Blocked(verdict)) => {
            let why = verdict.rule.clone();
            Ok(ruled(&verdict).unwrap_or(Decision::Refused { why }))
        }
        Ok(Proposed::Busy(other)) => Ok(Decision::Busy {
            operation: other.id,
            line: other.line,
        }),
        Err(error) => match error.downcast_ref::<UserError>() {
            Some(error) => Ok(Decision::Unplanned {
                why: error.text.clone(),
            }),
            None => Err(error),
        },
    }
}
