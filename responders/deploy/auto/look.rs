//! One look at a lane: what could go out next, what stands in its way, and, if nothing does, that it goes.
//!
//! Side effects: reads GitHub, the registry, the cluster and the store; writes why (`autodeploy.why …`), and proposes an operation.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use otus::operations::{OperationFilter, State};
use otus::store::{Deploy, DeployFilter, DeployState};
use otus::{Auto, Environment, Result, Services, UserError};
use otus_ci::version::{Direction, Error, Found, NotReady, Refusal, Resolved, Said, Skipped};
use otus_kubernetes::Running;
use tokio::sync::Notify;

use super::decide::{Facts, Tried, decide};
use super::decision::{Decision, Way};
use super::go;
use super::kept::{self, Commit, Standing, Story};
use super::lane::Lane;
use super::ripe::ripe;
use super::settings::Settings;
use super::texts;
use crate::KIND;
use crate::commits::{self, Origin, commit_of};
use crate::good;
use crate::plan::failed_before;

/// So many of what was rejected are held against a commit: what lies before them was so before.
const MOST_REJECTED: usize = 10;

/// What the work needs.
#[derive(Clone)]
pub(crate) struct Hand {
    pub(crate) services: Services,
    pub(crate) settings: Settings,
    /// Rings when something was heard.
    pub(crate) bell: Arc<Notify>,
    /// This process, as leases name it.
    pub(crate) owner: String,
}

/// What came of a look.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// What was decided, by commit.
    decided: Vec<(Commit, Decision)>,
    /// What the lane stands at.
    pub(crate) now: Option<(Commit, Decision)>,
    /// The newest commit that ever ran here.
    pub(crate) peak: Option<Commit>,
    /// Up to when the deploys here are known.
    pub(crate) seen: Option<Timestamp>,
    /// When to look again at the latest.
    pub(crate) due: Option<Timestamp>,
}

impl Looked {
    fn say(&mut self, commit: Commit, decision: Decision) {
        self.decided.push((commit, decision));
    }

    /// Whoever was asked took too long.
    pub(crate) fn late(hand: &Hand, standing: &Standing, now: Timestamp) -> Self {
        let commit = standing.now.as_ref().map(|now| now.commit.clone());
        let why = texts::too_long();
        Looked {
            now: Some((commit.unwrap_or_default(), Decision::Unasked { why })),
            peak: standing.peak.clone(),
            seen: standing.seen,
            due: Some(after(now, hand.settings.pace.soon)),
            ..Looked::default()
        }
    }

    /// No later than this.
    fn by(&mut self, at: Timestamp) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}

/// What runs in a lane.
struct Place {
    running: Running,
    origin: Origin,
    /// Its commit, if anybody knows.
    sha: Option<String>,
    /// As people say it.
    name: String,
}

impl Place {
    async fn of(services: &Services, lane: &Lane, environment: &Environment) -> Result<Self> {
        let running = commits::running(services, &lane.service, environment).await?;
        let Some(origin) = commits::origin(services, &lane.service, &running.image)? else {
            anyhow::bail!("the service {} has no repository any more", lane.service.name);
        };
        let sha = commits::known(services, &lane.service, &origin, &running.image).await?;
        let name = commits::name_of(&running, sha.as_deref());
        Ok(Place {
            running,
            origin,
            sha,
            name,
        })
    }

    /// How one commit lies to another.
    async fn way(&self, lane: &Lane, from: &str, to: &str) -> Result<Direction> {
        if from == to {
            return Ok(Direction::Same);
        }
        Ok(
            commits::way(&self.origin, &lane.service, &lane.environment, from, to)
                .await?
                .direction,
        )
    }
}

/// Looks, and writes down why.
pub(crate) async fn look(hand: &Hand, lane: &Lane, standing: &Standing, now: Timestamp) -> Result<Looked> {
    let services = &hand.services;
    let known = kept::stories(services, lane).await?;
    let mut looked = Looked {
        peak: standing.peak.clone(),
        seen: standing.seen,
        ..Looked::default()
    };
    looked.by(after(now, hand.settings.look));
    if let Err(error) = seek(hand, lane, &known, now, &mut looked).await {
        let why = match error.downcast_ref::<UserError>() {
            Some(error) => error.text.clone(),
            None => {
                let error = format!("{error:#}");
                tracing::warn!(
                    lane = lane.key(),
                    error,
                    "what could go out cannot be found out; it is tried again"
                );
                texts::our_side()
            }
        };
        let commit = standing
            .now
            .as_ref()
            .map(|now| now.commit.clone())
            .unwrap_or_default();
        looked.now = Some((commit.clone(), Decision::Unasked { why: why.clone() }));
        if !commit.sha.is_empty() {
            looked.say(commit, Decision::Unasked { why });
        }
        looked.by(after(now, hand.settings.pace.soon));
    } else {
        supersede(services, &known, &mut looked).await?;
    }
    kept::tell(services, lane, &known, &looked.decided, now).await?;
    let keep = SignedDuration::from_hours(24 * i64::from(hand.settings.keep_days));
    kept::forget(services, lane, &known, keep, now).await?;
    Ok(looked)
}

