//! The core's [`Chat`] in Slack.

use async_trait::async_trait;
use otus_core::{
    ChannelId, Chat, ChatError, MessageRef, Person, Place, Urgency, UserId,
    card::{File, Post},
    chat::Hook,
    form::Form,
    markup,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use slack_morphism::prelude::SlackBlock;
use url::Url;

use crate::{
    SlackConfig, SlackError, Web, blocks,
    error::Missing,
    files, form,
    hooks::Hooks,
    outgoing::{Look, Mark, Outgoing, Said, Say, send},
    people::People,
    queue::Outbox,
    text::{
        outbound::render,
        split::{MESSAGE, shorten, split},
    },
    web::{Limits, Twice},
};

/// Words longer than this many messages go out as a file.
const MOST_PIECES: usize = 4;

/// Slack, as the robot speaks into it.
pub(crate) struct SlackChat {
    web: Web,
    pub(crate) outbox: Outbox<Outgoing, Said>,
    pub(crate) people: People,
    hooks: Hooks,
    /// The robot's own user id.
    me: String,
}

/// An answer through a `response_url`.
#[derive(Serialize)]
struct Response<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    blocks: &'a [SlackBlock],
    response_type: &'static str,
    replace_original: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_ts: Option<&'a str>,
}

impl SlackChat {
    pub(crate) fn new(web: Web, config: &SlackConfig, me: &str) -> Self {
        let sender = web.clone();
        let outbox = Outbox::start(config.pace, config.timeouts.retry_after, move |what| {
            send(&sender, what)
        });
        Self {
            people: People::new(web.clone()),
            web,
            outbox,
            hooks: Hooks::default(),
            me: me.to_owned(),
        }
    }

    async fn look_for(&self, place: &Place, key: &str) -> Result<Option<MessageRef>, SlackError> {
        let look = Look {
            channel: place.channel.as_str(),
            thread: place.thread.as_ref().map(|thread| thread.as_str()),
            mark: &Mark::of(key),
            me: &self.me,
            oldest: None,
        };
        let found = look.find(&self.web).await?;
        Ok(found.map(|said| MessageRef {
            channel: said.channel.into(),
            id: said.ts.into(),
        }))
    }

