//! An experiment in the making: everything that holds for all its calls.

use crate::{
    breaker::Limits,
    candidate::Candidates,
    experiment::{Experiment, Inner, Mode},
    registry,
    ring::Ring,
    sampling::Flag,
    sinks::Sink,
};
use std::{fmt, sync::Arc, time::Duration};

/// An experiment that is being defined.
#[must_use = "an experiment is made by `build`"]
pub struct Definition<O> {
    pub(crate) inner: Inner<O>,
    pub(crate) limits: Limits,
}

impl<O> fmt::Debug for Definition<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition")
            .field("name", &self.inner.name)
            .finish_non_exhaustive()
    }
}

impl<O: 'static> Definition<O> {
    /// The share of calls that are runs, in percent. Default: 100. It can be changed at any time, see [`Switch`](crate::Switch).
    pub fn percent(self, percent: f64) -> Self {
        self.inner.switch.set_percent(percent);
        self
    }

    /// Runs only when this says so; asked for each call that the share has picked, after it, because it may cost more.
    /// Several have to agree.
    pub fn run_if(mut self, run_if: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.inner.run_if.push(Box::new(run_if));
        self
    }

    /// Runs only when this feature flag is on; asked like [`Self::run_if`], before it, with the call's key if it has one. A share
    /// of users then is the flag's business, and the experiment's own stays at 100 %.
    pub fn flag(mut self, flag: impl Flag + 'static) -> Self {
        self.inner.flag = Some(Box::new(flag));
        self
    }

    /// When candidates run, and whether the caller waits. Default: [`Mode::Background`].
    pub fn mode(mut self, mode: Mode) -> Self {
        self.inner.mode = mode;
        self
    }

    /// How long a candidate may take. A task is ended then, at its next await; a thread cannot be, and is given up. Those
    /// of [`Experiment::control_sync`] can be neither: to them it only applies afterwards. Default: 1 s.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.inner.deadline = deadline;
        self
    }

    /// How many runs may be under way; further calls get the control alone. Default: 64.
    pub fn at_once(mut self, runs: usize) -> Self {
        self.inner.at_once = runs;
        self
    }

    /// When a candidate is stopped by itself. Default: [`Limits::default`].
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Which values are errors, in the sense of [`Outcome::Error`](crate::Outcome::Error). Default: none;
    /// with [`Experiment::define_fallible`], `Err`.
    pub fn error_if(mut self, is_error: impl Fn(&O) -> bool + Send + Sync + 'static) -> Self {
        self.inner.is_error = Box::new(is_error);
        self
    }

    /// A known difference: asked when a candidate's value differs from the control's, with the control's value first. The
    /// first that says `true` gives its name as the reason. Default: none.
    pub fn ignore(
        mut self,
        reason: &'static str,
        known: impl Fn(&O, &O) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.inner.ignores.push((reason, Box::new(known)));
        self
    }

    /// What of a value may be recorded when it differs: text, or JSON as text. At most 4 KiB are kept. Without it no
    /// value ever is.
    pub fn clean(mut self, clean: impl Fn(&O) -> String + Send + Sync + 'static) -> Self {
        self.inner.clean = Some(Box::new(clean));
        self
    }

    /// Context for every run: the release, the region.
    pub fn context(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.inner.context.push((name, value.into()));
        self
    }

    /// How many of the last runs in which a candidate differed are kept. Default: 32.
    pub fn keep(mut self, samples: usize) -> Self {
        self.inner.samples = Ring::new(samples);
        self
    }

    /// Publishes each run to this, instead of to those installed for all (see [`crate::install`]). Several are called in
    /// turn.
    pub fn sink(mut self, sink: impl Sink + 'static) -> Self {
        self.inner.sinks.get_or_insert_default().push(Arc::new(sink));
        self
    }

    /// For tests: each call is a run, the caller waits for all candidates, and panics when one differs, with what differed.
    /// A panic of the control comes first.
    pub fn strict(mut self) -> Self {
        self.inner.strict = true;
        self
    }

    /// Makes the experiment, known by its name from now on to whoever sets shares from afar.
    pub fn build(self) -> Experiment<O> {
        let Self { mut inner, limits } = self;
        inner.candidates = Candidates::new(limits);
        registry::register(&inner.name, &inner.switch);
        Experiment(Arc::new(inner))
    }
}
