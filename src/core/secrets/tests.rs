use super::*;
use proptest::prelude::*;
use std::io::Write as _;

#[test]
fn credentials_go_and_what_is_around_them_stays() {
    for (text, clean) in [
        (
            "it is xoxb-0123456789-abcdefABCDEF, ok?",
            "it is [redacted: Slack token], ok?",
        ),
        (
            "https://hooks.slack.com/services/T0123456/B0123456/abcdefghijkl",
            "https://[redacted: Slack webhook]",
        ),
        (
            "(ghp_0123456789abcdefABCDEF0123456789abcd)",
            "([redacted: GitHub token])",
        ),
        ("github_pat_11ABCDEFG0123456789_abc", "[redacted: GitHub token]"),
        ("`glpat-abcdef0123456789abcd`", "`[redacted: GitLab token]`"),
        ("key AKIAIOSFODNN7EXAMPLE.", "key [redacted: AWS access key]."),
        (
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "aws_secret_access_key = [redacted: key]",
        ),
        (
            "AIzaSyA0123456789abcdefghijklmnopqrstuv",
            "[redacted: Google API key]",
        ),
        (
            "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----\nb",
            "a\n[redacted: private key]\nb",
        ),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "[redacted: private key]"),
        (
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl!",
            "[redacted: JSON web token]!",
        ),
        (
            "Authorization: Bearer abcdef012345, then",
            "Authorization: Bearer [redacted: authorization], then",
        ),
        (
            "curl -H 'Authorization: Basic dXNlcjpwYXNzd29yZA=='",
            "curl -H 'Authorization: Basic [redacted: authorization]'",
        ),
        (
            "postgres://app:hunter2@db:5432/shop",
            "postgres://app:[redacted: password]@db:5432/shop",
        ),
        (
            "redis://:pass/w0rd@cache:6379/0",
            "redis://:[redacted: password]@cache:6379/0",
        ),
        (
            "DB_PASSWORD=hunter2 is wrong",
            "DB_PASSWORD=[redacted: password] is wrong",
        ),
        (
            r#"{"password": "hunter 2", "user": "ann"}"#,
            r#"{"password": "[redacted: password]", "user": "ann"}"#,
        ),
        (
            r#"{"message":"{\"api_key\":\"k-1 2\",\"a\":1}"}"#,
            r#"{"message":"{\"api_key\":\"[redacted: key]\",\"a\":1}"}"#,
        ),
        ("password: correct-h0rse", "password: [redacted: password]"),
        (
            "https://x.test/?token=0123456789abcDEF&a=b",
            "https://x.test/?token=[redacted: token]&a=b",
        ),
        ("API_TOKEN=abc", "API_TOKEN=[redacted: token]"),
        ("client_secret=abcdef", "client_secret=[redacted: secret]"),
        (
            "mysql --password hunter2 shop",
            "mysql --password [redacted: password] shop",
        ),
        ("sk_live_0123456789abcdefghij", "[redacted: Stripe key]"),
        (
            "npm_0123456789abcdefghijABCDEFGHIJ012345",
            "[redacted: npm token]",
        ),
        ("sk-proj-0123456789abcdefABCDEF", "[redacted: API key]"),
        (
            "\x1b[3mpassword\x1b[0m\x1b[2m=\x1b[0mhunter2 \x1b[3ma\x1b[0m",
            "\x1b[3mpassword\x1b[0m\x1b[2m=\x1b[0m[redacted: password] \x1b[3ma\x1b[0m",
        ),
        (
            "AWS key AKIAIOSFODNN7EXAMPLE and password=a1b2c3",
            "AWS key [redacted: AWS access key] and password=[redacted: password]",
        ),
    ] {
        assert_eq!(redact(text), clean);
        assert!(found(text).is_some(), "{text}");
    }
}

#[test]
fn what_only_looks_random_stays() {
    for text in [
        "registry.test:5000/shop/api@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "deploy api 3f9c2ab01d to production because the token expired",
        "commit 6301bfb1e78228f0a08884c7d659a2feaa0c55ad",
        "request 123e4567-e89b-12d3-a456-426614174000 failed",
        "pod api-7d9f8b6c5d-x2x9z restarted; sk-gateway-7d9f8b6c5d-x2x9z-abcdef too",
        "sum(rate(http_requests_total{job=\"api\",status=~\"5..\",secret=\"api-tls-2024\"}[5m])) by (token)",
        "histogram_quantile(0.99, sum by (le) (rate(tokens_total{token=~\"a.*\"}[5m])))",
        "secretName: api-tls, secret: db-credentials-v2, max_tokens=4096, token: 7",
        "imagePullSecret: regcred",
        "the password: unknown to me. password: none",
        "password=$DB_PASSWORD password=<password> password=**** API_KEY_FILE=/run/secrets/api",
        "PWD=/home/app",
        "https://x.test:8080/a?b=c&d=e:f@g",
        "https://user@x.test/a, http://[::1]:8080/x@y",
        "ssh://git@github.test/shop/api.git",
        "bearer of bad news, authorization: denied",
        "postgres://app:$PASSWORD@db/shop",
        "type: kubernetes.io/service-account-token",
        "token bucket, secret santa, key=value, monkey: banana",
        "1700000001.000001 C0123ABCD U0123ABCD T0123ABCD",
        "[redacted: password]@x password=[redacted: password]",
    ] {
        assert!(matches!(redact(text), Cow::Borrowed(_)), "{}", redact(text));
        assert_eq!(found(text), None);
    }
}

