//! The model: what people and machines can do, and what should come of it, without leases, revisions, journals or cards.

use otus::operations::{State, Wish};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Two approvals of an SRE, a confirmation, nothing.
pub(crate) const SERVICES: [&str; 3] = ["api", "web", "job"];
/// All but the last may ship, and are SREs but for the first.
pub(crate) const PEOPLE: [&str; 5] = ["ann", "bob", "cid", "dan", "eve"];
pub(crate) const SHIPPERS: [&str; 4] = ["ann", "bob", "cid", "dan"];
pub(crate) const SRES: [&str; 3] = ["bob", "cid", "dan"];

pub(crate) const MINUTE: i64 = 60;
pub(crate) const CONFIRM_EXPIRES: i64 = 10 * MINUTE;
pub(crate) const APPROVALS_EXPIRE: i64 = 30 * MINUTE;
pub(crate) const QUEUE_EXPIRES: i64 = 60 * MINUTE;
/// When everything is frozen, from the beginning of the story.
pub(crate) const FREEZE: (i64, i64) = (100 * MINUTE, 160 * MINUTE);

/// What happens.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    /// Somebody asks for a version of a service.
    Propose {
        who: usize,
        service: usize,
        version: u8,
        queue: bool,
        plan: bool,
    },
    /// Somebody says a word about one of the operations.
    Say {
        who: usize,
        word: Word,
        which: usize,
    },
    /// Somebody says yes to the newest that waits for one.
    Agree(usize),
    /// A step of what runs on a service is let through.
    Let(usize),
    /// Somebody outside changes the world.
    Move(usize, u8),
    /// A service is locked by somebody who never ships.
    Lock(usize),
    Unlock(usize),
    /// A replica dies, and another one takes its place.
    Crash(usize),
    /// Time goes by, in seconds: longer than a lease.
    Jump(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Confirm,
    Approve,
    Deny,
    Cancel,
    Pause,
    Resume,
    Apply,
}

/// Stories.
pub(crate) fn commands() -> impl Strategy<Value = Vec<Command>> {
    let propose = (
        // The last one may not, which is soon told.
        prop::sample::select(vec![0, 0, 0, 1, 1, 1, 2, 3, 4]),
        0..SERVICES.len(),
        2..5u8,
        prop::bool::weighted(0.4),
        prop::bool::weighted(0.15),
    );
    let word = prop::sample::select(vec![
        Word::Confirm,
        Word::Confirm,
        Word::Approve,
        Word::Approve,
        Word::Approve,
        Word::Deny,
        Word::Cancel,
        Word::Pause,
        Word::Resume,
        Word::Apply,
    ]);
    let command = prop_oneof![
        6 => propose.prop_map(|(who, service, version, queue, plan)| Command::Propose { who, service, version, queue, plan }),
        9 => (0..PEOPLE.len()).prop_map(Command::Agree),
        6 => (0..PEOPLE.len(), word, 0..4usize).prop_map(|(who, word, which)| Command::Say { who, word, which }),
        10 => (0..SERVICES.len()).prop_map(Command::Let),
        1 => (0..SERVICES.len(), 5..8u8).prop_map(|(service, version)| Command::Move(service, version)),
        1 => (0..SERVICES.len()).prop_map(Command::Lock),
        2 => (0..SERVICES.len()).prop_map(Command::Unlock),
        2 => (0..2usize).prop_map(Command::Crash),
        2 => prop::sample::select(vec![31, 31, 11 * MINUTE, 31 * MINUTE]).prop_map(Command::Jump),
    ];
    prop::collection::vec(command, 4..32)
}

/// What policy would say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Refuse,
    Wait,
    Approve,
    Confirm,
    Allow,
}

/// An operation of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Op {
    pub(crate) service: usize,
    pub(crate) version: u8,
    /// What ran there when it was planned.
    pub(crate) from: u8,
    pub(crate) by: usize,
    pub(crate) state: State,
    pub(crate) approvals: BTreeSet<usize>,
    pub(crate) expires: Option<i64>,
    pub(crate) steps: usize,
    pub(crate) wish: Wish,
    pub(crate) generation: u64,
    /// Which replica runs it, while that lives.
    pub(crate) runner: Option<usize>,
}

/// The world and all that was asked.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) ops: Vec<Op>,
    pub(crate) now: i64,
    versions: BTreeMap<usize, u8>,
    locks: BTreeSet<usize>,
}

impl Model {
    pub(crate) fn version(&self, service: usize) -> u8 {
        self.versions.get(&service).copied().unwrap_or(1)
    }

    pub(crate) fn is_locked(&self, service: usize) -> bool {
        self.locks.contains(&service)
    }

