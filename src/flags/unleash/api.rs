//! Purpose: Unleash's Admin API, as a client: what is asked, and what people are told when it does not do it.

use super::{
    config::UnleashConfig,
    shape::{Event, Feature, Segment, Strategy},
};
use crate::life::FlagStoreError;
use reqwest::{Method, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::time::Duration;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A project with more flags than these is not listed whole.
const MOST: usize = 2_000;
/// So many are asked for at once.
const PAGE: usize = 100;
/// So many features are read at once.
const AT_ONCE: usize = 8;

/// One project of a server.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: reqwest::Url,
    project: String,
    token: SecretString,
}

type Result<T> = std::result::Result<T, FlagStoreError>;

impl Api {
    /// # Errors
    /// When there can be no client, or the address is none.
    pub(crate) fn new(config: &UnleashConfig) -> Result<Self> {
        let odd = |error: String| FlagStoreError::Unavailable(format!("Unleash cannot be asked: {error}"));
        let base = reqwest::Url::parse(&config.url).map_err(|error| odd(error.to_string()))?;
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("otus/", env!("CARGO_PKG_VERSION")))
            // Where they lead is mostly a login page.
            .redirect(redirect::Policy::none())
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT.min(Duration::from_secs(5)))
            .gzip(true);
        let loopback = base.host_str().is_some_and(|host| {
            host == "localhost"
                || host
                    .trim_matches(['[', ']'])
                    .parse()
                    .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        });
        if loopback {
            http = http.no_proxy();
        }
        Ok(Self {
            http: http.build().map_err(|error| odd(error.to_string()))?,
            base,
            project: config.project.clone(),
            token: config.token.clone(),
        })
    }

    /// The number of the newest line of the record: it only ever grows, with every change.
    pub(crate) async fn newest(&self) -> Result<u64> {
        #[derive(Deserialize)]
        struct Events {
            events: Vec<Event>,
        }
        let path = ["api", "admin", "search", "events"];
        let events: Events = self
            .get(&path, &[("limit", "1")], "say what changed last")
            .await?;
        Ok(events.events.first().map_or(0, |event| event.id))
    }

    /// The record of a feature, or of the whole server, newest first.
    pub(crate) async fn events(&self, feature: Option<&str>, limit: u32) -> Result<Vec<Event>> {
        #[derive(Deserialize)]
        struct Events {
            events: Vec<Event>,
        }
        let limit = limit.min(1_000).to_string();
        let project = format!("IS:{}", self.project);
        let of = feature.map(|feature| format!("IS:{feature}"));
        let mut query = vec![("limit", limit.as_str())];
        if let Some(of) = &of {
            query.extend([("project", project.as_str()), ("feature", of.as_str())]);
        }
        let path = ["api", "admin", "search", "events"];
        let events: Events = self.get(&path, &query, "say what changed").await?;
        Ok(events.events)
    }

    /// The names of a project's features; of those that are put away, if those are meant.
    pub(crate) async fn names(&self, archived: bool) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Page {
            features: Vec<Name>,
            total: usize,
        }
        #[derive(Deserialize)]
        struct Name {
            name: String,
        }
        let project = format!("IS:{}", self.project);
        let mut names = Vec::new();
        loop {
            let (offset, limit) = (names.len().to_string(), PAGE.to_string());
            let mut query = vec![
                ("project", project.as_str()),
                ("offset", offset.as_str()),
                ("limit", limit.as_str()),
            ];
            if archived {
                query.push(("archived", "IS:true"));
            }
            let path = ["api", "admin", "search", "features"];
            let page: Page = self.get(&path, &query, "list its flags").await?;
            let got = page.features.len();
            names.extend(page.features.into_iter().map(|feature| feature.name));
            if got == 0 || names.len() >= page.total {
                return Ok(names);
            }
            if names.len() >= MOST {
                return Err(FlagStoreError::Unreadable(format!(
                    "the project {} has {} flags, and at most {MOST} are read",
                    self.project, page.total
                )));
            }
        }
    }

    /// A feature with all that its environments say; nothing when there is none, or it is put away.
    pub(crate) async fn feature(&self, name: &str) -> Result<Option<Feature>> {
        let what = format!("show the flag {name}");
        let answer = self.call(Method::GET, &self.of(&[name]), &[], None, &what).await;
        match answer {
            Ok(value) if value["archived"] == json!(true) => Ok(None),
            Ok(value) => read(value, &what).map(Some),
            Err(Fault::Missing(_)) => Ok(None),
            Err(fault) => Err(fault.told()),
        }
    }

    /// Several at once. What goes away meanwhile is left out.
    pub(crate) async fn features(&self, names: Vec<String>) -> Result<Vec<Feature>> {
        let mut found = Vec::with_capacity(names.len());
        for some in names.chunks(AT_ONCE) {
            let asked = some.iter().map(|name| self.feature(name));
            for feature in futures_util::future::join_all(asked).await {
                found.extend(feature?);
            }
        }
        Ok(found)
    }

    pub(crate) async fn segments(&self) -> Result<Vec<Segment>> {
        #[derive(Deserialize)]
        struct Segments {
            segments: Vec<Segment>,
        }
        let found: Segments = self
            .get(&["api", "admin", "segments"], &[], "list its segments")
            .await?;
        Ok(found.segments)
    }

    pub(crate) async fn make_segment(&self, name: &str, constraints: &Value) -> Result<()> {
        let body = json!({ "name": name, "constraints": constraints });
        self.send(
            Method::POST,
            &["api", "admin", "segments"],
            Some(body),
            &format!("make the segment {name}"),
        )
        .await
    }

    pub(crate) async fn create(&self, name: &str) -> Result<()> {
        let body = json!({ "name": name, "type": "release" });
        self.send(
            Method::POST,
            &self.of(&[]),
            Some(body),
            &format!("make the flag {name}"),
        )
        .await
    }

    pub(crate) async fn archive(&self, name: &str) -> Result<()> {
        self.send(
            Method::DELETE,
            &self.of(&[name]),
            None,
            &format!("archive the flag {name}"),
        )
        .await
    }

    pub(crate) async fn revive(&self, name: &str) -> Result<()> {
        let path = ["api", "admin", "archive", "revive", name];
        self.send(
            Method::POST,
            &path,
            Some(json!({})),
            &format!("restore the flag {name}"),
        )
        .await
    }

    pub(crate) async fn switch(&self, name: &str, environment: &str, on: bool) -> Result<()> {
        let side = if on { "on" } else { "off" };
        let path = self.of(&[name, "environments", environment, side]);
        self.send(
            Method::POST,
            &path,
            Some(json!({})),
            &format!("turn {name} {side} in {environment}"),
        )
        .await
    }

    pub(crate) async fn add(&self, name: &str, environment: &str, strategy: &Strategy) -> Result<()> {
        let path = self.of(&[name, "environments", environment, "strategies"]);
        self.send(
            Method::POST,
            &path,
            Some(json!(strategy)),
            &format!("add a strategy to {name} in {environment}"),
        )
        .await
    }

    pub(crate) async fn replace(
        &self,
        name: &str,
        environment: &str,
        id: &str,
        strategy: &Strategy,
    ) -> Result<()> {
        let path = self.of(&[name, "environments", environment, "strategies", id]);
        self.send(
            Method::PUT,
            &path,
            Some(json!(strategy)),
            &format!("change a strategy of {name} in {environment}"),
        )
        .await
    }

    pub(crate) async fn remove(&self, name: &str, environment: &str, id: &str) -> Result<()> {
        let path = self.of(&[name, "environments", environment, "strategies", id]);
        self.send(
            Method::DELETE,
            &path,
            None,
            &format!("remove a strategy of {name} in {environment}"),
        )
        .await
    }

    /// The path of the project's features, or of something below it.
    fn of<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let mut path = vec!["api", "admin", "projects", self.project.as_str(), "features"];
        path.extend(more);
        path
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)], what: &str) -> Result<T> {
        let answer = self.call(Method::GET, path, query, None, what).await;
        read(answer.map_err(Fault::told)?, what)
    }

    async fn send(&self, method: Method, path: &[&str], body: Option<Value>, what: &str) -> Result<()> {
        let answer = self.call(method, path, &[], body, what).await;
        answer.map(drop).map_err(Fault::told)
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Value>,
        what: &str,
    ) -> std::result::Result<Value, Fault> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let mut request = self
            .http
            .request(method, url)
            .query(query)
            .header("authorization", self.token.expose_secret());
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let why = if error.is_timeout() {
                    "it takes too long".to_owned()
                } else {
                    // Without the address, in which a name could be read as something else.
                    innermost(&error.without_url())
                };
                return Err(Fault::Away(format!(
                    "Unleash does not answer ({why}), so it could not be asked to {what}"
                )));
            }
        };
        let status = answer.status();
        let body = answer.bytes().await.unwrap_or_default();
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            return Ok(value);
        }
        Err(refusal(status, &value, what))
    }
}

