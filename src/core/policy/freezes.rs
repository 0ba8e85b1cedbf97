//! Freeze windows: when nothing is changed.

use super::calendar::Calendar;
use serde::{Deserialize, Serialize};

/// `[[policy.freezes]]`: a time in which nothing of what it names is changed. Times are of its zone, whatever the clocks do.
///
/// With `every` and `from` or `until` it is every week in that time only.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Freeze {
    /// What people read: `no deploys at the weekend`.
    pub name: String,
    /// Commands, as in a rule.
    pub commands: Vec<String>,
    /// Services; none means all.
    pub services: Vec<String>,
    /// Environments; none means all.
    pub environments: Vec<String>,
    /// The time zone, as the IANA database names it; UTC by default.
    pub zone: Option<String>,
    /// Every week: `fri 16:00 - mon 08:00`, `mon-fri 22:00 - 06:00`, `daily 12:00 - 13:00`.
    pub every: Option<String>,
    /// Once: the first moment (`2026-12-20` or `2026-12-20T16:00`).
    pub from: Option<String>,
    /// Once: the first moment after it.
    pub until: Option<String>,
    /// The role that may change things all the same, with a reason.
    #[serde(rename = "override")]
    pub override_role: Option<String>,
}

/// What of a freeze cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeFault {
    /// The key.
    pub key: &'static str,
    /// What is wrong with it, and what to write.
    pub message: String,
}

impl FreezeFault {
    pub(super) fn new(key: &'static str, message: impl Into<String>) -> Self {
        Self {
            key,
            message: message.into(),
        }
    }
}

impl Freeze {
    /// When it is in force.
    ///
    /// # Errors
    /// What cannot be read. A robot with such a freeze does not start.
    pub fn calendar(&self) -> Result<Calendar, FreezeFault> {
        Calendar::read(self)
    }
}
