//! Runs in the caller's thread: everything may borrow, nothing is spawned, nothing can be cut short.

use crate::{
    experiment::{Experiment, Keyed, Permit},
    guard::{Payload, catch, consume, message},
    judge::{Came, Gave, Over, conclude, fail},
    outcome::Shed,
    plan::{Plan, builder},
};
use std::{
    fmt,
    panic::resume_unwind,
    time::{Duration, Instant},
};

type Candidate<'a, O> = Box<dyn FnOnce() -> O + 'a>;
type Before<'a> = Box<dyn FnOnce() + 'a>;

/// A call of an experiment, in the caller's thread; see [`Experiment::control_sync`].
#[must_use = "nothing happens before `run`"]
pub struct SyncTrial<'a, O, C> {
    experiment: &'a Experiment<O>,
    control: C,
    plan: Option<Plan<Candidate<'a, O>, Before<'a>>>,
}

impl<O, C> fmt::Debug for SyncTrial<'_, O, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncTrial")
            .field("experiment", &self.experiment.0.name)
            .finish_non_exhaustive()
    }
}

impl<O: 'static> Experiment<O> {
    /// Begins a call in the caller's thread: control and candidates run one after another in a random order, and may borrow.
    ///
    /// Whatever a candidate does, the caller gets the control's value or the control's panic. Only its time the caller does
    /// feel: code cannot be ended from outside, so a candidate that is over its deadline counts as a timeout, and after a
    /// few of these its breaker opens. Candidates that may hang belong on threads ([`Self::control_threaded`]).
    ///
    /// ```
    /// use otus_experiments::Experiment;
    /// let sorting = Experiment::<Vec<u32>>::define("sorting").build();
    /// let numbers = vec![3, 1, 2];
    /// let sorted = sorting
    ///     .control_sync(|| { let mut all = numbers.clone(); all.sort(); all })
    ///     .candidate("unstable", || { let mut all = numbers.clone(); all.sort_unstable(); all })
    ///     .run();
    /// assert_eq!(sorted, [1, 2, 3]);
    /// ```
    #[inline]
    pub fn control_sync<C: FnOnce() -> O>(&self, control: C) -> SyncTrial<'_, O, C> {
        let experiment = self;
        let (drawn, key) = (self.drawn(), None);
        Keyed {
            experiment,
            drawn,
            key,
        }
        .control_sync(control)
    }
}

impl<'a, O: 'static> Keyed<'a, O> {
    /// See [`Experiment::control_sync`].
    #[inline]
    pub fn control_sync<C: FnOnce() -> O>(self, control: C) -> SyncTrial<'a, O, C> {
        SyncTrial {
            experiment: self.experiment,
            control,
            plan: if self.drawn {
                Plan::new(self.experiment, self.key)
            } else {
                None
            },
        }
    }
}

impl<'a, O: 'static, C: FnOnce() -> O> SyncTrial<'a, O, C> {
    /// Adds a candidate. Its name is a label of metrics.
    #[inline]
    pub fn candidate(mut self, name: &'static str, candidate: impl FnOnce() -> O + 'a) -> Self {
        if let Some(plan) = &mut self.plan {
            plan.add(&self.experiment.0, name, Box::new(candidate));
        }
        self
    }

    /// Adds the control itself as a candidate named `again`: an A/A run, which shows how much differs by itself.
    #[inline]
    pub fn again(self) -> Self
    where
        C: Clone + 'a,
    {
        let control = self.control.clone();
        self.candidate("again", control)
    }

    builder!(before: 'a);

    /// Runs it. What comes back is the control's.
    ///
    /// # Panics
    ///
    /// With the control's panic. In strict experiments also when a candidate differs.
    #[inline]
    pub fn run(self) -> O {
        match self.plan {
            None => (self.control)(),
            Some(plan) => science(self.experiment, self.control, plan),
        }
    }
}

fn science<O: 'static>(
    experiment: &Experiment<O>,
    control: impl FnOnce() -> O,
    mut plan: Plan<Candidate<'_, O>, Before<'_>>,
) -> O {
    let inner = &experiment.0;
    if !plan.begin(inner) {
        return control();
    }
    let place = plan.shuffle();
    let permit = Permit::take(inner);
    let mut control = Some(control);
    let mut result: Option<(Result<O, Payload>, Duration)> = None;
    let mut over = Vec::with_capacity(plan.candidates.len());
    // The end of one arm is the beginning of the next: looking at the clock is what costs most.
    let mut clock = Instant::now();
    let lap = |clock: &mut Instant| {
        let now = Instant::now();
        now.duration_since(std::mem::replace(clock, now))
    };
    let mut run_control = |clock: &mut Instant, result: &mut Option<(Result<O, Payload>, Duration)>| {
        if let Some(control) = control.take() {
            let ended = catch(control);
            *result = Some((ended, lap(clock)));
        }
    };
    for (position, (candidate, run)) in plan.candidates.into_iter().enumerate() {
        if position == place {
            run_control(&mut clock, &mut result);
        }
        let shed = match &permit {
            None => Some(Shed::Busy),
            Some(_) if !candidate.breaker.allow(clock) => Some(Shed::Breaker),
            Some(_) => None,
        };
        let (came, took) = if let Some(why) = shed {
            inner.failures.dispose(run);
            (Came::Shed(why), None)
        } else {
            let ended = catch(run);
            let now = Instant::now();
            let took = now.duration_since(std::mem::replace(&mut clock, now));
            let came = match ended {
                Err(payload) => Came::Panicked(consume(payload)),
                Ok(value) if took > inner.deadline => {
                    inner.failures.dispose(value);
                    Came::TimedOut
                }
                Ok(value) => Came::Value(value),
            };
            (came, Some(took))
        };
        over.push(Over {
            candidate,
            came,
            took,
        });
    }
    run_control(&mut clock, &mut result);
    let Some((ended, took)) = result else {
        unreachable!("the control has run: at its place, or after the last candidate");
    };
    match ended {
        Ok(value) => {
            let differences = conclude(inner, &Gave::Value(&value), (took, place), &plan.context, over);
            drop(permit);
            fail(inner, &differences);
            value
        }
        Err(payload) => {
            conclude(
                inner,
                &Gave::Panicked(message(&payload)),
                (took, place),
                &plan.context,
                over,
            );
            drop(permit);
            resume_unwind(payload)
        }
    }
}
