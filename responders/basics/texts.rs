//! Everything this responder says.

use jiff::Timestamp;
use otus::{
    CommandSpec, Kind,
    health::{Off, Report},
    help::{self, Entry},
    markup::{bold, clean, code},
    policy::words::moment,
    prelude::*,
};
use std::{collections::BTreeMap, time::Duration};

/// Who I am.
pub(crate) fn who(name: &str, version: &str, commands: usize) -> String {
    let s = if commands == 1 { "" } else { "s" };
    format!(
        "I'm {}, a robot for everything operational (Otus {version}). Say my name first and I answer: I know \
         {commands} command{s}, and `help` tells them.",
        bold(name)
    )
}

/// Which version I am.
pub(crate) fn version(name: &str, version: &str) -> String {
    format!("{name} {version}")
}

/// All that a person may say.
pub(crate) fn everything(found: &BTreeMap<&'static str, Vec<Entry>>, more: usize) -> Card {
    let footer = "`help <words>` tells more, with examples";
    let footer = match more {
        0 => format!("{footer}."),
        1 => format!("{footer}; also about the one command you may not say."),
        more => format!("{footer}; also about the {more} commands you may not say."),
    };
    listed(Card::new(Tone::Neutral, "What you can say to me"), found).footer(footer)
}

/// The commands that some words are about.
pub(crate) fn some(words: &str, found: &BTreeMap<&'static str, Vec<Entry>>) -> Card {
    listed(
        Card::new(
            Tone::Neutral,
            format!("What I know about {}", code(&short(words))),
        ),
        found,
    )
}

