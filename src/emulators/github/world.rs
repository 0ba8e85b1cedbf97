//! Purpose: what the emulated GitHub holds: repositories with commits, checks, pull requests, deployments and hooks.

use super::{faults::Faults, graph::Graph, limits::Limits};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Everything there is.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) repositories: BTreeMap<String, Repo>,
    pub(super) tokens: BTreeSet<String>,
    pub(super) apps: BTreeMap<u64, App>,
    pub(super) limits: Limits,
    pub(super) faults: Faults,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) parcels: VecDeque<super::webhooks::Parcel>,
    pub(super) orders: super::webhooks::Orders,
    /// Calls that came in, as `GET /path?query`, with the status that was answered.
    pub(super) calls: Vec<(String, u16)>,
    pub(super) clock: Option<Timestamp>,
    last_id: u64,
}

/// An App that may get installation tokens.
#[derive(Debug, Clone)]
pub(super) struct App {
    pub(super) installation: u64,
    /// The RSA public key, as PKCS #1 DER.
    pub(super) public_key: Vec<u8>,
    /// How long an installation token lives, in seconds.
    pub(super) token_seconds: i64,
}

#[derive(Debug)]
pub(super) struct Repo {
    pub(super) id: u64,
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) graph: Graph,
    pub(super) branches: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) required: BTreeMap<String, Vec<String>>,
    pub(super) statuses: Vec<Status>,
    pub(super) suites: Vec<Suite>,
    pub(super) runs: Vec<Run>,
    pub(super) pulls: Vec<Pull>,
    pub(super) deployments: Vec<Deployment>,
    pub(super) hooks: Vec<Hook>,
}

#[derive(Debug, Clone)]
pub(super) struct Commit {
    pub(super) sha: String,
    pub(super) parents: Vec<String>,
    pub(super) message: String,
    pub(super) author: String,
    pub(super) at: Timestamp,
    /// Counts up through the repository: the order of time where dates are equal.
    pub(super) number: u64,
    /// The files it changed, and what they are then; none when it deleted one.
    pub(super) files: BTreeMap<String, Option<String>>,
}

impl Commit {
    #[cfg(test)]
    pub(super) fn plain(sha: String, parents: Vec<String>, number: u64) -> Self {
        Self {
            sha,
            parents,
            message: "A change".into(),
            author: "ann".into(),
            at: Timestamp::UNIX_EPOCH,
            number,
            files: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Status {
    pub(super) id: u64,
    pub(super) sha: String,
    pub(super) context: String,
    pub(super) state: &'static str,
    pub(super) description: String,
    pub(super) at: Timestamp,
}

#[derive(Debug, Clone)]
pub(super) struct Suite {
    pub(super) id: u64,
    pub(super) sha: String,
    pub(super) branch: Option<String>,
    pub(super) at: Timestamp,
}

#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) id: u64,
    pub(super) suite: u64,
    pub(super) sha: String,
    pub(super) name: String,
    pub(super) status: &'static str,
    pub(super) conclusion: Option<&'static str>,
    pub(super) started: Timestamp,
    pub(super) completed: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub(super) struct Pull {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) author: String,
    pub(super) head: String,
    pub(super) head_sha: String,
    pub(super) base: String,
    pub(super) base_sha: String,
    pub(super) open: bool,
    pub(super) draft: bool,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) closed: Option<Timestamp>,
    /// Who merged it, and into which commit.
    pub(super) merged: Option<(String, String)>,
    pub(super) reviews: Vec<Review>,
}

#[derive(Debug, Clone)]
pub(super) struct Review {
    pub(super) id: u64,
    pub(super) user: String,
    pub(super) state: &'static str,
    pub(super) sha: String,
    pub(super) at: Timestamp,
}

#[derive(Debug, Clone)]
pub(super) struct Deployment {
    pub(super) id: u64,
    pub(super) sha: String,
    pub(super) reference: String,
    /// What was sent to make it, as it was sent.
    pub(super) asked: Value,
    pub(super) environment: String,
    pub(super) at: Timestamp,
    pub(super) statuses: Vec<DeploymentStatus>,
}

#[derive(Debug, Clone)]
pub(super) struct DeploymentStatus {
    pub(super) id: u64,
    pub(super) state: String,
    pub(super) asked: Value,
    pub(super) at: Timestamp,
}

#[derive(Debug, Clone)]
pub(super) struct Hook {
    pub(super) id: u64,
    pub(super) url: String,
    pub(super) secret: String,
    /// Empty means all.
    pub(super) events: Vec<String>,
}

/// One attempt to deliver a webhook.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) id: u64,
    pub(super) repository: String,
    pub(super) hook: u64,
    /// The `X-GitHub-Delivery`: a redelivery has the same.
    pub(super) guid: String,
    pub(super) event: String,
    pub(super) body: String,
    pub(super) at: Timestamp,
    pub(super) redelivery: bool,
    /// The HTTP status, or 0 when there was no answer.
    pub(super) code: u16,
    pub(super) status: String,
}

