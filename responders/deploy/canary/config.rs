//! A few pods first: `[services.<name>.canary]`.

use std::time::Duration;

use otus_kubernetes::canary::Size;
use serde::{Deserialize, Serialize};

/// The section `[services.<name>.canary]`: some pods of the new version beside those that serve, watched before all get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Canary {
    /// How many pods.
    pub(crate) size: Size,
    /// How long they are watched once they serve.
    pub(crate) bake: Duration,
    /// Where; empty means everywhere.
    pub(crate) environments: Vec<String>,
}

/// As it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<String>,
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    bake: Duration,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    environments: Vec<String>,
}

impl Default for Written {
    fn default() -> Self {
        Written {
            replicas: None,
            share: None,
            bake: Duration::from_secs(5 * 60),
            environments: Vec::new(),
        }
    }
}

impl TryFrom<Written> for Canary {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let size = match (written.replicas, &written.share) {
            (Some(_), Some(_)) => return Err("keep one of replicas and share".to_owned()),
            (Some(pods), None) if pods < 1 => return Err("replicas has to be at least 1".to_owned()),
            (pods, None) => Size::Pods(pods.unwrap_or(1)),
            (None, Some(share)) => {
                let number = share.trim().strip_suffix('%').map(str::trim);
                let percent = number.and_then(|number| number.parse().ok());
                Size::Percent(
                    percent
                        .filter(|percent| (1..=100).contains(percent))
                        .ok_or_else(|| {
                            format!("share is to be between \"1%\" and \"100%\", and this is {share:?}")
                        })?,
                )
            }
        };
        Ok(Canary {
            size,
            bake: written.bake,
            environments: written.environments,
        })
    }
}

impl From<Canary> for Written {
    fn from(canary: Canary) -> Self {
        let (replicas, share) = match canary.size {
            Size::Pods(pods) => (Some(pods), None),
            Size::Percent(percent) => (None, Some(format!("{percent}%"))),
        };
        Written {
            replicas,
            share,
            bake: canary.bake,
            environments: canary.environments,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_and_refuses() {
        let read = |value| serde_json::from_value::<Canary>(value).map_err(|error| error.to_string());
        let plain = read(json!({})).unwrap();
        assert_eq!(
            (plain.size, plain.bake),
            (Size::Pods(1), Duration::from_secs(300))
        );
        let canary = read(json!({"share": "10%", "bake": "90s", "environments": ["production"]})).unwrap();
        assert_eq!(canary.size, Size::Percent(10));
        assert_eq!(read(serde_json::to_value(&canary).unwrap()).unwrap(), canary);
        for (wrong, words) in [
            (json!({"replicas": 1, "share": "10%"}), "keep one of"),
            (json!({"replicas": 0}), "at least 1"),
            (json!({"share": "0%"}), "between"),
            (json!({"share": "101%"}), "between"),
            (json!({"share": "10"}), "between"),
            (json!({"share": "-5%"}), "between"),
            (json!({"bake": "soon"}), "duration"),
            (json!({"replica": 1}), "unknown field `replica`"),
        ] {
            let told = read(wrong).unwrap_err();
            assert!(told.contains(words), "{told}");
        }
    }
}
