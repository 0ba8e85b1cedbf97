//! Purpose: what people and CI do to a repository's commits, branches and tags. Each sends the webhooks it would send.

use super::{
    graph::Graph,
    payloads,
    routes::key,
    server::Shared,
    shapes::Shapes,
    world::{Commit, Repo, World},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{fmt::Write as _, sync::Arc};

/// Why something cannot be done, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub(super) String);

/// A hand on one repository of the emulated GitHub.
#[derive(Debug, Clone)]
pub struct Repository {
    pub(super) shared: Arc<Shared>,
    pub(super) key: String,
}

/// An event and its payload, for the hooks that want it.
pub(super) type Events = Vec<(&'static str, Value)>;

/// The parts of a world that a verb needs: the repository, a number nobody has, and the time.
pub(super) struct Act<'a> {
    pub(super) repo: &'a mut Repo,
    pub(super) ids: std::ops::Range<u64>,
    pub(super) now: jiff::Timestamp,
    pub(super) events: Events,
    api: &'a str,
}

impl Act<'_> {
    pub(super) fn id(&mut self) -> u64 {
        self.ids.next().unwrap_or(self.ids.end)
    }

    pub(super) fn shapes(&self) -> Shapes<'_> {
        Shapes {
            api: self.api,
            repo: self.repo,
        }
    }

    /// Any name of a commit, to its sha.
    pub(super) fn sha(&self, reference: &str) -> Result<String, Refused> {
        let unknown = || {
            Refused(format!(
                "there is no commit {reference} in {}",
                self.repo.full_name()
            ))
        };
        self.repo
            .resolve(reference)
            .map(|commit| commit.sha.clone())
            .ok_or_else(unknown)
    }

    /// Makes a commit that no branch has yet.
    pub(super) fn add(&mut self, parents: Vec<String>, author: &str, message: &str) -> String {
        self.add_with(parents, author, message, std::collections::BTreeMap::new())
    }

    /// The same, with the files that it changes.
    pub(super) fn add_with(
        &mut self,
        parents: Vec<String>,
        author: &str,
        message: &str,
        files: std::collections::BTreeMap<String, Option<String>>,
    ) -> String {
        let number = self.repo.graph.len() as u64;
        let mut text = format!(
            "{} {number} {parents:?} {author} {message}",
            self.repo.full_name()
        );
        if !files.is_empty() {
            let _ = write!(text, " {files:?}");
        }
        let digest = Sha256::digest(text);
        let sha = digest[..20].iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let (author, message) = (author.to_owned(), message.to_owned());
        self.repo.graph.insert(Commit {
            sha: sha.clone(),
            parents,
            message,
            author,
            at: self.now,
            number,
            files,
        });
        sha
    }

    /// Puts a branch on a commit, tells of the push, and of the pull requests that follow the branch.
    pub(super) fn move_branch(&mut self, branch: &str, after: &str) {
        let before = self.repo.branches.insert(branch.to_owned(), after.to_owned());
        if before.as_deref() == Some(after) {
            return;
        }
        let between = before
            .as_deref()
            .and_then(|before| self.repo.graph.compare(before, after));
        let forced = before.is_some() && between.as_ref().is_none_or(|between| between.behind > 0);
        let new: Vec<String> = match between {
            Some(between) => between.ahead,
            None => vec![after.to_owned()],
        };
        let commits: Vec<&Commit> = new.iter().filter_map(|sha| self.repo.graph.get(sha)).collect();
        let reference = format!("refs/heads/{branch}");
        let push = payloads::push(
            self.shapes(),
            &reference,
            before.as_deref(),
            Some(after),
            &commits,
            forced,
        );
        self.events.push(("push", push));
        self.synchronize(branch, after);
    }

    fn synchronize(&mut self, branch: &str, after: &str) {
        let now = self.now;
        for at in 0..self.repo.pulls.len() {
            let pull = &mut self.repo.pulls[at];
            if pull.open && pull.head == branch && pull.head_sha != after {
                let before = std::mem::replace(&mut pull.head_sha, after.to_owned());
                pull.updated = now;
                let payload =
                    payloads::pull_request(self.shapes(), "synchronize", &self.repo.pulls[at], Some(&before));
                self.events.push(("pull_request", payload));
            }
        }
    }
}

impl Repository {
    pub(super) fn new(shared: &Arc<Shared>, full_name: &str) -> Result<Self, Refused> {
        let split = full_name
            .split_once('/')
            .filter(|(owner, name)| !owner.is_empty() && !name.is_empty());
        let Some((owner, name)) = split.filter(|(_, name)| !name.contains('/')) else {
            return Err(Refused(format!(
                "`{full_name}` is not a repository: write owner/name"
            )));
        };
        let key = key(owner, name);
        let repository = Self {
            shared: Arc::clone(shared),
            key,
        };
        {
            let mut world = shared.world();
            if world.repositories.contains_key(&repository.key) {
                return Ok(repository.clone());
            }
            let repo = Repo {
                id: world.id(),
                owner: owner.to_owned(),
                name: name.to_owned(),
                graph: Graph::default(),
                branches: [].into(),
                tags: [].into(),
                required: [].into(),
                statuses: Vec::new(),
                suites: Vec::new(),
                runs: Vec::new(),
                pulls: Vec::new(),
                deployments: Vec::new(),
                hooks: Vec::new(),
            };
            world.repositories.insert(repository.key.clone(), repo);
        }
        repository.act(|act| {
            let sha = act.add(Vec::new(), "ann", "First commit");
            act.move_branch("main", &sha);
            Ok(())
        })?;
        Ok(repository)
    }

