//! Taking out of a log what looks like a secret, before anybody sees it.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

const HIDDEN: &str = "[redacted]";

/// What stands for a secret by its own look, or by what stands before it. The group `keep` stays.
static SECRETS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // A password in a URL.
        r"(?<keep>[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/]+(?<after>@)",
        // A header.
        r"(?i)(?<keep>authorization\s*[:=]\s*(?:(?:bearer|basic|token)\s+)?|\bbearer\s+)[^\s,;]+",
        // `password=…`, `"api_key": "…"`, `DB_SECRET: …`.
        r#"(?i)(?<keep>[a-z0-9_.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key|credential|dsn)(?:[_.-][a-z0-9_.-]*)?["']?\s*[:=]\s*)(?:"[^"]*"|'[^']*'|[^\s,;&]+)"#,
        // JSON web tokens, and the tokens of well-known services.
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
        r"\b(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{8,}",
        r"\b(?:gh[opsru]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        r"\b(?:sk|rk|pk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{20,}",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
    ]
    .iter()
    .map(|pattern| Regex::new(pattern).expect("invariant: the patterns are constants that a test compiles"))
    .collect()
});

/// The text without what looks like a secret.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut clean = Cow::Borrowed(text);
    for pattern in SECRETS.iter() {
        if !pattern.is_match(&clean) {
            continue;
        }
        let replaced = pattern.replace_all(&clean, |captures: &regex::Captures<'_>| {
            let kept = |name: &str| captures.name(name).map_or("", |group| group.as_str());
            format!("{}{HIDDEN}{}", kept("keep"), kept("after"))
        });
        clean = Cow::Owned(replaced.into_owned());
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        insta::assert_snapshot!(redact(r#"connecting to postgres://app:hunter2@db:5432/shop
panic: DB_PASSWORD=hunter2 is wrong, api_key: "k-123 456", user=ann
Authorization: Bearer abc.def
eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl and AKIAIOSFODNN7EXAMPLE
level=info tokens_total=7 msg="12 keys read from redis://cache:6379/0""#), @r#"
        connecting to postgres://app:[redacted]@db:5432/shop
        panic: DB_PASSWORD=[redacted] is wrong, api_key: [redacted], user=ann
        Authorization: Bearer [redacted]
        [redacted] and [redacted]
        level=info tokens_total=7 msg="12 keys read from redis://cache:6379/0"
        "#);
    }

    #[test]
    fn nothing_is_copied_when_nothing_is_secret() {
        assert!(matches!(redact("GET /healthz 200"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn no_password_survives(user in "[a-z]{1,8}", password in "[A-Za-z0-9]{6,20}", before in "[ a-z]{0,20}") {
            prop_assume!(!before.contains(&password) && !user.contains(&password));
            let clean = redact(&format!("{before} mysql://{user}:{password}@db/x password={password}")).into_owned();
            prop_assert!(!clean.contains(&format!(":{password}@")) && !clean.ends_with(&password), "{}", clean);
        }
    }
}
