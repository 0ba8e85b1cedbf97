//! Faults, each with its line, its key and what was meant.

use super::*;

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
