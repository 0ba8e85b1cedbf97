//! Purpose: what CI says of a commit: commit statuses and check runs, read together.

use super::{client::GitHub, error::Result, pages::List, refusals::odd, repo::Repository};
use serde::Deserialize;

/// So many are read of either kind.
const MOST: usize = 3_000;

/// How a check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckState {
    /// `success`, `neutral` or `skipped`.
    Good,
    /// Not decided yet.
    Pending,
    /// Anything else, also what this client does not know.
    Bad,
}

/// Where a check was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// As a commit status, the older kind.
    Status,
    /// As a check run of an App.
    CheckRun,
}

/// One check of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The status' context, or the check run's name.
    pub name: String,
    /// How it stands.
    pub state: CheckState,
    /// GitHub's own word, for people: `timed_out`, `in_progress` …
    pub said: String,
    /// Where a person can look.
    pub url: Option<String>,
    /// Where it was reported.
    pub source: Source,
    /// The App of a check run, as its short name (`github-actions`).
    pub app: Option<String>,
}

/// All checks of one commit, at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checks {
    /// The full sha.
    pub sha: String,
    /// Statuses first, then check runs; of each name in one suite only the latest.
    pub states: Vec<Check>,
}

#[derive(Deserialize)]
struct Combined {
    sha: String,
    statuses: Vec<Status>,
}

#[derive(Deserialize)]
struct Status {
    context: String,
    state: String,
    target_url: Option<String>,
}

#[derive(Deserialize)]
struct Runs {
    check_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    id: u64,
    name: String,
    head_sha: String,
    status: String,
    conclusion: Option<String>,
    html_url: Option<String>,
    app: Option<App>,
}

#[derive(Deserialize)]
struct App {
    slug: Option<String>,
}

impl GitHub {
    /// Reads all checks of a commit: its combined status and all pages of its latest check runs.
    ///
    /// A branch or tag is looked up first, so that both are read of the same commit.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error); also when only one of the two can be read, or when there are more than 3,000.
    pub async fn checks(&self, repo: &Repository, reference: &str) -> Result<Checks> {
        let sha = if is_sha(reference) {
            reference.to_ascii_lowercase()
        } else {
            self.commit(repo, reference).await?.sha
        };
        let what = format!("checks of {sha} in {repo}");
        let (mut states, runs) =
            tokio::try_join!(self.statuses(repo, &sha, &what), self.runs(repo, &sha, &what))?;
        states.extend(runs);
        Ok(Checks { sha, states })
    }

    async fn statuses(&self, repo: &Repository, sha: &str, what: &str) -> Result<Vec<Check>> {
        let path = ["repos", repo.owner(), repo.name(), "commits", sha, "status"];
        let open = |answer: &_, all: &mut Vec<Check>| {
            let combined: Combined = self.parse(answer, what)?;
            if !combined.sha.eq_ignore_ascii_case(sha) {
                return Err(odd(what, format!("it is about {}", combined.sha)));
            }
            all.extend(combined.statuses.into_iter().map(Check::from));
            Ok(true)
        };
        let mut all = self
            .pages(List::new(&path, &[], what, MOST), open)
            .await?
            .whole(what)?;
        // A status that arrives between two pages moves others to the next one, where they are read again.
        let mut seen = std::collections::HashSet::new();
        all.retain(|check| seen.insert(check.name.clone()));
        Ok(all)
    }

    async fn runs(&self, repo: &Repository, sha: &str, what: &str) -> Result<Vec<Check>> {
        let path = ["repos", repo.owner(), repo.name(), "commits", sha, "check-runs"];
        let mut seen = std::collections::HashSet::new();
        let open = |answer: &_, all: &mut Vec<Check>| {
            let runs: Runs = self.parse(answer, what)?;
            if let Some(other) = runs
                .check_runs
                .iter()
                .find(|run| !run.head_sha.eq_ignore_ascii_case(sha))
            {
                return Err(odd(what, format!("it is about {}", other.head_sha)));
            }
            // What arrives between two pages moves others to the next one.
            let new = runs.check_runs.into_iter().filter(|run| seen.insert(run.id));
            all.extend(new.map(Check::from));
            Ok(true)
        };
        self.pages(List::new(&path, &[("filter", "latest")], what, MOST), open)
            .await?
            .whole(what)
    }
}

impl From<Status> for Check {
    fn from(status: Status) -> Self {
        Self {
            name: status.context,
            state: match status.state.as_str() {
                "success" => CheckState::Good,
                "pending" => CheckState::Pending,
                _ => CheckState::Bad,
            },
            said: status.state,
            url: status.target_url.filter(|url| !url.is_empty()),
            source: Source::Status,
            app: None,
        }
    }
}

impl From<Run> for Check {
    fn from(run: Run) -> Self {
        let state = match (run.status.as_str(), run.conclusion.as_deref()) {
            ("completed", Some("success" | "neutral" | "skipped")) => CheckState::Good,
            ("completed", _) => CheckState::Bad,
            _ => CheckState::Pending,
        };
        Self {
            name: run.name,
            state,
            said: run
                .conclusion
                .filter(|_| state != CheckState::Pending)
                .unwrap_or(run.status),
            url: run.html_url,
            source: Source::CheckRun,
            app: run.app.and_then(|app| app.slug),
        }
    }
}

/// Whether it is a whole sha: of SHA-1, or of SHA-256.
pub(super) fn is_sha(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
