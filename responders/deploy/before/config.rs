//! What is to be run before the change: `[services.<name>.before]`.

use std::collections::BTreeMap;
use std::time::Duration;

use otus_kubernetes::Stamp;
use otus_kubernetes::job::{Base, Env, Plan};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::plan::Planned;

/// How long the cluster keeps the Job after its end, for whoever wants to look, or takes the deploy up.
const KEEP: Duration = Duration::from_secs(24 * 3600);

/// The section `[services.<name>.before]`: a command that is run once, with the new image and in a pod like the service's own,
/// before the service itself gets that image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// The command. It has to be there: the image's own would be the service once more.
    #[serde(deserialize_with = "command")]
    pub command: Vec<String>,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Variables of its environment, over those of the service's container.
    #[serde(default)]
    pub env: BTreeMap<String, Variable>,
    /// How long it may run.
    #[serde(
        default = "ten_minutes",
        with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required"
    )]
    pub deadline: Duration,
}

/// The value of a variable. Secrets are named, never carried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a text is expected, or { secret = \"its name\", key = \"…\" }, or { config_map = \"its name\", key = \"…\" }"
)]
pub enum Variable {
    /// In clear.
    Clear(String),
    /// A key of a Secret in the service's namespace.
    #[serde(rename_all = "snake_case")]
    Secret {
        /// The Secret's name.
        secret: String,
        /// The key in it.
        key: String,
    },
    /// A key of a ConfigMap in the service's namespace.
    ConfigMap {
        /// The ConfigMap's name.
        config_map: String,
        /// The key in it.
        key: String,
    },
}

impl Variable {
    fn env(&self) -> Env {
        match self.clone() {
            Variable::Clear(value) => Env::Value(value),
            Variable::Secret { secret: name, key } => Env::Secret { name, key },
            Variable::ConfigMap {
                config_map: name,
                key,
            } => Env::ConfigMap { name, key },
        }
    }
}

impl Before {
    /// The command as one would type it.
    #[must_use]
    pub fn line(&self) -> String {
        let quoted = |word: &String| match word.is_empty() || word.contains([' ', '"', '\'', '\n']) {
            true => format!("'{word}'"),
            false => word.clone(),
        };
        let words: Vec<String> = self.command.iter().chain(&self.args).map(quoted).collect();
        words.join(" ")
    }

    /// The Job that runs it.
    pub(super) fn job(&self, planned: &Planned, stamp: &Stamp) -> Plan {
        Plan {
            cluster: planned.workload.cluster.clone(),
            namespace: planned.workload.namespace.clone(),
            operation: stamp.operation.clone(),
            // With the service's name in it, so that a person finds it among all the Jobs there are.
            step: format!("{}-before", planned.workload.service),
            image: planned.image.clone(),
            version: Some(planned.version.clone()),
            command: self.command.clone(),
            args: self.args.clone(),
            env: self
                .env
                .iter()
                .map(|(name, variable)| (name.clone(), variable.env()))
                .collect(),
            service_account: None,
            limits: BTreeMap::new(),
            deadline: self.deadline,
            keep: KEEP,
            base: Base::Workload(Box::new(planned.workload.clone())),
        }
    }
}

fn ten_minutes() -> Duration {
    Duration::from_secs(600)
}

fn command<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let words = Vec::<String>::deserialize(deserializer)?;
    match words.first().is_some_and(|program| !program.trim().is_empty()) {
        true => Ok(words),
        false => Err(D::Error::custom(
            "a command is expected, word by word: [\"bin/migrate\", \"up\"]",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_and_refuses() {
        let read = |value| serde_json::from_value::<Before>(value).map_err(|error| error.to_string());
        let before = read(
            json!({"command": ["bin/migrate"], "args": ["up", "all of it"], "deadline": "90s", "env": {
            "A": "1", "B": {"secret": "db", "key": "url"}, "C": {"config_map": "db", "key": "name"}}}),
        )
        .unwrap();
        assert_eq!(before.line(), "bin/migrate up 'all of it'");
        assert_eq!(before.deadline, Duration::from_secs(90));
        assert_eq!(
            before.env.values().map(Variable::env).collect::<Vec<_>>(),
            [
                Env::Value("1".into()),
                Env::Secret {
                    name: "db".into(),
                    key: "url".into()
                },
                Env::ConfigMap {
                    name: "db".into(),
                    key: "name".into()
                },
            ]
        );
        for (wrong, words) in [
            (json!({}), "missing field `command`"),
            (json!({"command": []}), "word by word"),
            (json!({"command": [" "]}), "word by word"),
            (json!({"command": "up"}), "expected a sequence"),
            (
                json!({"command": ["up"], "env": {"A": {"secret": "x"}}}),
                "a text is expected",
            ),
            (
                json!({"command": ["up"], "dealine": "1m"}),
                "unknown field `dealine`",
            ),
        ] {
            let told = read(wrong).unwrap_err();
            assert!(told.contains(words), "{told}");
        }
    }
}
