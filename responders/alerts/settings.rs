//! What the operator says about alerts: `[responders.alerts]`.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use jiff::{SignedDuration, tz::TimeZone};
use otus::ChannelId;
use otus_charts::Theme;
use otus_monitoring::{
    Labels,
    alertmanager::{Alertmanager, AlertmanagerConfig, Matcher, matchers},
};
use secrecy::SecretString;
use serde::Deserialize;

/// The shortest token that is taken: a shorter one can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// The section `[responders.alerts]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The channel, by its id, of what no route takes. Needed as soon as there is a source.
    pub channel: Option<ChannelId>,
    /// Who sends alerts, by name. Without any, nothing is listened to.
    pub sources: BTreeMap<String, Source>,
    /// Which alerts go where; the first that fits takes an alert, unless it says `continue = true`.
    pub routes: Vec<Route>,
    /// The labels that name the service, the first that is there.
    pub service_labels: Vec<String>,
    /// The labels that name the environment, the first that is there.
    pub environment_labels: Vec<String>,
    /// Until how long after a deploy an alert says so.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub after_deploy: Duration,
    /// A group that fires again within this time goes on in its message.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub reopen: Duration,
    /// How long one waits for more before a message is written.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub wait: Duration,
    /// How often Alertmanager is asked for what no webhook told.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub poll: Duration,
    /// An alert that Alertmanager does not know any more for this long is over.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub gone: Duration,
    /// How often the graph and the value of what fires are brought up to date.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub refresh: Duration,
    /// How far a graph goes back at least.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub range: Duration,
    /// How long a silence may be at most.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub longest_silence: Duration,
    /// For how many days a group that is resolved is remembered.
    pub keep_days: u32,
    /// The time zone of the graphs, as the IANA database names it.
    pub zone: String,
    /// The ground of the graphs.
    pub theme: Ground,
}

/// The ground of the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ground {
    /// Light lines on dark.
    #[default]
    Dark,
    /// Dark lines on white.
    Light,
}

impl From<Ground> for Theme {
    fn from(ground: Ground) -> Self {
        match ground {
            Ground::Dark => Self::Dark,
            Ground::Light => Self::Light,
        }
    }
}

/// Who sends alerts: one Alertmanager, one cluster of them, or a Grafana.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    /// What its webhook has to bring as a bearer token, or as the password of basic authentication.
    pub token: Option<SecretString>,
    /// A file with it, read anew for every webhook; one on each line while it is being changed.
    pub token_file: Option<PathBuf>,
    /// The address of its API, for silences; of a cluster those of its members. Without one there are no silences.
    #[serde(deserialize_with = "one_or_many")]
    pub url: Vec<String>,
    /// User name for basic authentication at the API.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// A file with the password, read anew for every call.
    pub password_file: Option<PathBuf>,
    /// A bearer token for the API, instead.
    pub bearer_token: Option<SecretString>,
    /// A file with that token, read anew for every call.
    pub bearer_token_file: Option<PathBuf>,
    /// A PEM file with certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// How long one call of the API may take.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub timeout: Duration,
}

impl Default for Source {
    fn default() -> Self {
        Self {
            token: None,
            token_file: None,
            url: Vec::new(),
            username: None,
            password: None,
            password_file: None,
            bearer_token: None,
            bearer_token_file: None,
            ca_file: None,
            timeout: Duration::from_secs(10),
        }
    }
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "an address or a list of addresses is expected")]
    enum Given {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Given::deserialize(from)? {
        Given::One(one) => vec![one],
        Given::Many(many) => many,
    })
}

