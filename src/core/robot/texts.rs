//! What the robot itself says: refusals, failures, and that it did not understand.

use super::rights::{Request, Ruling, RulingKind};
use crate::{
    Button, Card, Message, Post, Tone, UserError, Via, markup,
    options::{self, Options},
    secrets,
};
use crate::{health::Off, policy::words};
use std::time::Duration;

/// Whom an answer is for, where no words of theirs stand above it. What was scheduled long ago is said again, unless it holds what
/// must not be.
pub(super) fn whom(message: &Message) -> String {
    let user = markup::user(&message.author);
    match message.via {
        Via::Schedule { .. } if secrets::found_in(message).is_none() => {
            let line = crate::words::line(&message.content);
            format!("scheduled by {user}: {}\n", markup::code(&line))
        }
        _ => format!("{user}: "),
    }
}

/// Nobody answers these words.
pub(super) fn unknown(line: &str, near: &[String]) -> Post {
    let shown: String = line.chars().take(100).collect();
    let shown = if shown.len() < line.len() {
        format!("{shown}…")
    } else {
        shown
    };
    if near.is_empty() {
        let text = format!(
            "I don't know {}. Say `help` to see what I can do.",
            markup::code(&shown)
        );
        return Card::new(Tone::Neutral, text)
            .button(Button::new("Help", "help"))
            .into();
    }
    let commands: Vec<_> = near.iter().map(|command| markup::code(command)).collect();
    let text = format!(
        "I don't know {}. Did you mean {}?",
        markup::code(&shown),
        commands.join(" or ")
    );
    with_buttons(text, near)
}

/// A command was begun; here is the form for the rest.
pub(super) fn form(form: crate::form::Form) -> Post {
    let title = format!("{} needs to know a little more.", markup::code(&form.command));
    let usage = markup::code(&form.usage);
    let mut card = Card::new(Tone::Neutral, title);
    if !form.about.is_empty() {
        card = card.text(form.about.clone());
    }
    card.parts.push(crate::Part::Form(form));
    card.footer(format!("Or say {usage}")).into()
}

/// The robot was named and nothing else was said.
pub(super) fn nothing_said() -> Post {
    Card::new(Tone::Neutral, "Yes? Say `help` to see what I can do.")
        .button(Button::new("Help", "help"))
        .into()
}

/// What a handler had to say about what was asked.
pub(super) fn user_error(error: &UserError) -> Post {
    if error.instead.is_empty() {
        error.text.clone().into()
    } else {
        with_buttons(error.text.clone(), &error.instead)
    }
}

fn with_buttons(text: String, commands: &[String]) -> Post {
    commands
        .iter()
        .fold(Card::new(Tone::Neutral, text), |card, command| {
            card.button(Button::new(command, command))
        })
        .into()
}

/// Something went wrong that the person cannot mend.
pub(super) fn failed(id: &str) -> String {
    format!("That went wrong on my side, so I stopped. The log has the details under incident `{id}`.")
}

/// The handler was still at it when its time was over.
pub(super) fn timed_out(id: &str, deadline: Duration) -> String {
    format!(
        "I stopped after {}: that took longer than it may. The log has the details under incident `{id}`.",
        seconds(deadline)
    )
}

fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        s if s % 3600 == 0 => format!("{} h", s / 3600),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

/// Too many ask for the same thing.
pub(super) fn crowded(usage: &str) -> String {
    format!(
        "Too many are asking for {} right now. Try again in a minute.",
        markup::code(usage)
    )
}

/// The person may not.
pub(super) fn denied(line: &str, rule: &str) -> String {
    format!("I won't do {} for you: {rule}.", markup::code(line))
}

/// Completes a refusal: approvals are asked for, and this cannot wait for them.
pub(super) fn cannot_be_approved(rule: &str) -> String {
    format!(
        "somebody else would have to approve it ({rule}), and a command that acts at once cannot wait for that; ask \
         somebody for whom the rule does not hold, or for another rule"
    )
}

/// Completes a refusal: the check itself went wrong.
pub(super) fn rights_failed() -> String {
    "whether you may could not be found out, because the check went wrong".into()
}

/// Completes a refusal: the check took too long.
pub(super) fn rights_late() -> String {
    "whether you may could not be found out in time".into()
}

/// A command that only reads was said with what only makes sense for changes.
pub(super) fn nothing_to_plan(line: &str, options: &Options) -> Post {
    let why = match (options.plan, options.queue) {
        (true, _) => "there is nothing to plan",
        (false, _) => "there is nothing to wait for",
    };
    Card::new(
        Tone::Neutral,
        format!("{} changes nothing, so {why}.", markup::code(line)),
    )
    .button(Button::new("Run it", line))
    .into()
}

/// What a command that acts at once would do.
pub(super) fn plan(request: &Request<'_>, ruling: &Ruling) -> Post {
    let options = Options {
        plan: false,
        ..request.options.clone()
    };
    let command = options.on(request.line);
    let (tone, policy) = match ruling.kind {
        RulingKind::Allow => (Tone::Neutral, format!("You may: {}.", ruling.rule)),
        RulingKind::Confirm => (
            Tone::Neutral,
            format!("You may, once you have confirmed it: {}.", ruling.rule),
        ),
        RulingKind::Refuse => (Tone::Warning, format!("You may not: {}.", ruling.rule)),
    };
    let mut card = Card::new(tone, format!("Plan: {}", markup::code(&command)))
        .text(request.spec.summary())
        .field("Asked by", markup::user(&request.message.author))
        .field("Takes effect", "at once, without further steps")
        .text(policy);
    if ruling.kind != RulingKind::Refuse {
        card = card.button(Button::new("Run it", &command).primary());
    }
    card.footer("Nothing was changed.").into()
}

