//! Channels that hear of changes of flags.

use crate::{place::FlagName, plan::Details, texts};
use otus::{
    Card, ChannelId, Context, Post, Result, Services,
    audit::Entry,
    chat::{Place, Urgency},
    operations::Operation,
    store::{Amended, amend},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The space of channels.
const SUBSCRIBED: &str = "flags.subscribed";

/// What a channel hears of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Wanted {
    /// Every flag.
    all: bool,
    /// These.
    flags: BTreeSet<String>,
}

/// Tells the channel of `cx` from now on.
pub(crate) async fn subscribe(cx: &Context, flag: Option<&FlagName>) -> Result {
    let flag = flag.map(|flag| flag.0.as_str());
    change(cx, texts::subscribed_record(flag), |wanted| match flag {
        None => wanted.all = true,
        Some(flag) => {
            wanted.flags.insert(flag.to_owned());
        }
    })
    .await?;
    cx.reply(texts::subscribed(flag)).await
}

/// Tells it no more.
pub(crate) async fn unsubscribe(cx: &Context, flag: Option<&str>) -> Result {
    let changed = change(cx, texts::unsubscribed_record(flag), |wanted| match flag {
        None => *wanted = Wanted::default(),
        Some(flag) => {
            wanted.flags.remove(flag);
        }
    })
    .await?;
    cx.reply(texts::unsubscribed(flag, changed)).await
}

async fn change(cx: &Context, record: String, change: impl Fn(&mut Wanted)) -> Result<bool> {
    let store = cx.services().store().as_ref();
    let channel = &cx.message().channel;
    let mut entry = Entry::new(store.now().await?, "flags subscription", record).by(cx.author());
    entry.channel = Some(channel.clone());
    let written = amend(
        store,
        SUBSCRIBED,
        channel.as_str(),
        std::slice::from_ref(&entry),
        |before: Option<Wanted>| {
            let before = before.unwrap_or_default();
            let mut after = before.clone();
            change(&mut after);
            if after == before {
                Amended::Stays
            } else if after == Wanted::default() {
                Amended::Goes
            } else {
                Amended::Becomes(after)
            }
        },
    );
    Ok(written.await?)
}

/// The channels that hear of a flag.
pub(crate) async fn channels(services: &Services, flag: &str) -> Result<Vec<ChannelId>> {
    let mut channels = Vec::new();
    for entry in services.store().entries(SUBSCRIBED).await? {
        let wanted: Wanted = serde_json::from_value(entry.value)?;
        if wanted.all || wanted.flags.contains(flag) {
            channels.push(ChannelId::new(entry.key));
        }
    }
    Ok(channels)
}

/// Says it in these channels, once each. A channel that cannot be written to keeps nobody from hearing of it elsewhere.
pub(crate) async fn say(services: &Services, channels: &[ChannelId], key: &str, card: &Card) {
    for channel in channels {
        let place = Place::channel(channel.clone());
        let key = format!("{key}-{channel}");
        if let Ok(Some(_)) = services.chat().find(&place, &key).await {
            continue;
        }
        let post = Post::from(card.clone()).keyed(key);
        if let Err(error) = services.chat().post(&place, &post, Urgency::More).await {
            tracing::warn!(%error, %channel, "a channel could not be told of a flag");
        }
    }
}

/// Tells those who want to know of a change that was made.
pub(crate) async fn changed(
    services: &Services,
    operation: &Operation,
    details: &Details,
    card: &Card,
) -> Result<()> {
    let mut channels = channels(services, &details.ask.flag).await?;
    // There the operation's own card tells it.
    channels.retain(|channel| *channel != operation.origin.channel);
    let card = texts::told_elsewhere(card, operation);
    say(services, &channels, &format!("flag-{}", operation.id), &card).await;
    Ok(())
}
