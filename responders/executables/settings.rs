//! `[responders.executables]`.

use crate::Site;
use jiff::SignedDuration;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};

/// `[responders.executables]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where they are: every file there that may be executed is one. Without it there are none.
    pub folder: Option<PathBuf>,
    /// How long one may run, unless its command says less.
    pub deadline: SignedDuration,
    /// How much memory one may take, in megabytes of addresses.
    pub memory_mb: u64,
    /// How much one may say in answer to one message, in kilobytes.
    pub output_kb: usize,
    /// The environment they have, besides `PATH`, `LANG` and `HOME`: nothing of Otus' own.
    pub env: BTreeMap<String, String>,
    /// How often those behind an address are asked what they are.
    pub look: SignedDuration,
    /// Those behind an address, by their names as responders.
    pub urls: BTreeMap<String, Site>,
}

impl Settings {
    /// How many bytes one may say in answer to one message.
    pub(crate) fn most(&self) -> usize {
        self.output_kb.saturating_mul(1024)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            folder: None,
            deadline: SignedDuration::from_secs(30),
            memory_mb: 512,
            output_kb: 256,
            env: BTreeMap::new(),
            look: SignedDuration::from_secs(30),
            urls: BTreeMap::new(),
        }
    }
}
