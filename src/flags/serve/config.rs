//! Purpose: the `[flags.http]` section of the configuration.

use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Who may ask for flags, and how often.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlagsHttpConfig {
    /// Who asks, by a name of your choice. Without any, nobody is answered.
    pub clients: BTreeMap<String, ClientConfig>,
    /// The origins of pages that may ask from a browser, such as `https://shop.example.com`. A star means all: what a browser's
    /// token lets it see is no secret then.
    pub origins: Vec<String>,
    /// How many requests a second each address may make with one token, on the average; twice that at once. 0 means any number.
    pub requests_per_second: u32,
    /// How many may listen at the same time.
    pub streams: u32,
    /// How often something is sent to who listens, so that nothing between takes the connection for a dead one.
    pub heartbeat_seconds: u32,
}

/// Who asks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    /// The flag set it gets: an environment's, as a rule.
    pub set: String,
    /// What it sends as a bearer token or as `X-API-Key`.
    pub token: SecretString,
    /// Whether it may have the rules themselves, for flagd. Not for what is sent to browsers.
    #[serde(default)]
    pub documents: bool,
}

impl Default for FlagsHttpConfig {
    fn default() -> Self {
        Self {
            clients: BTreeMap::new(),
            origins: vec!["*".to_owned()],
            requests_per_second: 200,
            streams: 20_000,
            heartbeat_seconds: 25,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FlagsHttpConfig;

    #[test]
    fn it_is_read_and_keeps_its_secret() {
        let config: FlagsHttpConfig =
            toml::from_str("[clients.web]\nset = \"production\"\ntoken = \"hush\"\n").unwrap();
        assert_eq!(config.clients["web"].set, "production");
        assert!(!config.clients["web"].documents);
        assert_eq!((config.requests_per_second, config.streams), (200, 20_000));
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let said = toml::from_str::<FlagsHttpConfig>("stream = 1")
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("unknown field `stream`") && said.contains("`streams`"),
            "{said}"
        );
    }
}