    /// Does something with the repository, and sends its webhooks when it went well.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut Act<'_>) -> Result<T, Refused>) -> Result<T, Refused> {
        let mut guard = self.shared.world();
        let world: &mut World = &mut guard;
        let (first, now) = (world.id(), world.now());
        for _ in 0..8 {
            world.id();
        }
        let gone = || Refused(format!("there is no repository {}", self.key));
        let repo = world.repositories.get_mut(&self.key).ok_or_else(gone)?;
        let mut acting = Act {
            repo,
            ids: first..first + 8,
            now,
            events: Vec::new(),
            api: &self.shared.url,
        };
        let result = act(&mut acting)?;
        let events = acting.events;
        for (event, payload) in events {
            payloads::send(&self.shared, world, &self.key, event, payload);
        }
        Ok(result)
    }

    /// `owner/name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        self.shared
            .world()
            .repositories
            .get(&self.key)
            .map_or_else(String::new, Repo::full_name)
    }

    /// Commits to a branch and pushes it; a branch that is not there begins at `main`.
    ///
    /// # Errors
    /// [`Refused`] when there is neither the branch nor `main`.
    pub fn commit(&self, branch: &str, message: &str) -> Result<String, Refused> {
        let shas = self.push(branch, "ann", &[message])?;
        shas.into_iter()
            .next_back()
            .ok_or_else(|| Refused("nothing was pushed".into()))
    }

    /// Pushes several commits at once, the oldest first.
    ///
    /// # Errors
    /// [`Refused`] when there is neither the branch nor `main`.
    pub fn push(&self, branch: &str, author: &str, messages: &[&str]) -> Result<Vec<String>, Refused> {
        self.act(|act| {
            let mut parent = act
                .sha(&format!("heads/{branch}"))
                .or_else(|_| act.sha("heads/main"))?;
            let mut shas = Vec::new();
            for message in messages {
                parent = act.add(vec![parent], author, message);
                shas.push(parent.clone());
            }
            act.move_branch(branch, &parent);
            Ok(shas)
        })
    }

    /// Makes a commit with these parents that no branch has, for histories of any form.
    ///
    /// # Errors
    /// [`Refused`] when a parent is unknown.
    pub fn loose_commit(&self, parents: &[&str], message: &str) -> Result<String, Refused> {
        self.act(|act| {
            let parents = parents
                .iter()
                .map(|parent| act.sha(parent))
                .collect::<Result<_, _>>()?;
            Ok(act.add(parents, "ann", message))
        })
    }

    /// Puts a branch on a commit: makes it, moves it on, or forces it anywhere.
    ///
    /// # Errors
    /// [`Refused`] when there is no such commit.
    pub fn set_branch(&self, branch: &str, to: &str) -> Result<(), Refused> {
        self.act(|act| {
            let sha = act.sha(to)?;
            act.move_branch(branch, &sha);
            Ok(())
        })
    }

    /// Deletes a branch.
    ///
    /// # Errors
    /// [`Refused`] when it is not there.
    pub fn delete_branch(&self, branch: &str) -> Result<(), Refused> {
        self.act(|act| {
            let gone = || Refused(format!("there is no branch {branch}"));
            let before = act.repo.branches.remove(branch).ok_or_else(gone)?;
            let reference = format!("refs/heads/{branch}");
            let payload = payloads::push(act.shapes(), &reference, Some(&before), None, &[], false);
            act.events.push(("push", payload));
            Ok(())
        })
    }

    /// Puts a tag on a commit.
    ///
    /// # Errors
    /// [`Refused`] when there is no such commit.
    pub fn tag(&self, tag: &str, on: &str) -> Result<(), Refused> {
        self.act(|act| {
            let sha = act.sha(on)?;
            let before = act.repo.tags.insert(tag.to_owned(), sha.clone());
            let reference = format!("refs/tags/{tag}");
            let payload = payloads::push(
                act.shapes(),
                &reference,
                before.as_deref(),
                Some(&sha),
                &[],
                before.is_some(),
            );
            act.events.push(("push", payload));
            Ok(())
        })
    }

    /// The sha that a branch, a tag or the beginning of a sha stands for.
    ///
    /// # Errors
    /// [`Refused`] when there is none.
    pub fn sha(&self, reference: &str) -> Result<String, Refused> {
        self.act(|act| act.sha(reference))
    }

    /// The rules of a branch demand these checks; none takes the rule away.
    pub fn require(&self, branch: &str, names: &[&str]) {
        let mut world = self.shared.world();
        if let Some(repo) = world.repositories.get_mut(&self.key) {
            if names.is_empty() {
                repo.required.remove(branch);
            } else {
                repo.required.insert(
                    branch.to_owned(),
                    names.iter().map(|name| (*name).to_owned()).collect(),
                );
            }
        }
    }
}
