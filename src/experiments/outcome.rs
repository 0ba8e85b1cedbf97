//! What a comparison says, and what became of an arm.

use std::{borrow::Cow, fmt};

/// What a comparison says of two values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They are the same, for whoever compares.
    Match,
    /// They differ; where, when that is known. Use few different words (`email`, `order`): they are counted.
    Mismatch(Option<Cow<'static, str>>),
    /// They differ in a way that is known and accepted; which one.
    Ignored(Cow<'static, str>),
}

impl Verdict {
    /// They differ here.
    pub fn mismatch(place: impl Into<Cow<'static, str>>) -> Self {
        Self::Mismatch(Some(place.into()))
    }

    /// They differ, which is known for this reason.
    pub fn ignored(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Ignored(reason.into())
    }
}

impl From<bool> for Verdict {
    /// `true` is a match.
    fn from(same: bool) -> Self {
        if same { Self::Match } else { Self::Mismatch(None) }
    }
}

/// Why a candidate did not run at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shed {
    /// As many runs as allowed were under way.
    Busy,
    /// Its circuit breaker is open.
    Breaker,
    /// There is no tokio runtime, or no thread, to run it on.
    Nowhere,
}

/// A function of the experiment's author that is called around the arms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// `run_if`, of the experiment or of one run, or its flag.
    RunIf,
    /// `before_run`.
    BeforeRun,
    /// `compare`, `==`, or the test whether a value is an error.
    Compare,
    /// `ignore`.
    Ignore,
    /// `clean`.
    Clean,
    /// Copying the control's value (`Clone`).
    Copy,
    /// Dropping what a candidate made.
    Drop,
    /// A sink.
    Publish,
}

/// What became of a candidate in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It did what the control did.
    Match,
    /// It did something else; where they differ, when that is known.
    Mismatch(Option<Cow<'static, str>>),
    /// It did something else in a known way.
    Ignored(Cow<'static, str>),
    /// It returned an error where the control returned a value.
    Error(Option<Cow<'static, str>>),
    /// It panicked where the control did not, or with another message, or both with one that is no text.
    Panic(String),
    /// It was not done at its deadline.
    Timeout,
    /// Somebody else ended it: the runtime stopped.
    Cancelled,
    /// It was not run.
    Shed(Shed),
    /// It ran, but a function that should have judged it panicked.
    Undecided(Stage),
}

/// The kinds of [`Outcome`]: labels of counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// See [`Outcome::Match`].
    Match,
    /// See [`Outcome::Mismatch`].
    Mismatch,
    /// See [`Outcome::Ignored`].
    Ignored,
    /// See [`Outcome::Error`].
    Error,
    /// See [`Outcome::Panic`].
    Panic,
    /// See [`Outcome::Timeout`].
    Timeout,
    /// See [`Outcome::Cancelled`].
    Cancelled,
    /// See [`Outcome::Shed`].
    Shed,
    /// See [`Outcome::Undecided`].
    Undecided,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Match,
        Self::Mismatch,
        Self::Ignored,
        Self::Error,
        Self::Panic,
        Self::Timeout,
        Self::Cancelled,
        Self::Shed,
        Self::Undecided,
    ];

    /// Its name in metrics and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Mismatch => "mismatch",
            Self::Ignored => "ignored",
            Self::Error => "error",
            Self::Panic => "panic",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Shed => "shed",
            Self::Undecided => "undecided",
        }
    }

    /// Whether a run that ended so says that the candidate behaves differently.
    pub const fn differs(self) -> bool {
        matches!(self, Self::Mismatch | Self::Error | Self::Panic | Self::Timeout)
    }

    /// Whether a run that ended so says anything about the candidate's behaviour.
    pub const fn counts(self) -> bool {
        self.differs() || matches!(self, Self::Match | Self::Ignored)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Outcome {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Match => Kind::Match,
            Self::Mismatch(_) => Kind::Mismatch,
            Self::Ignored(_) => Kind::Ignored,
            Self::Error(_) => Kind::Error,
            Self::Panic(_) => Kind::Panic,
            Self::Timeout => Kind::Timeout,
            Self::Cancelled => Kind::Cancelled,
            Self::Shed(_) => Kind::Shed,
            Self::Undecided(_) => Kind::Undecided,
        }
    }

    /// Where it differs, why it is ignored, what it panicked with; when that is known.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Mismatch(detail) | Self::Error(detail) => detail.as_deref(),
            Self::Ignored(reason) => Some(reason),
            Self::Panic(message) => Some(message),
            _ => None,
        }
    }
}

/// What became of the control in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// It returned a value.
    Value,
    /// It returned what counts as an error.
    Error,
    /// It panicked, with this message; the caller got that panic.
    Panic(String),
}
