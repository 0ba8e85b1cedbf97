//! What is said about who may do what.

use crate::can::{Role, Takes};
use otus::{
    Card, CommandSpec, Tone, UserId,
    markup::{bold, clean, code},
    operations::Target,
    policy::{Mark, Verdict, VerdictKind},
};

/// A command and what it is about.
pub(crate) fn what(spec: &CommandSpec, target: &Target) -> String {
    let command = match spec.leading_words() {
        "" => spec.name,
        words => words,
    };
    if *target == Target::default() {
        command.to_owned()
    } else {
        format!("{command} {target}")
    }
}

/// Nobody told where.
fn where_not_told() -> String {
    "You did not say where, so this is what holds for all environments together.".into()
}

/// Nobody is called so.
pub(crate) fn nobody(user: &UserId) -> String {
    format!(
        "I know nobody by {}. Mention them, so that it becomes a link.",
        code(&format!("@{user}"))
    )
}

/// Nobody knows this command.
pub(crate) fn no_command(word: &str, near: &[&str]) -> String {
    let known = match near {
        [] => "`help` tells them all.".to_owned(),
        near => {
            let near: Vec<_> = near.iter().map(|near| code(near)).collect();
            format!("Did you mean {}?", near.join(" or "))
        }
    };
    format!("There is no command {}. {known}", code(word))
}

/// A member that is everybody.
pub(crate) fn everybody() -> String {
    "everybody".into()
}

/// A member that is a group.
pub(crate) fn group(name: &str) -> String {
    format!("the group {}", code(name))
}

/// More members than are named.
pub(crate) fn more(count: usize) -> String {
    format!("{count} more")
}

/// What it takes.
pub(crate) fn who_can(takes: &Takes) -> Card {
    let mut card = Card::new(Tone::Neutral, format!("Who can {}", code(&takes.what)));
    let mut asks = vec![match &takes.role {
        Some(role) => format!("It asks for the role {}.", code(role)),
        None => "Anybody may say it.".to_owned(),
    }];
    asks.extend(takes.only.iter().map(|(rule, roles)| {
        let roles: Vec<_> = roles.iter().map(|role| code(role)).collect();
        format!("{}: only the role {}.", clean(rule), roles.join(" or "))
    }));
    card = card.text(asks.join("\n"));
    if !takes.roles.is_empty() {
        let roles: Vec<_> = takes.roles.iter().map(role).collect();
        card = card.text(roles.join("\n"));
    }
    if !takes.needs.is_empty() {
        card = card.text(format!("{}\n{}", bold("It takes"), lines("→", &takes.needs)));
    }
    if takes.against.is_empty() {
        card = card.text("Nothing is in the way right now.");
    } else {
        card = card.text(format!(
            "{}\n{}",
            bold("In the way right now"),
            lines("✗", &takes.against)
        ));
    }
    if takes.everywhere {
        card = card.text(where_not_told());
    }
    card.footer(format!(
        "{} tells it for one of them.",
        code(&format!("can @<person> {}", takes.what))
    ))
}

fn role(role: &Role) -> String {
    let members = match &role.members {
        None => "not defined, so nobody has it".to_owned(),
        Some(members) if members.is_empty() => "nobody".to_owned(),
        Some(members) => members
            .iter()
            .map(|member| clean(member))
            .collect::<Vec<_>>()
            .join(", "),
    };
    format!("• {}: {members}", code(&role.name))
}

fn lines(mark: &str, lines: &[String]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| format!("{mark} {line}")).collect();
    lines.join("\n")
}

/// Whether somebody may, and how that comes; without a name it is who asks.
pub(crate) fn can(name: Option<&str>, what: &str, verdict: &Verdict, everywhere: bool) -> Card {
    let who = name.map_or("you".to_owned(), clean);
    let what = code(what);
    let rule = &verdict.rule;
    let (tone, title) = match &verdict.kind {
        VerdictKind::Allow => (Tone::Good, format!("Yes, {who} can {what}: {rule}")),
        VerdictKind::Confirm => (
            Tone::Good,
            format!("Yes, {who} can {what}, once it is confirmed: {rule}"),
        ),
        VerdictKind::Approve { .. } => (
            Tone::Warning,
            format!("Yes, {who} can {what}, once it is approved: {rule}"),
        ),
        VerdictKind::Wait { .. } => (Tone::Warning, format!("Not now, {who} can't {what}: {rule}")),
        VerdictKind::Refuse => (Tone::Bad, format!("No, {who} can't {what}: {rule}")),
    };
    let trace: Vec<_> = verdict
        .trace
        .iter()
        .map(|line| {
            let mark = match line.mark {
                Mark::Yes => "✓",
                Mark::No => "✗",
                Mark::Needs => "→",
                Mark::Note => "·",
            };
            format!("{mark} {}", line.text)
        })
        .collect();
    let mut card = Card::new(tone, title).text(trace.join("\n"));
    // Leave for all of them is leave for each.
    if everywhere && verdict.kind != VerdictKind::Allow {
        card = card.text(where_not_told());
    }
    if verdict.glass {
        card.footer("Only because the glass is broken.")
    } else {
        card
    }
}
