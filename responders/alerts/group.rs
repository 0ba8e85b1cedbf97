//! What is known of a group of alerts, and what a notification makes of it: pure functions of what was known, of what came and of the
//! time. A notification that comes twice, late, or from each member of a cluster changes nothing.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use otus::{Picture, UserId};
use otus_monitoring::{
    Labels,
    alertmanager::{AlertState, Notification},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What is older than this did not get lost on the way to be overtaken by what came since.
const SETTLED: SignedDuration = SignedDuration::from_secs(30);
/// So many alerts of one group are kept; more are only counted.
const MOST_ALERTS: usize = 200;
/// So many lines of what was done are kept.
const MOST_LOGGED: usize = 20;
/// How much of an id people say.
pub(crate) const SHORT: usize = 6;

/// A group of alerts, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) receiver: String,
    /// What it is grouped by.
    pub(crate) labels: Labels,
    /// The address of who sent it.
    pub(crate) external_url: String,
    /// By fingerprint.
    pub(crate) alerts: BTreeMap<String, Alert>,
    /// How many more there are that are not known one by one.
    pub(crate) truncated: u64,
    /// Rises whenever it fires anew after a while: each has a message of its own.
    pub(crate) episode: u64,
    pub(crate) began: Timestamp,
    pub(crate) resolved: Option<Timestamp>,
    /// How often it fired again in this episode.
    pub(crate) returned: u32,
    pub(crate) acked: Option<Acked>,
    pub(crate) log: Vec<Logged>,
    pub(crate) reading: Option<Reading>,
    /// When it was last heard of.
    pub(crate) heard: Timestamp,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alert {
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) starts: Timestamp,
    /// None while it fires.
    pub(crate) ended: Option<Timestamp>,
    pub(crate) generator_url: String,
    pub(crate) dashboard_url: String,
    pub(crate) panel_url: String,
    /// Grafana's.
    pub(crate) values: BTreeMap<String, f64>,
    /// The silences that cover it, as far as was seen.
    pub(crate) silences: Vec<Quiet>,
    /// When it was last heard of.
    pub(crate) heard: Timestamp,
    /// Since when Alertmanager does not know it any more.
    pub(crate) missing: Option<Timestamp>,
}

/// Who has taken notice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Acked {
    pub(crate) by: UserId,
    pub(crate) at: Timestamp,
}

/// A silence, as a message tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Quiet {
    pub(crate) id: String,
    pub(crate) until: Timestamp,
    pub(crate) by: String,
    pub(crate) comment: String,
}

/// Something that was done or happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Logged {
    pub(crate) at: Timestamp,
    pub(crate) what: What,
}

/// What was done or happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Acked {
        by: UserId,
    },
    Silenced {
        by: UserId,
        until: Timestamp,
        reason: Option<String>,
        id: String,
    },
    Unsilenced {
        by: UserId,
        id: String,
    },
    /// By somebody who did not do it here.
    SilencedElsewhere {
        by: String,
        until: Timestamp,
        id: String,
    },
    Resolved,
    Returned,
}

/// What Prometheus says of it, and its picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reading {
    pub(crate) at: Timestamp,
    pub(crate) episode: u64,
    /// Of which state the picture is: see [`Group::state`].
    pub(crate) of: String,
    /// The values now, by fingerprint.
    pub(crate) values: BTreeMap<String, String>,
    /// The worst of them.
    pub(crate) worst: Option<String>,
    /// `> 200 ms`.
    pub(crate) limit: Option<String>,
    pub(crate) picture: Option<Picture>,
    /// Why there is none.
    pub(crate) trouble: Option<String>,
}

/// What came of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folded {
    /// Nothing that anybody would see.
    Same,
    /// The message reads otherwise now.
    Changed,
}

