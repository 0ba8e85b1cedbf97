//! Purpose: what is to be done next. Pure, and serialisable, so that it goes on after a crash.

use super::parts::{Effect, End, FileShape, Outcome, Phase, Presence, Settings, StatementShape};
use serde::{Deserialize, Serialize};

/// A run: what has to be done, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    settings: Settings,
    files: Vec<FileShape>,
    phase: Phase,
    file: usize,
    statement: usize,
    /// Statements of the file that were begun before.
    begun: Vec<usize>,
    /// Statements of the file that are done.
    done: Vec<usize>,
    /// How often it did not get a lock, or a connection, in a row.
    tries: u32,
    reconnects: u32,
    /// Wait first.
    wait_ms: u64,
    /// The end that is near: what is left is to clear up and to give the lock back.
    ending: Option<End>,
    ended: bool,
}

impl Machine {
    /// Everything is yet to be done.
    #[must_use]
    pub fn new(files: Vec<FileShape>, settings: Settings) -> Self {
        Self {
            settings,
            files,
            phase: Phase::Lock,
            file: 0,
            statement: 0,
            begun: Vec::new(),
            done: Vec::new(),
            tries: 0,
            reconnects: 0,
            wait_ms: 0,
            ending: None,
            ended: false,
        }
    }

    /// Goes on in another process, or on another connection: whatever was known of the world is looked at anew.
    #[must_use]
    pub fn resumed(mut self) -> Self {
        if self.ending.is_some() && !self.ended {
            self.left_behind();
        } else if !self.ended {
            self.begin_anew();
        }
        self
    }

    fn begin_anew(&mut self) {
        self.phase = Phase::Lock;
        self.begun.clear();
        self.done.clear();
        self.file = 0;
        self.statement = 0;
    }

    /// The files it runs.
    #[must_use]
    pub fn files(&self) -> &[FileShape] {
        &self.files
    }

    /// Where it stands: the file, and the statement in it, counted from 0.
    #[must_use]
    pub fn position(&self) -> (usize, usize) {
        (self.file, self.statement)
    }

