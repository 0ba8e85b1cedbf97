//! What `migrate` would do: the files that are not applied, judged against the database they are for. Changes nothing.

use otus::operations::{Change, Need, Plan, Target};
use otus::{Result, Services, UserError};
use otus_migrations::database::Server;
use otus_migrations::history::compare;
use otus_migrations::lint::{FileReport, Ready, Report, Verdict};
use otus_migrations::plan as engine;
use otus_migrations::source::{Format, Source};
use otus_migrations::sql::Kind;
use serde::{Deserialize, Serialize};

use crate::files::Origin;
use crate::place::Spot;
use crate::settings::Settings;
use crate::texts;

/// What is asked of the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) origin: Origin,
}

/// What applying needs, and what must not have moved until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Planned {
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) database: String,
    pub(crate) origin: Origin,
    pub(crate) format: Format,
    /// The files that are run, in order.
    pub(crate) files: Vec<Chosen>,
    /// The contract by which something is taken away, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) contract: Option<String>,
}

/// A file that is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chosen {
    pub(crate) file: String,
    /// The SHA-256 of its text.
    pub(crate) checksum: String,
    /// How many statements it has.
    pub(crate) statements: usize,
    /// Whether it runs in one transaction.
    pub(crate) transaction: bool,
}

/// What a look at a database found.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) spot: Spot,
    pub(crate) origin: Origin,
    pub(crate) plan: engine::Plan,
}

/// Looks at the files and at the database they are for.
pub(crate) async fn see(
    services: &Services,
    spot: &Spot,
    origin: &Origin,
    ready: Vec<Ready>,
) -> Result<Seen> {
    let source = origin.read(services, spot.section.format).await?;
    let plan = match spot.server(services)? {
        Server::Postgres(options) => {
            let ask = engine::Ask {
                ready,
                dry_run: true,
                ..engine::Ask::default()
            };
            let plan = engine::plan(&options, &source, &ask).await;
            plan.map_err(|error| UserError::new(texts::bad_database(&spot.database, &error.to_string())))?
        }
        Server::Sqlite(options) => {
            let history = otus_migrations::sqlite::read_history(&options).await;
            let history =
                history.map_err(|error| UserError::new(texts::bad_database(&spot.database, &error)))?;
            of_sqlite(&source, &compare(&source, &history, false))
        }
    };
    Ok(Seen {
        spot: spot.clone(),
        origin: origin.clone(),
        plan,
    })
}

/// SQLite's files are not judged: whoever writes waits until a file is done.
fn of_sqlite(source: &Source, compared: &otus_migrations::history::Compared) -> engine::Plan {
    let pending = compared
        .pending
        .iter()
        .filter_map(|place| source.migrations.get(*place));
    let files = pending.map(|migration| engine::PlannedFile {
        file: migration.file.clone(),
        label: migration.label(),
        description: migration.description.clone(),
        checksum: otus_migrations::lint::statement_checksum(&migration.sql),
        author: None,
        transaction: true,
        statements: Vec::new(),
        locks: Vec::new(),
        builds: Vec::new(),
        verdict: Verdict::Fine,
        rules: Vec::new(),
    });
    engine::Plan {
        what: engine::What {
            format: source.format,
            applied: compared.applied,
            files: files.collect(),
            refusals: compared.refusals.clone(),
        },
        now: engine::Now {
            report: Report { files: Vec::new() },
            tables: Vec::new(),
            blockers: Vec::new(),
            expected_ms: None,
            dry_run: None,
            server: 0,
        },
        places: compared.pending.clone(),
    }
}

impl Seen {
    /// How many of the files come before the first that takes something away.
    pub(crate) fn additive(&self) -> usize {
        let takes = |file: &engine::PlannedFile| {
            let mut kinds = file.statements.iter();
            kinds.any(|(_, kind)| *kind == Kind::Destructive)
        };
        let files = &self.plan.what.files;
        files.iter().position(takes).unwrap_or(files.len())
    }

    /// What is said of a file.
    pub(crate) fn report(&self, at: usize) -> Option<&FileReport> {
        self.plan.now.report.files.get(at)
    }

