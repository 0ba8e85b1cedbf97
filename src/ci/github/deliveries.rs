//! Purpose: which webhooks did not arrive, and asking for them again: GitHub does not by itself.

use super::{
    call::{Body, Who},
    client::GitHub,
    error::Result,
    pages::List,
    repo::Repository,
};
use jiff::Timestamp;
use serde::Deserialize;

/// Whose webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hook {
    /// A repository's, by its number.
    Repository(Repository, u64),
    /// The App's own. Only an App may ask.
    App,
}

/// One attempt to deliver a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Delivery {
    /// The attempt's number, by which it is asked for again.
    pub id: u64,
    /// The `X-GitHub-Delivery`: all attempts at one event have the same.
    pub guid: String,
    /// When.
    pub delivered_at: Timestamp,
    /// Whether somebody asked for it again.
    #[serde(default)]
    pub redelivery: bool,
    /// GitHub's word for how it went: `OK`, `timed out` …
    #[serde(default)]
    pub status: String,
    /// The HTTP status of the answer; 0 when there was none.
    #[serde(default)]
    pub status_code: u16,
    /// Of what event.
    pub event: String,
    /// What happened, where the event says.
    pub action: Option<String>,
}

impl Delivery {
    /// Whether it was taken.
    #[must_use]
    pub fn arrived(&self) -> bool {
        (200..300).contains(&self.status_code)
    }
}

impl Hook {
    fn who(&self) -> Who {
        match self {
            Self::Repository(..) => Who::Installation,
            Self::App => Who::App,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Repository(repo, id) => format!("deliveries of hook {id} in {repo}"),
            Self::App => "deliveries of the App's webhook".into(),
        }
    }

    fn path<'a>(&'a self, id: &'a str) -> Vec<&'a str> {
        match self {
            Self::Repository(repo, _) => vec!["repos", repo.owner(), repo.name(), "hooks", id, "deliveries"],
            Self::App => vec!["app", "hook", "deliveries"],
        }
    }

    fn number(&self) -> String {
        match self {
            Self::Repository(_, id) => id.to_string(),
            Self::App => String::new(),
        }
    }
}

impl GitHub {
    /// The attempts since a time, the newest first, `most` of them. GitHub keeps them for some days only.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn deliveries(&self, hook: &Hook, since: Timestamp, most: usize) -> Result<Vec<Delivery>> {
        let (what, number) = (hook.words(), hook.number());
        let path = hook.path(&number);
        let open = |answer: &_, all: &mut Vec<Delivery>| {
            let page = self.parse::<Vec<Delivery>>(answer, &what)?;
            let older = page.iter().any(|delivery| delivery.delivered_at < since);
            all.extend(page.into_iter().filter(|delivery| delivery.delivered_at >= since));
            Ok(!older)
        };
        let list = List {
            who: hook.who(),
            ..List::new(&path, &[], &what, most)
        };
        Ok(self.pages(list, open).await?.items)
    }

    /// Asks for an attempt to be made again, under the same guid.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn redeliver(&self, hook: &Hook, delivery: u64) -> Result<()> {
        let what = format!("a redelivery of {delivery} among the {}", hook.words());
        let (number, delivery) = (hook.number(), delivery.to_string());
        let mut path = hook.path(&number);
        path.extend([delivery.as_str(), "attempts"]);
        self.post(hook.who(), &path, Body::Nothing, &what).await.map(drop)
    }
}
