//! The emulators as processes of their own, for tests and for trying things out.

use crate::{
    cli::{anywhere, on_runtime, print, refuse},
    run::signals,
};
use clap::{Args, Subcommand};
use otus_emulators::{
    grafana::{self, Grafana},
    kubernetes::{self, Cluster, Timing},
    prometheus::{Prometheus, Story},
    slack::{self, Workspace},
};
use serde_json::{Map, Value as Json};
use std::{net::SocketAddr, path::PathBuf, process::ExitCode};
use tokio::net::TcpListener;

/// The services that numbers are about when nobody says.
const SERVICES: &str = "api,web,checkout,worker";
/// The environments they run in.
const ENVIRONMENTS: &str = "production,staging";

/// `otus emulate`.
#[derive(Debug, Args)]
pub(crate) struct Emulate {
    #[command(subcommand)]
    what: What,
    /// Where to listen; by default a free port of this machine
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// The ready lines as one JSON object
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A Slack: Web API, Socket Mode, Events API, files, faults
    ///
    /// Prints OTUS__SLACK__API_URL, OTUS__SLACK__BOT_TOKEN, OTUS__SLACK__APP_TOKEN, OTUS__SLACK__SIGNING_SECRET, and CONTROL_URL,
    /// where JSON requests say and click as people do: POST /say {"user": "ann", "channel": "#general", "text": "@otus ping"}.
    Slack {
        /// Names of the people
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        people: Vec<String>,
        /// Names of the channels
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        channels: Vec<String>,
        /// Enforces Slack's rate limits
        #[arg(long)]
        strict: bool,
    },
    /// A Kubernetes cluster: API server, controllers, and kubelets whose pods fare as their image's tag asks
    ///
    /// Prints OTUS__KUBERNETES__KUBECONFIG, a file that kubectl takes, too, and KUBERNETES_URL. Tags with the words crash, missing,
    /// hang, slow, oom … do that.
    Kubernetes {
        /// Where to write the kubeconfig; by default a new file for temporary files
        #[arg(long, value_name = "FILE")]
        kubeconfig: Option<PathBuf>,
        /// A manifest, JSON or YAML, whose objects are there from the start
        #[arg(long, value_name = "FILE")]
        seed: Option<PathBuf>,
        /// Pods take tenths of a second instead of seconds
        #[arg(long)]
        fast: bool,
    },
    /// A Grafana with dashboards of the shop in both schemas, in front of a Prometheus
    ///
    /// Prints OTUS__GRAFANA__URL, OTUS__GRAFANA__TOKEN, OTUS__GRAFANA__READ_TOKEN, and OTUS__PROMETHEUS__URL of the Prometheus behind it.
    Grafana {
        /// The Prometheus behind it; by default an emulated one
        #[arg(long, value_name = "URL")]
        prometheus: Option<String>,
        /// Draws panels itself, all of them as one grey picture
        #[arg(long)]
        renderer: bool,
    },
    /// A Prometheus whose numbers tell of services under a daily load
    ///
    /// Prints OTUS__PROMETHEUS__URL.
    Prometheus {
        /// Names of the services
        #[arg(
            long,
            value_delimiter = ',',
            value_name = "NAMES",
            default_value = SERVICES
        )]
        services: Vec<String>,
        /// Names of the environments
        #[arg(
            long,
            value_delimiter = ',',
            value_name = "NAMES",
            default_value = ENVIRONMENTS
        )]
        environments: Vec<String>,
    },
}

