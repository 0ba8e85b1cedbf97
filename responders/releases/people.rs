//! What to call people, and where to find what was said. A name is shown, never a mention: nobody's bell rings because
//! somebody reads the record.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::tz::TimeZone;
use otus::store::Deploy;
use otus::{Context, MessageRef, UserId};
use tokio::time::timeout;

use crate::words::inert;

/// How long all of it may take before ids have to do.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many questions at once.
const AT_ONCE: usize = 8;

/// The names of who deployed, and the links to the cards, as far as the chat tells in time.
#[derive(Debug, Default)]
pub(crate) struct Around {
    pub(crate) names: BTreeMap<UserId, String>,
    pub(crate) links: BTreeMap<String, String>,
}

impl Around {
    /// Looks them up.
    pub(crate) async fn of(cx: &Context, deploys: &[Deploy]) -> Self {
        let mut around = Self::default();
        let chat = cx.services().chat();
        let ids: BTreeSet<UserId> = deploys.iter().map(|deploy| deploy.by.clone()).collect();
        let mut names = stream::iter(ids)
            .map(|id| async move {
                let person = chat.person(&id).await;
                (id, person)
            })
            .buffer_unordered(AT_ONCE);
        let cards: Vec<(String, MessageRef)> = deploys
            .iter()
            .filter_map(|deploy| Some((deploy.id.clone(), deploy.card.clone()?)))
            .collect();
        let mut links = stream::iter(cards)
            .map(|(id, card)| async move { (id, chat.link(&card).await) })
            .buffer_unordered(AT_ONCE);
        let look = async {
            while let Some((id, person)) = names.next().await {
                if let Ok(person) = person {
                    around.names.insert(id, person.name);
                }
            }
            while let Some((id, link)) = links.next().await {
                if let Ok(Some(link)) = link {
                    around.links.insert(id, link);
                }
            }
        };
        if timeout(PATIENCE, look).await.is_err() {
            tracing::debug!("not all names and links could be found out in time");
        }
        around
    }

    /// What to call somebody.
    pub(crate) fn name(&self, id: &UserId) -> String {
        inert(self.names.get(id).map_or(id.as_str(), String::as_str), 40)
    }
}

/// The time zone of who asks.
pub(crate) async fn zone(cx: &Context) -> TimeZone {
    let person = cx.person().await;
    person
        .zone
        .and_then(|zone| TimeZone::get(&zone).ok())
        .unwrap_or(TimeZone::UTC)
}
