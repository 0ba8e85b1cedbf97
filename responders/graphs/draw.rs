//! Asking, drawing, answering.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use otus::{message::Via, prelude::*};
use otus_charts::{Chart, Marker, Picture};
use otus_monitoring::{Error as Failure, Prometheus, Series, step::Range};

use crate::{Graphs, ask::Ask, deploys, texts};

/// Draws what was asked, or says why not.
pub(crate) async fn answer(graphs: &Graphs, cx: &Context, ask: Ask) -> Result {
    let Some(prometheus) = &graphs.prometheus else {
        return Err(texts::no_prometheus().into());
    };
    match draw(graphs, prometheus, cx, &ask).await? {
        Ok(file) => cx.upload(file).await,
        Err(card) => cx.reply(card).await,
    }
}

/// The picture, or the card that says why there is none.
async fn draw(
    graphs: &Graphs,
    prometheus: &Prometheus,
    cx: &Context,
    ask: &Ask,
) -> Result<std::result::Result<File, Card>> {
    let person = cx.person().await;
    let zone = person
        .zone
        .and_then(|zone| TimeZone::get(&zone).ok())
        .unwrap_or(TimeZone::UTC);
    let (range, query, answer) = match fetch(graphs, prometheus, ask, &zone).await {
        Ok(fetched) => fetched,
        Err((query, failure)) => {
            tracing::info!(id = cx.id(), error = %failure, "a graph cannot be drawn");
            return Ok(Err(texts::failed(&failure, &query)));
        }
    };
    let series = answer.data.series();
    if series.is_empty() {
        let longer = longer(ask.range, graphs.settings.longest);
        return Ok(Err(texts::no_data(ask, &query, longer)));
    }

    let since = Timestamp::from_millisecond(range.start_ms())?;
    let marks = deploys::shown(cx.services(), since, ask.service.as_deref(), &query, series).await;
    let flags = deploys::flags(cx.services(), since, &query, series).await;
    let flags = flags
        .iter()
        .map(|change| Marker::new(change.at.as_millisecond() as f64 / 1e3, texts::flag_mark(change)));
    let chart = marks
        .iter()
        .map(|deploy| Marker::new(deploy.began.as_millisecond() as f64 / 1e3, texts::mark(deploy)))
        .chain(flags)
        .fold(chart(graphs, ask, &query, &range, zone, series), Chart::marker);
    // Drawing keeps a CPU busy for tens of milliseconds.
    let picture = tokio::task::spawn_blocking(move || chart.render()).await??;
    Ok(Ok(file(cx, ask, picture, &answer.warnings)))
}

async fn fetch(
    graphs: &Graphs,
    prometheus: &Prometheus,
    ask: &Ask,
    zone: &TimeZone,
) -> std::result::Result<(Range, String, otus_monitoring::Answer), (String, Failure)> {
    let now = Timestamp::now();
    let mut rules = graphs.rules.clone();
    // Days begin at the viewer's midnight.
    rules.utc_offset_seconds = zone.to_offset(now).seconds();
    let range = rules
        .plan(now - ask.range, now)
        .map_err(|failure| (ask.query.clone(), failure))?;
    let query = range.fill_in(&ask.query);
    match prometheus.query_range(&query, &range).await {
        Ok(answer) => Ok((range, query, answer)),
        Err(failure) => Err((query, failure)),
    }
}

fn chart(graphs: &Graphs, ask: &Ask, query: &str, range: &Range, zone: TimeZone, series: &[Series]) -> Chart {
    let seconds = |ms: i64| ms as f64 / 1e3;
    // A short query is its own best title.
    let short = ask.title.is_empty() && query.chars().count() <= 70;
    let chart = match (ask.title.as_str(), short) {
        ("", true) => Chart::new(query),
        ("", false) => Chart::new(texts::UNTITLED).query(query),
        (title, _) => Chart::new(title).query(query),
    };
    let lines = series.iter().map(|line| {
        let points = line
            .points
            .iter()
            .map(|point| (seconds(point.at_ms), point.value))
            .collect();
        otus_charts::Series::labelled(line.labels.clone(), points)
    });
    let chart = chart
        .unit(ask.unit)
        .range(
            seconds(range.start_ms()),
            seconds(range.end_ms()),
            range.step().as_secs_f64(),
        )
        .zone(zone)
        .theme(graphs.settings.theme.into())
        .all_series(lines);
    match &ask.limit {
        Some(limit) => chart.threshold(limit.clone()),
        None => chart,
    }
}

fn file(cx: &Context, ask: &Ask, picture: Picture, warnings: &[String]) -> File {
    let asked = (cx.message().via != Via::Said).then(|| texts::asked(cx.author(), cx.line()));
    let warned = (!warnings.is_empty()).then(|| texts::warnings(warnings));
    let comment: Vec<String> = asked.into_iter().chain(warned).collect();
    File {
        name: file_name(ask),
        title: texts::title(ask),
        alt: Some(picture.alt),
        comment: (!comment.is_empty()).then(|| comment.join("\n")),
        bytes: picture.png,
    }
}

/// `latency-api-1h.png`.
fn file_name(ask: &Ask) -> String {
    let what = if ask.title.is_empty() { "query" } else { &ask.what };
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
