//! Everything this responder says, in one place.

use std::{collections::BTreeMap, time::Duration};

use otus::{
    UserError, UserId,
    markup::{bold, clean, code, user},
    prelude::*,
    store::{Deploy, DeployState},
};
use otus_flags::{Change, ChangeKind};
use otus_monitoring::{Error as Failure, duration, point_at};

use crate::{ask::Ask, manner::Form, settings::Query};

pub(crate) mod dashboards;
pub(crate) mod evidence;

/// A duration that is none.
pub(crate) const NOT_A_DURATION: &str = "write for example `30m`, `6h`, `1h30m` or `2d`";

/// A duration in which nothing can be seen.
pub(crate) const TOO_SHORT: &str = "a graph goes back a minute at least";

/// Of what a manner is made.
pub(crate) const NOT_A_MANNER: &str =
    "write for example `vs last week`, `from 13:00 to 14:00`, `top 5` or `as table`";

/// No number of series.
pub(crate) const NOT_A_COUNT: &str = "after `top` comes a number from 1 to 12";

/// No period.
pub(crate) const NOT_A_PERIOD: &str = "write for example `from 13:00 to 14:00`, `from yesterday 9:00 to now`, `from 3h ago to 1h ago` or `from 2026-11-20 to 2026-11-21 12:00`";

/// The name of the same time a week before.
pub(crate) const LAST_WEEK: &str = "last week";

/// There is nothing to compare with.
pub(crate) const NOTHING_LAST_WEEK: &str = "Of last week there is no data to compare with.";

/// A table's columns.
pub(crate) const COLUMNS: [&str; 4] = ["last", "lowest", "highest", "mean"];

/// The rows a table has not.
pub(crate) fn more_rows(more: usize) -> String {
    format!("… {more} more")
}

/// How a graph may be drawn.
pub(crate) fn forms() -> String {
    let names = Form::ALL.map(|(name, _)| code(name));
    format!("a graph is drawn as {}", names.join(", "))
}

/// The end is not after the beginning.
pub(crate) fn backwards() -> UserError {
    UserError::new("That ends before it begins: a graph shows a minute at least, and nothing of the future.")
}

/// What one panel of several lacks.
pub(crate) fn part_failed(part: &Ask, failure: &Failure) -> String {
    format!("{} cannot be shown: {failure}", part.what)
}

/// The comparison that could not be had.
pub(crate) fn last_week_failed(failure: &Failure) -> String {
    format!("Last week cannot be shown: {failure}")
}

/// Above several panels.
pub(crate) fn heading(ask: &Ask) -> String {
    ask.title.clone()
}

/// Below that: the time.
pub(crate) fn subtitle(ask: &Ask, zone: &jiff::tz::TimeZone) -> String {
    let zone = zone.iana_name().unwrap_or("UTC");
    format!("{}, {zone}", time(ask))
}

/// Which time it shows.
fn time(ask: &Ask) -> String {
    match &ask.period {
        Some(period) => period.clone(),
        None => format!("last {}", range(ask.range)),
    }
}

/// The picture's title, when a long query was given without a name.
pub(crate) const UNTITLED: &str = "Query";

/// There is nobody to ask.
pub(crate) fn no_prometheus() -> UserError {
    UserError::new(
        "I know no Prometheus to ask. Whoever runs me can set `prometheus.url` in the configuration.",
    )
}

/// The graph cannot be had for one service, or for one environment.
pub(crate) fn not_by(name: &str, what: &str) -> UserError {
    UserError::new(format!(
        "The graph {} is not told apart by {what}: there is no `${what}` in its query.",
        code(name)
    ))
}

/// The title of a graph of one service, in one environment.
pub(crate) fn titled(title: &str, service: Option<&str>, environment: Option<&str>) -> String {
    match (service, environment) {
        (Some(service), Some(environment)) => format!("{title} · {service} in {environment}"),
        (Some(one), None) | (None, Some(one)) => format!("{title} · {one}"),
        (None, None) => title.to_owned(),
    }
}

/// So far back nobody may look.
pub(crate) fn too_long(range: Duration, longest: Duration) -> UserError {
    UserError::new(format!(
        "{} is too long for a graph; {} is the most.",
        code(&duration::format(range)),
        code(&duration::format(longest))
    ))
}

