//! `who can` and `can`: the same decision that is made when somebody tries.

use crate::{meant, texts};
use otus::{
    ChatError, CommandSpec, Context, Result, Services, UserError, UserId,
    operations::Target,
    policy::{self, Asked, Held, Mark},
};
use std::{collections::BTreeMap, time::Duration};

/// How long looking a person up may take before their id has to do.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many people of a role are named.
const MOST: usize = 20;

/// A role and who has it.
#[derive(Debug)]
pub(crate) struct Role {
    /// What it is called.
    pub(crate) name: String,
    /// Who has it, in words; none when it is not defined.
    pub(crate) members: Option<Vec<String>>,
}

/// What it takes to do something.
#[derive(Debug)]
pub(crate) struct Takes {
    /// The command and what it is about, in words.
    pub(crate) what: String,
    /// Whether the command takes an environment, and none was said.
    pub(crate) everywhere: bool,
    /// The role the command asks for.
    pub(crate) role: Option<String>,
    /// The rules that let only some roles, and which.
    pub(crate) only: Vec<(String, Vec<String>)>,
    /// What has to be agreed first.
    pub(crate) needs: Vec<String>,
    /// What is in the way right now, for somebody who has all roles.
    pub(crate) against: Vec<String>,
    /// All roles that were named, with who has them.
    pub(crate) roles: Vec<Role>,
}

/// Answers `who can`.
pub(crate) async fn who(cx: &Context, words: &str) -> Result {
    let services = cx.services();
    let (spec, target) = meant::command(services, words)?;
    let asked = Asked {
        // Nobody in particular, so that no lock is their own.
        user: UserId::new(""),
        ..asked(cx, spec, target, cx.author())
    };
    let rules = services.policy();
    let mut facts = policy::gather(services, rules, &asked).await;
    facts.elevation = None;
    for held in facts.roles.values_mut() {
        *held = Held::Yes("supposed".into());
    }
    let verdict = policy::decide(rules, &asked, &facts);
    let marked = |mark: Mark| {
        let lines = verdict.trace.iter().filter(move |line| line.mark == mark);
        lines.map(|line| line.text.clone()).collect::<Vec<_>>()
    };
    let about = rules.rules_about(&asked, facts.changes);
    let only: Vec<_> = about
        .iter()
        .filter(|rule| !rule.roles.is_empty())
        .map(|rule| (rule.name.clone(), rule.roles.clone()))
        .collect();
    let named = asked
        .role
        .iter()
        .chain(only.iter().flat_map(|(_, roles)| roles))
        .chain(about.iter().filter_map(|rule| rule.approvers.as_ref()))
        .chain(facts.roles.keys());
    let mut roles: Vec<Role> = Vec::new();
    for name in named {
        if !roles.iter().any(|role| role.name == *name) {
            roles.push(Role {
                name: name.clone(),
                members: members(services, name).await,
            });
        }
    }
    let takes = Takes {
        what: texts::what(spec, &asked.target),
        everywhere: is_everywhere(spec, &asked.target),
        role: asked.role.clone(),
        only,
        needs: marked(Mark::Needs),
        against: marked(Mark::No),
        roles,
    };
    cx.reply(texts::who_can(&takes)).await
}

/// Answers `can`.
pub(crate) async fn somebody(cx: &Context, person: Option<UserId>, words: &str) -> Result {
    let services = cx.services();
    let user = person.unwrap_or_else(|| cx.author().clone());
    let (spec, target) = meant::command(services, words)?;
    // A name that was typed is no mention; a no about somebody else would be taken for one about them.
    let known = tokio::time::timeout(PATIENCE, services.chat().person(&user)).await;
    if let Ok(Err(ChatError::Missing(_))) = known {
        return Err(UserError::new(texts::nobody(&user)).into());
    }
    let asked = asked(cx, spec, target, &user);
    let verdict = policy::verdict(services, &asked).await;
    let name = if user == *cx.author() {
        None
    } else {
        Some(name(services, &user).await)
    };
    let what = texts::what(spec, &asked.target);
    let everywhere = is_everywhere(spec, &asked.target);
    cx.reply(texts::can(name.as_deref(), &what, &verdict, everywhere))
        .await
}

/// Whether the command takes an environment, and none was said: policy then counts it for all of them, while the command itself
/// may have one that it takes by default.
fn is_everywhere(spec: &CommandSpec, target: &Target) -> bool {
    spec.groups.contains(&"environment") && target.environment.is_none()
}

fn asked(cx: &Context, spec: &CommandSpec, target: Target, user: &UserId) -> Asked {
    Asked {
        command: spec.id(),
        role: spec.role.map(Into::into),
        target,
        user: user.clone(),
        channel: cx.message().channel.clone(),
        reason: None,
    }
}

/// Who has a role, in words that ring no bell.
async fn members(services: &Services, role: &str) -> Option<Vec<String>> {
    let members = services.roles().0.get(role)?;
    let mut named = Vec::new();
    let mut people = BTreeMap::new();
    for member in members.iter().take(MOST) {
        named.push(match member.as_str() {
            "*" => texts::everybody(),
            group if group.starts_with('@') => texts::group(group.trim_start_matches('@')),
            id if id.starts_with('S') && id.len() > 2 && id == id.to_uppercase() => texts::group(id),
            id => match people.get(id) {
                Some(name) => String::clone(name),
                None => {
                    let name = name(services, &id.into()).await;
                    people.insert(id.to_owned(), name.clone());
                    name
                }
            },
        });
    }
    if members.len() > MOST {
        named.push(texts::more(members.len() - MOST));
    }
    Some(named)
}

/// What to call somebody.
async fn name(services: &Services, user: &UserId) -> String {
    match tokio::time::timeout(PATIENCE, services.chat().person(user)).await {
        Ok(Ok(person)) if !person.name.is_empty() => person.name,
        _ => user.to_string(),
    }
}
