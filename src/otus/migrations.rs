//! `otus migrations lint`: judges a folder of migrations without a database, on a desk or in a continuous integration.

use crate::cli::{print, refuse};
use clap::{Args, Subcommand, ValueEnum};
use otus_migrations::{
    lint::{self, FileReport, Finding, Report, Settings, Verdict},
    source::{Format, Source, Tree, Version},
};
use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Says what each statement locks, what that blocks, and the safe way
    ///
    /// It needs no database and no configuration. The exit code is 1 when something is to be kept from running, 2 when the
    /// folder cannot be read.
    Lint(Lint),
}

#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// The folder with the migrations
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Whose format they are in; otherwise what their names show
    #[arg(long, value_enum)]
    format: Option<Names>,
    /// How to say it; otherwise `github` where GitHub Actions runs it, and `text` elsewhere
    #[arg(long, value_enum)]
    output: Option<Output>,
    /// Says nothing of this version and those before it: they have run
    #[arg(long, value_name = "VERSION")]
    since: Option<Version>,
    /// From which verdict on the exit code is 1
    #[arg(long, value_enum, default_value = "person")]
    fail_on: FailOn,
    /// The server's major version
    #[arg(long, value_name = "NUMBER", default_value_t = 15)]
    server: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Names {
    Sqlx,
    GolangMigrate,
    Flyway,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// Annotations of GitHub Actions, then the text
    Github,
    /// Everything, as one JSON value
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FailOn {
    /// Also what can hurt
    Warned,
    /// Also what only a person can judge
    Person,
    /// Only what is refused
    Refused,
}

pub(crate) fn main(what: What) -> ExitCode {
    let What::Lint(asked) = what;
    let report = match read(&asked) {
        Ok(report) => report,
        Err(wrong) => {
            refuse(&wrong);
            return ExitCode::from(2);
        }
    };
    let in_github = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    let output = asked
        .output
        .unwrap_or(if in_github { Output::Github } else { Output::Text });
    match output {
        Output::Json => match serde_json::to_string_pretty(&report) {
            Ok(json) => print(&format!("{json}\n")),
            Err(error) => {
                refuse(&error);
                return ExitCode::from(2);
            }
        },
        Output::Github => {
            let folder = asked.folder.to_string_lossy();
            let lines = report
                .findings()
                .map(|finding| lint::annotation(finding, &folder) + "\n");
            print(&lines.collect::<String>());
            print(&text(&report));
        }
        Output::Text => print(&text(&report)),
    }
    let limit = match asked.fail_on {
        FailOn::Warned => Verdict::Warned,
        FailOn::Person => Verdict::Person,
        FailOn::Refused => Verdict::Refused,
    };
    if report.verdict() >= limit {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn read(asked: &Lint) -> Result<Report, String> {
    let tree = Tree::of_folder(&asked.folder).map_err(|error| error.to_string())?;
    let format = asked.format.map(|names| match names {
        Names::Sqlx => Format::Sqlx,
        Names::GolangMigrate => Format::GolangMigrate,
        Names::Flyway => Format::Flyway,
    });
    let source =
        Source::read(&tree, format).map_err(|error| format!("{}: {error}", asked.folder.display()))?;
    let settings = Settings {
        server: Some(asked.server),
        ..Settings::default()
    };
    // Those before are judged, too: what they validated makes later ones harmless.
    let mut report = lint::lint(&source, &settings);
    if let Some(since) = &asked.since {
        let old = source
            .migrations
            .iter()
            .filter(|migration| migration.version.as_ref().is_some_and(|version| version <= since));
        let old: Vec<&str> = old.map(|migration| migration.file.as_str()).collect();
        report.files.retain(|file| !old.contains(&file.file.as_str()));
    }
    Ok(report)
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    for file in &report.files {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{} {}: {}", mark(file), file.file, file.verdict);
        for finding in &file.findings {
            said(&mut text, finding);
        }
    }
    let count = |verdict| report.files.iter().filter(|file| file.verdict == verdict).count();
    let parts: Vec<String> = [Verdict::Refused, Verdict::Person, Verdict::Warned, Verdict::Fine]
        .into_iter()
        .map(|verdict| (verdict, count(verdict)))
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {verdict}"))
        .collect();
    let _ = match parts.as_slice() {
        [] => writeln!(text, "There is nothing to judge."),
        parts => writeln!(text, "\n{}", parts.join(", ")),
    };
    text
}

fn mark(file: &FileReport) -> &'static str {
    match file.verdict {
        Verdict::Fine => "✓",
        Verdict::Warned => "!",
        Verdict::Person => "?",
        Verdict::Refused => "✗",
    }
}

fn said(text: &mut String, finding: &Finding) {
    let about = if finding.statement.is_empty() {
        String::new()
    } else {
        format!(" {}", finding.statement)
    };
    let _ = writeln!(
        text,
        "  {}, {}:{about} [{}]\n    {}",
        finding.place, finding.level, finding.rule, finding.message
    );
    for lock in &finding.locks {
        let _ = writeln!(
            text,
            "    Locks {} {}, which blocks {}.",
            lock.table, lock.level, lock.blocks
        );
    }
    if let Some(safe) = &finding.safe {
        let _ = writeln!(text, "    The safe way:");
        for line in safe.lines() {
            let _ = writeln!(text, "      {line}");
        }
    }
}
