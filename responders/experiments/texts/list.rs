//! All experiments, and those that are finished.

use crate::{
    known::{Known, Wanted},
    range::Sums,
    record::Stopped,
    remind::Finished,
    verdict::{self, Verdict},
    words,
};
use jiff::Timestamp;
use otus::{Button, Card, Tone};

/// An experiment that did not run for so many seconds is quiet.
const QUIET: i64 = 3600;
/// So many have a button of their own.
const BUTTONS: usize = 5;

/// The answer to `experiments`.
pub(crate) fn list(
    all: &[(Known, Option<Wanted>, Sums)],
    more: usize,
    listens: bool,
    now: Timestamp,
) -> Card {
    if all.is_empty() {
        let why = if listens {
            super::NONE_YET.to_owned()
        } else {
            format!("{} There is no such token yet.", super::NONE_YET)
        };
        return Card::new(Tone::Neutral, "Experiments").text(why);
    }
    let mut card = Card::new(Tone::Neutral, "Experiments, the last 24 hours");
    for (known, wanted, sums) in all {
        card = card.text(line(known, wanted.as_ref(), sums, now));
    }
    if more > 0 {
        card = card.text(format!("… and {more} more that did not run lately."));
    }
    for (known, ..) in all.iter().take(BUTTONS) {
        card = card.button(Button::new(
            known.name.clone(),
            format!("experiment {}", known.name),
        ));
    }
    card
}

fn line(known: &Known, wanted: Option<&Wanted>, sums: &Sums, now: Timestamp) -> String {
    let applications: Vec<&str> = known.applications.keys().map(String::as_str).collect();
    let head = format!("*{}* in {}", known.name, applications.join(", "));
    let share = match wanted {
        Some(wanted) if wanted.stopped => super::STOPPED.to_owned(),
        Some(Wanted {
            percent: Some(percent),
            ..
        }) => super::of_calls(*percent),
        _ => super::as_programmed(known),
    };
    let total = &sums.total;
    if total.control.runs == 0 {
        let ran = known.ran.map_or_else(
            || "has never run".to_owned(),
            |ran| format!("ran last {}", words::moment(ran)),
        );
        return format!("⏸️ {head} · {share} · {ran}");
    }
    // A young one's hours are fewer.
    let hours = now.duration_since(sums.from).as_secs_f64().max(60.0) / 3600.0;
    let per_hour = (total.control.runs as f64 / hours).round() as u64;
    let mut worst = Tone::Good;
    let candidates: Vec<String> = total
        .candidates
        .iter()
        .map(|(name, stats)| {
            let judged = verdict::judge(&total.control, stats);
            worst = match (worst, judged.verdict) {
                (_, Verdict::Stopped) | (Tone::Bad, _) => Tone::Bad,
                (_, Verdict::Differs | Verdict::Slower(_)) | (Tone::Warning, _) => Tone::Warning,
                (_, Verdict::Nothing | Verdict::Few | Verdict::Unsure) => Tone::Neutral,
                (same, Verdict::Ready) => same,
            };
            let matched = judged.differing.value().map_or_else(
                || "nothing to say yet".into(),
                |share| {
                    let (low, high) = judged.interval;
                    format!(
                        "matched {} ({} to {})",
                        words::share(1.0 - share),
                        words::share(1.0 - high),
                        words::share(1.0 - low)
                    )
                },
            );
            let ratios = [0.5, 0.95].map(|share| stats.ratio.quantile(share).map(|ratio| ratio / 1000.0));
            let pace = match ratios {
                [Some(median), Some(high)] => format!(", takes {median:.2} × the time (p95 {high:.2} ×)"),
                _ => String::new(),
            };
            format!("*{name}* {matched}{pace}")
        })
        .collect();
    let symbol = match worst {
        Tone::Neutral | Tone::Running => "▫️",
        other => other.symbol(),
    };
    let quiet = known
        .ran
        .filter(|ran| now.duration_since(*ran).as_secs() > QUIET)
        .map_or_else(String::new, |ran| format!(" · ran last {}", words::moment(ran)));
    format!(
        "{symbol} {head} · {share} · {} an hour · {}{quiet}",
        words::count(per_hour, "run", "runs"),
        candidates.join(" · ")
    )
}

/// A candidate that was stopped by its breaker.
pub(crate) fn stopped(stopped: &Stopped) -> Card {
    let Stopped {
        experiment,
        candidate,
        application,
        why,
    } = stopped;
    Card::new(
        Tone::Warning,
        format!("*{candidate}* of the experiment *{experiment}* was stopped by itself in {application}"),
    )
    .text(format!(
        "{}. Callers notice nothing of that. It is tried again now and then.",
        words::inert(why, 120)
    ))
    .button(Button::new("How it goes", format!("experiment {experiment}")))
    .button(
        Button::new("Stop the experiment", format!("experiment {experiment} stop")).danger(format!(
            "Stop {experiment} everywhere, so that only the old code runs?"
        )),
    )
}

/// The weekly reminder.
pub(crate) fn finished(all: &[(String, Finished)]) -> Card {
    let title = match all {
        [_] => "An experiment is finished".to_owned(),
        all => format!("{} experiments are finished", all.len()),
    };
    let lines = all.iter().map(|(name, why)| match why {
        Finished::Stopped(since, by) => format!(
            "*{name}* was stopped by {} {} ago. Take it out of the code, or let it go on.",
            words::inert(by, 40),
            words::long(*since)
        ),
        Finished::Ready(candidate) => format!(
            "*{name}*: hardly any run of *{candidate}* differs. Let it take over, and take the experiment out of the code."
        ),
        Finished::Endless(age) => format!(
            "*{name}* runs since {} without an end in sight. Is anybody still looking at it?",
            words::long(*age)
        ),
    });
    let mut card = Card::new(Tone::Neutral, title).text(lines.collect::<Vec<_>>().join("\n"));
    for (name, _) in all.iter().take(BUTTONS) {
        card = card.button(Button::new(name.clone(), format!("experiment {name} 7d")));
    }
    card.footer("Said once a week, as long as they are in a program.")
}
