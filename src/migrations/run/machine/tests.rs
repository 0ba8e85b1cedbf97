//! The machine against a world in memory that fails in every way a database can: no sequence of crashes, failures, lost
//! connections, stops and timeouts runs a statement twice or leaves one out.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// How many batches the backfills have.
const BATCHES: usize = 3;

/// What happens to one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Fine,
    /// The connection goes before it is done.
    LostBefore,
    /// It is done, and the connection goes before anybody hears of it.
    LostAfter,
    /// The process dies before, or after; what was written down last is all there is, or nothing at all.
    CrashBefore,
    CrashAfter,
    CrashForgotten,
    LockTimeout,
    Failed,
    /// Somebody stops it while it runs.
    Stopped,
    /// Somebody stops it between two effects.
    StopBetween,
    /// Somebody wants it to try at once.
    Retry,
    Busy,
}

/// A database.
#[derive(Debug, Default)]
struct Model {
    /// Files in the history.
    history: BTreeSet<usize>,
    /// How often each (file, statement) took effect.
    took: BTreeMap<(usize, usize), usize>,
    /// In which order.
    order: Vec<(usize, usize)>,
    done: BTreeSet<(usize, usize)>,
    begun: BTreeSet<(usize, usize)>,
    /// Invalid indexes.
    half: BTreeSet<(usize, usize)>,
    /// Batches that are done.
    batches: BTreeMap<(usize, usize), usize>,
}

impl Model {
    fn take(&mut self, file: usize, statement: usize) {
        *self.took.entry((file, statement)).or_default() += 1;
        self.order.push((file, statement));
    }

    /// Does an effect.
    fn perform(&mut self, effect: Effect, files: &[FileShape]) -> Outcome {
        match effect {
            Effect::Lock | Effect::Unlock | Effect::Wait { .. } => Outcome::Done,
            Effect::Check => Outcome::Checked {
                applied: (0..files.len())
                    .map(|file| self.history.contains(&file))
                    .collect(),
            },
            Effect::File { file } => {
                assert!(
                    !self.history.contains(&file),
                    "the history has one row for a file"
                );
                for statement in 0..files[file].statements.len() {
                    self.take(file, statement);
                }
                self.history.insert(file);
                Outcome::Done
            }
            Effect::Marks { file } => Outcome::Marks {
                done: self
                    .done
                    .iter()
                    .filter(|mark| mark.0 == file)
                    .map(|mark| mark.1)
                    .collect(),
                begun: self
                    .begun
                    .iter()
                    .filter(|mark| mark.0 == file)
                    .map(|mark| mark.1)
                    .collect(),
            },
            Effect::Begin { file, statement } => {
                self.begun.insert((file, statement));
                Outcome::Done
            }
            Effect::Statement { file, statement } => {
                // An index of the name is there already.
                if self.half.contains(&(file, statement)) || self.took.contains_key(&(file, statement)) {
                    return Outcome::Failed {
                        why: "it is there already".into(),
                    };
                }
                self.take(file, statement);
                if files[file].statements[statement] == StatementShape::Marked {
                    self.done.insert((file, statement));
                }
                Outcome::Done
            }
            Effect::Batch { file, statement } => {
                let batches = self.batches.entry((file, statement)).or_default();
                *batches += 1;
                assert!(*batches <= BATCHES, "no batch is done twice");
                let last = *batches == BATCHES;
                if last {
                    self.take(file, statement);
                    self.done.insert((file, statement));
                }
                Outcome::Batch { last }
            }
            Effect::Mark { file, statement } => {
                self.begun.remove(&(file, statement));
                self.done.insert((file, statement));
                Outcome::Done
            }
            Effect::Probe { file, statement } => Outcome::Present {
                presence: if files[file].statements[statement] == StatementShape::Blind {
                    Presence::Unknown
                } else if self.took.contains_key(&(file, statement)) {
                    Presence::Done
                } else if self.half.contains(&(file, statement)) {
                    Presence::Half
                } else {
                    Presence::Not
                },
            },
            Effect::Clear { file, statement } => {
                self.half.remove(&(file, statement));
                self.begun.remove(&(file, statement));
                Outcome::Done
            }
            Effect::Record { file } => {
                assert!(
                    !self.history.contains(&file),
                    "the history has one row for a file"
                );
                for statement in 0..files[file].statements.len() {
                    assert!(
                        self.took.contains_key(&(file, statement)),
                        "nothing is left out of a file that counts as applied"
                    );
                }
                self.history.insert(file);
                self.done.retain(|mark| mark.0 != file);
                self.begun.retain(|mark| mark.0 != file);
                Outcome::Done
            }
        }
    }

    /// What a statement leaves that does not come to its end.
    fn leave_half(&mut self, effect: Effect, files: &[FileShape]) {
        if let Effect::Statement { file, statement } = effect
            && files[file].statements[statement] == StatementShape::Alone
            && !self.took.contains_key(&(file, statement))
        {
            self.half.insert((file, statement));
        }
    }
}

fn settings() -> Settings {
    Settings {
        lock_tries: 3,
        polls: 3,
        reconnects: 3,
        ..Settings::default()
    }
}

fn is_statement(effect: Effect) -> bool {
    matches!(
        effect,
        Effect::File { .. } | Effect::Statement { .. } | Effect::Batch { .. }
    )
}

