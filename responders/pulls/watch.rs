//! What makes a pull request worth another look: what a continuous integration says, a deploy that begins or ends, and, since
//! webhooks get lost, GitHub's own list of what changed.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use otus::operations::{Follower, Operation};
use otus::outbox::{Outbox, Standing, Taken, Worked};
use otus::{ChannelId, Result, Services};
use otus_ci::{Subscription, github::Repository, hooks::CiEvent};
use serde::{Deserialize, Serialize};

use crate::desk::{Desk, outbox};
use crate::facts::{Facts, Light, Notes, Phase};
use crate::look::{Eye, is_of};
use crate::settings::Settings;

/// Where it is kept since when a repository is watched.
const WATCHED: &str = "pulls";
/// So many changed pull requests are read of a list.
const MOST: usize = 200;
/// So much may the clocks of GitHub and of the store differ.
const SLACK: SignedDuration = SignedDuration::from_mins(10);

/// For so long after the merge one looks without being told.
const FRESH: SignedDuration = SignedDuration::from_hours(24);

/// Since when a repository is watched, and until when its list was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Watched {
    pub(crate) since: Timestamp,
    looked: Timestamp,
}

/// A repository that is watched, with what is kept of it.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) desk: Desk,
    pub(crate) outbox: Outbox,
}

/// Since when this repository is watched: since now, if it was not before.
pub(crate) async fn watched(services: &Services, repo: &Repository) -> Result<Watched> {
    let (store, key) = (services.store(), key(repo));
    loop {
        if let Some(known) = store.recall(WATCHED, &key).await? {
            return Ok(serde_json::from_value(known)?);
        }
        let now = store.now().await?;
        let fresh = Watched {
            since: now,
            looked: now,
        };
        // Of several replicas one is first.
        store
            .swap(WATCHED, &key, 0, Some(&serde_json::to_value(&fresh)?), &[])
            .await?;
    }
}

fn key(repo: &Repository) -> String {
    format!("watched {}", repo.to_string().to_lowercase())
}

/// What is kept of a pull request, and its number.
pub(crate) fn read(standing: Standing) -> Option<(u64, Notes)> {
    Some((
        standing.key.parse().ok()?,
        serde_json::from_value(standing.notes).ok()?,
    ))
}

impl Watch {
    /// Over a repository, from now on if it was not watched before.
    pub(crate) async fn over(
        eye: Eye,
        settings: Arc<Settings>,
        repo: Repository,
        channel: ChannelId,
    ) -> Result<Self> {
        let since = watched(&eye.services, &repo).await?.since;
        let outbox = outbox(&eye.services, &repo, settings.wait());
        let desk = Desk {
            eye,
            settings,
            repo,
            channel,
            since,
        };
        Ok(Self { desk, outbox })
    }

    /// All that are kept.
    pub(crate) async fn kept(&self) -> Result<Vec<(u64, Notes)>> {
        Ok(self.outbox.all().await?.into_iter().filter_map(read).collect())
    }

    async fn again(&self, number: u64) -> Result {
        let wait = self.desk.settings.wait();
        self.outbox.add(&number.to_string(), None, wait).await?;
        Ok(())
    }

    /// Those whose facts are so.
    async fn again_if(&self, which: impl Fn(&Facts) -> bool) -> Result {
        for (number, notes) in self.kept().await? {
            if notes.facts.as_ref().is_some_and(&which) {
                self.again(number).await?;
            }
        }
        Ok(())
    }

    fn is_about(&self, repo: &str) -> bool {
        self.desk.repo.to_string().eq_ignore_ascii_case(repo)
    }

    async fn hear(&self, event: &CiEvent) -> Result {
        match event {
            CiEvent::PullChanged(changed) if self.is_about(&changed.repo) => self.again(changed.number).await,
            CiEvent::Reviewed(reviewed) if self.is_about(&reviewed.repo) => self.again(reviewed.number).await,
            CiEvent::Checked(checked) if self.is_about(&checked.repo) => {
                let is = |sha: &str| sha == checked.sha;
                self.again_if(|facts| {
                    is(&facts.head_sha)
                        || (!facts.is_over() && facts.merged().is_some_and(|(_, sha)| is(sha)))
                })
                .await
            }
            _ => Ok(()),
        }
    }

    /// Finds what no webhook told.
    pub(crate) async fn reconcile(&self) -> Result {
        let services = &self.desk.eye.services;
        let (repo, store) = (&self.desk.repo, services.store());
        let watched = watched(services, repo).await?;
        let now = store.now().await?;
        let kept = self.kept().await?;
        let known = |number: u64| {
            let found = kept.iter().find(|(known, _)| *known == number);
            found.and_then(|(_, notes)| notes.facts.as_ref())
        };
        let github = &self.desk.eye.github;
        let changed = github
            .pulls_updated_since(repo, watched.looked - SLACK, MOST)
            .await?;
        for pull in changed {
            let newer = known(pull.number).is_none_or(|known| known.updated < pull.updated_at);
            if newer && pull.updated_at >= watched.since - SLACK {
                self.again(pull.number).await?;
            }
        }
        // Checks, images and deploys change without a word in that list.
        self.again_if(|facts| match facts.phase {
            Phase::Draft | Phase::Open => {
                facts.checks.is_empty() || facts.checks.values().any(|check| check.state != Light::Green)
            }
            Phase::Closed => false,
            // Later on a deploy makes it worth a look, and no deploy is missed.
            Phase::Merged { at, .. } => {
                let unbuilt = facts.services.iter().any(|service| service.built == Some(false));
                !facts.is_over() && (unbuilt || at + FRESH > now)
            }
        })
        .await?;
        let looked = Watched {
            since: watched.since,
            looked: now,
        };
        store
            .remember(WATCHED, &key(repo), Some(serde_json::to_value(looked)?))
            .await?;
        Ok(())
    }
}

/// Hears what continuous integrations say, until the feed ends or the robot stops.
pub(crate) async fn hear(services: &Services, watches: &[Watch], subscription: &mut Subscription) {
    loop {
        let heard = tokio::select! {
            () = services.stopping().cancelled() => return,
            heard = subscription.next() => heard,
        };
        let Some(heard) = heard else {
            return;
        };
        let mut failed = None;
        for watch in watches {
            if let Err(error) = watch.hear(heard.event()).await {
                failed = Some(format!("{error:#}"));
            }
        }
        match failed {
            None => heard.done(),
            Some(why) => heard.failed(why),
        }
    }
}

/// Follows deploys: what they bring is live somewhere else now.
pub(crate) struct Deploys(pub(crate) Arc<[Watch]>);

#[async_trait]
impl Follower for Deploys {
    fn name(&self) -> &'static str {
        "pulls"
    }

    fn wants(&self, operation: &Operation) -> bool {
        operation.kind == "deploy" && operation.started.is_some()
    }

    async fn tell(&self, services: &Services, operation: &Operation, _: &mut Taken) -> Result<Worked> {
        let service = operation.plan.target.service.as_deref().unwrap_or_default();
        if let Some(service) = services.catalog().service(service) {
            for watch in self.0.iter().filter(|watch| is_of(&service, &watch.desk.repo)) {
                // Also what was live everywhere: it may have been taken out again.
                watch.again_if(|facts| facts.merged().is_some()).await?;
            }
        }
        Ok(if operation.state.is_over() {
            Worked::Over
        } else {
            Worked::Done
        })
    }
}
