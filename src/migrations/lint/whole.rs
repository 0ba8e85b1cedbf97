//! Purpose: what only a whole file shows.

use super::{catalog::Size, file::Judged, finding::Level};
use crate::{
    source::Format,
    sql::{Analysis, Lock, LockLevel, Name, Statement, Transaction, Work},
};

impl Judged<'_> {
    /// What only the whole file shows.
    pub(super) fn whole(
        &mut self,
        format: Format,
        statements: &[Statement],
        analyses: &[Analysis],
        transaction: bool,
    ) {
        let both = || statements.iter().zip(analyses);
        for (statement, analysis) in both() {
            if analysis.transaction == Transaction::Control {
                let message = "Transactions are the runner's: with one of its own a file can be half done, and nobody would know.";
                self.about(
                    statement.place,
                    "transaction-control",
                    Level::Refused,
                    message.to_owned(),
                );
            }
            if transaction && analysis.transaction == Transaction::Never {
                let how = match format {
                    Format::Sqlx => "put it into a file that begins with `-- no-transaction`",
                    Format::GolangMigrate | Format::Flyway => "put it into a file of its own",
                };
                let message = format!("PostgreSQL refuses {} in a transaction; {how}.", analysis.title);
                self.about(statement.place, "must-run-alone", Level::Refused, message);
            }
        }
        let never = both().find(|(_, analysis)| analysis.transaction == Transaction::Never);
        if let (false, Some((statement, _)), true) = (transaction, never, statements.len() > 1) {
            let message = format!(
                "{format} itself sends the whole file at once, which PostgreSQL takes for a transaction, and fails; here it runs one \
                 statement after the other. Give each a file of its own."
            );
            self.about(statement.place, "one-statement-per-file", Level::Warning, message);
        }
        let adds = both().find(|(_, analysis)| analysis.additive && analysis.destroys.is_empty());
        let drops = both().find(|(_, analysis)| !analysis.destroys.is_empty());
        let in_one = both().find(|(_, analysis)| analysis.additive && !analysis.destroys.is_empty());
        if let (Some(_), Some((statement, analysis))) = (adds.or(in_one), in_one.or(drops)) {
            let message = format!(
                "The file adds something, and takes away {}. What is added goes out before the release that needs it, what is taken \
                 away long after; make two files.",
                analysis.destroys.join(", ")
            );
            self.about(
                statement.place,
                "additive-and-destructive",
                Level::Refused,
                message,
            );
        }
        if transaction {
            self.held(statements, analyses);
        }
    }

    /// Locks that one statement takes, and the rest of the transaction holds.
    fn held(&mut self, statements: &[Statement], analyses: &[Analysis]) {
        let mut held: Vec<(Name, LockLevel)> = Vec::new();
        let mut several = None;
        let mut under = Vec::new();
        for (statement, analysis) in statements.iter().zip(analyses) {
            let there = || analysis.locks.iter().filter(|lock| !self.is_new(&lock.table));
            let small = |lock: &&Lock| self.size(&lock.table) == Some(Size::Small);
            // Where the statement itself is refused for how long it takes, that is said already.
            let said = |rule: &str| analysis.hazards.iter().any(|hazard| hazard.rule == rule);
            let said = said("require-concurrent-index-creation") || said("require-concurrent-reindex");
            if let Some(lock) = there().find(|lock| lock.work > Work::Moment && !small(lock) && !said)
                && let Some((table, level)) = held.first()
            {
                under.push((statement.place, lock.table.to_string(), table.to_string(), *level));
            }
            let strong: Vec<&Lock> = there().filter(|lock| lock.level.blocks_writes()).collect();
            let other = |lock: &&&Lock| held.iter().all(|(table, _)| !table.may_be(&lock.table));
            if let Some(lock) = strong.iter().find(other)
                && let (Some((first, _)), None) = (held.first(), &several)
            {
                several = Some((statement.place, first.to_string(), lock.table.to_string()));
            }
            for lock in strong {
                held.push((lock.table.clone(), lock.level));
            }
        }
        for (place, table, locked, level) in under {
            let message = format!(
                "{table} is read or changed, row by row, while an earlier statement of this transaction keeps {level} on {locked}, which \
                 blocks {}. Put it into a file of its own.",
                level.blocks()
            );
            self.about(place, "work-under-lock", Level::Refused, message);
        }
        if let Some((place, first, second)) = several {
            let message = format!(
                "{first} stays locked until {second} is done, too; who uses both in the other order runs into a deadlock. Make a file \
                 for each."
            );
            self.about(place, "locks-several-tables", Level::Warning, message);
        }
    }
}