/// What graphs there are.
pub(crate) fn list(queries: &BTreeMap<String, Query>) -> Card {
    const BUTTONS: usize = 5;
    if queries.is_empty() {
        return Card::new(Tone::Neutral, "No graph has a name yet.")
            .text("Whoever runs me can add some below `[responders.graphs.queries.…]`.")
            .text(AD_HOC);
    }
    let lines: Vec<String> = queries
        .iter()
        .map(|(name, query)| {
            let about = query
                .about
                .as_deref()
                .or(query.title.as_deref())
                .unwrap_or(&query.query);
            let about = match about {
                "" => query.panels.join(", "),
                about => about.to_owned(),
            };
            format!("• {} {}", code(name), clean(&about))
        })
        .collect();
    let card = Card::new(Tone::Neutral, bold("Graphs"))
        .text(lines.join("\n"))
        .text(AD_HOC);
    queries.keys().take(BUTTONS).fold(card, |card, name| {
        card.button(Button::new(name, format!("graph {name}")))
    })
}

const AD_HOC: &str = "Any other PromQL goes in back-ticks: graph `up` 3h. With a time: `graph <name> 6h`; of one service: `graph <name> for <service>`. Then, in any order: `vs last week`, `from 13:00 to 14:00`, `top 5`, `as table`.";

/// What it is called above the picture and in sentences.
pub(crate) fn title(ask: &Ask) -> String {
    let name = if ask.title.is_empty() {
        UNTITLED
    } else {
        &ask.title
    };
    let compared = if ask.manner.last_week {
        " beside last week"
    } else {
        ""
    };
    format!("{name}, {}{compared}", time(ask))
}

/// A link to somewhere else, or to nothing that can be drawn.
pub(crate) fn no_such_link(has_prometheus: bool) -> UserError {
    if has_prometheus {
        UserError::new(
            "That is no link to a graph in the Prometheus that I ask. Whoever runs me can name the addresses under which people open it in `responders.graphs.links`.",
        )
    } else {
        no_prometheus()
    }
}

/// A link is PromQL, which is not for everybody.
pub(crate) fn may_not_ask() -> UserError {
    UserError::new(format!(
        "A link to Prometheus is PromQL, and {} is not for you to say here.",
        code("graph <promql>")
    ))
}

/// A picture of several graphs behind a link.
pub(crate) const LINKED: &str = "Graphs of a link";

/// Above a picture in the chat; the picture has its title itself.
pub(crate) fn card_title(ask: &Ask) -> String {
    bold(&clean(&title(ask)))
}

/// Who had it shown otherwise, and how.
pub(crate) fn changed(by: &UserId, ask: &Ask) -> String {
    let beside = if ask.manner.last_week {
        " beside last week"
    } else {
        ""
    };
    format!("{} looks at {}{beside}", user(by), the_time(ask))
}

fn the_time(ask: &Ask) -> String {
    match &ask.period {
        Some(period) => format!("the time {period}"),
        None => format!("the last {}", range(ask.range)),
    }
}

/// A length of time, a day as hours and a week as days, as on the buttons.
pub(crate) fn range(range: Duration) -> String {
    const WEEK: Duration = Duration::from_secs(7 * 86_400);
    const DAY: Duration = Duration::from_secs(86_400);
    if range == WEEK {
        "7d".to_owned()
    } else if range == DAY {
        "24h".to_owned()
    } else {
        duration::format(range)
    }
}

/// A button for the week before, or against it.
pub(crate) fn last_week_button(is_beside: bool) -> &'static str {
    if is_beside {
        "Without last week"
    } else {
        "vs last week"
    }
}

/// The picture could not be shown otherwise.
pub(crate) fn kept(card: Card) -> Card {
    card.text("The picture is still the one from before.")
}

/// Nothing to draw.
pub(crate) fn no_data(ask: &Ask, query: &str, longer: Option<Duration>) -> Card {
    let service = ask
        .service
        .as_ref()
        .map(|service| format!(" for {}", code(service)))
        .unwrap_or_default();
    let card = Card::new(
        Tone::Warning,
        match ask.end {
            None => format!("No data{service} in the last {}.", range(ask.range)),
            Some(_) => format!("No data{service} {}.", time(ask)),
        },
    )
    .text("Prometheus understood the query and found nothing: a name or a label may be misspelt, or nothing reported in this time.")
    .code(query);
    match longer {
        Some(longer) => {
            let label = format!("Look at {}", range(longer));
            card.button(Button::new(label, ask.over(longer)))
        }
        None => card,
    }
}

