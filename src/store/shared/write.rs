//! Purpose: what is written as one: a change is carried out in one transaction, and can be carried out again when that
//! transaction is known to have come to nothing.

use super::{Session, audit, deploys, flags, inbox, memories, operations};
use otus_core::{
    StoreError,
    audit::Entry,
    operations::{Operation, Step},
    store::Deploy,
};
use serde_json::Value;

/// A change.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Write<'a> {
    Save {
        operation: &'a Operation,
        steps: &'a [Step],
        entries: &'a [Entry],
    },
    Record(&'a [Entry]),
    Deploy(&'a Deploy),
    Inbox(inbox::Post<'a>),
    Flags(&'a flags::Changed),
    Swap {
        space: &'a str,
        key: &'a str,
        revision: u64,
        value: Option<&'a Value>,
        entries: &'a [Entry],
    },
    Remember {
        space: &'a str,
        key: &'a str,
        value: Option<&'a Value>,
    },
}

/// What became of it. Only [`Written::Yes`] is committed; the others changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is done.
    Yes,
    /// What was read is no longer so.
    Stale,
    /// Another operation has the target to itself.
    Busy,
}

/// Why it could not be carried out.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database's reason.
    Sql(sqlx::Error),
    /// Ours.
    Store(StoreError),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Write<'_> {
    /// Carries it out, within a transaction that the caller commits for [`Written::Yes`] and rolls back otherwise.
    pub(crate) async fn perform(&self, session: &mut dyn Session) -> Result<Written, Failure> {
        let (fits, entries) = match *self {
            Self::Save {
                operation,
                steps,
                entries,
            } => {
                match operations::put(session, operation).await? {
                    operations::Put::Written => {}
                    operations::Put::Stale => return Ok(Written::Stale),
                    operations::Put::Busy => return Ok(Written::Busy),
                }
                for step in steps {
                    operations::put_step(session, step).await?;
                }
                (true, entries)
            }
            Self::Record(entries) => (true, entries),
            Self::Deploy(deploy) => (deploys::put(session, deploy).await?, &[][..]),
            Self::Inbox(post) => (inbox::put(session, post).await?, &[][..]),
            Self::Flags(changed) => (flags::put(session, changed).await?, &[][..]),
            Self::Swap {
                space,
                key,
                revision,
                value,
                entries,
            } => (
                memories::swap(session, space, key, revision, value).await?,
                entries,
            ),
            Self::Remember { space, key, value } => {
                memories::put(session, space, key, value).await?;
                (true, &[][..])
            }
        };
        if !fits {
            return Ok(Written::Stale);
        }
        audit::append(session, entries).await?;
        Ok(Written::Yes)
    }
}
