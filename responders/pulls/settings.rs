//! What the operator says about pull requests: `[responders.pulls]`.

use jiff::SignedDuration;
use otus::{ChannelId, UserId};
use otus_ci::github::Repository;
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};

/// The section `[responders.pulls]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which channel, by its id, gets the messages about which repository: `{ "acme/api" = "C012AB3CD" }`. Without any, there are no
    /// messages.
    pub channels: BTreeMap<String, ChannelId>,
    /// Who is who: names on GitHub, and the people's ids in the chat. Who is not named here is looked for by the address of their
    /// commits.
    pub people: BTreeMap<String, UserId>,
    /// Whether the author's bell rings when checks fail or changes are asked for.
    pub mention: bool,
    /// Whether authors are told privately that their change is live in the last environment.
    pub tell_authors: bool,
    /// How long one waits after something happened, so that what comes with it is shown together.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub wait: Duration,
    /// How often GitHub is asked for what no webhook told, for example `5m`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub reconcile: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            channels: BTreeMap::new(),
            people: BTreeMap::new(),
            mention: false,
            tell_authors: true,
            wait: Duration::from_secs(3),
            reconcile: Duration::from_secs(300),
        }
    }
}

impl Settings {
    /// The repositories with their channels; or the key that is at fault and what is wrong with it, in a sentence.
    pub(crate) fn ready(&self) -> Result<Vec<(Repository, ChannelId)>, String> {
        if self.reconcile.is_zero() {
            return Err("reconcile has to be longer than nothing, for example \"5m\"".into());
        }
        if self.wait > Duration::from_secs(600) {
            return Err("wait has to be at most 10m: a message that late tells nobody anything".into());
        }
        let ready = |(name, channel): (&String, &ChannelId)| {
            let repo: Repository = name
                .parse()
                .map_err(|error| format!("channels.\"{name}\" cannot be used: {error}"))?;
            let id = channel.as_str();
            let is_id = id.len() > 1
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            if !is_id {
                return Err(format!(
                    "channels.\"{name}\" = {id:?} is not the id of a channel; it stands at the end of the channel's details, and looks \
                     like C012AB3CD"
                ));
            }
            Ok((repo, channel.clone()))
        };
        self.channels.iter().map(ready).collect()
    }

    /// How long to wait for more, as the store counts.
    pub(crate) fn wait(&self) -> SignedDuration {
        SignedDuration::try_from(self.wait).unwrap_or(SignedDuration::ZERO)
    }

    /// Who that is in the chat, where it is said here. GitHub's names have no case.
    pub(crate) fn person(&self, login: &str) -> Option<&UserId> {
        let mut people = self.people.iter();
        people.find_map(|(known, user)| known.eq_ignore_ascii_case(login).then_some(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(section: serde_json::Value) -> Result<Vec<(Repository, ChannelId)>, String> {
        let settings: Settings = serde_json::from_value(section).map_err(|error| error.to_string())?;
        settings.ready()
    }

    #[test]
    fn reads_and_refuses() {
        assert!(read(json!({})).unwrap().is_empty());
        let channels = json!({ "acme/api": "C012AB3CD" });
        let ready = read(json!({ "channels": channels })).unwrap();
        assert_eq!(ready[0].0.to_string(), "acme/api");
        for (section, told) in [
            (json!({ "channel": {} }), "unknown field `channel`"),
            (json!({ "reconcile": "0s" }), "reconcile has to be"),
            (json!({ "wait": "11m" }), "wait has to be"),
            (
                json!({ "channels": { "api": "C1" } }),
                "channels.\"api\" cannot be used",
            ),
            (
                json!({ "channels": { "acme/api": "#api" } }),
                "channels.\"acme/api\" = \"#api\" is not the id of a channel",
            ),
        ] {
            let error = read(section).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
        let settings: Settings = serde_json::from_value(json!({ "people": { "Ann": "U1" } })).unwrap();
        assert_eq!(settings.person("ann"), Some(&UserId::from("U1")));
    }
}
