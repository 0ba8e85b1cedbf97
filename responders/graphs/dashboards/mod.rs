//! Grafana's dashboards in the chat: listed, drawn by ourselves, and shown where somebody pastes a link to one.

mod chart;
mod draw;
mod find;
mod limits;
mod pasted;
mod said;
mod units;
mod words;

use jiff::{Timestamp, tz::TimeZone};
use otus::{UserError, prelude::*};
use otus_monitoring::grafana::dashboards::{BoardError, Boards, Found, Open, Span};

use self::find::Pick;
pub(crate) use self::{pasted::pasted, said::Said};
use crate::{Graphs, draw as graph, texts::dashboards as texts};

/// Lists the dashboards, those with the words in their titles, folders or tags.
pub(crate) async fn list(graphs: &Graphs, cx: &Context, words: Option<&str>) -> Result {
    let boards = boards(graphs)?;
    let all = boards.list().await.map_err(|error| failed(&error))?;
    let fits = |found: &&Found| {
        words.is_none_or(|words| {
            find::has(
                &format!(
                    "{} {} {} {}",
                    found.folder,
                    found.title,
                    found.uid,
                    found.tags.join(" ")
                ),
                words,
            )
        })
    };
    let some: Vec<&Found> = all.iter().filter(fits).collect();
    let link = |found: &Found| (!found.path.is_empty()).then(|| boards.grafana().link(&found.path));
    cx.reply(texts::list(&some, all.len(), words, link)).await
}

/// Shows a dashboard, or one of its panels.
pub(crate) async fn show(graphs: &Graphs, cx: &Context, said: Said) -> Result {
    let boards = boards(graphs)?;
    if let Some(link) = said.words.first().filter(|word| word.contains("://")) {
        return pasted::commanded(graphs, cx, boards, link).await;
    }
    let all = boards.list().await.map_err(|error| failed(&error))?;
    let (found, rest) = match find::board(&all, &said) {
        Pick::One(found, rest) => (found, rest),
        Pick::Several(several, rest) => {
            let rest = Some(rest).filter(|rest| !rest.is_empty());
            return cx
                .reply(texts::which_board(&said, &several, rest.as_deref()))
                .await;
        }
        Pick::Nothing => return Err(texts::no_board(&said, &all)),
    };
    let open = boards.open(&found.uid).await.map_err(|error| failed(&error))?;
    let zone = graph::zone(cx).await;
    let span = span(graphs, &open, &said, &zone, Timestamp::now())?;
    let panel = Some(rest).filter(|rest| !rest.is_empty());
    draw::answer(graphs, cx, &open, &said, panel.as_deref(), &span, &zone).await
}

fn boards(graphs: &Graphs) -> Result<&Boards, UserError> {
    graphs.boards.as_ref().ok_or_else(texts::no_grafana)
}

/// The time that was said, else that the dashboard was saved with, as far as it is allowed.
fn span(
    graphs: &Graphs,
    open: &Open,
    said: &Said,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Span, UserError> {
    let settings = &graphs.settings;
    let saved = |text: &Option<String>, end| {
        let text = text.as_deref()?;
        otus_monitoring::grafana::dashboards::when(text, now, zone, end)
    };
    let (start, end) = match (&said.manner, said.span) {
        (Some(manner), _) => manner.range(zone, now)?.unwrap_or((now - settings.range, now)),
        (None, Some(span)) => (now - span, now),
        (None, None) => {
            let end = saved(&open.dashboard.to, true).unwrap_or(now);
            let start = saved(&open.dashboard.from, false).filter(|start| *start < end);
            (start.unwrap_or(end - settings.range), end)
        }
    };
    between(graphs, start, end, zone)
}

/// A range, if it is neither empty nor too long.
fn between(graphs: &Graphs, start: Timestamp, end: Timestamp, zone: &TimeZone) -> Result<Span, UserError> {
    let length = end.duration_since(start).unsigned_abs();
    if end <= start {
        return Err(crate::texts::backwards());
    }
    if length > graphs.settings.longest {
        return Err(crate::texts::too_long(length, graphs.settings.longest));
    }
    let mut rules = graphs.rules.clone();
    // Days begin at the viewer's midnight.
    rules.utc_offset_seconds = zone.to_offset(end).seconds();
    Ok(Span { start, end, rules })
}

/// What Grafana says, for who asked.
fn failed(error: &otus_monitoring::grafana::GrafanaError) -> UserError {
    tracing::info!(%error, "a dashboard cannot be shown");
    texts::failed(error)
}

fn board_failed(error: &BoardError, said: &Said, uid: &str, panel: Option<&str>) -> UserError {
    match error {
        BoardError::Variable(error) => texts::variable(error, said, uid, panel),
        BoardError::Grafana(error) => failed(error),
        other => UserError::new(other.to_string()),
    }
}
