//! What came together, as it is shown.

use super::*;

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
