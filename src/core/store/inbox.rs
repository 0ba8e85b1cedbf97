//! What came in from outside and is worked on after it was acknowledged: kept first, processed once.
//!
//! What counts is whether a delivery was *processed*, not whether it was seen: the same one sent again repairs what failed.

use jiff::Timestamp;
use serde_json::Value;

/// What came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// What repeats are told by: a delivery that is sent again has the same.
    pub id: String,
    /// Where it came from.
    pub source: String,
    /// When it came, by the store's clock.
    pub received: Timestamp,
    /// What it says.
    pub body: Value,
}

/// A delivery, and how it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// What came in.
    pub delivery: Delivery,
    /// How it stands.
    pub state: DeliveryState,
    /// How often it was taken since it came, or was begun anew. Who took it and died counts.
    pub attempts: u32,
    /// Rises whenever it is taken or begun anew: whoever settles it says by this that it is still theirs.
    pub generation: u64,
    /// Why it did not work the last time.
    pub reason: Option<String>,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// To be worked on, or being worked on.
    Waiting,
    /// Done.
    Processed,
    /// Given up.
    Failed,
}

/// What became of working on a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It is done.
    Processed,
    /// It did not work, and is tried again.
    Again {
        /// Why.
        reason: String,
        /// Not before this moment.
        at: Timestamp,
    },
    /// It did not work, and is given up.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Which deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// From this source.
    pub source: Option<String>,
    /// That stand so.
    pub state: Option<DeliveryState>,
    /// At most so many; 0 means 100.
    pub limit: u32,
}

/// How a source of deliveries is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxSource {
    /// Its name.
    pub source: String,
    /// When its newest delivery came, of those that are kept.
    pub last: Timestamp,
    /// How many wait.
    pub waiting: u64,
    /// How many were given up.
    pub failed: u64,
}