fn listed(card: Card, found: &BTreeMap<&'static str, Vec<Entry>>) -> Card {
    found.iter().fold(card, |card, (responder, entries)| {
        let about = help::about(responder);
        let head = match about {
            "" => bold(responder),
            about => format!(
                "{} · {}",
                bold(responder),
                about.lines().next().unwrap_or_default()
            ),
        };
        let lines = entries.iter().map(line);
        card.text(std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n"))
    })
}

fn line(entry: &Entry) -> String {
    let lock = if entry.denied.is_some() { " 🔒" } else { "" };
    match entry.spec.summary() {
        "" => format!("• {}{lock}", usage(entry.spec)),
        summary => format!("• {}{lock} · {summary}", usage(entry.spec)),
    }
}

/// One command in full, and which others the words are also about.
pub(crate) fn one(entry: &Entry, others: &[&Entry]) -> Card {
    let spec = entry.spec;
    let mut card = Card::new(Tone::Neutral, usage(spec));
    let about = paragraphs(spec.about);
    if !about.is_empty() {
        card = card.text(about);
    }
    let examples: Vec<_> = spec
        .examples
        .iter()
        .filter(|&&example| Some(example) != spec.usage)
        .map(|example| verbatim(example))
        .collect();
    if !examples.is_empty() {
        card = card.text(format!("For example: {}", examples.join(", ")));
    }
    let mut remarks = Vec::new();
    if spec.kind == Kind::Hear {
        remarks.push("I listen for this; you need not say my name.".into());
    }
    if spec.effect.changes() {
        remarks.push("It changes something, so I never run it from an edited message.".into());
    }
    match (&entry.denied, spec.role) {
        (Some(rule), _) => remarks.push(format!("🔒 You may not say it: {rule}.")),
        (None, Some(role)) => remarks.push(format!("It asks for the role {}, which you have.", code(role))),
        (None, None) => {}
    }
    if !remarks.is_empty() {
        card = card.text(remarks.join("\n"));
    }
    if !others.is_empty() {
        let mut names: Vec<_> = others.iter().map(|other| verbatim(&name(other.spec))).collect();
        names.dedup();
        names.truncate(8);
        card = card.footer(format!("See also: {}", names.join(", ")));
    }
    card
}

/// No command is about these words.
pub(crate) fn nothing(words: &str, near: &[String]) -> Card {
    let words = code(&short(words));
    if near.is_empty() {
        return Card::new(Tone::Neutral, format!("I know nothing about {words}."))
            .button(Button::new("What can I say?", "help"));
    }
    let commands: Vec<_> = near.iter().map(|near| format!("help {near}")).collect();
    let named: Vec<_> = commands.iter().map(|command| code(command)).collect();
    let title = format!(
        "I know nothing about {words}. Did you mean {}?",
        named.join(" or ")
    );
    commands
        .iter()
        .fold(Card::new(Tone::Neutral, title), |card, command| {
            card.button(Button::new(command, command))
        })
}

/// How to say a command. Back-ticks in it are part of it, so it is not put into more of them.
fn usage(spec: &CommandSpec) -> String {
    verbatim(spec.usage.unwrap_or(spec.name))
}

fn verbatim(command: &str) -> String {
    if command.contains('`') {
        command.to_owned()
    } else {
        code(command)
    }
}

/// A short name for a command.
fn name(spec: &CommandSpec) -> String {
    match spec.leading_words() {
        "" => spec.usage.unwrap_or(spec.name).to_owned(),
        words => words.to_owned(),
    }
}

/// A doc comment is wrapped for its source; a chat wraps by itself. Paragraphs and lists stay.
fn paragraphs(about: &str) -> String {
    let mut text = String::new();
    for line in about.lines() {
        let item = line.starts_with("- ") || line.starts_with("* ");
        if line.is_empty() || item {
            text.push('\n');
        } else if !text.is_empty() && !text.ends_with('\n') {
            text.push(' ');
        }
        match line.strip_prefix("- ").or(line.strip_prefix("* ")) {
            Some(rest) => text.push_str(&format!("• {rest}")),
            None => text.push_str(line),
        }
        if line.is_empty() {
            text.push('\n');
        }
    }
    text.trim().to_owned()
}

/// What somebody wrote, as far as a sentence can hold it.
fn short(words: &str) -> String {
    let mut short: String = words.chars().take(60).collect();
    if short.len() < words.len() {
        short.push('…');
    }
    short
}

/// How the responders are doing.
pub(crate) fn responders(reports: &[Report], now: Timestamp) -> Card {
    let line = |report: &Report| {
        let mut facts = vec![match report.matches {
            0 => "nothing to do yet".to_owned(),
            1 => "1 match".to_owned(),
            many => format!("{many} matches"),
        }];
        match report.errors {
            0 => {}
            1 => facts.push("1 error".into()),
            many => facts.push(format!("{many} errors")),
        }
        facts.extend(report.p95.map(|p95| format!("p95 {}", brief(p95))));
        facts.extend(
            report
                .succeeded
                .map(|at| format!("last success {}", moment(at, now))),
        );
        match &report.off {
            None => format!("🟢 {} · {}", bold(report.responder), facts.join(" · ")),
            Some(off) => format!(
                "🔴 {} · off since {}: {} · {}",
                bold(report.responder),
                moment(off.since, now),
                clean(&off.reason),
                facts.join(" · ")
            ),
        }
    };
    let off = reports.iter().filter(|report| report.off.is_some()).count();
    let title = match off {
        0 => format!("{}: all {} are on", bold("Responders"), reports.len()),
        off => format!("{}: {off} of {} switched off", bold("Responders"), reports.len()),
    };
    let tone = if off == 0 { Tone::Good } else { Tone::Warning };
    let card = Card::new(tone, title).text(reports.iter().map(line).collect::<Vec<_>>().join("\n"));
    let buttons = reports.iter().filter(|report| report.off.is_some()).take(5);
    buttons
        .fold(card, |card, report| {
            let enable = format!("enable {}", report.responder);
            card.button(Button::new(enable.clone(), enable))
        })
        .footer("Counted since I was started; p95 is of the last 256 runs.")
}

fn brief(duration: Duration) -> String {
    match duration.as_millis() {
        0 => "below 1 ms".into(),
        ms @ 1..1000 => format!("{ms} ms"),
        ms => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
    }
}

/// Nobody said why.
pub(crate) fn why_off(responder: &str) -> String {
    format!(
        "Who finds {responder} switched off will want to know why. Say {}.",
        code(&format!("disable {responder} because <reason>"))
    )
}

/// A responder is switched off.
pub(crate) fn disabled(responder: &str, reason: &str) -> Card {
    Card::new(
        Tone::Warning,
        format!("{} is switched off: {}.", bold(responder), clean(reason)),
    )
    .text("What it began goes on.")
    .button(Button::new("Enable", format!("enable {responder}")))
}

/// It was off before.
pub(crate) fn off_already(responder: &str) -> String {
    format!("{responder} is switched off already. Say `responders` to see why.")
}

/// A responder is switched on again.
pub(crate) fn enabled(responder: &str, off: &Off) -> Card {
    Card::new(Tone::Good, format!("{} is on again.", bold(responder)))
        .footer(format!("It was off because: {}", clean(&off.reason)))
}

/// It was on before.
pub(crate) fn on_already(responder: &str) -> String {
    format!("{responder} is on already.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use otus::Effect;

    static SHIP: CommandSpec = CommandSpec {
        responder: "harbour",
        name: "ship",
        kind: Kind::Respond,
        pattern: r"^ship (?<what>.+)$",
        literals: 5,
        groups: &["what"],
        parameters: &[],
        usage: Some("ship <what>"),
        examples: &["ship api", "ship the thing"],
        about: "Ships something.\n\nIt asks the captain\nfirst:\n- is it afloat\n- is it insured",
        role: Some("captain"),
        effect: Effect::Changes,
        deadline: None,
    };
    static HORN: CommandSpec = CommandSpec {
        name: "horn",
        kind: Kind::Hear,
        usage: Some("`tuut`"),
        examples: &[],
        about: "",
        role: None,
        effect: Effect::Reads,
        ..SHIP
    };

    fn entry(spec: &'static CommandSpec, denied: Option<&str>) -> Entry {
        Entry {
            spec,
            denied: denied.map(str::to_owned),
        }
    }

    fn plain(card: Card) -> String {
        Post::from(card).plain()
    }

    #[test]
    fn who_and_which() {
        assert_snapshot!(who("otus", "1.2.3", 12), @r"I'm *otus*, a robot for everything operational (Otus 1.2.3). Say my name first and I answer: I know 12 commands, and `help` tells them.");
        assert_snapshot!(version("otus", "1.2.3"), @r"otus 1.2.3");
    }

    #[test]
    fn lists() {
        let found = BTreeMap::from([("harbour", vec![entry(&HORN, None), entry(&SHIP, None)])]);
        assert_snapshot!(plain(everything(&found, 0)), @r"
        What you can say to me
        *harbour*
        • `tuut`
        • `ship <what>` · Ships something.
        `help <words>` tells more, with examples.
        ");
        assert_snapshot!(plain(everything(&found, 1)), @r"
        What you can say to me
        *harbour*
        • `tuut`
        • `ship <what>` · Ships something.
        `help <words>` tells more, with examples; also about the one command you may not say.
        ");
        assert_snapshot!(plain(everything(&BTreeMap::new(), 7)), @r"
        What you can say to me
        `help <words>` tells more, with examples; also about the 7 commands you may not say.
        ");
        let found = BTreeMap::from([("harbour", vec![entry(&SHIP, Some("you do not have it"))])]);
        assert_snapshot!(plain(some("`ship`", &found)), @r"
        What I know about `'ship'`
        *harbour*
        • `ship <what>` 🔒 · Ships something.
        ");
    }

    #[test]
    fn one_command() {
        assert_snapshot!(plain(one(&entry(&SHIP, None), &[])), @r"
        `ship <what>`
        Ships something.

        It asks the captain first:
        • is it afloat
        • is it insured
        For example: `ship api`, `ship the thing`
        It changes something, so I never run it from an edited message.
        It asks for the role `captain`, which you have.
        ");
        assert_snapshot!(plain(one(&entry(&SHIP, Some("it asks for the role `captain`")), &[&entry(&HORN, None)])), @r"
        `ship <what>`
        Ships something.

        It asks the captain first:
        • is it afloat
        • is it insured
        For example: `ship api`, `ship the thing`
        It changes something, so I never run it from an edited message.
        🔒 You may not say it: it asks for the role `captain`.
        See also: `tuut`
        ");
        assert_snapshot!(plain(one(&entry(&HORN, None), &[&entry(&SHIP, None)])), @r"
        `tuut`
        I listen for this; you need not say my name.
        See also: `ship`
        ");
    }

    #[test]
    fn nothing_known() {
        assert_snapshot!(plain(nothing("sihp", &["ship".into(), "shop".into()])), @r"
        I know nothing about `sihp`. Did you mean `help ship` or `help shop`?
        [help ship] [help shop]
        ");
        assert_snapshot!(plain(nothing(&"(a+)+$".repeat(30), &[])), @r"
        I know nothing about `(a+)+$(a+)+$(a+)+$(a+)+$(a+)+$(a+)+$(a+)+$(a+)+$(a+)+$(a+)+$…`.
        [What can I say?]
        ");
    }
}
