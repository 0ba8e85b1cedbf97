//! Running what was planned, file by file: each is a step of the journal.
//!
//! What of a file is done is known from its database alone ([`otus_migrations::run`]), so that whoever takes the operation up begins a
//! file that is half done anew and finds where it was. The database's own lock keeps a worker that is not dead but asleep from doing
//! anything beside the one that took its place; and before each effect the lease is made sure of.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use otus::Result;
use otus::operations::{Desk, Ended, Failure, Interrupted, Run, Standing, State, Wish};
use otus_migrations::database::Server;
use otus_migrations::lint::statement_checksum;
use otus_migrations::postgres::Postgres;
use otus_migrations::run::{self as engine, End, Journal, JournalError, Live, Machine, Phase, World, drive};
use otus_migrations::source::Source;
use otus_migrations::sqlite::Sqlite;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::KIND;
use crate::place::Spot;
use crate::plan::Planned;
use crate::settings::Settings;
use crate::texts;

/// How often what is to be seen is shown, and what people answered is read.
const OFTEN: Duration = Duration::from_millis(500);

/// How a file ended: the result of its step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileEnd {
    /// It is applied.
    Done {
        /// How long it took, in milliseconds.
        ms: u64,
        /// Rows that a backfill changed.
        rows: Option<u64>,
    },
    /// It is not.
    Failed {
        /// Which statement, counted from 1.
        statement: Option<usize>,
        /// Why.
        why: String,
    },
    /// Somebody stopped it.
    Stopped {
        /// What was left behind.
        left: Option<String>,
    },
}

/// What became of all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Done {
    /// Every file is applied.
    All(Vec<FileEnd>),
    /// These are, and the next is not.
    Failed(Vec<FileEnd>, FileEnd),
    /// Nothing was begun: the files are not what they were, or the database is not there.
    Refused(String),
    /// Somebody cancelled it before anything was begun.
    NotBegun,
    /// Somebody cancelled it after these, perhaps in the middle of the next.
    Cancelled(Vec<FileEnd>, Option<String>),
}

/// How the file that runs stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Now {
    pub(crate) phase: Phase,
    /// Which statement, counted from 0.
    pub(crate) statement: usize,
    /// How often in a row it did not get its locks.
    pub(crate) tries: u32,
    pub(crate) live: Live,
    pub(crate) since: Duration,
    /// Who has the database's lock meanwhile.
    pub(crate) paused: bool,
}

/// Applies what was planned, or goes on with it, showing how it stands.
pub(crate) async fn go(settings: &Settings, run: &Run, planned: &Planned, desk: &dyn Desk) -> Result<Done> {
    let services = run.services();
    let spot = match Spot::named(services, &planned.service, &planned.environment) {
        Ok(spot) if spot.database == planned.database => spot,
        Ok(_) => return Ok(Done::Refused(texts::database_moved(&planned.database))),
        Err(error) => return Ok(Done::Refused(error.to_string())),
    };
    let source = match planned.origin.read(services, spot.section.format).await {
        Ok(source) => source,
        Err(error) => return Ok(Done::Refused(error.to_string())),
    };
    let mut places = Vec::new();
    for chosen in &planned.files {
        let mut files = source.migrations.iter();
        let place = files.position(|migration| {
            migration.file == chosen.file && statement_checksum(&migration.sql) == chosen.checksum
        });
        match place {
            Some(place) => places.push(place),
            None => return Ok(Done::Refused(texts::file_moved(&chosen.file))),
        }
    }
    let mut ended: Vec<FileEnd> = Vec::new();
    for (at, (chosen, place)) in planned.files.iter().zip(places).enumerate() {
        let job = Job {
            settings,
            run,
            planned,
            spot: &spot,
            source: &source,
            desk,
            at,
            place,
            ended: &ended,
        };
        // A file that an earlier worker began is seen through first: what is half done is not left alone.
        if !run.resumed() && !job.is_cleared().await? {
            return Ok(match ended.is_empty() {
                true => Done::NotBegun,
                false => Done::Cancelled(ended, None),
            });
        }
        let end = run
            .step(&format!("migrate: {}", chosen.file), |_| job.file())
            .await?;
        match end {
            FileEnd::Done { .. } => ended.push(end),
            FileEnd::Failed { .. } => return Ok(Done::Failed(ended, end)),
            FileEnd::Stopped { left } => return Ok(Done::Cancelled(ended, left)),
        }
    }
    Ok(Done::All(ended))
}

