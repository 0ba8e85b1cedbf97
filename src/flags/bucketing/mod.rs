//! Purpose: which share of a percentage somebody falls into: flagd's two bucketings, v2 and v3.
//!
//! They hash different bytes, so the same rule sends about one person in six elsewhere. A flag set says which one it means in its
//! metadata, as `"bucketing": "v2"` or `"v3"`; what says nothing means v2, as flagd's daemon does to this day, and nothing
//! but a change of that entry ever changes it.

mod cbor;
mod murmur;

use cbor::encode;
use datalogic_rs::DataValue;
use murmur::murmur3_32;
use serde::{Deserialize, Serialize};

/// The highest sum of weights (flagd's specification of `fractional`): 2³¹ − 1.
pub(crate) const MOST_WEIGHT: i64 = 0x7fff_ffff;

/// The key of the metadata that pins it.
pub(crate) const PIN: &str = "bucketing";

/// Which bytes are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bucketing {
    /// The bytes of a text; by default the flag's key and the targeting key, one after the other. A key that is no text is none.
    #[default]
    V2,
    /// The canonical CBOR of any value; by default that of the list of the flag's key and the targeting key.
    V3,
}

impl Bucketing {
    /// As the metadata writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }

    /// What a name says.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "v2" => Some(Self::V2),
            "v3" => Some(Self::V3),
            _ => None,
        }
    }

    /// The hash of a value somebody gave to bucket by. Nothing when this bucketing has none for it.
    pub(crate) fn hash(self, by: &DataValue<'_>) -> Option<u32> {
        match self {
            Self::V2 => by.as_str().map(|text| murmur3_32(text.as_bytes())),
            Self::V3 if matches!(by, DataValue::Null) => None,
            Self::V3 => Some(murmur3_32(&encode(by))),
        }
    }

    /// The hash of who is asked about, when the rule names nothing to bucket by.
    pub(crate) fn default_hash(self, flag: &str, targeting_key: &str) -> u32 {
        match self {
            Self::V2 => murmur3_32(&[flag.as_bytes(), targeting_key.as_bytes()].concat()),
            Self::V3 => {
                let pair = [DataValue::String(flag), DataValue::String(targeting_key)];
                murmur3_32(&encode(&DataValue::Array(&pair)))
            }
        }
    }
}

/// Where a hash falls among so many shares: `hash × total >> 32`, which needs no float and no modulo.
pub(crate) fn place(hash: u32, total: i64) -> i64 {
    // Both are below 2³², so the product fits; the result is below `total`.
    i64::try_from((u64::from(hash) * total.unsigned_abs()) >> 32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_below_the_total_and_spread() {
        for total in [1, 2, 100, MOST_WEIGHT] {
            assert_eq!(place(0, total), 0);
            assert_eq!(place(u32::MAX, total), total - 1);
        }
        assert_eq!(place(1 << 31, 100), 50);
        assert_eq!(place((1 << 31) - 1, 100), 49);
    }

    #[test]
    fn names_go_there_and_back() {
        for bucketing in [Bucketing::V2, Bucketing::V3] {
            assert_eq!(Bucketing::from_name(bucketing.name()), Some(bucketing));
        }
        assert_eq!(Bucketing::from_name("v1"), None);
    }

    #[test]
    fn only_v3_takes_what_is_no_text() {
        let one = DataValue::from_i64(1);
        assert_eq!(Bucketing::V2.hash(&one), None);
        assert!(Bucketing::V3.hash(&one).is_some());
        assert_eq!(Bucketing::V3.hash(&DataValue::Null), None);
    }
}
