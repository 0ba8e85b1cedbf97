//! What the operator says about webhooks: `[responders.pipeline]`.

use jiff::SignedDuration;
use otus_ci::hooks::{Hook, HookConfig, Scheme};
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};

/// The hook of this name is GitHub's, and has an address of its own.
const GITHUB: &str = "github";

/// No pause before another attempt is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// The section `[responders.pipeline]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How often GitHub is asked for what no webhook told, for example `5m`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub reconcile: Duration,
    /// How often a delivery is tried before it is given up and kept as failed.
    pub attempts: u32,
    /// How long before the second attempt; twice as long before each further one, up to an hour.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub pause: Duration,
    /// Who may send: `[responders.pipeline.hooks.<name>]`. Without any, nothing is listened to and nothing is asked for.
    pub hooks: BTreeMap<String, HookConfig>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reconcile: Duration::from_secs(300),
            attempts: 10,
            pause: Duration::from_secs(10),
            hooks: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// The hooks, ready to verify; or the key that is at fault and what is wrong with it, in a sentence.
    pub(crate) fn ready(&self) -> Result<Vec<Hook>, String> {
        if self.reconcile.is_zero() {
            return Err("reconcile has to be longer than nothing, for example \"5m\"".into());
        }
        if self.attempts == 0 {
            return Err("attempts has to be at least 1".into());
        }
        let ready = |(name, config): (&String, &HookConfig)| {
            if name == GITHUB && config.scheme != Scheme::Github {
                return Err(format!(
                    "hooks.{name}.scheme has to be \"github\" for the hook of this name; call the other one otherwise"
                ));
            }
            Hook::new(name, config).map_err(|error| format!("hooks.{name} cannot be used: {error}"))
        };
        self.hooks.iter().map(ready).collect()
    }

    /// How long to wait after so many attempts failed, the first being 1.
    pub(crate) fn pause_after(&self, attempts: u32) -> SignedDuration {
        let doublings = attempts.saturating_sub(1).min(31);
        let pause = self.pause.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
        SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX)
    }
}

/// Where a hook listens.
pub(crate) fn path(hook: &str) -> String {
    match hook {
        GITHUB => "/hooks/github".into(),
        other => format!("/hooks/ci/{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(section: serde_json::Value) -> Result<Vec<Hook>, String> {
        let settings: Settings = serde_json::from_value(section).map_err(|error| error.to_string())?;
        settings.ready()
    }

    #[test]
    fn reads_and_refuses() {
        let secret = "0123456789abcdef";
        assert!(read(json!({})).unwrap().is_empty());
        let hooks = json!({
            "github": { "scheme": "github", "secrets": [secret] },
            "builds": { "scheme": "generic", "secrets": [secret] },
        });
        let hooks = read(json!({ "hooks": hooks })).unwrap();
        let paths: Vec<_> = hooks.iter().map(|hook| path(hook.name())).collect();
        assert_eq!(paths, ["/hooks/ci/builds", "/hooks/github"]);
        for (section, told) in [
            (json!({ "hook": {} }), "unknown field `hook`"),
            (json!({ "reconcile": "0s" }), "reconcile has to be"),
            (json!({ "attempts": 0 }), "attempts has to be"),
            (
                json!({ "hooks": { "github": { "scheme": "gitlab", "secrets": [secret] } } }),
                "hooks.github.scheme has to be",
            ),
            (
                json!({ "hooks": { "A b": { "scheme": "gitlab", "secrets": [secret] } } }),
                "hooks.A b cannot be used: a hook's name",
            ),
            (
                json!({ "hooks": { "a": { "scheme": "generic", "secrets": [] } } }),
                "hooks.a cannot be used: the hook `a` has no secret",
            ),
        ] {
            let error = read(section).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn pauses_double_up_to_an_hour() {
        let settings = Settings::default();
        for (attempts, seconds) in [(1, 10), (2, 20), (3, 40), (9, 2560), (10, 3600), (u32::MAX, 3600)] {
            assert_eq!(
                settings.pause_after(attempts),
                SignedDuration::from_secs(seconds),
                "{attempts}"
            );
        }
    }
}