/// One file being worked on.
struct Job<'a> {
    settings: &'a Settings,
    run: &'a Run,
    planned: &'a Planned,
    spot: &'a Spot,
    source: &'a Arc<Source>,
    desk: &'a dyn Desk,
    at: usize,
    place: usize,
    ended: &'a [FileEnd],
}

/// The database, the machine that leads through a file, and what is to be seen meanwhile.
type Begun = (Box<dyn World>, Machine, watch::Receiver<Live>);

/// Makes sure of the lease before each effect, and remembers where the machine stands.
struct Kept {
    run: Run,
    at: watch::Sender<(Phase, usize, u32)>,
}

#[async_trait]
impl Journal for Kept {
    async fn save(&self, machine: &Machine) -> Result<(), JournalError> {
        self.at
            .send_replace((machine.phase(), machine.position().1, machine.tries()));
        let sure = self.run.certain().await;
        sure.map_err(|error| JournalError(error.to_string()))
    }
}

impl Job<'_> {
    /// Waits before the file as long as somebody wants that. False when it is cancelled.
    async fn is_cleared(&self) -> Result<bool> {
        let mut held = self.run.operation().state == State::Paused;
        loop {
            match self.run.wish() {
                Wish::Cancel => return Ok(false),
                Wish::Go => {
                    if held {
                        self.run.held(false).await?;
                    }
                    return Ok(true);
                }
                Wish::Pause => {
                    self.show(None).await;
                    self.run.held(true).await?;
                    held = true;
                    tokio::select! {
                        () = self.run.over().cancelled() => return Err(Interrupted.into()),
                        _ = self.run.wish_changed() => {}
                    }
                }
            }
        }
    }

    /// Begins, or goes on: that makes no difference here.
    fn world(&self) -> Result<Begun, String> {
        let server = self.spot.server(self.run.services());
        let (source, files) = (Arc::clone(self.source), vec![self.place]);
        let settings = self.settings.run();
        Ok(match server.map_err(|error| error.to_string())? {
            Server::Postgres(options) => {
                let operation = self.run.operation().id;
                let (world, machine) = Postgres::new(*options, &operation, source, files, settings);
                let live = world.live();
                (Box::new(world), machine, live)
            }
            Server::Sqlite(options) => {
                let (world, machine) = Sqlite::new(*options, source, files, settings);
                (
                    Box::new(world),
                    machine,
                    watch::Sender::new(Live::default()).subscribe(),
                )
            }
        })
    }

    /// Runs the file to its end.
    async fn file(&self) -> Result<FileEnd> {
        let (mut world, mut machine, live) = match self.world() {
            Ok(world) => world,
            Err(why) => return Ok(FileEnd::Failed { statement: None, why }),
        };
        let began = Instant::now();
        let at = watch::Sender::new((machine.phase(), 0, 0));
        let journal = Kept {
            run: self.run.clone(),
            at: at.clone(),
        };
        let (wishes, wish) = watch::channel(engine::Wish::Run);
        let driving = drive(&mut machine, world.as_mut(), &journal, wish);
        tokio::pin!(driving);
        let mut tick = tokio::time::interval(OFTEN);
        let (mut retries, mut held) = (0, self.run.operation().state == State::Paused);
        let mut rows = None;
        let end = loop {
            let wanted = match self.run.wish() {
                Wish::Go => engine::Wish::Retry(retries),
                Wish::Pause => engine::Wish::Pause,
                Wish::Cancel => engine::Wish::Stop,
            };
            wishes.send_if_modified(|wish| std::mem::replace(wish, wanted) != wanted);
            let pauses = wanted == engine::Wish::Pause;
            if held != pauses {
                self.run.held(pauses).await?;
                held = pauses;
            }
            tokio::select! {
                biased;
                () = self.run.over().cancelled() => return Err(Interrupted.into()),
                end = &mut driving => break end,
                _ = self.run.wish_changed() => {}
                _ = tick.tick() => {
                    let (phase, statement, tries) = *at.borrow();
                    let live = live.borrow().clone();
                    rows = live.rows.or(rows);
                    if tries > 0 || !live.blockers.is_empty() {
                        retries += self.retries().await;
                    }
                    let now = Now { phase, statement, tries, live, since: began.elapsed(), paused: held };
                    self.show(Some(now)).await;
                }
            }
        };
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match end {
            Ok(End::Done) => Ok(FileEnd::Done {
                ms,
                rows: live.borrow().rows.or(rows),
            }),
            Ok(End::Failed { statement, why, .. }) => Ok(FileEnd::Failed { statement, why }),
            Ok(End::Stopped { left }) => Ok(FileEnd::Stopped { left }),
            Err(error) => {
                tracing::warn!(%error, "a migration is not this process's any more");
                Err(Interrupted.into())
            }
        }
    }

    /// How often somebody wanted it to try again since it was asked last.
    async fn retries(&self) -> u32 {
        let (store, place) = (self.run.services().store(), retry_place(&self.run.operation().id));
        match store.recall(KIND, &place).await {
            Ok(Some(_)) => match store.remember(KIND, &place, None).await {
                Ok(()) => 1,
                Err(_) => 0,
            },
            Ok(None) => 0,
            Err(error) => {
                tracing::warn!(%error, "whether somebody wants a migration to try again cannot be read");
                0
            }
        }
    }

    async fn show(&self, now: Option<Now>) {
        let trouble = now.as_ref().and_then(texts::trouble);
        let buttons = match (&now, &trouble) {
            (Some(_), Some(_)) => texts::retry_buttons(&self.run.operation().id),
            _ => Vec::new(),
        };
        self.desk
            .show(Standing {
                now: texts::standing(self.planned, self.ended, self.at, now.as_ref()),
                trouble,
                buttons,
            })
            .await;
    }
}

