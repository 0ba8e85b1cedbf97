//! What the operator says about experiments: `[responders.experiments]`.

use crate::door::Sender;
use jiff::SignedDuration;
use otus::ChannelId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A token that is shorter can be guessed.
const SHORTEST: usize = 16;

/// The section `[responders.experiments]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// For how many days what applications send is kept, by the hour. By the minute it is for eight hours.
    pub keep_days: u16,
    /// The id of the channel that hears of candidates that were stopped by themselves, and, once a week, of finished experiments.
    /// Nobody does without it.
    pub channel: Option<ChannelId>,
    /// After how many days an experiment can be finished: one that was stopped, or whose candidate proved itself.
    pub finished_days: u16,
    /// Who may send, by name. Without any, nothing is listened to.
    pub applications: BTreeMap<String, Application>,
}

/// An application that sends what it learns.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Application {
    /// The tokens it may use: one, or two while it is being changed.
    pub tokens: Vec<SecretString>,
    /// A file with a token, besides or instead. Read when the robot starts.
    pub token_file: Option<std::path::PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keep_days: 30,
            channel: None,
            finished_days: 7,
            applications: BTreeMap::new(),
        }
    }
}

fn days(days: u16) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}

impl Settings {
    /// How long sums are kept.
    pub(crate) fn keep(&self) -> SignedDuration {
        days(self.keep_days)
    }

    /// After how long an experiment can be finished.
    pub(crate) fn finished_after(&self) -> SignedDuration {
        days(self.finished_days)
    }

    /// Who may send; or the key that is at fault and what is wrong with it, in a sentence.
    pub(crate) fn ready(&self) -> Result<Vec<Sender>, String> {
        if !(1..=366).contains(&self.keep_days) {
            return Err("keep_days has to be between 1 and 366".into());
        }
        if !(1..=self.keep_days).contains(&self.finished_days) {
            return Err(
                "finished_days has to be between 1 and keep_days: what is forgotten cannot be judged".into(),
            );
        }
        let mut senders = Vec::new();
        for (name, application) in &self.applications {
            let key = format!("applications.{name}");
            if !crate::words::is_name(name) {
                return Err(format!(
                    "{key} cannot be used: a name has letters, digits and . _ - : /, at most 100"
                ));
            }
            let mut tokens = application.tokens.clone();
            if let Some(file) = &application.token_file {
                let text = std::fs::read_to_string(file).map_err(|error| {
                    format!("{key}.token_file, {}, cannot be read: {error}", file.display())
                })?;
                tokens.push(text.trim().into());
            }
            if tokens.is_empty() {
                return Err(format!(
                    "{key} has no token, so anybody could send for it; set tokens or token_file"
                ));
            }
            for token in &tokens {
                let text = token.expose_secret();
                if text.len() < SHORTEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(format!(
                        "a token of {key} cannot be used: it needs {SHORTEST} letters, digits or signs or more, and no blanks"
                    ));
                }
            }
            if senders.iter().any(|sender: &Sender| sender.shares(&tokens)) {
                return Err(format!(
                    "{key} has a token that another application has, too; nobody could tell them apart"
                ));
            }
            senders.push(Sender::new(name.clone(), tokens));
        }
        Ok(senders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(section: serde_json::Value) -> Result<usize, String> {
        let settings: Settings = serde_json::from_value(section).map_err(|error| error.to_string())?;
        settings.ready().map(|senders| senders.len())
    }

    #[test]
    fn reads_and_refuses() {
        let token = "0123456789abcdef";
        assert_eq!(read(json!({})), Ok(0));
        assert_eq!(
            read(json!({ "applications": { "shop": { "tokens": [token] } } })),
            Ok(1)
        );
        for (section, told) in [
            (json!({ "kept": 1 }), "unknown field `kept`"),
            (json!({ "keep_days": 0 }), "keep_days has to be"),
            (json!({ "keep_days": 3 }), "finished_days has to be"),
            (
                json!({ "applications": { "a b": { "tokens": [token] } } }),
                "applications.a b cannot be used",
            ),
            (json!({ "applications": { "shop": {} } }), "has no token"),
            (
                json!({ "applications": { "shop": { "tokens": ["short"] } } }),
                "a token of applications.shop",
            ),
            (
                json!({ "applications": { "a": { "tokens": [token] }, "b": { "tokens": [token] } } }),
                "applications.b has a token that another application has",
            ),
            (
                json!({ "applications": { "a": { "token_file": "/no/such/file" } } }),
                "applications.a.token_file, /no/such/file, cannot be read",
            ),
        ] {
            let error = read(section).unwrap_err();
            assert!(error.contains(told), "{error}");
            assert!(!error.contains(token), "{error}");
        }
    }

    #[test]
    fn no_token_is_printed() {
        let settings: Settings =
            serde_json::from_value(json!({ "applications": { "shop": { "tokens": ["0123456789abcdef"] } } }))
                .unwrap();
        let printed = format!("{settings:?} {:?}", settings.ready());
        assert!(!printed.contains("0123456789"), "{printed}");
    }
}
