//! A migration's place in the order.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{cmp::Ordering, fmt, str::FromStr};

/// A number, or several with dots between: `20260801120000`, `1.2`. `1`, `1.0` and `01` are the same place.
#[derive(Debug, Clone)]
pub struct Version {
    parts: Vec<i64>,
    text: String,
}

impl Version {
    /// Its number, when it is one number.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        match self.parts.as_slice() {
            [] => Some(0),
            [one] => Some(*one),
            _ => None,
        }
    }
}

impl From<i64> for Version {
    fn from(number: i64) -> Self {
        Self {
            parts: if number == 0 { Vec::new() } else { vec![number] },
            text: number.to_string(),
        }
    }
}

/// It is not a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version is made of numbers with dots or underscores between, none beyond 9223372036854775807")]
pub struct NotAVersion;

impl FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let text = text.replace('_', ".");
        let parts = text.split('.').map(|part| match part.parse::<i64>() {
            Ok(number) if part.bytes().all(|byte| byte.is_ascii_digit()) => Ok(number),
            _ => Err(NotAVersion),
        });
        let mut parts: Vec<i64> = parts.collect::<Result<_, _>>()?;
        while parts.last() == Some(&0) {
            parts.pop();
        }
        Ok(Self { parts, text })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for Version {}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts.cmp(&other.parts)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // sqlx allows a sign.
        match text.parse::<i64>() {
            Ok(number) if number < 0 => Ok(Self::from(number)),
            _ => text.parse().map_err(D::Error::custom),
        }
    }
}
