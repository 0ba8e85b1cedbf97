//! What is known of a pull request: what its message shows is a pure function of this.

use std::collections::BTreeMap;

use jiff::Timestamp;
use otus_ci::github::{CheckState, Checks, Pull, Reviews};
use serde::{Deserialize, Serialize};

/// What is known of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) title: String,
    pub(crate) author: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) phase: Phase,
    pub(crate) head: String,
    pub(crate) head_sha: String,
    pub(crate) base: String,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) comments: u64,
    /// Of the head, by name; of several of one name the worst.
    pub(crate) checks: BTreeMap<String, Check>,
    pub(crate) approved_by: Vec<String>,
    pub(crate) changes_requested_by: Vec<String>,
    /// Where the merged commit goes, in the order of the catalog; empty before.
    pub(crate) services: Vec<ServiceFacts>,
}

/// How far a pull request is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Not meant to be merged yet.
    Draft,
    /// Open.
    Open,
    /// Closed without being merged.
    Closed,
    /// Merged.
    Merged {
        at: Timestamp,
        /// What it became on the base branch.
        sha: Option<String>,
    },
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Check {
    pub(crate) state: Light,
    /// GitHub's own word.
    pub(crate) said: String,
    pub(crate) url: Option<String>,
}

/// A check's light; the later ones are the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Light {
    Green,
    Pending,
    Red,
}

/// How far the merged commit is with one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServiceFacts {
    pub(crate) name: String,
    /// Whether its image is there; nobody knows where no registry can be asked.
    pub(crate) built: Option<bool>,
    /// By environment, in the order of promotion.
    pub(crate) places: Vec<Place>,
}

/// How the merged commit stands with one service in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) environment: String,
    pub(crate) standing: Standing,
}

/// How the merged commit stands there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// Not there yet.
    NotYet,
    /// A deploy that brings it is under way.
    Coming,
    /// It is live since then.
    Live(Timestamp),
    /// It was live, and what runs since then is without it.
    TakenOut(Timestamp),
}

impl Facts {
    /// What GitHub says, without where it goes.
    pub(crate) fn of(pull: &Pull, checks: &Checks, reviews: &Reviews) -> Self {
        let phase = match (pull.merged_at, pull.open, pull.draft) {
            (Some(at), ..) => Phase::Merged {
                at,
                sha: pull.merge_sha.clone(),
            },
            (None, false, _) => Phase::Closed,
            (None, true, true) => Phase::Draft,
            (None, true, false) => Phase::Open,
        };
        let mut worst: BTreeMap<String, Check> = BTreeMap::new();
        for check in &checks.states {
            let state = match check.state {
                CheckState::Good => Light::Green,
                CheckState::Pending => Light::Pending,
                CheckState::Bad => Light::Red,
            };
            let next = Check {
                state,
                said: check.said.clone(),
                url: check.url.clone(),
            };
            let known = worst.get(&check.name);
            if known.is_none_or(|known| known.state < state) {
                worst.insert(check.name.clone(), next);
            }
        }
        Self {
            title: pull.title.clone(),
            author: pull.author.clone(),
            url: pull.url.clone(),
            phase,
            head: pull.head.clone(),
            head_sha: pull.head_sha.clone(),
            base: pull.base.clone(),
            created: pull.created_at,
            updated: pull.updated_at,
            comments: pull.review_comments.unwrap_or_default(),
            checks: worst,
            approved_by: reviews.approved_by.clone(),
            changes_requested_by: reviews.changes_requested_by.clone(),
            services: Vec::new(),
        }
    }

    /// The commit that a merge brought in.
    pub(crate) fn merged(&self) -> Option<(Timestamp, &str)> {
        match &self.phase {
            Phase::Merged { at, sha } => Some((*at, sha.as_deref()?)),
            _ => None,
        }
    }

    /// The names of the checks that show this light.
    pub(crate) fn checks_of(&self, light: Light) -> Vec<&str> {
        let such = self.checks.iter().filter(|(_, check)| check.state == light);
        such.map(|(name, _)| name.as_str()).collect()
    }

    /// Whether nothing more is to come: it is closed, or live wherever it goes.
    pub(crate) fn is_over(&self) -> bool {
        let live = |place: &Place| matches!(place.standing, Standing::Live(_));
        match self.phase {
            Phase::Draft | Phase::Open => false,
            Phase::Closed => true,
            Phase::Merged { .. } => self
                .services
                .iter()
                .all(|service| service.places.iter().all(live)),
        }
    }

    /// The last environments of which it has become live in one, by service: where customers see it.
    pub(crate) fn seen_by_customers(&self) -> Vec<(&str, &str)> {
        let seen = self.services.iter().filter_map(|service| {
            let place = service.places.last()?;
            let live = matches!(place.standing, Standing::Live(_));
            live.then_some((service.name.as_str(), place.environment.as_str()))
        });
        seen.collect()
    }
}

/// What is kept of a pull request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Notes {
    pub(crate) facts: Option<Facts>,
    /// The message in the channel, once it is known to be there.
    pub(crate) message: Option<otus::MessageRef>,
    /// The message in its thread.
    pub(crate) detail: Option<otus::MessageRef>,
    /// What the two read.
    pub(crate) shown: Option<otus::Post>,
    pub(crate) shown_detail: Option<otus::Post>,
    /// The author was told, or is not to be.
    pub(crate) told: bool,
}
