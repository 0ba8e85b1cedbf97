//! What a message says to the robot: the command, what was added to it, and who answers.

use super::Robot;
use crate::{
    address::Addressing,
    message::Message,
    options::{self, Options},
    responder::{Captures, CommandSpec, Handler},
    router::Routed,
    words,
};

/// A message, understood.
pub(super) struct Heard<'a> {
    /// The words as they were said, repaired, without the robot's name.
    pub(super) said: String,
    /// What was added to the command.
    pub(super) options: Options,
    /// The confirmation that this is, if so.
    pub(super) confirmed: Option<String>,
    /// Whether it was said to the robot.
    pub(super) addressed: bool,
    /// The one command that answers.
    pub(super) winner: Option<(&'a Handler, Captures)>,
    /// Everything that listens.
    pub(super) hears: Vec<(&'a Handler, Captures)>,
}

/// A group of this name holds a command of its own, to which whatever ends the line belongs.
const COMMAND: &str = "command";

/// A group of this name holds the reason, in a command that has it in its own pattern.
const REASON: &str = "reason";

impl Robot {
    /// The line, whether it was said to the robot, and what it matches.
    pub(super) fn route(&self, message: &Message) -> Heard<'_> {
        match self.0.names.addressing(message) {
            Addressing::Command(line) => self.command(line),
            Addressing::Perhaps(line) => {
                let heard = self.command(line);
                Heard {
                    addressed: heard.winner.is_some(),
                    ..heard
                }
            }
            Addressing::Overheard => {
                let line = words::overheard(&message.content);
                Heard {
                    hears: self.0.router.overheard(&line),
                    said: line,
                    options: Options::default(),
                    confirmed: None,
                    addressed: false,
                    winner: None,
                }
            }
        }
    }

    /// The command that answers a line said to the robot.
    pub(super) fn command_of(&self, line: &str) -> Option<&'static CommandSpec> {
        let heard = self.command(line.to_owned());
        heard.winner.map(|(handler, _)| handler.spec)
    }

    /// What a line matches. A command whose own pattern takes all of it wins; then one that takes it without the flags at
    /// its end, then one that takes it without its reason.
    fn command(&self, line: String) -> Heard<'_> {
        let line = self.expand(line);
        let Routed { winner, hears } = self.0.router.addressed(&line);
        let bare = options::without_flags(&line);
        let mut heard = Heard {
            options: Options::default(),
            confirmed: bare.confirmed.map(str::to_owned),
            addressed: true,
            winner: None,
            hears,
            said: String::new(),
        };
        if bare.line == line {
            heard.winner = winner;
        } else if bare.confirmed.is_none() && ends_in_a_command(winner.as_ref(), &line) {
            heard.winner = winner;
            heard.said = line;
            return heard;
        } else {
            heard.winner = self.0.router.respond(bare.line);
        }
        heard.winner = heard
            .winner
            .take()
            .filter(|(handler, captures)| !self.is_begun(handler.spec, captures, bare.line));
        heard.options = bare.options;
        let meant = heard.winner.as_ref().map(|(handler, _)| handler.spec);
        if meant.is_some_and(|spec| self.took_a_reason(spec, bare.line)) {
            heard.winner = None;
        }
        match &heard.winner {
            Some((_, captures)) => heard.options.reason = captures.get(REASON).map(str::to_owned),
            None => self.without_reason(bare.line, &mut heard),
        }
        heard.said = line;
        heard
    }

    /// Whether a command that only looks for words took those of a reason, since the line without it is another command, which changes
    /// something: `flags promote search to production because …` is none of `flags <words>`.
    fn took_a_reason(&self, winner: &CommandSpec, line: &str) -> bool {
        !winner.effect.changes()
            && options::reasons(line).into_iter().any(|(command, _)| {
                let shorter = self.0.router.respond(options::without_flags(command).line);
                shorter.is_some_and(|(handler, _)| handler.spec.effect.changes())
            })
    }

    fn without_reason<'a>(&'a self, line: &str, heard: &mut Heard<'a>) {
        for (command, reason) in options::reasons(line) {
            let bare = options::without_flags(command);
            if let Some(winner) = self.0.router.respond(bare.line) {
                heard.winner = Some(winner);
                heard.options.join(bare.options);
                heard.options.reason = Some(reason.to_owned());
                heard.confirmed = heard.confirmed.take().or(bare.confirmed.map(str::to_owned));
                return;
            }
        }
    }

    /// Puts the command in place of a configured short word for it, once.
    fn expand(&self, line: String) -> String {
        let end = line.find(char::is_whitespace).unwrap_or(line.len());
        let (word, rest) = line.split_at(end);
        let alias = self
            .0
            .command_aliases
            .iter()
            .find(|(alias, _)| alias.eq_ignore_ascii_case(word));
        match alias {
            Some((_, command)) => format!("{command}{rest}"),
            None => line,
        }
    }
}

/// Whether a command carries another one that reaches to the end of the line: `in 2h deploy api --queue`.
fn ends_in_a_command(winner: Option<&(&Handler, Captures)>, line: &str) -> bool {
    winner
        .and_then(|(_, captures)| captures.get(COMMAND))
        .is_some_and(|command| line.ends_with(command))
}

/// A line nobody understands without what could be added to it, so that what is offered instead has the same added.
pub(super) fn plainly(line: &str) -> (String, Options) {
    let line = line.lines().next().unwrap_or_default();
    let bare = options::without_flags(line);
    let mut options = bare.options;
    let Some((command, reason)) = options::reasons(bare.line).into_iter().next() else {
        return (bare.line.to_owned(), options);
    };
    let inner = options::without_flags(command);
    options.reason = Some(reason.to_owned());
    options.join(inner.options);
    (inner.line.to_owned(), options)
}
