//! How policy puts what it finds.

use super::{
    calendar::Window,
    freezes::Freeze,
    locks::{Elevation, Lock},
};
use crate::markup;
use jiff::Timestamp;

/// `production is locked by Ann since 14:02 (12 min) until 15:00: database migration`
pub fn locked(lock: &Lock, now: Timestamp) -> String {
    format!(
        "{} is locked by {} since {} ({}){}: {}",
        markup::clean(&lock.target.to_string()),
        markup::clean(&lock.name),
        moment(lock.since, now),
        age(lock.since, now),
        until(lock.until, now),
        markup::clean(&lock.reason)
    )
}

/// `no deploys at the weekend: frozen until Mon 2026-11-23 08:00`
pub fn frozen(freeze: &Freeze, window: &Window, now: Timestamp) -> String {
    format!("{}: frozen{}", freeze.name, until(window.until, now))
}

/// `the glass is broken by Ann since 14:02 (12 min) until 15:00: the shop is down`
pub fn broken(elevation: &Elevation, now: Timestamp) -> String {
    format!(
        "the glass is broken by {} since {} ({}){}: {}",
        markup::clean(&elevation.name),
        moment(elevation.since, now),
        age(elevation.since, now),
        until(Some(elevation.until), now),
        markup::clean(&elevation.reason)
    )
}

fn until(until: Option<Timestamp>, now: Timestamp) -> String {
    until.map_or_else(String::new, |until| format!(" until {}", moment(until, now)))
}

/// A moment in the reader's own zone where the chat can, else by UTC's clock, with the day unless it is today.
pub fn moment(at: Timestamp, now: Timestamp) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let format = if day(at) == day(now) {
        "%H:%M UTC"
    } else {
        "%a %Y-%m-%d %H:%M UTC"
    };
    markup::moment(at.as_second(), &at.strftime(format).to_string())
}

/// How long ago it was, in one or two numbers: `40 s`, `12 min`, `3 h 5 min`, `2 d 4 h`.
pub fn age(at: Timestamp, now: Timestamp) -> String {
    length(now.duration_since(at))
}

/// A length of time: `40 s`, `12 min`, `3 h 5 min`, `2 d 4 h`.
pub fn length(duration: jiff::SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86_400 if minutes % 60 == 0 => format!("{hours} h"),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ if hours % 24 == 0 => format!("{days} d"),
        _ => format!("{days} d {} h", hours % 24),
    }
}
