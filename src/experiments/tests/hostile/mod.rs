//! Controls of every kind, values that explode, and waiting.

use proptest::prelude::*;
use std::{
    sync::Once,
    thread,
    time::{Duration, Instant},
};

/// What a control does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Control {
    /// Returns a value.
    Value(i64),
    /// Returns an error.
    Error(i64),
    /// Panics with itself as the payload.
    Panic(i64),
}

pub(crate) fn any_control() -> impl Strategy<Value = Control> {
    prop_oneof![
        (0i64..3).prop_map(Control::Value),
        (0i64..3).prop_map(Control::Error),
        (0i64..3).prop_map(Control::Panic)
    ]
}

pub(crate) fn error(number: i64) -> String {
    format!("error {number}")
}

pub(crate) fn run_control(control: Control) -> Result<Value, String> {
    match control {
        Control::Value(number) => Ok(Value::plain(number)),
        Control::Error(number) => Err(error(number)),
        Control::Panic(_) => std::panic::panic_any(control),
    }
}

/// A value that may panic when it is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) number: i64,
    explodes: bool,
}

impl Value {
    pub(crate) fn plain(number: i64) -> Self {
        Self {
            number,
            explodes: false,
        }
    }

    pub(crate) fn bomb(number: i64) -> Self {
        Self {
            number,
            explodes: true,
        }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        assert!(!self.explodes, "dropping it panics");
    }
}

/// The panics that are wanted are not printed.
pub(crate) fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload_as_str();
            let wanted = [
                "the candidate's",
                "the sink's",
                "the comparison's",
                "the cleaning's",
                "the ignoring's",
                "dropping it",
            ];
            if text.is_some_and(|text| !wanted.iter().any(|wanted| text.starts_with(wanted))) {
                loud(info);
            }
        }));
    });
}

/// Waits until something is so.
pub(crate) fn until(so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !so() {
        assert!(Instant::now() < end, "it did not become so within a minute");
        thread::yield_now();
    }
}