pub(crate) fn after(now: Timestamp, length: std::time::Duration) -> Timestamp {
    let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
    now.checked_add(length).unwrap_or(Timestamp::MAX)
}

async fn seek(hand: &Hand, lane: &Lane, known: &[Story], now: Timestamp, looked: &mut Looked) -> Result {
    let place = Place::of(&hand.services, lane, &lane.environment).await?;
    climb(&hand.services, lane, &place, looked).await?;
    let found = match &lane.auto {
        Auto::Green => green(hand, &place, known, now, looked).await?,
        Auto::After { environment, bake } => {
            ripened(hand, lane, &place, environment, *bake, now, looked).await?
        }
    };
    let Some(found) = found else {
        looked.now = looked.now.take().or_else(|| looked.decided.first().cloned());
        return Ok(());
    };
    let commit = named(&found.version);
    let decision = weigh(hand, lane, &place, looked, found, now).await?;
    match &decision {
        Decision::Unplanned { .. } | Decision::Unasked { .. } => {
            looked.by(after(now, hand.settings.pace.soon))
        }
        Decision::Troubled { again: Some(at), .. } => looked.by(*at),
        _ => {}
    }
    let newer = looked.decided.first().cloned();
    looked.say(commit.clone(), decision.clone());
    // Where it runs already, people want to hear of what is newer and does not.
    looked.now = match newer {
        Some(newer) if decision == Decision::Here => Some(newer),
        _ => Some((commit, decision)),
    };
    Ok(())
}

/// Follows what has run here, to know the newest of it. Only a person leads to what lies elsewhere.
async fn climb(services: &Services, lane: &Lane, place: &Place, looked: &mut Looked) -> Result {
    let filter = DeployFilter {
        service: Some(lane.service.name.clone()),
        environment: Some(lane.environment.name.clone()),
        since: looked.seen,
        limit: 20,
        ..DeployFilter::default()
    };
    let mut deploys = services.store().deploys(&filter).await?;
    deploys.reverse();
    for deploy in &deploys {
        let brought = match deploy.state {
            // Seen when it is over.
            DeployState::Running => break,
            DeployState::Succeeded | DeployState::Failed => commit_of(deploy),
            DeployState::Superseded | DeployState::Stopped => None,
        };
        if let Some(version) = brought {
            let asked = deploy.by.as_robot().is_none() && deploy.state == DeployState::Succeeded;
            rise(lane, place, looked, named(&version), asked).await?;
        }
        looked.seen = Some(deploy.began);
    }
    if let Some(sha) = &place.sha {
        let commit = Commit {
            sha: sha.clone(),
            name: place.name.clone(),
            ..Commit::default()
        };
        rise(lane, place, looked, commit, false).await?;
    }
    Ok(())
}

async fn rise(lane: &Lane, place: &Place, looked: &mut Looked, commit: Commit, asked: bool) -> Result {
    let higher = match &looked.peak {
        None => true,
        Some(peak) => match place.way(lane, &peak.sha, &commit.sha).await? {
            Direction::Forward => true,
            Direction::Sideways => asked,
            Direction::Same | Direction::Back => false,
        },
    };
    if higher {
        looked.peak = Some(commit);
    }
    Ok(())
}

