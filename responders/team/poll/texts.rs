//! What people read.

use super::{
    Poll,
    read::{LONGEST, MOST, Unclear},
};
use otus::{Button, Card, Tone, UserError, markup};

/// How long the longest bar is.
const BAR: usize = 12;
/// So many voters are named behind an option.
const NAMED: usize = 12;

/// The poll as it stands.
pub(crate) fn card(poll: &Poll) -> Card {
    let over = poll.ended.is_some();
    let tone = if over { Tone::Good } else { Tone::Neutral };
    let mut card = Card::new(
        tone,
        format!("📊 {}", markup::bold(&markup::clean(&poll.question))),
    )
    .text(lines(poll));
    if !over {
        for (at, option) in poll.options.iter().enumerate() {
            card = card.button(Button::new(
                markup::clean(option),
                format!("vote {} for {}", poll.id, at + 1),
            ));
        }
        let end = Button::new("End the poll", format!("end poll {}", poll.id));
        card = card.button(end.danger("End the poll? Nobody can vote after that."));
    }
    let asked = format!("{} asked", markup::user(&poll.by));
    let votes = match poll.votes.len() {
        0 => "no votes yet".to_owned(),
        1 => "1 vote".to_owned(),
        many => format!("{many} votes"),
    };
    let end = if over { " · ended" } else { "" };
    card.footer(format!("{asked} · {votes}{end}"))
}

fn lines(poll: &Poll) -> String {
    let most = (0..poll.options.len())
        .map(|option| poll.count(option))
        .max()
        .unwrap_or(0);
    let line = |(at, option): (usize, &String)| {
        let count = poll.count(at);
        let filled = (count * BAR).checked_div(most).unwrap_or(0);
        let bar = format!("{}{}", "█".repeat(filled), "░".repeat(BAR - filled));
        let option = markup::clean(option);
        let option = match poll.ended.is_some() && count == most && count > 0 {
            true => markup::bold(&option),
            false => option,
        };
        let voters: Vec<_> = poll
            .votes
            .iter()
            .filter(|(_, chosen)| *chosen == at)
            .map(|(who, _)| markup::user(who))
            .collect();
        let more = voters.len().saturating_sub(NAMED);
        let mut names = voters.into_iter().take(NAMED).collect::<Vec<_>>().join(" ");
        if more > 0 {
            names.push_str(&format!(" and {more} more"));
        }
        format!("{option}\n{bar} {count}  {names}").trim_end().to_owned()
    };
    poll.options
        .iter()
        .enumerate()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

/// What somebody chose, for them alone.
pub(crate) fn voted(poll: &Poll, option: usize) -> String {
    let option = poll.options.get(option).map_or("", String::as_str);
    format!(
        "You voted for {} in “{}”. Press another button to change it.",
        markup::bold(&markup::clean(option)),
        markup::clean(&poll.question)
    )
}

/// What came of it.
pub(crate) fn result(poll: &Poll) -> String {
    let question = markup::clean(&poll.question);
    let most = (0..poll.options.len())
        .map(|option| poll.count(option))
        .max()
        .unwrap_or(0);
    if most == 0 {
        return format!("The poll “{question}” is over. Nobody voted.");
    }
    let first: Vec<_> = poll
        .options
        .iter()
        .enumerate()
        .filter(|(at, _)| poll.count(*at) == most)
        .map(|(_, option)| markup::bold(&markup::clean(option)))
        .collect();
    let of = poll.votes.len();
    match first.as_slice() {
        [one] => format!("The poll “{question}” is over: {one}, with {most} of {of} votes."),
        several => format!(
            "The poll “{question}” is over: {} have {most} of {of} votes each.",
            several.join(" and ")
        ),
    }
}

/// It was ended before.
pub(crate) fn over(poll: &Poll) -> UserError {
    UserError::new(format!(
        "The poll “{}” is over; votes do not count any more.",
        markup::clean(&poll.question)
    ))
}

/// Somebody else asked.
pub(crate) fn not_yours(poll: &Poll) -> UserError {
    UserError::new(format!("{} asked, and can end the poll.", markup::user(&poll.by)))
}

/// There is none, or none any more.
pub(crate) fn no_poll(id: &str) -> UserError {
    UserError::new(format!(
        "There is no poll {}; one is forgotten after 60 days.",
        markup::code(id)
    ))
}

/// There is no such choice.
pub(crate) fn no_option(poll: &Poll, option: usize) -> UserError {
    UserError::new(format!(
        "There is no choice {option}: the poll “{}” has {}.",
        markup::clean(&poll.question),
        poll.options.len()
    ))
}

/// Why it cannot be asked, and how it can.
pub(crate) fn unclear(unclear: Unclear) -> UserError {
    let why = match unclear {
        Unclear::NoQuestion => "I see no question in front of the choices.".to_owned(),
        Unclear::OneOption => "There is only one thing to choose.".to_owned(),
        Unclear::TooMany(many) => {
            format!("There are {many} things to choose from; a poll has at most {MOST}.")
        }
        Unclear::TooLong(long) => {
            format!("One choice has {long} characters; a button holds at most {LONGEST}.")
        }
        Unclear::Twice => "One choice is there twice.".to_owned(),
    };
    UserError::new(format!(
        "{why} Write for example {}.",
        markup::code("poll Where do we eat? Pizza, Thai or the canteen")
    ))
}