/// Where alerts go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// What an alert's labels have to meet, all of it: `["severity=~\"page|critical\"", "team=core"]`.
    #[serde(default, rename = "match")]
    pub matching: Vec<String>,
    /// Only from this source.
    #[serde(default)]
    pub source: Option<String>,
    /// Only what Alertmanager sends to this receiver.
    #[serde(default)]
    pub receiver: Option<String>,
    /// The channel, by its id.
    pub channel: ChannelId,
    /// Whose bell rings when a message is new: a person (U…) or a user group (S…).
    #[serde(default)]
    pub mention: Option<otus::UserId>,
    /// Whether later routes are looked at, too.
    #[serde(default, rename = "continue")]
    pub goes_on: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            channel: None,
            sources: BTreeMap::new(),
            routes: Vec::new(),
            service_labels: names(&["service", "app", "job"]),
            environment_labels: names(&["environment", "env", "namespace"]),
            after_deploy: minutes(60),
            reopen: minutes(30),
            wait: Duration::from_secs(1),
            poll: Duration::from_secs(30),
            gone: minutes(5),
            refresh: minutes(10),
            range: minutes(60),
            longest_silence: minutes(30 * 24 * 60),
            keep_days: 7,
            zone: "UTC".into(),
            theme: Ground::Dark,
        }
    }
}

/// Settings that were found to work.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) settings: Settings,
    pub(crate) zone: TimeZone,
    routes: Vec<ReadyRoute>,
    /// The APIs, by source.
    pub(crate) apis: BTreeMap<String, Alertmanager>,
}

#[derive(Debug)]
struct ReadyRoute {
    matchers: Vec<Matcher>,
    route: Route,
}

impl Settings {
    /// Looks whether they can work; or the key that is at fault and what is wrong with it, in a sentence.
    pub(crate) fn ready(self) -> Result<Ready, String> {
        let zone = TimeZone::get(&self.zone).map_err(|_| {
            format!(
                "zone = {:?} is no time zone; write for example \"Europe/Berlin\"",
                self.zone
            )
        })?;
        for (key, long) in [
            ("poll", self.poll),
            ("refresh", self.refresh),
            ("range", self.range),
        ] {
            if long < Duration::from_secs(1) {
                return Err(format!("{key} has to be at least a second"));
            }
        }
        if self.keep_days == 0 {
            return Err("keep_days has to be at least 1".into());
        }
        if let Some(channel) = &self.channel {
            is_id("channel", channel.as_str(), "CGD", "a channel")?;
        } else if !self.sources.is_empty() {
            return Err(
                "channel is not set: alerts that no route takes need a channel, for example \"C012AB3CD\""
                    .into(),
            );
        }
        let mut apis = BTreeMap::new();
        for (name, source) in &self.sources {
            source.check(name)?;
            if !source.url.is_empty() {
                let api =
                    Alertmanager::new(&source.api()).map_err(|error| format!("sources.{name}.{error}"))?;
                apis.insert(name.clone(), api);
            }
        }
        let mut routes = Vec::new();
        for (nth, route) in self.routes.iter().enumerate() {
            is_id(
                &format!("routes.{nth}.channel"),
                route.channel.as_str(),
                "CGD",
                "a channel",
            )?;
            if let Some(mention) = &route.mention {
                is_id(
                    &format!("routes.{nth}.mention"),
                    mention.as_str(),
                    "USW",
                    "a person or a user group",
                )?;
            }
            if let Some(source) = route
                .source
                .as_ref()
                .filter(|source| !self.sources.contains_key(*source))
            {
                return Err(format!("routes.{nth}.source = {source:?} is none of the sources"));
            }
            let mut all = Vec::new();
            for text in &route.matching {
                all.extend(
                    matchers(text).map_err(|why| format!("routes.{nth}.match cannot be read: {why}"))?,
                );
            }
            routes.push(ReadyRoute {
                matchers: all,
                route: route.clone(),
            });
        }
        Ok(Ready {
            settings: self,
            zone,
            routes,
            apis,
        })
    }
}

fn is_id(key: &str, id: &str, first: &str, what: &str) -> Result<(), String> {
    let right = id.len() > 1
        && id.starts_with(|c| first.contains(c))
        && id
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if right {
        return Ok(());
    }
    Err(format!(
        "{key} = {id:?} is not the id of {what}; it stands at the end of its details in Slack, and looks like {}012AB3CD",
        &first[..1]
    ))
}

