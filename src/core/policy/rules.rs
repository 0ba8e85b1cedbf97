//! The rules of the configuration: `[policy]`.

use super::{freezes::Freeze, locks::Elevation, matching, verdict::Asked};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// `[policy]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// `[[policy.rules]]`: each that matches what is asked has its say.
    pub rules: Vec<Rule>,
    /// `[[policy.freezes]]`: when nothing is changed.
    pub freezes: Vec<Freeze>,
    /// `[policy.break_glass]`: the way around everything but the roles, loud and recorded. Nobody has it by default.
    pub break_glass: BreakGlass,
    /// The role that may go through a lock of somebody else's, and take it away, with a reason.
    pub lock_override: Option<String>,
    /// How long an operation waits for approvals, unless a rule says otherwise.
    pub approvals_expire: SignedDuration,
    /// How long it waits for a confirmation, or planned for somebody to apply it.
    pub confirm_expires: SignedDuration,
    /// How long it waits in a queue.
    pub queue_expires: SignedDuration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            freezes: Vec::new(),
            break_glass: BreakGlass::default(),
            lock_override: None,
            approvals_expire: SignedDuration::from_mins(30),
            confirm_expires: SignedDuration::from_mins(10),
            queue_expires: SignedDuration::from_hours(12),
        }
    }
}

/// `[[policy.rules]]`: what holds for what is asked, when all that it names match. What it leaves out matches everything.
///
/// A rule can only restrict, so what is in doubt counts as matched: an operation that is about no service in particular is
/// about all of them, and a rule for one of them holds; so with environments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// What people read when it decides: `production is approved by an SRE`.
    pub name: String,
    /// Commands, by the handler's name (`deploy`), the responder's, or `responder.name`; none means all that change something.
    /// A responder's name stands for its commands that change something: one that changes nothing has to be named itself, and so
    /// have `lock`, `unlock`, `schedule` and `unschedule` where no command is named.
    pub commands: Vec<String>,
    /// Services.
    pub services: Vec<String>,
    /// Environments.
    pub environments: Vec<String>,
    /// Only people of one of these roles may.
    pub roles: Vec<String>,
    /// Only in one of these channels: ids (`C…`) or names (`#deploys`).
    pub channels: Vec<String>,
    /// Nobody may.
    pub deny: bool,
    /// Who asked has to confirm.
    pub confirm: bool,
    /// So many people have to approve, none of them who asked.
    pub approvals: u32,
    /// Of this role.
    pub approvers: Option<String>,
    /// How long it waits for them.
    pub expire: Option<SignedDuration>,
    /// One has to say why: `… because <reason>`.
    pub reason: bool,
}

/// `[policy.break_glass]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakGlass {
    /// Who may break it. Nobody by default.
    pub role: Option<String>,
    /// For how long at most.
    pub longest: SignedDuration,
    /// Where it is told, beside the channel it is said in.
    pub channels: Vec<String>,
}

impl Default for BreakGlass {
    fn default() -> Self {
        Self {
            role: None,
            longest: SignedDuration::from_hours(1),
            channels: Vec::new(),
        }
    }
}

impl BreakGlass {
    /// Whether an elevation holds: as long as there is a role that may, and no longer than the longest time there is now.
    pub fn holds(&self, elevation: &Elevation, now: Timestamp) -> bool {
        self.role.is_some() && elevation.holds(now) && now.duration_since(elevation.since) <= self.longest
    }
}

impl Policy {
    /// The rules that have their say on what is asked, in order.
    pub fn rules_about(&self, asked: &Asked, changes: bool) -> Vec<&Rule> {
        matching::rules(self, asked, changes)
    }
}

/// What cannot be right about a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// The key: `policy.rules.0.approvers`.
    pub key: String,
    /// What is wrong, and what to do.
    pub message: String,
}
