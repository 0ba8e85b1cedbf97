//! Runs to Otus, added up, as JSON over HTTP.

mod send;

use super::Sink;
use crate::{report::Report, stats::ExperimentStats};
use std::{
    cell::Cell,
    collections::HashMap,
    fmt,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// So many tables, so that threads do not wait for each other.
const STRIPES: usize = 8;
/// So many experiments fit into a table.
const EXPERIMENTS: usize = 500;
/// The longest pause after failed attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// The largest answer that is read.
const LARGEST_ANSWER: u64 = 1024 * 1024;

type Table = HashMap<Arc<str>, ExperimentStats>;

/// Adds runs up, sends the sums to Otus at intervals, and obeys the shares that come back. The format is that of
/// [`wire`](crate::wire).
///
/// Whoever publishes never waits: a run is added to a table in this process; in the unlikely case that all tables are taken at
/// that moment it is dropped, and counted. Memory is bounded by the number of experiments, not by how many runs there are: while
/// Otus does not answer, the sums grow, and nothing is lost but the older samples.
///
/// ```no_run
/// use otus_experiments::HttpSink;
/// # let token = String::new();
/// let sink = HttpSink::to("http://otus.internal:8080/hooks/experiments", token)
///     .application("shop")
///     .release("9f3c1e2")
///     .start()?;
/// otus_experiments::install(sink.clone());
/// // … and at the end of the program:
/// sink.flush(std::time::Duration::from_secs(2));
/// # Ok::<(), otus_experiments::HttpSinkError>(())
/// ```
#[derive(Clone)]
pub struct HttpSink(Arc<Shared>);

impl fmt::Debug for HttpSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSink")
            .field("url", &self.0.url)
            .finish_non_exhaustive()
    }
}

/// Why a sink cannot start.
#[derive(Debug)]
#[non_exhaustive]
pub enum HttpSinkError {
    /// The address is none that it can send to; which, and why.
    Address(String, &'static str),
    /// The token cannot be sent in a header.
    Token,
    /// There is no thread to send from.
    Thread(std::io::Error),
}

impl fmt::Display for HttpSinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(url, why) => write!(f, "{url:?} is no address to send experiments to: {why}"),
            Self::Token => f.write_str(
                "the token has characters that no HTTP header may have; is there a line break at its end?",
            ),
            Self::Thread(error) => write!(
                f,
                "the thread that sends experiments could not be started: {error}"
            ),
        }
    }
}

impl std::error::Error for HttpSinkError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Thread(error) = self {
            Some(error)
        } else {
            None
        }
    }
}

/// A sink in the making; see [`HttpSink::to`].
#[must_use = "nothing is sent before `start`"]
pub struct HttpSinkBuilder {
    url: String,
    token: String,
    application: String,
    release: Option<String>,
    every: Duration,
    timeout: Duration,
}

impl fmt::Debug for HttpSinkBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSinkBuilder")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

struct Shared {
    url: String,
    stripes: [Mutex<Table>; STRIPES],
    dropped: AtomicU64,
    sent: AtomicU64,
    failed: AtomicU64,
    last_error: Mutex<Option<String>>,
    /// How many rounds were asked for and how many are done.
    rounds: Mutex<(u64, u64)>,
    bell: Condvar,
}

impl HttpSink {
    /// Begins a sink to this address of Otus, with the token that was agreed on. `https` needs the feature `https`.
    pub fn to(url: impl Into<String>, token: impl Into<String>) -> HttpSinkBuilder {
        HttpSinkBuilder {
            url: url.into(),
            token: token.into(),
            application: "application".to_owned(),
            release: None,
            every: Duration::from_secs(10),
            timeout: Duration::from_secs(10),
        }
    }

    /// How many runs were dropped, because there was no room for them.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// How many batches arrived.
    pub fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// How many attempts to send failed.
    pub fn failed(&self) -> u64 {
        self.0.failed.load(Ordering::Relaxed)
    }

    /// Why the last attempt that failed did.
    pub fn last_error(&self) -> Option<String> {
        self.0
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sends what there is now, and waits for that at most this long. Whether it was tried; see [`Self::failed`].
    pub fn flush(&self, limit: Duration) -> bool {
        let mut rounds = self.0.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        rounds.0 += 1;
        let wanted = rounds.0;
        self.0.bell.notify_all();
        let waited = self
            .0
            .bell
            .wait_timeout_while(rounds, limit, |rounds| rounds.1 < wanted);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Sink for HttpSink {
    fn publish(&self, report: &Report<'_>) {
        thread_local! {
            static STRIPE: Cell<usize> = {
                static NEXT: AtomicUsize = AtomicUsize::new(0);
                Cell::new(NEXT.fetch_add(1, Ordering::Relaxed))
            };
        }
        let first = STRIPE.get();
        for at in 0..STRIPES {
            let Ok(mut table) = self.0.stripes[(first + at) % STRIPES].try_lock() else {
                continue;
            };
            if let Some(stats) = table.get_mut(report.experiment) {
                stats.record(report);
                return;
            }
            if table.len() < EXPERIMENTS {
                table
                    .entry(Arc::clone(report.experiment))
                    .or_default()
                    .record(report);
                return;
            }
            break;
        }
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl HttpSinkBuilder {
    /// The application's name, as people know it. Default: `application`.
    pub fn application(mut self, name: impl Into<String>) -> Self {
        self.application = name.into();
        self
    }

    /// Which release this is: a commit's hash, so that a difference can be told to be new since a deploy.
    pub fn release(mut self, release: impl Into<String>) -> Self {
        self.release = Some(release.into());
        self
    }

    /// How often it sends. Default: every 10 s. A new share is known that long after it was set.
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// How long one sending may take. Default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Starts it, with a thread of its own that sends once more after the last clone is gone, and ends.
    ///
    /// # Errors
    ///
    /// When the address is none for this, the token cannot be sent, or there is no thread.
    pub fn start(self) -> Result<HttpSink, HttpSinkError> {
        let fault = if self.url.starts_with("https://") {
            (!cfg!(feature = "https")).then_some("https needs the feature `https` of otus-experiments")
        } else {
            (!self.url.starts_with("http://")).then_some("it begins with neither http:// nor https://")
        };
        if let Some(fault) = fault {
            return Err(HttpSinkError::Address(self.url, fault));
        }
        if !self.token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(HttpSinkError::Token);
        }
        let shared = Arc::new(Shared {
            url: self.url.clone(),
            stripes: Default::default(),
            dropped: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            last_error: Mutex::default(),
            rounds: Mutex::default(),
            bell: Condvar::new(),
        });
        let weak = Arc::downgrade(&shared);
        let run = move || send::send_all(&self, &weak);
        thread::Builder::new()
            .name("experiments-http".to_owned())
            .spawn(run)
            .map_err(HttpSinkError::Thread)?;
        Ok(HttpSink(shared))
    }
}
