//! What the configuration promises, on the real files and on garbage.

use super::*;
use proptest::prelude::*;
use serde_json::Value as Json;
use std::ffi::OsString;

fn with_file(text: &str) -> Loaded {
    with(text, &[])
}

fn with(text: &str, env: &[(&str, &str)]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("otus.toml");
    std::fs::write(&file, text).unwrap();
    let env = env
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)))
        .collect();
    let mut loaded = load(&Origin {
        file: Some(file.clone()),
        env,
        ..Origin::default()
    });
    // A name that is the same each time.
    let name = file.display().to_string();
    for fault in &mut loaded.faults.0 {
        if let Place::File { name: shown, .. } = &mut fault.place {
            *shown = shown.replace(&name, "otus.toml");
        }
        fault.message = fault.message.replace(&name, "otus.toml");
    }
    loaded
}

fn told(loaded: &Loaded) -> String {
    loaded.faults.to_string()
}

#[test]
fn what_is_built_in_is_right_and_equals_the_defaults() {
    let loaded = load(&Origin::default());
    assert_eq!(loaded.faults, Faults::default(), "{}", told(&loaded));
    let mut settings = loaded.settings;
    settings.responders.clear();
    assert_eq!(format!("{settings:#?}"), format!("{:#?}", Settings::default()));
    let deploy: otus_responder_deploy::Settings =
        serde_json::from_value(loaded.tree["responders"]["deploy"].clone()).unwrap();
    assert_eq!(deploy, otus_responder_deploy::Settings::default());
    let auto: otus_responder_deploy::AutoSettings =
        serde_json::from_value(loaded.tree["responders"]["autodeploy"].clone()).unwrap();
    assert_eq!(auto, otus_responder_deploy::AutoSettings::default());
    let schedules: otus_responder_schedules::Settings =
        serde_json::from_value(loaded.tree["responders"]["schedules"].clone()).unwrap();
    assert_eq!(schedules, otus_responder_schedules::Settings::default());
    let standup: otus_responder_team::StandupSettings =
        serde_json::from_value(loaded.tree["responders"]["standup"].clone()).unwrap();
    assert_eq!(standup, otus_responder_team::StandupSettings::default());
    let oncall: otus_responder_team::OnCallSettings =
        serde_json::from_value(loaded.tree["responders"]["oncall"].clone()).unwrap();
    let expected = otus_responder_team::OnCallSettings::default();
    assert_eq!(format!("{oncall:?}"), format!("{expected:?}"));
    let pipeline: otus_responder_pipeline::Settings =
        serde_json::from_value(loaded.tree["responders"]["pipeline"].clone()).unwrap();
    let expected = otus_responder_pipeline::Settings::default();
    assert_eq!(format!("{pipeline:?}"), format!("{expected:?}"));
    let pulls: otus_responder_pulls::Settings =
        serde_json::from_value(loaded.tree["responders"]["pulls"].clone()).unwrap();
    assert_eq!(pulls, otus_responder_pulls::Settings::default());
    let alerts: otus_responder_alerts::Settings =
        serde_json::from_value(loaded.tree["responders"]["alerts"].clone()).unwrap();
    let expected = otus_responder_alerts::Settings::default();
    assert_eq!(format!("{alerts:?}"), format!("{expected:?}"));
    let markers: otus_responder_markers::Settings =
        serde_json::from_value(loaded.tree["responders"]["markers"].clone()).unwrap();
    assert_eq!(markers, otus_responder_markers::Settings::default());
    let migrations: otus_responder_migrations::Settings =
        serde_json::from_value(loaded.tree["responders"]["migrations"].clone()).unwrap();
    assert_eq!(migrations, otus_responder_migrations::Settings::default());
    let experiments: otus_responder_experiments::Settings =
        serde_json::from_value(loaded.tree["responders"]["experiments"].clone()).unwrap();
    let expected = otus_responder_experiments::Settings::default();
    assert_eq!(format!("{experiments:?}"), format!("{expected:?}"));
    let flags: otus_responder_flags::Settings =
        serde_json::from_value(loaded.tree["responders"]["flags"].clone()).unwrap();
    assert_eq!(flags, otus_responder_flags::Settings::default());
    let executables: otus_responder_executables::Settings =
        serde_json::from_value(loaded.tree["responders"]["executables"].clone()).unwrap();
    assert_eq!(executables, otus_responder_executables::Settings::default());
    let graphs: otus_responder_graphs::Settings =
        serde_json::from_value(loaded.tree["responders"]["graphs"].clone()).unwrap();
    assert_eq!(graphs, otus_responder_graphs::Settings::default());
}

/// The default file with every key that has no default written out, too.
fn complete() -> String {
    let disabled = |line: &str| {
        line.strip_prefix('#')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()) && rest.contains(" = "))
            .map(str::to_owned)
    };
    let lines: Vec<String> = DEFAULT
        .lines()
        .map(|line| disabled(line).unwrap_or_else(|| line.to_owned()))
        .collect();
    lines.join("\n")
}

