//! What the operator says about who is on call: `[responders.oncall]`.

use otus_monitoring::pagerduty::{PAGERDUTY, PagerDuty};
use secrecy::SecretString;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use super::Pager;

/// How long PagerDuty may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The section `[responders.oncall]`.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// A file with rotas, read anew for each question.
    pub file: Option<PathBuf>,
    /// PagerDuty, or what speaks its API.
    pub pagerduty: PagerDutySettings,
}

/// The section `[responders.oncall.pagerduty]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PagerDutySettings {
    /// Where its API is.
    pub url: String,
    /// An API key that may read.
    pub token: Option<SecretString>,
    /// A file with that key, read anew for each call.
    pub token_file: Option<PathBuf>,
    /// The ids of schedules, by what the team calls them.
    pub schedules: BTreeMap<String, String>,
}

impl Default for PagerDutySettings {
    fn default() -> Self {
        Self {
            url: PAGERDUTY.into(),
            token: None,
            token_file: None,
            schedules: BTreeMap::new(),
        }
    }
}

impl PagerDutySettings {
    /// The client with the schedules, where there are any; or the key that is at fault and what is wrong with it.
    pub(crate) fn pager(&self) -> Result<Option<Pager>, String> {
        if self.schedules.is_empty() {
            return match (&self.token, &self.token_file) {
                (None, None) => Ok(None),
                _ => Err("pagerduty.schedules: there is a token and no schedule; name them: { backend = \"P1A2B3C\" }".into()),
            };
        }
        let client = PagerDuty::new(&self.url, self.token.clone(), self.token_file.clone(), PATIENCE)
            .map_err(|error| format!("pagerduty.{error}"))?;
        Ok(Some(Pager {
            client,
            schedules: Arc::new(self.schedules.clone().into_iter().collect()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_and_refuses() {
        let wrong = |json| {
            let settings: Settings = serde_json::from_value(json).unwrap();
            settings.pagerduty.pager().map(|pager| pager.is_some())
        };
        assert_eq!(wrong(json!({})), Ok(false));
        let schedules = json!({ "backend": "P1" });
        let pager = |more: serde_json::Value| {
            let mut pager = json!({ "schedules": schedules });
            for (key, value) in more.as_object().unwrap() {
                pager[key] = value.clone();
            }
            wrong(json!({ "pagerduty": pager }))
        };
        assert_eq!(pager(json!({ "token": "t" })), Ok(true));
        let missing = pager(json!({})).unwrap_err();
        assert!(missing.starts_with("pagerduty.token: it is missing"), "{missing}");
        let twice = pager(json!({ "token": "t", "token_file": "/t" })).unwrap_err();
        assert!(twice.contains("token_file is set, too"), "{twice}");
        let plain = pager(json!({ "token": "t", "url": "http://pager.example.com" })).unwrap_err();
        assert!(plain.starts_with("pagerduty.url: http://"), "{plain}");
        let none = wrong(json!({ "pagerduty": { "token": "t" } })).unwrap_err();
        assert!(none.starts_with("pagerduty.schedules"), "{none}");
        assert!(serde_json::from_value::<Settings>(json!({ "rota": "x" })).is_err());
    }
}