    fn verdict(&self, who: usize, service: usize) -> Verdict {
        let frozen = (FREEZE.0..FREEZE.1).contains(&self.now);
        if !SHIPPERS.contains(&PEOPLE[who]) {
            Verdict::Refuse
        } else if frozen || self.locks.contains(&service) {
            Verdict::Wait
        } else {
            [Verdict::Approve, Verdict::Confirm, Verdict::Allow][service]
        }
    }

    /// The newest that waits for a yes, who of these could give it, and the word.
    pub(crate) fn asks(&self, who: usize) -> Option<(usize, Word, usize)> {
        let waits = |op: &Op| matches!(op.state, State::Planned | State::Confirming | State::Approving);
        let this = self.ops.iter().rposition(waits)?;
        let op = &self.ops[this];
        let others: Vec<_> = (1..4)
            .filter(|sre| *sre != op.by && !op.approvals.contains(sre))
            .collect();
        Some(match op.state {
            State::Planned => (this, Word::Apply, who),
            State::Confirming => (this, Word::Confirm, op.by),
            _ => (this, Word::Approve, others[who % others.len()]),
        })
    }

    pub(crate) fn active(&self, service: usize) -> Option<usize> {
        self.ops
            .iter()
            .position(|op| op.service == service && op.state.is_active())
    }

    /// Whether a moment is so close that the time a test takes decides.
    pub(crate) fn is_close(&self) -> bool {
        let close = |moment: i64| (-150..=30).contains(&(self.now - moment));
        close(FREEZE.0) || close(FREEZE.1) || self.ops.iter().any(|op| op.expires.is_some_and(close))
    }

    pub(crate) fn propose(
        &mut self,
        (who, service, version): (usize, usize, u8),
        queue: bool,
        plan: bool,
        replica: usize,
    ) {
        let verdict = self.verdict(who, service);
        self.ops.push(Op {
            service,
            version,
            from: self.version(service),
            by: who,
            state: State::Refused,
            approvals: BTreeSet::new(),
            expires: None,
            steps: 0,
            wish: Wish::Go,
            generation: 0,
            runner: None,
        });
        let this = self.ops.len() - 1;
        if self.version(service) == version {
            self.ops[this].state = State::Succeeded;
        } else if plan {
            self.wait(this, State::Planned, CONFIRM_EXPIRES);
        } else {
            self.settle(this, verdict, queue, false, replica);
        }
    }

    fn wait(&mut self, this: usize, state: State, expires: i64) {
        self.ops[this].state = state;
        self.ops[this].expires = Some(self.now + expires);
        if state == State::Queued {
            self.supersede(this);
        }
    }

    fn end(&mut self, this: usize, state: State) {
        self.ops[this].state = state;
        self.ops[this].expires = None;
        self.ops[this].runner = None;
    }

    fn supersede(&mut self, newer: usize) {
        let service = self.ops[newer].service;
        for older in 0..newer {
            if self.ops[older].service == service && self.ops[older].state == State::Queued {
                self.end(older, State::Superseded);
            }
        }
    }

    /// Where a verdict leads to.
    fn settle(&mut self, this: usize, verdict: Verdict, queue: bool, confirmed: bool, replica: usize) {
        match verdict {
            Verdict::Refuse => self.end(this, State::Refused),
            Verdict::Wait if queue => self.wait(this, State::Queued, QUEUE_EXPIRES),
            Verdict::Wait => self.end(this, State::Refused),
            Verdict::Approve => self.wait(this, State::Approving, APPROVALS_EXPIRE),
            Verdict::Confirm if !confirmed => self.wait(this, State::Confirming, CONFIRM_EXPIRES),
            Verdict::Confirm | Verdict::Allow => {
                if self.active(self.ops[this].service).is_none() {
                    self.begin(this, replica);
                } else if queue {
                    self.wait(this, State::Queued, QUEUE_EXPIRES);
                } else {
                    self.end(this, State::Refused);
                }
            }
        }
    }

    fn begin(&mut self, this: usize, replica: usize) {
        let op = &mut self.ops[this];
        (op.state, op.expires, op.generation, op.runner) = (State::Running, None, 1, Some(replica));
        self.supersede(this);
    }

    /// All is agreed: what becomes of it now.
    fn go(&mut self, this: usize, replica: usize) -> bool {
        let (service, by) = (self.ops[this].service, self.ops[this].by);
        if self.version(service) != self.ops[this].from {
            self.end(this, State::Void);
            return true;
        }
        match self.verdict(by, service) {
            Verdict::Refuse => self.end(this, State::Refused),
            Verdict::Wait => return false,
            _ if self.active(service).is_some() => return false,
            _ => self.begin(this, replica),
        }
        true
    }

