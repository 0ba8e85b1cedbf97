//! Asking, drawing, answering.

use std::time::Duration;

use futures_util::future::{join, join_all};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use otus::{Services, beside, prelude::*};
use otus_charts::{Grid, Marker, Panel, Picture, Series};
use otus_monitoring::{Error as Failure, Prometheus, step::Range};

use crate::{Graphs, ask::Ask, deploys, panel, post, texts};

/// The week before is so far away.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What was found for one query.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) range: Range,
    /// With Grafana's variables filled in.
    pub(crate) query: String,
    pub(crate) series: Vec<Series>,
    /// The same a week before, where it was asked for.
    pub(crate) earlier: Vec<Series>,
    pub(crate) warnings: Vec<String>,
    /// As they came: what they are about is told by their labels.
    raw: Vec<otus_monitoring::Series>,
}

impl Fetched {
    /// The beginning, the end and the step.
    pub(crate) fn seconds(&self) -> (f64, f64, f64) {
        let seconds = |ms: i64| ms as f64 / 1e3;
        (
            seconds(self.range.start_ms()),
            seconds(self.range.end_ms()),
            self.range.step().as_secs_f64(),
        )
    }
}

/// Why there is nothing to draw: the query, and what Prometheus says.
pub(crate) type Failed = (String, Failure);

/// The zone of who asks.
pub(crate) async fn zone(cx: &Context) -> TimeZone {
    let person = cx.person().await;
    person
        .zone
        .and_then(|zone| TimeZone::get(&zone).ok())
        .unwrap_or(TimeZone::UTC)
}

/// Draws what was asked, or says why not.
pub(crate) async fn answer(graphs: &Graphs, cx: &Context, ask: Ask, zone: TimeZone) -> Result {
    let Some(prometheus) = &graphs.prometheus else {
        return Err(texts::no_prometheus().into());
    };
    // Begun before the work: of two buttons the one that was pressed last counts.
    let place = match ask.manner.here {
        true => cx.in_place().await,
        false => None,
    };
    match (draw(graphs, prometheus, cx, &ask, zone).await?, &place) {
        (Ok((file, warnings)), place) => {
            let key = cx.message().event.answer();
            post::picture(cx, place.as_ref(), &graphs.settings, &ask, file, &warnings, key).await
        }
        (Err(card), Some(_)) => cx.reply_in_thread(texts::kept(card)).await,
        (Err(card), None) => cx.reply(card).await,
    }
}

/// Draws what a link shows that somebody pasted; what cannot be drawn is nobody's question.
pub(crate) async fn overheard(graphs: &Graphs, cx: &Context, ask: Ask, nth: usize, zone: TimeZone) -> Result {
    let Some(prometheus) = &graphs.prometheus else {
        return Ok(());
    };
    if let Ok((file, warnings)) = draw(graphs, prometheus, cx, &ask, zone).await? {
        let key = format!("{} link {nth}", cx.message().event.answer());
        post::picture(cx, None, &graphs.settings, &ask, file, &warnings, key).await?;
    }
    Ok(())
}

/// The picture, or the card that says why there is none.
async fn draw(
    graphs: &Graphs,
    prometheus: &Prometheus,
    cx: &Context,
    ask: &Ask,
    zone: TimeZone,
) -> Result<std::result::Result<(File, Vec<String>), Card>> {
    let parts = ask.parts();
    let now = Timestamp::now();
    let fetching = parts
        .iter()
        .map(|part| fetch(graphs, prometheus, part, &zone, now));
    let found = join_all(fetching).await;
    for (_, failure) in found.iter().filter_map(|one| one.as_ref().err()) {
        tracing::info!(id = cx.id(), error = %failure, "a graph cannot be drawn");
    }
    if found.iter().all(|one| match one {
        Ok(found) => found.series.is_empty(),
        Err(_) => true,
    }) {
        // One failure says more than that others found nothing.
        let card = found.iter().find_map(|one| one.as_ref().err());
        let card = card.map(|(query, failure)| texts::failed(failure, query));
        let longer = longer(ask.range, graphs.settings.longest).filter(|_| ask.end.is_none());
        let query = found.iter().find_map(|one| one.as_ref().ok());
        let query = query.map(|found| found.query.as_str()).unwrap_or_default();
        return Ok(Err(card.unwrap_or_else(|| texts::no_data(ask, query, longer))));
    }
    let mut warnings = Vec::new();
    let mut panels = Vec::new();
    for (part, one) in parts.iter().zip(found) {
        match one {
            Ok(found) => {
                let marks = marks(cx.services(), part, &found).await?;
                warnings.extend(found.warnings.iter().cloned());
                panels.push(panel::panel(part, &found, zone.clone(), marks));
            }
            Err((_, failure)) => warnings.push(texts::part_failed(part, &failure)),
        }
    }
    let (title, subtitle) = (texts::heading(ask), texts::subtitle(ask, &zone));
    let picture = picture(graphs, title, subtitle, panels).await?;
    Ok(Ok((file(ask, picture), warnings)))
}

