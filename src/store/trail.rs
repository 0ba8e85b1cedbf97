//! Purpose: the audit trail alone, to read it while robots write it: for verifying and exporting.

use crate::{
    OpenError, StoreConfig, postgres,
    shared::{Select, Session, audit},
    sqlite,
};
use otus_core::{
    StoreError,
    audit::{AuditFilter, ChainFault, Recorded, Tip, Verifier},
};
use std::fmt;

/// How many entries are read at once.
const PAGE: u32 = 1_000;

/// The audit trail of a store, opened only to look: nothing is written, no schema changed, no file owned.
pub struct Trail {
    session: Box<dyn Session>,
}

/// What is wrong with a trail, or why that cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum TrailFault {
    /// It was tampered with.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// An entry is no entry any more.
    #[error("entry {after} is right, and the one after it cannot be read as it was written: {why}")]
    Garbled {
        /// The last entry that is right; 0 when none is.
        after: u64,
        /// What was found.
        why: String,
    },
    /// It cannot be read.
    #[error("the audit trail cannot be read: {0}")]
    Unavailable(String),
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trail")
    }
}

impl Trail {
    /// Opens it.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with the store. One that is not there is not made.
    pub async fn open(config: &StoreConfig) -> Result<Self, OpenError> {
        let session: Box<dyn Session> = match config.url {
            Some(_) => Box::new(postgres::look(config).await?),
            None => Box::new(sqlite::look(&config.path).await?),
        };
        Ok(Self { session })
    }

    /// Entries that match.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn entries(&mut self, filter: &AuditFilter) -> Result<Vec<Recorded>, StoreError> {
        self.ask(&audit::find(filter, false)?)
            .await?
            .into_iter()
            .map(audit::read)
            .collect()
    }

    /// Where it ends.
    ///
    /// # Errors
    /// When that cannot be read.
    pub async fn tip(&mut self) -> Result<Tip, StoreError> {
        let row = self.ask(&audit::tip()).await?.into_iter().next();
        let row =
            row.ok_or_else(|| StoreError::Unreadable("the end of the audit trail is not marked".into()))?;
        audit::read_tip(row)
    }

    /// Checks every entry from the first to the last that was there when it began, and answers where it ends.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub async fn verify(&mut self) -> Result<Tip, TrailFault> {
        // First the end, then the way there: what is added meanwhile is not missed, and not looked at.
        let tip = self.tip().await.map_err(|error| fault(0, error))?;
        let mut verifier = Verifier::default();
        while verifier.tip().number < tip.number {
            let after = verifier.tip().number;
            let left = u32::try_from(tip.number - after).unwrap_or(u32::MAX);
            let filter = AuditFilter {
                after: Some(after),
                oldest_first: true,
                limit: left.min(PAGE),
                ..AuditFilter::default()
            };
            let question = audit::find(&filter, false).map_err(|error| fault(after, error))?;
            let page = self.ask(&question).await.map_err(|error| fault(after, error))?;
            if page.is_empty() {
                break;
            }
            for row in page {
                let recorded = audit::read(row).map_err(|error| fault(verifier.tip().number, error))?;
                verifier.next(&recorded)?;
            }
        }
        verifier.end(&tip)?;
        Ok(tip)
    }

    async fn ask(&mut self, question: &Select) -> Result<Vec<crate::shared::Row>, StoreError> {
        self.session
            .rows(question)
            .await
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }
}

fn fault(after: u64, error: StoreError) -> TrailFault {
    match error {
        StoreError::Unreadable(why) => TrailFault::Garbled { after, why },
        other => TrailFault::Unavailable(other.to_string()),
    }
}
