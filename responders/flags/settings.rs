//! What the operator says about flags in the chat: `[responders.flags]`.

use jiff::SignedDuration;
use otus::{ChannelId, UserId};
use otus_monitoring::gate::{Bound, GateConfig};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// The section `[responders.flags]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// By how many points the share of people who get something may grow at once without an approval.
    pub step: u8,
    /// Within which time that is counted, so that many small steps are no way around it.
    pub step_within: SignedDuration,
    /// In which environments. Empty means all.
    pub step_in: Vec<String>,
    /// The role that approves what grows by more. Without one, nobody is asked.
    pub approvers: Option<String>,
    /// How many of them.
    pub approvals: u32,
    /// The environments whose flags stand still while something is deployed there. Turning off is never held up.
    pub frozen_by_deploys: Vec<String>,
    /// The name of a guard that tells whether there is an incident: while it is bad in an environment, the flags there stand still. Turning off
    /// is never held up.
    pub frozen_in_incidents: Option<String>,
    /// A flag that gives everybody the same for so many days can be removed from the code.
    pub stale_days: u16,
    /// The id of the channel that hears of what guards turned off, and once a week of what can be removed.
    pub channel: Option<ChannelId>,
    /// Who is who: ids of people in the chat, and as what the applications know them.
    pub people: BTreeMap<UserId, String>,
    /// Groups one can say by a word, such as `staff`: which people are in it.
    pub groups: BTreeMap<String, Group>,
    /// Conditions that turn a flag off at once when they break.
    pub guards: BTreeMap<String, Guard>,
}

/// A group of people, told by an attribute that applications send, or by a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Group {
    /// Which attribute: `email`.
    pub attribute: Option<String>,
    /// It ends so: `@example.com`.
    pub ends_with: Option<String>,
    /// It begins so.
    pub starts_with: Option<String>,
    /// It is one of these.
    pub any_of: Vec<String>,
    /// Or a rule in JsonLogic, as a text.
    pub rule: Option<String>,
}

/// A condition on a metric.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// What is asked, in PromQL. `{{env}}` stands for the environment.
    pub query: String,
    /// What is good: `"< 0.01"`.
    pub bound: String,
    /// How often it is asked.
    #[serde(
        default = "every",
        with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required"
    )]
    pub every: Duration,
    /// How many bad answers in a row turn the flag off.
    #[serde(default = "times")]
    pub times: u32,
}

fn every() -> Duration {
    Duration::from_secs(15)
}

fn times() -> u32 {
    2
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            step: 25,
            step_within: SignedDuration::from_mins(15),
            step_in: Vec::new(),
            approvers: None,
            approvals: 1,
            frozen_by_deploys: Vec::new(),
            frozen_in_incidents: None,
            stale_days: 30,
            channel: None,
            people: BTreeMap::new(),
            groups: BTreeMap::new(),
            guards: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Whether they can work; or the key that is at fault and what is wrong with it, in a sentence.
    pub(crate) fn check(&self, asks: bool) -> Result<(), String> {
        if self.step > 100 {
            return Err("step has to be between 0 and 100".into());
        }
        if self.step_within.is_negative() || self.step_within > SignedDuration::from_hours(24) {
            return Err("step_within has to be between 0s and 24h".into());
        }
        if self.approvals == 0 {
            return Err("approvals has to be 1 or more; take approvers out if nobody is to be asked".into());
        }
        if self.stale_days == 0 {
            return Err("stale_days has to be 1 or more".into());
        }
        for (name, group) in &self.groups {
            group.rule().map_err(|why| format!("groups.{name} {why}"))?;
        }
        if let Some(name) = self
            .frozen_in_incidents
            .as_ref()
            .filter(|name| !self.guards.contains_key(*name))
        {
            return Err(format!(
                "frozen_in_incidents names {name:?}, and there is no such section below guards"
            ));
        }
        if !asks && let Some(name) = self.guards.keys().next() {
            return Err(format!(
                "guards.{name} asks Prometheus, and [prometheus] has no url"
            ));
        }
        for (name, guard) in &self.guards {
            guard.config(name).map_err(|why| format!("guards.{name} {why}"))?;
        }
        Ok(())
    }

    /// Whether a jump is counted there.
    pub(crate) fn steps_in(&self, set: &str) -> bool {
        self.step_in.is_empty() || self.step_in.iter().any(|name| name.eq_ignore_ascii_case(set))
    }
}

