//! Where the arms of one run meet, whichever thread they come from.

use super::{Start, timed};
use crate::{
    candidate::Candidate,
    experiment::{Inner, Permit},
    guard::{Payload, consume, message},
    judge::{Came, Gave, Over, conclude, fail},
    outcome::{Shed, Stage},
    pool::{self, Job},
    report::Context,
};
use std::{
    panic::resume_unwind,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Where the arms of one run meet.
pub(super) struct Gather<O> {
    inner: Arc<Inner<O>>,
    context: Context,
    state: Mutex<State<O>>,
    change: Condvar,
}

/// A candidate, and what became of it, as soon as that is known.
type Slot<O> = (Arc<Candidate>, Option<(Came<O>, Option<Duration>)>);

struct State<O> {
    slots: Vec<Slot<O>>,
    /// How many slots are still empty.
    missing: usize,
    control: Option<(Gave<O>, Duration)>,
    concluded: bool,
}

impl<O: Send + 'static> Gather<O> {
    pub(super) fn new(inner: Arc<Inner<O>>, candidates: Vec<Arc<Candidate>>, context: Context) -> Self {
        let state = State {
            missing: candidates.len(),
            slots: candidates
                .into_iter()
                .map(|candidate| (candidate, None))
                .collect(),
            control: None,
            concluded: false,
        };
        Self {
            inner,
            context,
            state: Mutex::new(state),
            change: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn start(self: &Arc<Self>, at: usize, start: Start<O>, permit: Option<Arc<Permit<O>>>) {
        let candidate = Arc::clone(&self.state().slots[at].0);
        let shed = if permit.is_none() {
            Some(Shed::Busy)
        } else {
            (!candidate.breaker.allow(Instant::now())).then_some(Shed::Breaker)
        };
        if let Some(why) = shed {
            self.inner.failures.dispose(start);
            return self.settle(at, Came::Shed(why), None);
        }
        let limit = self.inner.deadline;
        let (gather, late) = (Arc::clone(self), Arc::clone(self));
        let work = move || {
            // Given back when the candidate ends, not when it is given up.
            let _permit = permit;
            if !gather.awaits(at) {
                return gather.inner.failures.dispose(start);
            }
            let (ended, took) = timed(start);
            let came = match ended {
                Ok(value) => Came::Value(value),
                Err(payload) => Came::Panicked(consume(payload)),
            };
            gather.settle(at, came, Some(took));
            gather.conclude_if_due();
        };
        let late = move || {
            late.settle(at, Came::TimedOut, Some(limit));
            late.conclude_if_due();
        };
        let job = Job {
            work: Box::new(work),
            deadline: Some((limit, Box::new(late))),
        };
        if !pool::submit(job) {
            self.settle(at, Came::Shed(Shed::Nowhere), None);
        }
    }

    fn awaits(&self, at: usize) -> bool {
        self.state().slots[at].1.is_none()
    }

    /// The first to say what became of a candidate is right.
    fn settle(&self, at: usize, came: Came<O>, took: Option<Duration>) {
        let mut state = self.state();
        if state.slots.get(at).is_some_and(|(_, slot)| slot.is_none()) {
            state.slots[at].1 = Some((came, took));
            state.missing -= 1;
            drop(state);
            self.change.notify_all();
        } else {
            drop(state);
            self.inner.failures.dispose(came);
        }
    }

    /// The control is over; its copy waits here for the candidates.
    pub(super) fn control(
        self: &Arc<Self>,
        inner: &Inner<O>,
        ended: &Result<O, Payload>,
        took: Duration,
        copy: impl FnOnce(&O) -> O,
    ) {
        let gave = match ended {
            Ok(value) => inner
                .failures
                .guard(Stage::Copy, || copy(value))
                .map_or(Gave::Lost, Gave::Value),
            Err(payload) => Gave::Panicked(message(payload)),
        };
        self.state().control = Some((gave, took));
    }

    /// When all is there and nobody on another thread was the last to bring something. Not in the caller's thread: comparing
    /// and publishing may take as long as they like.
    pub(super) fn conclude_elsewhere(self: &Arc<Self>) {
        let state = self.state();
        if state.missing == 0 && state.control.is_some() {
            drop(state);
            let gather = Arc::clone(self);
            let work = Box::new(move || gather.conclude_if_due());
            pool::submit(Job { work, deadline: None });
        }
    }

    fn take(state: &mut State<O>) -> Vec<Over<O>> {
        let fill = |(candidate, slot): &mut Slot<O>| {
            let (came, took) = slot
                .replace((Came::Cancelled, None))
                .unwrap_or((Came::Cancelled, None));
            Over {
                candidate: Arc::clone(candidate),
                came,
                took,
            }
        };
        state.slots.iter_mut().map(fill).collect()
    }

    fn conclude_if_due(&self) {
        let mut state = self.state();
        if state.missing > 0 {
            return;
        }
        let Some((gave, took)) = state.control.take() else {
            return;
        };
        let over = Self::take(&mut state);
        drop(state);
        let control = match &gave {
            Gave::Value(value) => Gave::Value(value),
            Gave::Panicked(said) => Gave::Panicked(said.clone()),
            Gave::Lost => Gave::Lost,
        };
        conclude(&self.inner, &control, (took, 0), &self.context, over);
        if let Gave::Value(value) = gave {
            self.inner.failures.dispose(value);
        }
        self.state().concluded = true;
        self.change.notify_all();
    }

    /// In the caller's thread, when the caller has waited for all.
    pub(super) fn conclude_here(&self, ended: Result<O, Payload>, (took, place): (Duration, usize)) -> O {
        let over = Self::take(&mut self.state());
        match ended {
            Ok(value) => {
                let differences = conclude(
                    &self.inner,
                    &Gave::Value(&value),
                    (took, place),
                    &self.context,
                    over,
                );
                fail(&self.inner, &differences);
                value
            }
            Err(payload) => {
                let gave = Gave::Panicked(message(&payload));
                conclude(&self.inner, &gave, (took, place), &self.context, over);
                resume_unwind(payload)
            }
        }
    }

    pub(super) fn wait_for(&self, at: usize, limit: Duration) {
        let waiting = |state: &mut State<O>| state.slots[at].1.is_none();
        let waited = self.change.wait_timeout_while(self.state(), limit, waiting);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        // The thread that watches deadlines may be late; the caller is not.
        self.settle(at, Came::TimedOut, Some(limit));
    }

    pub(super) fn wait_until_concluded(&self, limit: Duration) {
        let waited = self
            .change
            .wait_timeout_while(self.state(), limit, |state| !state.concluded);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}
