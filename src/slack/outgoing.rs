//! The requests that pass the queues. They are written here rather than taken from slack-morphism, whose answer type
//! makes a posted message look failed when Slack echoes something it does not model.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use futures_util::{FutureExt, future::BoxFuture};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use slack_morphism::prelude::SlackBlock;

use crate::{
    SlackError, Web,
    files::Complete,
    web::{Limits, Twice},
};

/// A request that waits in a queue.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Post(Say),
    Edit(Say),
    File(Complete),
}

/// `chat.postMessage`, `chat.update` and `chat.postEphemeral`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Say {
    pub(crate) channel: String,
    pub(crate) text: String,
    /// Sent even when empty: an edit without it would keep the old blocks.
    pub(crate) blocks: Vec<SlackBlock>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thread_ts: Option<String>,
    /// The message to replace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ts: Option<String>,
    /// Who alone sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// Only on posts. Previews of links would bury the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unfurl_links: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unfurl_media: Option<bool>,
    /// A mark to find the message by, should Slack's answer get lost, or the robot die before it could note the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Mark>,
    /// The robot's own user id: a mark on somebody else's message is not its own. Not sent.
    #[serde(skip)]
    pub(crate) me: String,
}

/// A message's mark, as Slack's `metadata`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    event_type: String,
    event_payload: Payload,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Payload {
    id: String,
}

impl Mark {
    const KIND: &str = "otus_post";

    /// One that no other message has.
    pub(crate) fn new() -> Self {
        Self::of(&format!("{:032x}", rand::rng().random::<u128>()))
    }

    /// The one of a [key](otus_core::Post::key).
    pub(crate) fn of(key: &str) -> Self {
        Self {
            event_type: Self::KIND.to_owned(),
            event_payload: Payload { id: key.to_owned() },
        }
    }
}

/// What a post became. A file has no `ts`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Said {
    pub(crate) channel: String,
    pub(crate) ts: String,
}

/// Sends one request; a 429 comes back at once, for the queue to wait.
pub(crate) fn send(web: &Web, what: Arc<Outgoing>) -> BoxFuture<'static, Result<Said, SlackError>> {
    let web = web.clone();
    async move {
        match &*what {
            Outgoing::Post(say) => post(&web, say).await,
            Outgoing::Edit(say) => {
                web.post("chat.update", say, Twice::Harmless, Limits::Return)
                    .await
            }
            Outgoing::File(complete) => {
                web.post(
                    "files.completeUploadExternal",
                    complete,
                    Twice::Harmful,
                    Limits::Return,
                )
                .await
            }
        }
    }
    .boxed()
}

/// How far back a lost message is looked for; the clocks may differ by some of it.
const LOOK_BACK: u64 = 10 * 60;

/// Posts once, even when Slack's answer gets lost: then it looks whether the message is there, and only if it is not posts
/// again. When it cannot look, the sender hears that it is unsure.
async fn post(web: &Web, say: &Say) -> Result<Said, SlackError> {
    let mut again = true;
    loop {
        let error = match web
            .post("chat.postMessage", say, Twice::Harmful, Limits::Return)
            .await
        {
            Err(error @ SlackError::Unsure { .. }) => error,
            outcome => return outcome,
        };
        let Some(mark) = &say.metadata else {
            return Err(error);
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let oldest = format!("{}.000000", now.saturating_sub(LOOK_BACK));
        let looked = Look {
            channel: &say.channel,
            thread: say.thread_ts.as_deref(),
            mark,
            me: &say.me,
            oldest: Some(&oldest),
        };
        match looked.find(web).await {
            Ok(Some(said)) => return Ok(said),
            Ok(None) if again => again = false,
            Ok(None) => return Err(error),
            Err(looking) => {
                tracing::warn!(%error, %looking, "it is unknown whether a message was posted");
                return Err(error);
            }
        }
    }
}

/// How many messages a page holds, and how many pages are read at most.
const PAGE: &str = "200";
const MOST_PAGES: usize = 5;

/// Where to look for a message by its mark.
pub(crate) struct Look<'a> {
    pub(crate) channel: &'a str,
    pub(crate) thread: Option<&'a str>,
    pub(crate) mark: &'a Mark,
    /// The robot's own user id.
    pub(crate) me: &'a str,
    pub(crate) oldest: Option<&'a str>,
}

#[derive(Deserialize)]
struct Listed {
    messages: Vec<Message>,
    #[serde(default)]
    response_metadata: Next,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Next {
    next_cursor: String,
}

#[derive(Deserialize)]
struct Message {
    ts: String,
    #[serde(default)]
    user: Option<String>,
    /// Other apps' metadata may have any form. Slack shows it only to who asks for it.
    #[serde(default)]
    metadata: serde_json::Value,
}

impl Look<'_> {
    /// Looks through the newer messages there.
    pub(crate) async fn find(&self, web: &Web) -> Result<Option<Said>, SlackError> {
        let mark = serde_json::to_value(self.mark).unwrap_or_default();
        let mut cursor = String::new();
        for _ in 0..MOST_PAGES {
            let listed = self.page(web, &cursor).await?;
            let found = listed.messages.into_iter().find(|message| {
                let is_mine = message.user.as_deref().is_none_or(|user| user == self.me);
                is_mine && !mark.is_null() && message.metadata == mark
            });
            if let Some(message) = found {
                return Ok(Some(Said {
                    channel: self.channel.to_owned(),
                    ts: message.ts,
                }));
            }
            cursor = listed.response_metadata.next_cursor;
            if cursor.is_empty() {
                break;
            }
        }
        Ok(None)
    }

    async fn page(&self, web: &Web, cursor: &str) -> Result<Listed, SlackError> {
        let mut params = vec![
            ("channel", self.channel),
            ("include_all_metadata", "true"),
            ("limit", PAGE),
        ];
        params.extend(self.oldest.map(|oldest| ("oldest", oldest)));
        if !cursor.is_empty() {
            params.push(("cursor", cursor));
        }
        let method = match self.thread {
            Some(thread) => {
                params.push(("ts", thread));
                "conversations.replies"
            }
            None => "conversations.history",
        };
        web.get(method, &params).await
    }
}