impl Group {
    /// Who is in it, as a rule.
    pub(crate) fn rule(&self) -> Result<Value, String> {
        let of = || match &self.attribute {
            Some(name) if !name.is_empty() => Ok(json!({ "var": name })),
            _ => Err("needs an attribute, such as \"email\"".to_owned()),
        };
        match (
            &self.ends_with,
            &self.starts_with,
            self.any_of.as_slice(),
            &self.rule,
        ) {
            (Some(end), None, [], None) => Ok(json!({"ends_with": [of()?, end]})),
            (None, Some(start), [], None) => Ok(json!({"starts_with": [of()?, start]})),
            (None, None, [_, ..], None) => Ok(json!({"in": [of()?, self.any_of]})),
            (None, None, [], Some(rule)) if self.attribute.is_none() => {
                let rule: Value = serde_json::from_str(rule)
                    .map_err(|error| format!("has a rule that is no JSON: {error}"))?;
                let fits = rule.as_object().is_some_and(|object| object.len() == 1);
                fits.then_some(rule)
                    .ok_or_else(|| "has a rule that is none: write {\"<operator>\": […]}".into())
            }
            _ => Err("needs exactly one of ends_with, starts_with, any_of (with attribute) and rule".into()),
        }
    }
}

impl Guard {
    /// As a gate that is asked.
    pub(crate) fn config(&self, name: &str) -> Result<GateConfig, String> {
        let bound: Bound = self
            .bound
            .parse()
            .map_err(|error: otus_monitoring::gate::BoundError| {
                format!("has a bound that is none: {error}")
            })?;
        if self.every < Duration::from_secs(1) || self.times == 0 {
            return Err("has to ask every second at the most, and at least 1 time".into());
        }
        let config = GateConfig::new(name, self.query.clone(), bound);
        let vars = otus_monitoring::gate::Vars {
            service: "service".into(),
            env: "env".into(),
            version: "version".into(),
            since: self.every,
        };
        config
            .filled(&vars)
            .map_err(|error| format!("has a query that cannot be filled in: {error}"))?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(section: Value) -> Result<(), String> {
        let settings: Settings = serde_json::from_value(section).map_err(|error| error.to_string())?;
        settings.check(true)
    }

    #[test]
    fn reads_and_refuses() {
        assert_eq!(read(json!({})), Ok(()));
        let right = json!({
            "step": 10, "approvers": "sre", "frozen_by_deploys": ["production"],
            "people": { "U0ANN": "ann@example.com" },
            "groups": {
                "staff": { "attribute": "email", "ends_with": "@example.com" },
                "testers": { "attribute": "team", "any_of": ["qa"] },
                "new": { "rule": "{\"<\": [{\"var\": \"age\"}, 30]}" },
            },
            "guards": { "errors": { "query": "errors{env=\"{{env}}\"}", "bound": "< 0.01", "every": "30s" } },
        });
        assert_eq!(read(right.clone()), Ok(()));
        let settings: Settings = serde_json::from_value(right).unwrap();
        assert!(
            settings
                .check(false)
                .unwrap_err()
                .contains("[prometheus] has no url")
        );
        assert_eq!(
            settings.groups["staff"].rule().unwrap(),
            json!({"ends_with": [{"var": "email"}, "@example.com"]})
        );
        for (section, told) in [
            (json!({ "stap": 1 }), "unknown field `stap`"),
            (json!({ "step": 101 }), "step has to be"),
            (json!({ "step_within": "48h" }), "step_within"),
            (json!({ "approvals": 0 }), "approvals has to be 1 or more"),
            (json!({ "stale_days": 0 }), "stale_days has to be"),
            (
                json!({ "frozen_in_incidents": "x" }),
                "frozen_in_incidents names \"x\", and there is no such",
            ),
            (json!({ "groups": { "a": {} } }), "groups.a needs exactly one of"),
            (
                json!({ "groups": { "a": { "ends_with": "x" } } }),
                "groups.a needs an attribute",
            ),
            (
                json!({ "groups": { "a": { "rule": "x" } } }),
                "groups.a has a rule that is no JSON",
            ),
            (
                json!({ "groups": { "a": { "rule": "[]" } } }),
                "groups.a has a rule that is none",
            ),
            (
                json!({ "guards": { "e": { "query": "x", "bound": "good" } } }),
                "guards.e has a bound that is none",
            ),
            (
                json!({ "guards": { "e": { "query": "x{{flag}}", "bound": "< 1" } } }),
                "guards.e has a query that cannot be filled in",
            ),
            (
                json!({ "guards": { "e": { "query": "x", "bound": "< 1", "every": "0s" } } }),
                "guards.e has to ask every second at the most",
            ),
        ] {
            let error = read(section).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
