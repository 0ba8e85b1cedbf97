//! What is said about the broken glass.

use jiff::{SignedDuration, Timestamp};
use otus::{
    Button, Card, Tone,
    markup::{bold, clean, code},
    policy::{Elevation, words},
};

/// Nobody may.
pub(crate) fn no_glass() -> String {
    "There is no glass to break: no role may (`role` below [policy.break_glass]).".into()
}

/// Somebody without the role.
pub(crate) fn glass_not_for_you(role: &str) -> String {
    format!(
        "Only the role {} may do that, and you do not have it.",
        code(role)
    )
}

/// Nobody can tell.
pub(crate) fn glass_unknown(role: &str, why: &str) -> String {
    format!(
        "Only the role {} may do that, and whether you have it cannot be told: {why}.",
        code(role)
    )
}

/// It needs a reason.
pub(crate) fn why_glass(line: &str) -> String {
    format!(
        "Why? Everybody will be told. Say {}.",
        code(&format!("{line} because <reason>"))
    )
}

/// Longer than it may be.
pub(crate) fn too_long(length: SignedDuration, longest: SignedDuration) -> String {
    format!(
        "{} is too long: the glass stays broken for {} at most. You can break it again.",
        words::length(length),
        words::length(longest)
    )
}

/// Nobody else would see it.
pub(crate) fn not_in_secret() -> String {
    "Not here, where nobody else sees it: say it in a channel.".into()
}

/// For the record.
pub(crate) fn broken_record(elevation: &Elevation) -> String {
    format!(
        "{} broke the glass until {}: {}",
        elevation.name, elevation.until, elevation.reason
    )
}

/// Loud, for everybody.
pub(crate) fn broken(elevation: &Elevation, now: Timestamp) -> Card {
    let title = format!(
        "🚨 {} has broken the glass until {}",
        clean(&elevation.name),
        words::moment(elevation.until, now)
    );
    Card::new(Tone::Warning, title)
        .text(clean(&elevation.reason))
        .text(format!(
            "Until then locks, freezes, approvals and other rules do not hold {} up. Everything is recorded.",
            clean(&elevation.name)
        ))
        .button(Button::new(
            "Seal the glass",
            format!("seal glass of @{}", elevation.by),
        ))
}

/// The same where it was said.
pub(crate) fn broken_here(elevation: &Elevation, untold: &[String], now: Timestamp) -> Card {
    let card = broken(elevation, now);
    if untold.is_empty() {
        return card;
    }
    let channels: Vec<_> = untold.iter().map(|channel| code(channel)).collect();
    card.text(format!(
        "I could not tell it in {}: please tell them.",
        channels.join(", ")
    ))
}

/// There is nothing to seal.
pub(crate) fn not_broken(own: bool) -> String {
    if own {
        "Your glass is whole.".into()
    } else {
        "Their glass is whole.".into()
    }
}

/// For the record.
pub(crate) fn sealed_record(name: &str, elevation: &Elevation) -> String {
    format!("{name} sealed the glass that {} broke", elevation.name)
}

/// It is over before its time.
pub(crate) fn sealed(name: &str, elevation: &Elevation, now: Timestamp) -> Card {
    let who = if name == elevation.name {
        format!("{} has sealed the glass again", clean(name))
    } else {
        format!(
            "{} has sealed the glass that {} broke",
            clean(name),
            clean(&elevation.name)
        )
    };
    review(
        Card::new(
            Tone::Good,
            format!("{who}, after {}", words::age(elevation.since, now)),
        ),
        elevation,
    )
}

/// For the record.
pub(crate) fn whole_record(elevation: &Elevation) -> String {
    format!("the time of the glass that {} broke is over", elevation.name)
}

/// It is over by itself.
pub(crate) fn whole(elevation: &Elevation) -> Card {
    let title = format!(
        "The glass that {} broke is whole again: its time is over",
        clean(&elevation.name)
    );
    review(Card::new(Tone::Good, title), elevation)
}

fn review(card: Card, elevation: &Elevation) -> Card {
    card.text(format!(
        "It was broken because: {}. Please look at what was done meanwhile: was it right, and does a rule stand in the way of \
         what must be possible?",
        bold(&clean(&elevation.reason))
    ))
    .button(Button::new(
        "What was done?",
        format!("audit by @{} last 1d", elevation.by),
    ))
}
