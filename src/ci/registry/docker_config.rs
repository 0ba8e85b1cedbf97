//! Purpose: a registry's user and password in a Docker `config.json`, also as Kubernetes mounts it (`.dockerconfigjson`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: SecretString,
    identitytoken: SecretString,
}

/// Finds the registry's entry in the file's text.
///
/// # Errors
/// What is wrong with the file, and what to do. Nothing of its content is repeated.
pub(crate) fn find(text: &str, host: &str) -> Result<(String, SecretString), String> {
    use secrecy::ExposeSecret;
    // The parser's own words can repeat a value.
    let file: File = serde_json::from_str(text).map_err(|error| {
        format!(
            "it is not a Docker configuration (line {}, column {})",
            error.line(),
            error.column()
        )
    })?;
    let exact = file.auths.get(host);
    let entry = exact.or_else(|| {
        file.auths
            .iter()
            .find(|(key, _)| host_of(key) == host)
            .map(|(_, entry)| entry)
    });
    // An empty entry beside a helper is Docker's own way to note that the helper has the password.
    let entry = entry.filter(|entry| {
        !entry.auth.is_empty()
            || !entry.username.is_empty()
            || !entry.identitytoken.expose_secret().is_empty()
    });
    let Some(entry) = entry else {
        let helper = file.cred_helpers.get(host).or(file.creds_store.as_ref());
        return Err(match helper {
            Some(helper) => format!(
                "it leaves {host} to the helper `docker-credential-{helper}`, which is not asked; use password_command instead"
            ),
            None => format!("it has no entry for {host} among its auths"),
        });
    };
    if !entry.identitytoken.expose_secret().is_empty() {
        return Err(format!(
            "its entry for {host} is an identity token, which is not supported; use a user and a password"
        ));
    }
    if !entry.username.is_empty() {
        return Ok((entry.username.clone(), entry.password.clone()));
    }
    let broken = || format!("the auth of its entry for {host} is not base64 of `user:password`");
    let decoded = STANDARD.decode(entry.auth.trim()).map_err(|_| broken())?;
    let decoded = String::from_utf8(decoded).map_err(|_| broken())?;
    let (user, password) = decoded.split_once(':').ok_or_else(broken)?;
    // Some of Docker's versions pad with zero bytes.
    Ok((
        user.to_owned(),
        SecretString::from(password.trim_end_matches('\0').to_owned()),
    ))
}

/// `https://registry.example.com/v1/` is how older files write `registry.example.com`.
fn host_of(key: &str) -> &str {
    let key = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    key.split('/').next().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    fn found(text: &str) -> Result<(String, String), String> {
        find(text, "registry.example.com").map(|(user, password)| (user, password.expose_secret().to_owned()))
    }

    #[test]
    fn entries_are_found_however_they_are_written() {
        let robot = Ok(("robot".to_owned(), "a:b".to_owned()));
        // `robot:a:b`
        assert_eq!(
            found(r#"{"auths": {"registry.example.com": {"auth": "cm9ib3Q6YTpi"}}}"#),
            robot
        );
        assert_eq!(
            found(r#"{"auths": {"https://registry.example.com/v1/": {"auth": "cm9ib3Q6YTpi"}}}"#),
            robot
        );
        assert_eq!(
            found(r#"{"auths": {"registry.example.com": {"username": "robot", "password": "a:b"}}}"#),
            robot
        );
        assert_eq!(
            found(
                r#"{"auths": {"https://registry.example.com/v1/": {"username": "old"},
                    "registry.example.com": {"username": "robot", "password": "a:b"}}}"#
            ),
            robot,
            "the exact name wins"
        );
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (text, part) in [
            ("{}", "no entry for registry.example.com"),
            ("[", "not a Docker configuration"),
            (
                r#"{"auths": {"registry.example.com:5000": {"username": "x"}}}"#,
                "no entry",
            ),
            (
                r#"{"credsStore": "desktop", "auths": {"registry.example.com": {}}}"#,
                "docker-credential-desktop",
            ),
            (
                r#"{"credHelpers": {"registry.example.com": "ecr-login"}}"#,
                "docker-credential-ecr-login",
            ),
            (
                r#"{"auths": {"registry.example.com": {"identitytoken": "hunter2"}}}"#,
                "identity token",
            ),
            (
                r#"{"auths": {"registry.example.com": {"auth": "hunter2!"}}}"#,
                "not base64",
            ),
            (
                r#"{"auths": {"registry.example.com": {"auth": {"hunter2": 1}}}}"#,
                "not a Docker configuration",
            ),
        ] {
            let why = found(text).unwrap_err();
            assert!(why.contains(part) && !why.contains("hunter2"), "{text}: {why}");
        }
    }

    proptest! {
        #[test]
        fn no_file_panics(text in "\\PC{0,40}", auth in "\\PC{0,20}") {
            let _ = find(&text, "registry.example.com");
            let entry = serde_json::json!({"auths": {"registry.example.com": {"auth": auth}}});
            let _ = find(&entry.to_string(), "registry.example.com");
        }
    }
}
