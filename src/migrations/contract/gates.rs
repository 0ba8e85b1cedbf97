//! Purpose: the gates of a contract. Pure, and without a clock.

use crate::lint::{Ready, statement_checksum};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Who has to say that they do not use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// The application: the code that is deployed, everywhere.
    App,
    /// Pipelines: publications, replication, roles that load data.
    Etl,
    /// Reports: views, functions, roles that read.
    Reporting,
    /// It was withheld for a while, and nobody missed it.
    Brownout,
}

impl Gate {
    /// In the order they are passed.
    pub const ALL: [Self; 4] = [Self::App, Self::Etl, Self::Reporting, Self::Brownout];
}

/// How a gate stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum GateState {
    /// Nobody has said anything.
    Closed,
    /// Somebody uses it still: what was seen, when it was seen last.
    InUse {
        /// What, for people.
        what: Vec<String>,
        /// When.
        at: Timestamp,
    },
    /// Nothing is seen any more, since then.
    Quiet {
        /// Since when.
        since: Timestamp,
    },
    /// Signed off.
    Signed {
        /// By whom.
        by: String,
        /// When.
        at: Timestamp,
    },
}

/// How far a contract is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// This gate is the next.
    At(Gate),
    /// Every gate is passed.
    Ready,
    /// It is gone.
    Dropped,
    /// Nobody wants it any more.
    Abandoned,
}

/// Why something is not done yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotYet {
    /// An earlier gate is not passed.
    #[error("the gate {0:?} comes first")]
    Before(Gate),
    /// Somebody uses it.
    #[error("it is still used: {0}")]
    InUse(String),
    /// It has not been quiet for long enough.
    #[error("it has to be quiet until {0}")]
    Quiet(Timestamp),
    /// Nothing was looked at yet.
    #[error("nobody has looked yet whether it is used")]
    NotSeen,
    /// Who signs is not who may.
    #[error("{0} does not answer for this gate")]
    NotTheirs(String),
    /// It is over.
    #[error("the contract is over")]
    Over,
}

/// Something that is to be taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// What, as the analysis of a statement says what is destroyed: `column users.legacy`.
    pub object: String,
    /// The statement that takes it away.
    pub statement: String,
    /// Who wants it.
    pub opened_by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub opened: Timestamp,
    /// How long a gate has to be quiet before it can be signed off, in seconds: a whole cycle of the business.
    pub quiet_s: u64,
    /// Who may sign which gate off; nobody listed means anybody.
    owners: Vec<(Gate, BTreeSet<String>)>,
    gates: Vec<(Gate, GateState)>,
    dropped: bool,
    abandoned: bool,
}

impl Contract {
    /// Proposes to take something away. Quiet times are two weeks, unless it is said otherwise.
    #[must_use]
    pub fn new(object: &str, statement: &str, by: &str, reason: &str, now: Timestamp) -> Self {
        Self {
            object: object.to_owned(),
            statement: statement.to_owned(),
            opened_by: by.to_owned(),
            reason: reason.to_owned(),
            opened: now,
            quiet_s: 14 * 24 * 3600,
            owners: Vec::new(),
            gates: Gate::ALL.map(|gate| (gate, GateState::Closed)).to_vec(),
            dropped: false,
            abandoned: false,
        }
    }

    /// Only these may sign the gate off.
    #[must_use]
    pub fn owned(mut self, gate: Gate, owners: impl IntoIterator<Item = String>) -> Self {
        self.owners.push((gate, owners.into_iter().collect()));
        self
    }

    /// How long a gate has to be quiet, in seconds.
    #[must_use]
    pub fn quiet_for(mut self, seconds: u64) -> Self {
        self.quiet_s = seconds;
        self
    }

    /// How a gate stands.
    #[must_use]
    pub fn gate(&self, gate: Gate) -> &GateState {
        let found = self.gates.iter().find(|(name, _)| *name == gate);
        found.map_or(&GateState::Closed, |(_, state)| state)
    }

    fn put(&mut self, gate: Gate, state: GateState) {
        for (name, held) in &mut self.gates {
            if *name == gate {
                *held = state;
                return;
            }
        }
    }

