//! How one experiment goes.

use super::samples::sample;
use crate::{
    draw,
    known::{Known, Wanted},
    range::Sums,
    record::Kept,
    verdict::{self, Judged, Verdict},
    words,
};
use jiff::Timestamp;
use otus::{Button, Card, Tone, markup};
use otus_experiments::{
    Kind,
    stats::{CandidateStats, ControlStats},
};

/// So many places are named.
const PLACES: usize = 3;
/// Of so many candidates the distribution is shown.
const SPREAD: usize = 2;
/// So many releases are compared.
const RELEASES: usize = 5;

/// What is shown.
pub(crate) struct Shown<'a> {
    pub(crate) known: &'a Known,
    pub(crate) wanted: Option<&'a Wanted>,
    pub(crate) sums: &'a Sums,
    /// The newest first.
    pub(crate) samples: Vec<&'a Kept>,
    pub(crate) now: Timestamp,
}

/// The answer to `experiment <name>`.
pub(crate) fn card(shown: &Shown<'_>) -> Card {
    let Shown {
        known, wanted, sums, ..
    } = shown;
    let total = &sums.total;
    let judged: Vec<(&String, &CandidateStats, Judged)> = total
        .candidates
        .iter()
        .map(|(name, stats)| (name, stats, verdict::judge(&total.control, stats)))
        .collect();
    let long = words::long(sums.to.duration_since(sums.from));
    let title = if sums.young {
        format!("Experiment *{}*, since it began {long} ago", known.name)
    } else {
        format!("Experiment *{}*, the last {long}", known.name)
    };
    let tone = judged
        .iter()
        .map(|(_, _, judged)| tone(judged.verdict))
        .max_by_key(|tone| weight(*tone));
    let mut card = Card::new(tone.unwrap_or_default(), title);
    if judged.is_empty() {
        card = card.text(nothing_ran(shown));
    }
    for (name, stats, judged) in &judged {
        card = card.text(format!(
            "{}\n{}",
            sentence(name, stats, judged),
            conclusion(name, stats, judged)
        ));
    }
    card = card.field("Runs on", share_now(known, *wanted));
    if total.control.runs > 0 {
        card = card.field("Runs", runs(&total.control));
    }
    card = card.field("In", applications(known, shown.now));
    if let Some(releases) = by_release(sums) {
        card = card.text(releases);
    }
    if total.control.runs > 0 {
        card = card.code(draw::table(total));
    }
    for (name, stats, _) in judged.iter().take(SPREAD) {
        let spread = draw::spread(&stats.ratio);
        // One bar says nothing that the table does not.
        if spread.lines().count() > 1 {
            card = card
                .text(format!("The time of *{name}* against the control's, run by run:"))
                .code(spread);
        }
    }
    for kept in &shown.samples {
        card = sample(card, kept);
    }
    buttons(card, shown)
}

fn buttons(card: Card, shown: &Shown<'_>) -> Card {
    let name = &shown.known.name;
    let differs = shown.sums.total.candidates.values();
    let differs: u64 = differs.map(|stats| stats.outcomes.differing().of).sum();
    let mut card = card;
    if differs > shown.samples.len() as u64 && !shown.samples.is_empty() {
        card = card.button(Button::new(
            "More mismatches",
            format!("experiment {name} mismatches 10"),
        ));
    }
    if shown.sums.to.duration_since(shown.sums.from).as_hours() < 100 {
        card = card.button(Button::new("7 days", format!("experiment {name} 7d")));
    }
    match shown.wanted {
        Some(Wanted {
            stopped: true,
            percent: Some(percent),
            ..
        }) => card.button(Button::new(
            "Let it go on",
            format!("experiment {name} set {}", words::number(*percent)),
        )),
        Some(Wanted { stopped: true, .. }) => card,
        _ => card.button(
            Button::new("Stop", format!("experiment {name} stop"))
                .danger(format!("Stop {name} everywhere, so that only the old code runs?")),
        ),
    }
}