    async fn say(&self, place: &Place, say: Say, urgency: Urgency) -> Result<MessageRef, SlackError> {
        let (text, blocks) = (say.text.clone(), say.blocks.clone());
        match (
            self.outbox
                .post(place.channel.as_str(), urgency, Outgoing::Post(say))
                .await,
            &place.hook,
        ) {
            // The channel in the answer is the right one even when a name or a person was given.
            (Ok(said), _) => Ok(MessageRef {
                channel: said.channel.into(),
                id: said.ts.into(),
            }),
            (Err(error), Some(hook)) if error.is_no_entry() => {
                self.respond(hook, &text, &blocks, place, "in_channel", false)
                    .await?;
                Ok(self.hooks.remember(&place.channel, hook))
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn respond(
        &self,
        hook: &Hook,
        text: &str,
        blocks: &[SlackBlock],
        place: &Place,
        response_type: &'static str,
        replace_original: bool,
    ) -> Result<(), SlackError> {
        let url = Url::parse(hook.expose())
            .map_err(|_| SlackError::Unsendable("Slack's address to answer is not usable".to_owned()))?;
        let thread_ts = place.thread.as_ref().map(|thread| thread.as_str());
        self.web
            .respond(
                &url,
                &Response {
                    text,
                    blocks,
                    response_type,
                    replace_original,
                    thread_ts,
                },
            )
            .await
    }

    async fn say_all(&self, place: &Place, post: &Post, urgency: Urgency) -> Result<MessageRef, SlackError> {
        let base = |text: String| Say {
            channel: place.channel.to_string(),
            thread_ts: place.thread.as_ref().map(ToString::to_string),
            text,
            unfurl_links: Some(false),
            unfurl_media: Some(false),
            metadata: Some(Mark::new()),
            me: self.me.clone(),
            ..Say::default()
        };
        // The key is the first message's: that is the one that is edited.
        let keyed = |say: Say| match &post.key {
            Some(key) => Say {
                metadata: Some(Mark::of(key)),
                ..say
            },
            None => say,
        };
        if let Some(card) = &post.card {
            let say = keyed(Say {
                blocks: blocks::blocks(card),
                ..base(fallback(post))
            });
            return self.say(place, say, urgency).await;
        }
        let mut pieces = split(&render(&post.text), MESSAGE);
        let whole = (pieces.len() > MOST_PIECES).then(|| markup::plain(&post.text));
        if whole.is_some() {
            pieces.truncate(1);
        }
        let mut pieces = pieces.into_iter();
        let first = pieces.next().filter(|text| !text.trim().is_empty());
        let first = first.ok_or_else(|| SlackError::Unsendable("there was nothing to say".to_owned()))?;
        let said = self.say(place, keyed(base(first)), urgency).await?;
        for piece in pieces {
            self.say(place, base(piece), urgency).await?;
        }
        if let Some(text) = whole {
            let thread = place
                .thread
                .clone()
                .or_else(|| (!Hooks::is_one(&said)).then(|| said.id.clone()));
            let rest = File {
                name: "message.txt".to_owned(),
                title: "The whole message".to_owned(),
                alt: None,
                comment: None,
                bytes: text.into_bytes(),
            };
            self.send_file(
                &Place {
                    thread,
                    ..place.clone()
                },
                rest,
            )
            .await?;
        }
        Ok(said)
    }

    async fn send_file(&self, place: &Place, file: File) -> Result<(), SlackError> {
        let thread = place.thread.as_ref().map(|thread| thread.as_str());
        let complete = files::stage(&self.web, &file, Some(place.channel.as_str()), thread).await?;
        let what = Outgoing::File(complete);
        self.outbox
            .post(place.channel.as_str(), Urgency::Answer, what)
            .await
            .map(|_| ())
    }

    /// Uploads a file without showing it anywhere.
    async fn keep_file(&self, file: File) -> Result<String, SlackError> {
        let complete = files::stage(&self.web, &file, None, None).await?;
        let id = complete.file();
        // A file that is uploaded twice is only ever shown once: by the block that names it.
        self.web
            .post::<_, Value>(
                "files.completeUploadExternal",
                &complete,
                Twice::Harmful,
                Limits::WaitHere,
            )
            .await?;
        Ok(id)
    }

    async fn edit(&self, message: &MessageRef, post: &Post, urgency: Urgency) -> Result<(), SlackError> {
        let text = fallback(post);
        let blocks = post.card.as_ref().map(blocks::blocks).unwrap_or_default();
        if Hooks::is_one(message) {
            let Some(hook) = self.hooks.take(message, urgency == Urgency::Answer) else {
                // Used up: a step is not worth more, an end is said anew.
                return if urgency == Urgency::Answer {
                    Err(SlackError::NotInChannel)
                } else {
                    Ok(())
                };
            };
            let place = Place::channel(message.channel.clone());
            return self
                .respond(&hook, &text, &blocks, &place, "in_channel", true)
                .await;
        }
        let say = Say {
            channel: message.channel.to_string(),
            ts: Some(message.id.to_string()),
            text,
            blocks,
            // Said again, so that it does not depend on whether an edit without it keeps it.
            metadata: post.key.as_deref().map(Mark::of),
            ..Say::default()
        };
        if urgency == Urgency::Progress {
            // Who shows steps goes on with the work; only so can a later step replace one that waits.
            return self.outbox.edit_later(message, urgency, Outgoing::Edit(say));
        }
        self.outbox
            .edit(message, urgency, Outgoing::Edit(say))
            .await
            .map(|_| ())
    }

    async fn say_to(&self, place: &Place, to: &UserId, post: &Post) -> Result<(), SlackError> {
        let text = fallback(post);
        let blocks = post.card.as_ref().map(blocks::blocks).unwrap_or_default();
        let say = Say {
            channel: place.channel.to_string(),
            user: Some(to.to_string()),
            thread_ts: place.thread.as_ref().map(ToString::to_string),
            text,
            blocks,
            ..Say::default()
        };
        let said: Result<Value, _> = self
            .web
            .post("chat.postEphemeral", &say, Twice::Harmful, Limits::WaitHere)
            .await;
        match (said, &place.hook) {
            (Ok(_), _) => Ok(()),
            (Err(error), Some(hook)) if error.is_no_entry() => {
                self.respond(hook, &say.text, &say.blocks, place, "ephemeral", false)
                    .await
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn add_reaction(&self, message: &MessageRef, emoji: &str) -> Result<(), SlackError> {
        if Hooks::is_one(message) {
            return Ok(());
        }
        let reaction = serde_json::json!({
            "channel": message.channel.as_str(),
            "timestamp": message.id.as_str(),
            "name": emoji.trim_matches(':'),
        });
        match self
            .web
            .post::<_, Value>("reactions.add", &reaction, Twice::Harmless, Limits::WaitHere)
            .await
        {
            Err(SlackError::Refused { code, .. }) if code == "already_reacted" => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

/// The words of a message that has blocks, too: what a notification and a screen reader get. Slack takes at most 4,000
/// characters when it edits.
fn fallback(post: &Post) -> String {
    let text = shorten(&render(&post.text), MESSAGE);
    match (&post.card, text.trim().is_empty()) {
        (Some(card), true) => shorten(&render(&card.summary()), MESSAGE),
        _ => text,
    }
}

#[async_trait]
impl Chat for SlackChat {
    async fn post(&self, place: &Place, post: &Post, urgency: Urgency) -> Result<MessageRef, ChatError> {
        Ok(self.say_all(place, post, urgency).await?)
    }

    async fn update(&self, message: &MessageRef, post: &Post, urgency: Urgency) -> Result<(), ChatError> {
        Ok(self.edit(message, post, urgency).await?)
    }

    async fn whisper(&self, place: &Place, to: &UserId, post: &Post) -> Result<(), ChatError> {
        Ok(self.say_to(place, to, post).await?)
    }

    async fn form(&self, place: &Place, form: &Form) -> Result<bool, ChatError> {
        let Some(trigger) = place.hook.as_ref().and_then(Hook::trigger) else {
            return Ok(false);
        };
        let Some(view) = form::view(form, place) else {
            return Ok(false);
        };
        let body = serde_json::json!({ "trigger_id": trigger, "view": view });
        let opened = self
            .web
            .post::<_, Value>("views.open", &body, Twice::Harmful, Limits::Return);
        Ok(opened.await.map(|_| true)?)
    }

    async fn react(&self, message: &MessageRef, emoji: &str) -> Result<(), ChatError> {
        Ok(self.add_reaction(message, emoji).await?)
    }

    async fn upload(&self, place: &Place, file: File) -> Result<(), ChatError> {
        Ok(self.send_file(place, file).await?)
    }

    async fn keep(&self, file: File) -> Result<Option<String>, ChatError> {
        Ok(Some(self.keep_file(file).await?))
    }

    async fn find(&self, place: &Place, key: &str) -> Result<Option<MessageRef>, ChatError> {
        Ok(self.look_for(place, key).await?)
    }

    async fn link(&self, message: &MessageRef) -> Result<Option<String>, ChatError> {
        #[derive(Deserialize)]
        struct Answer {
            permalink: String,
        }
        let parameters = [
            ("channel", message.channel.as_str()),
            ("message_ts", message.id.as_str()),
        ];
        let answer: Answer = self.web.get("chat.getPermalink", &parameters).await?;
        Ok(Some(answer.permalink))
    }

    async fn channel_name(&self, channel: &ChannelId) -> Result<String, ChatError> {
        let name = self.people.channel(channel.as_str()).await?;
        name.ok_or_else(|| ChatError::Missing(format!("a name of the channel {channel}")))
    }

    async fn person(&self, user: &UserId) -> Result<Person, ChatError> {
        Ok(self.people.person(user.as_str()).await?)
    }

    async fn by_email(&self, email: &str) -> Result<Option<UserId>, ChatError> {
        Ok(self.people.by_email(email).await?)
    }

    async fn direct(&self, user: &UserId) -> Result<ChannelId, ChatError> {
        #[derive(Deserialize)]
        struct Answer {
            channel: Opened,
        }
        #[derive(Deserialize)]
        struct Opened {
            id: String,
        }
        let who = serde_json::json!({ "users": user.as_str() });
        let opened =
            self.web
                .post::<_, Answer>("conversations.open", &who, Twice::Harmless, Limits::WaitHere);
        Ok(opened.await?.channel.id.into())
    }

    async fn in_group(&self, user: &UserId, group: &str) -> Result<bool, ChatError> {
        let answer = self.people.in_group(user.as_str(), group).await?;
        answer.ok_or_else(|| ChatError::Missing(format!("the user group {group}")))
    }
}

impl From<SlackError> for ChatError {
    fn from(error: SlackError) -> Self {
        match error {
            SlackError::RateLimited { retry_after, .. } => Self::Busy(retry_after),
            SlackError::Unreachable { .. }
            | SlackError::Trouble { .. }
            | SlackError::Unsure { .. }
            | SlackError::Stopping => Self::Unreachable(error.to_string()),
            SlackError::NotFound { what, .. } => Self::Missing(
                match what {
                    Missing::Channel => "this channel (or it is private and I am not in it)",
                    Missing::Message => "this message",
                    Missing::Person => "this person",
                    Missing::File => "this file",
                }
                .to_owned(),
            ),
            other => Self::Refused(other.to_string()),
        }
    }
}
