//! Purpose: a gate as it stands in a file, where a bound can be written in three ways.

use super::{
    Baseline, GateConfig, GateConfigError, OnNoData, Reduce, five, half_a_minute, half_an_hour, three,
};
use crate::{
    duration,
    gate::bound::{Bound, Comparison},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Every key, with the defaults of those that may be left out.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    #[serde(default)]
    name: Option<String>,
    query: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    below: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    above: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bound: Option<String>,
    #[serde(default = "half_a_minute", with = "duration::text")]
    interval: Duration,
    #[serde(default = "five")]
    count: u32,
    #[serde(default)]
    failures: u32,
    #[serde(default)]
    on_no_data: OnNoData,
    #[serde(default = "half_an_hour", with = "duration::text")]
    patience: Duration,
    #[serde(default = "three")]
    errors: u32,
    #[serde(default = "half_a_minute", with = "duration::text")]
    initial_delay: Duration,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reduce: Option<Reduce>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    baseline: Option<Baseline>,
}

impl Written {
    /// With this name, unless it says one itself.
    pub(super) fn named(self, name: &str) -> Result<GateConfig, GateConfigError> {
        let name = self.name.clone().unwrap_or_else(|| name.to_owned());
        let written = self;
        let limited = |comparison, limit| {
            Bound::new(comparison, limit).ok_or_else(|| GateConfigError::Value {
                name: name.clone(),
                key: "the bound",
                why: "has to be a finite number",
            })
        };
        let bound = match (written.below, written.above, &written.bound) {
            (Some(limit), None, None) => limited(Comparison::Below, limit)?,
            (None, Some(limit), None) => limited(Comparison::Above, limit)?,
            (None, None, Some(text)) => text.parse().map_err(|why| GateConfigError::Bound {
                name: name.clone(),
                why,
            })?,
            _ => return Err(GateConfigError::OneBound { name }),
        };
        GateConfig {
            name,
            query: written.query,
            bound,
            interval: written.interval,
            count: written.count,
            failures: written.failures,
            on_no_data: written.on_no_data,
            patience: written.patience,
            errors: written.errors,
            initial_delay: written.initial_delay,
            reduce: written.reduce,
            baseline: written.baseline,
        }
        .check()
    }
}

impl TryFrom<Written> for GateConfig {
    type Error = GateConfigError;

    fn try_from(written: Written) -> Result<Self, GateConfigError> {
        written.named("")
    }
}

impl From<GateConfig> for Written {
    fn from(config: GateConfig) -> Self {
        Self {
            name: Some(config.name),
            query: config.query,
            below: None,
            above: None,
            bound: Some(config.bound.into()),
            interval: config.interval,
            count: config.count,
            failures: config.failures,
            on_no_data: config.on_no_data,
            patience: config.patience,
            errors: config.errors,
            initial_delay: config.initial_delay,
            reduce: config.reduce,
            baseline: config.baseline,
        }
    }
}