/// The newest commit of the branch that may go out; why newer ones may not is said on the way.
async fn green(
    hand: &Hand,
    place: &Place,
    known: &[Story],
    now: Timestamp,
    looked: &mut Looked,
) -> Result<Option<Found>> {
    let origin = &place.origin;
    let (found, skipped) = match origin.versions.find(&origin.source, &Said::LatestGreen).await {
        Ok(found) => (Some(found.clone()), found.skipped),
        Err(Error::Refused(Refusal::NothingGreen { skipped, .. })) => (None, skipped),
        Err(error) => return Err(UserError::new(texts::unasked(&error.to_string())).into()),
    };
    // What lies before what runs is nobody's question.
    let newer = skipped
        .iter()
        .take_while(|skipped| Some(&skipped.sha) != place.sha.as_ref());
    for skipped in newer {
        let decision = unready(hand, skipped, known, now, looked);
        let commit = Commit {
            sha: skipped.sha.clone(),
            name: skipped.short(),
            message: skipped.message.clone(),
        };
        looked.say(commit, decision);
    }
    Ok(found)
}

/// Why a commit is not ready. An image may take its time after the build was told to be good.
fn unready(hand: &Hand, skipped: &Skipped, known: &[Story], now: Timestamp, looked: &mut Looked) -> Decision {
    let NotReady::NoImage { tag } = &skipped.why else {
        return Decision::NotReady {
            why: skipped.why.clone(),
        };
    };
    let story = known.iter().find(|story| story.commit.sha == skipped.sha);
    let last = story.and_then(|story| story.decisions.last());
    let since = match last.map(|last| (&last.decision, last.since)) {
        Some((Decision::ImageLate { since, .. }, _)) => *since,
        Some((
            Decision::NotReady {
                why: NotReady::NoImage { .. },
            },
            since,
        )) => since,
        _ => now,
    };
    let late = after(since, hand.settings.image_wait);
    if now >= late {
        return Decision::ImageLate {
            tag: tag.clone(),
            since,
        };
    }
    looked.by(after(now, hand.settings.pace.soon).min(late));
    Decision::NotReady {
        why: skipped.why.clone(),
    }
}

/// What has run well for long enough one environment before.
async fn ripened(
    hand: &Hand,
    lane: &Lane,
    place: &Place,
    before: &Environment,
    bake: SignedDuration,
    now: Timestamp,
    looked: &mut Looked,
) -> Result<Option<Found>> {
    let services = &hand.services;
    let filter = DeployFilter {
        service: Some(lane.service.name.clone()),
        environment: Some(before.name.clone()),
        ..DeployFilter::default()
    };
    let mut deploys = services.store().deploys(&filter).await?;
    on_time(services, lane, before, &mut deploys).await?;
    let rejected = good::all(services, &lane.service.name, &before.name).await?;
    let rejected: BTreeSet<String> = rejected.into_iter().map(|rejected| rejected.image).collect();
    let ripe = ripe(&deploys, &rejected, bake, now);
    if let Some((deploy, until)) = ripe.baking {
        looked.by(until);
        if deploy.image != place.running.image {
            let decision = Decision::Baking {
                before: before.name.clone(),
                until,
            };
            looked.say(brought(deploy), decision);
        }
    }
    if !ripe.ready.is_empty() {
        let there = Place::of(services, lane, before).await?;
        for deploy in ripe.ready {
            let Some(version) = commit_of(deploy) else {
                continue;
            };
            if deploy.image == place.running.image {
                // Nothing older is waited for.
                looked.now = looked.decided.first().cloned();
                looked.say(named(&version), Decision::Here);
                looked.now = looked.now.take().or_else(|| looked.decided.last().cloned());
                return Ok(None);
            }
            let still = match &there.sha {
                _ if there.running.image == deploy.image => true,
                Some(sha) => {
                    let direction = there.way(lane, &version.sha, sha).await?;
                    matches!(direction, Direction::Same | Direction::Forward)
                }
                None => false,
            };
            if !still {
                let (before, runs) = (before.name.clone(), there.name.clone());
                looked.say(named(&version), Decision::Gone { before, runs });
                continue;
            }
            let origin = &there.origin;
            match origin
                .versions
                .promote(&origin.source, &deploy.image, Some(&version.sha))
                .await
            {
                Ok(mut found) => {
                    found.version.tag = version.tag;
                    return Ok(Some(found));
                }
                Err(Error::Refused(Refusal::NotReady { why, .. })) => {
                    looked.say(named(&version), Decision::NotReady { why });
                    return Ok(None);
                }
                Err(error) => return Err(UserError::new(texts::unasked(&error.to_string())).into()),
            }
        }
    }
    if let (None, Some((deploy, trouble))) = (ripe.baking, ripe.broken) {
        let decision = match deploy.image == place.running.image {
            true => Decision::Here,
            false => Decision::Broken {
                before: before.name.clone(),
                version: trouble.version.clone(),
                at: trouble.ended.unwrap_or(trouble.began),
            },
        };
        looked.say(brought(deploy), decision);
    }
    Ok(None)
}

