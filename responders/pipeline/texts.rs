//! What people read.

use crate::{
    reconcile,
    settings::path,
    state::{Look, Refused},
};
use jiff::{SignedDuration, Timestamp};
use otus::{
    Button, Card, Tone, UserError, markup,
    store::{InboxSource, Kept},
};
use otus_ci::hooks::Hook;
use std::{collections::BTreeMap, time::Duration};

/// So many characters of a reason are in the list.
const SHOWN: usize = 200;

/// What `hooks` tells of.
pub(crate) struct Overview<'a> {
    pub(crate) hooks: &'a [Hook],
    pub(crate) inbox: &'a [InboxSource],
    pub(crate) refused: &'a BTreeMap<String, Refused>,
    pub(crate) look: Option<&'a Look>,
}

/// How long ago, roughly.
fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).max(SignedDuration::ZERO).as_secs();
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

fn moment(at: Timestamp, now: Timestamp) -> String {
    markup::moment(at.as_second(), &ago(at, now))
}

/// How the hooks are doing.
pub(crate) fn overview(overview: &Overview<'_>, now: Timestamp) -> Card {
    let Overview { hooks, inbox, .. } = overview;
    if hooks.is_empty() {
        return Card::new(Tone::Neutral, "There are no webhooks").text(format!(
            "Whoever runs me can add one below {} in my configuration.",
            markup::code("[responders.pipeline.hooks.<name>]")
        ));
    }
    let failed: u64 = inbox.iter().map(|source| source.failed).sum();
    let refused = overview.refused.values().any(|refused| refused.count > 0);
    let troubled = overview.look.is_some_and(|look| !look.troubles.is_empty());
    let (tone, title) = match failed {
        0 if refused || troubled => (Tone::Warning, "Webhooks: not all is well".to_owned()),
        0 => (Tone::Good, "Webhooks are doing well".to_owned()),
        1 => (Tone::Bad, "One webhook could not be processed".to_owned()),
        many => (Tone::Bad, format!("{many} webhooks could not be processed")),
    };
    let mut card = Card::new(tone, title);
    let of = |name: &str| inbox.iter().find(|source| source.source == name);
    for hook in *hooks {
        let mut text = format!(
            "{} at {}: {}",
            markup::bold(hook.name()),
            markup::code(&path(hook.name())),
            source(of(hook.name()), "nothing came in the last 7 days", now)
        );
        if let Some(Refused { count, why }) = overview.refused.get(hook.name()) {
            text += &format!("\n{} since I started; the last time: {why}", times(*count));
        }
        card = card.text(text);
    }
    let found = of(reconcile::SOURCE);
    if overview.look.is_some() || found.is_some() {
        let mut text = format!("{}: ", markup::bold("found without a webhook"));
        text += &source(found, "nothing was missed in the last 7 days", now);
        if let Some(look) = overview.look {
            text += &format!("\nlooked {}", moment(look.at, now));
            for trouble in &look.troubles {
                text += &format!("\n{trouble}");
            }
        }
        card = card.text(text);
    }
    let configured = |source: &&InboxSource| {
        hooks.iter().any(|hook| hook.name() == source.source) || source.source == reconcile::SOURCE
    };
    for old in inbox.iter().filter(|source| !configured(source)) {
        card = card.text(format!(
            "{}, which is not configured any more: {}",
            markup::bold(&old.source),
            source(Some(old), "", now)
        ));
    }
    if failed > 0 {
        card = card.button(Button::new("What failed", "hooks failed"));
    }
    card
}

fn times(count: u64) -> String {
    match count {
        1 => "refused once".into(),
        2 => "refused twice".into(),
        many => format!("refused {many} times"),
    }
}

fn source(of: Option<&InboxSource>, nothing: &str, now: Timestamp) -> String {
    let Some(of) = of else {
        return nothing.to_owned();
    };
    let mut text = format!("last {}", moment(of.last, now));
    if of.waiting > 0 {
        text += &format!(" · {} waiting", of.waiting);
    }
    if of.failed > 0 {
        text += &format!(" · {} failed", of.failed);
    }
    text
}

/// What could not be processed.
pub(crate) fn failed(failed: &[Kept], most: usize, now: Timestamp) -> Card {
    if failed.is_empty() {
        return Card::new(Tone::Good, "Every webhook was processed, or waits to be");
    }
    let title = match failed.len() {
        1 => "One webhook could not be processed".to_owned(),
        many if many > most => format!("More than {most} webhooks could not be processed"),
        many => format!("{many} webhooks could not be processed"),
    };
    let mut card = Card::new(Tone::Bad, title);
    for kept in failed.iter().take(most) {
        let reason = kept.reason.as_deref().unwrap_or("nobody said why");
        let short: String = reason.chars().take(SHOWN).collect();
        let more = if short.len() < reason.len() { " …" } else { "" };
        card = card.text(format!(
            "{} came {}, tried {}\n{short}{more}",
            markup::code(&kept.delivery.id),
            moment(kept.delivery.received, now),
            match kept.attempts {
                1 => "once".to_owned(),
                many => format!("{many} times"),
            }
        ));
    }
    if let [one] = failed {
        let id = &one.delivery.id;
        card = card.button(Button::new("Try again", format!("hook retry {id}")));
    }
    card.footer("They are kept for 7 days. Try one again with: hook retry <id>")
}

/// It is processed once more.
pub(crate) fn retried(id: &str) -> String {
    format!("{} is processed once more.", markup::code(id))
}

/// There is nothing of this id to try again.
pub(crate) fn none_failed(id: &str) -> UserError {
    UserError::new(format!(
        "No webhook {} is among those that failed: it is processed, waits, or is forgotten. {} lists those that failed.",
        markup::code(id),
        markup::code("hooks failed")
    ))
    .instead("hooks failed")
}

/// Why one is given up that nobody came to the end of.
pub(crate) fn never_ended(attempts: u32, reason: Option<&str>) -> String {
    let before = reason
        .map(|reason| format!("; before that: {reason}"))
        .unwrap_or_default();
    format!("it was begun {attempts} times, and the last time whoever did ended in the middle of it{before}")
}

/// Why one did not work that took too long.
pub(crate) fn too_long(limit: Duration) -> String {
    format!("it took longer than {} s", limit.as_secs())
}

/// Why one did not work that cannot be read.
pub(crate) fn unreadable(error: &serde_json::Error) -> String {
    format!("it was kept by another version of me, and I cannot read it: {error}")
}

/// Why a branch could not be looked at.
pub(crate) fn not_asked(branch: &str, error: &anyhow::Error) -> String {
    format!("{branch}: {error:#}")
}