#[test]
fn a_log_has_no_credentials_and_keeps_its_lines() {
    let mut log = Redacting::new(Vec::new());
    writeln!(log, "a password=hunter2 b").unwrap();
    log.write_all(b"caf\xe9 token=0123456789abcDEF\n").unwrap();
    log.flush().unwrap();
    assert_eq!(
        String::from_utf8(log.into_inner()).unwrap(),
        "a password=[redacted: password] b\ncaf\u{fffd} token=[redacted: token]\n"
    );
}

/// A credential of any kind, and the part of it that must not be seen.
fn credential() -> impl Strategy<Value = (String, String)> {
    let own = prop_oneof![
        "xox[abprs]-[0-9]{10,12}-[A-Za-z0-9]{24}",
        "xapp-1-A[A-Z0-9]{9}-[0-9]{12}-[a-f0-9]{32}",
        "gh[oprsu]_[A-Za-z0-9]{36}",
        "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
        "glpat-[A-Za-z0-9_-]{20}",
        "(AKIA|ASIA)[A-Z2-7]{16}",
        "AIza[A-Za-z0-9_-]{35}",
        "eyJ[A-Za-z0-9_-]{20,40}\\.eyJ[A-Za-z0-9_-]{20,60}\\.[A-Za-z0-9_-]{20,43}",
        "(sk|rk)_live_[A-Za-z0-9]{24}",
        "npm_[A-Za-z0-9]{36}",
        "sk-proj-[a-z]{8}[A-Z]{8}[0-9]{8}",
    ]
    .prop_map(|secret| (secret.clone(), secret));
    let assigned = (
        prop_oneof![
            Just("password="),
            Just("DB_PASSWORD="),
            Just("api_key="),
            Just("API_TOKEN: "),
            Just("client_secret="),
            Just("--password "),
            Just("Authorization: Bearer "),
        ],
        "[A-Za-z0-9!+/_]{8,30}[0-9]{2}",
    )
        .prop_map(|(key, value)| (format!("{key}{value}"), value));
    let quoted =
        "[A-Za-z0-9 ,;&!]{6,20}[0-9]".prop_map(|value| (format!("\"password\": \"{value}\""), value));
    let address =
        ("[a-z]{1,8}", "[A-Za-z0-9!$%+_]{6,20}").prop_filter_map("a placeholder", |(user, password)| {
            (!password.starts_with(['$', '%']))
                .then(|| (format!("mysql://{user}:{password}@db/x"), format!(":{password}@")))
        });
    let key = "[A-Za-z0-9+/\n]{64,200}".prop_map(|body| {
        let begin = "-----BEGIN EC PRIVATE KEY-----";
        (format!("{begin}\n{body}\n-----END EC PRIVATE KEY-----"), body)
    });
    prop_oneof![4 => own, 2 => assigned, 1 => quoted, 1 => address, 1 => key]
}

proptest! {
    #[test]
    fn no_credential_passes_whatever_is_around_it(
        before in "(\\PC{0,20}[ \n(\\[>,;|])?",
        (text, secret) in credential(),
        after in "([ \n)\\]<,;|]\\PC{0,20})?",
    ) {
        prop_assume!(!before.contains(&secret) && !after.contains(&secret));
        let whole = format!("{before}{text}{after}");
        let clean = redact(&whole);
        prop_assert!(!clean.contains(&secret), "{}", clean);
        prop_assert!(clean.contains("[redacted: "), "{}", clean);
        prop_assert!(found(&whole).is_some());
    }

    #[test]
    fn what_is_redacted_once_is_redacted(texts in proptest::collection::vec(
        prop_oneof![
            credential().prop_map(|(text, _)| text),
            "\\PC{0,12}",
            Just("password=".to_owned()),
            Just("://a:".to_owned()),
            Just("\\\"".to_owned()),
            Just("\"".to_owned()),
            Just("@".to_owned()),
            Just(" ".to_owned()),
        ],
        0..8,
    )) {
        let text = texts.concat();
        let once = redact(&text).into_owned();
        prop_assert_eq!(redact(&once), once.as_str());
    }

    #[test]
    fn what_has_no_shape_stays(text in "[ a-z0-9.,/#()\\[\\]{}]{0,200}") {
        prop_assume!(!text.contains("://"));
        prop_assert!(matches!(redact(&text), Cow::Borrowed(_)));
    }

    #[test]
    fn nothing_panics(text in ".{0,300}") {
        let _ = redact(&text);
    }
}

#[test]
fn a_long_credential_goes_to_its_end() {
    let long = "Ab1".repeat(2_000);
    assert_eq!(
        redact(&format!("token={long} b password=\"{long} c\" d")),
        "token=[redacted: token] b password=\"[redacted: password]\" d"
    );
}

#[test]
fn a_flood_of_beginnings_is_read_in_bounded_time() {
    // Each of these begins something that is none; quadratic work would take minutes.
    for text in [
        "token=",
        "://a:b",
        "password=\"",
        "bearer ",
        "-----BEGIN PRIVATE KEY",
    ] {
        let flood = text.repeat(20_000);
        let _ = redact(&flood);
    }
}
