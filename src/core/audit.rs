//! The record of who asked for what, what was decided, and what came of it: entries that are only ever added, each holding
//! the hash of the one before it, so that nobody changes, removes or inserts one unseen.
//!
//! The hash of an entry is the SHA-256 of its number, the hash before it, and the entry as JSON with sorted keys. The first one
//! follows [`GENESIS`].

use crate::{
    ids::{ChannelId, UserId},
    operations::{
        Operation, PlanHash, Target,
        plan::{canonical, hex},
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What the first entry follows.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When, by the store's clock.
    pub at: Timestamp,
    /// What: `asked`, `decided`, `confirmed`, `approved`, `denied`, `started`, `step`, `paused`, `ended`, `locked`, …
    pub event: String,
    /// Who did it; the robot itself for what follows from what was asked.
    pub actor: Option<UserId>,
    /// The message that caused it: the same id as in logs and cards.
    pub request: Option<String>,
    /// The operation it belongs to.
    pub operation: Option<String>,
    /// The command, as `responder.name`.
    pub command: Option<String>,
    /// What it is about.
    pub target: Target,
    /// Where.
    pub channel: Option<ChannelId>,
    /// The plan it is about.
    pub plan: Option<PlanHash>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// In one sentence, for people.
    pub text: String,
    /// Everything else.
    pub data: Value,
}

impl Entry {
    /// An entry about an operation.
    pub fn of(operation: &Operation, at: Timestamp, event: &str, text: impl Into<String>) -> Self {
        Self {
            operation: Some(operation.id.clone()),
            request: Some(operation.id.clone()),
            command: Some(operation.command.clone()),
            target: operation.plan.target.clone(),
            channel: Some(operation.origin.channel.clone()),
            plan: Some(operation.hash.clone()),
            ..Self::new(at, event, text)
        }
    }

    /// An entry about nothing in particular yet.
    pub fn new(at: Timestamp, event: &str, text: impl Into<String>) -> Self {
        Self {
            at,
            event: event.into(),
            actor: None,
            request: None,
            operation: None,
            command: None,
            target: Target::default(),
            channel: None,
            plan: None,
            rule: None,
            text: text.into(),
            data: Value::Null,
        }
    }

    /// By whom.
    pub fn by(mut self, actor: &UserId) -> Self {
        self.actor = Some(actor.clone());
        self
    }

    /// By which rule.
    pub fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// With what else.
    pub fn data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }
}

/// An entry in its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its number, from 1, without gaps.
    pub number: u64,
    /// The hash of the one before.
    pub previous: String,
    /// Its own hash.
    pub hash: String,
    /// What happened.
    pub entry: Entry,
}

impl Recorded {
    /// Puts an entry after another one.
    pub fn after(previous: &str, number: u64, entry: Entry) -> Self {
        let hash = hash(previous, number, &entry);
        Self {
            number,
            previous: previous.to_owned(),
            hash,
            entry,
        }
    }
}

fn hash(previous: &str, number: u64, entry: &Entry) -> String {
    // An entry is a plain value with text keys, so this cannot fail.
    let value = serde_json::to_value(entry).unwrap_or_default();
    let text = format!("{number}\n{previous}\n{}", canonical(&value));
    hex(&Sha256::digest(text))
}

/// Which entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// About this service.
    pub service: Option<String>,
    /// In this environment.
    pub environment: Option<String>,
    /// By this person.
    pub actor: Option<UserId>,
    /// Of this operation.
    pub operation: Option<String>,
    /// At or after this moment.
    pub since: Option<Timestamp>,
    /// Of these events; none means any.
    pub events: Vec<String>,
    /// Numbers above this one.
    pub after: Option<u64>,
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
    /// At most so many; 0 means 100.
    pub limit: u32,
}

impl AuditFilter {
    /// Whether an entry passes, but for the limit.
    pub fn takes(&self, recorded: &Recorded) -> bool {
        let entry = &recorded.entry;
        let same = |wanted: &Option<String>, is: &Option<String>| wanted.is_none() || wanted == is;
        same(&self.service, &entry.target.service)
            && same(&self.environment, &entry.target.environment)
            && same(&self.operation, &entry.operation)
            && self
                .actor
                .as_ref()
                .is_none_or(|actor| entry.actor.as_ref() == Some(actor))
            && self.since.is_none_or(|since| entry.at >= since)
            && (self.events.is_empty() || self.events.contains(&entry.event))
            && self.after.is_none_or(|after| recorded.number > after)
    }
}