/// What is printed when it is ready, and what keeps it running.
struct Ready {
    values: Vec<(&'static str, String)>,
    _running: Box<dyn std::any::Any + Send>,
    made: Option<PathBuf>,
}

/// Runs until a signal.
pub(crate) fn main(emulated: Emulate) -> ExitCode {
    on_runtime(async move {
        let stop = signals();
        match emulated.start().await {
            Ok(ready) => {
                print(&ready.text(emulated.json));
                stop.cancelled().await;
                if let Some(made) = &ready.made {
                    // A file that is gone already is gone.
                    let _ = std::fs::remove_file(made);
                }
                ExitCode::SUCCESS
            }
            Err(error) => refuse(&format!("{error:#}")),
        }
    })
}

impl Ready {
    fn text(&self, json: bool) -> String {
        if json {
            let values: Map<String, Json> = self
                .values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
                .collect();
            return format!("{}\n", Json::Object(values));
        }
        let lines: String = self
            .values
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        lines + "ready\n"
    }
}

impl Emulate {
    async fn start(&self) -> anyhow::Result<Ready> {
        let address = self.listen.unwrap_or_else(anywhere);
        let listener = TcpListener::bind(address).await.map_err(|error| {
            anyhow::anyhow!("cannot listen on {address}: {error}; choose another --listen")
        })?;
        match &self.what {
            What::Slack {
                people,
                channels,
                strict,
            } => {
                let mut options = slack::Options::default();
                if !people.is_empty() {
                    options = options.people(people);
                }
                if !channels.is_empty() {
                    options = options.channels(channels);
                }
                if *strict {
                    options = options.strict();
                }
                let workspace = Workspace::start_on(listener, options)?;
                Ok(Ready {
                    values: vec![
                        ("OTUS__SLACK__API_URL", workspace.api_url()),
                        ("OTUS__SLACK__BOT_TOKEN", workspace.bot_token()),
                        ("OTUS__SLACK__APP_TOKEN", workspace.app_token()),
                        ("OTUS__SLACK__SIGNING_SECRET", workspace.signing_secret()),
                        ("CONTROL_URL", workspace.control_url()),
                    ],
                    _running: Box::new(workspace),
                    made: None,
                })
            }
            What::Kubernetes {
                kubeconfig,
                seed,
                fast,
            } => {
                let seed = match seed {
                    Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
                        anyhow::anyhow!("the manifest {} cannot be read: {error}", path.display())
                    })?),
                    None => None,
                };
                let cluster = Cluster::start(kubernetes::Options {
                    timing: if *fast {
                        Timing::fast()
                    } else {
                        Timing::watchable()
                    },
                    listener: Some(listener),
                    seed,
                    ..kubernetes::Options::default()
                })
                .await?;
                let made = kubeconfig.is_none().then(|| {
                    std::env::temp_dir().join(format!("otus-kubeconfig-{}.yaml", cluster.address().port()))
                });
                let path = kubeconfig.clone().or_else(|| made.clone()).unwrap_or_default();
                cluster.write_kubeconfig(&path)?;
                Ok(Ready {
                    values: vec![
                        ("OTUS__KUBERNETES__KUBECONFIG", path.display().to_string()),
                        ("KUBERNETES_URL", cluster.url()),
                        ("CONTROL_URL", format!("{}/emulator", cluster.url())),
                    ],
                    _running: Box::new(cluster),
                    made,
                })
            }
            What::Grafana { prometheus, renderer } => {
                let (own, url) = match prometheus {
                    Some(url) => (None, url.clone()),
                    None => {
                        let (services, environments) = (SERVICES.split(','), ENVIRONMENTS.split(','));
                        let (services, environments): (Vec<_>, Vec<_>) =
                            (services.collect(), environments.collect());
                        let story = Story::new(7, &services, &environments, jiff::Timestamp::now());
                        let own = Prometheus::start(story, TcpListener::bind(anywhere()).await?)?;
                        let url = own.url();
                        (Some(own), url)
                    }
                };
                let options = grafana::Options {
                    renderer: *renderer,
                    ..grafana::Options::shop(&url)?
                };
                let grafana = Grafana::serve(listener, options)?;
                Ok(Ready {
                    values: vec![
                        ("OTUS__GRAFANA__URL", grafana.url().to_owned()),
                        ("OTUS__GRAFANA__TOKEN", grafana.token().to_owned()),
                        ("OTUS__GRAFANA__READ_TOKEN", grafana.viewer_token().to_owned()),
                        ("OTUS__PROMETHEUS__URL", url),
                    ],
                    _running: Box::new((grafana, own)),
                    made: None,
                })
            }
            What::Prometheus {
                services,
                environments,
            } => {
                let story = Story::new(7, &strs(services), &strs(environments), jiff::Timestamp::now());
                let prometheus = Prometheus::start(story, listener)?;
                Ok(Ready {
                    values: vec![("OTUS__PROMETHEUS__URL", prometheus.url())],
                    _running: Box::new(prometheus),
                    made: None,
                })
            }
        }
    }
}

fn strs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
