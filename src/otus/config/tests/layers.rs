//! Layers: the environment above the file, secrets in files, and the files that are shown to people.

use super::*;

#[test]
fn the_example_of_the_page_on_permissions_is_right() {
    let loaded = with_file(include_str!("../../../../docs/examples/team-of-ten.toml"));
    assert_eq!(loaded.faults, Faults::default(), "{}", told(&loaded));
    assert!(loaded.settings.policy.rules.len() >= 3);
}

#[test]
fn the_example_of_the_page_on_the_pipeline_is_right() {
    let loaded = with_file(include_str!("../../../../docs/examples/pipeline.toml"));
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
fn the_demo_is_right() {
    let loaded = load(&Origin {
        program: vec![("the demo", DEMO.to_owned())],
        ..Origin::default()
    });
    assert_eq!(loaded.faults, Faults::default(), "{}", told(&loaded));
    assert!(loaded.settings.services.len() >= 3);
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
