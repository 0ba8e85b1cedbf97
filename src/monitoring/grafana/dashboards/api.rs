//! Grafana's HTTP API, as far as dashboards need it. Everything here only reads, and the role Viewer may do all of it.
//!
//! `/api/…` answers in every version; schema v2, which Grafana 12 and later keep dashboards in, is asked of
//! `/apis/dashboard.grafana.app/…` where the old address does not give one.

use super::{
    json::{flag, list, text},
    model::Dashboard,
};
use crate::{
    duration,
    grafana::{Call, Came, Grafana, GrafanaError, said},
};
use reqwest::{Method, StatusCode, header};
use serde_json::Value;
use std::time::Duration;

/// An answer of more bytes is refused: a dashboard or a query's result.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// As many dashboards Grafana lists at a time.
const PAGE: usize = 1_000;
/// No Grafana is asked for more pages than this.
const PAGES: usize = 10;

const DASHBOARDS: &str =
    "the service account needs the permission dashboards:read, which the role Viewer has";
const SOURCES: &str = "the service account needs the permission datasources:query on the data source, which the role Viewer has";
const RULES: &str =
    "the service account needs the permissions alert.rules:read and folders:read, which the role Viewer has";
const LIBRARY: &str = "the service account needs the permissions library.panels:read and folders:read, which the role Viewer has";

type Result<T, E = GrafanaError> = std::result::Result<T, E>;

/// A dashboard in a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// What Grafana finds it by; of a file its path.
    pub uid: String,
    /// What people call it.
    pub title: String,
    /// Where it is, below Grafana's address; empty for one that is only a file.
    pub path: String,
    /// The folder it lies in; empty for the topmost.
    pub folder: String,
    /// Its tags.
    pub tags: Vec<String>,
}

/// The data sources there are, and what else Grafana says of itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sources {
    /// All of them.
    pub all: Vec<Source>,
    /// Whether a renderer is installed.
    pub renderer: bool,
    /// Grafana's version, where it tells.
    pub version: Option<String>,
}

/// A data source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// What it is found by.
    pub uid: String,
    /// What people call it.
    pub name: String,
    /// What it speaks: `prometheus`.
    pub kind: String,
    /// Whether it is meant where none is named.
    pub default: bool,
    /// How often it has new values, where somebody configured that.
    pub interval: Option<Duration>,
}

/// A query's body that Grafana does not answer under this address, so that another way may.
pub(super) enum Asked {
    Answer(Value),
    Elsewhere(GrafanaError),
}

impl Grafana {
    async fn read_at(
        &self,
        path: &str,
        query: &[(&str, &str)],
        what: &'static str,
        needs: &'static str,
    ) -> Result<Came> {
        self.call(Call {
            method: Method::GET,
            path: &self.below(path),
            query,
            body: None,
            what,
            needs,
            reads: true,
            timeout: None,
            most_bytes: MOST_BYTES,
        })
        .await
    }

    fn below(&self, path: &str) -> String {
        format!(
            "{}/{}",
            self.0.base.path().trim_end_matches('/'),
            path.trim_start_matches('/')
        )
    }

    fn json(&self, came: &Came, what: &'static str) -> Result<Value> {
        if !came.status.is_success() {
            return Err(self.refused(
                what,
                format!("HTTP {}{}", came.status.as_u16(), said(&came.bytes)),
            ));
        }
        serde_json::from_slice(&came.bytes).map_err(|_| {
            self.refused(
                what,
                "the answer is not one of Grafana's API; is grafana.url right?".into(),
            )
        })
    }

