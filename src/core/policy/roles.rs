//! Who may say what. Roles are lists of people and groups; a command may ask for one. Everything that goes wrong is a
//! refusal: an unreachable directory, a role nobody defined.

use crate::{chat::Chat, ids::UserId, responder::CommandSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The roles of the configuration: `[roles]`, each a list of members: a user's id (`U…`), a group's id (`S…`) or handle
/// (`@oncall`), or `*` for everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Roles(pub BTreeMap<String, Vec<String>>);

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be done.
    pub allowed: bool,
    /// The rule that decided, for people.
    pub rule: String,
}

impl Decision {
    fn allow(rule: impl Into<String>) -> Self {
        Self {
            allowed: true,
            rule: rule.into(),
        }
    }

    fn deny(rule: impl Into<String>) -> Self {
        Self {
            allowed: false,
            rule: rule.into(),
        }
    }
}

impl Roles {
    /// Whether somebody may say a command.
    pub async fn decide(&self, chat: &dyn Chat, user: &UserId, command: &CommandSpec) -> Decision {
        match command.role {
            None => Decision::allow("anybody may"),
            Some(role) => self.has(chat, user, role).await,
        }
    }

    /// Whether somebody has a role.
    pub async fn has(&self, chat: &dyn Chat, user: &UserId, role: &str) -> Decision {
        let Some(members) = self.0.get(role) else {
            return Decision::deny(format!("the role `{role}` is not defined, so nobody has it"));
        };
        if members.iter().any(|member| member == "*") {
            return Decision::allow(format!("everybody has the role `{role}`"));
        }
        if members.iter().any(|member| member == user.as_str()) {
            return Decision::allow(format!("you have the role `{role}`"));
        }
        let mut unknown = None;
        for group in members.iter().filter_map(|member| group(member)) {
            match chat.in_group(user, group).await {
                Ok(true) => {
                    return Decision::allow(format!("the group `{group}` has the role `{role}`"));
                }
                Ok(false) => {}
                Err(error) => {
                    unknown = Some(format!(
                        "whether you are in the group `{group}` cannot be told: {error}"
                    ))
                }
            }
        }
        match unknown {
            Some(why) => Decision::deny(format!("it asks for the role `{role}`, and {why}")),
            None => Decision::deny(format!("it asks for the role `{role}`, and you do not have it")),
        }
    }
}

/// The group a member names, if it is one: a handle (`@oncall`) or a Slack group's id (`S…`).
fn group(member: &str) -> Option<&str> {
    if let Some(handle) = member.strip_prefix('@') {
        return Some(handle);
    }
    let id = member.strip_prefix('S')?;
    (id.len() >= 2 && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())).then_some(member)
}