/// Puts the ends of the newest deploys on the store's clock, which all replicas share.
async fn on_time(
    services: &Services,
    lane: &Lane,
    environment: &Environment,
    deploys: &mut [Deploy],
) -> Result {
    let filter = OperationFilter {
        service: Some(lane.service.name.clone()),
        environment: Some(environment.name.clone()),
        kind: Some(KIND.to_owned()),
        ..OperationFilter::default()
    };
    for operation in services.store().operations(&filter).await? {
        if let Some(deploy) = deploys.iter_mut().find(|deploy| deploy.id == operation.id) {
            deploy.ended = operation.ended.or(deploy.ended);
        }
    }
    Ok(())
}

/// What is known of a version, what is in its way, and, if nothing is, that it goes.
async fn weigh(
    hand: &Hand,
    lane: &Lane,
    place: &Place,
    looked: &Looked,
    found: Found,
    now: Timestamp,
) -> Result<Decision> {
    let services = &hand.services;
    let version = &found.version;
    let here = place.running.image == version.image;
    let tried = go::tried(hand, lane, version, now).await?;
    let mut facts = Facts {
        runs: place.name.clone(),
        here,
        failed: failed_before(services, &lane.target(), &version.image).await?,
        way: None,
        rejected: Vec::new(),
        peak: None,
        tried,
    };
    if !here {
        if let Some(sha) = &place.sha {
            facts.way = Some(place.way(lane, sha, &version.sha).await?);
        }
        let rejected = good::all(services, &lane.service.name, &lane.environment.name).await?;
        for rejected in rejected.into_iter().take(MOST_REJECTED) {
            let sha = match rejected.image == version.image {
                true => Some(version.sha.clone()),
                false => commits::known(services, &lane.service, &place.origin, &rejected.image).await?,
            };
            let direction = match sha {
                Some(sha) => Some(place.way(lane, &sha, &version.sha).await?),
                None => None,
            };
            facts.rejected.push((rejected, direction));
        }
        let elsewhere = |peak: &&Commit| Some(&peak.sha) != place.sha.as_ref();
        if let Some(peak) = looked.peak.as_ref().filter(elsewhere) {
            let direction = place.way(lane, &peak.sha, &version.sha).await?;
            facts.peak = Some((peak.name.clone(), direction));
        }
    }
    if let Some(decision) = decide(&facts) {
        return Ok(decision);
    }
    if let Some(decision) = go::blocked(hand, lane, now).await? {
        return Ok(decision);
    }
    match facts.tried {
        Tried::Go(number) => go::propose(hand, lane, found, number).await,
        // `decide` has said why.
        _ => anyhow::bail!("nothing was decided about {}", version.name()),
    }
}

/// What was looked at before and is not any more has come to its end, or has lost its place to what is.
async fn supersede(services: &Services, known: &[Story], looked: &mut Looked) -> Result {
    let Some((newest, _)) = looked.decided.last().cloned() else {
        return Ok(());
    };
    for story in known {
        let Some(last) = story.decisions.last().map(|last| &last.decision) else {
            continue;
        };
        let seen = looked
            .decided
            .iter()
            .any(|(commit, _)| commit.sha == story.commit.sha);
        if seen || last.way() == Way::Over {
            continue;
        }
        let ended = match last {
            Decision::Going { operation, .. } => services.store().operation(operation).await?,
            _ => None,
        };
        let decision = match ended.map(|ended| (ended.state, ended.id, ended.ended.unwrap_or(ended.asked))) {
            Some((State::Succeeded, _, _)) => Decision::Here,
            Some((State::Failed, operation, at)) => Decision::Failed {
                operation: Some(operation),
                at,
            },
            _ => Decision::Superseded {
                by: newest.name.clone(),
            },
        };
        looked.say(story.commit.clone(), decision);
    }
    Ok(())
}

/// A version, as it is remembered.
pub(crate) fn named(version: &Resolved) -> Commit {
    Commit {
        sha: version.sha.clone(),
        name: version.name().to_owned(),
        message: version.message.clone(),
    }
}

fn brought(deploy: &Deploy) -> Commit {
    commit_of(deploy)
        .map(|version| named(&version))
        .unwrap_or_default()
}
