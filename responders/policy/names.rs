//! The kinds of entries this leaves in the audit trail, and who is who.

use jiff::Timestamp;
use otus::{
    Context,
    audit::Entry,
    policy::{Elevation, Lock},
};

/// Somebody's lock is over by itself.
pub(crate) fn expired(lock: &Lock, now: Timestamp, text: String) -> Entry {
    Entry {
        target: lock.target.target(),
        command: Some("policy.lock".into()),
        ..Entry::new(now, "lock expired", text)
    }
}

/// Something about an elevation.
pub(crate) fn glass(event: &str, elevation: &Elevation, now: Timestamp, text: String) -> Entry {
    let entry = Entry {
        channel: Some(elevation.channel.clone()),
        ..Entry::new(now, event, text)
    };
    entry.by(&elevation.by)
}

/// The reason that was given, if it is one.
pub(crate) fn reason(cx: &Context) -> Option<String> {
    let reason = cx.options().reason.as_deref().map(str::trim)?;
    (!reason.is_empty()).then(|| reason.to_owned())
}
