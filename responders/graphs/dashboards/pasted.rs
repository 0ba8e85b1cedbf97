//! Links into Grafana that people paste: answered in their thread with what they show, when the link leads to the Grafana that is
//! configured, and who pasted it may ask for it. About everything else there is silence.

use jiff::{Timestamp, tz::TimeZone};
use otus::{
    message::{Message, Segment},
    prelude::*,
};
use otus_monitoring::grafana::dashboards::{Boards, Leads, Link, Span, when};

use super::{between, draw, failed, said::Said};
use crate::{Graphs, draw as graph, texts::dashboards as texts};

/// So many links of one message are shown.
const MOST: usize = 3;

/// What was heard; the links in it are looked at.
pub(crate) async fn pasted(graphs: &Graphs, cx: &Context) -> Result {
    let Some(boards) = &graphs.boards else {
        return Ok(());
    };
    let message = cx.message();
    // Said to the robot it is a command, or no business of a listener's.
    if message.from_robot || cx.is_addressed() {
        return Ok(());
    }
    for link in links(&message.content).into_iter().take(MOST) {
        let Some(leads) = Link::read(boards.grafana().base(), &link) else {
            continue;
        };
        if !may(cx, &link).await {
            continue;
        }
        // Nobody asked the robot anything: what cannot be shown is logged.
        if let Err(error) = shown(graphs, cx, boards, leads).await {
            tracing::info!(
                id = cx.id(),
                error = format!("{error:#}"),
                "a pasted link cannot be shown"
            );
        }
    }
    Ok(())
}

/// What a link shows that was said to the robot behind `dashboard`.
pub(super) async fn commanded(graphs: &Graphs, cx: &Context, boards: &Boards, link: &str) -> Result {
    let leads = Link::read(boards.grafana().base(), link.trim_matches(['<', '>']));
    let leads = leads.ok_or_else(|| texts::not_our_link(boards.grafana().url()))?;
    shown(graphs, cx, boards, leads).await
}

/// The addresses in what was said: links, and plain words that are some. What is quoted or code is nobody's to open.
fn links(content: &[Segment]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for segment in content {
        let words: Vec<&str> = match segment {
            Segment::Link { url, .. } => vec![url],
            Segment::Text(text) => text
                .split_whitespace()
                .filter(|word| word.contains("://"))
                .collect(),
            _ => Vec::new(),
        };
        for word in words {
            let word = word.trim_matches(['<', '>', '(', ')', ',', '"']).to_owned();
            if !found.contains(&word) {
                found.push(word);
            }
        }
    }
    found
}

/// Whether who pasted it may ask the robot for it.
async fn may(cx: &Context, link: &str) -> bool {
    let asked = Message {
        content: vec![Segment::Me, Segment::Text(format!(" dashboard {link}"))],
        ..cx.message().clone()
    };
    cx.services().would_run(&asked).await
}

async fn shown(graphs: &Graphs, cx: &Context, boards: &Boards, leads: Leads) -> Result {
    let grafana = boards.grafana();
    let link = match leads {
        Leads::Dashboard(link) => link,
        Leads::Short(path) => {
            let to = grafana.followed(&path).await.map_err(|error| failed(&error))?;
            match to.and_then(|to| Link::read(grafana.base(), &to)) {
                Some(Leads::Dashboard(link)) => link,
                _ => return Err(texts::not_our_link(grafana.url()).into()),
            }
        }
    };
    let open = boards.open(&link.uid).await.map_err(|error| failed(&error))?;
    let zone = graph::zone(cx).await;
    let span = span(graphs, &link, &open.dashboard, &zone, Timestamp::now())?;
    let mut said = Said {
        words: vec![link.uid.clone()],
        wanted: link.wanted.clone(),
        time: period(&span, &zone),
        ..Said::default()
    };
    // A link may name variables that the dashboard has no more.
    said.wanted.retain(|wanted| {
        open.dashboard
            .variables
            .iter()
            .any(|variable| variable.name == wanted.name)
    });
    cx.answer_in_thread();
    let panel = link.panel_id().map(|id| id.to_string());
    draw::answer(graphs, cx, &open, &said, panel.as_deref(), &span, &zone).await
}

/// The time as one would say it.
fn period(span: &Span, zone: &TimeZone) -> String {
    let at = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
    format!("from {} to {}", at(span.start), at(span.end))
}

/// The time of the link, else that of the dashboard.
fn span(
    graphs: &Graphs,
    link: &Link,
    dashboard: &otus_monitoring::grafana::dashboards::Dashboard,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Span, UserError> {
    let at = |own: &Option<String>, saved: &Option<String>, end| {
        let own = own.as_deref().and_then(|text| when(text, now, zone, end));
        own.or_else(|| saved.as_deref().and_then(|text| when(text, now, zone, end)))
    };
    let end = at(&link.to, &dashboard.to, true).unwrap_or(now);
    let start = at(&link.from, &dashboard.from, false).filter(|start| *start < end);
    between(graphs, start.unwrap_or(end - graphs.settings.range), end, zone)
}