impl Source {
    fn check(&self, name: &str) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(plain) {
            return Err(format!(
                "sources.{name} cannot be used: a source's name is part of its address, and has only a-z, 0-9, - and _"
            ));
        }
        match (&self.token, &self.token_file) {
            (Some(_), Some(_)) => Err(format!(
                "sources.{name}.token and token_file are both set; keep one"
            )),
            (None, None) => Err(format!(
                "sources.{name} cannot be used: it has no token, so that everybody could send alerts; set token_file"
            )),
            (Some(token), None) => {
                use secrecy::ExposeSecret as _;
                match token.expose_secret().len() {
                    SHORTEST_TOKEN.. => Ok(()),
                    _ => Err(format!(
                        "sources.{name}.token is too short: it has to have {SHORTEST_TOKEN} characters or more"
                    )),
                }
            }
            (None, Some(_)) => Ok(()),
        }
    }

    /// The tokens that are taken now.
    ///
    /// # Errors
    /// Why the file cannot be used.
    pub(crate) async fn tokens(&self) -> Result<Vec<SecretString>, String> {
        let path = match (&self.token, &self.token_file) {
            (Some(token), _) => return Ok(vec![token.clone()]),
            (None, Some(path)) => path.clone(),
            (None, None) => return Ok(Vec::new()),
        };
        let named = path.display().to_string();
        let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
        let text = read
            .map_err(|error| error.to_string())
            .and_then(|read| read.map_err(|error| error.to_string()))
            .map_err(|why| format!("the file {named} cannot be read: {why}"))?;
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| line.len() >= SHORTEST_TOKEN);
        let tokens: Vec<SecretString> = lines.map(SecretString::from).collect();
        if tokens.is_empty() {
            return Err(format!(
                "the file {named} has no token of {SHORTEST_TOKEN} characters or more"
            ));
        }
        Ok(tokens)
    }

    /// Whether a token can be read: for a check.
    ///
    /// # Errors
    /// Why not.
    pub async fn check_token(&self) -> Result<(), String> {
        self.tokens().await.map(drop)
    }

    /// How its API is reached.
    pub fn api(&self) -> AlertmanagerConfig {
        AlertmanagerConfig {
            urls: self.url.clone(),
            username: self.username.clone(),
            password: self.password.clone(),
            password_file: self.password_file.clone(),
            bearer_token: self.bearer_token.clone(),
            bearer_token_file: self.bearer_token_file.clone(),
            ca_file: self.ca_file.clone(),
            timeout: self.timeout,
        }
    }
}

impl Ready {
    /// The channels that an alert goes to, each with whose bell rings; never none, where there is a source.
    pub(crate) fn channels(
        &self,
        source: &str,
        receiver: &str,
        labels: &Labels,
    ) -> Vec<(&ChannelId, Option<&otus::UserId>)> {
        let mut channels: Vec<(&ChannelId, Option<&otus::UserId>)> = Vec::new();
        for ReadyRoute { matchers, route } in &self.routes {
            let fits = route.source.as_deref().is_none_or(|wanted| wanted == source)
                && route.receiver.as_deref().is_none_or(|wanted| wanted == receiver)
                && matchers.iter().all(|matcher| matcher.holds(labels));
            if !fits {
                continue;
            }
            if !channels.iter().any(|(known, _)| *known == &route.channel) {
                channels.push((&route.channel, route.mention.as_ref()));
            }
            if !route.goes_on {
                return channels;
            }
        }
        if channels.is_empty() {
            channels.extend(self.settings.channel.iter().map(|channel| (channel, None)));
        }
        channels
    }

    /// The service that labels name, and the environment, as they are written there.
    pub(crate) fn spot<'a>(&self, labels: &'a Labels) -> (Option<&'a str>, Option<&'a str>) {
        let first = |names: &[String]| {
            names
                .iter()
                .find_map(|name| labels.get(name))
                .map(String::as_str)
                .filter(|value| !value.is_empty())
        };
        let settings = &self.settings;
        (
            first(&settings.service_labels),
            first(&settings.environment_labels),
        )
    }
}