fn nothing_ran(shown: &Shown<'_>) -> String {
    match shown.known.ran {
        None => "It has not run yet. Its share may be 0 %, or nobody came by.".into(),
        Some(ran) => format!("It has not run in this time; it last did {}.", words::moment(ran)),
    }
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Nothing | Verdict::Few | Verdict::Unsure => Tone::Neutral,
        Verdict::Ready => Tone::Good,
        Verdict::Slower(_) | Verdict::Differs => Tone::Warning,
        Verdict::Stopped => Tone::Bad,
    }
}

fn weight(tone: Tone) -> u8 {
    match tone {
        Tone::Good => 0,
        Tone::Neutral | Tone::Running => 1,
        Tone::Warning => 2,
        Tone::Bad => 3,
    }
}

/// `*new* matched 99.98 % of 41,022 runs (99.96 % to 99.99 %); p95 12 ms against 48 ms; 7 mismatches, all in `email`.`
pub(crate) fn sentence(name: &str, stats: &CandidateStats, judged: &Judged) -> String {
    let Some(differing) = judged.differing.value() else {
        return format!("*{name}* did not run to an end{}.", not_judged(stats));
    };
    let (low, high) = judged.interval;
    let mut parts = vec![format!(
        "*{name}* matched {} of {} ({} to {})",
        words::share(1.0 - differing),
        words::count(judged.differing.total, "run", "runs"),
        words::share(1.0 - high),
        words::share(1.0 - low),
    )];
    if let Some((mine, control)) = judged.p95 {
        parts.push(format!(
            "p95 {} against {}",
            words::took(mine),
            words::took(control)
        ));
    }
    parts.push(differences(stats));
    let ignored = stats.outcomes.get(Kind::Ignored);
    if ignored > 0 {
        parts.push(words::count(
            ignored,
            "known difference ignored",
            "known differences ignored",
        ));
    }
    format!("{}{}.", parts.join("; "), not_judged(stats))
}

fn differences(stats: &CandidateStats) -> String {
    let kinds: Vec<String> = verdict::differences(stats)
        .into_iter()
        .map(|(kind, count)| match kind {
            Kind::Mismatch => words::count(count, "mismatch", "mismatches"),
            Kind::Error => words::count(count, "error", "errors"),
            Kind::Panic => words::count(count, "panic", "panics"),
            _ => words::count(count, "timeout", "timeouts"),
        })
        .collect();
    if kinds.is_empty() {
        return "not one differed".into();
    }
    let all = stats.outcomes.differing().of;
    let (places, sum) = verdict::places(stats);
    let place = |(place, count): &(&str, u64)| {
        let place = markup::code(&words::cut(place, 60));
        format!("{} in {place}", words::thousands(*count))
    };
    let placed = match places.as_slice() {
        [] => String::new(),
        [(one, count)] if *count == all => {
            let place = markup::code(&words::cut(one, 60));
            match all {
                1 => format!(", in {place}"),
                _ => format!(", all in {place}"),
            }
        }
        some => {
            let mut named: Vec<String> = some.iter().take(PLACES).map(place).collect();
            let shown: u64 = some.iter().take(PLACES).map(|(_, count)| *count).sum();
            let elsewhere = all.max(sum).saturating_sub(shown);
            if elsewhere > 0 {
                named.push(format!("{} elsewhere", words::thousands(elsewhere)));
            }
            format!(" ({})", named.join(", "))
        }
    };
    format!("{}{placed}", words::list(&kinds))
}

