//! Runs of async code: candidates in tasks of their own, each with a deadline at which it is ended.

mod keep;

use crate::{
    experiment::{Experiment, Inner, Keyed, Mode, Permit},
    guard::message,
    judge::{Came, Gave, Over, conclude, fail},
    outcome::{Shed, Stage},
    plan::{Plan, builder},
};
use keep::{Task, caught, keep, timed};
use std::{fmt, future::Future, panic::resume_unwind, pin::Pin, sync::Arc, time::Duration};
use tokio::runtime::Handle;

type Start<O> = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = O> + Send>> + Send>;
type Before = Box<dyn FnOnce() + Send>;
type Candidate<O> = (Arc<crate::candidate::Candidate>, Start<O>);

/// A call of an experiment on async code; see [`Experiment::control`].
#[must_use = "nothing happens before `run().await`"]
pub struct Trial<'e, O, C> {
    experiment: &'e Experiment<O>,
    control: C,
    plan: Option<Plan<Start<O>, Before>>,
}

impl<O, C> fmt::Debug for Trial<'_, O, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial")
            .field("experiment", &self.experiment.0.name)
            .finish_non_exhaustive()
    }
}

impl<O: 'static> Experiment<O> {
    /// Begins a call on async code. The control runs where the caller awaits it and may borrow; candidates run in tasks of
    /// tokio's, so they own what they use.
    ///
    /// A task is ended at its next `await`: a candidate that computes for long, or blocks, should do so in tokio's
    /// `spawn_blocking`, or be one of [`Self::control_threaded`]. Without a runtime only the control runs.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use otus_experiments::experiment;
    ///
    /// async fn old() -> Vec<&'static str> { vec!["ann", "ben"] }
    /// async fn new() -> Vec<&'static str> { vec!["ann", "ben"] }
    ///
    /// let users = experiment("users-query").control(old).candidate("new", new).run().await;
    /// assert_eq!(users, ["ann", "ben"]);
    /// # }
    /// ```
    #[inline]
    pub fn control<C, F>(&self, control: C) -> Trial<'_, O, C>
    where
        C: FnOnce() -> F,
        F: Future<Output = O>,
    {
        let experiment = self;
        let (drawn, key) = (self.drawn(), None);
        Keyed {
            experiment,
            drawn,
            key,
        }
        .control(control)
    }
}