/// Why something was not done.
enum Fault {
    /// It is not there.
    Missing(String),
    /// Unleash says no.
    No(String),
    /// It is not to be had at the moment.
    Away(String),
}

impl Fault {
    fn told(self) -> FlagStoreError {
        match self {
            Self::Missing(why) | Self::No(why) => FlagStoreError::Refused(why),
            Self::Away(why) => FlagStoreError::Unavailable(why),
        }
    }
}

/// What a refusal means for people. Unleash's own words come along where they help: `{"message", "permissions", "details"}`.
fn refusal(status: StatusCode, value: &Value, what: &str) -> Fault {
    let details = value["details"].as_array().into_iter().flatten();
    let own = details
        .filter_map(|detail| detail["message"].as_str())
        .next()
        .or_else(|| value["message"].as_str());
    let own: String = own.unwrap_or_default().chars().take(300).collect();
    match status {
        StatusCode::UNAUTHORIZED => Fault::No(format!(
            "Unleash does not know the token, or it has expired, so it did not do this: {what}. An administrator puts a new one into the section flags.unleash of the configuration"
        )),
        StatusCode::FORBIDDEN => {
            let named = value["permissions"].as_array().into_iter().flatten();
            let mut named: Vec<String> = named.filter_map(Value::as_str).map(str::to_owned).collect();
            named.extend(value["permission"].as_str().map(str::to_owned));
            if named.is_empty() {
                // As it stands in the sentence: `UPDATE_FEATURE_ENVIRONMENT`.
                let is_name =
                    |word: &&str| word.len() > 5 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
                let words = own.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                named.extend(words.filter(is_name).map(str::to_owned));
            }
            named.sort();
            named.dedup();
            let lacks = match named.as_slice() {
                [] => "a permission".to_owned(),
                [one] => format!("the permission {one}"),
                several => format!("one of the permissions {}", several.join(", ")),
            };
            Fault::No(format!("the token lacks {lacks} in Unleash to do this: {what}"))
        }
        StatusCode::NOT_FOUND => Fault::Missing(format!(
            "Unleash has nothing there for this: {what}{}",
            said(&own)
        )),
        StatusCode::TOO_MANY_REQUESTS => Fault::Away(format!(
            "Unleash is asked too often at the moment for this: {what}"
        )),
        status if status.is_server_error() => Fault::Away(format!(
            "Unleash fails by itself ({}) at this: {what}",
            status.as_u16()
        )),
        status if status.is_redirection() => Fault::No(format!(
            "what answers at the address of Unleash leads elsewhere ({}), as a login page does, so it did not do this: {what}",
            status.as_u16()
        )),
        status => Fault::No(format!(
            "Unleash refused this ({}): {what}{}",
            status.as_u16(),
            said(&own)
        )),
    }
}

fn said(own: &str) -> String {
    if own.is_empty() {
        String::new()
    } else {
        format!("; it says: {own}")
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

fn read<T: DeserializeOwned>(value: Value, what: &str) -> Result<T> {
    serde_json::from_value(value).map_err(|error| {
        FlagStoreError::Unreadable(format!(
            "Unleash was asked to {what}, and answered something else ({error}): is `url` its address?"
        ))
    })
}
