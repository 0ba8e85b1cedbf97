//! What will change, as a person reads it before it does.

use super::operation::Need;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt;

/// What an operation is about. Policy, locks and "one at a time" go by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// The service.
    pub service: Option<String>,
    /// The environment.
    pub environment: Option<String>,
}

impl Target {
    /// A service in an environment.
    pub fn new(service: impl Into<String>, environment: impl Into<String>) -> Self {
        Self {
            service: Some(service.into()),
            environment: Some(environment.into()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.service, &self.environment) {
            (Some(service), Some(environment)) => write!(f, "{service} in {environment}"),
            (Some(one), None) | (None, Some(one)) => f.write_str(one),
            (None, None) => f.write_str("everything"),
        }
    }
}

/// One thing that will be different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What: `image`, `replicas`, `the lock`.
    pub what: String,
    /// How it is now; nothing when it is new.
    pub from: Option<String>,
    /// How it will be; nothing when it goes away.
    pub to: Option<String>,
}

/// What will change, with everything [`Action::apply`](super::Action::apply) needs.
///
/// Equal plans have equal hashes, on every replica. What differs from moment to moment without mattering (ready pods, the age
/// of something) belongs into [`Plan::notes`], which the hash leaves out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What it is about.
    pub target: Target,
    /// One line, marked up: `Deploy *api* 1.9.0 to *production*`.
    pub title: String,
    /// What will be different.
    pub changes: Vec<Change>,
    /// What somebody should think about first.
    pub warnings: Vec<String>,
    /// Good to know; not part of the hash.
    pub notes: Vec<String>,
    /// What applying needs to know, and what must not have moved until then.
    pub details: Value,
    /// Whether only one such operation may run on the target at a time.
    pub exclusive: bool,
    /// Whether the world is like that already, so that there is nothing to do.
    pub nothing_to_do: bool,
    /// Who has to agree to it whatever the rules say, because of what it does. The rules may ask for more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
}

/// The SHA-256 of a plan, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanHash(pub String);

impl PlanHash {
    /// Enough of it for people to compare: the first eight digits.
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }
}

impl fmt::Display for PlanHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Plan {
    /// What gets approved and applied: the hash of everything but the notes.
    pub fn hash(&self) -> PlanHash {
        let hashed = Self {
            notes: Vec::new(),
            ..self.clone()
        };
        // Every field is a plain value with text keys, so this cannot fail; an empty text would only void approvals.
        let value = serde_json::to_value(&hashed).unwrap_or_default();
        PlanHash(hex(&Sha256::digest(canonical(&value))))
    }

    /// What of the world is not as it was when `self` was made, as `now` sees it; for people.
    pub fn moved(&self, now: &Self) -> Vec<String> {
        let mut moved = Vec::new();
        if self.target != now.target {
            moved.push(format!(
                "it would be about {} instead of {}",
                now.target, self.target
            ));
        }
        let words = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".into());
        for old in &self.changes {
            match now.changes.iter().find(|new| new.what == old.what) {
                None => moved.push(format!("{} would not change any more", old.what)),
                Some(new) if new.from != old.from => moved.push(format!(
                    "{} was {} and is {} now",
                    old.what,
                    words(&old.from),
                    words(&new.from)
                )),
                Some(new) if new.to != old.to => moved.push(format!(
                    "{} would become {} instead of {}",
                    old.what,
                    words(&new.to),
                    words(&old.to)
                )),
                Some(_) => {}
            }
        }
        for new in &now.changes {
            if !self.changes.iter().any(|old| old.what == new.what) {
                moved.push(format!("{} would change, too", new.what));
            }
        }
        for new in now.warnings.iter().filter(|new| !self.warnings.contains(new)) {
            moved.push(format!("there is a new warning: {new}"));
        }
        if moved.is_empty() && self.hash() != now.hash() {
            moved.push("what it would change has itself changed since".into());
        }
        moved
    }
}

/// One text for one value, whatever order its keys were written in.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.iter().collect();
            keys.sort_by_key(|(key, _)| *key);
            let parts: Vec<_> = keys
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::String(key.clone()), canonical(value)))
                .collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => {
            let parts: Vec<_> = items.iter().map(canonical).collect();
            format!("[{}]", parts.join(","))
        }
        other => other.to_string(),
    }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan(image: &str) -> Plan {
        Plan {
            target: Target::new("api", "production"),
            title: "Deploy api".into(),
            changes: vec![Change {
                what: "image".into(),
                from: Some(image.into()),
                to: Some("api:2".into()),
            }],
            details: json!({ "b": 1, "a": [2, { "d": 3, "c": 4 }] }),
            ..Plan::default()
        }
    }

    #[test]
    fn a_hash_is_of_what_matters_and_not_of_how_it_is_written() {
        let one = plan("api:1");
        let noted = Plan {
            notes: vec!["3 of 3 pods are ready".into()],
            details: json!({ "a": [2, { "c": 4, "d": 3 }], "b": 1 }),
            ..one.clone()
        };
        assert_eq!(one.hash(), noted.hash());
        assert_ne!(one.hash(), plan("api:0").hash());
        assert_eq!(one.hash().0.len(), 64);
        assert_eq!(canonical(&one.details), r#"{"a":[2,{"c":4,"d":3}],"b":1}"#);
    }

    #[test]
    fn what_moved_is_said() {
        let old = plan("api:1");
        assert_eq!(old.moved(&old), Vec::<String>::new());
        assert_eq!(old.moved(&plan("api:0")), ["image was api:1 and is api:0 now"]);
        let other = Plan {
            details: json!({ "b": 2 }),
            ..old.clone()
        };
        assert_eq!(
            old.moved(&other),
            ["what it would change has itself changed since"]
        );
    }
}