    /// How far it is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        if self.dropped {
            return Stage::Dropped;
        }
        if self.abandoned {
            return Stage::Abandoned;
        }
        let open = Gate::ALL
            .into_iter()
            .find(|gate| !matches!(self.gate(*gate), GateState::Signed { .. }));
        open.map_or(Stage::Ready, Stage::At)
    }

    fn is_over(&self) -> bool {
        self.dropped || self.abandoned
    }

    /// Somebody looked whether it is used. A use takes every sign-off back, from its gate on: what was agreed to is not so.
    pub fn saw(&mut self, gate: Gate, uses: &[String], now: Timestamp) {
        if self.is_over() {
            return;
        }
        if uses.is_empty() {
            // What was withheld before everybody had agreed proves nothing.
            if gate == Gate::Brownout && self.stage() != Stage::At(gate) {
                return;
            }
            if matches!(self.gate(gate), GateState::Closed | GateState::InUse { .. }) {
                self.put(gate, GateState::Quiet { since: now });
            }
            return;
        }
        let in_use = GateState::InUse {
            what: uses.to_vec(),
            at: now,
        };
        self.put(gate, in_use);
        for later in Gate::ALL.into_iter().filter(|later| *later > gate) {
            if later == Gate::Brownout || matches!(self.gate(later), GateState::Signed { .. }) {
                self.put(later, GateState::Closed);
            }
        }
    }

    /// Somebody who answers for a gate signs it off.
    ///
    /// # Errors
    /// When an earlier gate is not passed, it is used, it was not quiet for long enough, or it is not theirs to sign.
    pub fn sign(&mut self, gate: Gate, by: &str, now: Timestamp) -> Result<(), NotYet> {
        match self.stage() {
            Stage::Dropped | Stage::Abandoned => return Err(NotYet::Over),
            Stage::At(first) if first < gate => return Err(NotYet::Before(first)),
            Stage::At(_) | Stage::Ready => {}
        }
        let owners = self.owners.iter().find(|(name, _)| *name == gate);
        if owners.is_some_and(|(_, owners)| !owners.is_empty() && !owners.contains(by)) {
            return Err(NotYet::NotTheirs(by.to_owned()));
        }
        match self.gate(gate) {
            GateState::Closed => Err(NotYet::NotSeen),
            GateState::InUse { what, .. } => Err(NotYet::InUse(what.join(", "))),
            GateState::Signed { .. } => Ok(()),
            GateState::Quiet { since } => {
                let span = SignedDuration::from_secs(i64::try_from(self.quiet_s).unwrap_or(i64::MAX));
                let until = since.checked_add(span).unwrap_or(Timestamp::MAX);
                // Being withheld has a time of its own.
                if gate != Gate::Brownout && now < until {
                    return Err(NotYet::Quiet(until));
                }
                self.put(
                    gate,
                    GateState::Signed {
                        by: by.to_owned(),
                        at: now,
                    },
                );
                Ok(())
            }
        }
    }

    /// Takes a gate's sign-off back, and those of the gates behind it: somebody else has to agree, too, or took it back.
    pub fn reopen(&mut self, gate: Gate) {
        if self.is_over() {
            return;
        }
        for later in Gate::ALL.into_iter().filter(|later| *later >= gate) {
            if later == Gate::Brownout || matches!(self.gate(later), GateState::Signed { .. }) {
                self.put(later, GateState::Closed);
            }
        }
    }

    /// Nobody wants it any more.
    pub fn abandon(&mut self) {
        self.abandoned |= !self.dropped;
    }

    /// What the linter may let pass: this object, by this statement, when every gate is passed.
    #[must_use]
    pub fn ready(&self) -> Option<Ready> {
        (self.stage() == Stage::Ready).then(|| Ready {
            object: self.object.clone(),
            checksum: statement_checksum(&self.statement),
        })
    }

    /// It is gone.
    ///
    /// # Errors
    /// When a gate is not passed.
    pub fn dropped(&mut self) -> Result<(), NotYet> {
        match self.stage() {
            Stage::Ready => {
                self.dropped = true;
                Ok(())
            }
            Stage::At(gate) => Err(NotYet::Before(gate)),
            Stage::Dropped => Ok(()),
            Stage::Abandoned => Err(NotYet::Over),
        }
    }
}

#[cfg(test)]
mod tests;
