//! Purpose: several gates as they stand in a file, each in a table that names it.

use super::{GateConfig, written::Written};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeSeed, Error as _, MapAccess, Visitor},
};
use std::{collections::BTreeMap, fmt, ops::Deref};

/// Gates by the key of their table, which is what each is called unless its `name` says otherwise.
///
/// ```
/// use otus_monitoring::gate::Gates;
///
/// let gates: Gates = serde_json::from_str(r#"{"errors": {"query": "sum(rate(errors_total[5m]))", "below": 0.5}}"#)?;
/// assert_eq!(gates["errors"].name, "errors");
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Gates(BTreeMap<String, GateConfig>);

impl Gates {
    /// These, with those of `other` over them where both have one of the same key.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

impl Deref for Gates {
    type Target = BTreeMap<String, GateConfig>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromIterator<(String, GateConfig)> for Gates {
    fn from_iter<T: IntoIterator<Item = (String, GateConfig)>>(gates: T) -> Self {
        Self(gates.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for Gates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Tables)
    }
}

struct Tables;

impl<'de> Visitor<'de> for Tables {
    type Value = Gates;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("gates by their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Gates, A::Error> {
        let mut gates = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            let gate = map.next_value_seed(Named(&key))?;
            gates.insert(key, gate);
        }
        Ok(Gates(gates))
    }
}

/// What is wrong with one gate is said of its table, so that it is found.
struct Named<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Named<'_> {
    type Value = GateConfig;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<GateConfig, D::Error> {
        let written = Written::deserialize(deserializer)?;
        written.named(self.0).map_err(D::Error::custom)
    }
}
