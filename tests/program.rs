//! The program from outside: its configuration, its ways to end, its checks, its emulators.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use otus_emulators::{
    github::{Conclusion, GitHub},
    kubernetes::{self, Cluster, Denial},
    prometheus::{Prometheus, Story},
    real::RealRegistry,
    slack::{Options, Workspace},
};
use serde_json::{Value, json};
use std::time::Duration;
use support::{Program, SOON, Start, run};

// Tests that wait for a child have a runtime of several threads, so that what it talks to goes on meanwhile.
fn ring() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[test]
fn without_tokens_it_says_what_to_set_and_where() {
    let (code, printed, logged) = run(&["run"], &Start::default());
    assert_eq!((code, printed.as_str()), (Some(1), ""));
    insta::assert_snapshot!(logged, @"
    Otus cannot start with this configuration, for 2 reasons:
      slack.bot_token: is not set: the bot token, xoxb-…. Set bot_token or bot_token_file below [slack] in config/local.toml, or the environment variable OTUS__SLACK__BOT_TOKEN; README.md says where to get it
      slack.app_token: is not set: the app-level token, xapp-…, with the scope connections:write. Set app_token or app_token_file below [slack] in config/local.toml, or the environment variable OTUS__SLACK__APP_TOKEN; README.md says where to get it
    ");
}

#[test]
fn a_wrong_configuration_stops_the_start_with_every_fault() {
    let config = "[slack]\nbot_token = \"xoxb-1\"\napp_tokn = \"xapp-1\"\n\n[responders.deploy]\nstability = \"soon\"\n";
    let env = [("OTUS__SLACK__BOT_TOKNE", "xoxb-2")];
    let start = Start {
        config,
        env: &env,
        ..Start::default()
    };
    let (code, _, logged) = run(&["run"], &start);
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(logged, @r#"
    Otus cannot start with this configuration, for 4 reasons:
      config/local.toml:3: slack.app_tokn: there is no such key; did you mean app_token?
      config/local.toml:6: responders.deploy.stability: "soon" is no duration; write it like "500ms", "10s", "5m" or "1h 30m"
      the environment variable OTUS__SLACK__BOT_TOKNE: slack.bot_tokne: there is no such key; did you mean bot_token?
      slack.app_token: is not set: the app-level token, xapp-…, with the scope connections:write. Set app_token or app_token_file below [slack] in config/local.toml, or the environment variable OTUS__SLACK__APP_TOKEN; README.md says where to get it
    "#);
    let (code, printed, _) = run(&["check"], &start);
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(printed, @r#"
    ✗ configuration: config/local.toml:3: slack.app_tokn: there is no such key; did you mean app_token?
    ✗ configuration: config/local.toml:6: responders.deploy.stability: "soon" is no duration; write it like "500ms", "10s", "5m" or "1h 30m"
    ✗ configuration: the environment variable OTUS__SLACK__BOT_TOKNE: slack.bot_tokne: there is no such key; did you mean bot_token?
    – everything else: is tried when the configuration is right

    3 things are wrong.
    "#);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let (code, _, logged) = run(&["run", "--config", "nowhere.toml"], &Start::default());
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(logged.lines().take(2).collect::<Vec<_>>().join("\n"), @"
    Otus cannot start with this configuration:
      the file nowhere.toml cannot be read: No such file or directory (os error 2)
    ");
}

#[test]
fn the_configuration_is_shown_with_its_origins_and_without_secrets() {
    let config = "[slack]\nbot_token = \"xoxb-secret\"\n[services.api]\n";
    let env = [
        ("OTUS__ROBOT__NAME", "hedwig"),
        ("OTUS__SLACK__APP_TOKEN", "xapp-secret"),
    ];
    let start = Start {
        config,
        env: &env,
        ..Start::default()
    };
    let (code, printed, logged) = run(&["config"], &start);
    assert_eq!((code, logged.as_str()), (Some(0), ""));
    assert!(!printed.contains("secret\""), "{printed}");
    let mine: Vec<&str> = printed
        .lines()
        .filter(|line| line.contains("  # ") && !line.ends_with("# default"))
        .collect();
    insta::assert_snapshot!(mine.join("\n"), @r#"
    name = "hedwig"          # OTUS__ROBOT__NAME
    [services.api]  # config/local.toml:3
    app_token = "••••"                 # OTUS__SLACK__APP_TOKEN
    bot_token = "••••"                 # config/local.toml:2
    "#);
    let (code, printed, _) = run(&["config", "--json"], &start);
    assert_eq!(code, Some(0));
    let all: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(
        all["robot.name"],
        json!({ "value": "hedwig", "from": "OTUS__ROBOT__NAME" })
    );
    assert_eq!(
        all["slack.bot_token"],
        json!({ "value": "••••", "from": "config/local.toml:2" })
    );
}

#[test]
fn help_tells_the_commands() {
    let (code, printed, _) = run(&["--help"], &Start::default());
    assert_eq!(code, Some(0));
    for command in [
        "run", "demo", "init", "manifest", "check", "config", "audit", "emulate",
    ] {
        assert!(printed.contains(&format!("\n  {command}  ")), "{printed}");
    }
}

/// An emulated Slack as a process of its own, and what to set to use it.
fn slack() -> (Program, Vec<(String, String)>) {
    let mut slack = Program::start(
        &["emulate", "slack", "--people", "ann", "--channels", "general"],
        &Start::default(),
    );
    let values = slack.wait_for(|printed, _| {
        printed.ends_with("ready\n").then(|| {
            let pairs = printed.lines().filter_map(|line| line.split_once('='));
            pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect::<Vec<_>>()
        })
    });
    (slack, values)
}

fn borrowed(values: &[(String, String)]) -> Vec<(&str, &str)> {
    values
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_against_an_emulated_slack_tells_its_health_and_stops_in_order() {
    ring();
    let (mut slack, values) = slack();
    let mut env = borrowed(&values);
    env.extend([
        ("OTUS__HTTP__LISTEN", "127.0.0.1:0"),
        ("OTUS__LOG__FORMAT", "json"),
        ("OTUS__SLACK__SOCKETS", "1"),
    ]);
    let mut otus = Program::start(
        &["run"],
        &Start {
            env: &env,
            ..Start::default()
        },
    );
    let line: Value = otus.wait_for(|_, logged| {
        let line = logged.lines().find(|line| line.contains("\"connected\""))?;
        serde_json::from_str(line).ok()
    });
    let http = line["http"].as_str().unwrap().to_owned();

    let client = reqwest::Client::new();
    let get = async |path: &str| {
        let answer = client
            .get(format!("http://{http}{path}"))
            .timeout(SOON)
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(get("/healthz").await.0, 200);
    let (status, report) = get("/readyz").await;
    assert_eq!(status, 200, "{report}");
    assert!(
        report.contains("\"slack\"") && report.contains("\"store\""),
        "{report}"
    );

    let control = values
        .iter()
        .find(|(name, _)| name == "CONTROL_URL")
        .unwrap()
        .1
        .clone();
    let said: Value = client
        .post(format!("{control}/say"))
        .json(&json!({ "user": "ann", "channel": "#general", "text": "@otus ping" }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert!(said["ts"].is_string(), "{said}");
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let messages = client
            .get(format!("{control}/messages?channel=general"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        if messages.contains("\"pong\"") {
            break;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{messages}\n{}",
            otus.logged()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (_, metrics) = get("/metrics").await;
    assert!(metrics.contains("otus_slack_sockets 1"), "{metrics}");

    let ended = otus.terminate();
    assert_eq!(ended.code(), Some(0), "{}", otus.logged());
    let logged = otus.logged();
    assert!(
        logged
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok()),
        "{logged}"
    );
    assert!(logged.contains("\"stopped\""), "{logged}");
    for (name, secret) in &values {
        assert!(
            !name.contains("TOKEN") || !logged.contains(secret.as_str()),
            "a token is in the log"
        );
    }
    assert_eq!(slack.terminate().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_in_over_http_too() {
    ring();
    let slack = Workspace::start(Options::default()).await.unwrap();
    let (api, bot, secret) = (slack.api_url(), slack.bot_token(), slack.signing_secret());
    let env = [
        ("OTUS__SLACK__API_URL", api.as_str()),
        ("OTUS__SLACK__BOT_TOKEN", bot.as_str()),
        ("OTUS__SLACK__SIGNING_SECRET", secret.as_str()),
        ("OTUS__SLACK__EVENTS", "http"),
        ("OTUS__HTTP__LISTEN", "127.0.0.1:0"),
        ("OTUS__LOG__FORMAT", "json"),
    ];
    let mut otus = Program::start(
        &["run"],
        &Start {
            env: &env,
            ..Start::default()
        },
    );
    let line: Value = otus.wait_for(|_, logged| {
        let line = logged.lines().find(|line| line.contains("\"connected\""))?;
        serde_json::from_str(line).ok()
    });
    slack
        .set_request_url(&format!("http://{}/slack/events", line["http"].as_str().unwrap()))
        .await
        .unwrap();
    let asked = slack.say("ann", "#general", "@otus ping").unwrap();
    let answer = slack.wait_for(SOON, |world| {
        world
            .messages("#general")
            .find(|message| message.from_app && message.ts > asked)
            .map(|message| message.text.clone())
    });
    assert_eq!(answer.await.unwrap(), "pong");
    assert_eq!(otus.terminate().code(), Some(0), "{}", otus.logged());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_slack_does_not_accept_ends_it_with_a_sentence() {
    ring();
    let slack = Workspace::start(Options::default()).await.unwrap();
    let (api, app) = (slack.api_url(), slack.app_token());
    let env = [
        ("OTUS__SLACK__API_URL", api.as_str()),
        ("OTUS__SLACK__BOT_TOKEN", "xoxb-of-somebody-else"),
        ("OTUS__SLACK__APP_TOKEN", app.as_str()),
        ("OTUS__HTTP__LISTEN", "127.0.0.1:0"),
    ];
    let (code, _, logged) = run(
        &["run"],
        &Start {
            env: &env,
            ..Start::default()
        },
    );
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(logged.lines().last().unwrap(), @"Slack: the bot token (slack.bot_token) is not accepted: it is wrong, or of another workspace; copy it again from the Slack app's settings (invalid_auth). `otus check` tries the tokens and permissions");
    assert!(!logged.contains("somebody-else"));
}

/// Everything that `otus check` tries, there to be tried.
struct Surroundings {
    slack: Workspace,
    cluster: Cluster,
    prometheus: Prometheus,
    config: String,
    _folder: tempfile::TempDir,
}

async fn surroundings() -> Surroundings {
    ring();
    let slack = Workspace::start(Options::default()).await.unwrap();
    let timing = kubernetes::Timing::fast();
    let cluster = Cluster::start(kubernetes::Options {
        timing,
        ..kubernetes::Options::default()
    })
    .await
    .unwrap();
    cluster
        .deployment("shop", "api", "registry.test/shop/api:1.0", 1)
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    cluster.write_kubeconfig(&kubeconfig).unwrap();
    let hour = jiff::SignedDuration::from_hours(1);
    let story = Story::with_past(7, &["api"], &["production"], jiff::Timestamp::now(), hour);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let prometheus = Prometheus::start(story, listener).unwrap();
    let config = format!(
        "[slack]\napi_url = '{}'\nbot_token = '{}'\napp_token = '{}'\n[kubernetes]\nkubeconfig = '{}'\n[prometheus]\nurl = '{}'\n\
         [environments.production]\nnamespace = 'shop'\n[services.api]\n\
         [responders.graphs.queries.traffic]\nquery = 'sum(rate(http_requests_total{{service=\"$service\"}}[$__rate_interval]))'\n",
        slack.api_url(),
        slack.bot_token(),
        slack.app_token(),
        kubeconfig.display(),
        prometheus.url(),
    );
    Surroundings {
        slack,
        cluster,
        prometheus,
        config,
        _folder: folder,
    }
}

impl Surroundings {
    fn check(&self, more: &str) -> (Option<i32>, String) {
        let config = format!("{}{more}", self.config);
        let (code, printed, logged) = run(
            &["check"],
            &Start {
                config: &config,
                ..Start::default()
            },
        );
        assert_eq!(logged, "");
        (code, printed.replace(&self.prometheus.url(), "http://prometheus"))
    }

    /// What is wrong, by what was checked, as the JSON for a continuous integration says it.
    fn wrong(&self, config: &str) -> Vec<(String, String, Vec<String>)> {
        let start = Start {
            config,
            ..Start::default()
        };
        let (code, printed, logged) = run(&["check", "--json"], &start);
        assert_eq!(logged, "");
        let sheet: Value = serde_json::from_str(&printed).unwrap();
        let checks = sheet["checks"].as_array().unwrap();
        let wrong: Vec<_> = checks
            .iter()
            .filter(|check| check["state"] == "wrong")
            .map(|check| {
                let text = |key: &str| check[key].as_str().unwrap().to_owned();
                let missing = check["missing"].as_array().into_iter().flatten();
                let missing = missing.map(|one| one.as_str().unwrap().to_owned()).collect();
                (text("check"), text("says"), missing)
            })
            .collect();
        assert_eq!(sheet["ok"], wrong.is_empty());
        assert_eq!(sheet["wrong"], wrong.len());
        assert_eq!(code, Some(i32::from(!wrong.is_empty())));
        wrong
    }
}

/// Each fault alone, and that nothing else is said to be wrong because of it.
#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_found_alone_and_told_with_its_cure() {
    let all = surroundings().await;
    assert_eq!(all.wrong(&all.config), []);
    let one = |config: &str| {
        let wrong = all.wrong(config);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        wrong.into_iter().next().unwrap()
    };
    let line = |key: &str| {
        all.config
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap()
            .to_owned()
    };
    let with = |key: &str, value: &str| all.config.replace(&line(key), &format!("{key} = '{value}'"));

    // Scopes, one by one, as the manifest has them.
    let (code, manifest, _) = run(
        &["manifest", "--json"],
        &Start {
            config: &all.config,
            ..Start::default()
        },
    );
    assert_eq!(code, Some(0));
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let scopes: Vec<&str> = manifest["oauth_config"]["scopes"]["bot"]
        .as_array()
        .unwrap()
        .iter()
        .map(|scope| scope.as_str().unwrap())
        .collect();
    for lost in &scopes {
        let left: Vec<&str> = scopes.iter().copied().filter(|scope| scope != lost).collect();
        all.slack.set_scopes(&left);
        let (what, says, missing) = one(&all.config);
        assert_eq!(
            (what.as_str(), missing),
            ("Slack scopes", vec![(*lost).to_owned()])
        );
        assert!(
            says.contains("OAuth & Permissions") && says.contains("`otus manifest`"),
            "{says}"
        );
    }
    all.slack.set_scopes(&scopes);
    assert_eq!(all.wrong(&all.config), [], "the manifest's scopes are enough");

    // Tokens: missing, of the wrong kind, of another workspace.
    for (key, value, cure) in [
        ("bot_token", "xapp-1-A-2-3", "xoxb-"),
        ("bot_token", "xoxp-1-2-3", "xoxb-"),
        ("bot_token", "xoxb-of-another", "copy it again"),
        ("app_token", "xoxb-1-2-3", "xapp-"),
        ("app_token", "xapp-of-another", "copy it again"),
    ] {
        let (_, says, _) = one(&with(key, value));
        assert!(
            says.contains(&format!("slack.{key}")) && says.contains(cure),
            "{says}"
        );
        assert!(!says.contains(value), "a token is told: {says}");
    }
    let (_, says, _) = one(&all.config.replace(&line("bot_token"), ""));
    assert!(
        says.contains("slack.bot_token") && says.contains("OTUS__SLACK__BOT_TOKEN"),
        "{says}"
    );

    // Addresses where nobody is.
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let (what, says, _) = one(&with("api_url", &format!("http://{address}/api")));
    assert_eq!(what, "Slack bot token");
    assert!(says.contains(&address.to_string()), "{says}");
    let (what, says, _) = one(&with("url", &format!("http://{address}")));
    assert_eq!(what, "Prometheus");
    assert!(says.contains(&address.to_string()), "{says}");
    let (what, says, _) = one(&with("kubeconfig", "/nowhere/kubeconfig"));
    assert_eq!(what, "cluster default");
    assert!(says.contains("/nowhere/kubeconfig"), "{says}");

    // Socket Mode, switched off.
    all.slack.auth_error(Some("account_inactive"));
    let (what, ..) = one(&all.config);
    assert_eq!(what, "Slack bot token");
    all.slack.auth_error(None);

    // Each verb that Otus needs of the cluster.
    for (verb, resource) in [
        ("get", "deployments"),
        ("list", "deployments"),
        ("watch", "deployments"),
        ("patch", "deployments"),
        ("list", "replicasets"),
        ("watch", "replicasets"),
        ("list", "pods"),
        ("watch", "pods"),
        ("get", "pods/log"),
        ("list", "events"),
    ] {
        all.cluster.deny(Denial {
            verb: verb.into(),
            resource: resource.into(),
            namespace: "shop".into(),
        });
        let wrong = all.wrong(&all.config);
        let (what, says, missing) = &wrong[0];
        assert_eq!(what, "cluster default, namespace shop");
        assert_eq!(missing, &[format!("{verb} {resource}")]);
        assert!(
            says.contains("kind: Role") && says.contains("RoleBinding"),
            "{says}"
        );
        all.cluster.allow_all();
    }
    assert_eq!(all.wrong(&all.config), []);
}

/// The same for what stands beside Slack and the cluster.
#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_what_else_it_needs_is_found_alone() {
    let all = surroundings().await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let here = address.to_string();
    let instead = |of: &str, this: String| {
        assert!(all.config.contains(of));
        all.config.replacen(of, &this, 1)
    };
    let besides = |more: String| format!("{}{more}", all.config);
    let channel = all
        .slack
        .look(|world| world.channel("general").unwrap().id.clone());
    let postgres = format!("postgres://otus:hunter2hunter2@{address}/shop");
    let faults: [(&str, String, &str, &str); 9] = [
        (
            "a signing secret",
            instead("[slack]\n", "[slack]\nevents = 'http'\n".to_owned()),
            "Slack",
            "OTUS__SLACK__SIGNING_SECRET",
        ),
        (
            "a store in a file",
            besides("[store]\npath = '/dev/null/otus.sqlite'\n".to_owned()),
            "store",
            "/dev/null",
        ),
        (
            "a store in PostgreSQL",
            besides(format!("[store]\nurl = '{postgres}'\n")),
            "store",
            "Check store.url",
        ),
        (
            "a database whose migrations run",
            format!(
                "{}[databases.stock]\nurl = '{postgres}'\n",
                instead(
                    "[services.api]\n",
                    "[services.api]\n[services.api.migrations]\nfolder = '.'\nformat = 'sqlx'\ndatabases = { production = 'stock' }\n".to_owned(),
                )
            ),
            "database stock",
            "the database cannot be reached",
        ),
        (
            "Grafana",
            besides(format!("[grafana]\nurl = 'http://{address}'\ntoken = 'glsa_1'\n")),
            // Its marks and its dashboards are asked about one by one.
            "Grafana, Grafana's dashboards",
            &here,
        ),
        (
            "Alertmanager",
            besides(format!(
                "[responders.alerts]\nchannel = '{channel}'\n[responders.alerts.sources.main]\ntoken = 'a token that is long'\nurl = 'http://{address}'\n"
            )),
            "Alertmanager main",
            &here,
        ),
        (
            "the channel of alerts",
            besides(
                "[responders.alerts]\nchannel = 'C0NOBODY'\n[responders.alerts.sources.main]\ntoken = 'a token that is long'\n".to_owned(),
            ),
            "channel C0NOBODY for alerts",
            "channel_not_found",
        ),
        (
            "GitHub",
            format!(
                "{}[github]\napi_url = 'http://{address}'\ntoken = 'ghp_1'\n",
                instead("[services.api]\n", "[services.api]\nrepository = 'shop/api'\n".to_owned())
            ),
            "repository of api",
            &here,
        ),
        (
            "a workload",
            instead("[services.api]\n", "[services.api]\nworkload = 'deployment/other'\n".to_owned()),
            "api in production",
            "Set workload",
        ),
    ];
    for (fault, config, what, says) in faults {
        let wrong = all.wrong(&config);
        let names: Vec<&str> = wrong.iter().map(|(what, ..)| what.as_str()).collect();
        assert_eq!(names.join(", "), what, "{fault}: {wrong:?}");
        assert!(wrong[0].1.contains(says), "{fault}: {wrong:?}");
        assert!(!wrong[0].1.contains("hunter2"), "{fault}: {wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_init_writes_is_enough_for_the_check_and_is_never_written_over() {
    let all = surroundings().await;
    let (api, bot, app) = (all.slack.api_url(), all.slack.bot_token(), all.slack.app_token());
    let kubeconfig = all
        .config
        .split("kubeconfig = '")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    all.cluster
        .deployment("production", "api", "registry.test/api:1", 1)
        .await
        .unwrap();
    let mut init = Program::start(
        &[
            "init",
            "--environments",
            "production",
            "--services",
            "api=registry.test/api",
            "--prometheus",
            &all.prometheus.url(),
        ],
        &Start::default(),
    );
    assert_eq!(init.ended().code(), Some(0), "{}", init.logged());
    let printed = init.printed();
    assert!(
        printed.starts_with("Wrote config/local.toml.") && printed.contains("`otus manifest`"),
        "{printed}"
    );
    let config = std::fs::read_to_string(init.folder().join("config/local.toml")).unwrap();
    insta::assert_snapshot!(config.replace(&all.prometheus.url(), "http://prometheus"));
    let env = [
        ("OTUS__SLACK__API_URL", api.as_str()),
        ("OTUS__SLACK__BOT_TOKEN", bot.as_str()),
        ("OTUS__SLACK__APP_TOKEN", app.as_str()),
        ("KUBECONFIG", kubeconfig),
    ];
    let start = Start {
        config: &config,
        env: &env,
        ..Start::default()
    };
    let (code, printed, _) = run(&["check"], &start);
    assert_eq!(code, Some(0), "{printed}");
    let (code, _, logged) = run(&["init"], &start);
    assert_eq!(code, Some(1));
    assert!(
        logged.starts_with("config/local.toml is there already"),
        "{logged}"
    );
}

/// The manifest in the documentation is the one of the default configuration with user groups as roles and channels in rules: run
/// with `OTUS_WRITE=1` to write it anew.
#[test]
fn the_manifest_in_the_documentation_is_current() {
    let config = include_str!("../docs/examples/team-of-ten.toml");
    let start = Start {
        config,
        ..Start::default()
    };
    let (code, printed, logged) = run(&["manifest"], &start);
    assert_eq!((code, logged.as_str()), (Some(0), ""));
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/examples/slack-app-manifest.yaml"
    );
    if std::env::var_os("OTUS_WRITE").is_some() {
        std::fs::write(path, &printed).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        printed,
        "run this test with OTUS_WRITE=1"
    );
    // What is switched off asks for nothing.
    let without =
        format!("{config}\n[responders.pulls]\nenabled = false\n[responders.oncall]\nenabled = false\n");
    let start = Start {
        config: &without,
        ..Start::default()
    };
    let (_, fewer, _) = run(&["manifest"], &start);
    assert!(
        printed.contains("- users:read.email\n") && !fewer.contains("- users:read.email\n"),
        "{fewer}"
    );
    let http = "[slack]\nevents = 'http'\n";
    let start = Start {
        config: http,
        ..Start::default()
    };
    let (code, _, logged) = run(&["manifest"], &start);
    assert_eq!(code, Some(1));
    assert!(logged.contains("--url"), "{logged}");
}

#[test]
fn the_schema_is_printed_for_editors() {
    let (code, printed, _) = run(&["config", "schema"], &Start::default());
    assert_eq!(code, Some(0));
    let schema: Value = serde_json::from_str(&printed).unwrap();
    let token = &schema["properties"]["slack"]["properties"]["bot_token"]["description"];
    assert!(token.as_str().unwrap().contains("xoxb"), "{token}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_tries_everything() {
    let surroundings = surroundings().await;
    let (code, printed) = surroundings.check("");
    insta::assert_snapshot!(printed, @"
    ✓ configuration: 1 service, 1 environment
    ✓ store: otus.sqlite can be made
    ✓ Slack configuration: complete
    ✓ Slack bot token: otus (U0OTUS) in Owls
    ✓ Slack scopes: all 12 that are needed
    ✓ Slack Socket Mode: the socket opens and Slack says hello
    ✓ cluster default: Kubernetes v1.36.0-emulated
    ✓ cluster default, namespace shop: everything Otus needs is allowed
    ✓ api in production: registry.test/shop/api:1.0 (container app)
    – GitHub: [github] says nothing about who to be there, so tags are deployed by hand
    ✓ Prometheus: http://prometheus is ready, version 2.42.0-otus-emulator
    ✓ graph traffic: Prometheus understands its query
    – Grafana: grafana.url is not set, so deploys are not marked there
    – experiments: no application may send, so none is listened to
    – flags: no client may ask, so flags are served to nobody

    All 11 checks are good.
    ");
    assert_eq!(code, Some(0));
    assert!(
        surroundings
            .slack
            .calls()
            .iter()
            .all(|call| !call.method.starts_with("chat."))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_what_is_wrong_and_how_to_mend_it() {
    let surroundings = surroundings().await;
    surroundings.cluster.deny(Denial {
        verb: "patch".into(),
        resource: "deployments".into(),
        namespace: "shop".into(),
    });
    let more = "[responders.graphs.queries.wrong]\nquery = 'sum(rate('\n[services.web]\n";
    let (code, printed) = surroundings.check(more);
    insta::assert_snapshot!(printed, @r#"
    ✓ configuration: 2 services, 1 environment
    ✓ store: otus.sqlite can be made
    ✓ Slack configuration: complete
    ✓ Slack bot token: otus (U0OTUS) in Owls
    ✓ Slack scopes: all 12 that are needed
    ✓ Slack Socket Mode: the socket opens and Slack says hello
    ✓ cluster default: Kubernetes v1.36.0-emulated
    ✗ cluster default, namespace shop: not allowed: patch deployments. This Role allows it; bind it to Otus' account with a RoleBinding:
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata:
          name: otus
          namespace: shop
        rules:
          - apiGroups: ["apps"]
            resources: ["deployments"]
            verbs: ["get", "list", "watch", "patch"]
          - apiGroups: ["apps"]
            resources: ["replicasets"]
            verbs: ["list", "watch"]
          - apiGroups: [""]
            resources: ["pods"]
            verbs: ["list", "watch"]
          - apiGroups: [""]
            resources: ["pods/log"]
            verbs: ["get"]
          - apiGroups: [""]
            resources: ["events"]
            verbs: ["list"]
    ✓ api in production: registry.test/shop/api:1.0 (container app)
    ✗ web in production: there is no deployment web in the namespace shop of the cluster default. Set workload or environments below [services.web], or namespace below [environments.production]
    – GitHub: [github] says nothing about who to be there, so tags are deployed by hand
    ✓ Prometheus: http://prometheus is ready, version 2.42.0-otus-emulator
    ✓ graph traffic: Prometheus understands its query
    ✗ graph wrong: Prometheus does not understand the query: 1:10: parse error: unclosed left parenthesis
    – Grafana: grafana.url is not set, so deploys are not marked there
    – experiments: no application may send, so none is listened to
    – flags: no client may ask, so flags are served to nobody

    3 things are wrong.
    "#);
    assert_eq!(code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_tries_repositories_and_their_images() {
    let surroundings = surroundings().await;
    let github = GitHub::start().await.unwrap();
    let api = github.repository("acme/api").unwrap();
    let sha = api.commit("main", "Answer faster").unwrap();
    api.check(&sha, "build", Conclusion::Success).unwrap();
    let open = RealRegistry::start().await.unwrap();
    open.push("shop/api", &sha, &[]).await.unwrap();
    let closed = RealRegistry::start_with_login("otus", "hush").await.unwrap();
    let mut more = format!(
        "[github]\napi_url = '{}'\ntoken = '{}'\n",
        github.url(),
        github.token()
    );
    for registry in [&open, &closed] {
        more.push_str(&format!(
            "[registries.'{}']\nplain_http = true\n",
            registry.host()
        ));
    }
    for (name, registry, repository) in [
        ("closed", &closed, "acme/api"),
        ("good", &open, "acme/api"),
        ("lost", &open, "acme/lost"),
    ] {
        let image = format!("{}/shop/api", registry.host());
        more.push_str(&format!(
            "[services.{name}]\nworkload = 'api'\nimage = '{image}'\nrepository = '{repository}'\n"
        ));
    }
    let (code, printed) = surroundings.check(&more);
    let about: Vec<&str> = printed
        .lines()
        .filter(|line| {
            ["repository of", "images of", "GitHub"]
                .iter()
                .any(|what| line.contains(what))
        })
        .collect();
    let about = about
        .join("\n")
        .replace(open.host(), "open.test")
        .replace(closed.host(), "closed.test");
    insta::assert_snapshot!(about, @r#"
    ✓ repository of closed: acme/api can be read; main is at d67e732, with 1 check
    ✗ images of closed: closed.test wants credentials for shop/api, and none are configured for it; set user and password, password_file or password_command, or docker_config (or is the name wrong? Some registries hide what is not there). What is said about it stands below [registries."closed.test"]
    ✓ repository of good: acme/api can be read; main is at d67e732, with 1 check
    ✓ images of good: open.test/shop/api:d67e732915c7076b72b3ba3ea1e2b080d84851cb is there
    ✗ repository of lost: GitHub knows no repository acme/lost, or the token may not see it. Check services.lost.repository = "acme/lost", and let the token read that repository: contents, metadata, checks, commit statuses
    "#);
    assert_eq!(code, Some(1));
}

#[test]
fn an_emulated_cluster_is_ready_for_scripts() {
    let mut cluster = Program::start(&["emulate", "kubernetes", "--json", "--fast"], &Start::default());
    let ready: Value = cluster.wait_for(|printed, _| serde_json::from_str(printed.lines().next()?).ok());
    let kubeconfig = ready["OTUS__KUBERNETES__KUBECONFIG"].as_str().unwrap().to_owned();
    assert!(
        std::fs::read_to_string(&kubeconfig)
            .unwrap()
            .contains(ready["KUBERNETES_URL"].as_str().unwrap())
    );
    assert_eq!(cluster.terminate().code(), Some(0));
    assert!(
        !std::path::Path::new(&kubeconfig).exists(),
        "the kubeconfig it made is left behind"
    );
}