/// Runs until the machine ends or the process dies; how it ended, if it did.
fn live(model: &mut Model, machine: &mut Machine, fates: &mut impl Iterator<Item = Fate>) -> Option<End> {
    for _ in 0..10_000 {
        let Some(effect) = machine.effect() else {
            return machine.end().cloned();
        };
        // Through its text, as a store would keep it.
        let kept: Machine = serde_json::from_str(&serde_json::to_string(machine).unwrap()).unwrap();
        let files = machine.files().to_vec();
        let lost = Outcome::Lost { why: "gone".into() };
        let fate = fates.next().unwrap_or(Fate::Fine);
        let outcome = match fate {
            Fate::LostBefore => {
                model.leave_half(effect, &files);
                lost
            }
            Fate::LostAfter => {
                model.perform(effect, &files);
                lost
            }
            Fate::CrashBefore | Fate::CrashAfter | Fate::CrashForgotten => {
                if fate == Fate::CrashBefore {
                    model.leave_half(effect, &files);
                } else {
                    model.perform(effect, &files);
                }
                *machine = match fate {
                    Fate::CrashForgotten => Machine::new(files, settings()),
                    _ => kept.resumed(),
                };
                continue;
            }
            Fate::LockTimeout if is_statement(effect) => {
                model.leave_half(effect, &files);
                Outcome::LockTimeout
            }
            Fate::Failed if is_statement(effect) || matches!(effect, Effect::Clear { .. }) => {
                model.leave_half(effect, &files);
                Outcome::Failed { why: "no".into() }
            }
            Fate::Stopped
                if is_statement(effect) || matches!(effect, Effect::Wait { .. } | Effect::Clear { .. }) =>
            {
                model.leave_half(effect, &files);
                Outcome::Stopped
            }
            Fate::StopBetween => {
                machine.stop();
                continue;
            }
            Fate::Retry => {
                machine.retry();
                continue;
            }
            Fate::Busy if effect == Effect::Lock => Outcome::Busy {
                owner: "another".into(),
            },
            _ => model.perform(effect, &files),
        };
        machine.feed(outcome);
    }
    panic!("it never ends");
}

fn shapes() -> impl Strategy<Value = Vec<FileShape>> {
    let statement = prop_oneof![
        3 => Just(StatementShape::Marked),
        3 => Just(StatementShape::Alone),
        2 => Just(StatementShape::Batches),
    ];
    let file = prop_oneof![
        prop::collection::vec(Just(StatementShape::Marked), 0..3).prop_map(|statements| (true, statements)),
        prop::collection::vec(statement, 0..4).prop_map(|statements| (false, statements)),
    ];
    prop::collection::vec(file, 1..4).prop_map(|files| {
        let files = files.into_iter().enumerate();
        let files = files.map(|(at, (transaction, statements))| FileShape {
            file: format!("{at}.sql"),
            transaction,
            statements,
        });
        files.collect()
    })
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        10 => Just(Fate::Fine),
        1 => Just(Fate::LostBefore),
        1 => Just(Fate::LostAfter),
        1 => Just(Fate::CrashBefore),
        1 => Just(Fate::CrashAfter),
        1 => Just(Fate::CrashForgotten),
        1 => Just(Fate::LockTimeout),
        1 => Just(Fate::Failed),
        1 => Just(Fate::Stopped),
        1 => Just(Fate::StopBetween),
        1 => Just(Fate::Retry),
        1 => Just(Fate::Busy),
    ];
    prop::collection::vec(fate, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// However often it is begun and whatever happens, each statement takes effect once, in order; and the run to which nothing
    /// happens is the last.
    #[test]
    fn nothing_is_done_twice_and_nothing_is_left_out(files in shapes(), fates in fates()) {
        let mut model = Model::default();
        let mut fates = fates.into_iter();
        let mut ends = Vec::new();
        // Somebody begins it again as long as something happens to it.
        loop {
            let quiet = fates.len() == 0;
            let mut machine = Machine::new(files.clone(), settings());
            let end = live(&mut model, &mut machine, &mut fates);
            ends.push(end.clone());
            prop_assert!(model.took.values().all(|times| *times == 1), "{model:?}");
            if quiet {
                prop_assert_eq!(end, Some(End::Done));
                break;
            }
            if end == Some(End::Done) {
                break;
            }
        }
        let all: Vec<(usize, usize)> = files
            .iter()
            .enumerate()
            .flat_map(|(file, shape)| (0..shape.statements.len()).map(move |statement| (file, statement)))
            .collect();
        prop_assert_eq!(&model.order, &all, "{:?}", ends);
        prop_assert_eq!(model.history.len(), files.len());
        prop_assert!(model.done.is_empty() && model.begun.is_empty() && model.half.is_empty(), "{model:?}");
    }
}

#[test]
fn what_nobody_can_tell_is_left_to_a_person() {
    let files = vec![FileShape {
        file: "1.sql".into(),
        transaction: false,
        statements: vec![StatementShape::Blind],
    }];
    let mut model = Model::default();
    let fates = [Fate::Fine, Fate::Fine, Fate::Fine, Fate::Fine, Fate::CrashAfter];
    let mut machine = Machine::new(files, settings());
    let end = live(&mut model, &mut machine, &mut fates.into_iter());
    assert!(matches!(end, Some(End::Failed { why, .. }) if why.contains("nobody can tell")));
}

#[test]
fn a_statement_that_brings_the_server_down_each_time_is_given_up() {
    let files = vec![FileShape {
        file: "1.sql".into(),
        transaction: true,
        statements: vec![StatementShape::Marked],
    }];
    let mut machine = Machine::new(files, settings());
    let mut tried = 0;
    while let Some(effect) = machine.effect() {
        machine.feed(match effect {
            Effect::File { .. } => {
                tried += 1;
                Outcome::Lost { why: "gone".into() }
            }
            Effect::Check => Outcome::Checked { applied: vec![false] },
            _ => Outcome::Done,
        });
    }
    assert_eq!(tried, settings().reconnects + 1);
    assert!(matches!(machine.end(), Some(End::Failed { why, .. }) if why.contains("cannot be reached")));
}
