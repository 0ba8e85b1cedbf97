//! Reminders: `in 2h to look at the canary`, `to look at the canary in 2h`.

use crate::{
    read::{self, Read, Unclear},
    texts,
};
use jiff::Timestamp;
use otus::{ChannelKind, Context, Result, Segment, UserError, UserId};

/// The words that times begin with.
const BEGINNINGS: [&str; 5] = ["in", "at", "on", "tomorrow", "every"];

/// Who is reminded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whom {
    /// Somebody, who is mentioned.
    One(UserId),
    /// Everybody who reads it.
    Everybody,
}

/// Who is meant by `me`, `us` or a mention.
pub(crate) fn whom(cx: &Context, said: &str) -> Result<Whom, UserError> {
    let message = cx.message();
    match said {
        // Between two there is nobody to be told apart.
        "me" if message.kind == ChannelKind::Direct => Ok(Whom::Everybody),
        "me" => Ok(Whom::One(cx.author().clone())),
        "us" | "here" | "everybody" => Ok(Whom::Everybody),
        somebody => message
            .content
            .iter()
            .find_map(|segment| match segment {
                Segment::User(id) if format!("@{id}") == somebody => Some(Whom::One(id.clone())),
                _ => None,
            })
            .ok_or_else(|| texts::not_a_person(somebody)),
    }
}

/// When, and of what. The time stands before the words or behind them; where both could be read, what is said first counts.
pub(crate) fn read(said: &str, now: Timestamp, zone: &str) -> Result<(Read, String), Unclear> {
    let said = said.trim();
    let first = match read::read(said, now, zone) {
        Ok(read) => {
            let what = without_link(&read.command).to_owned();
            return Ok((read, what));
        }
        Err(unclear) => unclear,
    };
    // A word that could begin a time, from where the rest of the words is nothing but a time.
    let mut at = 0;
    while let Some(space) = said[at..].find(char::is_whitespace) {
        at += space;
        at += said[at..].len() - said[at..].trim_start().len();
        let (what, when) = said.split_at(at);
        let word = when.split_whitespace().next().unwrap_or_default().to_lowercase();
        if !BEGINNINGS.contains(&word.as_str()) {
            continue;
        }
        let mut whole = when.trim_end_matches(['.', '!']).to_owned();
        whole.push_str(" \u{2026}");
        if let Ok(read) = read::read(&whole, now, zone)
            && read.command == "\u{2026}"
        {
            let what = without_link(what.trim()).to_owned();
            return Ok((read, what));
        }
    }
    Err(first)
}

/// `to look` is `look`.
fn without_link(what: &str) -> &str {
    let what = what.trim();
    ["to ", "that ", "about ", "of ", ": "]
        .iter()
        .find_map(|link| what.strip_prefix(link))
        .unwrap_or(what)
        .trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(said: &str) -> (String, String) {
        let now = "2026-01-05T12:00:00Z".parse().unwrap();
        let (read, what) =
            read(said, now, "Europe/Berlin").unwrap_or_else(|error| panic!("{said}: {error:?}"));
        (read.when.words(), what)
    }

    #[test]
    fn the_time_stands_before_or_behind() {
        let canary = told("in 2h to look at the canary");
        assert_eq!(canary.1, "look at the canary");
        assert_eq!(told("to look at the canary in 2h"), canary);
        assert_eq!(told("to look at the canary in 2h."), canary);
        assert_eq!(told("look at the canary in 2h"), canary);
        assert_eq!(
            told("to eat at home tomorrow at 9:00"),
            (told("tomorrow at 9:00 x").0, "eat at home".into())
        );
        assert_eq!(
            told("every weekday at 9:25 that the standup begins").1,
            "the standup begins"
        );
        assert_eq!(
            told("that the standup begins every weekday at 9:25").1,
            "the standup begins"
        );
    }

    #[test]
    fn without_a_time_nothing_is_scheduled() {
        let now = "2026-01-05T12:00:00Z".parse().unwrap();
        for none in ["to look at the canary", "to come in", "of it at home"] {
            assert!(read(none, now, "UTC").is_err(), "{none}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(said in "(in|at|to|every|on| |2h|9:00|ä|x){0,8}") {
            let now = "2026-01-05T12:00:00Z".parse().unwrap();
            let _ = read(&said, now, "UTC");
        }
    }
}
