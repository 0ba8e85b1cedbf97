//! What is sent to Otus, and what it answers. Version 1.
//!
//! A `POST` with `Content-Type: application/json` and `Authorization: Bearer <token>`; its body is a [`Batch`]:
//!
//! ```json
//! {"version":1, "application":"shop", "release":"9f3c1e2", "instance":"6f0c…", "sequence":17,
//!  "from":1793872800000, "to":1793872810000, "dropped":0,
//!  "experiments":{"users-query":{"percent":5.0, "stopped":false,
//!    "control":{"runs":812,"errors":0,"panics":0,"duration":{"sum":38976000000,"buckets":[[834,812]]}},
//!    "candidates":{"new":{"outcomes":{"match":811,"mismatch":1},
//!      "duration":{"sum":9744000000,"buckets":[[770,812]]}, "ratio":{"sum":203000,"buckets":[[188,812]]},
//!      "places":{"email":1}, "stopped":null}},
//!    "samples":[{"at":1793872803120,"candidate":"new","outcome":"mismatch","detail":"email",
//!      "control":"…","value":"…","context":{"plan":"free"},"control_ns":48000000,"candidate_ns":12000000}],
//!    "samples_dropped":0}}}
//! ```
//!
//! Its numbers are what happened since the last batch, not since the start. `instance` is another in each process, `sequence`
//! counts its batches from 1: a batch that was sent and got no answer comes again, the same, under the same number, so
//! whoever adds them up leaves out what they have. A histogram's buckets are `[number, count]`, as
//! [`Histogram`](crate::stats::Histogram) numbers them: below 64 the number is the value; from there on bucket `b` begins at
//! `(b − 32 s) · 2^s` with `s = ⌊b / 32⌋ − 1`, and is `2^s` wide. Durations are in nanoseconds, ratios in thousandths. Keys that
//! are not known are to be left out of account: new ones do not change the version.
//!
//! The answer is 2xx with an [`Answer`], or with any body that is none; 408, 429 and 5xx make the batch come again, any other
//! status throws it away.
//!
//! A sender begins with a batch, so that what was set holds from the start; the answer names all that is set for experiments that
//! its application ever told of, whether this process has them or not.

use crate::stats::ExperimentStats;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version this is.
pub const VERSION: u32 = 1;

/// The largest body that is sent, in bytes, as far as the sender can tell: a receiver may refuse more.
pub const MAX_BODY: usize = 8 * 1024 * 1024;

/// What happened in one process between two moments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// [`VERSION`].
    pub version: u32,
    /// The application's name.
    pub application: String,
    /// Which release of it: a commit's hash.
    #[serde(default)]
    pub release: Option<String>,
    /// The process.
    pub instance: String,
    /// Which batch of this process, from 1.
    pub sequence: u64,
    /// Since when, in milliseconds since 1970 in UTC.
    pub from: u64,
    /// Until when.
    pub to: u64,
    /// How many runs are in no batch, because there was no room for them.
    #[serde(default)]
    pub dropped: u64,
    /// The experiments of the process by name, those that did not run meanwhile included.
    pub experiments: BTreeMap<String, ExperimentStats>,
}

/// What Otus answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// What holds from now on, by experiment; those that are not named stay as they are.
    pub settings: BTreeMap<String, Setting>,
}

/// What holds for one experiment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setting {
    /// The share of calls that are runs, in percent; absent, it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// Whether it is stopped; absent, that stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<bool>,
}

impl Setting {
    /// Sets a switch.
    pub(crate) fn hold(&self, switch: &crate::Switch) {
        if let Some(percent) = self.percent {
            switch.set_percent(percent);
        }
        if let Some(stopped) = self.stopped {
            switch.stop(stopped);
        }
    }
}

impl Answer {
    /// Applies it to the experiments of this process, and to those of these names that will be made later. How many were
    /// changed.
    pub fn apply(&self) -> usize {
        let set = |(name, setting): (&String, &Setting)| crate::registry::set(name, *setting);
        self.settings.iter().map(set).sum()
    }
}
