//! What is remembered of each lane: how it stands (space `autodeploy.lanes`), and why each commit went out or did not (one space per
//! lane, by the commit's sha).
//!
//! A row of a lane changes only if it is still as it was read, so that replicas never undo each other. The *lease* in it says whose it
//! is to look at: one process at a time asks GitHub and proposes, and one that dies leaves a lease that ends.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use otus::{MessageRef, Result, Services};
use serde::{Deserialize, Serialize};

use super::decision::Decision;
use super::lane::Lane;
use super::texts;

/// The space of the lanes, by service and environment.
const LANES: &str = "autodeploy.lanes";
/// How often a change is tried while others change the same row.
const TRIES: usize = 20;
/// So many commits of a lane are remembered at most.
const MOST_STORIES: usize = 200;
/// So many decisions about one commit are remembered at most.
const MOST_DECISIONS: usize = 20;

/// How a lane stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Standing {
    /// How often something new was told.
    pub(crate) heard: u64,
    /// How often it had been when somebody looked.
    pub(crate) looked: u64,
    /// When GitHub and the registry are looked at next, if nothing is told before.
    pub(crate) due: Option<Timestamp>,
    /// Up to when the deploys here are known.
    pub(crate) seen: Option<Timestamp>,
    /// The newest commit that ever ran here, as far as is known.
    pub(crate) peak: Option<Commit>,
    /// What was decided last, and about which commit.
    pub(crate) now: Option<Now>,
    /// What people were told in the channel, while it holds.
    pub(crate) notice: Option<Notice>,
    /// Whose it is to look at.
    pub(crate) lease: Option<Lease>,
}

/// A commit, as it is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Commit {
    /// In full.
    pub(crate) sha: String,
    /// What people call it.
    pub(crate) name: String,
    /// The first line of its message.
    #[serde(default)]
    pub(crate) message: String,
}

/// What was decided last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Now {
    pub(crate) commit: Commit,
    pub(crate) decision: Decision,
    pub(crate) since: Timestamp,
}

/// What people were told in the channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notice {
    /// The message.
    pub(crate) message: MessageRef,
    /// About which commit.
    pub(crate) commit: Commit,
    /// What it says.
    pub(crate) decision: Decision,
}

/// Whose it is to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lease {
    pub(crate) owner: String,
    pub(crate) until: Timestamp,
}

/// Why a commit went out or did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Story {
    pub(crate) commit: Commit,
    /// When something was decided about it last.
    pub(crate) last: Timestamp,
    /// The newest last.
    pub(crate) decisions: Vec<Decided>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decided {
    /// The rule, and what it went by.
    #[serde(flatten)]
    pub(crate) decision: Decision,
    /// What would change it.
    pub(crate) change: String,
    /// Since when it is so.
    pub(crate) since: Timestamp,
    /// When it was found so last.
    pub(crate) until: Timestamp,
}

impl Standing {
    /// Whether somebody else looks at it.
    pub(crate) fn is_taken(&self, now: Timestamp) -> bool {
        self.lease.as_ref().is_some_and(|lease| now < lease.until)
    }
}

/// All that is remembered, by the lanes' keys.
pub(crate) async fn all(services: &Services) -> Result<BTreeMap<String, (Standing, u64)>> {
    let entries = services.store().entries(LANES).await?.into_iter();
    Ok(entries
        .map(|entry| {
            let standing = serde_json::from_value(entry.value).unwrap_or_else(|error| {
                tracing::warn!(%error, lane = entry.key, "how a lane stood cannot be read; it is looked at anew");
                Standing::default()
            });
            (entry.key, (standing, entry.revision))
        })
        .collect())
}

/// How one lane stands.
pub(crate) async fn one(services: &Services, lane: &Lane) -> Result<Standing> {
    let found = all(services).await?.remove(&lane.key());
    Ok(found.map(|(standing, _)| standing).unwrap_or_default())
}

/// Changes a row, as it is by then. Nothing is written when the change has nothing to say.
pub(crate) async fn change(
    services: &Services,
    key: &str,
    change: impl Fn(&Standing) -> Option<Standing>,
) -> Result<Option<Standing>> {
    for _ in 0..TRIES {
        let (standing, revision) = all(services).await?.remove(key).unwrap_or_default();
        let Some(next) = change(&standing) else {
            return Ok(None);
        };
        if write(services, key, revision, &next).await? {
            return Ok(Some(next));
        }
    }
    anyhow::bail!("how {key} stands was changed by others each of {TRIES} times")
}

async fn write(services: &Services, key: &str, revision: u64, next: &Standing) -> Result<bool> {
    let value = serde_json::to_value(next)?;
    Ok(services
        .store()
        .swap(LANES, key, revision, Some(&value), &[])
        .await?)
}

