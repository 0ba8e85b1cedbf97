//! Purpose: one file judged: statement by statement, and as a whole.

use super::{
    Settings,
    catalog::{Size, expected},
    finding::{Finding, Level, Locked, Verdict},
    known::Known,
    same::{AGREED, SAME, SCALING},
    squawk, statement_checksum,
};
use crate::{
    backfill::Declaration,
    source::{Declared, Format, Migration},
    sql::{Analysis, Hazard, Kind, Lock, Name, Place, Statement, Transaction, Work, analyse, split},
};
use serde::{Deserialize, Serialize};

/// What is to be said of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    /// The file.
    pub file: String,
    /// Its version, or its description.
    pub label: String,
    /// What is to be done with it.
    pub verdict: Verdict,
    /// Whether it runs in one transaction.
    pub transaction: bool,
    /// Its statements.
    pub statements: Vec<StatementReport>,
    /// What is to be said, in the order of the file.
    pub findings: Vec<Finding>,
}

/// One statement, as far as a plan shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementReport {
    /// Its first words.
    pub title: String,
    /// Where it is.
    pub place: Place,
    /// What kind of change it is.
    pub kind: Kind,
    /// What it takes away.
    pub destroys: Vec<String>,
    /// What it locks.
    pub locks: Vec<Locked>,
    /// For how long to expect it, in milliseconds; none when nothing is known about its tables.
    pub expected_ms: Option<u64>,
    /// The index it builds.
    pub builds: Option<crate::sql::Build>,
    /// Whether it is done in batches.
    pub batched: bool,
}

/// Whether a file runs in one transaction: what its format declares, else whether all of its statements can.
pub(crate) fn in_transaction(declared: Declared, analyses: &[Analysis]) -> bool {
    match declared {
        Declared::Transaction => true,
        Declared::NoTransaction => false,
        Declared::ByStatements => analyses
            .iter()
            .all(|analysis| analysis.transaction != Transaction::Never),
    }
}

/// The statements of a file without the BEGIN and COMMIT around them, where the format has them written.
pub(crate) fn unwrapped(declared: Declared, mut statements: Vec<Statement>) -> Vec<Statement> {
    if declared == Declared::ByStatements && statements.len() >= 2 {
        let word =
            |statement: Option<&Statement>| statement.map(|one| one.sql.to_lowercase()).unwrap_or_default();
        let begins = matches!(
            word(statements.first()).as_str(),
            "begin" | "begin transaction" | "start transaction"
        );
        let ends = matches!(
            word(statements.last()).as_str(),
            "commit" | "end" | "commit transaction"
        );
        if begins && ends {
            statements.pop();
            statements.remove(0);
        }
    }
    statements
}

pub(super) fn judge(
    format: Format,
    migration: &Migration,
    settings: &Settings,
    known: &mut Known,
) -> FileReport {
    let mut file = Judged {
        migration,
        settings,
        created: Vec::new(),
        findings: Vec::new(),
    };
    let statements = match split(&migration.sql) {
        Ok(statements) => unwrapped(migration.declared, statements),
        Err(error) => {
            file.about(error.place(), "not-sql", Level::Refused, format!("{error}."));
            return file.report(false, Vec::new());
        }
    };
    let mut analyses: Vec<Analysis> = statements.iter().map(analyse).collect();
    let transaction = in_transaction(migration.declared, &analyses);
    if statements.is_empty() {
        let start = Place { line: 1, column: 1 };
        file.about(
            start,
            "empty-file",
            Level::Advice,
            "There is no statement in it.".to_owned(),
        );
    }
    if let Some(at) = migration.sql.find("squawk-ignore") {
        let message = "This comment has no effect: a file cannot switch off what keeps others safe.";
        file.about(
            Place::of(&migration.sql, at),
            "ignored-comment",
            Level::Advice,
            message.to_owned(),
        );
    }
    let server = settings.server.unwrap_or(15);
    let (remarks, errors) = squawk::remarks(&migration.sql, transaction, server);
    for (place, message) in errors {
        file.about(
            place,
            "syntax",
            Level::Person,
            format!("The linter cannot read this: {message}."),
        );
    }
    let mut reports = Vec::new();
    for (statement, analysis) in statements.iter().zip(&mut analyses) {
        let declared = Declaration::of(&statement.comments);
        let batched = file.backfills(statement, analysis, declared.as_ref(), transaction);
        if file.harms_nobody(analysis, "") {
            analysis.destroys.clear();
        }
        file.soften(statement, analysis, known);
        for hazard in &analysis.hazards {
            if batched
                && matches!(
                    hazard.rule,
                    "large-change" | "unbounded-update" | "unbounded-delete"
                )
            {
                continue;
            }
            file.hazard(statement, analysis, hazard);
        }
        for remark in &remarks {
            if (statement.start..statement.end.max(statement.start + 1)).contains(&remark.at) {
                file.remark(statement, analysis, remark);
            }
        }
        file.created.extend(analysis.creates.iter().cloned());
        known.learn(analysis);
        reports.push(file.statement(statement, analysis, batched));
    }
    file.whole(format, &statements, &analyses, transaction);
    file.report(transaction, reports)
}

