//! `otus audit`: verifies and exports the audit trail.

use crate::{
    cli::{Configured, on_runtime, print, quiet, refuse},
    config::Settings,
};
use clap::{Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use otus_core::{
    audit::{AuditFilter, Recorded},
    csv::cell,
};
use otus_store::{Trail, TrailFault};
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
};

/// How many entries are exported at once.
const PAGE: u32 = 1_000;

/// The exit code when the trail could not be read, to tell it from one that was tampered with.
const UNREADABLE: u8 = 2;

/// What to do with the trail.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Proves that no entry was changed, removed or inserted
    ///
    /// The exit code is 0 when the chain is whole, 1 when it is broken, 2 when it cannot be read.
    Verify(Configured),
    /// Writes the entries out, oldest first
    Export {
        #[command(flatten)]
        configured: Configured,
        /// One JSON object a line, or comma-separated values
        #[arg(long, value_enum, default_value_t = Format::Jsonl)]
        format: Format,
        /// Only what happened from then on: a moment (2026-11-01T08:00:00Z), or how long ago (7d, 12h)
        #[arg(long, value_name = "WHEN", value_parser = since)]
        since: Option<Since>,
        /// Into this file; otherwise to the standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// How entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object a line, with the hashes
    Jsonl,
    /// A table
    Csv,
}

/// From when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    At(Timestamp),
    Ago(SignedDuration),
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Since::At(at));
    }
    let ago = text.parse::<jiff::Span>().ok().and_then(|span| {
        let marked = jiff::SpanRelativeTo::days_are_24_hours();
        span.to_duration(marked).ok()
    });
    match ago {
        Some(ago) => Ok(Since::Ago(ago.abs())),
        None => Err("this takes a moment (2026-11-01T08:00:00Z) or how long ago (7d, 12h)".into()),
    }
}

/// Does it.
pub(crate) fn main(what: What) -> ExitCode {
    match what {
        What::Verify(configured) => with_trail(configured, async |settings| verify(&settings).await),
        What::Export {
            configured,
            format,
            since,
            out,
        } => with_trail(configured, async move |settings| {
            match export(&settings, format, since, out).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(why) => {
                    refuse(&why);
                    ExitCode::from(UNREADABLE)
                }
            }
        }),
    }
}

fn with_trail(configured: Configured, work: impl AsyncFnOnce(Settings) -> ExitCode) -> ExitCode {
    let loaded = configured.load();
    quiet(&loaded);
    // Slack's tokens are not needed for this, so only what is wrong is told, not what is missing.
    match loaded.settled() {
        Ok(settings) => on_runtime(work(settings)),
        Err(faults) => {
            refuse(&faults);
            ExitCode::from(UNREADABLE)
        }
    }
}

async fn verify(settings: &Settings) -> ExitCode {
    let mut trail = match Trail::open(&settings.store).await {
        Ok(trail) => trail,
        Err(error) => {
            refuse(&error);
            return ExitCode::from(UNREADABLE);
        }
    };
    match trail.verify().await {
        Ok(tip) => {
            print(&format!(
                "The audit trail is whole: {} entries, the last with the hash {}.\n\
                 Keep that line elsewhere: it proves later that nothing before it was changed.\n",
                tip.number, tip.hash
            ));
            ExitCode::SUCCESS
        }
        Err(error @ TrailFault::Unavailable(_)) => {
            refuse(&error);
            ExitCode::from(UNREADABLE)
        }
        Err(broken) => {
            refuse(&format!("The audit trail is broken: {broken}."));
            ExitCode::FAILURE
        }
    }
}

async fn export(
    settings: &Settings,
    format: Format,
    since: Option<Since>,
    out: Option<PathBuf>,
) -> Result<(), String> {
    let mut trail = Trail::open(&settings.store)
        .await
        .map_err(|error| error.to_string())?;
    let since = match since {
        Some(Since::At(at)) => Some(at),
        Some(Since::Ago(ago)) => Some(
            Timestamp::now()
                .checked_sub(ago)
                .map_err(|_| "that is too long ago")?,
        ),
        None => None,
    };
    let mut to: Box<dyn Write> = match &out {
        Some(path) => {
            let file = File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
            Box::new(BufWriter::new(file))
        }
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    let written = async {
        if format == Format::Csv {
            writeln!(to, "{HEADINGS}").map_err(Stop::of)?;
        }
        let mut after = 0;
        loop {
            let filter = AuditFilter {
                since,
                after: Some(after),
                oldest_first: true,
                limit: PAGE,
                ..AuditFilter::default()
            };
            let page = trail
                .entries(&filter)
                .await
                .map_err(|error| Stop::Why(error.to_string()))?;
            let Some(last) = page.last() else { break };
            after = last.number;
            for recorded in &page {
                let line = match format {
                    Format::Jsonl => serde_json::to_string(recorded).map_err(Stop::of)?,
                    Format::Csv => row(recorded),
                };
                writeln!(to, "{line}").map_err(Stop::of)?;
            }
        }
        to.flush().map_err(Stop::of)
    };
    match written.await {
        // Whoever read it has had enough: `otus audit export | head`.
        Ok(()) | Err(Stop::Closed) => Ok(()),
        Err(Stop::Why(why)) => Err(why),
    }
}

/// Why the writing ended early.
enum Stop {
    Closed,
    Why(String),
}

impl Stop {
    fn of(error: impl Into<std::io::Error>) -> Self {
        let error = error.into();
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self::Closed
        } else {
            Self::Why(error.to_string())
        }
    }
}

const HEADINGS: &str =
    "number,at,event,actor,command,service,environment,channel,operation,plan,rule,text,hash";

fn row(recorded: &Recorded) -> String {
    let entry = &recorded.entry;
    let text = |value: Option<String>| cell(&value.unwrap_or_default());
    [
        recorded.number.to_string(),
        entry.at.to_string(),
        cell(&entry.event),
        text(entry.actor.as_ref().map(ToString::to_string)),
        text(entry.command.clone()),
        text(entry.target.service.clone()),
        text(entry.target.environment.clone()),
        text(entry.channel.as_ref().map(ToString::to_string)),
        text(entry.operation.clone()),
        text(entry.plan.as_ref().map(ToString::to_string)),
        text(entry.rule.clone()),
        cell(&entry.text),
        recorded.hash.clone(),
    ]
    .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_or_how_long_ago() {
        assert_eq!(since("7d"), Ok(Since::Ago(SignedDuration::from_hours(168))));
        assert_eq!(since("90m"), Ok(Since::Ago(SignedDuration::from_mins(90))));
        assert_eq!(
            since("1970-01-01T00:00:00Z"),
            Ok(Since::At(Timestamp::UNIX_EPOCH))
        );
        assert!(since("yesterday").unwrap_err().contains("7d"));
    }
}
