//! Whether something is said to the robot, and what is left of it without the robot's name.

use crate::{
    message::{ChannelKind, Message, Segment, Via},
    words,
};

/// The names the robot listens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(Vec<String>);

/// How a message is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addressing {
    /// Said to the robot: the command.
    Command(String),
    /// The robot is named at its end: a command only if it is one.
    Perhaps(String),
    /// Just said.
    Overheard,
}

impl Names {
    /// The robot's name and its aliases; empty ones are left out.
    pub fn new(name: &str, aliases: &[String]) -> Self {
        let mut names: Vec<_> = std::iter::once(name)
            .chain(aliases.iter().map(String::as_str))
            .map(|name| name.trim().trim_start_matches('@').to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        // The longest first, so that `otus-bot` is not taken for `otus` followed by something.
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        Self(names)
    }

    /// How a message is meant. What one writes in a direct message, says as a slash command or presses is always meant for
    /// the robot; elsewhere it must begin with a mention of it, or with one of its names and a boundary.
    pub fn addressing(&self, message: &Message) -> Addressing {
        let line = words::line(&message.content);
        if matches!(
            message.via,
            Via::Slash | Via::Button { .. } | Via::Schedule { .. }
        ) {
            return Addressing::Command(line);
        }
        let blank = |segment: &&Segment| matches!(segment, Segment::Text(text) if text.trim().is_empty());
        let mut spoken = message.content.iter().skip_while(blank);
        if spoken.next() == Some(&Segment::Me) {
            return Addressing::Command(without_punctuation(&line));
        }
        if let Some(rest) = self.without_name(&line) {
            return Addressing::Command(rest);
        }
        if message.kind == ChannelKind::Direct {
            return Addressing::Command(line);
        }
        if message.content.iter().rev().find(|segment| !blank(segment)) == Some(&Segment::Me) {
            return Addressing::Perhaps(line.trim_end_matches([',', ' ']).to_owned());
        }
        Addressing::Overheard
    }

    /// The line without a name at its beginning. After a name that ends in a letter or digit there must be a boundary: `otusdeploy`
    /// is another word, and `otus-bot` another name.
    fn without_name(&self, line: &str) -> Option<String> {
        let line = line.strip_prefix('@').unwrap_or(line);
        self.0.iter().find_map(|name| {
            let head = line
                .get(..name.len())
                .filter(|head| head.eq_ignore_ascii_case(name))?;
            let rest = &line[head.len()..];
            let symbol = !name.ends_with(|c: char| c.is_alphanumeric());
            let boundary = rest.is_empty()
                || rest.starts_with(char::is_whitespace)
                || rest
                    .strip_prefix([',', ':'])
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
            (symbol || boundary).then(|| without_punctuation(rest))
        })
    }
}

fn without_punctuation(rest: &str) -> String {
    let rest = rest.trim_start();
    rest.strip_prefix([',', ':']).unwrap_or(rest).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::EventKey;

    fn said(content: &[Segment]) -> Addressing {
        let mut message = Message::said(EventKey::new("E"), "C".into(), "1".into(), "U".into(), "");
        message.content = content.to_vec();
        Names::new("otus", &["o+".into(), "owl".into()]).addressing(&message)
    }

    fn text(text: &str) -> Addressing {
        said(&[Segment::Text(text.into())])
    }

    fn command(text: &str) -> Addressing {
        Addressing::Command(text.into())
    }

    #[test]
    fn a_name_needs_a_boundary_after_it() {
        assert_eq!(text("otus deploy api"), command("deploy api"));
        assert_eq!(text("Otus: ping"), command("ping"));
        assert_eq!(text("@otus, ping"), command("ping"));
        assert_eq!(text("otus"), command(""));
        assert_eq!(text("otusdeploy api"), Addressing::Overheard);
        assert_eq!(text("otus-bot deploy"), Addressing::Overheard);
        assert_eq!(text("otus's nest"), Addressing::Overheard);
        assert_eq!(text("the otus ping"), Addressing::Overheard);
    }

    #[test]
    fn an_alias_may_be_a_symbol_and_is_never_a_pattern() {
        assert_eq!(text("o+ping"), command("ping"));
        assert_eq!(text("ooo ping"), Addressing::Overheard);
        assert_eq!(text("owl ping"), command("ping"));
    }

    #[test]
    fn a_mention_addresses_at_the_beginning_and_perhaps_at_the_end() {
        let me = Segment::Me;
        let words = |text: &str| Segment::Text(text.into());
        assert_eq!(
            said(&[words(" "), me.clone(), words(" deploy api")]),
            command("deploy api")
        );
        assert_eq!(said(&[me.clone(), words(": ping")]), command("ping"));
        assert_eq!(
            said(&[words("ping, "), me.clone()]),
            Addressing::Perhaps("ping".into())
        );
        assert_eq!(
            said(&[words("did "), me, words(" answer?")]),
            Addressing::Overheard
        );
    }

    #[test]
    fn quoting_a_command_is_not_giving_it() {
        assert_eq!(
            said(&[Segment::Quote("otus deploy api".into())]),
            Addressing::Overheard
        );
        assert_eq!(
            said(&[Segment::CodeBlock("otus deploy api".into())]),
            Addressing::Overheard
        );
        assert_eq!(
            said(&[Segment::Code("otus deploy api".into())]),
            Addressing::Overheard
        );
    }
}
