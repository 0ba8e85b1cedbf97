//! What the operator says about what goes out by itself: `[responders.autodeploy]`. What goes where stands with the environments.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The section `[responders.autodeploy]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The id of the channel where the cards are shown.
    pub channel: Option<String>,
    /// The channels of single services, by the service's name.
    pub channels: BTreeMap<String, String>,
    /// How often GitHub and the registry are looked at, besides whenever a webhook tells of something.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub look: Duration,
    /// How long the image of a commit that is green may take before it is told that it does not come.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub image_wait: Duration,
    /// For how many days it is remembered why something did not go out.
    pub keep_days: u16,
    /// How patient it is inside.
    #[serde(skip)]
    pub pace: Pace,
}

/// How patient it is inside. The default is for production; tests shorten it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How often it is looked whether something is due or free to go, which asks only the store.
    pub pass: Duration,
    /// How soon it is asked again what may come any moment: an image, somebody who does not answer.
    pub soon: Duration,
    /// How long one process has a place to itself, by the store's clock.
    pub lease: Duration,
    /// How long after an attempt that changed nothing it is tried once more.
    pub again: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            pass: Duration::from_secs(2),
            soon: Duration::from_secs(15),
            lease: Duration::from_secs(90),
            again: Duration::from_secs(60),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            channel: None,
            channels: BTreeMap::new(),
            look: Duration::from_secs(5 * 60),
            image_wait: Duration::from_secs(15 * 60),
            keep_days: 30,
            pace: Pace::default(),
        }
    }
}

impl Settings {
    /// Where the cards of a service are shown.
    pub(crate) fn channel(&self, service: &str) -> Option<&str> {
        let own = self.channels.get(service).or(self.channel.as_ref());
        own.map(String::as_str)
    }

    /// What cannot be right, beginning with the key.
    pub(crate) fn fault(&self, autos: &[(otus::Service, otus::Environment, otus::Auto)]) -> Option<String> {
        let named = self
            .channels
            .iter()
            .map(|(service, channel)| (format!("channels.{service}"), channel));
        let all = self
            .channel
            .iter()
            .map(|channel| ("channel".to_owned(), channel))
            .chain(named);
        for (key, channel) in all {
            if !is_channel(channel) {
                return Some(format!(
                    "{key} {channel:?} is no channel's id; write it as \"C…\""
                ));
            }
        }
        let without = autos
            .iter()
            .find(|(service, _, _)| self.channel(&service.name).is_none())?;
        let (service, environment, _) = without;
        Some(format!(
            "channel is not set, and {} goes out to {} by itself, which is shown there; set channel = \"C…\" below \
             [responders.autodeploy]",
            service.name, environment.name
        ))
    }
}

fn is_channel(id: &str) -> bool {
    let rest = id.strip_prefix(['C', 'G']);
    rest.is_some_and(|rest| {
        !rest.is_empty() && rest.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_refuses() {
        let read = |value| serde_json::from_value::<Settings>(value);
        let settings = read(serde_json::json!({ "channel": "C1", "look": "1m" })).unwrap();
        assert_eq!(
            (settings.channel("api"), settings.look),
            (Some("C1"), Duration::from_secs(60))
        );
        assert!(read(serde_json::json!({ "chanel": "C1" })).is_err());
        assert!(read(serde_json::json!({ "pace": {} })).is_err());
    }

    #[test]
    fn what_goes_out_by_itself_is_shown_somewhere() {
        let catalog: otus::Catalog = serde_json::from_value(serde_json::json!({
            "environments": { "staging": { "auto": true } },
            "services": { "api": { "repository": "acme/api" } },
        }))
        .unwrap();
        let autos = catalog.autos();
        let fault = |settings: Settings| settings.fault(&autos);
        assert!(
            fault(Settings::default())
                .unwrap()
                .starts_with("channel is not set, and api goes out to staging")
        );
        let named = |channel: &str| Settings {
            channel: Some(channel.to_owned()),
            ..Settings::default()
        };
        assert_eq!(fault(named("C1")), None);
        assert!(
            fault(named("#deploys"))
                .unwrap()
                .starts_with("channel \"#deploys\" is no channel's id")
        );
        let own = Settings {
            channels: [("api".to_owned(), "C2".to_owned())].into(),
            ..Settings::default()
        };
        assert_eq!(fault(own), None);
        assert_eq!(Settings::default().fault(&[]), None);
    }
}