    /// What it is at.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How often in a row it did not get its locks.
    #[must_use]
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// How patient it is.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How it ended, once it has.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.ending.as_ref().filter(|_| self.ended)
    }

    /// What is to be done now; nothing when it has ended.
    #[must_use]
    pub fn effect(&self) -> Option<Effect> {
        if self.ended {
            return None;
        }
        if self.wait_ms > 0 {
            return Some(Effect::Wait { ms: self.wait_ms });
        }
        let (file, statement) = (self.file, self.statement);
        Some(match self.phase {
            Phase::Lock => Effect::Lock,
            Phase::Check => Effect::Check,
            Phase::File => Effect::File { file },
            Phase::Marks => Effect::Marks { file },
            Phase::Begin => Effect::Begin { file, statement },
            Phase::Statement if self.shape() == StatementShape::Batches => Effect::Batch { file, statement },
            Phase::Statement => Effect::Statement { file, statement },
            Phase::Mark => Effect::Mark { file, statement },
            Phase::Probe => Effect::Probe { file, statement },
            Phase::Clear => Effect::Clear { file, statement },
            Phase::Record => Effect::Record { file },
            Phase::Unlock => Effect::Unlock,
        })
    }

    fn shape(&self) -> StatementShape {
        let file = self.files.get(self.file);
        let shape = file.and_then(|file| file.statements.get(self.statement));
        shape.copied().unwrap_or(StatementShape::Marked)
    }

    /// Somebody wants it to stop. What runs right now is stopped by the world, see [`Outcome::Stopped`].
    pub fn stop(&mut self) {
        if self.ended || self.ending.is_some() {
            return;
        }
        // What is begun and cannot be in a transaction is ended, or cleared, first.
        let clearing = matches!(self.phase, Phase::Mark | Phase::Probe | Phase::Clear);
        self.ending = Some(End::Stopped { left: None });
        self.wait_ms = 0;
        if !clearing {
            self.phase = Phase::Unlock;
        }
    }

    /// Somebody wants it to try at once, as often as at the beginning.
    pub fn retry(&mut self) {
        if self.ending.is_none() {
            self.tries = 0;
            self.wait_ms = 0;
        }
    }

    /// Takes in what came of [`Machine::effect`].
    pub fn feed(&mut self, outcome: Outcome) {
        if self.ended {
            return;
        }
        if self.wait_ms > 0 {
            self.wait_ms = 0;
            if outcome == Outcome::Stopped {
                self.stop();
            }
            return;
        }
        // Only what is done counts: a statement that brings the server down each time is not tried for ever.
        let works = matches!(self.phase, Phase::File | Phase::Statement | Phase::Record);
        if works && matches!(outcome, Outcome::Done | Outcome::Batch { .. }) {
            self.reconnects = 0;
        }
        match outcome {
            Outcome::Lost { why } => self.lost(why),
            Outcome::Stopped => self.stopped(),
            Outcome::Refused { why } => self.fail(why, false),
            Outcome::Failed { why } => self.failed(why),
            Outcome::LockTimeout => self.again(),
            Outcome::Hold => self.wait_ms = self.settings.poll_ms,
            Outcome::Busy { owner } => {
                self.tries += 1;
                if self.tries >= self.settings.polls {
                    self.fail(
                        format!("{owner} has been running migrations of this database all the time"),
                        false,
                    );
                } else {
                    self.wait_ms = self.settings.poll_ms;
                }
            }
            Outcome::Checked { applied } => self.next_file(&applied),
            Outcome::Marks { done, begun } => {
                self.done = done;
                self.begun = begun;
                self.statement = 0;
                self.next_statement();
            }
            Outcome::Present { presence } => self.present(presence),
            Outcome::Batch { last } => {
                self.tries = 0;
                if last {
                    self.did();
                } else {
                    self.wait_ms = self.settings.batch_pause_ms;
                }
            }
            Outcome::Done => self.done(),
        }
    }

    fn done(&mut self) {
        self.tries = 0;
        match self.phase {
            Phase::Lock => self.phase = Phase::Check,
            // Which of them are applied is read anew: a repeatable one may be there twice.
            Phase::File | Phase::Record => self.phase = Phase::Check,
            Phase::Begin => {
                self.begun.push(self.statement);
                self.phase = Phase::Statement;
            }
            Phase::Statement => match self.shape() {
                StatementShape::Marked | StatementShape::Batches => self.did(),
                StatementShape::Alone | StatementShape::Blind => self.phase = Phase::Mark,
            },
            Phase::Mark => {
                self.did();
                if self.ending.is_some() {
                    self.phase = Phase::Unlock;
                }
            }
            Phase::Clear => {
                self.begun.retain(|statement| *statement != self.statement);
                self.phase = if self.ending.is_some() {
                    Phase::Unlock
                } else {
                    Phase::Begin
                };
            }
            Phase::Unlock => {
                self.ending.get_or_insert(End::Done);
                self.ended = true;
            }
            // These have outcomes of their own.
            Phase::Check | Phase::Marks | Phase::Probe => {}
        }
    }

    fn next_file(&mut self, applied: &[bool]) {
        let next = (0..self.files.len()).find(|file| !applied.get(*file).copied().unwrap_or(false));
        match next {
            None => self.phase = Phase::Unlock,
            Some(file) => {
                self.file = file;
                self.statement = 0;
                let whole = self.files.get(file).is_some_and(|file| file.transaction);
                self.phase = if whole { Phase::File } else { Phase::Marks };
            }
        }
    }

    fn did(&mut self) {
        self.done.push(self.statement);
        self.next_statement();
    }

    fn next_statement(&mut self) {
        let count = self.files.get(self.file).map_or(0, |file| file.statements.len());
        match (0..count).find(|statement| !self.done.contains(statement)) {
            None => self.phase = Phase::Record,
            Some(statement) => {
                self.statement = statement;
                self.phase = match self.shape() {
                    StatementShape::Marked | StatementShape::Batches => Phase::Statement,
                    StatementShape::Alone | StatementShape::Blind if self.begun.contains(&statement) => {
                        Phase::Probe
                    }
                    StatementShape::Alone | StatementShape::Blind => Phase::Begin,
                };
            }
        }
    }

    fn present(&mut self, presence: Presence) {
        self.phase = match presence {
            Presence::Done => Phase::Mark,
            Presence::Half => Phase::Clear,
            Presence::Not if self.ending.is_some() => Phase::Clear,
            Presence::Not => Phase::Statement,
            Presence::Unknown => {
                let why = "it was begun before, and nobody can tell whether it was done. Look, then do it or mark it by hand";
                self.fail(why.to_owned(), true);
                return;
            }
        };
    }

    /// It did not get a lock in time.
    fn again(&mut self) {
        self.tries += 1;
        if self.phase == Phase::Clear && self.ending.is_some() && self.tries >= 3 {
            self.left_behind();
        } else if self.tries >= self.settings.lock_tries {
            let tries = self.tries;
            self.failed(format!(
                "the table was in use each of the {tries} times it was tried; see who holds it, and try again"
            ));
        } else {
            self.wait_ms = self.settings.lock_pause_ms.max(1);
            if self.phase == Phase::Statement && self.shape() == StatementShape::Alone {
                // It may have left an invalid index.
                self.phase = Phase::Probe;
            }
        }
    }

    fn lost(&mut self, why: String) {
        self.reconnects += 1;
        if self.reconnects > self.settings.reconnects {
            let why = format!("the database cannot be reached any more: {why}");
            self.ending = Some(match self.ending.take() {
                Some(End::Stopped { .. }) => End::Stopped { left: Some(why) },
                Some(end) => end,
                None => End::Failed {
                    file: self.name(),
                    statement: None,
                    why,
                },
            });
            // The lock went with the connection.
            self.ended = true;
        } else if self.ending.is_some() && matches!(self.phase, Phase::Unlock) {
            self.ended = true;
        } else {
            let ending = self.ending.is_some();
            self.begin_anew();
            self.wait_ms = self.settings.poll_ms;
            if ending {
                // What was to be cleared is told; the next run clears it, because it is noted as begun.
                self.left_behind();
            }
        }
    }

    fn left_behind(&mut self) {
        let left = "a statement that was stopped may have left an invalid index; the next run clears it away"
            .to_owned();
        if let Some(End::Stopped { left: said }) = &mut self.ending {
            *said = Some(left);
        }
        self.wait_ms = 0;
        self.phase = Phase::Unlock;
    }

    fn stopped(&mut self) {
        if self.ending.is_none() {
            self.ending = Some(End::Stopped { left: None });
        }
        let alone = matches!(self.shape(), StatementShape::Alone | StatementShape::Blind);
        match self.phase {
            Phase::Statement if alone => self.phase = Phase::Probe,
            Phase::Clear => self.left_behind(),
            _ => self.phase = Phase::Unlock,
        }
        self.tries = 0;
    }

    /// A statement went wrong.
    fn failed(&mut self, why: String) {
        if self.ending.is_some() {
            // Clearing up did not work, either.
            if self.phase == Phase::Unlock {
                self.ended = true;
            } else {
                self.left_behind();
            }
            return;
        }
        let alone = self.phase == Phase::Statement && self.shape() == StatementShape::Alone;
        self.fail(why, true);
        if alone {
            // A failed build leaves an invalid index, too.
            self.phase = Phase::Probe;
            self.tries = 0;
        }
    }

    fn name(&self) -> Option<String> {
        self.files.get(self.file).map(|file| file.file.clone())
    }

    fn fail(&mut self, why: String, here: bool) {
        let in_file = !self.files.get(self.file).is_some_and(|file| file.transaction);
        if self.ending.is_none() {
            self.ending = Some(End::Failed {
                file: here.then(|| self.name()).flatten(),
                statement: (here && in_file).then_some(self.statement + 1),
                why,
            });
        }
        self.wait_ms = 0;
        self.phase = Phase::Unlock;
    }
}

#[cfg(test)]
mod tests;
