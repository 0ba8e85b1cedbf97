//! Purpose: failures a test orders, of the calls to come.

use std::{collections::VecDeque, time::Duration};

/// How a call goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This HTTP status, with GitHub's `{"message": …}`.
    Status(u16),
    /// The connection is closed without an answer, and nothing has happened.
    Drop,
    /// It happens, and then the connection is closed: the caller cannot know.
    LoseAnswer,
    /// No answer before this has passed.
    Slow(Duration),
    /// The secondary rate limit: 403, with `Retry-After` in seconds if there is one.
    SecondaryLimit(Option<u64>),
    /// A 200 that is no JSON, as a proxy's page to log in.
    Garbage,
    /// The answer leads to another address by this status.
    Redirect(u16, String),
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    ordered: VecDeque<(String, Fault, u32)>,
}

impl Faults {
    pub(super) fn order(&mut self, path: &str, fault: Fault, times: u32) {
        if times > 0 {
            self.ordered.push_back((path.to_owned(), fault, times));
        }
    }

    pub(super) fn clear(&mut self) {
        self.ordered.clear();
    }

    /// The first that was ordered for a path which has this text in it.
    pub(super) fn take(&mut self, path: &str) -> Option<Fault> {
        let at = self
            .ordered
            .iter()
            .position(|(part, ..)| path.contains(part.as_str()))?;
        let (_, fault, left) = &mut self.ordered[at];
        let fault = fault.clone();
        *left -= 1;
        if *left == 0 {
            self.ordered.remove(at);
        }
        Some(fault)
    }
}
