//! The requests that pass the queues. They are written here rather than taken from slack-morphism, whose answer type
//! makes a posted message look failed when Slack echoes something it does not model.

use futures_util::{FutureExt, future::BoxFuture};
use serde::{Deserialize, Serialize};
use slack_morphism::prelude::SlackBlock;
use std::sync::Arc;

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
    /// Previews of links would bury the answer.
    pub(crate) unfurl_links: bool,
    pub(crate) unfurl_media: bool,
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
            Outgoing::Post(say) => {
                web.post("chat.postMessage", say, Twice::Harmful, Limits::Return)
                    .await
            }
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
