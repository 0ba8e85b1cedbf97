//! What is decided on, from what, and what comes out: the words of [`decide`](super::decide).

use super::locks::{Elevation, Lock};
use crate::{
    ids::{ChannelId, UserId},
    markup,
    operations::{Need, Target},
    policy::Policy,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The command, as `responder.name`.
    pub command: String,
    /// The role the command itself asks for.
    pub role: Option<String>,
    /// What it is about.
    pub target: Target,
    /// Who asks.
    pub user: UserId,
    /// Where.
    pub channel: ChannelId,
    /// Why.
    pub reason: Option<String>,
}

/// Whether somebody has a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Held {
    /// Yes, and by which membership.
    Yes(String),
    /// No.
    No,
    /// Nobody can tell, and why: counts as no, and is said.
    Unknown(String),
}

/// Everything the decision depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// By the store's clock.
    pub now: Timestamp,
    /// Whether the command changes anything; in doubt it does.
    pub changes: bool,
    /// Of each role that any matching rule names, whether who asks has it.
    pub roles: BTreeMap<String, Held>,
    /// The channel's name without `#`, when it could be found out.
    pub channel_name: Option<String>,
    /// The locks in the way.
    pub locks: Vec<Lock>,
    /// That who asks broke the glass.
    pub elevation: Option<Elevation>,
    /// What could not be found out at all; any is a refusal.
    pub unknown: Vec<String>,
}

/// What was decided, by which rule, and how it came to that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What.
    pub kind: VerdictKind,
    /// The rule that decided, for people, marked up as [`markup`](crate::markup) has it: what stands after
    /// "because" or after a colon.
    pub rule: String,
    /// Everything that was looked at, in order.
    pub trace: Vec<Line>,
    /// Whether it is only so because the glass is broken.
    pub glass: bool,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// It may be done.
    Allow,
    /// It may, once who asked has confirmed it.
    Confirm,
    /// It may, once these have been met (and confirmed, if so).
    Approve {
        /// All of them.
        needs: Vec<Need>,
        /// Whether who asked has to confirm, too.
        confirm: bool,
        /// How long it waits, in seconds.
        expire: i64,
    },
    /// It may not now, but later: a lock or a freeze is in the way.
    Wait {
        /// The lock in the way.
        lock: Option<Box<Lock>>,
        /// When it opens, as far as anybody knows.
        until: Option<Timestamp>,
    },
    /// It may not.
    Refuse,
}

/// One line of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Which way it pulls.
    pub mark: Mark,
    /// What was looked at and found, in words, marked up.
    pub text: String,
}

/// Which way a line of a trace pulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// In favour.
    Yes,
    /// Against.
    No,
    /// Asks for something first.
    Needs,
    /// Does not matter here.
    Note,
}

impl Verdict {
    /// A refusal for a reason outside of the rules.
    pub fn refuse(rule: impl Into<String>) -> Self {
        let rule = rule.into();
        Self {
            kind: VerdictKind::Refuse,
            trace: vec![Line {
                mark: Mark::No,
                text: rule.clone(),
            }],
            rule,
            glass: false,
        }
    }

    /// The same, where what is to be done asks for approvals by itself, beyond what the rules ask. A refusal stays one, and what has to
    /// wait waits.
    #[must_use]
    pub fn with_needs(mut self, asked: &[Need], policy: &Policy) -> Self {
        if asked.is_empty() {
            return self;
        }
        let (mut needs, confirm, expire) = match self.kind {
            VerdictKind::Refuse | VerdictKind::Wait { .. } => return self,
            VerdictKind::Allow => (Vec::new(), false, policy.approvals_expire.as_secs()),
            VerdictKind::Confirm => (Vec::new(), true, policy.approvals_expire.as_secs()),
            VerdictKind::Approve {
                needs,
                confirm,
                expire,
            } => (needs, confirm, expire),
        };
        let mut rules: Vec<String> = Vec::new();
        if !needs.is_empty() {
            rules.push(self.rule.clone());
        }
        for need in asked {
            let role = markup::code(&need.role);
            self.trace.push(Line {
                mark: Mark::Needs,
                text: format!("{}: {} with the role {role} must agree", need.rule, need.count),
            });
            match needs.iter_mut().find(|held| held.role == need.role) {
                Some(held) if held.count >= need.count => {}
                Some(held) => *held = need.clone(),
                None => needs.push(need.clone()),
            }
            if !rules.contains(&need.rule) {
                rules.push(need.rule.clone());
            }
        }
        self.rule = rules.join("; ");
        self.kind = VerdictKind::Approve {
            needs,
            confirm,
            expire,
        };
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(count: u32, role: &str) -> Need {
        Need {
            count,
            role: role.into(),
            rule: "it takes something away".into(),
        }
    }

    fn verdict(kind: VerdictKind) -> Verdict {
        Verdict {
            kind,
            rule: "a rule".into(),
            trace: Vec::new(),
            glass: false,
        }
    }

    fn needs(verdict: &Verdict) -> Vec<(u32, String)> {
        match &verdict.kind {
            VerdictKind::Approve { needs, .. } => {
                needs.iter().map(|need| (need.count, need.role.clone())).collect()
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn what_a_plan_asks_for_is_asked_beside_what_the_rules_ask() {
        let policy = Policy::default();
        let allowed = verdict(VerdictKind::Allow).with_needs(&[need(1, "dba")], &policy);
        assert_eq!(needs(&allowed), [(1, "dba".to_owned())]);
        assert_eq!(allowed.rule, "it takes something away");
        let confirmed = verdict(VerdictKind::Confirm).with_needs(&[need(1, "dba")], &policy);
        assert!(matches!(
            confirmed.kind,
            VerdictKind::Approve { confirm: true, .. }
        ));
        // Neither less than the rules ask, nor twice.
        let both = verdict(VerdictKind::Approve {
            needs: vec![need(2, "dba"), need(1, "sre")],
            confirm: false,
            expire: 60,
        })
        .with_needs(&[need(1, "dba"), need(2, "sre"), need(1, "owner")], &policy);
        assert_eq!(
            needs(&both),
            [
                (2, "dba".to_owned()),
                (2, "sre".to_owned()),
                (1, "owner".to_owned())
            ]
        );
        assert_eq!(both.rule, "a rule; it takes something away");
        // Nothing makes leave of a no.
        assert_eq!(
            verdict(VerdictKind::Refuse)
                .with_needs(&[need(1, "dba")], &policy)
                .kind,
            VerdictKind::Refuse
        );
        assert_eq!(
            verdict(VerdictKind::Allow).with_needs(&[], &policy),
            verdict(VerdictKind::Allow)
        );
    }
}
