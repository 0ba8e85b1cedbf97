//! What is said about how well things go out.

use otus::markup::bold;
use otus::{Card, Tone};

use crate::dora::{Stats, median};
use crate::stats::{About, Lead};
use crate::words::{count, duration, list};

/// What the line of good deploys is called.
pub(crate) const LIVE: &str = "live";
/// What the line of failed deploys is called.
pub(crate) const FAILED: &str = "failed";

/// A span that cannot be read, or is too long.
pub(crate) fn no_span(longest: i64) -> String {
    format!("Say a span between a day and {longest} days, for example `30d` or `2 weeks`.")
}

fn days(number: i64) -> String {
    match number {
        1 => "the last day".to_owned(),
        _ => format!("the last {number} days"),
    }
}

/// What the picture shows.
pub(crate) fn picture_title(about: &About) -> String {
    let of = about
        .service
        .as_deref()
        .map(|service| format!(" of {service}"))
        .unwrap_or_default();
    format!(
        "Deploys{of} to {} a day, {}",
        list(&about.environments),
        days(about.days)
    )
}

/// The numbers.
pub(crate) fn stats(about: &About, stats: &Stats, lead: &Lead) -> Card {
    let of = about
        .service
        .as_deref()
        .map_or_else(|| "everything".to_owned(), bold);
    let places: Vec<String> = about.environments.iter().map(|name| bold(name)).collect();
    let title = format!("How {of} goes out to {}, {}", list(&places), days(about.days));
    let card = Card::new(Tone::Neutral, title);
    if stats.live + stats.failed == 0 {
        let neither = match stats.neither {
            0 => String::new(),
            number => format!(" {} as neither good nor bad.", counts(number)),
        };
        return card.text(format!("Nothing was deployed in that time.{neither}"));
    }
    let card = card
        .field("Deploys", frequency(stats.live, about.days))
        .field("Lead time, commit to live", lead_time(lead))
        .field("Changes that failed", failures(stats))
        .field("Time to recover", recovery(stats));
    let mut footer = Vec::new();
    if stats.neither > 0 {
        footer.push(format!(
            "{} as neither: superseded, stopped, under way or adopted.",
            counts(stats.neither)
        ));
    }
    if about.cut {
        footer.push("There were more deploys than I count; these are the newest.".to_owned());
    }
    let card = match &lead.why {
        Some(why) => card.text(format!(
            "Lead times are not all known: {}.",
            why.trim_end_matches('.')
        )),
        None => card,
    };
    match footer.is_empty() {
        true => card,
        false => card.footer(footer.join(" ")),
    }
}

fn counts(number: usize) -> String {
    match number {
        1 => "1 deploy counts".to_owned(),
        _ => format!("{number} deploys count"),
    }
}

fn frequency(live: usize, days: i64) -> String {
    let a_day = live as f64 / days.max(1) as f64;
    let how_often = match a_day {
        _ if live == 0 => return "none went live".to_owned(),
        1.0.. => format!("{a_day:.1} a day"),
        _ if a_day * 7.0 >= 1.0 => format!("{:.1} a week", a_day * 7.0),
        _ => format!("one in {:.0} days", days as f64 / live as f64),
    };
    format!("{how_often} ({live} live)")
}

fn lead_time(lead: &Lead) -> String {
    match median(&lead.times) {
        None => "not known".to_owned(),
        Some(time) => format!(
            "{} (median of {} in {})",
            duration(time),
            count(lead.times.len(), "commit"),
            count(lead.deploys, "deploy")
        ),
    }
}

fn failures(stats: &Stats) -> String {
    let all = stats.live + stats.failed;
    let share = stats.failure_share().unwrap_or_default() * 100.0;
    let back = match stats.taken_back {
        0 => String::new(),
        number => format!(", {number} of them live and then taken back"),
    };
    format!(
        "{share:.0} % ({} of {all}{back})",
        stats.failed + stats.taken_back
    )
}

fn recovery(stats: &Stats) -> String {
    let open = match stats.still_bad {
        0 => String::new(),
        1 => "1 not recovered yet".to_owned(),
        number => format!("{number} not recovered yet"),
    };
    match (stats.recovery(), open.is_empty()) {
        (None, true) => "nothing to recover from".to_owned(),
        (None, false) => open,
        (Some(time), true) => format!("{} (median of {})", duration(time), stats.recoveries.len()),
        (Some(time), false) => format!(
            "{} (median of {}; {open})",
            duration(time),
            stats.recoveries.len()
        ),
    }
}