/// Where it is kept that somebody wants an operation to try again.
pub(crate) fn retry_place(operation: &str) -> String {
    format!("retry {operation}")
}

impl Done {
    /// What it means for whoever it is a part of.
    pub(crate) fn ended(&self, planned: &Planned) -> Ended {
        match self {
            Done::All(ended) => Ended::Done(texts::part_done(planned, ended)),
            Done::Failed(ended, FileEnd::Failed { statement, why }) => {
                let file = planned
                    .files
                    .get(ended.len())
                    .map_or("", |chosen| chosen.file.as_str());
                Ended::Failed(Failure {
                    why: texts::file_failed(file, *statement, why),
                    log: Vec::new(),
                    todo: texts::todo_after(ended.len(), planned.files.len()),
                })
            }
            Done::Failed(ended, _) => Ended::Failed(Failure {
                why: texts::nobody_knows(),
                log: Vec::new(),
                todo: texts::todo_after(ended.len(), planned.files.len()),
            }),
            Done::Refused(why) => Ended::Failed(Failure {
                why: texts::not_run(why),
                log: Vec::new(),
                todo: String::new(),
            }),
            Done::NotBegun => Ended::NotBegun,
            Done::Cancelled(ended, left) => {
                Ended::Cancelled(texts::cancelled(planned, ended, left.as_deref()))
            }
        }
    }
}