impl<'e, O: 'static> Keyed<'e, O> {
    /// See [`Experiment::control`].
    #[inline]
    pub fn control<C, F>(self, control: C) -> Trial<'e, O, C>
    where
        C: FnOnce() -> F,
        F: Future<Output = O>,
    {
        Trial {
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

impl<O, C, F> Trial<'_, O, C>
where
    O: 'static,
    C: FnOnce() -> F,
    F: Future<Output = O>,
{
    /// Adds a candidate. Its name is a label of metrics.
    #[inline]
    pub fn candidate<N, G>(mut self, name: &'static str, candidate: N) -> Self
    where
        N: FnOnce() -> G + Send + 'static,
        G: Future<Output = O> + Send + 'static,
    {
        if let Some(plan) = &mut self.plan {
            plan.add(&self.experiment.0, name, Box::new(move || Box::pin(candidate())));
        }
        self
    }

    /// Adds the control itself as a candidate named `again`: an A/A run, which shows how much differs by itself.
    #[inline]
    pub fn again(self) -> Self
    where
        C: Clone + Send + 'static,
        F: Send + 'static,
    {
        let control = self.control.clone();
        self.candidate("again", control)
    }

    builder!(before: Send + 'static);

    /// Runs it. What comes back is the control's. The value is cloned once when candidates run after or beside the control,
    /// because the caller has the original by the time it is compared; an `Arc` makes that cheap. What is no `Clone` has
    /// [`Self::run_with`].
    ///
    /// Whoever drops this future before it is done ends the candidates with the control; the run then counts for nothing.
    ///
    /// # Panics
    ///
    /// With the control's panic. In strict experiments also when a candidate differs.
    pub async fn run(self) -> O
    where
        O: Clone + Send,
    {
        self.run_with(O::clone).await
    }

    /// Like [`Self::run`], with another way to copy the control's value. Only what is compared and cleaned has to be the
    /// same in the copy: an error that cannot be cloned may become another one with the same text.
    ///
    /// # Panics
    ///
    /// As [`Self::run`].
    pub async fn run_with(self, copy: impl FnOnce(&O) -> O) -> O
    where
        O: Send,
    {
        match self.plan {
            None => (self.control)().await,
            // Boxed, so that whoever is not picked does not carry its size around.
            Some(plan) => Box::pin(science(&self.experiment.0, self.control, plan, copy)).await,
        }
    }
}

async fn science<O, C, F>(
    inner: &Arc<Inner<O>>,
    control: C,
    mut plan: Plan<Start<O>, Before>,
    copy: impl FnOnce(&O) -> O,
) -> O
where
    O: Send + 'static,
    C: FnOnce() -> F,
    F: Future<Output = O>,
{
    if !plan.begin(inner) {
        return control().await;
    }
    let place = plan.shuffle();
    let (permit, handle) = match (Permit::take(inner), Handle::try_current()) {
        (Some(permit), Ok(handle)) => (Arc::new(permit), handle),
        (permit, _) => {
            let why = if permit.is_none() {
                Shed::Busy
            } else {
                Shed::Nowhere
            };
            return alone(inner, control, plan, why).await;
        }
    };
    let Plan {
        candidates, context, ..
    } = plan;
    let mode = if inner.strict() {
        Mode::Sequential
    } else {
        inner.mode
    };
    let (ended, took, beside) = match mode {
        Mode::Sequential => {
            let mut over = Vec::with_capacity(candidates.len());
            let mut result = None;
            let mut control = Some(control);
            for (at, candidate) in candidates.into_iter().map(Some).chain([None]).enumerate() {
                if at == place
                    && let Some(control) = control.take()
                {
                    result = Some(timed(control).await);
                }
                if let Some(candidate) = candidate {
                    over.push(keep(Arc::clone(inner), handle.clone(), candidate, Arc::clone(&permit)).await);
                }
            }
            let Some((ended, took)) = result else {
                unreachable!("the place is one of those before, between and after the candidates");
            };
            let gave = match &ended {
                Ok(value) => Gave::Value(value),
                Err(payload) => Gave::Panicked(message(payload)),
            };
            let differences = conclude(inner, &gave, (took, place), &context, over);
            drop(permit);
            let value = ended.unwrap_or_else(|payload| resume_unwind(payload));
            fail(inner, &differences);
            return value;
        }
        Mode::Background => {
            let (ended, took) = timed(control).await;
            (ended, took, Beside::Later(candidates))
        }
        Mode::Concurrent { .. } => {
            let start = |candidate| {
                let kept = keep(Arc::clone(inner), handle.clone(), candidate, Arc::clone(&permit));
                Task(handle.spawn(kept))
            };
            let running: Vec<_> = candidates.into_iter().map(start).collect();
            let (ended, took) = timed(control).await;
            (ended, took, Beside::Running(running))
        }
    };
    let gave = match &ended {
        Ok(value) => inner
            .failures
            .guard(Stage::Copy, || copy(value))
            .map_or(Gave::Lost, Gave::Value),
        Err(payload) => Gave::Panicked(message(payload)),
    };
    let rest = finish(
        Arc::clone(inner),
        gave,
        took,
        context,
        beside,
        handle.clone(),
        permit,
    );
    let rest = handle.spawn(rest);
    if let Mode::Concurrent { grace } = mode
        && !grace.is_zero()
    {
        // Whether it was done in time is seen by the one who looks at the samples; a runtime without a clock panics here.
        let _ = caught(|| tokio::time::timeout(grace, rest)).await;
    }
    ended.unwrap_or_else(|payload| resume_unwind(payload))
}

/// The control alone; the candidates are said to have been shed.
async fn alone<O, C, F>(inner: &Inner<O>, control: C, plan: Plan<Start<O>, Before>, why: Shed) -> O
where
    O: 'static,
    C: FnOnce() -> F,
    F: Future<Output = O>,
{
    let (ended, took) = timed(control).await;
    let shed = |(candidate, start)| {
        inner.failures.dispose::<Start<O>>(start);
        Over {
            candidate,
            came: Came::Shed(why),
            took: None,
        }
    };
    let over = plan.candidates.into_iter().map(shed).collect();
    let gave = match &ended {
        Ok(value) => Gave::Value(value),
        Err(payload) => Gave::Panicked(message(payload)),
    };
    let differences = conclude(inner, &gave, (took, 0), &plan.context, over);
    let value = ended.unwrap_or_else(|payload| resume_unwind(payload));
    fail(inner, &differences);
    value
}

/// What runs while the caller goes on.
enum Beside<O> {
    Later(Vec<Candidate<O>>),
    Running(Vec<Task<Over<O>>>),
}

async fn finish<O: Send + 'static>(
    inner: Arc<Inner<O>>,
    gave: Gave<O>,
    took: Duration,
    context: crate::Context,
    beside: Beside<O>,
    handle: Handle,
    permit: Arc<Permit<O>>,
) {
    let mut over = Vec::new();
    match beside {
        // One after another: they share the input's locks and caches with nobody but live traffic.
        Beside::Later(candidates) => {
            for candidate in candidates {
                over.push(keep(Arc::clone(&inner), handle.clone(), candidate, Arc::clone(&permit)).await);
            }
        }
        Beside::Running(running) => {
            for mut task in running {
                // Whoever keeps a candidate only ends early when the runtime does.
                if let Ok(one) = (&mut task.0).await {
                    over.push(one);
                }
            }
        }
    }
    drop(permit);
    conclude(&inner, &gave_ref(&gave), (took, 0), &context, over);
    if let Gave::Value(value) = gave {
        inner.failures.dispose(value);
    }
}

fn gave_ref<O>(gave: &Gave<O>) -> Gave<&O> {
    match gave {
        Gave::Value(value) => Gave::Value(value),
        Gave::Panicked(said) => Gave::Panicked(said.clone()),
        Gave::Lost => Gave::Lost,
    }
}
