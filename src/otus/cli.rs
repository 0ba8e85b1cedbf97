//! The command line.

use crate::{
    check,
    config::{self, Loaded, LogConfig, Origin},
    emulate, logs, manifest, migrations, run,
    traces::Traces,
    trail,
};
use clap::{Args, Parser, Subcommand};
use std::{future::Future, io::Write as _, net::SocketAddr, path::PathBuf, process::ExitCode};

/// A ChatOps robot for Slack: deploys to Kubernetes, says what runs where, draws graphs.
///
/// It reads config/local.toml, or the file of --config, and environment variables such as OTUS__SLACK__BOT_TOKEN.
/// `otus demo` needs none of it.
#[derive(Debug, Parser)]
#[command(name = "otus", version, max_term_width = 100, propagate_version = false)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Connects to Slack and works, until SIGTERM or ctrl-C
    Run(Configured),
    /// Shows what Otus does, with everything emulated and nothing to configure
    ///
    /// An emulated Slack, Kubernetes cluster and Prometheus run in this process, and the robot is connected to them as it would
    /// be in production. You type, or open the page whose address is printed in a browser.
    Demo(Demo),
    /// Works on a robot: builds and runs it beside the demo's page, again after each change
    ///
    /// In the folder of a crate with a robot (`otus new responder` makes one), of Otus' own sources, or of executables. The page, the
    /// conversation and everything emulated live on while the robot is built anew; the one from before answers until the new one is built.
    Dev(crate::dev::Dev),
    /// Tries every connection and permission in the configuration, and says how to mend what is wrong
    ///
    /// It posts nothing and changes nothing. The exit code is 1 when something is wrong.
    Check {
        #[command(flatten)]
        configured: Configured,
        /// As one JSON document: ok, and of each check its name, its state and what it says
        #[arg(long)]
        json: bool,
    },
    /// Prints the configuration that came together, and where each value came from; secrets are hidden
    #[command(args_conflicts_with_subcommands = true)]
    Config {
        #[command(flatten)]
        configured: Configured,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(subcommand)]
        what: Option<ConfigWhat>,
    },
    /// Writes a configuration to begin with: asks on a terminal, or takes it from flags
    ///
    /// It never overwrites a file, and writes no token into one.
    Init(crate::init::Init),
    /// Begins something of your own
    New {
        #[command(subcommand)]
        what: crate::new::What,
    },
    /// Prints the manifest of the Slack app, with exactly the scopes and events that the enabled responders need
    Manifest {
        #[command(flatten)]
        configured: Configured,
        /// Where Slack reaches Otus, when slack.events = "http": https://otus.example.com
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// As JSON, which Slack takes as well
        #[arg(long)]
        json: bool,
    },
    /// Reads the audit trail: who asked for what, what was decided, what came of it
    ///
    /// It only looks, and can be used while robots run.
    Audit {
        #[command(subcommand)]
        what: trail::What,
    },
    /// Judges migrations before they run
    Migrations {
        #[command(subcommand)]
        what: migrations::What,
    },
    /// Runs an emulated service for tests, until SIGTERM or ctrl-C
    ///
    /// When it is ready it prints where it is and what to set, one `NAME=value` a line, then the line `ready`.
    Emulate(emulate::Emulate),
}

#[derive(Debug, Subcommand)]
enum ConfigWhat {
    /// Prints the JSON Schema of the configuration file, by which editors complete keys and show what they mean
    Schema,
}

#[derive(Debug, Args)]
pub(crate) struct Configured {
    /// The configuration file; otherwise config/local.toml, if it is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Says this line, waits until it is fully answered, and exits; can be given several times
    #[arg(long, value_name = "LINE")]
    pub(crate) say: Vec<String>,
    /// Where the demo's page listens on this machine; otherwise a free port. The demo then goes on until ctrl-C
    #[arg(long, value_name = "PORT", conflicts_with = "no_page")]
    pub(crate) page: Option<u16>,
    /// Serves no page; with --say there is none anyway, unless --page asks for it
    #[arg(long)]
    pub(crate) no_page: bool,
    /// Prints changes as lines instead of redrawing
    #[arg(long)]
    pub(crate) plain: bool,
    /// Where pictures and the log are kept; otherwise a new folder for temporary files
    #[arg(long, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,
}

