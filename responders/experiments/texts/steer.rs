//! Setting how often an experiment runs.

use crate::{
    known::{Known, Wanted},
    words,
};
use jiff::Timestamp;
use otus::{Button, Card, Tone, UserError};

/// What changes.
pub(crate) const SHARE: &str = "runs on";
pub(crate) const STOPPED: &str = "stopped";

/// `5 % of calls`.
pub(crate) fn of_calls(percent: f64) -> String {
    format!("{} of calls", words::percent(percent))
}

/// What the programs say by themselves.
pub(crate) fn as_programmed(known: &Known) -> String {
    let mut shares: Vec<String> = known
        .applications
        .values()
        .map(|teller| {
            if teller.stopped {
                STOPPED.to_owned()
            } else {
                of_calls(teller.percent)
            }
        })
        .collect();
    shares.dedup();
    format!("{}, as the program says", words::list(&shares))
}

/// The plan's title.
pub(crate) fn set_title(name: &str, percent: f64) -> String {
    format!("Run the experiment *{name}* on {}", of_calls(percent))
}

/// The other one's.
pub(crate) fn stop_title(name: &str) -> String {
    format!("Stop the experiment *{name}*")
}

/// More than all.
pub(crate) fn over_all(name: &str) -> UserError {
    UserError::new("An experiment can run on 100 % of calls at most.")
        .instead(format!("experiment {name} set 100"))
}

/// Who will do what was set, and when.
pub(crate) fn who_hears(known: &Known, now: Timestamp) -> Vec<String> {
    let line = |(name, last): (&String, Timestamp)| {
        let long = now.duration_since(last);
        if long.as_secs() > 600 {
            format!(
                "{name} has been silent for {}: it hears of it when it sends again",
                words::long(long)
            )
        } else {
            format!("{name} hears of it with the answer to what it sends next, mostly within 10 s")
        }
    };
    let tellers = known
        .applications
        .iter()
        .map(|(name, teller)| (name, teller.last));
    tellers.map(line).collect()
}

/// For the record.
pub(crate) fn set_record(wanted: &Wanted) -> String {
    match (wanted.stopped, wanted.percent) {
        (false, Some(percent)) => format!("{} runs on {}", wanted.name, of_calls(percent)),
        _ => format!("{} is stopped", wanted.name),
    }
}

/// The end, for the record.
pub(crate) fn done_record(name: &str, percent: Option<f64>) -> String {
    match percent {
        Some(percent) => format!("{name} runs on {}", of_calls(percent)),
        None => format!("{name} is stopped"),
    }
}

/// The end, for people.
pub(crate) fn done(known: &Known, percent: Option<f64>) -> Card {
    let name = &known.name;
    let applications: Vec<String> = known.applications.keys().cloned().collect();
    let who = words::list(&applications);
    let (title, text) = match percent {
        Some(percent) => (
            format!("*{name}* runs on {}", of_calls(percent)),
            format!("{who} does so as soon as the next sums have come in."),
        ),
        None => (
            format!("*{name}* is stopped"),
            format!("Only the old code runs in {who}, as soon as the next sums have come in."),
        ),
    };
    Card::new(Tone::Good, title)
        .text(text)
        .button(Button::new("How it goes", format!("experiment {name}")))
}
