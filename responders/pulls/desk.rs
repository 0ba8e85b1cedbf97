//! Where a pull request's messages are kept right: one in the channel, one in its thread once there is something to detail, and a
//! private word to the author at the end.
//!
//! Whatever happened, and in whatever order it was heard of, the messages are made of what is known now, and written only when they
//! read otherwise than they do. Each is posted under a key and looked for by it first, so that nobody who comes after a crash posts
//! it twice.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use otus::chat::Place;
use otus::outbox::{Outbox, Pace, Taken, Worked, Worker};
use otus::{ChannelId, ChatError, MessageRef, Post, Result, Services, Urgency, UserId};
use otus_ci::github::Repository;

use crate::facts::{Facts, Notes, Phase};
use crate::look::Eye;
use crate::{mute, settings::Settings, texts};

/// A pull request merged longer ago gets no message any more, when it has none.
const TOO_LATE: SignedDuration = SignedDuration::from_hours(10 * 24);
/// GitHub's times are whole seconds, and by another clock.
const SLACK: SignedDuration = SignedDuration::from_mins(1);
/// How long what is over is kept: longer than that.
const KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);

/// One repository whose pull requests are told.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) eye: Eye,
    pub(crate) settings: Arc<Settings>,
    pub(crate) repo: Repository,
    pub(crate) channel: ChannelId,
    /// Since when: what was merged before has no message.
    pub(crate) since: Timestamp,
}

/// What is kept of a repository's pull requests, by their numbers.
pub(crate) fn outbox(services: &Services, repo: &Repository, gap: SignedDuration) -> Outbox {
    let pace = Pace {
        gap,
        longest: SignedDuration::from_mins(10),
        // What cannot be read now is read when something happens, or when it is looked for what was missed.
        attempts: 20,
        kept: KEPT,
        ..Pace::default()
    };
    let space = format!("pulls.{}", repo.to_string().to_lowercase());
    Outbox::new(services.store().clone(), space, pace)
}

#[async_trait]
impl Worker for Desk {
    async fn work(&self, item: &mut Taken) -> Result<Worked> {
        let Ok(number) = item.key().parse::<u64>() else {
            return Ok(Worked::Over);
        };
        let mut notes: Notes = item.notes()?;
        let found = self.eye.look(&self.repo, number, notes.facts.as_ref()).await?;
        let Some(facts) = found else {
            return Ok(Worked::Over);
        };
        if notes.message.is_none() && !self.is_worth_it(&facts).await? {
            return Ok(Worked::Over);
        }
        if notes.facts.as_ref() != Some(&facts) {
            notes.facts = Some(facts.clone());
            item.keep(&notes).await?;
        }
        self.show(number, &facts, &mut notes, item).await?;
        self.tell_author(number, &facts, &mut notes, item).await?;
        Ok(if facts.is_over() {
            Worked::Over
        } else {
            Worked::Done
        })
    }
}

impl Desk {
    fn services(&self) -> &Services {
        &self.eye.services
    }

    fn key(&self, number: u64, what: &str) -> String {
        format!("pull {}#{number} {what}", self.repo)
    }

    /// Whether a pull request without a message gets one.
    async fn is_worth_it(&self, facts: &Facts) -> Result<bool> {
        Ok(match facts.phase {
            Phase::Draft | Phase::Open => true,
            Phase::Closed => false,
            Phase::Merged { at, .. } => {
                at >= self.since - SLACK && at + TOO_LATE > self.services().store().now().await?
            }
        })
    }

    /// The message, and the one in its thread.
    async fn show(&self, number: u64, facts: &Facts, notes: &mut Notes, item: &mut Taken) -> Result {
        let post = Post::from(texts::message(&self.repo, number, facts)).keyed(self.key(number, "message"));
        if notes.message.is_none() || notes.shown.as_ref() != Some(&post) {
            let place = Place::channel(self.channel.clone());
            notes.message = Some(self.put(&place, notes.message.as_ref(), &post).await?);
            notes.shown = Some(post);
            item.keep(notes).await?;
        }
        let Some(message) = notes.message.clone() else {
            return Ok(());
        };
        let author = match (self.settings.mention, notes.detail.is_none()) {
            (true, true) => self.author(facts).await,
            _ => None,
        };
        let Some(text) = texts::detail(facts, author.as_ref(), notes.detail.is_some()) else {
            return Ok(());
        };
        let post = Post::from(text).keyed(self.key(number, "detail"));
        if notes.shown_detail.as_ref() != Some(&post) {
            let place = Place {
                channel: message.channel,
                thread: Some(message.id),
                hook: None,
            };
            notes.detail = Some(self.put(&place, notes.detail.as_ref(), &post).await?);
            notes.shown_detail = Some(post);
            item.keep(notes).await?;
        }
        Ok(())
    }

    /// Edits a message, or posts it if there is none.
    async fn put(
        &self,
        place: &Place,
        known: Option<&MessageRef>,
        post: &Post,
    ) -> Result<MessageRef, ChatError> {
        let chat = self.services().chat();
        if let Some(known) = known {
            match chat.update(known, post, Urgency::More).await {
                Ok(()) => return Ok(known.clone()),
                // Somebody deleted it.
                Err(ChatError::Missing(_)) => {}
                Err(error) => return Err(error),
            }
        } else if let Some(key) = &post.key
            && let Some(found) = chat.find(place, key).await?
        {
            // Posted by somebody who died before they could note it.
            chat.update(&found, post, Urgency::More).await?;
            return Ok(found);
        }
        chat.post(place, post, Urgency::More).await
    }

    /// Tells the author, once, that customers see it.
    async fn tell_author(&self, number: u64, facts: &Facts, notes: &mut Notes, item: &mut Taken) -> Result {
        let live = facts.seen_by_customers();
        if notes.told || live.is_empty() || !self.settings.tell_authors {
            return Ok(());
        }
        if let Some(author) = self.author(facts).await
            && !mute::is_muted(self.services(), &author).await?
        {
            let text = texts::live(&self.repo, number, facts, &live);
            let post = Post::from(text).keyed(self.key(number, "live"));
            let told = async {
                let channel = self.services().chat().direct(&author).await?;
                self.put(&Place::channel(channel), None, &post).await
            };
            match told.await {
                Ok(_) => {}
                Err(error @ (ChatError::Refused(_) | ChatError::Missing(_))) => {
                    tracing::info!(%error, number, "an author cannot be told privately");
                }
                Err(error) => return Err(error.into()),
            }
        }
        notes.told = true;
        item.keep(notes).await
    }

    /// The author in the chat: as configured, or by the address of their commit.
    async fn author(&self, facts: &Facts) -> Option<UserId> {
        let login = facts.author.as_deref()?;
        if let Some(user) = self.settings.person(login) {
            return Some(user.clone());
        }
        let commit = self.eye.github.commit(&self.repo, &facts.head_sha).await.ok()?;
        // Somebody else may have pushed to their branch.
        let theirs = commit
            .login
            .as_deref()
            .is_some_and(|by| by.eq_ignore_ascii_case(login));
        let email = commit.email.filter(|_| theirs)?;
        match self.services().chat().by_email(&email).await {
            Ok(user) => user,
            Err(error) => {
                tracing::info!(%error, login, "an author cannot be found by their address");
                None
            }
        }
    }
}
