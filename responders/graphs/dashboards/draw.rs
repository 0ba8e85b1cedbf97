//! One panel large, or a dashboard's panels together, page by page.

use futures_util::future::join_all;
use jiff::tz::TimeZone;
use otus::{beside, prelude::*};
use otus_charts::{Grid, Panel};
use otus_monitoring::grafana::{
    GrafanaError,
    dashboards::{Form, Meanings, Means, Open, Results, Shown, Span, expand},
};

use super::{board_failed, chart, find, find::Pick, said::Said};
use crate::{Graphs, texts::dashboards as texts};

/// So many panels are asked for at a time.
const AT_ONCE: usize = 6;
/// How high a page may become, at full size.
const HIGHEST: f32 = 2_700.0;

/// A dashboard with its panels, ready to be drawn.
pub(super) struct Ready {
    pub(super) panels: Vec<Shown>,
    pub(super) more: usize,
    pub(super) notes: Vec<String>,
    meanings: Meanings,
}

/// The panels one sees, with the variables as they were wanted.
pub(super) async fn ready(
    open: &Open,
    said: &Said,
    panel: Option<&str>,
    span: &Span,
) -> Result<Ready, UserError> {
    // Where one panel is meant by its number, only what it needs is asked for.
    let only = panel.and_then(|panel| panel.parse().ok());
    let only = only.and_then(|id: u64| open.dashboard.panels().find(|panel| panel.id == id));
    let meanings = open.meanings(&said.wanted, only, span).await;
    let (meanings, notes) =
        meanings.map_err(|error| board_failed(&error, said, &open.dashboard.uid, panel))?;
    let (panels, more) = expand(&open.dashboard, &meanings);
    Ok(Ready {
        panels,
        more,
        notes,
        meanings,
    })
}

/// Draws what was asked for, or says why not.
pub(super) async fn answer(
    graphs: &Graphs,
    cx: &Context,
    open: &Open,
    said: &Said,
    panel: Option<&str>,
    span: &Span,
    zone: &TimeZone,
) -> Result {
    let ready = ready(open, said, panel, span).await?;
    let Some(words) = panel else {
        return page(graphs, cx, open, said, &ready, span, zone).await;
    };
    match find::panel(&ready.panels, words) {
        Pick::One(shown, _) => one(graphs, cx, open, &ready, shown, span, zone).await,
        Pick::Several(several, _) if several.iter().all(|shown| shown.panel.id == several[0].panel.id) => {
            // One panel, repeated: all of them together.
            let panels = several.into_iter().cloned().collect();
            let ready = Ready {
                panels,
                more: 0,
                ..ready
            };
            page(graphs, cx, open, said, &ready, span, zone).await
        }
        Pick::Several(several, _) => cx.reply(texts::which_panel(said, open, &several)).await,
        Pick::Nothing => Err(texts::no_panel(said, open, words, &ready.panels).into()),
    }
}