/// Prometheus did not give what was asked for.
pub(crate) fn failed(failure: &Failure, query: &str) -> Card {
    match failure {
        Failure::BadQuery { message, position } => {
            let place = position.map(|position| point_at(query, position));
            let shown = place.unwrap_or_else(|| query.to_owned());
            Card::new(Tone::Warning, "Prometheus does not understand that query.")
                .code(format!("{shown}\n{message}"))
        }
        Failure::Execution { message } => Card::new(Tone::Warning, "Prometheus could not compute that.")
            .code(format!("{query}\n\n{message}")),
        Failure::Timeout { message } => Card::new(Tone::Warning, "That query took too long.").text(format!(
            "A shorter time or fewer series (`sum by`, `topk`) help. ({})",
            clean(message)
        )),
        Failure::TooManyPoints { message } => {
            Card::new(Tone::Warning, "That is too much for one graph.").text(clean(message))
        }
        Failure::TooLarge { .. } => Card::new(Tone::Warning, "That is too much for one graph.")
            .text("Ask for a shorter time or fewer series: `sum by (…)`, `topk(5, …)`."),
        Failure::Unreachable { url, why } => {
            Card::new(Tone::Bad, "I cannot reach Prometheus.").text(format!(
                "{} does not answer: {}. Nothing is wrong with your query; try again later.",
                code(url),
                clean(why)
            ))
        }
        Failure::Auth { url, status } => {
            Card::new(Tone::Bad, "Prometheus does not let me in.").text(format!(
                "{} answers HTTP {status}. Whoever runs me should check the credentials in `[prometheus]`.",
                code(url)
            ))
        }
        Failure::NotPrometheus { url, why } => {
            Card::new(Tone::Bad, "What answers is not Prometheus.").text(format!(
                "At {}: {}. Whoever runs me should check `prometheus.url`, with its path prefix.",
                code(url),
                clean(why)
            ))
        }
        other => Card::new(Tone::Bad, "Prometheus gave no answer I can use.").text(clean(&other.to_string())),
    }
}

/// What the reader of the picture must know.
pub(crate) fn warnings(warnings: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut lines: Vec<String> = warnings
        .iter()
        .take(SHOWN)
        .map(|text| format!("⚠️ {}", clean(text)))
        .collect();
    match warnings.len().saturating_sub(SHOWN) {
        0 => {}
        1 => lines.push("… and 1 more warning".to_owned()),
        more => lines.push(format!("… and {more} more warnings")),
    }
    lines.join("\n")
}

/// Who asked, where their words cannot be seen.
pub(crate) fn asked(by: &UserId, line: &str) -> String {
    format!("{}: {}", user(by), code(line))
}

/// A deploy's label in the picture.
pub(crate) fn mark(deploy: &Deploy) -> String {
    let end = match deploy.state {
        DeployState::Failed => " (failed)",
        DeployState::Running => " (running)",
        DeployState::Succeeded | DeployState::Superseded | DeployState::Stopped => "",
    };
    format!("deploy {} {}{end}", deploy.service, deploy.version)
}

