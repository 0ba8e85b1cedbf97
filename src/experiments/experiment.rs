//! An experiment: what is compared, how, how often, and within which limits. Made once, used for every call.

use crate::{
    breaker::Limits,
    candidate::Candidates,
    definition::Definition,
    guard::Failures,
    outcome::{Stage, Verdict},
    registry,
    report::{Context, Sample},
    ring::Ring,
    sampling::{Flag, Switch, strict_everywhere},
    sinks::Sink,
};
use std::{
    fmt::{self, Display},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

type Compare<O> = Box<dyn Fn(&O, &O) -> Verdict + Send + Sync>;
type Test<O> = Box<dyn Fn(&O) -> bool + Send + Sync>;
type Known<O> = (&'static str, Box<dyn Fn(&O, &O) -> bool + Send + Sync>);
type Clean<O> = Box<dyn Fn(&O) -> String + Send + Sync>;

/// When candidates run, and whether the caller waits for them.
///
/// It holds for candidates in tasks ([`Experiment::control`]) and on threads ([`Experiment::control_threaded`]); those of
/// [`Experiment::control_sync`] always run one after another, in the caller's thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// After the control, while the caller has its value already. Nothing is added to the caller's latency but the handing
    /// over. The default.
    Background,
    /// Beside the control. When the control is done, the caller waits for the candidates at most this long; those that take
    /// longer go on until their deadline.
    Concurrent {
        /// At most this is added to the caller's latency.
        grace: Duration,
    },
    /// All one after another, control and candidates shuffled, and the caller waits for all of them: at most the deadline
    /// of each is added. The fairest measurement, because none runs beside another and none is always first.
    Sequential,
}

/// An experiment. Cheap to clone: clones are the same experiment.
///
/// `O` is what control and candidates return.
pub struct Experiment<O>(pub(crate) Arc<Inner<O>>);

impl<O> Clone for Experiment<O> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<O> fmt::Debug for Experiment<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Experiment")
            .field("name", &self.0.name)
            .field("percent", &self.0.switch.percent())
            .finish_non_exhaustive()
    }
}

pub(crate) struct Inner<O> {
    pub(crate) name: Arc<str>,
    pub(crate) switch: Arc<Switch>,
    pub(crate) strict: bool,
    pub(crate) mode: Mode,
    pub(crate) deadline: Duration,
    pub(crate) flag: Option<Box<dyn Flag>>,
    pub(crate) run_if: Vec<Box<dyn Fn() -> bool + Send + Sync>>,
    pub(crate) compare: Compare<O>,
    pub(crate) is_error: Test<O>,
    pub(crate) ignores: Vec<Known<O>>,
    pub(crate) clean: Option<Clean<O>>,
    pub(crate) context: Context,
    pub(crate) candidates: Candidates,
    pub(crate) samples: Ring,
    pub(crate) failures: Failures,
    pub(crate) in_flight: AtomicUsize,
    pub(crate) at_once: usize,
    pub(crate) sinks: Option<Vec<Arc<dyn Sink>>>,
}

impl<O> Inner<O> {
    pub(crate) fn strict(&self) -> bool {
        self.strict || strict_everywhere()
    }

    /// Calls each sink; what panics in one is nobody else's business.
    pub(crate) fn each_sink(&self, mut call: impl FnMut(&dyn Sink)) {
        let mut one = |sink: &dyn Sink| {
            self.failures.guard(Stage::Publish, || call(sink));
        };
        match &self.sinks {
            Some(sinks) => sinks.iter().for_each(|sink| one(sink.as_ref())),
            None => registry::sinks().iter().for_each(|sink| one(sink.as_ref())),
        }
    }
}

/// A run's place among those under way. Kept by everything that runs for it, so that a candidate that cannot be ended goes
/// on taking its place.
pub(crate) struct Permit<O>(Arc<Inner<O>>);

impl<O> Permit<O> {
    pub(crate) fn take(inner: &Arc<Inner<O>>) -> Option<Self> {
        let before = inner.in_flight.fetch_add(1, Ordering::Relaxed);
        let permit = Self(Arc::clone(inner));
        // Dropped when there was no place, which gives it back.
        (before < inner.at_once).then_some(permit)
    }
}

