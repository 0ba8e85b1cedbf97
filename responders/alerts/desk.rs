//! Where the messages are kept right: one for each group in each channel that it goes to.
//!
//! A message is made of what is known now, and written only when it reads otherwise than it does. It is posted under a key and looked
//! for by it first, so that nobody who comes after a crash posts it twice. Nothing here asks Prometheus or Alertmanager.

use async_trait::async_trait;
use jiff::SignedDuration;
use otus::{
    ChannelId, ChatError, Context, MessageRef, Post, Result, Services, Urgency,
    chat::Place,
    outbox::{Taken, Worked, Worker},
};
use serde::{Deserialize, Serialize};

use crate::{
    House,
    deploys::{self, After},
    group::Group,
    keep, looks, pause, texts,
};

/// How often a picture that the chat does not show yet is tried.
const PICTURE_TRIES: u32 = 5;
/// How long before it is tried again.
const PICTURE_PAUSE: SignedDuration = SignedDuration::from_secs(3);

/// Who writes the messages.
pub(crate) struct Desk {
    pub(crate) house: House,
    pub(crate) services: Services,
}

/// What is kept of a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Notes {
    /// The message, once it is known to be there.
    pub(crate) message: Option<MessageRef>,
    /// What it reads.
    pub(crate) shown: Option<Post>,
    /// The deploy before it was looked for; and found.
    pub(crate) looked: bool,
    pub(crate) after: Option<After>,
    /// The picture that the chat refused, and how often.
    pub(crate) refused: Option<(String, u32)>,
}

impl Desk {
    /// Works until the robot stops.
    pub(crate) async fn run(&self) {
        let outbox = keep::messages(&self.services);
        let mut troubled = false;
        loop {
            match outbox.work(self).await {
                Ok(_) => troubled = false,
                // Once, not every second.
                Err(error) if !troubled => {
                    tracing::warn!(%error, "alerts that wait to be told cannot be read; it is tried again");
                    troubled = true;
                }
                Err(_) => {}
            }
            let wait = self
                .house
                .settings()
                .wait
                .clamp(std::time::Duration::from_millis(50), looks());
            if pause(&self.services, &self.house.tell, wait).await.is_none() {
                return;
            }
        }
    }

    /// Edits a message, or posts it if there is none.
    async fn put(
        &self,
        channel: &ChannelId,
        known: Option<&MessageRef>,
        post: &Post,
    ) -> Result<MessageRef, ChatError> {
        let (chat, place) = (self.services.chat(), Place::channel(channel.clone()));
        let found = match (known, &post.key) {
            (Some(known), _) => Some(known.clone()),
            // Perhaps posted by somebody who died before they could note it.
            (None, Some(key)) => chat.find(&place, key).await?,
            (None, None) => None,
        };
        if let Some(found) = found {
            match chat.update(&found, post, Urgency::More).await {
                Ok(()) => return Ok(found),
                // Somebody deleted it.
                Err(ChatError::Missing(_)) => {}
                Err(error) => return Err(error),
            }
        }
        chat.post(&place, post, Urgency::Answer).await
    }

    /// The message as it should read, with or without its picture.
    fn post(
        &self,
        key: &str,
        group: &Group,
        channel: &ChannelId,
        notes: &Notes,
        graph: bool,
        now: jiff::Timestamp,
    ) -> Post {
        let view = texts::View {
            house: &self.house,
            group,
            channel,
            after: notes.after.as_ref(),
            graph,
            graphs: self.services.command_of("graph `up` 6h").is_some(),
        };
        Post::from(texts::message(&view, now)).keyed(format!("alert {key}"))
    }
}

#[async_trait]
impl Worker for Desk {
    async fn work(&self, item: &mut Taken) -> Result<Worked> {
        let key = item.key().to_owned();
        let Some((id, episode, channel)) = keep::read_key(&key) else {
            return Ok(Worked::Over);
        };
        let mut notes: Notes = item.notes()?;
        let Some(group) = keep::one(&self.services, id).await? else {
            return Ok(Worked::Over);
        };
        // A later episode has a message of its own, and this one reads as it did at its end, unless nobody came to write that.
        if group.episode != episode {
            if let (Some(message), Some(post)) =
                (&notes.message, notes.shown.as_ref().and_then(texts::closed))
            {
                self.put(&channel, Some(message), &post).await?;
            }
            return Ok(Worked::Over);
        }
        let now = self.services.store().now().await?;
        if !notes.looked {
            notes.after = deploys::before(&self.house, &self.services, &group).await;
            notes.looked = true;
            item.keep(&notes).await?;
        }
        let picture = texts::picture(&group).map(|picture| picture.file.clone());
        let refused = notes
            .refused
            .clone()
            .filter(|(file, _)| Some(file) == picture.as_ref());
        let given_up = refused.as_ref().is_some_and(|(_, tries)| *tries >= PICTURE_TRIES);
        let post = self.post(&key, &group, &channel, &notes, !given_up, now);
        let mut later = None;
        if notes.message.is_none() || notes.shown.as_ref() != Some(&post) {
            match self.put(&channel, notes.message.as_ref(), &post).await {
                Ok(message) => {
                    notes.message = Some(message);
                    notes.shown = Some(post);
                }
                // Slack takes a moment until it shows a picture, and a word must not wait for it.
                Err(error @ ChatError::Refused(_)) if picture.is_some() && !given_up => {
                    let tries = refused.map_or(0, |(_, tries)| tries) + 1;
                    tracing::info!(%error, tries, "the chat does not show the picture of an alert yet");
                    let post = self.post(&key, &group, &channel, &notes, false, now);
                    if notes.shown.as_ref() != Some(&post) {
                        notes.message = Some(self.put(&channel, notes.message.as_ref(), &post).await?);
                    }
                    notes.shown = Some(post);
                    notes.refused = picture.map(|file| (file, tries));
                    later = Some(PICTURE_PAUSE);
                }
                Err(error) => return Err(error.into()),
            }
            item.keep(&notes).await?;
        }
        Ok(match later {
            Some(pause) => Worked::Later(pause),
            None if group.is_firing() => Worked::Done,
            None => Worked::Over,
        })
    }
}

/// Whose command it is, for what is written down.
pub(crate) fn entry(cx: &Context, now: jiff::Timestamp, event: &str, text: String) -> otus::audit::Entry {
    otus::audit::Entry {
        request: Some(cx.id().to_owned()),
        command: Some(cx.command().id()),
        channel: Some(cx.message().channel.clone()),
        ..otus::audit::Entry::new(now, event, text)
    }
    .by(cx.author())
}
