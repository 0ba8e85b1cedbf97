//! Purpose: what the files before this one are known to have done, as far as it makes a later one harmless.

use crate::sql::{Analysis, Name};

/// Checks that a column is not null: (table, constraint, column), and whether they are validated.
#[derive(Debug, Default)]
pub(super) struct Known {
    checks: Vec<(Name, String, String, bool)>,
}

impl Known {
    /// Takes in what a statement does.
    pub(super) fn learn(&mut self, analysis: &Analysis) {
        for (table, constraint, column) in &analysis.not_null_checks {
            let validated = analysis
                .locks
                .iter()
                .any(|lock| lock.work == crate::sql::Work::Scan);
            self.checks
                .push((table.clone(), constraint.clone(), column.clone(), validated));
        }
        for (table, constraint) in &analysis.validates {
            for check in &mut self.checks {
                if check.0.may_be(table) && check.1 == *constraint {
                    check.3 = true;
                }
            }
        }
    }

    /// Whether a validated check keeps the column from being null.
    pub(super) fn never_null(&self, table: &Name, column: &str) -> bool {
        self.checks
            .iter()
            .any(|check| check.3 && check.0.may_be(table) && check.2 == column)
    }
}