/// One panel, large.
pub(super) async fn one(
    graphs: &Graphs,
    cx: &Context,
    open: &Open,
    ready: &Ready,
    shown: &Shown,
    span: &Span,
    zone: &TimeZone,
) -> Result {
    let title = texts::panel_title(open, shown);
    let link = open.panel_link(&shown.panel);
    let form = match shown.panel.means() {
        Means::Draw(form) => form,
        not => {
            let light = graphs.settings.theme == crate::Ground::Light;
            let rendered = open
                .render(shown, span, light, zone.iana_name().unwrap_or("UTC"))
                .await;
            return match rendered {
                Ok(Some(png)) => {
                    let file = File {
                        name: file_name(open, &shown.panel.id.to_string()),
                        title: title.clone(),
                        alt: Some(texts::rendered_alt(&title)),
                        comment: Some(texts::by_grafana(link.as_deref())),
                        bytes: png,
                    };
                    cx.upload(file).await
                }
                Ok(None) => {
                    cx.reply(texts::not_drawn(shown, &not, None, link.as_deref()))
                        .await
                }
                Err(error) => {
                    cx.reply(texts::not_drawn(shown, &not, Some(&error), link.as_deref()))
                        .await
                }
            };
        }
    };
    let results = match open.fetch(shown, span).await {
        Ok(results) => results,
        Err(error) => {
            tracing::info!(id = cx.id(), %error, "a panel cannot be drawn");
            return cx
                .reply(texts::panel_failed(shown, &error, link.as_deref()))
                .await;
        }
    };
    let panels = chart::panels(shown, &title, form, &results, zone);
    let picture = picture(graphs, title.clone(), String::new(), rows(vec![(form, panels)])).await?;
    let notes: Vec<String> = ready.notes.iter().chain(&results.notes).cloned().collect();
    let file = File {
        name: file_name(open, &shown.panel.id.to_string()),
        title: texts::file_title(&title, span, zone),
        alt: Some(picture.alt),
        comment: texts::comment(cx, &notes, &[], None, link.as_deref()),
        bytes: picture.png,
    };
    cx.upload(file).await
}

/// The variables that were set, as people read them.
fn asked(said: &Said, ready: &Ready) -> Vec<(String, String)> {
    let meaning = |name: &str| {
        ready
            .meanings
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    let set = said.wanted.iter().filter_map(|wanted| meaning(&wanted.name));
    set.map(|(name, meaning)| (name.clone(), meaning.text()))
        .collect()
}

/// A page of panels.
pub(super) async fn page(
    graphs: &Graphs,
    cx: &Context,
    open: &Open,
    said: &Said,
    ready: &Ready,
    span: &Span,
    zone: &TimeZone,
) -> Result {
    type Numbered<'a> = Vec<(usize, &'a Shown)>;
    let (drawn, not): (Numbered<'_>, Numbered<'_>) = ready
        .panels
        .iter()
        .enumerate()
        .partition(|(_, shown)| matches!(shown.panel.means(), Means::Draw(_)));
    let pages = pages(&drawn.iter().map(|(_, shown)| *shown).collect::<Vec<_>>());
    let wanted = said.page.unwrap_or(1);
    if drawn.is_empty() {
        let not: Vec<&Shown> = not.into_iter().map(|(_, shown)| shown).collect();
        return cx.reply(texts::nothing_to_draw(open, &not)).await;
    }
    let Some(shown) = pages.get(wanted - 1) else {
        return Err(texts::no_page(open, said, wanted, pages.len()).into());
    };
    let mut found: Vec<(&Shown, Form, Result<Results, GrafanaError>)> = Vec::new();
    for some in shown.chunks(AT_ONCE) {
        let asking: Vec<_> = some.iter().map(|(shown, _)| open.fetch(shown, span)).collect();
        let results = join_all(asking).await;
        found.extend(
            some.iter()
                .zip(results)
                .map(|((shown, form), result)| (*shown, *form, result)),
        );
    }
    let mut notes: Vec<String> = ready.notes.clone();
    if let Some(first) = found.iter().find_map(|(.., result)| result.as_ref().err())
        && found.iter().all(|(.., result)| result.is_err())
    {
        tracing::info!(id = cx.id(), error = %first, "a dashboard cannot be drawn");
        return cx.reply(texts::all_failed(open, first)).await;
    }
    let mut parts = Vec::new();
    for (shown, form, result) in found {
        let title = texts::title_on_page(shown, &ready.panels);
        match result {
            Ok(results) => {
                notes.extend(results.notes.iter().map(|note| texts::note_of(&title, note)));
                parts.push((form, chart::panels(shown, &title, form, &results, zone)));
            }
            Err(error) => notes.push(texts::failed_on_page(&title, &error)),
        }
    }
    // What is not drawn is named with the page it would be on, which is that of the panel before it.
    let positions: Vec<usize> = drawn.iter().map(|(at, _)| *at).collect();
    let first = pages[..wanted - 1].iter().map(Vec::len).sum::<usize>();
    let from = if wanted == 1 {
        0
    } else {
        positions.get(first).copied().unwrap_or(usize::MAX)
    };
    let until = positions.get(first + shown.len()).copied().unwrap_or(usize::MAX);
    let missing: Vec<&Shown> = not
        .iter()
        .filter(|(at, _)| *at >= from && *at < until)
        .map(|(_, shown)| *shown)
        .collect();
    let title = open.dashboard.title.clone();
    let subtitle = texts::subtitle(&asked(said, ready), span, zone, wanted, pages.len());
    let picture = picture(graphs, title.clone(), subtitle, rows(parts)).await?;
    let more = drawn.len().saturating_sub(first + shown.len()) + ready.more;
    let next = (wanted < pages.len()).then(|| texts::next_page(said, open, wanted + 1, more));
    let missing: Vec<String> = missing
        .into_iter()
        .map(|shown| texts::missing(open, said, shown))
        .collect();
    let file = File {
        name: file_name(open, &format!("page-{wanted}")),
        title: texts::file_title(&title, span, zone),
        alt: Some(picture.alt),
        comment: texts::comment(cx, &notes, &missing, next.as_deref(), open.link().as_deref()),
        bytes: picture.png,
    };
    cx.upload(file).await
}