/// Draws the panels, one alone or several below each other's heading.
pub(crate) async fn picture(
    graphs: &Graphs,
    title: String,
    subtitle: String,
    mut panels: Vec<Panel>,
) -> Result<Picture> {
    let theme = graphs.settings.theme.into();
    // Drawing keeps a CPU busy for tens of milliseconds.
    let drawing = beside::compute(move || match panels.pop() {
        Some(only) if panels.is_empty() => only.theme(theme).render(),
        last => panels
            .into_iter()
            .chain(last)
            .fold(Grid::new(title).subtitle(subtitle), Grid::panel)
            .theme(theme)
            .render(),
    });
    Ok(drawing.await??)
}

/// The deploys and changes of flags of what is shown.
async fn marks(services: &Services, ask: &Ask, found: &Fetched) -> Result<Vec<Marker>> {
    let since = Timestamp::from_millisecond(found.range.start_ms())?;
    let deploys = deploys::shown(services, since, ask.service.as_deref(), &found.query, &found.raw).await;
    let flags = deploys::flags(services, since, &found.query, &found.raw).await;
    let seconds = |at: Timestamp| at.as_millisecond() as f64 / 1e3;
    let end = found.seconds().1;
    let deploys = deploys
        .iter()
        .map(|deploy| (seconds(deploy.began), texts::mark(deploy)));
    let flags = flags
        .iter()
        .map(|change| (seconds(change.at), texts::flag_mark(change)));
    // What came after the end of a range of the past is not on it.
    Ok(deploys
        .chain(flags)
        .filter(|(at, _)| *at <= end + found.range.step().as_secs_f64())
        .map(|(at, label)| Marker::new(at, label))
        .collect())
}

/// Asks Prometheus for one query.
pub(crate) async fn fetch(
    graphs: &Graphs,
    prometheus: &Prometheus,
    ask: &Ask,
    zone: &TimeZone,
    now: Timestamp,
) -> std::result::Result<Fetched, Failed> {
    let end = ask.end.unwrap_or(now);
    let mut rules = graphs.rules.clone();
    // Days begin at the viewer's midnight.
    rules.utc_offset_seconds = zone.to_offset(end).seconds();
    let failed = |failure| (ask.query.clone(), failure);
    let range = rules.plan(end - ask.range, end).map_err(failed)?;
    let before = end - WEEK;
    let before = rules.plan(before - ask.range, before).map_err(failed)?;
    let query = range.fill_in(&ask.query);
    let earlier = async {
        match ask.manner.last_week {
            true => Some(prometheus.query_range(&query, &before).await),
            false => None,
        }
    };
    let (answer, earlier) = join(prometheus.query_range(&query, &range), earlier).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => return Err((query, failure)),
    };
    let raw = answer.data.series().to_vec();
    let mut warnings = answer.warnings;
    let earlier = match earlier {
        None => Vec::new(),
        Some(Ok(earlier)) if earlier.data.is_empty() => {
            warnings.push(texts::NOTHING_LAST_WEEK.to_owned());
            Vec::new()
        }
        Some(Ok(earlier)) => lines(earlier.data.series())
            .map(|line| line.moved(WEEK.as_secs_f64()).earlier(texts::LAST_WEEK))
            .collect(),
        Some(Err(failure)) => {
            warnings.push(texts::last_week_failed(&failure));
            Vec::new()
        }
    };
    Ok(Fetched {
        series: lines(&raw).collect(),
        range,
        query,
        earlier,
        warnings,
        raw,
    })
}

fn lines(series: &[otus_monitoring::Series]) -> impl Iterator<Item = Series> {
    series.iter().map(|line| {
        let points = line
            .points
            .iter()
            .map(|point| (point.at_ms as f64 / 1e3, point.value));
        Series::labelled(line.labels.clone(), points.collect())
    })
}

fn file(ask: &Ask, picture: Picture) -> File {
    File {
        name: file_name(ask),
        title: texts::title(ask),
        alt: Some(picture.alt),
        comment: None,
        bytes: picture.png,
    }
}

/// `latency-api-1h.png`.
fn file_name(ask: &Ask) -> String {
    let what = if ask.title.is_empty() || ask.what.contains('/') {
        "query"
    } else {
        &ask.what
    };
    let parts = [Some(what), ask.service.as_deref(), ask.environment.as_deref()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    let range = otus_monitoring::duration::format(ask.range);
    format!("{}-{range}.png", parts.join("-"))
}

/// The next longer range to try, when there is nothing in this one.
fn longer(range: Duration, longest: Duration) -> Option<Duration> {
    const HOUR: u64 = 3600;
    [HOUR, 6 * HOUR, 24 * HOUR, 7 * 24 * HOUR]
        .into_iter()
        .map(Duration::from_secs)
        .find(|more| *more > range && *more <= longest)
}
