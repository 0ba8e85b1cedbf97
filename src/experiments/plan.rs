//! What one run is to do, put together while the caller builds it. A call that is no run has none of it.

use crate::{
    candidate::Candidate,
    experiment::{Experiment, Inner},
    outcome::Stage,
    report::Context,
};
use std::sync::Arc;

/// A run in the making. `F` is how a candidate is kept, `B` what is to be done before.
pub(crate) struct Plan<F, B> {
    pub(crate) candidates: Vec<(Arc<Candidate>, F)>,
    pub(crate) context: Context,
    pub(crate) before: Option<B>,
}

impl<F, B: FnOnce()> Plan<F, B> {
    /// For a call that the share picked; `None` when a predicate says no.
    pub(crate) fn new<O: 'static>(experiment: &Experiment<O>, key: Option<&str>) -> Option<Self> {
        let inner = &experiment.0;
        let agreed = |run_if: &dyn Fn() -> bool| {
            inner.strict() || inner.failures.guard(Stage::RunIf, run_if) == Some(true)
        };
        let flagged = inner
            .flag
            .as_ref()
            .is_none_or(|flag| agreed(&|| flag.is_on(&inner.name, key)));
        (flagged && inner.run_if.iter().all(|run_if| agreed(run_if.as_ref()))).then(|| Self {
            candidates: Vec::with_capacity(1),
            context: inner.context.clone(),
            before: None,
        })
    }

    pub(crate) fn add<O>(&mut self, inner: &Inner<O>, name: &'static str, candidate: F) {
        self.candidates.push((inner.candidates.get(name), candidate));
    }

    /// Whether there is anything to run; and what was to be done before is done.
    pub(crate) fn begin<O>(&mut self, inner: &Inner<O>) -> bool {
        if self.candidates.is_empty() {
            return false;
        }
        self.before
            .take()
            .is_none_or(|before| inner.failures.guard(Stage::BeforeRun, before).is_some())
    }

    /// Puts the candidates into a random order, and says where among them the control's place is: of all orders of all
    /// arms each is equally likely.
    pub(crate) fn shuffle(&mut self) -> usize {
        fastrand::shuffle(&mut self.candidates);
        fastrand::usize(..=self.candidates.len())
    }
}

/// The builder methods that all kinds of runs share.
macro_rules! builder {
    ($(#[$bound:meta])* before: $($before:tt)+) => {
        /// More context for this run.
        pub fn context(mut self, name: &'static str, value: impl Into<String>) -> Self {
            if let Some(plan) = &mut self.plan {
                plan.context.push((name, value.into()));
            }
            self
        }

        /// Runs the candidates only if this says so; not asked when the call is no run anyway.
        pub fn run_if(mut self, run_if: impl FnOnce() -> bool) -> Self {
            let inner = &self.experiment.0;
            if self.plan.is_some() && inner.failures.guard(crate::outcome::Stage::RunIf, run_if) != Some(true) {
                self.plan = None;
            }
            self
        }

        /// Done before the arms, only when candidates run: expensive preparations. When it panics no candidate runs.
        pub fn before_run(mut self, before: impl FnOnce() + $($before)+) -> Self {
            if let Some(plan) = &mut self.plan {
                plan.before = Some(Box::new(before));
            }
            self
        }
    };
}
pub(crate) use builder;
