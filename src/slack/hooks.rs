//! Answers through a `response_url`, for where the robot may not post. Such an answer has no name in Slack; it gets one
//! here, so that it can still be replaced: Slack takes at most five posts within thirty minutes.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use otus_core::chat::{Hook, MessageRef};
use tokio::time::Instant;

const LIVES: Duration = Duration::from_secs(30 * 60);
const USES: u8 = 5;
const PREFIX: &str = "hook-";

/// The answers given through hooks.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    next: AtomicU64,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Debug)]
struct Known {
    hook: Hook,
    until: Instant,
    left: u8,
}

impl Hooks {
    /// Whether a message is an answer of this kind.
    pub(crate) fn is_one(message: &MessageRef) -> bool {
        message.id.as_str().starts_with(PREFIX)
    }

    /// Remembers an answer that was just given.
    pub(crate) fn remember(&self, channel: &otus_core::ChannelId, hook: &Hook) -> MessageRef {
        let id = format!("{PREFIX}{}", self.next.fetch_add(1, Ordering::Relaxed));
        let now = Instant::now();
        let mut known = self.known();
        known.retain(|_, known| known.until > now && known.left > 0);
        known.insert(
            id.clone(),
            Known {
                hook: hook.clone(),
                until: now + LIVES,
                left: USES - 1,
            },
        );
        MessageRef {
            channel: channel.clone(),
            id: id.into(),
        }
    }

    /// The address to replace an answer by, once. A step leaves the last use to an end.
    pub(crate) fn take(&self, message: &MessageRef, end: bool) -> Option<Hook> {
        let mut known = self.known();
        let known = known.get_mut(message.id.as_str())?;
        if known.until <= Instant::now() || known.left <= u8::from(!end) {
            return None;
        }
        known.left -= 1;
        Some(known.hook.clone())
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        // Nothing panics while it holds the lock; if it did, the map would still be whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_leave_the_last_use_to_an_end() {
        let hooks = Hooks::default();
        let message = hooks.remember(&"C1".into(), &Hook::new("https://x.test"));
        assert!(Hooks::is_one(&message));
        let steps = (0..10).filter(|_| hooks.take(&message, false).is_some()).count();
        assert_eq!(steps, 3);
        assert!(hooks.take(&message, true).is_some());
        assert!(hooks.take(&message, true).is_none());
    }
}
