//! What people ask for.

use crate::{
    door, draw,
    known::{self, Known, Wanted},
    range::{self, Sums},
    record,
    settings::Settings,
    texts,
};
use jiff::{SignedDuration, SpanRelativeTo, Timestamp, tz::TimeZone};
use otus::{Context, Result, UserError, args, store::Store};
use std::str::FromStr;

/// Without a duration.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// So many samples stand in the answer itself.
const SHOWN: usize = 3;
/// So many are shown when nobody says.
const MISMATCHES: usize = 5;
/// So many experiments are looked at for the list.
const LISTED: usize = 40;

/// How far back, as one says it: `90m`, `6h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(SignedDuration);

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let span: jiff::Span = text.parse().map_err(|_| texts::NO_SPAN)?;
        let long = span.to_duration(SpanRelativeTo::days_are_24_hours());
        let long = long.map_err(|_| texts::NO_SPAN)?;
        let enough = long >= SignedDuration::from_mins(1);
        enough.then_some(Self(long)).ok_or(texts::NO_SPAN)
    }
}

/// An experiment, as one says its name.
pub(crate) async fn find(
    store: &dyn Store,
    name: &str,
    corrected: impl Fn(&str) -> Option<String>,
) -> Result<Known> {
    let mut all = known::known(store).await?;
    let found = all.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned();
    if let Some(known) = found.and_then(|found| all.remove(&found)) {
        return Ok(known);
    }
    if all.is_empty() {
        return Err(UserError::new(texts::NONE_YET).into());
    }
    let names: Vec<String> = all.into_keys().collect();
    Err(args::unknown("experiment", name, &names, corrected).into())
}

/// `experiments`.
pub(crate) async fn list(cx: &Context, settings: &Settings) -> Result {
    let store = cx.services().store().as_ref();
    let (now, mut wanted) = (store.now().await?, known::wanted(store).await?);
    let mut all: Vec<Known> = known::known(store).await?.into_values().collect();
    // Those that are alive first.
    all.sort_by_key(|known| (std::cmp::Reverse(known.ran), known.name.clone()));
    let more = all.len().saturating_sub(LISTED);
    all.truncate(LISTED);
    let mut lines: Vec<(Known, Option<Wanted>, Sums)> = Vec::new();
    for known in all {
        let sums = range::sums(store, &known, DAY, now).await?;
        let wanted = wanted.remove(&known.name);
        lines.push((known, wanted, sums));
    }
    let listens = !settings.applications.is_empty();
    cx.reply(texts::list(&lines, more, listens, now)).await
}

/// `experiment <name>`: the answer, and the picture in its thread.
pub(crate) async fn one(cx: &Context, settings: &Settings, name: &str, span: Option<Span>) -> Result {
    let store = cx.services().store().as_ref();
    let known = find(store, name, |near| Some(format!("experiment {near}"))).await?;
    let now = store.now().await?;
    let span = span.map_or(DAY, |span| span.0);
    let kept = now.duration_since(door::oldest(now, settings));
    if span > kept {
        let days = kept.as_hours() / 24;
        return Err(texts::too_long(days)
            .instead(format!("experiment {} {days}d", known.name))
            .into());
    }
    let sums = range::sums(store, &known, span, now).await?;
    let samples = record::samples(store, &known.name).await?;
    let wanted = known::wanted(store).await?.remove(&known.name);
    let shown = texts::Shown {
        known: &known,
        wanted: wanted.as_ref(),
        sums: &sums,
        samples: newest(&samples, SHOWN, sums.from),
        now,
    };
    cx.reply(texts::card(&shown)).await?;
    if sums.total.control.runs == 0 {
        return Ok(());
    }
    let person = cx.person().await;
    let zone = person.zone.and_then(|zone| TimeZone::get(&zone).ok());
    let chart = draw::chart(&known.name, &sums, zone.unwrap_or(TimeZone::UTC));
    // Drawing keeps a CPU busy for tens of milliseconds.
    let picture = otus::beside::compute(move || chart.render()).await??;
    cx.upload(draw::file(&known.name, &sums, picture)).await
}

/// `experiment <name> mismatches`.
pub(crate) async fn mismatches(cx: &Context, name: &str, n: Option<usize>) -> Result {
    let store = cx.services().store().as_ref();
    let known = find(store, name, |near| Some(format!("experiment {near} mismatches"))).await?;
    let samples = record::samples(store, &known.name).await?;
    let shown = newest(&samples, n.unwrap_or(MISMATCHES).max(1), Timestamp::MIN);
    cx.reply(texts::mismatches(&known.name, &shown, samples.len()))
        .await
}

fn newest(samples: &[record::Kept], most: usize, since: Timestamp) -> Vec<&record::Kept> {
    let since = u64::try_from(since.as_millisecond()).unwrap_or(0);
    let young = samples.iter().rev().filter(|kept| kept.sample.at >= since);
    young.take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read() {
        assert_eq!("7d".parse(), Ok(Span(SignedDuration::from_hours(168))));
        assert_eq!("90m".parse(), Ok(Span(SignedDuration::from_mins(90))));
        for wrong in ["10s", "5x", "0h"] {
            assert_eq!(wrong.parse::<Span>(), Err(texts::NO_SPAN), "{wrong}");
        }
    }
}