/// Who asked has to confirm it.
pub(super) fn confirm(request: &Request<'_>, rule: &str, within: jiff::SignedDuration) -> Post {
    let command = request.whole();
    let question = format!("Really do {}?", markup::code(&command));
    let carried = options::confirmed(request.line, request.options, request.id);
    Card::new(
        Tone::Warning,
        format!("{} has to be confirmed: {rule}.", markup::code(&command)),
    )
    .button(Button::new("Confirm", carried).danger(question))
    .footer(format!(
        "Only {} can, once, within {}. Nothing was changed yet.",
        markup::user(&request.message.author),
        seconds(within.unsigned_abs())
    ))
    .into()
}

/// The memory cannot be reached, so nothing was done.
pub(super) fn no_memory(id: &str) -> String {
    format!(
        "I can't reach my memory right now, so I did nothing. The log has the details under incident `{id}`."
    )
}

/// Somebody said a credential where others read it.
pub(super) fn secret_refused(kind: &str) -> String {
    format!(
        "I did nothing with that message: it holds what looks like a credential ({kind}). Please delete it."
    )
}

/// What to do about a credential that was said, for who said it.
pub(super) fn secret_advice(kind: &str) -> String {
    format!(
        "Your message holds what looks like a credential ({kind}), so I did nothing with it and kept nothing of it.\n\
         The chat has kept it: it counts as leaked. Delete the message, take the credential back where it was issued, and \
         make a new one.\n\
         Never tell me one. Put it where programs read theirs (an environment variable, a file, a secret of the cluster) and \
         say its name instead."
    )
}

/// Why a responder was switched off by the robot.
pub(super) fn kept_failing(times: u32, within: Duration) -> String {
    let times = match times {
        1 => "once".to_owned(),
        many => format!("{many} times"),
    };
    format!("it failed {times} within {}", seconds(within))
}

/// A responder was switched off.
pub(super) fn quarantined(responder: &str, reason: &str, incident: &str) -> Post {
    let title = format!("I switched {} off: {reason}.", markup::bold(responder));
    Card::new(Tone::Warning, title)
        .text(format!(
            "The log has the last failure under incident {}. Until somebody says {}, its commands are refused; what it began \
             goes on.",
            markup::code(incident),
            markup::code(&format!("enable {responder}"))
        ))
        .button(Button::new("Enable", format!("enable {responder}")))
        .into()
}

/// A command's responder is switched off.
pub(super) fn off(responder: &str, off: &Off) -> Post {
    let by = match &off.by {
        Some(by) => format!(" by {}", markup::user(by)),
        None => String::new(),
    };
    let since = words::moment(off.since, jiff::Timestamp::now());
    let incident = match &off.incident {
        Some(incident) if off.by.is_none() => {
            format!(" (the last time under incident {})", markup::code(incident))
        }
        _ => String::new(),
    };
    let title = format!(
        "{} is switched off since {since}{by}: {}{incident}.",
        markup::bold(responder),
        markup::clean(&off.reason)
    );
    let enable = format!("enable {responder}");
    Card::new(Tone::Warning, title)
        .text(format!("When it is mended, say {}.", markup::code(&enable)))
        .button(Button::new("Enable", enable))
        .into()
}

/// Somebody edited a message into (or with) a command that changes something.
pub(super) fn edited(line: &str) -> Post {
    let text = format!(
        "I saw your edit, but I don't run what changes something from an edited message: {}.",
        markup::code(line)
    );
    Card::new(Tone::Neutral, text)
        .button(Button::new("Run it now", line))
        .into()
}

/// The process that had begun to do what was asked died over it.
pub(super) fn interrupted(line: &str, id: &str) -> Post {
    let text = format!(
        "I was stopped while I was doing {}, so I don't know whether it was done. Look before you say it again; the log has the \
         details under incident {}.",
        markup::code(line),
        markup::code(id)
    );
    Card::new(Tone::Warning, text).into()
}

/// One process after the other died over a message.
pub(super) fn deadly(line: &str, deaths: u32, id: &str) -> Post {
    let text = format!(
        "I was stopped {deaths} times while I was answering {}, so I leave it: it may be what stops me. The log has the details \
         under incident {}.",
        markup::code(line),
        markup::code(id)
    );
    Card::new(Tone::Warning, text).into()
}

/// A message that nobody answered in time.
pub(super) fn late(line: &str, ago: jiff::SignedDuration) -> Post {
    let text = format!(
        "I was away when you said {}, {} ago, so I did nothing about it.",
        markup::code(line),
        words::length(ago)
    );
    Card::new(Tone::Neutral, text)
        .button(Button::new("Do it now", line))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_reads_well() {
        assert_eq!(
            unknown("deplyo api", &["deploy api".into()]).plain(),
            "I don't know `deplyo api`. Did you mean `deploy api`?\n[deploy api]"
        );
        assert_eq!(
            unknown("`", &[]).plain(),
            "I don't know `'`. Say `help` to see what I can do.\n[Help]"
        );
        assert_eq!(
            timed_out("0a1b", Duration::from_secs(120)),
            "I stopped after 2 min: that took longer than it may. The log has the details under incident `0a1b`."
        );
        assert_eq!(
            denied(
                "deploy api",
                "it asks for the role `deployer`, and you do not have it"
            ),
            "I won't do `deploy api` for you: it asks for the role `deployer`, and you do not have it."
        );
    }
}
