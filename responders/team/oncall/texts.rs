//! What people read.

use super::{Turn, Who};
use jiff::Timestamp;
use otus::{Card, Tone, UserError, markup};

fn named(who: &Who) -> String {
    match who {
        Who::Person(id) => markup::user(id),
        Who::Named(name) => markup::bold(&markup::clean(name)),
    }
}

/// Whose turn it is.
pub(crate) fn on_call(turns: &[Turn], fault: Option<&str>, now: Timestamp) -> Card {
    let title = match turns {
        [one] => format!("On call for {}", markup::clean(&one.team)),
        _ => "On call".to_owned(),
    };
    let mut card = Card::new(
        if fault.is_some() {
            Tone::Warning
        } else {
            Tone::Neutral
        },
        title,
    );
    for turn in turns {
        let line = line(turn, now);
        card = match turns.len() {
            1 => card.text(line),
            _ => card.text(format!("{}: {line}", markup::bold(&markup::clean(&turn.team)))),
        };
    }
    match fault {
        Some(why) => card.text(fault_line(why)),
        None => card,
    }
}

fn line(turn: &Turn, now: Timestamp) -> String {
    let mut line = match turn.who.as_slice() {
        [] => "nobody".to_owned(),
        [first] => named(first),
        [first, others @ ..] => {
            let others: Vec<_> = others.iter().map(named).collect();
            format!("{}, then {}", named(first), others.join(", "))
        }
    };
    if let Some(until) = turn.until {
        line.push_str(&format!(" until {}", moment(until, now)));
    }
    if let Some(next) = &turn.next {
        line.push_str(&format!(", then {}", named(next)));
    }
    line
}

fn moment(at: Timestamp, now: Timestamp) -> String {
    let format = if at.duration_since(now).as_hours() < 20 {
        "%H:%M UTC"
    } else {
        "%a %-d %b %H:%M UTC"
    };
    markup::moment(at.as_second(), &at.strftime(format).to_string())
}

fn fault_line(why: &str) -> String {
    format!("The others I could not find out: {}.", markup::clean(why))
}

/// Nothing could be found out.
pub(crate) fn fault(why: &str) -> String {
    format!("Who is on call cannot be found out: {}.", markup::clean(why))
}

/// The file cannot be read any more.
pub(crate) fn bad_file(why: &str) -> String {
    format!(
        "Who is on call cannot be found out: {}.",
        markup::clean(why).trim_end_matches('.')
    )
}

/// There is no source.
pub(crate) fn nobody_configured() -> UserError {
    UserError::new(format!(
        "Nobody told me who is on call. The operator can name a file with rotas, {}, or schedules of PagerDuty, {}.",
        markup::code("[responders.oncall] file = \"…\""),
        markup::code("[responders.oncall.pagerduty]")
    ))
}