    pub(crate) fn say(&mut self, who: usize, word: Word, this: usize, replica: usize) {
        let op = self.ops[this].clone();
        let ships = SHIPPERS.contains(&PEOPLE[who]);
        let decides = SRES.contains(&PEOPLE[who]) && op.by != who;
        match word {
            Word::Confirm if op.state == State::Confirming && op.by == who => {
                self.go(this, replica);
            }
            Word::Approve if op.state == State::Approving && decides && !op.approvals.contains(&who) => {
                self.ops[this].approvals.insert(who);
                if self.ops[this].approvals.len() == 2 && !self.go(this, replica) {
                    // A yes that cannot begin it is not kept.
                    self.ops[this].approvals.remove(&who);
                }
            }
            Word::Deny if op.state == State::Approving && decides => self.end(this, State::Denied),
            Word::Cancel if op.state.is_waiting() && (ships || op.by == who) => {
                self.end(this, State::Cancelled);
            }
            Word::Cancel if op.state.is_active() && ships => {
                self.ops[this].wish = Wish::Cancel;
                if op.state == State::Paused {
                    self.safe_point(this);
                }
            }
            Word::Pause if op.state.is_active() && ships && op.wish != Wish::Cancel => {
                self.ops[this].wish = Wish::Pause;
            }
            Word::Resume
                if op.state.is_active()
                    && ships
                    && op.wish != Wish::Cancel
                    && (op.wish == Wish::Pause || op.state == State::Paused) =>
            {
                self.ops[this].wish = Wish::Go;
                if op.state == State::Paused {
                    self.safe_point(this);
                }
            }
            Word::Apply if op.state == State::Planned => self.apply(who, this, replica),
            _ => {}
        }
    }

    fn apply(&mut self, who: usize, this: usize, replica: usize) {
        let service = self.ops[this].service;
        if self.version(service) != self.ops[this].from {
            return self.end(this, State::Void);
        }
        let verdict = self.verdict(who, service);
        let begins = matches!(verdict, Verdict::Confirm | Verdict::Allow);
        if matches!(verdict, Verdict::Refuse | Verdict::Wait) || begins && self.active(service).is_some() {
            return;
        }
        self.ops[this].by = who;
        self.settle(this, verdict, false, true, replica);
    }

    /// A running one whose replica lives looks what is wanted of it.
    fn safe_point(&mut self, this: usize) {
        if self.ops[this].runner.is_none() {
            return;
        }
        match self.ops[this].wish {
            Wish::Go => self.ops[this].state = State::Running,
            Wish::Pause => self.ops[this].state = State::Paused,
            Wish::Cancel => self.end(this, State::Cancelled),
        }
    }

    /// Whether something stands at a gate there that can be let through.
    pub(crate) fn at_gate(&self, service: usize) -> Option<usize> {
        self.active(service)
            .filter(|op| self.ops[*op].state == State::Running && self.ops[*op].runner.is_some())
    }

    pub(crate) fn let_one(&mut self, service: usize) {
        let Some(this) = self.at_gate(service) else {
            return;
        };
        self.ops[this].steps += 1;
        if self.ops[this].steps == 2 {
            self.versions.insert(service, self.ops[this].version);
        }
        if self.ops[this].steps == 3 {
            self.end(this, State::Succeeded);
        } else {
            self.safe_point(this);
        }
    }

    pub(crate) fn change(&mut self, service: usize, version: u8) {
        self.versions.insert(service, version);
    }

    pub(crate) fn lock(&mut self, service: usize, locked: bool) {
        if locked {
            self.locks.insert(service);
        } else {
            self.locks.remove(&service);
        }
    }

    pub(crate) fn crash(&mut self, replica: usize) {
        for op in &mut self.ops {
            if op.runner == Some(replica) {
                op.runner = None;
            }
        }
    }

    /// Time goes by, and every lease is over: what runs is taken up by whoever sweeps first.
    pub(crate) fn jump(&mut self, seconds: i64, sweeper: usize) {
        self.now += seconds;
        for this in 0..self.ops.len() {
            if self.ops[this].state.is_active() {
                self.ops[this].generation += 1;
                self.ops[this].runner = Some(sweeper);
                self.safe_point(this);
            }
        }
    }

    /// What follows by itself: expiry, and what the queue begins.
    pub(crate) fn sweep(&mut self, sweeper: usize) {
        for this in 0..self.ops.len() {
            if self.ops[this].expires.is_some_and(|expires| expires <= self.now) {
                self.end(this, State::Expired);
            }
        }
        for this in 0..self.ops.len() {
            let (service, by) = (self.ops[this].service, self.ops[this].by);
            if self.ops[this].state != State::Queued || self.active(service).is_some() {
                continue;
            }
            let started_since = self.ops[this + 1..]
                .iter()
                .any(|newer| newer.service == service && newer.generation > 0);
            let verdict = self.verdict(by, service);
            if started_since {
                self.end(this, State::Superseded);
            } else if verdict == Verdict::Wait {
                // Not yet.
            } else if self.version(service) == self.ops[this].version {
                self.end(this, State::Succeeded);
            } else {
                self.ops[this].from = self.version(service);
                self.settle(this, verdict, true, false, sweeper);
            }
        }
    }
}
