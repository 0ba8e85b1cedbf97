//! Everything this responder says.

mod can;
mod glass;
mod locks;
#[cfg(test)]
mod tests;

pub(crate) use can::*;
pub(crate) use glass::*;
pub(crate) use locks::*;
use otus::{
    Card, Tone,
    markup::{bold, clean, code},
    policy::{Freeze, words},
};

/// What is frozen now, and what next.
pub(crate) fn freezes(freezes: &[Freeze], now: jiff::Timestamp) -> Card {
    let (mut open, mut next) = (Vec::new(), Vec::new());
    for freeze in freezes {
        let name = format!("{} ({})", bold(&clean(&freeze.name)), scope(freeze));
        // A freeze that cannot be read stops the start, and would hold everything up here.
        let Ok(calendar) = freeze.calendar() else {
            open.push(format!("• {name}: nobody can tell until when"));
            continue;
        };
        if let Some(window) = calendar.open_at(now) {
            let until = match window.until {
                Some(until) => format!("until {}", words::moment(until, now)),
                None => "with no end in sight".into(),
            };
            let by = match &freeze.override_role {
                Some(role) => format!(
                    "; the role {} may change things all the same, with a reason",
                    code(role)
                ),
                None => String::new(),
            };
            open.push(format!("• {name}: {until}{by}"));
        }
        if let Some(from) = calendar.next_after(now).and_then(|window| {
            let until = window
                .until
                .map(|until| format!(" until {}", words::moment(until, now)));
            Some((window.from?, until.unwrap_or_default()))
        }) {
            next.push((
                from.0,
                format!("• {name}: from {}{}", words::moment(from.0, now), from.1),
            ));
        }
    }
    next.sort();
    let mut card = if open.is_empty() {
        Card::new(Tone::Good, "Nothing is frozen now")
    } else {
        Card::new(Tone::Warning, "Frozen now").text(open.join("\n"))
    };
    if !next.is_empty() {
        let next: Vec<_> = next.into_iter().map(|(_, line)| line).take(10).collect();
        card = card.text(format!("{}\n{}", bold("Next"), next.join("\n")));
    }
    if freezes.is_empty() {
        card = card.text("No freeze is configured; `[[policy.freezes]]` would be one.");
    }
    card
}

/// What a freeze is about.
fn scope(freeze: &Freeze) -> String {
    let listed = |list: &[String], all: &str| {
        if list.is_empty() {
            all.to_owned()
        } else {
            list.iter().map(|name| clean(name)).collect::<Vec<_>>().join(", ")
        }
    };
    let about = match (freeze.services.as_slice(), freeze.environments.as_slice()) {
        ([], []) => "everything".to_owned(),
        (services, []) => listed(services, ""),
        ([], environments) => listed(environments, ""),
        (services, environments) => format!("{} in {}", listed(services, ""), listed(environments, "")),
    };
    match freeze.commands.as_slice() {
        [] => about,
        commands => format!("{}: {about}", listed(commands, "")),
    }
}
