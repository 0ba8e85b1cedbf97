//! What one can add to every command that changes something: `--plan`, `--queue`, `because <reason>`.

use serde::{Deserialize, Serialize};

/// What was added to a command, taken off its line before the line is matched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// `--plan`: show what would change, and stop.
    pub plan: bool,
    /// `--queue`: if something is in the way, wait for it.
    pub queue: bool,
    /// `because <reason>`: why.
    pub reason: Option<String>,
}
