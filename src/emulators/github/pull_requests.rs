//! Purpose: what people do with pull requests.

use super::{
    control::{Act, Refused, Repository},
    payloads,
    world::{Pull, Review},
};

/// How a pull request is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// A commit with two parents.
    Commit,
    /// One new commit on the base.
    Squash,
}

/// What a reviewer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Approved,
    /// Not so.
    ChangesRequested,
    /// Neither.
    Commented,
}

impl Act<'_> {
    fn tell_pull(&mut self, action: &str, number: u64) {
        let pull = self.repo.pull(number);
        let payload = pull.map(|pull| payloads::pull_request(self.shapes(), action, pull, None));
        self.events
            .extend(payload.map(|payload| ("pull_request", payload)));
    }

    fn open_pull(&mut self, number: u64) -> Result<&mut Pull, Refused> {
        let now = self.now;
        let name = self.repo.full_name();
        let pull = self.repo.pull_mut(number).filter(|pull| pull.open);
        let pull = pull.ok_or_else(|| Refused(format!("{name} has no open pull request {number}")))?;
        pull.updated = now;
        Ok(pull)
    }
}

impl Repository {
    /// Opens a pull request from one branch into another; its number.
    ///
    /// # Errors
    /// [`Refused`] when one of the branches is not there.
    pub fn open_pull(&self, title: &str, author: &str, head: &str, base: &str) -> Result<u64, Refused> {
        self.act(|act| {
            let (head_sha, base_sha) = (
                act.sha(&format!("heads/{head}"))?,
                act.sha(&format!("heads/{base}"))?,
            );
            let (number, id, now) = (act.repo.pulls.len() as u64 + 1, act.id(), act.now);
            act.repo.pulls.push(Pull {
                id,
                number,
                title: title.to_owned(),
                author: author.to_owned(),
                head: head.to_owned(),
                head_sha,
                base: base.to_owned(),
                base_sha,
                open: true,
                draft: false,
                created: now,
                updated: now,
                closed: None,
                merged: None,
                reviews: Vec::new(),
            });
            act.tell_pull("opened", number);
            Ok(number)
        })
    }

    /// Makes a draft of it, or says that it is ready for review.
    ///
    /// # Errors
    /// [`Refused`] when it is not open.
    pub fn set_draft(&self, number: u64, draft: bool) -> Result<(), Refused> {
        self.act(|act| {
            act.open_pull(number)?.draft = draft;
            act.tell_pull(
                if draft {
                    "converted_to_draft"
                } else {
                    "ready_for_review"
                },
                number,
            );
            Ok(())
        })
    }

    /// Reviews it.
    ///
    /// # Errors
    /// [`Refused`] when it is not open, or when its author would judge it.
    pub fn review(&self, number: u64, user: &str, verdict: Verdict) -> Result<(), Refused> {
        self.act(|act| {
            let (id, at) = (act.id(), act.now);
            let pull = act.open_pull(number)?;
            if pull.author == user && verdict != Verdict::Commented {
                return Err(Refused("nobody may judge their own pull request".into()));
            }
            let state = match verdict {
                Verdict::Approved => "APPROVED",
                Verdict::ChangesRequested => "CHANGES_REQUESTED",
                Verdict::Commented => "COMMENTED",
            };
            let review = Review {
                id,
                user: user.to_owned(),
                state,
                sha: pull.head_sha.clone(),
                at,
            };
            pull.reviews.push(review.clone());
            let pull = pull.clone();
            let payload = payloads::review(act.shapes(), &pull, &review);
            act.events.push(("pull_request_review", payload));
            Ok(())
        })
    }

    /// Merges it; the sha of the commit on the base.
    ///
    /// # Errors
    /// [`Refused`] when it is not open.
    pub fn merge(&self, number: u64, by: &str, how: Merge) -> Result<String, Refused> {
        self.act(|act| {
            let pull = act.open_pull(number)?.clone();
            let base = act.sha(&format!("heads/{}", pull.base))?;
            let sha = match how {
                Merge::Commit => {
                    let message = format!(
                        "Merge pull request #{number} from {}\n\n{}",
                        pull.head, pull.title
                    );
                    act.add(vec![base, pull.head_sha.clone()], by, &message)
                }
                Merge::Squash => act.add(vec![base], &pull.author, &format!("{} (#{number})", pull.title)),
            };
            let now = act.now;
            let pull = act.open_pull(number)?;
            pull.open = false;
            pull.closed = Some(now);
            pull.merged = Some((by.to_owned(), sha.clone()));
            let base = pull.base.clone();
            act.tell_pull("closed", number);
            act.move_branch(&base, &sha);
            Ok(sha)
        })
    }

    /// Closes it without merging.
    ///
    /// # Errors
    /// [`Refused`] when it is not open.
    pub fn close(&self, number: u64) -> Result<(), Refused> {
        self.act(|act| {
            let now = act.now;
            let pull = act.open_pull(number)?;
            pull.open = false;
            pull.closed = Some(now);
            act.tell_pull("closed", number);
            Ok(())
        })
    }
}
