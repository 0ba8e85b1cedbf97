//! The built-in file: every key with its comment, the same as the defaults, and its examples right.

use super::*;

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