#[test]
fn the_built_in_file_has_every_key_and_a_comment_on_each() {
    let complete: toml::Table = toml::from_str(&complete()).unwrap();
    for section in [
        "robot",
        "policy",
        "slack",
        "kubernetes",
        "github",
        "prometheus",
        "grafana",
        "github",
        "flags",
        "store",
        "http",
        "log",
    ] {
        sections_keys_are_written(section, complete[section].as_table().unwrap());
    }
    for (section, inner) in [
        ("policy", "break_glass"),
        ("slack", "timeouts"),
        ("slack", "liveness"),
        ("slack", "pace"),
        ("log", "otlp"),
    ] {
        let table = complete[section][inner].as_table().unwrap();
        sections_keys_are_written(&format!("{section}.{inner}"), table);
    }
    for responder in [
        "deploy",
        "alerts",
        "autodeploy",
        "executables",
        "experiments",
        "flags",
        "graphs",
        "markers",
        "migrations",
        "oncall",
        "pipeline",
        "pulls",
        "schedules",
        "standup",
    ] {
        let table = complete["responders"][responder].as_table().unwrap();
        sections_keys_are_written(&format!("responders.{responder}"), table);
    }

    let lines: Vec<&str> = DEFAULT.lines().collect();
    for pair in lines.windows(2) {
        let key = pair[1].trim_start_matches('#');
        let is_key = key.starts_with(|c: char| c.is_ascii_lowercase()) && key.contains(" = ");
        let commented = pair[0].starts_with("# ");
        assert!(!is_key || commented, "no comment above: {}", pair[1]);
    }
}

/// Asks the section's type which keys it has, by way of a key that it does not.
fn sections_keys_are_written(section: &str, table: &toml::Table) {
    let text = format!("[{section}]\n\"no such key\" = 1\n");
    let fault = read_alone(section, &text);
    let mut known = read::choices(&fault);
    known.retain(|key| key != "no such key");
    assert!(!known.is_empty(), "{section}: {fault}");
    for key in known {
        assert!(
            table.contains_key(&key),
            "config/default.toml has no [{section}] {key}"
        );
    }
}

fn read_alone(section: &str, text: &str) -> String {
    fn wrong<T: serde::de::DeserializeOwned>(tree: &Json) -> String {
        serde_json::from_value::<T>(tree.clone())
            .err()
            .unwrap()
            .to_string()
    }
    let tree: Json = toml::from_str(text).unwrap();
    let mut here = &tree;
    for step in section.split('.') {
        here = &here[step];
    }
    match section {
        "robot" => wrong::<otus_core::RobotConfig>(here),
        "policy" => wrong::<otus_core::policy::Policy>(here),
        "policy.break_glass" => wrong::<otus_core::policy::BreakGlass>(here),
        "slack" => wrong::<otus_slack::SlackConfig>(here),
        "slack.timeouts" => wrong::<otus_slack::Timeouts>(here),
        "slack.liveness" => wrong::<otus_slack::Liveness>(here),
        "slack.pace" => wrong::<otus_slack::Pace>(here),
        "kubernetes" => wrong::<otus_kubernetes::Config>(here),
        "github" => wrong::<otus_ci::github::GitHubConfig>(here),
        "prometheus" => wrong::<otus_monitoring::PrometheusConfig>(here),
        "grafana" => wrong::<otus_monitoring::grafana::GrafanaConfig>(here),
        "flags" => wrong::<otus_flags::serve::FlagsConfig>(here),
        "store" => wrong::<otus_store::StoreConfig>(here),
        "http" => wrong::<HttpConfig>(here),
        "log" => wrong::<LogConfig>(here),
        "log.otlp" => wrong::<OtlpConfig>(here),
        "responders.alerts" => wrong::<otus_responder_alerts::Settings>(here),
        "responders.deploy" => wrong::<otus_responder_deploy::Settings>(here),
        "responders.autodeploy" => wrong::<otus_responder_deploy::AutoSettings>(here),
        "responders.schedules" => wrong::<otus_responder_schedules::Settings>(here),
        "responders.standup" => wrong::<otus_responder_team::StandupSettings>(here),
        "responders.oncall" => wrong::<otus_responder_team::OnCallSettings>(here),
        "responders.oncall.pagerduty" => wrong::<otus_responder_team::PagerDutySettings>(here),
        "responders.pipeline" => wrong::<otus_responder_pipeline::Settings>(here),
        "responders.markers" => wrong::<otus_responder_markers::Settings>(here),
        "responders.migrations" => wrong::<otus_responder_migrations::Settings>(here),
        "responders.pulls" => wrong::<otus_responder_pulls::Settings>(here),
        "responders.executables" => wrong::<otus_responder_executables::Settings>(here),
        "responders.experiments" => wrong::<otus_responder_experiments::Settings>(here),
        "responders.flags" => wrong::<otus_responder_flags::Settings>(here),
        "responders.graphs" => wrong::<otus_responder_graphs::Settings>(here),
        other => panic!("{other}"),
    }
}

#[test]
fn the_examples_in_the_built_in_file_are_right() {
    let examples = complete()
        .lines()
        .filter(|line| !line.contains("_file = "))
        .collect::<Vec<_>>()
        .join("\n");
    let loaded = with_file(&examples);
    let messages: Vec<_> = loaded
        .faults
        .0
        .iter()
        .map(|fault| fault.message.as_str())
        .collect();
    let expected = [
        "github has both a token and an App; keep one",
        "prometheus has both a user name or password and a bearer token; keep one kind",
    ];
    assert_eq!(messages, expected, "{}", told(&loaded));
}

