//! How whoever brings a message learns that it is in good hands.

use std::fmt;

/// Given when a message is safe: kept, done with, or nobody's. Until then whoever brings it should not forget it, because the
/// process may die over it; one that is dropped was never given.
#[derive(Default)]
pub struct Receipt(Option<Box<dyn FnOnce() + Send>>);

impl Receipt {
    /// Calls this when it is given, from any task.
    pub fn new(given: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(given)))
    }

    /// For who brings what cannot be brought again.
    pub fn none() -> Self {
        Self::default()
    }

    /// Gives it; a second time does nothing.
    pub fn give(&mut self) {
        if let Some(given) = self.0.take() {
            given();
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receipt").field(&self.0.is_some()).finish()
    }
}