pub(super) struct Judged<'a> {
    migration: &'a Migration,
    settings: &'a Settings,
    /// Tables made by this file, which nobody uses yet.
    created: Vec<Name>,
    findings: Vec<Finding>,
}

impl Judged<'_> {
    fn report(mut self, transaction: bool, statements: Vec<StatementReport>) -> FileReport {
        self.findings
            .sort_by(|one, other| one.place.cmp(&other.place).then(other.level.cmp(&one.level)));
        FileReport {
            file: self.migration.file.clone(),
            label: self.migration.label(),
            verdict: Verdict::of(self.findings.iter().map(|finding| finding.level)),
            transaction,
            statements,
            findings: self.findings,
        }
    }

    pub(super) fn about(&mut self, place: Place, rule: &str, level: Level, message: String) {
        self.findings.push(Finding {
            rule: rule.to_owned(),
            level,
            file: self.migration.file.clone(),
            place,
            statement: String::new(),
            message,
            locks: Vec::new(),
            safe: None,
        });
    }

    /// Whether the table is made here, or is not there yet: nobody can be kept waiting.
    pub(super) fn is_new(&self, table: &Name) -> bool {
        let catalog = self.settings.catalog.as_ref();
        self.created.iter().any(|created| created.may_be(table))
            || catalog.is_some_and(|catalog| catalog.facts(table).is_none())
    }

    pub(super) fn size(&self, table: &Name) -> Option<Size> {
        let catalog = self.settings.catalog.as_ref()?;
        catalog.facts(table).map(super::Facts::size)
    }

    /// What is known makes some of it harmless.
    fn soften(&self, statement: &Statement, analysis: &mut Analysis, known: &Known) {
        let spared = analysis.sets_not_null.iter().filter(|(table, column)| {
            let facts = self
                .settings
                .catalog
                .as_ref()
                .and_then(|catalog| catalog.facts(table));
            known.never_null(table, column) || facts.is_some_and(|facts| facts.never_null.contains(column))
        });
        if !analysis.sets_not_null.is_empty() && spared.count() == analysis.sets_not_null.len() {
            analysis
                .hazards
                .retain(|hazard| hazard.rule != "adding-not-nullable-field");
            analysis.overrules.push("adding-not-nullable-field");
            for lock in &mut analysis.locks {
                if lock.work == Work::Scan {
                    lock.work = Work::Moment;
                }
            }
        }
        let checksum = statement_checksum(&statement.sql);
        let agreed = |object: &String| {
            let mut ready = self.settings.ready.iter();
            ready.any(|ready| ready.object == *object && ready.checksum == checksum)
        };
        if !analysis.destroys.is_empty() && analysis.destroys.iter().all(agreed) {
            analysis.overrules.extend(AGREED);
            analysis.hazards.retain(|hazard| !AGREED.contains(&hazard.rule));
        }
    }

    fn locked(&self, lock: &Lock) -> Locked {
        let facts = self
            .settings
            .catalog
            .as_ref()
            .and_then(|catalog| catalog.facts(&lock.table));
        let new = self.is_new(&lock.table);
        Locked {
            table: lock.table.to_string(),
            level: lock.level,
            blocks: lock.level.blocks().to_owned(),
            work: lock.work,
            expected_ms: facts
                .map(|facts| expected(lock.work, facts))
                .or_else(|| (new || lock.work == Work::Moment).then_some(5)),
        }
    }

    fn locks(&self, analysis: &Analysis) -> Vec<Locked> {
        let there = analysis.locks.iter().filter(|lock| !self.is_new(&lock.table));
        there.map(|lock| self.locked(lock)).collect()
    }

    fn hazard(&mut self, statement: &Statement, analysis: &Analysis, hazard: &Hazard) {
        let mut level = hazard.level;
        if let Some(table) = &hazard.scales {
            if self.is_new(table) {
                return;
            }
            match self.size(table) {
                Some(Size::Small) => return,
                Some(Size::Large) if level == Level::Warning => level = Level::Refused,
                _ => {}
            }
        } else if self.harms_nobody(analysis, hazard.rule) {
            return;
        }
        let locks = self.locks(analysis);
        self.findings.push(Finding {
            rule: hazard.rule.to_owned(),
            level,
            file: self.migration.file.clone(),
            place: statement.place,
            statement: analysis.title.clone(),
            message: hazard.message.clone(),
            locks,
            safe: hazard.safe.clone(),
        });
    }

    /// Everything the statement is about was made right here.
    fn harms_nobody(&self, analysis: &Analysis, rule: &str) -> bool {
        !matches!(rule, "cascade" | "prefer-jsonb" | "session-settings")
            && !analysis.locks.is_empty()
            && analysis.person.is_none()
            && analysis
                .locks
                .iter()
                .all(|lock| self.created.iter().any(|created| created.may_be(&lock.table)))
    }

    /// What squawk says, unless we say it better, or know that it does not hold.
    fn remark(&mut self, statement: &Statement, analysis: &Analysis, remark: &squawk::Remark) {
        let said = |rule: &str| analysis.hazards.iter().any(|hazard| hazard.rule == rule);
        let same = SAME
            .iter()
            .any(|(theirs, ours)| *theirs == remark.rule && said(ours));
        if same || said(&remark.rule) || analysis.overrules.contains(&remark.rule.as_str()) {
            return;
        }
        // Advice is about what is made, everything else about what is there.
        if remark.level > Level::Advice {
            if self.harms_nobody(analysis, &remark.rule) {
                return;
            }
            // A person is asked already, for a reason that covers it.
            if analysis.person.is_some() && remark.level <= Level::Person {
                return;
            }
            let small = |lock: &Lock| self.is_new(&lock.table) || self.size(&lock.table) == Some(Size::Small);
            let scales = SCALING.contains(&remark.rule.as_str());
            if scales && !analysis.locks.is_empty() && analysis.locks.iter().all(small) {
                return;
            }
        }
        let there = self
            .findings
            .iter()
            .any(|finding| finding.rule == remark.rule && finding.place == statement.place);
        if there {
            return;
        }
        let locks = self.locks(analysis);
        self.findings.push(Finding {
            rule: remark.rule.clone(),
            level: remark.level,
            file: self.migration.file.clone(),
            place: statement.place,
            statement: analysis.title.clone(),
            message: remark.message.clone(),
            locks,
            safe: None,
        });
    }

    /// Whether a statement is done in batches; a declaration that cannot be followed is refused.
    fn backfills(
        &mut self,
        statement: &Statement,
        analysis: &Analysis,
        declared: Option<&Result<Declaration, String>>,
        transaction: bool,
    ) -> bool {
        let wrong = match declared {
            None => return false,
            Some(Err(wrong)) => wrong.clone(),
            Some(Ok(_)) if transaction => {
                "A backfill commits after each batch, so its file must begin with `-- no-transaction`"
                    .to_owned()
            }
            Some(Ok(declaration)) => match declaration.batches(&statement.sql) {
                Ok(_) => return true,
                Err(wrong) => wrong,
            },
        };
        let title = analysis.title.clone();
        self.about(
            statement.place,
            "undeclared-backfill",
            Level::Refused,
            format!("{title}: {wrong}."),
        );
        false
    }

    fn statement(&self, statement: &Statement, analysis: &Analysis, batched: bool) -> StatementReport {
        let locks = self.locks(analysis);
        let expected_ms = locks
            .iter()
            .map(|lock| lock.expected_ms)
            .collect::<Option<Vec<_>>>();
        StatementReport {
            title: analysis.title.clone(),
            place: statement.place,
            kind: analysis.kind(),
            destroys: analysis.destroys.clone(),
            locks,
            // The work is done once, under all of its locks.
            expected_ms: expected_ms.map(|all| all.into_iter().max().unwrap_or(5)),
            builds: analysis.build.clone(),
            batched,
        }
    }
}
