//! `break glass` and `seal glass`: loud, recorded, and over by itself.

use crate::{length::Length, names, texts};
use otus::{
    Card, ChannelId, ChannelKind, Context, Post, Result, Services, Urgency, UserError, UserId,
    chat::Place,
    policy::{self, Elevation, Held},
};

/// Breaks it for who says so.
pub(crate) async fn shatter(cx: &Context, length: Option<Length>) -> Result {
    let services = cx.services();
    let rules = &services.policy().break_glass;
    holder(services, cx.author()).await?;
    let Some(reason) = names::reason(cx) else {
        return Err(UserError::new(texts::why_glass(cx.line())).into());
    };
    let length = length.map_or(rules.longest, |length| length.0);
    if length > rules.longest {
        return Err(UserError::new(texts::too_long(length, rules.longest)).into());
    }
    if cx.message().kind == ChannelKind::Direct && rules.channels.is_empty() {
        return Err(UserError::new(texts::not_in_secret()).into());
    }
    let now = services.store().now().await?;
    let elevation = Elevation {
        by: cx.author().clone(),
        name: cx.person().await.name,
        channel: cx.message().channel.clone(),
        reason,
        since: now,
        until: now.checked_add(length)?,
        telling: None,
    };
    let mut entry = names::glass("glass broken", &elevation, now, texts::broken_record(&elevation));
    entry.request = Some(cx.id().to_owned());
    policy::break_glass(services, &elevation, &entry).await?;
    tracing::warn!(user = %elevation.by, until = %elevation.until, "the glass is broken");
    let card = texts::broken(&elevation, now);
    let untold = tell_but(services, &elevation, &elevation.channel, card).await;
    cx.reply(texts::broken_here(&elevation, &untold, now)).await
}

/// Seals it, for who says so or for somebody else.
pub(crate) async fn seal(cx: &Context, of: Option<UserId>) -> Result {
    let services = cx.services();
    let of = of.unwrap_or_else(|| cx.author().clone());
    if of != *cx.author() {
        holder(services, cx.author()).await?;
    }
    let name = cx.person().await.name;
    let now = services.store().now().await?;
    let broken = policy::broken(services).await?;
    let Some(elevation) = broken.into_iter().find(|elevation| elevation.by == of) else {
        return Err(UserError::new(texts::not_broken(of == *cx.author())).into());
    };
    let text = texts::sealed_record(&name, &elevation);
    let mut entry = names::glass("glass sealed", &elevation, now, text).by(cx.author());
    entry.request = Some(cx.id().to_owned());
    let Some(elevation) = policy::seal(services, &of, &entry).await? else {
        return Err(UserError::new(texts::not_broken(of == *cx.author())).into());
    };
    let card = texts::sealed(&name, &elevation, now);
    let untold = tell_but(services, &elevation, &cx.message().channel, card.clone()).await;
    if !untold.is_empty() {
        tracing::warn!(?untold, "that the glass is sealed could not be told everywhere");
    }
    cx.reply(card).await
}

/// Whether somebody may break the glass.
async fn holder(services: &Services, user: &UserId) -> Result {
    let Some(role) = &services.policy().break_glass.role else {
        return Err(UserError::new(texts::no_glass()).into());
    };
    let refused = match policy::held(services, user, role).await {
        Held::Yes(_) => return Ok(()),
        Held::No => texts::glass_not_for_you(role),
        Held::Unknown(why) => texts::glass_unknown(role, &why),
    };
    tracing::warn!(%user, role, "somebody who may not wanted to break or seal the glass");
    Err(UserError::new(refused).into())
}

/// Where it is told: where it was said, and the configured channels.
pub(crate) fn channels(services: &Services, elevation: &Elevation) -> Vec<String> {
    let mut channels = vec![elevation.channel.to_string()];
    for channel in &services.policy().break_glass.channels {
        if !channels.contains(channel) {
            channels.push(channel.clone());
        }
    }
    channels
}

/// Tells it everywhere but in one channel. Answers where that failed.
async fn tell_but(services: &Services, elevation: &Elevation, but: &ChannelId, card: Card) -> Vec<String> {
    let post = Post::from(card);
    let mut untold = Vec::new();
    for channel in channels(services, elevation) {
        if channel == but.as_str() {
            continue;
        }
        let place = Place::channel(channel.as_str());
        if let Err(error) = services.chat().post(&place, &post, Urgency::Answer).await {
            tracing::error!(%error, channel, "what became of the glass could not be told");
            untold.push(channel);
        }
    }
    untold
}