impl<O> Drop for Permit<O> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<O: 'static> Experiment<O> {
    /// Begins an experiment whose values are compared with `==`. Its name is a label of metrics and what people type in
    /// chat: `users-query`.
    pub fn define(name: impl Into<Arc<str>>) -> Definition<O>
    where
        O: PartialEq,
    {
        Self::define_with(name, |control: &O, candidate: &O| control == candidate)
    }

    /// Begins an experiment with its own comparison, of the control's value and a candidate's, in this order. It says
    /// `true` or `false`, or a [`Verdict`] that names where they differ.
    ///
    /// ```
    /// use otus_experiments::Experiment;
    /// // Numbers that came about in another order of additions.
    /// let totals = Experiment::define_with("totals", |a: &f64, b: &f64| (a - b).abs() <= 1e-9 * a.abs()).build();
    /// assert_eq!(totals.control_sync(|| 0.1 + 0.2).candidate("new", || 0.3).run(), 0.1 + 0.2);
    /// assert_eq!(totals.samples().len(), 0);
    /// ```
    pub fn define_with<V: Into<Verdict>>(
        name: impl Into<Arc<str>>,
        compare: impl Fn(&O, &O) -> V + Send + Sync + 'static,
    ) -> Definition<O> {
        Definition {
            inner: Inner {
                name: name.into(),
                switch: Arc::new(Switch::new(100.0)),
                strict: false,
                mode: Mode::Background,
                deadline: Duration::from_secs(1),
                flag: None,
                run_if: Vec::new(),
                compare: Box::new(move |a, b| compare(a, b).into()),
                is_error: Box::new(|_| false),
                ignores: Vec::new(),
                clean: None,
                context: Vec::new(),
                candidates: Candidates::new(Limits::default()),
                samples: Ring::new(32),
                failures: Failures::default(),
                in_flight: AtomicUsize::new(0),
                at_once: 64,
                sinks: None,
            },
            limits: Limits::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What says how often it runs: change it at any time, from anywhere.
    pub fn switch(&self) -> &Switch {
        &self.0.switch
    }

    /// The last runs in which a candidate differed, oldest first.
    pub fn samples(&self) -> Vec<Arc<Sample>> {
        self.0.samples.all()
    }

    /// How many runs are under way, those that wait for a candidate nobody can end included.
    pub fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    /// How many times a function of the experiment's author panicked (`compare`, `clean`, a sink …). None of these was
    /// felt by a caller.
    pub fn failures(&self) -> u64 {
        self.0.failures.count()
    }

    /// Where the last of [`Self::failures`] was, and with which message.
    pub fn last_failure(&self) -> Option<(Stage, String)> {
        self.0.failures.last()
    }

    /// The candidates that ran so far, each with why it is stopped, when its circuit breaker is open.
    pub fn candidates(&self) -> Vec<(&'static str, Option<String>)> {
        self.0.candidates.list()
    }

    pub(crate) fn drawn(&self) -> bool {
        // Without unwinding a candidate's panic would end the process.
        cfg!(panic = "unwind") && (self.0.switch.draw() || self.0.strict)
    }

    /// Decides by a key whether this call is a run, instead of at random: the same user always is, or never. A share that
    /// grows keeps those that were in.
    pub fn for_key<'e>(&'e self, key: &'e str) -> Keyed<'e, O> {
        let drawn = self.0.switch.draw_for(&self.0.name, key) || self.0.strict;
        Keyed {
            experiment: self,
            drawn: cfg!(panic = "unwind") && drawn,
            key: Some(key),
        }
    }
}

impl<T: PartialEq + 'static, E: Display + 'static> Experiment<Result<T, E>> {
    /// Begins an experiment on what may fail. Values are compared with `==`; of two errors the texts are. An error counts
    /// as one (see [`Outcome::Error`](crate::Outcome::Error)) where the control has a value.
    pub fn define_fallible(name: impl Into<Arc<str>>) -> Definition<Result<T, E>> {
        Self::define_fallible_with(name, T::eq, |a: &E, b: &E| a.to_string() == b.to_string())
    }
}

impl<T: 'static, E: 'static> Experiment<Result<T, E>> {
    /// Begins an experiment on what may fail, with one comparison for values and one for errors.
    pub fn define_fallible_with<V: Into<Verdict>, W: Into<Verdict>>(
        name: impl Into<Arc<str>>,
        values: impl Fn(&T, &T) -> V + Send + Sync + 'static,
        errors: impl Fn(&E, &E) -> W + Send + Sync + 'static,
    ) -> Definition<Result<T, E>> {
        Self::define_with(
            name,
            move |control: &Result<T, E>, candidate: &Result<T, E>| match (control, candidate) {
                (Ok(a), Ok(b)) => values(a, b).into(),
                (Err(a), Err(b)) => errors(a, b).into(),
                (Ok(_), Err(_)) => Verdict::mismatch("an error instead of a value"),
                (Err(_), Ok(_)) => Verdict::mismatch("a value instead of an error"),
            },
        )
        .error_if(Result::is_err)
    }
}

/// A call that is a run, or not, because of its key; see [`Experiment::for_key`].
#[derive(Debug)]
#[must_use = "a key alone runs nothing"]
pub struct Keyed<'e, O> {
    pub(crate) experiment: &'e Experiment<O>,
    pub(crate) drawn: bool,
    pub(crate) key: Option<&'e str>,
}