impl World {
    pub(super) fn id(&mut self) -> u64 {
        self.last_id += 1;
        1_000 + self.last_id
    }

    /// Now, in whole seconds, as all of GitHub's times are.
    pub(super) fn now(&self) -> Timestamp {
        let now = self.clock.unwrap_or_else(Timestamp::now);
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }
}

impl Repo {
    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// A branch, a tag, a sha or the beginning of one.
    pub(super) fn resolve(&self, reference: &str) -> Option<&Commit> {
        let branch = reference
            .strip_prefix("refs/heads/")
            .or_else(|| reference.strip_prefix("heads/"));
        let tag = reference
            .strip_prefix("refs/tags/")
            .or_else(|| reference.strip_prefix("tags/"));
        let named = match (branch, tag) {
            (Some(branch), _) => self.branches.get(branch),
            (_, Some(tag)) => self.tags.get(tag),
            _ => self.branches.get(reference).or_else(|| self.tags.get(reference)),
        };
        if let Some(sha) = named {
            return self.graph.get(sha);
        }
        if reference.len() >= 4 && reference.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return self.graph.by_prefix(&reference.to_ascii_lowercase());
        }
        None
    }

    /// The last status of each context, the newest first.
    pub(super) fn statuses_of(&self, sha: &str) -> Vec<&Status> {
        let mut seen = BTreeSet::new();
        let of_sha = self.statuses.iter().rev().filter(|status| status.sha == sha);
        of_sha
            .filter(|status| seen.insert(status.context.clone()))
            .collect()
    }

    /// The runs of a commit, the newest first; with `latest` only the last of each name in each suite.
    pub(super) fn runs_of(&self, sha: &str, latest: bool) -> Vec<&Run> {
        let mut seen = BTreeSet::new();
        let of_sha = self.runs.iter().rev().filter(|run| run.sha == sha);
        of_sha
            .filter(|run| !latest || seen.insert((run.suite, run.name.clone())))
            .collect()
    }

    /// Status and conclusion of a suite, from its latest runs.
    pub(super) fn suite_state(&self, suite: &Suite) -> (&'static str, Option<&'static str>) {
        let mut runs = self.runs_of(&suite.sha, true);
        runs.retain(|run| run.suite == suite.id);
        if runs.iter().all(|run| run.status == "queued") {
            return ("queued", None);
        }
        if runs.iter().any(|run| run.status != "completed") {
            return ("in_progress", None);
        }
        let bad = runs
            .iter()
            .filter_map(|run| run.conclusion)
            .find(|conclusion| !matches!(*conclusion, "success" | "neutral" | "skipped"));
        ("completed", Some(bad.unwrap_or("success")))
    }

    pub(super) fn pull(&self, number: u64) -> Option<&Pull> {
        self.pulls.iter().find(|pull| pull.number == number)
    }

    pub(super) fn pull_mut(&mut self, number: u64) -> Option<&mut Pull> {
        self.pulls.iter_mut().find(|pull| pull.number == number)
    }
}