    /// What the file at a place takes away.
    pub(crate) fn destroys(&self, at: usize) -> Vec<String> {
        let statements = self.report(at).into_iter().flat_map(|report| &report.statements);
        statements
            .flat_map(|statement| statement.destroys.clone())
            .collect()
    }

    /// Whether the files and the history fit together; else why not.
    pub(crate) fn fits(&self) -> Result<()> {
        match self.plan.what.refusals.as_slice() {
            [] => Ok(()),
            refusals => {
                let refusals: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                Err(UserError::new(texts::does_not_fit(&self.spot.database, &refusals)).into())
            }
        }
    }

    /// Whether these may be run; what a person has to agree to.
    pub(crate) fn judge(&self, some: std::ops::Range<usize>, settings: &Settings) -> Result<Vec<Need>> {
        let reports: Vec<&FileReport> = some.filter_map(|at| self.report(at)).collect();
        let refused: Vec<&FileReport> = reports
            .iter()
            .copied()
            .filter(|report| report.verdict == Verdict::Refused)
            .collect();
        if !refused.is_empty() {
            return Err(UserError::new(texts::lint_refuses(&refused)).into());
        }
        let mut persons = reports
            .iter()
            .filter(|report| report.verdict == Verdict::Person)
            .map(|report| report.file.as_str());
        Ok(persons
            .next()
            .map(|file| Need {
                count: 1,
                role: settings.approvers.clone(),
                rule: texts::needs_a_person(file),
            })
            .into_iter()
            .collect())
    }

    /// What applying these needs.
    pub(crate) fn planned(&self, some: std::ops::Range<usize>) -> Planned {
        let files = self.plan.what.files.get(some).unwrap_or_default();
        Planned {
            service: self.spot.service.name.clone(),
            environment: self.spot.environment.name.clone(),
            database: self.spot.database.clone(),
            origin: self.origin.clone(),
            format: self.plan.what.format,
            files: files
                .iter()
                .map(|file| Chosen {
                    file: file.file.clone(),
                    checksum: file.checksum.clone(),
                    statements: file.statements.len(),
                    transaction: file.transaction,
                })
                .collect(),
            contract: None,
        }
    }

    /// What the plan lists of these.
    pub(crate) fn changes(&self, some: std::ops::Range<usize>) -> Vec<Change> {
        let files = some.filter_map(|at| self.plan.what.files.get(at));
        files
            .map(|file| Change {
                what: file.file.clone(),
                from: None,
                to: Some(texts::what_a_file_does(file)),
            })
            .collect()
    }

    /// What is to be thought about before these are run.
    pub(crate) fn warnings(&self, some: std::ops::Range<usize>) -> Vec<String> {
        let reports = some.filter_map(|at| self.report(at));
        reports.flat_map(texts::warnings).collect()
    }
}

/// Plans `migrate`.
pub(crate) async fn plan(settings: &Settings, services: &Services, wanted: &Wanted) -> Result<Plan> {
    let spot = Spot::named(services, &wanted.service, &wanted.environment)?;
    let seen = see(services, &spot, &wanted.origin, Vec::new()).await?;
    seen.fits()?;
    let all = seen.plan.what.files.len();
    let additive = seen.additive();
    if additive == 0 && all > 0 {
        let file = &seen.plan.what.files[0].file;
        return Err(UserError::new(texts::only_destructive(file, &seen.destroys(0))).into());
    }
    let needs = seen.judge(0..additive, settings)?;
    let planned = seen.planned(0..additive);
    let files: Vec<String> = planned.files.iter().map(|file| file.file.clone()).collect();
    let authors = wanted.origin.authors(services, &files).await;
    let mut notes = texts::now(&seen, &authors);
    if additive < all {
        let file = &seen.plan.what.files[additive].file;
        notes.push(texts::left_for_contract(
            file,
            &seen.destroys(additive),
            all - additive - 1,
        ));
    }
    Ok(Plan {
        target: Target::new(&spot.service.name, &spot.environment.name),
        title: texts::migrate(
            &spot.service.name,
            &spot.environment.name,
            additive,
            &spot.database,
        ),
        changes: seen.changes(0..additive),
        warnings: seen.warnings(0..additive),
        notes,
        nothing_to_do: additive == 0,
        details: serde_json::to_value(&planned)?,
        exclusive: true,
        needs,
    })
}
