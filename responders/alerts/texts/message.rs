//! The message of a group: a pure function of what is known of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use otus::{
    Button, Card, ChannelId, Picture, Post, Tone,
    card::ButtonStyle,
    markup::{bold, clean, code, link, user},
    phrase::{self, between, count, cut, inert, list, moment},
    store::DeployState,
};
use otus_monitoring::alertmanager::expression;
use url::Url;

use super::name;
use crate::{
    House,
    deploys::After,
    group::{Alert, Group, Logged, What},
};

/// So many different words of rules are shown.
const SUMMARIES: usize = 3;
/// So many alerts are listed.
const ROWS: usize = 10;
/// So many labels are columns.
const COLUMNS: usize = 4;
/// So wide is a cell.
const CELL: usize = 28;
/// So many lines of what was done are shown.
const LINES: usize = 6;
/// So many labels that all have in common are shown.
const COMMON: usize = 8;
/// A command of more characters does not fit on a button.
const LONGEST_COMMAND: usize = 1_500;

/// Annotations that hold a runbook's address, and a dashboard's.
const RUNBOOKS: [&str; 3] = ["runbook_url", "runbook", "runbookURL"];
const DASHBOARDS: [&str; 3] = ["dashboard_url", "dashboard", "dashboardURL"];

/// What a message is made of.
pub(crate) struct View<'a> {
    pub(crate) house: &'a House,
    pub(crate) group: &'a Group,
    pub(crate) channel: &'a ChannelId,
    pub(crate) after: Option<&'a After>,
    /// Whether the picture is shown.
    pub(crate) graph: bool,
    /// Whether somebody draws graphs on demand.
    pub(crate) graphs: bool,
}

/// The picture of this episode, if there is one.
pub(crate) fn picture(group: &Group) -> Option<&Picture> {
    let reading = group
        .reading
        .as_ref()
        .filter(|reading| reading.episode == group.episode)?;
    reading.picture.as_ref()
}

impl View<'_> {
    /// The alerts of this channel, those that fire first.
    fn alerts(&self) -> Vec<(&String, &Alert)> {
        let group = self.group;
        let here = |alert: &Alert| {
            let channels = self
                .house
                .ready
                .channels(&group.source, &group.receiver, &alert.labels);
            channels.iter().any(|(channel, _)| *channel == self.channel)
        };
        let mut all: Vec<_> = group.alerts.iter().filter(|(_, alert)| here(alert)).collect();
        if all.is_empty() {
            // The routes have changed since it was posted: it goes on as one of all.
            all = group.alerts.iter().collect();
        }
        all.sort_by(|(_, a), (_, b)| (a.ended.is_some(), &a.labels).cmp(&(b.ended.is_some(), &b.labels)));
        all
    }
}

/// The message.
pub(crate) fn message(view: &View<'_>, now: Timestamp) -> Card {
    let group = view.group;
    let alerts = view.alerts();
    let firing: Vec<&Alert> = alerts
        .iter()
        .map(|(_, alert)| *alert)
        .filter(|alert| alert.ended.is_none())
        .collect();
    let silenced = !firing.is_empty() && firing.iter().all(|alert| alert.is_silenced(now));
    let tone = match (firing.is_empty(), silenced, &group.acked) {
        (true, ..) => Tone::Good,
        (false, true, _) => Tone::Neutral,
        (false, false, Some(_)) => Tone::Warning,
        (false, false, None) => Tone::Bad,
    };
    let mut card = Card::new(tone, title(view, &alerts, firing.len(), silenced));
    if let Some(words) = summary(&alerts) {
        card = card.text(words);
    }
    if let Some(mentioned) = mentioned(view, &alerts) {
        card = card.text(mentioned);
    }
    if let Some(after) = view.after {
        card = card.text(after_deploy(after, group));
    }
    card = fields(card, view, &alerts, firing.is_empty());
    if let Some(table) = table(group, &alerts, now) {
        card = card.code(table);
    }
    if let Some(common) = common(&alerts) {
        card = card.text(common);
    }
    if let Some(links) = links(view, &alerts) {
        card = card.text(links);
    }
    if let Some(log) = log(group) {
        card = card.text(log);
    }
    card = graph(card, view);
    card = buttons(card, view, &alerts, !firing.is_empty(), silenced);
    card.footer(footer(group))
}

