//! Purpose: a flag set as it is served: evaluated, handed out as a document, and told of.

use crate::{evaluate::FlagSet, life::Kept};
use axum::body::Bytes;
use sha2::{Digest, Sha256};

/// A set, ready.
#[derive(Debug)]
pub struct Live {
    kept: Kept,
    set: FlagSet,
    document: Bytes,
    etag: String,
}

/// What listeners are told: that there is something new.
#[derive(Debug)]
pub struct News {
    pub(crate) stage: Stage,
    /// As an event of a stream.
    pub(crate) event: Bytes,
}

/// How far a set has come: its revision, and the ticks of its [clock](crate::Clock). It only ever grows, and is the same on all
/// replicas that hold the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stage {
    pub(crate) revision: u64,
    pub(crate) ticks: u64,
}

impl Stage {
    /// As it is written in events, and read back from what clients say.
    pub(crate) fn name(self) -> String {
        format!("{}.{}", self.revision, self.ticks)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let (revision, ticks) = name.trim_matches('"').split_once('.')?;
        Some(Self {
            revision: revision.parse().ok()?,
            ticks: ticks.parse().ok()?,
        })
    }
}

impl Live {
    pub(crate) fn new(kept: Kept) -> Self {
        let set = FlagSet::compile(&kept.name, kept.revision, &kept.document);
        let document = Bytes::from(kept.document.to_value().to_string());
        Self {
            etag: etag(&document),
            set,
            document,
            kept,
        }
    }

    /// As it is kept.
    #[must_use]
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// As it is evaluated.
    #[must_use]
    pub fn set(&self) -> &FlagSet {
        &self.set
    }

    /// As flagd reads it.
    pub(crate) fn document(&self) -> (&Bytes, &str) {
        (&self.document, &self.etag)
    }

    pub(crate) fn stage(&self, now: i64) -> Stage {
        Stage {
            revision: self.kept.revision,
            ticks: self.set.clock().ticks(now),
        }
    }

    pub(crate) fn news(&self, now: i64) -> News {
        let stage = self.stage(now);
        let name = stage.name();
        // What time changed was changed now; in any case it is not before the set's own change.
        let modified = if stage.ticks > 0 {
            now.max(self.kept.changed.as_second())
        } else {
            self.kept.changed.as_second()
        };
        News {
            stage,
            event: Bytes::from(format!(
                "id: {name}\nevent: message\ndata: {{\"type\":\"refetchEvaluation\",\"etag\":\"\\\"{name}\\\"\",\"lastModified\":{modified}}}\n\n"
            )),
        }
    }
}

/// A strong ETag of some bytes: 128 bits of their SHA-256.
pub(crate) fn etag(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut etag = String::with_capacity(34);
    etag.push('"');
    for byte in &Sha256::digest(bytes)[..16] {
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    etag
}
