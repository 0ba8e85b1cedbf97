//! Which rules and freezes are about what is asked. Names are compared whatever their capitals.

use super::{freezes::Freeze, rules::Policy, rules::Rule, verdict::Asked};

/// Commands that change nothing but locks and schedules. Locks and freezes do not hold them up, and only rules that name them are
/// about them: whoever sees a fire locks at once, who may take a lock away is said by the lock, and what is scheduled is decided on
/// when it runs.
const SAFEGUARDS: [&str; 4] = [
    "policy.lock",
    "policy.unlock",
    "schedules.schedule",
    "schedules.unschedule",
];

/// The rules that have their say, in order.
pub(super) fn rules<'a>(policy: &'a Policy, asked: &Asked, changes: bool) -> Vec<&'a Rule> {
    let about = |rule: &&Rule| matches(&rule.commands, &rule.services, &rule.environments, asked, changes);
    policy.rules.iter().filter(about).collect()
}

/// The freezes that would hold it up when they are in force.
pub(super) fn freezes<'a>(policy: &'a Policy, asked: &Asked, changes: bool) -> Vec<&'a Freeze> {
    if is_safeguard(asked) {
        return Vec::new();
    }
    let about = |freeze: &&Freeze| {
        matches(
            &freeze.commands,
            &freeze.services,
            &freeze.environments,
            asked,
            changes,
        )
    };
    policy.freezes.iter().filter(about).collect()
}

/// Whether any rule or freeze is about a command that changes nothing, or steers: one that names it.
pub(crate) fn is_named(policy: &Policy, asked: &Asked) -> bool {
    !rules(policy, asked, false).is_empty() || !freezes(policy, asked, false).is_empty()
}

/// Whether locks and freezes leave it alone.
pub(super) fn is_safeguard(asked: &Asked) -> bool {
    SAFEGUARDS.iter().any(|id| same(id, &asked.command))
}

/// Whether `wanted` names a command: by its id, its name, or its responder.
pub(super) fn names(wanted: &str, id: &str) -> bool {
    let (responder, name) = id.split_once('.').unwrap_or((id, id));
    [id, name, responder].iter().any(|known| same(known, wanted))
}

/// Whether it names the very command, and not only where it comes from.
fn names_itself(wanted: &str, id: &str) -> bool {
    let name = id.split_once('.').map_or(id, |(_, name)| name);
    same(id, wanted) || same(name, wanted)
}

pub(super) fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn matches(
    commands: &[String],
    services: &[String],
    environments: &[String],
    asked: &Asked,
    changes: bool,
) -> bool {
    let command = match commands {
        [] => changes && !is_safeguard(asked),
        named if changes => named.iter().any(|wanted| names(wanted, &asked.command)),
        // Whoever has a rule for deploys says nothing of `status`, which comes from the same responder.
        named => named.iter().any(|wanted| names_itself(wanted, &asked.command)),
    };
    // What is about no service in particular is about every one.
    let listed = |list: &[String], is: &Option<String>| {
        list.is_empty()
            || is
                .as_ref()
                .is_none_or(|is| list.iter().any(|listed| same(listed, is)))
    };
    command && listed(services, &asked.target.service) && listed(environments, &asked.target.environment)
}