#[test]
fn where_versions_come_from_is_read_and_its_faults_are_told() {
    let right = r#"
[github]
token = "ghp_x"
[registries."registry.example.com"]
user = "otus"
password_file = "/etc/otus/registry-password"
password_lifetime = "2h"
[environments.production]
backwards = "refuse"
[services.api]
image = "registry.example.com/shop/api"
repository = "acme/api"
branch = "main"
checks = ["build"]
image_tag = "sha-{sha}"
"#;
    let loaded = with_file(right);
    assert_eq!(loaded.faults, Faults::default(), "{}", told(&loaded));
    assert!(
        resources(&loaded.settings)
            .unwrap()
            .get::<otus_ci::version::Versions>()
            .is_some()
    );
    assert!(
        resources(&Settings::default())
            .unwrap()
            .get::<otus_ci::version::Versions>()
            .is_none(),
        "nothing is there that nobody configured"
    );
    insta::assert_snapshot!(told(&with_file(
        r#"
[registries."registry.example.com"]
user = "otus"
[environments.production]
backwards = "never"
[services.api]
image = "api"
repository = "api"
image_tag = "latest"
versions = ["v1"]
[services.web]
checks = ["build"]
"#
    )), @r#"
    Otus cannot start with this configuration, for 8 reasons:
      otus.toml:2: registries."registry.example.com": there is a user, but no password; set password, password_file or password_command
      otus.toml:5: environments.production.backwards: "never" is not known here; there are: ask, refuse, allow
      otus.toml:7: services.api.image: `api` is not the name of a repository: it must begin with the registry's host, as in `registry.example.com/team/api`
      otus.toml:8: services.api.repository: [github] says nothing about who to be there; set github.token_file, or take repository out
      otus.toml:8: services.api.repository: `api` is not a repository; write it as owner/name, for example acme/api
      otus.toml:9: services.api.image_tag: `latest` is not the tag of a commit's image: it needs {sha} or {short}, once; write for example "{sha}", "{short}" or "sha-{sha}"
      otus.toml:10: services.api.versions: with a repository the versions are its commits; keep one of versions and repository
      otus.toml:12: services.web.checks: it means nothing without repository; set that, too: repository = "owner/name"
    "#);
}

#[test]
fn flags_are_read_and_their_faults_are_told() {
    let right = r#"
[environments.production]
[flags]
origins = ["https://shop.example.com"]
[flags.sets.mobile]
[flags.clients.web]
set = "production"
token = "0123456789abcdef"
[flags.clients.app]
set = "mobile"
token = "fedcba9876543210"
[responders.flags]
step_in = ["production"]
[responders.flags.groups.staff]
attribute = "email"
ends_with = "@example.com"
"#;
    let loaded = with_file(right);
    assert_eq!(loaded.faults, Faults::default(), "{}", told(&loaded));
    assert!(!format!("{:?}", loaded.settings).contains("0123456789abcdef"));
    let wrong = right
        .replace("\"production\"\ntoken", "\"prod\"\ntoken")
        .replace("fedcba9876543210", "short")
        .replace("origins", "origin")
        .replace("[\"production\"]", "[\"prodution\"]")
        .replace("ends_with", "ends");
    insta::assert_snapshot!(told(&with_file(&wrong)), @r#"
    Otus cannot start with this configuration, for 5 reasons:
      otus.toml:4: flags.origin: there is no such key; did you mean origins?
      otus.toml:7: flags.clients.web.set: there is no environment "prod", and no such set below [flags.sets]
      otus.toml:11: flags.clients.app.token: a token has 16 letters, digits or signs or more, and no blanks
      otus.toml:13: responders.flags.step_in: step_in names "prodution", and there is no such environment
      otus.toml:16: responders.flags.groups.staff.ends: there is no such key; did you mean ends_with?
    "#);
    let seeded = "[environments.production]\n[flags.sets.production]\nseed_file = \"/no/such/file\"\n\
                  [responders.flags.guards.errors]\nquery = \"up\"\nbound = \"> 0\"\n";
    insta::assert_snapshot!(told(&with_file(seeded)), @"
    Otus cannot start with this configuration, for 2 reasons:
      otus.toml:3: flags.sets.production.seed_file: /no/such/file: it cannot be read: No such file or directory (os error 2)
      otus.toml:4: responders.flags.guards.errors: guards.errors asks Prometheus, and [prometheus] has no url
    ");
}

#[test]
fn what_goes_out_by_itself_is_read_and_its_faults_are_told() {
    let right = r#"
[roles]
deployer = ["*", "robot:auto-deploy"]
[github]
token = "ghp_x"
[environments.staging]
auto = true
[environments.production]
after = "staging"
auto = true
bake = "1h"
[services.api]
image = "registry.example.com/shop/api"
repository = "acme/api"
[services.api.in.production]
auto = false
[responders.autodeploy]
channel = "C012AB3CD"
look = "1m"
"#;
    let loaded = with_file(right);
    assert_eq!(loaded.faults, Faults::default(), "{}", told(&loaded));
    let autos = loaded.settings.catalog().autos();
    assert_eq!(autos.len(), 1);
    let unnamed = with_file(
        &right
            .replace(", \"robot:auto-deploy\"", "")
            .replace("\nchannel", "\nchanel"),
    );
    insta::assert_snapshot!(told(&unnamed), @r#"
    Otus cannot start with this configuration, for 3 reasons:
      otus.toml:7: environments.staging.auto: who deploys by itself has to be named in the role deployer, which * does not do: deployer = ["robot:auto-deploy", …] below [roles]
      otus.toml:17: responders.autodeploy: channel is not set, and api goes out to staging by itself, which is shown there; set channel = "C…" below [responders.autodeploy]
      otus.toml:18: responders.autodeploy.chanel: there is no such key; did you mean channel?
    "#);
    let nowhere = with_file(
        &right
            .replace("channel = \"C012AB3CD\"", "")
            .replace("after = \"staging\"", ""),
    );
    insta::assert_snapshot!(told(&nowhere), @r#"
    Otus cannot start with this configuration, for 2 reasons:
      otus.toml:11: environments.production.bake: it says how long something has to run well in the environment before, and there is none; set after, too
      otus.toml:17: responders.autodeploy: channel is not set, and api goes out to staging by itself, which is shown there; set channel = "C…" below [responders.autodeploy]
    "#);
}

#[test]
fn the_example_of_the_page_on_permissions_is_right() {
    let loaded = with_file(include_str!("../../../docs/examples/team-of-ten.toml"));
    assert_eq!(loaded.faults, Faults::default(), "{}", told(&loaded));
    assert!(loaded.settings.policy.rules.len() >= 3);
}

#[test]
fn the_example_of_the_page_on_the_pipeline_is_right() {
    let loaded = with_file(include_str!("../../../docs/examples/pipeline.toml"));
    assert_eq!(loaded.faults, Faults::default(), "{}", told(&loaded));
    assert!(
        loaded
            .settings
            .environments
            .values()
            .all(|environment| environment.auto)
    );
}

#[test]
fn a_policy_that_cannot_be_right_is_told_with_its_line() {
    let loaded = with_file("[[policy.rules]]\nname = \"x\"\nroles = [\"nobody\"]\n");
    let [fault] = loaded.faults.0.as_slice() else {
        panic!("{}", told(&loaded));
    };
    assert!(fault.message.contains("nobody"), "{fault}");
    assert!(fault.to_string().contains("policy.rules"), "{fault}");
}

#[test]
fn what_runs_before_a_deploy_is_told_with_its_line() {
    let loaded = with_file(
        "[services.api.before]\ncommand = []\n[services.web.before]\ncommand = [\"up\"]\ndeadlin = \"1m\"\n\
         [services.job.before]\ncommand = [\"up\"]\nenv = { DB = { secret = \"db\" } }\n",
    );
    insta::assert_snapshot!(told(&loaded), @r#"
    Otus cannot start with this configuration, for 3 reasons:
      otus.toml:2: services.api.before.command: a command is expected, word by word: ["bin/migrate", "up"]
      otus.toml:5: services.web.before.deadlin: there is no such key; did you mean deadline?
      otus.toml:8: services.job.before.env.DB: a text is expected, or { secret = "its name", key = "…" }, or { config_map = "its name", key = "…" }
    "#);
}

#[test]
fn databases_and_migrations_are_told_with_their_line() {
    let loaded = with_file(
        "[databases.shop]\nurl = \"mysql://db/shop\"\n\
         [databases.other]\n\
         [databases.other.consumers.warehouse]\ngate = \"elt\"\nowner = \"data\"\n\
         [databases.third]\nurl = \"postgres://otus:hunter2@db/third\"\n\
         [databases.third.consumers.warehouse]\ngate = \"etl\"\nowner = \"data\"\n\
         [environments.staging]\n\
         [services.api.migrations]\npath = \"db\"\ndatabases = { stging = \"shp\" }\n\
         [services.web.migrations]\nfolder = \"db\"\ndatabses = {}\n\
         [responders.migrations]\nquiet = 14\n",
    );
    insta::assert_snapshot!(told(&loaded), @r#"
    Otus cannot start with this configuration, for 10 reasons:
      otus.toml:2: databases.shop.url: must begin with postgres: or sqlite:; other databases are migrated by a Job before the deploy
      otus.toml:3: databases.other.url: is not set; write the database's address: "postgres://otus@db.example.com/shop"
      otus.toml:5: databases.other.consumers.warehouse.gate: "elt" is not known here; there are: app, etl, reporting; did you mean "etl"?
      otus.toml:11: databases.third.consumers.warehouse.owner: it names the role "data", which is not defined: write data = ["U…"] below [roles]
      otus.toml:14: services.api.migrations.path: it is a folder of the service's repository, and the service has none: set repository, or folder or in_image instead of path
      otus.toml:15: services.api.migrations.databases.stging: there is no environment "stging"
      otus.toml:15: services.api.migrations.databases.stging: there is no database "shp" below [databases]; there are: other, shop, third
      otus.toml:16: services.web.migrations: the key databases is missing here
      otus.toml:18: services.web.migrations.databses: there is no such key; did you mean databases?
      otus.toml:20: responders.migrations.quiet: there is no such key; did you mean quiet_days?
    "#);
    assert!(!told(&loaded).contains("hunter2"));
}

#[test]
fn canaries_are_told_with_their_line() {
    let loaded = with_file(
        "[services.api.canary]\nreplicas = 1\nshare = \"5%\"\n[services.web.canary]\nbaked = \"1m\"\n\
         [services.job.canary]\nbake = \"1m\"\n",
    );
    insta::assert_snapshot!(told(&loaded), @"
    Otus cannot start with this configuration, for 2 reasons:
      otus.toml:1: services.api.canary: keep one of replicas and share
      otus.toml:5: services.web.canary.baked: there is no such key; did you mean bake?
    ");
}

#[test]
fn gates_are_told_with_their_line() {
    let loaded = with_file(
        "[services.api.gates.errors]\nquery = \"up\"\nbelow = 1\ninterval = \"0s\"\n\
         [services.web.gates.errors]\nquery = \"up\"\nbelow = 1\n\
         [services.job.gates.errors]\nqery = \"up\"\nbelow = \"1\"\n\
         [responders.deploy.gates.load]\nquery = \"up{a=\\\"{{nme}}\\\"}\"\nbelow = 1\n",
    );
    insta::assert_snapshot!(told(&loaded), @r#"
    Otus cannot start with this configuration, for 6 reasons:
      otus.toml:1: services.api.gates.errors: the gate `errors`: interval has to be at least 1s
      otus.toml:5: services.web.gates: gates ask Prometheus, and none is configured: set url below [prometheus], or take the gates out
      otus.toml:8: services.job.gates.errors: the key query is missing here
      otus.toml:9: services.job.gates.errors.qery: there is no such key; did you mean query?
      otus.toml:10: services.job.gates.errors.below: a number is expected, and this is "1"
      otus.toml:11: responders.deploy.gates.load: the gate `load`: {{nme}} is not known; there are {{service}}, {{env}}, {{version}} and {{since}}
    "#);
    let loaded = with_file("[responders.deploy.gates.load]\nquery = \"up\"\nbelow = 1\n");
    insta::assert_snapshot!(told(&loaded), @"
    Otus cannot start with this configuration:
      otus.toml:1: responders.deploy.gates: gates ask Prometheus, and none is configured: set url below [prometheus], or take the gates out
    ");
    let loaded = with_file(
        "[prometheus]\nurl = \"http://127.0.0.1:9090\"\n[services.web.gates.errors]\nquery = \"up\"\nbelow = 1\n\
         [responders.deploy.gates.load]\nquery = \"up\"\nabove = 1\n",
    );
    assert_eq!(loaded.faults, Faults::default(), "{}", told(&loaded));
}

#[test]
fn the_demo_is_right() {
    let loaded = load(&Origin {
        program: vec![("the demo", DEMO.to_owned())],
        ..Origin::default()
    });
    assert_eq!(loaded.faults, Faults::default(), "{}", told(&loaded));
    assert!(loaded.settings.services.len() >= 3);
}

#[test]
fn all_faults_are_told_with_line_key_and_what_was_meant() {
    let loaded = with(
        r#"
[slack]
bot_tokn = "xoxb-secret-1"
sockets = 300
events = "sockets"
signing_secret = 12345678

[robot]
deadline = "soon"
aliases = "o!"

[slcak]
x = 1

[environments.production]
after = "stagging"
[environments.staging]

[services.api]
enviroments = ["staging"]

[responders.deploy]
stabilty = "1m"
grace = "a while"
[responders.deplo]

[http]
listen = "8080"
[log]
filter = "inf=o=x"
"#,
        &[
            ("OTUS__SLACK__BOT_TOKNE", "xoxb-secret-2"),
            ("OTUS__PROMETHEUS", "http://x"),
            ("OTUS__STORE__KEEP_CLAIMS_HOURS", "many"),
            ("OTUS__", "x"),
            ("OTUS__ROBOT__NAME__FIRST", "x"),
        ],
    );
    insta::assert_snapshot!(told(&loaded), @r#"
    Otus cannot start with this configuration, for 19 reasons:
      otus.toml:3: slack.bot_tokn: there is no such key; did you mean bot_token?
      otus.toml:4: slack.sockets: a whole number from 0 to 255 is expected, and this is 300
      otus.toml:5: slack.events: "sockets" is not known here; there are: socket, http; did you mean "socket"?
      otus.toml:6: slack.signing_secret: its value cannot be used here: a text in quotation marks is expected
      otus.toml:9: robot.deadline: "soon" is no duration; write it like "500ms", "10s", "5m" or "1h 30m"
      otus.toml:10: robot.aliases: a list like ["a", "b"] is expected, and this is "o!"
      otus.toml:12: slcak: there is no such section; did you mean slack?
      otus.toml:16: environments.production.after: there is no environment "stagging"; there are: production, staging
      otus.toml:20: services.api.enviroments: there is no such key; did you mean environments?
      otus.toml:23: responders.deploy.stabilty: there is no such key; did you mean stability?
      otus.toml:24: responders.deploy.grace: "a while" is no duration; write it like "500ms", "10s", "5m" or "1h 30m"
      otus.toml:25: responders.deplo: there is no such responder; did you mean deploy?
      otus.toml:28: http.listen: "8080" is no address to listen on; write an IP address and a port: "0.0.0.0:8080", "[::]:8080"
      otus.toml:30: log.filter: "inf=o=x" is no filter (error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5); write a level (error, warn, info, debug, trace) or levels by part: "info,otus_slack=debug"
      the environment variable OTUS__: it names no key: write OTUS__SECTION__KEY, with two underscores between
      the environment variable OTUS__PROMETHEUS: prometheus: prometheus is a section: write OTUS__PROMETHEUS__KEY
      the environment variable OTUS__ROBOT__NAME__FIRST: robot.name: a text in quotation marks is expected, and this is a section
      the environment variable OTUS__SLACK__BOT_TOKNE: slack.bot_tokne: there is no such key; did you mean bot_token?
      the environment variable OTUS__STORE__KEEP_CLAIMS_HOURS: store.keep_claims_hours: a whole number, 0 or more, is expected, and this is "many"
    "#);
    assert!(!told(&loaded).contains("secret-"));
    assert!(!told(&loaded).contains("12345678"));
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    insta::assert_snapshot!(told(&with_file("[slack]\nbot_token = xoxb\n")), @"
    Otus cannot start with this configuration:
      otus.toml:2: this is not TOML: string values must be quoted, expected literal string
    ");
    insta::assert_snapshot!(told(&with_file("slack = 3\n")), @"
    Otus cannot start with this configuration:
      otus.toml:1: slack: this is a section: write [slack], and its keys below
    ");
    let missing = load(&Origin {
        file: Some("/nowhere/otus.toml".into()),
        ..Origin::default()
    });
    insta::assert_snapshot!(told(&missing), @"
    Otus cannot start with this configuration:
      the file /nowhere/otus.toml cannot be read: No such file or directory (os error 2)
    ");
}

#[test]
fn what_an_engine_cannot_work_with_is_told_with_its_line() {
    insta::assert_snapshot!(told(&with_file("[prometheus]\n\nurl = \"nonsense\"\n")), @"
    Otus cannot start with this configuration:
      otus.toml:3: prometheus.url cannot be used: relative URL without a base
    ");
    insta::assert_snapshot!(told(&with_file("[responders.graphs.queries.a]\nquery = \"\"\n")), @"
    Otus cannot start with this configuration:
      otus.toml:2: responders.graphs.queries.a.query: queries.a.query is empty
    ");
    insta::assert_snapshot!(told(&with_file("[responders.graphs.queries.a]\nunit = \"furlong\"\nthreshhold = 1\nquery = 5\n")), @r#"
    Otus cannot start with this configuration, for 3 reasons:
      otus.toml:2: responders.graphs.queries.a.unit: there is no unit "furlong"; known are none, count, seconds, milliseconds, bytes, bytes-si, bytes-per-second, bytes-per-second-si, bits, bits-per-second, percent (0 to 100), ratio (0 to 1), per-second, per-minute, hertz, celsius, watts, and a currency's code as EUR
      otus.toml:3: responders.graphs.queries.a.threshhold: there is no such key; did you mean threshold?
      otus.toml:4: responders.graphs.queries.a.query: a text in quotation marks is expected, and this is 5
    "#);
}

#[test]
fn a_workload_is_of_a_kind_that_is_deployed() {
    let read = |workload: &str| {
        let text = format!(
            "[environments.staging]\n[services.db]\nworkload = \"statefulset/db\"\n[services.db.in.staging]\nworkload = \"{workload}\"\n"
        );
        let loaded = with(&text, &[]);
        let faults = loaded.faults.0.iter().map(ToString::to_string);
        faults
            .filter(|fault| fault.contains("kind"))
            .collect::<Vec<_>>()
            .join("; ")
    };
    assert_eq!(read("daemonset/db"), "");
    let fault = read("cronjob/db");
    assert!(
        fault.contains("otus.toml:5") && fault.contains("services.db.in.staging.workload"),
        "{fault}"
    );
    assert!(fault.contains("`cronjob` is no kind of workload"), "{fault}");
}

#[test]
fn the_environment_is_above_the_file_and_typed_by_the_key() {
    let loaded = with(
        "[slack]\nsockets = 3\nbot_token = \"xoxb-file\"\n[services.my-api]\nimage = \"a\"\n[roles]\nops = [\"*\"]\n",
        &[
            ("OTUS__SLACK__SOCKETS", "1"),
            ("OTUS__SLACK__API_URL", "http://127.0.0.1:1/api"),
            ("OTUS__SLACK__BOT_TOKEN", "xoxb-env"),
            ("OTUS__SLACK__ALLOW_PLAIN_HTTP", "true"),
            ("OTUS__SLACK__PACE__POSTS_PER_SECOND", "2"),
            ("OTUS__KUBERNETES__CONTEXT", "12345"),
            ("OTUS__KUBERNETES__KUBECONFIG", "/a,b"),
            ("OTUS__ROBOT__NAME", "7"),
            ("OTUS__ROBOT__ALIASES", "o!, hey"),
            ("OTUS__ROLES__OPS", "U1,@backend"),
            ("OTUS__ROLES__DEPLOYER", "U2"),
            ("OTUS__SERVICES__MY_API__IMAGE", "true"),
            ("OTUS__SERVICES__MY_API__VERSIONS", "[\"v1\", \"v2\"]"),
            ("OTUS__RESPONDERS__DEPLOY__STABILITY", "3s"),
            ("OTUS__RESPONDERS__GRAPHS__ENABLED", "false"),
            ("HOME", "/root"),
        ],
    );
    assert_eq!(loaded.faults, Faults::default(), "{}", told(&loaded));
    let settings = loaded.settings;
    assert_eq!(settings.slack.sockets, 1);
    assert!(settings.slack.allow_plain_http);
    assert_eq!(settings.kubernetes.context.as_deref(), Some("12345"));
    assert_eq!(
        settings.kubernetes.kubeconfig.as_deref(),
        Some(std::path::Path::new("/a,b"))
    );
    assert_eq!(settings.robot.name, "7");
    assert_eq!(settings.robot.aliases, ["o!", "hey"]);
    assert_eq!(settings.roles.0["ops"], ["U1", "@backend"]);
    assert_eq!(settings.roles.0["deployer"], ["U2"]);
    assert_eq!(settings.services["my-api"].image.as_deref(), Some("true"));
    assert_eq!(settings.services["my-api"].versions, ["v1", "v2"]);
    assert_eq!(settings.responders["deploy"]["stability"], "3s");
    assert_eq!(settings.responders["graphs"]["enabled"], false);
}

#[test]
fn a_secret_can_lie_in_a_file() {
    use secrecy::ExposeSecret as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "xoxb-from-file\n").unwrap();
    let path = file.display().to_string();
    let loaded = with("", &[("OTUS__SLACK__BOT_TOKEN_FILE", &path)]);
    assert_eq!(loaded.faults, Faults::default());
    assert_eq!(
        loaded.settings.slack.bot_token.as_ref().unwrap().expose_secret(),
        "xoxb-from-file"
    );
    assert!(!loaded.to_toml().contains("from-file"));

    let both = with(
        "[slack]\nbot_token = \"xoxb-1\"\n",
        &[("OTUS__SLACK__BOT_TOKEN_FILE", &path)],
    );
    insta::assert_snapshot!(told(&both), @"
    Otus cannot start with this configuration:
      the environment variable OTUS__SLACK__BOT_TOKEN_FILE: slack.bot_token_file: slack.bot_token is given, too (otus.toml:2); keep one of them
    ");
    let nowhere = with_file("[slack]\napp_token_file = \"/nowhere/token\"\n");
    insta::assert_snapshot!(told(&nowhere), @"
    Otus cannot start with this configuration:
      otus.toml:2: slack.app_token_file: the file /nowhere/token cannot be read: No such file or directory (os error 2)
    ");
}

#[test]
fn what_is_missing_to_run_is_told_at_once() {
    let loaded = load(&Origin {
        program: vec![("a test", "[slack]\nsockets = 99\n".into())],
        ..Origin::default()
    });
    let faults = loaded.runnable().unwrap_err();
    insta::assert_snapshot!(faults.to_string(), @"
    Otus cannot start with this configuration, for 3 reasons:
      slack.bot_token: is not set: the bot token, xoxb-…. Set bot_token or bot_token_file below [slack] in config/local.toml, or the environment variable OTUS__SLACK__BOT_TOKEN; README.md says where to get it
      slack.app_token: is not set: the app-level token, xapp-…, with the scope connections:write. Set app_token or app_token_file below [slack] in config/local.toml, or the environment variable OTUS__SLACK__APP_TOKEN; README.md says where to get it
      a test: slack.sockets: must be between 1 and 10
    ");
}

#[test]
fn faults_of_webhooks_and_of_github_are_told_where_they_are() {
    insta::assert_snapshot!(told(&with_file(r#"
[github]
token = "ghp_secret"
app_id = 12

[responders.pipeline]
attempts = 0
"#)), @"
    Otus cannot start with this configuration:
      otus.toml:2: github has both a token and an App; keep one
    ");
    let loaded = with_file(
        r#"
[responders.pipeline]
reconcil = "5m"
[responders.pipeline.hooks.github]
scheme = "gitlab"
secrets = ["0123456789abcdef"]
[responders.pipeline.hooks.builds]
scheme = "generic"
secrets = ["hush"]
"#,
    );
    insta::assert_snapshot!(told(&loaded), @"
    Otus cannot start with this configuration, for 2 reasons:
      otus.toml:3: responders.pipeline.reconcil: there is no such key; did you mean reconcile?
      otus.toml:7: responders.pipeline.hooks.builds: hooks.builds cannot be used: the secret number 1 of the hook `builds` cannot be used: it is shorter than 16 bytes
    ");
    assert!(!loaded.to_toml().contains("0123456789abcdef"));
}

#[test]
fn the_address_of_a_collector_is_told_with_its_line() {
    for wrong in ["collector:4318", "grpc://collector:4317", "http://"] {
        let told = told(&with_file(&format!("[log.otlp]\nendpoint = \"{wrong}\"\n")));
        assert!(
            told.contains(":2: log.otlp.endpoint: ") && told.contains("http://collector:4318"),
            "{told}"
        );
    }
}

#[test]
fn what_came_together_is_shown_without_secrets() {
    let loaded = with(
        r#"
[slack]
bot_token = "xoxb-secret"
[prometheus]
url = "http://ann:secret@metrics:9090/p"
headers = { X-Scope-OrgID = "secret" }
[log.otlp]
headers = { authorization = "Basic secret" }
[services."api.v2"]
versions = ["v1", "v2"]
[environments.staging]
"#,
        &[
            ("OTUS__SLACK__APP_TOKEN", "xapp-secret"),
            ("OTUS__ROBOT__NAME", "hedwig"),
        ],
    );
    let toml = loaded.to_toml();
    assert!(!toml.contains("secret\"") && !toml.contains(":secret"), "{toml}");
    let again: toml::Table = toml::from_str(&toml).unwrap();
    assert_eq!(
        again["services"]["api.v2"]["versions"].as_array().unwrap().len(),
        2
    );
    let lines: Vec<String> = toml
        .lines()
        .filter(|line| !line.ends_with("# default"))
        .map(|line| match line.rsplit_once("# ") {
            Some((value, place)) => format!("{value}# {}", place.rsplit('/').next().unwrap()),
            None => line.to_owned(),
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    # What came together: default < file < environment. Behind each value stands where it came from.

    [robot]
    name = "hedwig"          # OTUS__ROBOT__NAME


    [roles]

    [policy]

    [policy.break_glass]

    [environments.staging]  # otus.toml:11

    [services."api.v2"]
    versions = ["v1", "v2"]  # otus.toml:10

    [slack]
    app_token = "••••"                 # OTUS__SLACK__APP_TOKEN
    bot_token = "••••"                 # otus.toml:3

    [slack.liveness]

    [slack.pace]

    [slack.timeouts]

    [kubernetes]


    [github]

    [prometheus]
    url = "http://••••@metrics:9090/p"  # otus.toml:5

    [prometheus.headers]
    X-Scope-OrgID = "••••"  # otus.toml:6

    [grafana]

    [flags]



    [store]

    [http]

    [log]

    [log.otlp]

    [log.otlp.headers]
    authorization = "••••"  # otus.toml:8

    [responders.alerts]


    [responders.autodeploy]



    [responders.deploy]



    [responders.executables]


    [responders.experiments]


    [responders.flags]




    [responders.graphs]

    [responders.graphs.evidence]




    [responders.markers]

    [responders.migrations]

    [responders.oncall.pagerduty]



    [responders.pipeline]




    [responders.pulls]




    [responders.schedules]
    "#);
    let json = loaded.to_json();
    assert_eq!(json["slack.bot_token"]["value"], "••••");
    assert_eq!(json["robot.name"]["from"], "OTUS__ROBOT__NAME");
    assert!(!json.to_string().contains("secret\""));
}

fn words() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "slack",
        "robot",
        "services",
        "responders",
        "deploy",
        "bot_token",
        "environments",
        "aliases",
        "in",
        "a[9999999999]",
        "staging",
        "prometheus",
        "headers",
        "bot_token_file",
        "roles",
        "enabled",
        "__",
        "",
        "\0",
        "ä",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 1 => "\\PC{0,8}"]
}

fn value() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "1",
        "-1",
        "1e400",
        "inf",
        "nan",
        "true",
        "\"x\"",
        "[1, \"a\"]",
        "{ a = 1 }",
        "[[[]]]",
        "1979-05-27",
        "\"\"\"\n\"\"\"",
        "99999999999999999999",
        "'1h'",
        "",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 1 => "\\PC{0,12}"]
}

fn quoted(word: &str) -> String {
    toml_edit::Key::new(word).display_repr().into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn garbage_never_panics(text in "\\PC{0,200}", name in words(), more in words(), text_value in value()) {
        let loaded = with(&text, &[(format!("OTUS__{name}__{more}").as_str(), text_value.as_str())]);
        let _ = (loaded.faults.to_string(), loaded.to_toml(), loaded.to_json());
    }

    #[test]
    fn what_is_almost_right_never_panics_and_is_shown_as_toml(
        lines in prop::collection::vec((prop::collection::vec(words(), 1..4), words(), value()), 0..8),
        variables in prop::collection::vec((prop::collection::vec(words(), 1..4), value()), 0..4),
    ) {
        let text: String = lines
            .iter()
            .map(|(path, key, value)| {
                let path: Vec<_> = path.iter().map(|word| quoted(word)).collect();
                format!("[{}]\n{} = {value}\n", path.join("."), quoted(key))
            })
            .collect();
        let env: Vec<(OsString, OsString)> = variables
            .iter()
            .map(|(path, value)| (format!("OTUS__{}", path.join("__").to_uppercase()).into(), value.into()))
            .collect();
        let loaded = load(&Origin { env, program: vec![("a test", text)], ..Origin::default() });
        let _ = loaded.faults.to_string();
        let shown = loaded.to_toml();
        prop_assert!(toml::from_str::<toml::Table>(&shown).is_ok(), "{shown}");
    }

    #[test]
    fn no_secret_is_ever_told(secret in "s3cr3t[a-z0-9]{8}", key in prop::sample::select(vec![
        "bot_token", "bot_tokn", "app_token", "signing_secret", "signing_secre", "bot_token.x", "sockets",
    ])) {
        let loaded = with(&format!("[slack]\n{key} = \"{secret}\"\n"), &[("OTUS__PROMETHEUS__PASSWORD", &secret)]);
        let shown = loaded.to_toml();
        prop_assert!(!shown.contains(&secret));
        prop_assert!(key == "sockets" || !loaded.faults.to_string().contains(&secret));
    }
}