/// The id of a group: the same from every member of a cluster.
pub(crate) fn id(source: &str, receiver: &str, key: &str) -> String {
    let digest = Sha256::digest(format!("{source}\0{receiver}\0{key}"));
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Group {
    /// What a first notification makes; nothing when all of it is over, so that nobody was told of it and nobody needs to be.
    pub(crate) fn first(source: &str, told: &Notification, now: Timestamp) -> Option<Self> {
        if !told.alerts.iter().any(|alert| alert.status == AlertState::Firing) {
            return None;
        }
        let mut group = Self {
            id: id(source, &told.receiver, &told.group_key),
            source: source.to_owned(),
            receiver: told.receiver.clone(),
            labels: told.group_labels.clone(),
            external_url: told.external_url.clone(),
            alerts: BTreeMap::new(),
            truncated: 0,
            episode: 0,
            began: now,
            resolved: Some(Timestamp::UNIX_EPOCH),
            returned: 0,
            acked: None,
            log: Vec::new(),
            reading: None,
            heard: now,
        };
        group.fold(told, now, SignedDuration::ZERO);
        Some(group)
    }

    /// What people say for it.
    pub(crate) fn short(&self) -> &str {
        &self.id[..SHORT]
    }

    /// The name that its alerts have in common.
    pub(crate) fn name(&self) -> Option<&str> {
        self.common("alertname")
    }

    /// What a label is in all of its alerts.
    pub(crate) fn common(&self, label: &str) -> Option<&str> {
        if let Some(value) = self.labels.get(label) {
            return Some(value);
        }
        let mut values = self.alerts.values().map(|alert| alert.labels.get(label));
        let first = values.next()??;
        values.all(|value| value == Some(first)).then_some(first)
    }

    pub(crate) fn firing(&self) -> impl Iterator<Item = (&String, &Alert)> {
        self.alerts.iter().filter(|(_, alert)| alert.ended.is_none())
    }

    pub(crate) fn is_firing(&self) -> bool {
        self.resolved.is_none()
    }

    /// Whether all that fires is silenced.
    pub(crate) fn is_silenced(&self, now: Timestamp) -> bool {
        self.is_firing() && self.firing().all(|(_, alert)| alert.is_silenced(now))
    }

    /// What fires, in one word that changes when that does.
    pub(crate) fn state(&self) -> String {
        let mut all = Sha256::new();
        for (fingerprint, alert) in self.firing() {
            all.update(format!("{fingerprint} {} ", alert.starts));
        }
        let digest = all.finalize();
        digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Adds a line to what was done.
    pub(crate) fn note(&mut self, at: Timestamp, what: What) {
        self.log.push(Logged { at, what });
        if self.log.len() > MOST_LOGGED {
            self.log.remove(0);
        }
    }

    /// What a notification makes of it.
    pub(crate) fn fold(&mut self, told: &Notification, now: Timestamp, reopen: SignedDuration) -> Folded {
        let before = self.seen();
        self.heard = now;
        self.external_url.clone_from(&told.external_url);
        self.truncated = told.truncated_alerts;
        for alert in &told.alerts {
            let full = self.alerts.len() >= MOST_ALERTS;
            match self.alerts.get_mut(&alert.fingerprint) {
                Some(known) => known.fold(alert, now),
                None if full => {
                    self.truncated += u64::from(alert.status == AlertState::Firing);
                }
                None => {
                    self.alerts
                        .insert(alert.fingerprint.clone(), Alert::new(alert, now));
                }
            }
        }
        if told.truncated_alerts == 0 {
            // A notification names all that fires. What it leaves out ended in one that got lost, unless that was heard of just now:
            // then this one may be the older of the two.
            let named =
                |fingerprint: &String| told.alerts.iter().any(|alert| alert.fingerprint == *fingerprint);
            for (fingerprint, alert) in &mut self.alerts {
                if alert.ended.is_none() && !named(fingerprint) && alert.heard + SETTLED <= now {
                    alert.ended = Some(now);
                }
            }
        }
        self.settle(now, reopen);
        if self.seen() == before {
            Folded::Same
        } else {
            Folded::Changed
        }
    }

    /// Alertmanager does not know these alerts any more.
    pub(crate) fn forget(&mut self, gone: &[String], now: Timestamp, reopen: SignedDuration) {
        for fingerprint in gone {
            if let Some(alert) = self.alerts.get_mut(fingerprint) {
                alert.ended.get_or_insert(now);
            }
        }
        self.settle(now, reopen);
    }

    /// Whether it fires is whether any of its alerts does.
    pub(crate) fn settle(&mut self, now: Timestamp, reopen: SignedDuration) {
        let firing = self.firing().next().is_some();
        match (firing, self.resolved) {
            (true, None) | (false, Some(_)) => {}
            (false, None) => {
                let last = self.alerts.values().filter_map(|alert| alert.ended).max();
                self.resolved = Some(last.unwrap_or(now).min(now));
                self.note(now, What::Resolved);
            }
            (true, Some(resolved)) if self.episode > 0 && now.duration_since(resolved) < reopen => {
                self.resolved = None;
                self.returned += 1;
                self.note(now, What::Returned);
            }
            (true, Some(_)) => {
                self.alerts.retain(|_, alert| alert.ended.is_none());
                let began = self.alerts.values().map(|alert| alert.starts).min();
                self.began = began.unwrap_or(now).min(now);
                self.episode += 1;
                (self.resolved, self.returned, self.acked) = (None, 0, None);
                self.log.clear();
            }
        }
    }

    /// What a reader could see: not when it was last heard of.
    fn seen(&self) -> Self {
        let mut seen = self.clone();
        seen.heard = Timestamp::UNIX_EPOCH;
        for alert in seen.alerts.values_mut() {
            alert.heard = Timestamp::UNIX_EPOCH;
        }
        seen
    }
}

impl Alert {
    fn new(told: &otus_monitoring::alertmanager::Alert, now: Timestamp) -> Self {
        let ended = match told.status {
            AlertState::Firing => None,
            AlertState::Resolved => Some(told.ends_at.unwrap_or(now)),
        };
        Self {
            labels: told.labels.clone(),
            annotations: told.annotations.clone(),
            starts: told.starts_at,
            ended,
            generator_url: told.generator_url.clone(),
            dashboard_url: told.dashboard_url.clone(),
            panel_url: told.panel_url.clone(),
            values: told.values.clone(),
            silences: Vec::new(),
            heard: now,
            missing: None,
        }
    }

    fn fold(&mut self, told: &otus_monitoring::alertmanager::Alert, now: Timestamp) {
        let again = told.status == AlertState::Firing && self.ended.is_some();
        let overtaken = told.starts_at < self.starts
            // One and the same firing that ended just now: what says that it fires was sent before.
            || (again && told.starts_at == self.starts && self.heard + SETTLED > now);
        if overtaken {
            return;
        }
        let silences = std::mem::take(&mut self.silences);
        let next = Self::new(told, now);
        let ended = match (self.ended, next.ended) {
            // The first word on when it ended stands.
            (Some(ended), Some(_)) if told.starts_at == self.starts => Some(ended),
            (_, ended) => ended,
        };
        *self = Self {
            silences,
            ended,
            ..next
        };
    }

    pub(crate) fn is_silenced(&self, now: Timestamp) -> bool {
        self.silences.iter().any(|quiet| quiet.until > now)
    }
}

#[cfg(test)]
#[path = "group_tests.rs"]
pub(crate) mod tests;
