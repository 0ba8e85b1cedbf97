//! Whatever is written, something sensible is said about it.

use super::*;
use proptest::prelude::*;

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