/// Panels that fit on a page each, in their order.
fn pages<'a>(all: &[&'a Shown]) -> Vec<Vec<(&'a Shown, Form)>> {
    let mut pages: Vec<Vec<(&Shown, Form)>> = Vec::new();
    let mut used = 0.0;
    for shown in all {
        let Means::Draw(form) = shown.panel.means() else {
            continue;
        };
        let height = match form {
            Form::Stat => 300.0 / 4.0,
            Form::TimeSeries | Form::Heatmap | Form::Histogram => 500.0 / 2.0,
            _ => 400.0 / 2.0,
        };
        if pages.is_empty() || used + height > HIGHEST / 1.25 {
            pages.push(Vec::new());
            used = 0.0;
        }
        used += height;
        // There is one by now.
        pages
            .last_mut()
            .into_iter()
            .for_each(|page| page.push((*shown, form)));
    }
    pages
}

/// Rows of a picture: numbers four beside each other, tables alone, everything else two.
fn rows(parts: Vec<(Form, Vec<Panel>)>) -> Vec<Vec<Panel>> {
    let mut rows: Vec<(usize, Vec<Panel>)> = Vec::new();
    for (form, panels) in parts {
        let beside = match form {
            Form::Stat => 4,
            Form::Table => 1,
            _ => 2,
        };
        for panel in panels {
            match rows.last_mut() {
                Some((most, row)) if *most == beside && row.len() < beside => row.push(panel),
                _ => rows.push((beside, vec![panel])),
            }
        }
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

async fn picture(
    graphs: &Graphs,
    title: String,
    subtitle: String,
    mut rows: Vec<Vec<Panel>>,
) -> Result<otus_charts::Picture> {
    let theme = graphs.settings.theme.into();
    // Drawing keeps a CPU busy for tens of milliseconds a panel.
    let drawing = beside::compute(move || match rows.as_mut_slice() {
        [row] if row.len() == 1 => row.remove(0).theme(theme).render(),
        _ => rows
            .into_iter()
            .fold(Grid::new(title).subtitle(subtitle), Grid::row)
            .theme(theme)
            .render(),
    });
    Ok(drawing.await??)
}

/// `node-exporter-page-1.png`, `node-exporter-8.png`.
fn file_name(open: &Open, part: &str) -> String {
    let title = open.dashboard.title.to_lowercase();
    let words = title
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let name: Vec<&str> = std::iter::once("dashboard").chain(words).collect();
    format!("{}-{part}.png", name.join("-"))
}