    /// All dashboards that the token may see.
    ///
    /// # Errors
    /// Any of [`GrafanaError`].
    pub async fn dashboards(&self) -> Result<Vec<Found>> {
        let what = "listing dashboards";
        let limit = PAGE.to_string();
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let page = page.to_string();
            let query = [("type", "dash-db"), ("limit", limit.as_str()), ("page", &page)];
            let came = self.read_at("/api/search", &query, what, DASHBOARDS).await?;
            let found = self.json(&came, what)?;
            let found = found.as_array().cloned().unwrap_or_default();
            let full = found.len() >= PAGE;
            all.extend(found.iter().filter_map(listed));
            if !full {
                break;
            }
        }
        Ok(all)
    }

    /// A dashboard by its uid, in whatever schema it is kept.
    ///
    /// # Errors
    /// [`GrafanaError::Missing`] when there is none; any other of [`GrafanaError`].
    pub async fn dashboard(&self, uid: &str) -> Result<Dashboard> {
        let what = "reading a dashboard";
        let escaped = segment(uid);
        let came = self
            .read_at(&format!("/api/dashboards/uid/{escaped}"), &[], what, DASHBOARDS)
            .await?;
        let mut missing = came.status == StatusCode::NOT_FOUND;
        if came.status.is_success() {
            let answer = self.json(&came, what)?;
            let spec = &answer["dashboard"];
            if let Some(mut dashboard) = read(spec) {
                dashboard.uid = uid.to_owned();
                dashboard.path = text(&answer, &["meta", "url"])
                    .map_or_else(|| format!("/d/{escaped}"), |url| self.relative(url));
                return Ok(dashboard);
            }
        } else if !missing && came.status != StatusCode::NOT_ACCEPTABLE && came.status != StatusCode::GONE {
            return Err(self.refused(
                what,
                format!("HTTP {}{}", came.status.as_u16(), said(&came.bytes)),
            ));
        }
        for version in ["v2", "v2beta1", "v2alpha1", "v1", "v1beta1"] {
            let path =
                format!("/apis/dashboard.grafana.app/{version}/namespaces/default/dashboards/{escaped}");
            let came = self.read_at(&path, &[], what, DASHBOARDS).await?;
            if !came.status.is_success() {
                missing = missing && came.status == StatusCode::NOT_FOUND;
                continue;
            }
            let answer = self.json(&came, what)?;
            if let Some(mut dashboard) = read(&answer["spec"]) {
                dashboard.uid = uid.to_owned();
                dashboard.path = format!("/d/{escaped}");
                return Ok(dashboard);
            }
        }
        Err(match missing {
            true => GrafanaError::Missing {
                url: self.url().to_owned(),
                what: format!("dashboard {uid}"),
            },
            false => self.refused(what, "it is in a schema that is not known here".into()),
        })
    }

    /// What a library panel holds, as a classic panel.
    ///
    /// # Errors
    /// [`GrafanaError::Missing`] when there is none; any other of [`GrafanaError`].
    pub async fn library_panel(&self, uid: &str) -> Result<Value> {
        let what = "reading a library panel";
        let came = self
            .read_at(
                &format!("/api/library-elements/{}", segment(uid)),
                &[],
                what,
                LIBRARY,
            )
            .await?;
        if came.status == StatusCode::NOT_FOUND {
            return Err(GrafanaError::Missing {
                url: self.url().to_owned(),
                what: format!("library panel {uid}"),
            });
        }
        Ok(self.json(&came, what)?["result"]["model"].clone())
    }

    /// What an address of an alert rule gives; nothing, where this Grafana has none there.
    pub(super) async fn rule_at(&self, path: &str) -> Result<Option<Value>> {
        let what = "reading an alert rule";
        let came = self.read_at(path, &[], what, RULES).await?;
        match came.status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(None),
            _ => self.json(&came, what).map(Some),
        }
    }

    /// The data sources, and whether there is a renderer.
    ///
    /// # Errors
    /// Any of [`GrafanaError`].
    pub async fn sources(&self) -> Result<Sources> {
        let what = "listing data sources";
        // Everybody who is let in gets these, while the list of data sources needs datasources:read.
        let came = self.read_at("/api/frontend/settings", &[], what, SOURCES).await?;
        if came.status.is_success()
            && let Ok(settings) = self.json(&came, what)
            && let Some(all) = settings["datasources"].as_object()
        {
            let default = text(&settings, &["defaultDatasource"]);
            return Ok(Sources {
                all: all
                    .iter()
                    .filter_map(|(name, one)| source(name, one, default == Some(name)))
                    .collect(),
                renderer: flag(&settings, &["rendererAvailable"]),
                version: text(&settings, &["buildInfo", "version"]).map(str::to_owned),
            });
        }
        let came = self.read_at("/api/datasources", &[], what, SOURCES).await?;
        let all = self.json(&came, what)?;
        let one = |one: &Value| source(text(one, &["name"])?, one, flag(one, &["isDefault"]));
        Ok(Sources {
            all: list(&all, &[]).iter().filter_map(one).collect(),
            ..Sources::default()
        })
    }

    /// Asks several queries at once.
    pub(super) async fn ask(&self, body: Value) -> Result<Asked> {
        let what = "a query";
        let call = Call {
            method: Method::POST,
            path: &self.below("/api/ds/query"),
            query: &[],
            body: Some(body),
            what,
            needs: SOURCES,
            reads: true,
            timeout: None,
            most_bytes: MOST_BYTES,
        };
        let came = match self.call(call).await {
            Ok(came) => came,
            Err(error @ GrafanaError::NotAllowed { status: 403, .. }) => return Ok(Asked::Elsewhere(error)),
            Err(error) => return Err(error),
        };
        let read: Option<Value> = serde_json::from_slice(&came.bytes).ok();
        match read {
            // With 200, 207, 400 and 500 alike: what went wrong stands with each query.
            Some(answer) if answer["results"].is_object() => Ok(Asked::Answer(answer)),
            _ => {
                let error = self.refused(
                    what,
                    format!("HTTP {}{}", came.status.as_u16(), said(&came.bytes)),
                );
                match came.status {
                    StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(Asked::Elsewhere(error)),
                    _ => Err(error),
                }
            }
        }
    }

    /// Something of a data source's own API: by Grafana's plugin for it, else through the proxy.
    pub(super) async fn of_source(
        &self,
        uid: &str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<(u16, Vec<u8>)> {
        let what = "asking a data source";
        let uid = segment(uid);
        let ways = [
            format!("/api/datasources/uid/{uid}/resources/{path}"),
            format!("/api/datasources/proxy/uid/{uid}/{path}"),
        ];
        let mut last = Err(self.refused(what, "nobody answered".into()));
        for way in ways {
            last = self.read_at(&way, query, what, SOURCES).await;
            match &last {
                Ok(came) if came.status.is_success() || came.status == StatusCode::BAD_REQUEST => break,
                Err(GrafanaError::Unreachable { .. } | GrafanaError::Config { .. }) => break,
                _ => {}
            }
        }
        let came = last?;
        Ok((came.status.as_u16(), came.bytes))
    }

    /// A picture of a panel by Grafana's renderer; nothing, where it has none.
    pub(super) async fn rendered(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<Vec<u8>>> {
        let Some(timeout) = self.0.render_timeout else {
            return Ok(None);
        };
        let call = Call {
            method: Method::GET,
            path: &self.below(path),
            query,
            body: None,
            what: "rendering a panel",
            needs: DASHBOARDS,
            reads: true,
            timeout: Some(timeout),
            most_bytes: MOST_BYTES,
        };
        let came = self.call(call).await?;
        let kind = came
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        // Without a renderer some versions answer with an error, some with a page that says so.
        let picture = came.status.is_success()
            && kind.is_some_and(|kind| kind.starts_with("image/png"))
            && came.bytes.starts_with(b"\x89PNG\r\n\x1a\n");
        Ok(picture.then_some(came.bytes))
    }

    /// Where a short link leads to, as an address.
    ///
    /// # Errors
    /// Any of [`GrafanaError`].
    pub async fn followed(&self, path: &str) -> Result<Option<String>> {
        let came = self
            .read_at(path, &[], "following a short link", DASHBOARDS)
            .await?;
        let to = came.headers.get(header::LOCATION).and_then(|to| to.to_str().ok());
        let to = to.filter(|_| came.status.is_redirection());
        Ok(to.and_then(|to| self.0.base.join(to).ok()).map(String::from))
    }

    /// The address of something below Grafana's.
    #[must_use]
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.url())
    }

    /// The address itself, to tell links into this Grafana from others.
    #[must_use]
    pub fn base(&self) -> &url::Url {
        &self.0.base
    }

    /// Whether dashboards may be read and data sources asked; how many there are of both.
    ///
    /// # Errors
    /// Any of [`GrafanaError`].
    pub async fn check_reading(&self) -> Result<(usize, Sources)> {
        let dashboards = self.dashboards().await?;
        let sources = self.sources().await?;
        let what = "a query";
        let came = self
            .read_at("/api/access-control/user/permissions", &[], what, SOURCES)
            .await;
        // What a token may do is told to it since Grafana 8.5; where nobody tells, the first query will.
        if let Ok(came) = came
            && came.status.is_success()
            && let Ok(Value::Object(allowed)) = serde_json::from_slice(&came.bytes)
            && !allowed.contains_key("datasources:query")
        {
            return Err(GrafanaError::NotAllowed {
                url: self.url().to_owned(),
                what,
                status: 403,
                needs: SOURCES.to_owned(),
            });
        }
        Ok((dashboards.len(), sources))
    }

    /// The path below our address of a path from the root of the host.
    fn relative(&self, path: &str) -> String {
        let prefix = self.0.base.path().trim_end_matches('/');
        path.strip_prefix(prefix).unwrap_or(path).to_owned()
    }
}