fn title(view: &View<'_>, alerts: &[(&String, &Alert)], firing: usize, silenced: bool) -> String {
    let group = view.group;
    let severities: BTreeSet<&String> = alerts
        .iter()
        .filter_map(|(_, alert)| alert.labels.get("severity"))
        .collect();
    let severity = match severities.into_iter().collect::<Vec<_>>().as_slice() {
        [only] => Some(inert(only, 30)),
        _ => None,
    };
    let more = group.truncated;
    let state = match (firing, group.resolved) {
        (0, Some(resolved)) => format!(
            "resolved after {}",
            phrase::duration(between(group.began, resolved))
        ),
        (0, None) => "resolved".to_owned(),
        (1, _) if alerts.len() == 1 && more == 0 => "firing".to_owned(),
        (firing, _) if firing == alerts.len() => format!("{firing} firing"),
        (firing, _) => format!("{firing} of {} firing", alerts.len()),
    };
    let state = if more > 0 && firing > 0 {
        format!("{state}, {more} more not shown")
    } else {
        state
    };
    let quiet = match (silenced, &group.acked) {
        (true, _) => Some("silenced"),
        (false, Some(_)) if firing > 0 => Some("acknowledged"),
        _ => None,
    };
    let parts = [
        Some(bold(&name(group))),
        Some(state),
        quiet.map(str::to_owned),
        severity,
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// What the rule's author wrote: of what fires, or of all when nothing does, each words once.
fn summary(alerts: &[(&String, &Alert)]) -> Option<String> {
    let fires = alerts.iter().any(|(_, alert)| alert.ended.is_none());
    let of = |alert: &Alert, key: &str| {
        let words = alert.annotations.get(key).map(|text| inert(text, 500));
        words.filter(|text| !text.is_empty())
    };
    let longer = |alert: &Alert| of(alert, "description").or_else(|| of(alert, "message"));
    if let [(_, only)] = alerts {
        let words: Vec<String> = [of(only, "summary"), longer(only)]
            .into_iter()
            .flatten()
            .collect();
        return match words.as_slice() {
            [] => None,
            [summary, longer] if summary == longer => Some(summary.clone()),
            words => Some(words.join("\n")),
        };
    }
    let mut lines: Vec<String> = Vec::new();
    for (_, alert) in alerts.iter().filter(|(_, alert)| !fires || alert.ended.is_none()) {
        if let Some(words) = of(alert, "summary").or_else(|| longer(alert))
            && !lines.contains(&words)
        {
            lines.push(words);
        }
    }
    let more = lines.len().saturating_sub(SUMMARIES);
    lines.truncate(SUMMARIES);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn mentioned(view: &View<'_>, alerts: &[(&String, &Alert)]) -> Option<String> {
    let group = view.group;
    let mut people = Vec::new();
    for (_, alert) in alerts {
        for (channel, mention) in view
            .house
            .ready
            .channels(&group.source, &group.receiver, &alert.labels)
        {
            if let Some(mention) = mention.filter(|_| channel == view.channel)
                && !people.contains(mention)
            {
                people.push(mention.clone());
            }
        }
    }
    let people: Vec<String> = people.iter().map(user).collect();
    (!people.is_empty()).then(|| list(&people))
}

/// "6 minutes after api@3f2c1a9 went to production".
fn after_deploy(after: &After, group: &Group) -> String {
    let since = between(after.began, group.began);
    let what = code(&format!("{}@{}", after.service, after.version));
    let went = match after.state {
        DeployState::Running => "began to go to",
        DeployState::Failed | DeployState::Stopped => "was tried in",
        DeployState::Succeeded | DeployState::Superseded => "went to",
    };
    let words = format!(
        "{} after {what} {went} {}",
        how_long(since),
        bold(&after.environment)
    );
    match &after.link {
        Some(address) => format!("🚀 {words} · {}", link(address, "the deploy")),
        None => format!("🚀 {words}"),
    }
}

fn how_long(duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    match minutes {
        0 => count(duration.as_secs(), "second"),
        1..120 => count(minutes, "minute"),
        _ => count(minutes / 60, "hour"),
    }
}

fn fields(card: Card, view: &View<'_>, alerts: &[(&String, &Alert)], over: bool) -> Card {
    let group = view.group;
    let reading = group
        .reading
        .as_ref()
        .filter(|reading| reading.episode == group.episode);
    let mut card = card;
    if let Some(reading) = reading
        && let Some(worst) = &reading.worst
    {
        let limit = reading.limit.as_ref().map(|limit| format!(", alert at {limit}"));
        let value = format!("{}{}", bold(worst), limit.unwrap_or_default());
        let name = if over { "Value after" } else { "Value now" };
        card = card.field(name, value);
    } else if let Some(values) = grafana_values(alerts) {
        card = card.field("Value", values);
    }
    card = card.field("Since", moment(group.began));
    match group.resolved {
        Some(resolved) => card.field("Until", moment(resolved)),
        None => card,
    }
}

/// The values that Grafana sends with the first one.
fn grafana_values(alerts: &[(&String, &Alert)]) -> Option<String> {
    let (_, first) = alerts.first()?;
    let values: Vec<String> = first
        .values
        .iter()
        .take(4)
        .map(|(name, value)| format!("{} = {}", inert(name, 20), short_number(*value)))
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn short_number(value: f64) -> String {
    otus_charts::Unit::None.value(value)
}

/// The labels that tell the alerts apart, and the value of each; none for a single one.
fn table(group: &Group, alerts: &[(&String, &Alert)], now: Timestamp) -> Option<String> {
    if alerts.len() < 2 {
        return None;
    }
    let mut names: Vec<&String> = alerts.iter().flat_map(|(_, alert)| alert.labels.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| {
        let first = alerts[0].1.labels.get(*name);
        alerts.iter().any(|(_, alert)| alert.labels.get(*name) != first)
    });
    names.truncate(COLUMNS);
    let reading = group
        .reading
        .as_ref()
        .filter(|reading| reading.episode == group.episode);
    let value = |fingerprint: &String| reading.and_then(|reading| reading.values.get(fingerprint));
    let with_values = alerts.iter().any(|(fingerprint, _)| value(fingerprint).is_some());
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut head: Vec<String> = names.iter().map(|name| cut(name, CELL)).collect();
    if with_values {
        head.push("value".into());
    }
    head.push(String::new());
    rows.push(head);
    for (fingerprint, alert) in alerts.iter().take(ROWS) {
        let mut row: Vec<String> = names
            .iter()
            .map(|name| {
                cut(
                    alert.labels.get(*name).map(String::as_str).unwrap_or_default(),
                    CELL,
                )
            })
            .collect();
        if with_values {
            row.push(value(fingerprint).cloned().unwrap_or_default());
        }
        row.push(match (alert.ended, alert.is_silenced(now)) {
            (Some(_), _) => "resolved".into(),
            (None, true) => "silenced".into(),
            (None, false) => "firing".into(),
        });
        rows.push(row);
    }
    let mut text = aligned(&rows);
    if alerts.len() > ROWS {
        text += &format!("\nand {} more", alerts.len() - ROWS);
    }
    Some(clean(&text))
}

fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|nth| {
            rows.iter()
                .filter_map(|row| row.get(nth))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The labels that all of them have, without what is said elsewhere.
fn common(alerts: &[(&String, &Alert)]) -> Option<String> {
    let (_, first) = alerts.first()?;
    let common = first.labels.iter().filter(|(name, value)| {
        !matches!(name.as_str(), "alertname" | "severity")
            && alerts
                .iter()
                .all(|(_, alert)| alert.labels.get(*name) == Some(value))
    });
    let common: Vec<String> = common
        .map(|(name, value)| code(&cut(&format!("{name}={value}"), 60)))
        .collect();
    if common.is_empty() {
        return None;
    }
    let more = common.len().saturating_sub(COMMON);
    let shown = common[..common.len() - more].join(" ");
    Some(match more {
        0 => shown,
        more => format!("{shown} and {more} more"),
    })
}

fn is_web(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some())
}

fn links(view: &View<'_>, alerts: &[(&String, &Alert)]) -> Option<String> {
    let first_of = |names: &[&str]| {
        alerts
            .iter()
            .find_map(|(_, alert)| names.iter().find_map(|name| alert.annotations.get(*name)))
            .filter(|address| is_web(address))
            .cloned()
    };
    let own = |of: fn(&Alert) -> &String| {
        alerts
            .iter()
            .map(|(_, alert)| of(alert))
            .find(|address| is_web(address))
            .cloned()
    };
    let by_uid = || {
        let grafana = view.house.grafana.as_ref()?;
        let uid = alerts.iter().find_map(|(_, alert)| {
            alert
                .annotations
                .get("dashboard_uid")
                .or(alert.annotations.get("__dashboardUid__"))
        })?;
        let plain = uid
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        plain.then(|| format!("{}/d/{uid}", grafana.url()))
    };
    let of_grafana = |(_, alert): &(&String, &Alert)| alert.generator_url.contains("/alerting/");
    let sender = if alerts.iter().any(of_grafana) {
        "Grafana"
    } else {
        "Alertmanager"
    };
    let found: [(&str, Option<String>); 5] = [
        ("Runbook", first_of(&RUNBOOKS)),
        (
            "Dashboard",
            first_of(&DASHBOARDS)
                .or_else(|| own(|alert| &alert.dashboard_url))
                .or_else(by_uid),
        ),
        ("Panel", own(|alert| &alert.panel_url)),
        ("Rule", own(|alert| &alert.generator_url)),
        (
            sender,
            Some(view.group.external_url.clone()).filter(|address| is_web(address)),
        ),
    ];
    let shown: Vec<String> = found
        .into_iter()
        .filter_map(|(label, address)| Some(link(&address?, label)))
        .collect();
    (!shown.is_empty()).then(|| shown.join(" · "))
}

/// Who did what.
fn log(group: &Group) -> Option<String> {
    let skipped = group.log.len().saturating_sub(LINES);
    let lines: Vec<String> = group.log[skipped..].iter().map(line).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn line(logged: &Logged) -> String {
    let words = match &logged.what {
        What::Acked { by } => format!("👀 {} acknowledged it", user(by)),
        What::Silenced {
            by, until, reason, ..
        } => {
            let because = reason.as_ref().map(|reason| format!(": {}", inert(reason, 200)));
            format!(
                "🔕 {} silenced it until {}{}",
                user(by),
                moment(*until),
                because.unwrap_or_default()
            )
        }
        What::SilencedElsewhere { by, until, .. } => {
            format!(
                "🔕 {} silenced it in Alertmanager until {}",
                inert(by, 60),
                moment(*until)
            )
        }
        What::Unsilenced { by, .. } => format!("🔔 {} ended the silence", user(by)),
        What::Resolved => "resolved".to_owned(),
        What::Returned => "fires again".to_owned(),
    };
    format!("{} {words}", moment(logged.at))
}

fn graph(card: Card, view: &View<'_>) -> Card {
    let reading = view
        .group
        .reading
        .as_ref()
        .filter(|reading| reading.episode == view.group.episode);
    let trouble = reading.and_then(|reading| reading.trouble.as_ref());
    let card = match picture(view.group).filter(|_| view.graph) {
        Some(picture) => card.picture(picture.clone()),
        None => card,
    };
    match trouble {
        Some(why) => card.text(format!("No graph of now: {}.", clean(why).trim_end_matches('.'))),
        None => card,
    }
}

fn buttons(card: Card, view: &View<'_>, alerts: &[(&String, &Alert)], firing: bool, silenced: bool) -> Card {
    let (group, id) = (view.group, view.group.short());
    let mut card = card;
    if firing {
        if group.acked.is_none() {
            card = card.button(Button::new("Acknowledge", format!("ack {id}")).primary());
        }
        if view.house.api(&group.source).is_some() {
            if silenced {
                card = card.button(Button::new("Unsilence", format!("unsilence {id}")));
            } else {
                for (label, length) in [("Silence 1 h", "1h"), ("Silence 4 h", "4h")] {
                    card = card.button(Button::new(label, format!("silence {id} for {length}")));
                }
                card = card.button(Button::new("Silence …", format!("silence {id}")));
            }
        }
    }
    let query = alerts
        .iter()
        .find_map(|(_, alert)| expression(&alert.generator_url));
    let query =
        query.filter(|query| view.graphs && query.len() < LONGEST_COMMAND && !query.contains(['`', '\n']));
    match query {
        Some(query) => card.button(Button::new("Graph 6 h", format!("graph `{query}` 6h"))),
        None => card,
    }
}

fn footer(group: &Group) -> String {
    let returned = match group.returned {
        0 => None,
        1 => Some("fired again once".to_owned()),
        times => Some(format!("fired again {times} times")),
    };
    let from = match group.receiver.as_str() {
        "" => group.source.clone(),
        receiver => format!("{} → {}", group.source, inert(receiver, 60)),
    };
    let parts = [Some(code(group.short())), Some(from), returned];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// The message of an episode that ended when nobody was there to say so; nothing when it says so already.
pub(crate) fn closed(shown: &Post) -> Option<Post> {
    let card = shown.card.as_ref()?;
    let open = card.buttons.iter().any(|button| {
        button.style == ButtonStyle::Primary
            || button.command.starts_with("silence ")
            || button.command.starts_with("unsilence ")
    });
    if !open {
        return None;
    }
    let mut card = card.clone();
    card.tone = Tone::Good;
    let name = card.title.split(" · ").next().unwrap_or_default().to_owned();
    card.title = format!("{name} · resolved, and fires again in a newer message");
    card.buttons.clear();
    let key = shown.key.clone();
    let post = Post::from(card);
    Some(match key {
        Some(key) => post.keyed(key),
        None => post,
    })
}

/// Commands that people can be offered for labels, by how often each occurs; for the form.
pub(super) fn differing(group: &Group) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, alert) in group.firing() {
        for (name, value) in &alert.labels {
            all.entry(name.clone()).or_default().insert(value.clone());
        }
    }
    all.retain(|_, values| values.len() > 1);
    all
}
