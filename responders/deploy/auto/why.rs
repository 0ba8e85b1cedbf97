//! `autodeploys` and `why … in …`: why something is, or is not, where it should be.
//!
//! Side effects: none; what may have changed since the last look is looked at anew, without asking others.

use jiff::Timestamp;
use otus::{Context, Environment, Result, Service, UserError};
use otus_ci::version::Direction;

use super::decision::{Decision, Way};
use super::go;
use super::kept::{self, Now, Story};
use super::lane::Lane;
use super::look::Hand;
use super::pause::{self, Pause};
use super::texts;
use crate::commits;

/// So many lanes are listed.
const SHOWN: usize = 25;
/// So many other commits are told about.
const OTHERS: usize = 4;

/// What a lane stands at, as of this moment where the store alone tells.
struct Current {
    now: Option<Now>,
    decision: Option<Decision>,
    /// One that has held nothing back yet.
    pause: Option<Pause>,
}

impl Current {
    async fn of(hand: &Hand, lane: &Lane, now: Timestamp) -> Result<Self> {
        let standing = kept::one(&hand.services, lane).await?;
        let decision = match standing.now.as_ref().map(|now| &now.decision) {
            Some(Decision::Going { operation, .. }) => {
                let known = hand.services.store().operation(operation).await?;
                known.map(|known| Decision::Going {
                    operation: known.id,
                    state: known.state,
                })
            }
            Some(decision) if decision.way() == Way::Inside => go::blocked(hand, lane, now).await?,
            _ => None,
        };
        let decision = decision.or_else(|| standing.now.as_ref().map(|now| now.decision.clone()));
        let pauses = pause::all(&hand.services, now).await?;
        let told = matches!(decision, Some(Decision::Paused { .. }));
        let pause = pause::of(&pauses, lane).filter(|_| !told).cloned();
        Ok(Current {
            now: standing.now,
            decision,
            pause,
        })
    }
}

/// Lists what goes out by itself.
pub(crate) async fn lanes(hand: &Hand, cx: &Context, service: Option<&Service>) -> Result {
    let mut lanes = Lane::all(cx.services().catalog());
    if let Some(service) = service {
        lanes.retain(|lane| lane.service == *service);
        if lanes.is_empty() {
            return cx.reply(texts::by_hand(&service.name, None)).await;
        }
    }
    if lanes.is_empty() {
        return cx.reply(texts::no_lanes()).await;
    }
    let now = cx.services().store().now().await?;
    let mut told = Vec::new();
    for lane in &lanes {
        if told.len() >= SHOWN {
            told.push(String::new());
            continue;
        }
        let Current {
            now: stands,
            decision,
            pause,
        } = Current::of(hand, lane, now).await?;
        told.push(texts::lane(
            lane,
            stands.as_ref(),
            decision.as_ref(),
            pause.as_ref(),
        ));
    }
    cx.reply(texts::lanes(&told, SHOWN)).await
}

/// Says why a service's newest, or a commit, is not in an environment.
pub(crate) async fn why(hand: &Hand, cx: &Context, what: &str, environment: &Environment) -> Result {
    let catalog = cx.services().catalog();
    if let Some(service) = catalog.service(what) {
        let Some(lane) = Lane::of(catalog, &service, environment) else {
            return cx
                .reply(texts::by_hand(&service.name, Some(&environment.name)))
                .await;
        };
        return why_lane(hand, cx, &lane).await;
    }
    let mut lanes = Lane::all(catalog);
    lanes.retain(|lane| lane.environment == *environment);
    let sha = what.to_ascii_lowercase();
    for lane in &lanes {
        let stories = kept::stories(&hand.services, lane).await?;
        let meant = |story: &&Story| story.commit.sha.starts_with(&sha) || story.commit.name == what;
        if let Some(story) = stories.iter().find(meant) {
            let now = hand.services.store().now().await?;
            let current = Current::of(hand, lane, now).await?;
            let is_current = current.now.is_some_and(|now| now.commit.sha == story.commit.sha);
            let decision = current.decision.filter(|_| is_current);
            return cx.reply(texts::why_commit(lane, story, decision.as_ref())).await;
        }
    }
    let is_sha = sha.len() >= 7 && sha.bytes().all(|byte| byte.is_ascii_hexdigit());
    for lane in lanes.iter().filter(|_| is_sha) {
        if let Some(runs) = contains(hand, lane, &sha).await? {
            let text = texts::contained(&lane.service.name, what, &runs, &environment.name);
            return cx.reply(text).await;
        }
    }
    let names: Vec<String> = lanes.iter().map(|lane| lane.service.name.clone()).collect();
    Err(UserError::new(texts::unheard(what, &environment.name, &names)).into())
}

async fn why_lane(hand: &Hand, cx: &Context, lane: &Lane) -> Result {
    let now = hand.services.store().now().await?;
    let Current {
        now: stands,
        decision,
        pause,
    } = Current::of(hand, lane, now).await?;
    let mut others = kept::stories(&hand.services, lane).await?;
    others.retain(|story| {
        let is_current = stands
            .as_ref()
            .is_some_and(|now| now.commit.sha == story.commit.sha);
        let last = story.decisions.last();
        !is_current && last.is_some_and(|last| last.decision.way() != Way::Over)
    });
    others.truncate(OTHERS);
    cx.reply(texts::why_lane(
        lane,
        stands.as_ref(),
        decision.as_ref(),
        pause.as_ref(),
        &others,
    ))
    .await
}

/// What runs in a lane, if it has this commit.
async fn contains(hand: &Hand, lane: &Lane, sha: &str) -> Result<Option<String>> {
    let running = commits::running(&hand.services, &lane.service, &lane.environment).await?;
    let Some(origin) = commits::origin(&hand.services, &lane.service, &running.image)? else {
        return Ok(None);
    };
    let known = commits::known(&hand.services, &lane.service, &origin, &running.image).await?;
    let Some(runs) = known else {
        return Ok(None);
    };
    let way = commits::way(&origin, &lane.service, &lane.environment, sha, &runs).await?;
    let has = matches!(way.direction, Direction::Same | Direction::Forward);
    Ok(has.then(|| commits::name_of(&running, Some(&runs))))
}