/// Runs that say nothing about the candidate, so that nobody wonders where they are.
fn not_judged(stats: &CandidateStats) -> String {
    let kinds = [
        (Kind::Shed, "left out under load or by its breaker"),
        (Kind::Cancelled, "cancelled"),
        (Kind::Undecided, "not decided, because the comparison panicked"),
    ];
    let parts: Vec<String> = kinds
        .into_iter()
        .filter(|(kind, _)| stats.outcomes.get(*kind) > 0)
        .map(|(kind, what)| format!("{} {what}", words::thousands(stats.outcomes.get(kind))))
        .collect();
    match parts.as_slice() {
        [] => String::new(),
        parts => format!(" ({})", parts.join(", ")),
    }
}

fn conclusion(name: &str, stats: &CandidateStats, judged: &Judged) -> String {
    let rare = words::share(judged.interval.1);
    let pace = judged.ratio.map(words::pace);
    let pace = pace.map_or_else(String::new, |pace| format!(" In the median run it is {pace}."));
    match judged.verdict {
        Verdict::Nothing => "Nothing can be said of it.".into(),
        Verdict::Stopped => {
            let why = stats.stopped.as_deref().unwrap_or("its breaker is open");
            format!(
                "It was stopped by itself: {}. It is tried again now and then.",
                words::inert(why, 120)
            )
        }
        Verdict::Few => format!("That is too little to say anything.{pace}"),
        Verdict::Unsure => format!(
            "None differed, but so few runs only show that fewer than {rare} do; let it run on.{pace}"
        ),
        Verdict::Ready => {
            format!("*{name}* may take over: with 95 % certainty at most {rare} of calls differ.{pace}")
        }
        Verdict::Slower(ratio) => {
            format!("It does the same, but slower: {ratio:.1} times the control's time in the median run.")
        }
        Verdict::Differs => format!("Look at what differs before it takes over.{pace}"),
    }
}

fn share_now(known: &Known, wanted: Option<&Wanted>) -> String {
    let by = |wanted: &Wanted| {
        format!(
            "set by {} {}",
            words::inert(&wanted.by, 40),
            words::moment(wanted.at)
        )
    };
    match wanted {
        Some(wanted) if wanted.stopped => format!("nothing: stopped, {}", by(wanted)),
        Some(
            wanted @ Wanted {
                percent: Some(percent),
                ..
            },
        ) => format!("{}, {}", super::of_calls(*percent), by(wanted)),
        _ => super::as_programmed(known),
    }
}

fn runs(control: &ControlStats) -> String {
    let mut text = words::thousands(control.runs);
    let failed = [
        (control.errors, "error", "errors"),
        (control.panics, "panic", "panics"),
    ];
    let failed: Vec<String> = failed
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| words::count(count, one, many))
        .collect();
    if !failed.is_empty() {
        text += &format!(", the control with {}", words::list(&failed));
    }
    text
}

fn applications(known: &Known, now: Timestamp) -> String {
    let silent = |last: Timestamp| {
        let long = now.duration_since(last);
        if long.as_secs() > 600 {
            format!(", silent for {}", words::long(long))
        } else {
            String::new()
        }
    };
    let all = known.applications.iter().map(|(name, teller)| {
        let release = teller.release.as_deref().map(words::release);
        let release = release.map_or_else(String::new, |release| format!(" {}", markup::code(&release)));
        format!("{name}{release}{}", silent(teller.last))
    });
    all.collect::<Vec<_>>().join(", ")
}

/// How often candidates differed in each release, where there are several: is it new since a deploy?
fn by_release(sums: &Sums) -> Option<String> {
    if sums.releases.len() < 2 {
        return None;
    }
    let lines = sums.releases.iter().rev().take(RELEASES).map(|release| {
        let of = release.candidates.iter().map(|(name, counts)| {
            let share = counts.differing();
            format!(
                "*{name}* differed in {} of {}",
                words::thousands(share.of),
                words::thousands(share.total)
            )
        });
        let of: Vec<String> = of.collect();
        format!(
            "{}: {}",
            markup::code(&words::release(&release.name)),
            of.join(", ")
        )
    });
    Some(format!(
        "By release, the newest first:\n{}",
        lines.collect::<Vec<_>>().join("\n")
    ))
}