/// Checks a chain, entry by entry, in order.
#[derive(Debug, Clone)]
pub struct Verifier {
    number: u64,
    hash: String,
}

impl Default for Verifier {
    fn default() -> Self {
        Self {
            number: 0,
            hash: GENESIS.to_owned(),
        }
    }
}

/// What is wrong with a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// Entries are missing, or stand in the wrong order.
    #[error("entry {expected} is missing: {found} stands in its place")]
    Gap {
        /// The number that should come.
        expected: u64,
        /// The one that comes.
        found: u64,
    },
    /// It does not follow the one before it.
    #[error("entry {0} does not follow the one before it: one of the two was changed")]
    Unlinked(u64),
    /// It is not what was written.
    #[error("entry {0} is not as it was written: it was changed")]
    Changed(u64),
    /// The newest entries are gone.
    #[error("the chain ends at entry {found}, but {expected} were written: the newest are missing")]
    Short {
        /// How many were written.
        expected: u64,
        /// How many are there.
        found: u64,
    },
}

impl Verifier {
    /// Checks the next entry.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn next(&mut self, recorded: &Recorded) -> Result<(), ChainFault> {
        let expected = self.number + 1;
        if recorded.number != expected {
            return Err(ChainFault::Gap {
                expected,
                found: recorded.number,
            });
        }
        if recorded.previous != self.hash {
            return Err(ChainFault::Unlinked(expected));
        }
        if hash(&recorded.previous, recorded.number, &recorded.entry) != recorded.hash {
            return Err(ChainFault::Changed(expected));
        }
        (self.number, self.hash) = (recorded.number, recorded.hash.clone());
        Ok(())
    }

    /// Checks that the chain ends where the store says it does.
    ///
    /// # Errors
    /// When it does not.
    pub fn end(&self, tip: &Tip) -> Result<(), ChainFault> {
        if self.number != tip.number {
            return Err(ChainFault::Short {
                expected: tip.number,
                found: self.number,
            });
        }
        if self.hash != tip.hash {
            return Err(ChainFault::Unlinked(tip.number));
        }
        Ok(())
    }

    /// How many entries were right so far, and the hash of the last.
    pub fn tip(&self) -> Tip {
        Tip {
            number: self.number,
            hash: self.hash.clone(),
        }
    }
}

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    /// The number of the last entry; 0 when there is none.
    pub number: u64,
    /// Its hash, or [`GENESIS`].
    pub hash: String,
}

impl Default for Tip {
    fn default() -> Self {
        Verifier::default().tip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Vec<Recorded> {
        let mut tip = Tip::default();
        (1..=4)
            .map(|number| {
                let entry = Entry::new(Timestamp::UNIX_EPOCH, "asked", format!("number {number}"));
                let recorded = Recorded::after(&tip.hash, number, entry);
                tip = Tip {
                    number,
                    hash: recorded.hash.clone(),
                };
                recorded
            })
            .collect()
    }

    fn verify(chain: &[Recorded]) -> Result<(), ChainFault> {
        let mut verifier = Verifier::default();
        chain.iter().try_for_each(|recorded| verifier.next(recorded))?;
        let whole = self::chain();
        let last = whole.last().unwrap();
        verifier.end(&Tip {
            number: last.number,
            hash: last.hash.clone(),
        })
    }

    #[test]
    fn whatever_is_done_to_a_chain_is_found() {
        assert_eq!(verify(&chain()), Ok(()));
        let mut changed = chain();
        changed[1].entry.text.push('!');
        assert_eq!(verify(&changed), Err(ChainFault::Changed(2)));
        let mut forged = chain();
        forged[1] = Recorded::after(&forged[0].hash, 2, Entry::new(Timestamp::UNIX_EPOCH, "x", "y"));
        assert_eq!(verify(&forged), Err(ChainFault::Unlinked(3)));
        let mut without = chain();
        without.remove(2);
        assert_eq!(
            verify(&without),
            Err(ChainFault::Gap {
                expected: 3,
                found: 4
            })
        );
        let mut short = chain();
        short.pop();
        assert_eq!(
            verify(&short),
            Err(ChainFault::Short {
                expected: 4,
                found: 3
            })
        );
    }
}
