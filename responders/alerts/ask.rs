//! `alerts`, `silences`, `ack`, and what can be silenced: what people ask of what is known.

use otus::{Context, Result};
use otus_monitoring::alertmanager::SilenceState;

use crate::{
    House, desk, find,
    group::{Acked, What},
    keep::{self, Change},
    silence, texts,
};

/// Lists what fires.
pub(crate) async fn alerts(house: &House, cx: &Context, words: Option<&str>) -> Result {
    let now = cx.services().store().now().await?;
    let wanted = words.map(str::to_lowercase);
    let mut firing: Vec<_> = keep::all(cx.services()).await?;
    firing.retain(|group| group.is_firing());
    let all = firing.len();
    if let Some(wanted) = &wanted {
        firing.retain(|group| {
            let mut labels = group.firing().flat_map(|(_, alert)| alert.labels.values());
            labels.any(|value| value.to_lowercase().contains(wanted.as_str()))
        });
    }
    firing.sort_by_key(|group| std::cmp::Reverse(group.began));
    cx.reply(texts::alerts(house, &firing, all, words, now)).await
}

/// Somebody looks at it.
pub(crate) async fn ack(house: &House, cx: &Context, id: Option<&str>) -> Result {
    let group = find::meant(cx, id).await?;
    let services = cx.services();
    let now = services.store().now().await?;
    if !group.is_firing() {
        return Err(texts::over_already(&group).into());
    }
    if let Some(acked) = group.acked.as_ref().filter(|acked| acked.by == *cx.author()) {
        return cx.whisper(texts::acked_before(&group, acked)).await;
    }
    let entry = desk::entry(cx, now, "acknowledged", texts::acked_record(&group));
    let acked = Acked {
        by: cx.author().clone(),
        at: now,
    };
    let kept = keep::change(services, &group.id, &[entry], |known| match known {
        Some(mut known) if known.episode == group.episode => {
            known.acked = Some(acked.clone());
            known.note(now, What::Acked { by: acked.by.clone() });
            Change::To(Box::new(known))
        }
        _ => Change::None,
    })
    .await?;
    if let Some(kept) = kept {
        keep::tell(house, services, &kept, false).await?;
    }
    cx.answer_in_thread();
    cx.reply(texts::acked(&group, cx.author())).await
}

/// Lists the silences that hold or will.
pub(crate) async fn silences(house: &House, cx: &Context) -> Result {
    if house.apis().is_empty() {
        return Err(texts::no_api().into());
    }
    let now = cx.services().store().now().await?;
    let mut found = Vec::new();
    for (source, api) in house.apis() {
        let listed = api.silences().await.map(|mut all| {
            all.retain(|silence| silence.state() != SilenceState::Expired);
            all.sort_by_key(|silence| silence.ends_at);
            all
        });
        found.push((source.as_str(), listed));
    }
    cx.reply(texts::silences(&found, now)).await
}

/// Asks how long, what of it and why: by a form before who pressed the button, else by a card.
pub(crate) async fn form(house: &House, cx: &Context, id: &str) -> Result {
    let group = find::meant(cx, Some(id)).await?;
    silence::api(house, &group.source)?;
    if !group.is_firing() {
        return Err(texts::over_already(&group).into());
    }
    let matchers = silence::of_group(&group).unwrap_or_default();
    let source = (house.apis().len() > 1).then_some(group.source.as_str());
    let form = texts::silence_form(&group, &matchers, source);
    if cx.open(&form).await {
        return Ok(());
    }
    cx.answer_in_thread();
    cx.reply(texts::form(&group, form)).await
}
