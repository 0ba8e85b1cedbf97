//! The log: for people or as JSON, and what a panic leaves in it.

use crate::{
    config::{LogConfig, LogFormat},
    secrets::Redacting,
    traces::Traces,
};
use std::{backtrace::Backtrace, backtrace::BacktraceStatus, fs::File, io::IsTerminal as _, sync::Mutex};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Where the log goes.
#[derive(Debug)]
pub(crate) enum Target {
    /// The standard error.
    Stderr,
    /// A file.
    File(File),
}

/// Begins to log; once in a process. A second call changes nothing. Traces are told as well, where there is somebody to tell.
pub(crate) fn init(config: &LogConfig, target: Target, traces: Option<&Traces>) {
    let filter = EnvFilter::builder().parse_lossy(&config.filter);
    let registry = tracing_subscriber::registry()
        .with(filter)
        .with(traces.map(Traces::layer));
    // An error says that somebody else logs already, as in a test: that one goes on.
    let _ = match (target, config.format) {
        (Target::Stderr, LogFormat::Json) => registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(|| Redacting::new(std::io::stderr())),
            )
            .try_init(),
        (Target::Stderr, LogFormat::Human) => registry
            .with(
                fmt::layer()
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_writer(|| Redacting::new(std::io::stderr())),
            )
            .try_init(),
        (Target::File(file), _) => registry
            .with(
                fmt::layer()
                    .with_ansi(false)
                    .with_writer(Mutex::new(Redacting::new(file))),
            )
            .try_init(),
    };
}

/// Lets panics be logged by their place. What they say stays out of the log: it may hold what somebody said, or a secret.
pub(crate) fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            tracing::error!(place, thread, %backtrace, "a panic");
        } else {
            tracing::error!(place, thread, "a panic; RUST_BACKTRACE=1 shows how it came about");
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Write, sync::Arc};
    use tracing_subscriber::Layer as _;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_logged_by_its_place_and_not_by_its_words() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::registry()
            .with(fmt::layer().with_writer(move || Redacting::new(writer.clone())));
        let before = std::panic::take_hook();
        log_panics();
        let caught = tracing::subscriber::with_default(subscriber, || {
            std::panic::catch_unwind(|| panic!("the token is {}", "xoxb-secret"))
        });
        std::panic::set_hook(before);
        assert!(caught.is_err());
        let logged = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(
            logged.contains("a panic") && logged.contains("logs.rs"),
            "{logged}"
        );
        assert!(!logged.contains("secret"), "{logged}");
    }

    #[test]
    fn no_credential_gets_into_the_log() {
        for (json, ansi) in [(false, false), (false, true), (true, false)] {
            let kept = Kept::default();
            let writer = kept.clone();
            let make = move || Redacting::new(writer.clone());
            let layer = fmt::layer().with_ansi(ansi);
            let layer = match json {
                true => layer.json().flatten_event(true).with_writer(make).boxed(),
                false => layer.with_writer(make).boxed(),
            };
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
                let span = tracing::info_span!("a", url = "postgres://app:hunter2@db/shop");
                span.in_scope(|| tracing::error!(password = "hunter2", "it said \"password\": \"hunter2\""));
                tracing::warn!(error = "Authorization: Bearer hunter2hunter2", "refused");
            });
            let logged = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
            assert!(!logged.contains("hunter2"), "{logged}");
            assert!(
                logged.contains("postgres://app:[redacted: password]@db/shop"),
                "{logged}"
            );
            for line in logged.lines().filter(|_| json) {
                assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
            }
        }
    }
}
