//! Purpose: a file cut up into what is run.

use crate::{
    backfill::{Batches, Declaration},
    lint::{in_transaction, unwrapped},
    run::{FileShape, StatementShape},
    source::Migration,
    sql::{Analysis, Probe, Transaction, analyse, split},
};

/// A statement, and how it is run.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) sql: String,
    pub(super) analysis: Analysis,
    /// When it is done in batches.
    pub(super) batches: Option<(Declaration, Batches)>,
}

/// A file, cut up.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) transaction: bool,
    pub(super) statements: Vec<Step>,
}

impl Work {
    /// A file that cannot be cut up has no statements; the linter refuses it.
    pub(super) fn of(migration: &Migration) -> Self {
        let statements = split(&migration.sql).unwrap_or_default();
        let statements = unwrapped(migration.declared, statements);
        let analyses: Vec<Analysis> = statements.iter().map(analyse).collect();
        let transaction = in_transaction(migration.declared, &analyses);
        let both = statements.into_iter().zip(analyses);
        Self {
            transaction,
            statements: both
                .map(|(statement, analysis)| {
                    let declared = Declaration::of(&statement.comments).and_then(Result::ok);
                    let batches = declared.filter(|_| !transaction).and_then(|declared| {
                        let batches = declared.batches(&statement.sql).ok()?;
                        Some((declared, batches))
                    });
                    Step {
                        sql: statement.sql,
                        analysis,
                        batches,
                    }
                })
                .collect(),
        }
    }

    pub(super) fn shape_of(&self, file: &str) -> FileShape {
        let shapes = self.statements.iter().map(
            |Step {
                 analysis, batches, ..
             }| {
                if batches.is_some() {
                    StatementShape::Batches
                } else if analysis.transaction != Transaction::Never {
                    StatementShape::Marked
                } else if analysis.probe == Probe::Unknown {
                    StatementShape::Blind
                } else {
                    StatementShape::Alone
                }
            },
        );
        FileShape {
            file: file.to_owned(),
            transaction: self.transaction,
            statements: shapes.collect(),
        }
    }
}
