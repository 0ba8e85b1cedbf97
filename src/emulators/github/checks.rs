//! Purpose: what CI says of a commit: statuses of the older kind, and check runs in their suites.

use super::{
    control::{Act, Refused, Repository},
    payloads,
    world::{Run, Status, Suite},
};

/// The state of a commit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusState {
    /// Not decided yet.
    Pending,
    /// Good.
    Success,
    /// Bad.
    Failure,
    /// CI itself failed.
    Error,
}

impl StatusState {
    fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
        }
    }
}

/// How a check run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are GitHub's own")]
pub enum Conclusion {
    Success,
    Failure,
    Neutral,
    Cancelled,
    Skipped,
    TimedOut,
    ActionRequired,
    Stale,
}

impl Conclusion {
    fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Neutral => "neutral",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::TimedOut => "timed_out",
            Self::ActionRequired => "action_required",
            Self::Stale => "stale",
        }
    }
}

/// A check run that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckRun(u64);

impl Act<'_> {
    fn tell_run(&mut self, action: &str, id: u64) {
        let run = self.repo.runs.iter().find(|run| run.id == id);
        let payload = run.map(|run| payloads::check_run(self.shapes(), action, run));
        self.events.extend(payload.map(|payload| ("check_run", payload)));
    }

    fn tell_workflow(&mut self, action: &str, suite: u64) {
        let suite = self.repo.suites.iter().find(|known| known.id == suite);
        let payload = suite.map(|suite| payloads::workflow_run(self.shapes(), action, suite));
        self.events
            .extend(payload.map(|payload| ("workflow_run", payload)));
    }

    /// The suite of a commit: the last one, or a new one.
    fn suite(&mut self, sha: &str, another: bool) -> u64 {
        let known = self
            .repo
            .suites
            .iter()
            .rev()
            .find(|suite| suite.sha == sha)
            .map(|suite| suite.id);
        if let Some(known) = known.filter(|_| !another) {
            return known;
        }
        let branch = self
            .repo
            .branches
            .iter()
            .find(|(_, head)| *head == sha)
            .map(|(name, _)| name.clone());
        let (id, at) = (self.id(), self.now);
        self.repo.suites.push(Suite {
            id,
            sha: sha.to_owned(),
            branch,
            at,
        });
        id
    }

    fn begin(&mut self, sha: &str, name: &str, another_suite: bool) -> u64 {
        let suite = self.suite(sha, another_suite);
        let first = !self.repo.runs.iter().any(|run| run.suite == suite);
        let (id, started) = (self.id(), self.now);
        self.repo.runs.push(Run {
            id,
            suite,
            sha: sha.to_owned(),
            name: name.to_owned(),
            status: "queued",
            conclusion: None,
            started,
            completed: None,
        });
        if first {
            self.tell_workflow("requested", suite);
        }
        self.tell_run("created", id);
        id
    }

    fn conclude(&mut self, id: u64, conclusion: Conclusion) -> Result<(), Refused> {
        let now = self.now;
        let run = self.repo.runs.iter_mut().find(|run| run.id == id);
        let run = run.ok_or_else(|| Refused("there is no such check run".into()))?;
        run.status = "completed";
        run.conclusion = Some(conclusion.word());
        run.completed = Some(now);
        let suite = run.suite;
        self.tell_run("completed", id);
        let suites = &self.repo.suites;
        if let Some(suite) = suites.iter().find(|known| known.id == suite).cloned()
            && self.repo.suite_state(&suite).0 == "completed"
        {
            let payload = payloads::check_suite(self.shapes(), "completed", &suite);
            self.events.push(("check_suite", payload));
            self.tell_workflow("completed", suite.id);
        }
        Ok(())
    }
}

impl Repository {
    /// Sets a commit status.
    ///
    /// # Errors
    /// [`Refused`] when there is no such commit.
    pub fn status(&self, on: &str, context: &str, state: StatusState) -> Result<(), Refused> {
        self.act(|act| {
            let (sha, id, at) = (act.sha(on)?, act.id(), act.now);
            let description = format!("It is {}", state.word());
            let status = Status {
                id,
                sha,
                context: context.to_owned(),
                state: state.word(),
                description,
                at,
            };
            act.repo.statuses.push(status.clone());
            let payload = payloads::status(act.shapes(), &status);
            act.events.push(("status", payload));
            Ok(())
        })
    }

    /// Queues a check run, in the last suite of the commit.
    ///
    /// # Errors
    /// [`Refused`] when there is no such commit.
    pub fn check_run(&self, on: &str, name: &str) -> Result<CheckRun, Refused> {
        self.act(|act| {
            let sha = act.sha(on)?;
            Ok(CheckRun(act.begin(&sha, name, false)))
        })
    }

    /// Queues a check run in a suite of its own, as a second workflow with a job of the same name does.
    ///
    /// # Errors
    /// [`Refused`] when there is no such commit.
    pub fn check_run_apart(&self, on: &str, name: &str) -> Result<CheckRun, Refused> {
        self.act(|act| {
            let sha = act.sha(on)?;
            Ok(CheckRun(act.begin(&sha, name, true)))
        })
    }

    /// A queued check run begins.
    ///
    /// # Errors
    /// [`Refused`] when it is not one of this repository.
    pub fn start(&self, run: CheckRun) -> Result<(), Refused> {
        self.act(|act| {
            let found = act.repo.runs.iter_mut().find(|known| known.id == run.0);
            let found = found.ok_or_else(|| Refused("there is no such check run".into()))?;
            found.status = "in_progress";
            let suite = found.suite;
            act.tell_workflow("in_progress", suite);
            Ok(())
        })
    }

    /// A check run ends; with the last one its suite does.
    ///
    /// # Errors
    /// [`Refused`] when it is not one of this repository.
    pub fn complete(&self, run: CheckRun, conclusion: Conclusion) -> Result<(), Refused> {
        self.act(|act| act.conclude(run.0, conclusion))
    }

    /// Queues a check run and ends it at once.
    ///
    /// # Errors
    /// [`Refused`] when there is no such commit.
    pub fn check(&self, on: &str, name: &str, conclusion: Conclusion) -> Result<(), Refused> {
        self.act(|act| {
            let sha = act.sha(on)?;
            let run = act.begin(&sha, name, false);
            act.conclude(run, conclusion)
        })
    }
}
