//! What will be done, as a value.
//!
//! [`Plan::what`] is what gets approved: files, their texts, what they do and lock, what is to be said against them. Two looks at
//! a world that has not moved give the same. [`Plan::now`] is what differs from moment to moment: sizes, estimates, who is in
//! the way.

mod dry_run;

pub use dry_run::DryRun;

use crate::{
    history::{Refusal, compare},
    lint::{self, Facts, Finding, Level, Ready, Report, Verdict, statement_checksum},
    postgres::{Blocker, Fault, Session, blockers, catalog, server},
    source::{Format, Source},
    sql::{Kind, LockLevel, Work},
};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;
use std::collections::{BTreeMap, BTreeSet};

/// What is asked for beside the files.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// What may be destroyed, because everybody agreed.
    pub ready: Vec<Ready>,
    /// Who wrote which file, where that is known.
    pub authors: BTreeMap<String, String>,
    /// Whether a file may come before what is applied.
    pub out_of_order: bool,
    /// Whether to try what is harmless in a transaction that is rolled back.
    pub dry_run: bool,
}

/// A table, a lock, and what is done under it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Needs {
    /// The table.
    pub table: String,
    /// The lock.
    pub level: LockLevel,
    /// What is done under it.
    pub work: Work,
}

/// One file that will run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFile {
    /// The file.
    pub file: String,
    /// Its version, or its description.
    pub label: String,
    /// What its name says.
    pub description: String,
    /// The SHA-256 of its text.
    pub checksum: String,
    /// Who wrote it, where that is known.
    pub author: Option<String>,
    /// Whether it runs in one transaction.
    pub transaction: bool,
    /// Its statements: their first words, and their kinds.
    pub statements: Vec<(String, Kind)>,
    /// What it locks.
    pub locks: Vec<Needs>,
    /// The indexes it builds, `index on table`.
    pub builds: Vec<String>,
    /// What is to be done with it.
    pub verdict: Verdict,
    /// What is to be said against it: rule and level.
    pub rules: Vec<(String, Level)>,
}

/// What will be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct What {
    /// Whose format the files are in.
    pub format: Format,
    /// How many files are applied already.
    pub applied: usize,
    /// The files that will run, in order.
    pub files: Vec<PlannedFile>,
    /// Why nothing can run as it is, if so.
    pub refusals: Vec<Refusal>,
}

/// How it stands at the moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Now {
    /// Everything that is to be said, with estimates.
    pub report: Report,
    /// The tables that are locked, with their sizes and traffic.
    pub tables: Vec<(String, Facts)>,
    /// Who holds, right now, what is needed.
    pub blockers: Vec<Blocker>,
    /// For how long to expect it all, in milliseconds; none when a table is not known.
    pub expected_ms: Option<u64>,
    /// What came of trying it.
    pub dry_run: Option<DryRun>,
    /// The server's major version.
    pub server: u32,
}

/// What will be done, and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What gets approved.
    pub what: What,
    /// Good to know.
    pub now: Now,
    /// Places in the source of the files that will run.
    pub places: Vec<usize>,
}

impl Plan {
    /// The worst verdict of its files; refused when nothing can run.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if !self.what.refusals.is_empty() {
            return Verdict::Refused;
        }
        let verdicts = self.what.files.iter().map(|file| file.verdict);
        verdicts.max().unwrap_or(Verdict::Fine)
    }

    /// What is to be said, the worst first.
    #[must_use]
    pub fn findings(&self) -> Vec<&Finding> {
        let mut all: Vec<&Finding> = self.now.report.findings().collect();
        all.sort_by_key(|finding| std::cmp::Reverse(finding.level));
        all
    }
}

/// Looks at a database, and says what would be done to it. Changes nothing.
///
/// # Errors
/// When it cannot be asked.
pub async fn plan(options: &PgConnectOptions, source: &Source, ask: &Ask) -> Result<Plan, Fault> {
    let history = crate::postgres::read_history(options, source.format).await?;
    let compared = compare(source, &history, ask.out_of_order);
    let mut session = Session::open(options, "otus: plan").await?;
    let known = catalog(&mut session).await?;
    let server = server(&mut session).await?;
    let settings = lint::Settings {
        server: Some(server),
        catalog: Some(known.clone()),
        ready: ask.ready.clone(),
    };
    // All are judged, for what those before have validated; those that are applied are left out then.
    let all = lint::lint(source, &settings);
    let files = compared.pending.iter();
    let report = Report {
        files: files.filter_map(|place| all.files.get(*place).cloned()).collect(),
    };
    let files: Vec<PlannedFile> = compared
        .pending
        .iter()
        .zip(&report.files)
        .filter_map(|(place, report)| Some(planned(source.migrations.get(*place)?, report, ask)))
        .collect();
    let wanted: BTreeSet<(String, LockLevel)> = files
        .iter()
        .flat_map(|file| file.locks.iter().map(|lock| (lock.table.clone(), lock.level)))
        .collect();
    let wanted: Vec<(String, LockLevel)> = wanted.into_iter().collect();
    let blockers = blockers(&mut session, &wanted).await?;
    let named: BTreeSet<&str> = wanted.iter().map(|(table, _)| table.as_str()).collect();
    let tables = known
        .tables
        .iter()
        .filter(|(name, _)| named.contains(name.name.as_str()) || named.contains(name.to_string().as_str()));
    let tables = tables
        .map(|(name, facts)| (name.to_string(), facts.clone()))
        .collect();
    let statements = || report.files.iter().flat_map(|file| &file.statements);
    let expected_ms = statements()
        .map(|statement| statement.expected_ms)
        .collect::<Option<Vec<u64>>>()
        .map(|all| all.into_iter().sum());
    let dry_run = if ask.dry_run && compared.refusals.is_empty() {
        let pending = compared
            .pending
            .iter()
            .filter_map(|place| source.migrations.get(*place));
        Some(dry_run::try_out(&mut session, &pending.collect::<Vec<_>>(), &report).await?)
    } else {
        None
    };
    session.close().await;
    Ok(Plan {
        what: What {
            format: source.format,
            applied: compared.applied,
            files,
            refusals: compared.refusals,
        },
        now: Now {
            report,
            tables,
            blockers,
            expected_ms,
            dry_run,
            server,
        },
        places: compared.pending,
    })
}

fn planned(migration: &crate::source::Migration, report: &lint::FileReport, ask: &Ask) -> PlannedFile {
    let locks: BTreeSet<Needs> = report
        .statements
        .iter()
        .flat_map(|statement| &statement.locks)
        .map(|lock| Needs {
            table: lock.table.clone(),
            level: lock.level,
            work: lock.work,
        })
        .collect();
    let builds = report
        .statements
        .iter()
        .filter_map(|statement| statement.builds.as_ref());
    let builds = builds.map(|build| match &build.index {
        Some(index) => format!("{index} on {}", build.table),
        None => format!("an index on {}", build.table),
    });
    PlannedFile {
        file: migration.file.clone(),
        label: migration.label(),
        description: migration.description.clone(),
        checksum: statement_checksum(&migration.sql),
        author: ask.authors.get(&migration.file).cloned(),
        transaction: report.transaction,
        statements: report
            .statements
            .iter()
            .map(|statement| (statement.title.clone(), statement.kind))
            .collect(),
        locks: locks.into_iter().collect(),
        builds: builds.collect(),
        verdict: report.verdict,
        rules: report
            .findings
            .iter()
            .map(|finding| (finding.rule.clone(), finding.level))
            .collect(),
    }
}