/// As the store counts.
pub(crate) fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(section: Value) -> Result<Ready, String> {
        let settings: Settings = serde_json::from_value(section).map_err(|error| error.to_string())?;
        settings.ready()
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    const TOKEN: &str = "0123456789abcdef";

    #[test]
    fn reads_and_refuses() {
        assert!(read(json!({})).unwrap().apis.is_empty());
        let source = |source: Value| json!({ "channel": "C1", "sources": { "main": source } });
        let one = read(source(json!({ "token": TOKEN, "url": "http://am:9093" }))).unwrap();
        assert_eq!(one.apis["main"].url(), "http://am:9093");
        let two = json!({ "token": TOKEN, "url": ["http://am-0:9093", "http://am-1:9093"] });
        assert!(read(source(two)).is_ok());
        for (section, told) in [
            (json!({ "chanel": "C1" }), "unknown field `chanel`"),
            (
                json!({ "channel": "#alerts" }),
                "channel = \"#alerts\" is not the id of a channel",
            ),
            (json!({ "zone": "Berlin" }), "zone = \"Berlin\" is no time zone"),
            (json!({ "poll": "0s" }), "poll has to be"),
            (json!({ "keep_days": 0 }), "keep_days has to be"),
            (
                json!({ "sources": { "main": { "token": TOKEN } } }),
                "channel is not set",
            ),
            (source(json!({})), "sources.main cannot be used: it has no token"),
            (
                source(json!({ "token": "short" })),
                "sources.main.token is too short",
            ),
            (
                source(json!({ "token": TOKEN, "token_file": "f" })),
                "sources.main.token and token_file",
            ),
            (
                source(json!({ "token": TOKEN, "url": "am:9093" })),
                "sources.main.url must begin",
            ),
            (
                source(json!({ "token": TOKEN, "url": 3 })),
                "an address or a list",
            ),
            (
                json!({ "channel": "C1", "sources": { "A b": { "token": TOKEN } } }),
                "sources.A b cannot be used: a source's name",
            ),
            (
                json!({ "routes": [{ "channel": "x" }] }),
                "routes.0.channel = \"x\"",
            ),
            (
                json!({ "routes": [{ "channel": "C1", "match": ["a=~\"(\""] }] }),
                "routes.0.match cannot be read",
            ),
            (
                json!({ "routes": [{ "channel": "C1", "source": "other" }] }),
                "routes.0.source = \"other\"",
            ),
            (
                json!({ "routes": [{ "channel": "C1", "mention": "@oncall" }] }),
                "routes.0.mention",
            ),
        ] {
            let error = read(section).unwrap_err();
            assert!(error.contains(told), "{error}");
            assert!(!error.contains(TOKEN), "{error}");
        }
    }

    #[test]
    fn alerts_find_their_channels() {
        let ready = read(json!({
            "channel": "C1",
            "sources": { "main": { "token": TOKEN } },
            "routes": [
                { "match": ["severity=page"], "channel": "C2", "mention": "S1", "continue": true },
                { "match": ["team=\"core\"", "env!=dev"], "channel": "C3" },
                { "receiver": "mail", "channel": "C4" },
            ],
        }))
        .unwrap();
        let of = |receiver: &str, pairs: &[(&str, &str)]| -> String {
            let labels = labels(pairs);
            let found = ready.channels("main", receiver, &labels);
            found
                .iter()
                .map(|(channel, _)| channel.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(of("bot", &[]), "C1");
        assert_eq!(of("bot", &[("severity", "page")]), "C2");
        assert_eq!(of("bot", &[("severity", "page"), ("team", "core")]), "C2 C3");
        assert_eq!(of("mail", &[("team", "core"), ("env", "dev")]), "C4");
        assert_eq!(
            ready.spot(&labels(&[("app", "api"), ("env", "live")])),
            (Some("api"), Some("live"))
        );
        assert_eq!(ready.spot(&labels(&[])), (None, None));
    }

    #[tokio::test]
    async fn a_token_file_may_hold_two_while_it_is_changed() {
        let folder = std::env::temp_dir().join(format!("otus-tokens-{}", std::process::id()));
        std::fs::write(&folder, format!("{TOKEN}\n\nfedcba9876543210\n")).unwrap();
        let source = Source {
            token_file: Some(folder.clone()),
            ..Source::default()
        };
        assert_eq!(source.tokens().await.unwrap().len(), 2);
        std::fs::write(&folder, "short\n").unwrap();
        assert!(
            source
                .check_token()
                .await
                .unwrap_err()
                .contains("has no token of 16")
        );
        std::fs::remove_file(&folder).unwrap();
        assert!(source.check_token().await.unwrap_err().contains("cannot be read"));
    }
}
