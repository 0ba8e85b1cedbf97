//! Who may say what. Roles are lists of people and groups; a command may ask for one. Everything that goes wrong is a
//! refusal: an unreachable directory, a role nobody defined.

use super::verdict::Held;
use crate::{chat::Chat, ids::UserId, responder::CommandSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The roles of the configuration: `[roles]`, each a list of members: a user's id (`U…`), a group's id (`S…`) or handle
/// (`@oncall`), or `*` for everybody. What the robot does by itself has these rights, too, and is named by its actor's id:
/// `robot:auto-deploy`; it is in no group, and not everybody.
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
        match self.held(chat, user, role).await {
            Held::Yes(by) => Decision::allow(format!("you have the role `{role}`: {by}")),
            Held::No => Decision::deny(format!("it asks for the role `{role}`, and you do not have it")),
            Held::Unknown(why) if self.0.contains_key(role) => Decision::deny(format!(
                "it asks for the role `{role}`, and whether you have it cannot be told: {why}"
            )),
            Held::Unknown(why) => Decision::deny(why),
        }
    }

    /// Whether somebody has a role, and by what.
    pub async fn held(&self, chat: &dyn Chat, user: &UserId, role: &str) -> Held {
        let Some(members) = self.0.get(role) else {
            return Held::Unknown(format!("the role `{role}` is not defined, so nobody has it"));
        };
        let robot = user.as_robot().is_some();
        if !robot && members.iter().any(|member| member == "*") {
            return Held::Yes("everybody has it".into());
        }
        if members.iter().any(|member| member == user.as_str()) {
            return Held::Yes("named in it".into());
        }
        if robot {
            return Held::No;
        }
        let mut unknown = None;
        for group in members.iter().filter_map(|member| group(member)) {
            match chat.in_group(user, group).await {
                Ok(true) => return Held::Yes(format!("in the group `{group}`")),
                Ok(false) => {}
                Err(error) => {
                    unknown = Some(format!("the group `{group}` cannot be looked at: {error}"));
                }
            }
        }
        unknown.map_or(Held::No, Held::Unknown)
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
