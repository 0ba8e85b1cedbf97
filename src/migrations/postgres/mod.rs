//! PostgreSQL: what a run does to it, and what can be seen of it.
//!
//! | what | where |
//! |---|---|
//! | A session that can be stopped, and what its errors mean | `session` |
//! | Reading and writing the histories of three tools | `history` |
//! | Sizes and traffic, who is in the way, how far an index is | `look` |
//! | Marks of what is done, in the database itself | `marks` |
//! | Batches of a backfill, and what makes them wait | `batch`, `throttle` |
//! | A file cut up into what is run | `work` |
//! | What a machine asks for, done | `world`, `steps` |

mod batch;
mod history;
mod look;
mod marks;
mod session;
mod steps;
mod throttle;
mod work;
mod world;

pub use look::{Blocker, blockers, catalog, server};
pub use session::{Fault, Session};
pub(crate) use session::{fault, literal};
pub use world::Postgres;

use crate::{
    history::History,
    source::{Format, Source},
};
use sqlx::postgres::PgConnectOptions;

/// Reads what a database says was applied. A database without a history has nothing applied.
///
/// # Errors
/// When it cannot be asked.
pub async fn read_history(options: &PgConnectOptions, format: Format) -> Result<History, Fault> {
    let mut session = Session::open(options, "otus").await?;
    let table = history::Table::find(&mut session, format).await?;
    let history = match &table {
        Some(table) => table.read(&mut session).await?,
        None => History::default(),
    };
    session.close().await;
    Ok(history)
}

/// What a run of these files of a source would be: their places in it.
#[must_use]
pub fn machine(source: &Source, files: &[usize], settings: crate::run::Settings) -> crate::run::Machine {
    let shapes = files.iter().filter_map(|place| source.migrations.get(*place));
    let shapes = shapes.map(|migration| work::Work::of(migration).shape_of(&migration.file));
    crate::run::Machine::new(shapes.collect(), settings)
}
