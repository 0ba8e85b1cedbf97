//! What the operator says about standups: `[responders.standup]`.

use jiff::tz::TimeZone;
use otus::{ChannelId, UserId};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::collections::BTreeMap;

/// The section `[responders.standup]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Who is asked to say something, by channel: its id, or its name with `#`.
    pub channels: BTreeMap<String, Vec<UserId>>,
    /// The zone whose days count, as the IANA database names it; else that of whoever begins.
    #[serde(deserialize_with = "zone")]
    pub zone: Option<TimeZone>,
}

fn zone<'de, D: Deserializer<'de>>(from: D) -> Result<Option<TimeZone>, D::Error> {
    let name = Option::<String>::deserialize(from)?;
    name.map(|name| {
        TimeZone::get(&name).map_err(|_| {
            D::Error::custom(format!(
                "there is no time zone called {name:?}; write it as the IANA database does, for example \"Europe/Berlin\""
            ))
        })
    })
    .transpose()
}

impl Settings {
    /// Who is asked in a channel.
    pub(crate) fn people(&self, channel: &ChannelId, name: Option<&str>) -> &[UserId] {
        let named = || name.and_then(|name| self.channels.get(&format!("#{name}")));
        self.channels
            .get(channel.as_str())
            .or_else(named)
            .map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_refuses() {
        let read = |json| serde_json::from_value::<Settings>(json);
        let settings = read(serde_json::json!({ "channels": { "#shop": ["U1"], "C2": ["U2"] } })).unwrap();
        assert_eq!(settings.people(&"C1".into(), Some("shop")), [UserId::new("U1")]);
        assert_eq!(settings.people(&"C2".into(), None), [UserId::new("U2")]);
        assert_eq!(settings.people(&"C3".into(), Some("other")), []);
        let wrong = read(serde_json::json!({ "zone": "Berlin" }))
            .unwrap_err()
            .to_string();
        assert!(wrong.contains("Europe/Berlin"), "{wrong}");
        assert!(read(serde_json::json!({ "people": [] })).is_err());
    }
}
