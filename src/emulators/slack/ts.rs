//! A message's timestamp, which is also its identity.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `seconds.6digits`: names a message. The emulator never gives the same one twice in a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ts(u64);

impl Ts {
    pub(crate) const MAX: Ts = Ts(u64::MAX);

    pub(crate) const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000_000
    }
}

impl fmt::Display for Ts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// What is not `seconds.6digits`.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a Slack timestamp; one reads like 1712345678.000100")]
pub struct NotATimestamp(String);

impl FromStr for Ts {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || NotATimestamp(text.to_owned());
        let (seconds, micros) = text.split_once('.').ok_or_else(refuse)?;
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(seconds) || !digits(micros) || seconds.len() > 12 || micros.len() != 6 {
            return Err(refuse());
        }
        let seconds: u64 = seconds.parse().map_err(|_| refuse())?;
        let micros: u64 = micros.parse().map_err(|_| refuse())?;
        Ok(Self(seconds * 1_000_000 + micros))
    }
}

impl Serialize for Ts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_refuses_the_rest() {
        let ts: Ts = "1712345678.000100".parse().unwrap();
        assert_eq!(ts.to_string(), "1712345678.000100");
        for bad in [
            "",
            ".",
            "1712345678",
            "1712345678.1",
            "x.000100",
            "1.00000x",
            "-1.000000",
            "9999999999999.000000",
        ] {
            assert!(bad.parse::<Ts>().is_err(), "{bad}");
        }
    }
}