/// The mark of a flag that was changed.
pub(crate) fn flag_mark(change: &Change) -> String {
    let what = match change.kind {
        ChangeKind::Created => " (new)",
        ChangeKind::Archived => " (archived)",
        ChangeKind::Restored => " (restored)",
        ChangeKind::Changed | ChangeKind::Imported | ChangeKind::Rule => "",
    };
    match &change.flag {
        Some(flag) => format!("flag {flag}{what}"),
        None => format!("flags of {}", change.set),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use otus_charts::Unit;
    use otus_monitoring::Position;

    fn ask() -> Ask {
        Ask {
            what: "latency".into(),
            title: "p95 latency · api".into(),
            query: "q".into(),
            unit: Unit::Seconds,
            limit: None,
            range: Duration::from_secs(3600),
            service: Some("api".into()),
            ..Ask::default()
        }
    }

    fn card(failure: Failure) -> String {
        failed(&failure, "sum(rate(x[5m])").plain()
    }

    #[test]
    fn what_is_refused() {
        assert_snapshot!(no_prometheus().text, @"I know no Prometheus to ask. Whoever runs me can set `prometheus.url` in the configuration.");
        assert_snapshot!(not_by("load", "service").text, @"The graph `load` is not told apart by service: there is no `$service` in its query.");
        assert_snapshot!(too_long(Duration::from_secs(86_400 * 365), Duration::from_secs(86_400 * 90)).text, @"`1y` is too long for a graph; `90d` is the most.");
    }

    #[test]
    fn the_list() {
        assert_snapshot!(list(&BTreeMap::new()).plain(), @r"
            No graph has a name yet.
            Whoever runs me can add some below `[responders.graphs.queries.…]`.
            Any other PromQL goes in back-ticks: graph `up` 3h. With a time: `graph <name> 6h`; of one service: `graph <name> for <service>`. Then, in any order: `vs last week`, `from 13:00 to 14:00`, `top 5`, `as table`.
            ");
        let query = |about: Option<&str>| Query {
            query: "up".into(),
            panels: Vec::new(),
            form: Form::default(),
            top: None,
            title: None,
            about: about.map(str::to_owned),
            unit: None,
            threshold: None,
            reduce: None,
            range: None,
        };
        let queries = [("latency", Some("How long requests take")), ("up", None)]
            .map(|(name, about)| (name.to_owned(), query(about)));
        assert_snapshot!(list(&queries.into()).plain(), @r"
            *Graphs*
            • `latency` How long requests take
            • `up` up
            Any other PromQL goes in back-ticks: graph `up` 3h. With a time: `graph <name> 6h`; of one service: `graph <name> for <service>`. Then, in any order: `vs last week`, `from 13:00 to 14:00`, `top 5`, `as table`.
            [latency] [up]
            ");
    }

    #[test]
    fn what_goes_with_a_picture() {
        assert_snapshot!(no_data(&ask(), "x{service=\"api\"}", Some(Duration::from_secs(21_600))).plain(), @r#"
            ⚠️ No data for `api` in the last 1h.
            Prometheus understood the query and found nothing: a name or a label may be misspelt, or nothing reported in this time.
            x{service="api"}
            [Look at 6h]
            "#);
        assert_snapshot!(title(&ask()), @"p95 latency · api, last 1h");
        assert_snapshot!(warnings(&["a".into(), "b".into(), "c".into(), "d".into()]), @r"
            ⚠️ a
            ⚠️ b
            ⚠️ c
            … and 1 more warning
            ");
        assert_snapshot!(otus::markup::plain(&asked(&"U1".into(), "graph up")), @"@U1: `graph up`");
    }

    #[test]
    fn what_prometheus_said() {
        let position = Some(Position { line: 1, column: 16 });
        let message = r#"invalid parameter "query": 1:16: parse error: unclosed left parenthesis"#.to_owned();
        assert_snapshot!(card(Failure::BadQuery { message: message.clone(), position }), @r#"
            ⚠️ Prometheus does not understand that query.
            sum(rate(x[5m])
                           ^
            invalid parameter "query": 1:16: parse error: unclosed left parenthesis
            "#);
        assert_snapshot!(card(Failure::BadQuery { message, position: None }), @r#"
            ⚠️ Prometheus does not understand that query.
            sum(rate(x[5m])
            invalid parameter "query": 1:16: parse error: unclosed left parenthesis
            "#);
        assert_snapshot!(card(Failure::Execution { message: "many-to-many matching not allowed".into() }), @r"
            ⚠️ Prometheus could not compute that.
            sum(rate(x[5m])

            many-to-many matching not allowed
            ");
        assert_snapshot!(card(Failure::Timeout { message: "no answer within 20s".into() }), @r"
            ⚠️ That query took too long.
            A shorter time or fewer series (`sum by`, `topk`) help. (no answer within 20s)
            ");
        assert_snapshot!(card(Failure::TooManyPoints { message: "exceeded maximum resolution".into() }), @r"
            ⚠️ That is too much for one graph.
            exceeded maximum resolution
            ");
        assert_snapshot!(card(Failure::TooLarge { limit_bytes: 5 }), @r"
            ⚠️ That is too much for one graph.
            Ask for a shorter time or fewer series: `sum by (…)`, `topk(5, …)`.
            ");
        let url = "http://prometheus:9090".to_owned();
        assert_snapshot!(card(Failure::Unreachable { url: url.clone(), why: "connection refused".into() }), @r"
            ❌ I cannot reach Prometheus.
            `http://prometheus:9090` does not answer: connection refused. Nothing is wrong with your query; try again later.
            ");
        assert_snapshot!(card(Failure::Auth { url: url.clone(), status: 401 }), @r"
            ❌ Prometheus does not let me in.
            `http://prometheus:9090` answers HTTP 401. Whoever runs me should check the credentials in `[prometheus]`.
            ");
        assert_snapshot!(card(Failure::NotPrometheus { url, why: "it redirects to /login".into() }), @r"
            ❌ What answers is not Prometheus.
            At `http://prometheus:9090`: it redirects to /login. Whoever runs me should check `prometheus.url`, with its path prefix.
            ");
        assert_snapshot!(card(Failure::Other { status: 422, kind: "odd".into(), message: "hm".into() }), @r"
            ❌ Prometheus gave no answer I can use.
            Prometheus answered HTTP 422, odd: hm
            ");
    }

    #[test]
    fn marks() {
        let mut deploy = Deploy {
            id: "1".into(),
            service: "checkout".into(),
            environment: "production".into(),
            version: "v2.41.0".into(),
            image: "i".into(),
            previous: None,
            by: "U1".into(),
            began: jiff::Timestamp::UNIX_EPOCH,
            ended: None,
            state: DeployState::Succeeded,
            card: None,
            note: None,
            details: serde_json::Value::Null,
            generation: 1,
        };
        assert_snapshot!(mark(&deploy), @"deploy checkout v2.41.0");
        deploy.state = DeployState::Failed;
        assert_snapshot!(mark(&deploy), @"deploy checkout v2.41.0 (failed)");
    }
}
