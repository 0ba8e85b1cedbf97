//! Purpose: what Unleash's Admin API sends and takes, as far as it is needed here (its OpenAPI document, at `/docs/openapi.json`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A feature with its environments.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Feature {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) environments: Vec<Environment>,
}

/// A feature in one environment.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Environment {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) enabled: bool,
    #[serde(default)]
    pub(crate) strategies: Vec<Strategy>,
    /// Variants of the environment, which come before those of strategies.
    #[serde(default)]
    pub(crate) variants: Vec<Value>,
}

/// One way to have a feature. Any of them is enough.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Strategy {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) parameters: Map<String, Value>,
    /// All of these hold.
    #[serde(default)]
    pub(crate) constraints: Vec<Constraint>,
    /// And all of these, by their ids.
    #[serde(default)]
    pub(crate) segments: Vec<i64>,
    #[serde(default)]
    pub(crate) disabled: bool,
}

/// What has to hold of a context.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Constraint {
    pub(crate) context_name: String,
    pub(crate) operator: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) values: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
    #[serde(default)]
    pub(crate) inverted: bool,
    #[serde(default)]
    pub(crate) case_insensitive: bool,
}

/// A named list of constraints.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Segment {
    pub(crate) id: i64,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) constraints: Vec<Constraint>,
}

/// A line of Unleash's record.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    pub(crate) id: u64,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) created_at: jiff::Timestamp,
    #[serde(default)]
    pub(crate) created_by: String,
    #[serde(default)]
    pub(crate) environment: Option<String>,
    #[serde(default)]
    pub(crate) feature_name: Option<String>,
    #[serde(default)]
    pub(crate) data: Value,
    #[serde(default)]
    pub(crate) pre_data: Value,
}
