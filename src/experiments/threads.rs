//! Runs of code that blocks: the control in the caller's thread, candidates on threads of their own, given up at their
//! deadline. No runtime is needed.

mod gather;

use crate::{
    experiment::{Experiment, Inner, Keyed, Mode, Permit},
    guard::{Payload, catch},
    plan::{Plan, builder},
};
use gather::Gather;
use std::{
    fmt,
    panic::resume_unwind,
    sync::Arc,
    time::{Duration, Instant},
};

type Start<O> = Box<dyn FnOnce() -> O + Send>;
type Before = Box<dyn FnOnce() + Send>;

/// A call of an experiment, with candidates on threads; see [`Experiment::control_threaded`].
#[must_use = "nothing happens before `run`"]
pub struct ThreadTrial<'e, O, C> {
    experiment: &'e Experiment<O>,
    control: C,
    plan: Option<Plan<Start<O>, Before>>,
}

impl<O, C> fmt::Debug for ThreadTrial<'_, O, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadTrial")
            .field("experiment", &self.experiment.0.name)
            .finish_non_exhaustive()
    }
}

impl<O: 'static> Experiment<O> {
    /// Begins a call whose control runs in the caller's thread, and whose candidates run on a few threads of this crate's.
    /// No async runtime is needed.
    ///
    /// A thread cannot be ended. A candidate that is over its deadline is given up: it counts as a timeout, its run goes on
    /// taking its place among those [at once](crate::Definition::at_once), and what it returns one day is dropped.
    ///
    /// ```
    /// use otus_experiments::{Experiment, Mode};
    /// use std::time::Duration;
    /// let grace = Duration::from_secs(60);
    /// let parsing = Experiment::<u32>::define("parsing").mode(Mode::Concurrent { grace }).build();
    /// assert_eq!(parsing.control_threaded(|| 7).candidate("new", || panic!("not yet written")).run(), 7);
    /// assert_eq!(parsing.samples()[0].detail.as_deref(), Some("not yet written"));
    /// ```
    #[inline]
    pub fn control_threaded<C: FnOnce() -> O>(&self, control: C) -> ThreadTrial<'_, O, C> {
        let experiment = self;
        let (drawn, key) = (self.drawn(), None);
        Keyed {
            experiment,
            drawn,
            key,
        }
        .control_threaded(control)
    }
}

impl<'e, O: 'static> Keyed<'e, O> {
    /// See [`Experiment::control_threaded`].
    #[inline]
    pub fn control_threaded<C: FnOnce() -> O>(self, control: C) -> ThreadTrial<'e, O, C> {
        ThreadTrial {
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

impl<O: 'static, C: FnOnce() -> O> ThreadTrial<'_, O, C> {
    /// Adds a candidate. Its name is a label of metrics.
    #[inline]
    pub fn candidate(mut self, name: &'static str, candidate: impl FnOnce() -> O + Send + 'static) -> Self {
        if let Some(plan) = &mut self.plan {
            plan.add(&self.experiment.0, name, Box::new(candidate));
        }
        self
    }

    /// Adds the control itself as a candidate named `again`: an A/A run, which shows how much differs by itself.
    #[inline]
    pub fn again(self) -> Self
    where
        C: Clone + Send + 'static,
    {
        let control = self.control.clone();
        self.candidate("again", control)
    }

    builder!(before: Send + 'static);

    /// Runs it. What comes back is the control's, cloned once for the comparison. What is no `Clone` has
    /// [`Self::run_with`].
    ///
    /// # Panics
    ///
    /// With the control's panic. In strict experiments also when a candidate differs.
    #[inline]
    pub fn run(self) -> O
    where
        O: Clone + Send,
    {
        self.run_with(O::clone)
    }

    /// Like [`Self::run`], with another way to copy the control's value. Only what is compared and cleaned has to be the
    /// same in the copy.
    ///
    /// # Panics
    ///
    /// As [`Self::run`].
    #[inline]
    pub fn run_with(self, copy: impl FnOnce(&O) -> O) -> O
    where
        O: Send,
    {
        match self.plan {
            None => (self.control)(),
            Some(plan) => science(&self.experiment.0, self.control, plan, copy),
        }
    }
}

fn science<O: Send + 'static>(
    inner: &Arc<Inner<O>>,
    control: impl FnOnce() -> O,
    mut plan: Plan<Start<O>, Before>,
    copy: impl FnOnce(&O) -> O,
) -> O {
    if !plan.begin(inner) {
        return control();
    }
    let place = plan.shuffle();
    let permit = Permit::take(inner).map(Arc::new);
    let mode = if inner.strict() || permit.is_none() {
        Mode::Sequential
    } else {
        inner.mode
    };
    let starts: Vec<_> = plan
        .candidates
        .iter()
        .map(|(candidate, _)| Arc::clone(candidate))
        .collect();
    let gather = Arc::new(Gather::new(Arc::clone(inner), starts, plan.context));
    let mut begin = plan.candidates.into_iter().enumerate();
    let start = |(at, (_, start)): (usize, (_, Start<O>))| gather.start(at, start, permit.clone());

    let ended = match mode {
        Mode::Sequential => {
            let mut before = 0;
            let wait = |(at, one)| {
                start((at, one));
                gather.wait_for(at, inner.deadline);
            };
            while before < place
                && let Some(one) = begin.next()
            {
                wait(one);
                before += 1;
            }
            let (ended, took) = timed(control);
            begin.for_each(wait);
            return gather.conclude_here(ended, (took, place));
        }
        Mode::Background => {
            let (ended, took) = timed(control);
            gather.control(inner, &ended, took, copy);
            begin.for_each(start);
            gather.conclude_elsewhere();
            ended
        }
        Mode::Concurrent { grace } => {
            begin.for_each(start);
            let (ended, took) = timed(control);
            gather.control(inner, &ended, took, copy);
            gather.conclude_elsewhere();
            if !grace.is_zero() {
                gather.wait_until_concluded(grace);
            }
            ended
        }
    };
    ended.unwrap_or_else(|payload| resume_unwind(payload))
}

fn timed<O>(run: impl FnOnce() -> O) -> (Result<O, Payload>, Duration) {
    let began = Instant::now();
    let ended = catch(run);
    (ended, began.elapsed())
}
