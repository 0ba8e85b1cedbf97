//! What others wrote is called here, and whatever it does stays here.

use crate::outcome::Stage;
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// A panic's payload, as it was.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Runs something that may panic.
pub(crate) fn catch<T>(run: impl FnOnce() -> T) -> Result<T, Payload> {
    catch_unwind(AssertUnwindSafe(run))
}

/// Said of a panic whose payload is no text.
pub(crate) const TEXTLESS: &str = "a panic without a text";

/// What a panic said.
pub(crate) fn message(payload: &Payload) -> String {
    let text = payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.map_or_else(|| TEXTLESS.to_owned(), |text| cut(text.to_owned()))
}

/// What a candidate's panic said; its payload is dropped, which may panic as well.
pub(crate) fn consume(payload: Payload) -> String {
    let said = message(&payload);
    dispose(payload);
    said
}

/// Drops what a candidate made. Whether that went well.
pub(crate) fn dispose<T>(value: T) -> bool {
    match catch(|| drop(value)) {
        Ok(()) => true,
        Err(payload) => {
            // Whoever panics in a payload's drop as well may leak it.
            if let Err(worse) = catch(|| drop(payload)) {
                std::mem::forget(worse);
            }
            false
        }
    }
}

/// The longest text kept of a value or a panic, in bytes.
const LONGEST: usize = 4096;

/// At most [`LONGEST`] bytes of a text, cut between characters.
pub(crate) fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        text.truncate(end);
        text.shrink_to_fit();
        text.push('…');
    }
    text
}

/// How often the author's functions panicked.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    count: AtomicU64,
    last: Mutex<Option<(Stage, String)>>,
}

impl Failures {
    /// Runs one of the author's functions.
    pub(crate) fn guard<T>(&self, stage: Stage, run: impl FnOnce() -> T) -> Option<T> {
        match catch(run) {
            Ok(value) => Some(value),
            Err(payload) => {
                self.note(stage, consume(payload));
                None
            }
        }
    }

    pub(crate) fn note(&self, stage: Stage, said: String) {
        self.count.fetch_add(1, Ordering::Relaxed);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((stage, said));
    }

    /// Drops what a candidate made.
    pub(crate) fn dispose<T>(&self, value: T) {
        if !dispose(value) {
            self.note(Stage::Drop, "dropping what a candidate made panicked".to_owned());
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn last(&self) -> Option<(Stage, String)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        let long = cut("ü".repeat(LONGEST));
        assert_eq!(long.chars().count(), LONGEST / 2 + 1);
        assert!(long.ends_with("ü…"));
        assert_eq!(cut("short".to_owned()), "short");
    }

    #[test]
    fn even_a_payload_that_panics_when_dropped_is_contained() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                std::panic::panic_any(Fuse);
            }
        }
        struct Fuse;
        impl Drop for Fuse {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        let failures = Failures::default();
        failures.dispose(Bomb);
        assert_eq!(failures.count(), 1);
        assert!(
            failures
                .guard(Stage::Compare, || std::panic::panic_any(Bomb))
                .is_none()
        );
        assert_eq!(
            failures.last(),
            Some((Stage::Compare, "a panic without a text".to_owned()))
        );
    }
}