/// Takes a lane, for whoever asks first, until the lease ends.
pub(crate) async fn take(
    services: &Services,
    lane: &Lane,
    (standing, revision): &(Standing, u64),
    lease: Lease,
) -> Result<Option<Standing>> {
    let next = Standing {
        lease: Some(lease),
        ..standing.clone()
    };
    Ok(write(services, &lane.key(), *revision, &next)
        .await?
        .then_some(next))
}

/// Notes that something new was told of a lane.
pub(crate) async fn hear(services: &Services, lane: &Lane) -> Result {
    // Counted, since who looks at this moment may have missed it.
    let heard = |standing: &Standing| {
        Some(Standing {
            heard: standing.heard + 1,
            ..standing.clone()
        })
    };
    change(services, &lane.key(), heard).await?;
    Ok(())
}

/// The space of a lane's stories.
fn space(lane: &Lane) -> String {
    format!("autodeploy.why {}", lane.key())
}

/// Why the commits of a lane went out or did not, the newest decision first.
pub(crate) async fn stories(services: &Services, lane: &Lane) -> Result<Vec<Story>> {
    let entries = services.store().entries(&space(lane)).await?.into_iter();
    let mut stories: Vec<Story> = entries
        .filter_map(|entry| serde_json::from_value(entry.value).ok())
        .collect();
    stories.sort_by(|one, other| (other.last, &other.commit.sha).cmp(&(one.last, &one.commit.sha)));
    Ok(stories)
}

/// Adds what was decided to what is known of each commit, and writes what is new.
pub(crate) async fn tell(
    services: &Services,
    lane: &Lane,
    known: &[Story],
    decided: &[(Commit, Decision)],
    now: Timestamp,
) -> Result {
    for (commit, decision) in decided {
        let before = known.iter().find(|story| story.commit.sha == commit.sha);
        let story = told(before, commit, decision, now);
        if before == Some(&story) {
            continue;
        }
        let value = serde_json::to_value(&story)?;
        services
            .store()
            .remember(&space(lane), &commit.sha, Some(value))
            .await?;
    }
    Ok(())
}

/// A commit's story with one more decision. What goes on as it was is only found so once more, now and then.
fn told(before: Option<&Story>, commit: &Commit, decision: &Decision, now: Timestamp) -> Story {
    const EVERY: SignedDuration = SignedDuration::from_mins(1);
    let mut story = before.cloned().unwrap_or_else(|| Story {
        commit: commit.clone(),
        last: now,
        decisions: Vec::new(),
    });
    match story.decisions.last_mut() {
        Some(last) if last.decision.is_still(decision) => {
            if now.duration_since(last.until) >= EVERY {
                last.until = now;
            }
        }
        _ => {
            story.decisions.push(Decided {
                decision: decision.clone(),
                change: texts::change(decision),
                since: now,
                until: now,
            });
            story.last = now;
            let surplus = story.decisions.len().saturating_sub(MOST_DECISIONS);
            story.decisions.drain(..surplus);
        }
    }
    story
}

/// Forgets what is old, and what is too much.
pub(crate) async fn forget(
    services: &Services,
    lane: &Lane,
    known: &[Story],
    keep: SignedDuration,
    now: Timestamp,
) -> Result {
    let old = |story: &Story| {
        let found = story.decisions.last().map_or(story.last, |last| last.until);
        now.duration_since(found) > keep
    };
    for (at, story) in known.iter().enumerate() {
        if at >= MOST_STORIES || old(story) {
            services
                .store()
                .remember(&space(lane), &story.commit.sha, None)
                .await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn what_goes_on_is_one_decision_and_what_changes_is_another() {
        let commit = Commit {
            sha: "a".repeat(40),
            name: "aaaaaaa".into(),
            message: "Fix".into(),
        };
        let held = |why: &str| Decision::Held {
            why: why.into(),
            until: None,
        };
        let story = told(None, &commit, &held("locked (1 min)"), at(0));
        let story = told(Some(&story), &commit, &held("locked (2 min)"), at(90));
        assert_eq!(story.decisions.len(), 1);
        assert_eq!(
            (story.decisions[0].since, story.decisions[0].until),
            (at(0), at(90))
        );
        let story = told(Some(&story), &commit, &Decision::Here, at(100));
        assert_eq!((story.decisions.len(), story.last), (2, at(100)));
        let many = (0..100).fold(story, |story, turn| {
            let decision = match turn % 2 {
                0 => held("x"),
                _ => Decision::Here,
            };
            told(Some(&story), &commit, &decision, at(200 + turn))
        });
        assert_eq!(many.decisions.len(), MOST_DECISIONS);
    }

    #[test]
    fn a_row_reads_as_it_was_written() {
        let decided = Decided {
            decision: Decision::NotReady {
                why: otus_ci::version::NotReady::Red(vec!["build".into()]),
            },
            change: "x".into(),
            since: at(0),
            until: at(1),
        };
        let written = serde_json::to_value(&decided).unwrap();
        assert_eq!(written["rule"], "not_ready");
        assert_eq!(serde_json::from_value::<Decided>(written).unwrap(), decided);
    }
}