fn listed(one: &Value) -> Option<Found> {
    let uid = text(one, &["uid"])?.to_owned();
    Some(Found {
        title: text(one, &["title"]).unwrap_or(&uid).to_owned(),
        path: format!("/d/{}", segment(&uid)),
        folder: text(one, &["folderTitle"]).unwrap_or_default().to_owned(),
        tags: super::json::texts(&one["tags"]),
        uid,
    })
}

fn source(name: &str, one: &Value, default: bool) -> Option<Source> {
    let kind = text(one, &["type"])?;
    // Grafana's own, which hold nothing to ask.
    if matches!(kind, "datasource" | "grafana" | "dashboard") || name.starts_with("-- ") {
        return None;
    }
    Some(Source {
        uid: text(one, &["uid"])?.to_owned(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        default,
        interval: text(one, &["jsonData", "timeInterval"])
            .and_then(|interval| duration::parse(interval).ok()),
    })
}

/// A dashboard in either schema; nothing, where it is in neither.
pub(super) fn read(spec: &Value) -> Option<Dashboard> {
    let mut dashboard = if spec["elements"].is_object() {
        Dashboard::v2(spec)
    } else if spec["panels"].is_array() || spec["rows"].is_array() {
        Dashboard::classic(spec)
    } else {
        return None;
    };
    dashboard.link();
    Some(dashboard)
}

/// One part of a path, so that no name leads elsewhere.
fn segment(part: &str) -> String {
    // Dots alone would lead upwards, however they are written.
    if part.chars().all(|c| c == '.') {
        return "_".to_owned();
    }
    url::form_urlencoded::byte_serialize(part.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}