/// What `otus` does; a binary with responders of its own calls it, too.
#[must_use]
pub fn main() -> ExitCode {
    // Whoever was first is right: the error only says that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Cli::parse().command {
        Command::Run(configured) => robot(Origin::of_process(configured.config)),
        Command::Demo(demo) => crate::demo::main(demo),
        Command::Dev(dev) => crate::dev::main(dev),
        Command::Check { configured, json } => {
            let loaded = configured.load();
            quiet(&loaded);
            on_runtime(async move { check::check(&loaded, json).await })
        }
        Command::Config {
            what: Some(ConfigWhat::Schema),
            ..
        } => {
            print(&format!("{:#}\n", config::schema()));
            ExitCode::SUCCESS
        }
        Command::Config { configured, json, .. } => show(&configured.load(), json),
        Command::New { what } => crate::new::main(&what),
        Command::Init(init) => crate::init::main(&init),
        Command::Manifest {
            configured,
            url,
            json,
        } => tell_manifest(configured.load(), url, json),
        Command::Audit { what } => trail::main(what),
        Command::Migrations { what } => migrations::main(what),
        Command::Emulate(emulated) => {
            logs::init(&LogConfig::default(), logs::Target::Stderr, None);
            logs::log_panics();
            emulate::main(emulated)
        }
    }
}

impl Configured {
    pub(crate) fn load(self) -> Loaded {
        config::load(&Origin::of_process(self.config))
    }
}

fn robot(origin: Origin) -> ExitCode {
    let loaded = config::load(&origin);
    if let Err(faults) = loaded.clone().runnable() {
        return refuse(&faults);
    }
    let traces = match Traces::begin(&loaded.settings.log.otlp) {
        Ok(traces) => traces,
        Err(why) => return refuse(&why),
    };
    logs::init(&loaded.settings.log, logs::Target::Stderr, traces.as_ref());
    logs::log_panics();
    let code = on_runtime(async move {
        match run::run(loaded, origin).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => refuse(&error),
        }
    });
    if let Some(traces) = traces {
        traces.end();
    }
    code
}

fn show(loaded: &Loaded, json: bool) -> ExitCode {
    let text = if json {
        format!("{:#}\n", loaded.to_json())
    } else {
        loaded.to_toml()
    };
    print(&text);
    if loaded.faults.0.is_empty() {
        ExitCode::SUCCESS
    } else {
        refuse(&loaded.faults)
    }
}

fn tell_manifest(loaded: Loaded, url: Option<String>, json: bool) -> ExitCode {
    let settings = match loaded.settled() {
        Ok(settings) => settings,
        Err(faults) => return refuse(&faults),
    };
    match manifest::manifest(&settings, url) {
        Err(why) => refuse(&why),
        Ok(manifest) => {
            print(&if json {
                format!("{:#}\n", manifest.to_json())
            } else {
                format!("{}{}", manifest::ABOVE, manifest.to_yaml())
            });
            ExitCode::SUCCESS
        }
    }
}

/// A check's own words are enough, unless somebody asked for more.
pub(crate) fn quiet(loaded: &Loaded) {
    let mut log = loaded.settings.log.clone();
    if log.filter == LogConfig::default().filter {
        log.filter = "error".into();
    }
    logs::init(&log, logs::Target::Stderr, None);
}

/// Prints to a standard output that may be closed by now (`otus config | head`).
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Says why not.
pub(crate) fn refuse(why: &dyn std::fmt::Display) -> ExitCode {
    // What a server or a driver said may hold the password it was asked with.
    eprintln!("{}", crate::secrets::redact(&why.to_string()));
    ExitCode::FAILURE
}

/// Runs to the end on a runtime of its own; what still runs then is left.
pub(crate) fn on_runtime(work: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&format!("the system gives no threads: {error}")),
    };
    let code = runtime.block_on(work);
    runtime.shutdown_background();
    code
}

/// Where an emulator listens when nobody says: a free port of this machine.
pub(crate) fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
