//! Dashboards of every schema: each is read, and of each panel it is known whether it is drawn, and why not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use otus_emulators::{
    grafana::{Board, Grafana as Emulated, Options, Trouble},
    prometheus::{Prometheus, Story},
};
use otus_monitoring::{
    grafana::{
        Grafana, GrafanaConfig, GrafanaError,
        dashboards::{BoardError, Boards, Means, Span, VariableError, Wanted, expand},
    },
    step::Rules,
};
use serde_json::json;
use std::{fmt::Write as _, path::PathBuf, time::Duration};
use tokio::net::TcpListener;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/dashboards")
}

fn client(emulated: &Emulated, token: &str, folder: Option<PathBuf>) -> Grafana {
    let config = GrafanaConfig {
        url: Some(emulated.url().to_owned()),
        token: Some("not-for-reading".into()),
        read_token: Some(token.into()),
        dashboards: folder,
        timeout: Duration::from_secs(60),
        ..GrafanaConfig::default()
    };
    Grafana::new(&config).unwrap()
}

fn span() -> Span {
    let end = jiff::Timestamp::now();
    Span {
        start: end - jiff::SignedDuration::from_mins(30),
        end,
        rules: Rules::default(),
    }
}

/// A Grafana in front of a Prometheus that tells an hour of a shop.
struct Shop {
    grafana: Emulated,
    _prometheus: Prometheus,
}

async fn shop(change: impl FnOnce(&mut Options)) -> Shop {
    let past = jiff::SignedDuration::from_hours(1);
    let story = Story::with_past(
        7,
        &["api", "web"],
        &["production", "staging"],
        jiff::Timestamp::now(),
        past,
    );
    let prometheus = Prometheus::start(story, TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
    let mut options = Options::shop(prometheus.url()).unwrap();
    change(&mut options);
    Shop {
        grafana: Emulated::start_with(options).await.unwrap(),
        _prometheus: prometheus,
    }
}

fn wanted(name: &str, values: &[&str]) -> Wanted {
    Wanted {
        name: name.into(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

#[tokio::test]
async fn each_panel_of_each_dashboard_is_drawn_or_it_is_said_why_not() {
    let emulated = Emulated::start().await.unwrap();
    let boards = Boards::new(client(&emulated, emulated.viewer_token(), Some(folder())));
    let all = boards.list().await.unwrap();
    assert!(all.len() >= 10, "{} dashboards", all.len());
    let mut listed = String::new();
    for found in &all {
        let open = boards.open(&found.uid).await.unwrap();
        writeln!(listed, "{} ({})", found.title, found.uid).unwrap();
        let names: Vec<&str> = open
            .dashboard
            .variables
            .iter()
            .map(|variable| variable.name.as_str())
            .collect();
        if !names.is_empty() {
            writeln!(listed, "  ${}", names.join(" $")).unwrap();
        }
        for row in &open.dashboard.rows {
            if !row.title.is_empty() {
                writeln!(listed, "  [{}]", row.title).unwrap();
            }
            for panel in &row.panels {
                let unit = panel
                    .field
                    .unit
                    .as_deref()
                    .map(|unit| format!(" in {unit}"))
                    .unwrap_or_default();
                let means = match panel.means() {
                    Means::Draw(form) => format!("{form:?}{unit}, {} queries", panel.shown().count()),
                    Means::Words => "words".into(),
                    Means::Not(why) => format!("not drawn: {why}"),
                    other => format!("{other:?}"),
                };
                writeln!(listed, "    {} {:?}: {means}", panel.id, panel.title).unwrap();
            }
        }
        // Without a single data source everything is named that is missing, and nothing panics.
        let (meanings, _) = open.meanings(&[], None, &span()).await.unwrap();
        for shown in expand(&open.dashboard, &meanings).0 {
            if let Means::Draw(_) = shown.panel.means() {
                let error = open.fetch(&shown, &span()).await.unwrap_err();
                assert!(
                    matches!(error, GrafanaError::Missing { .. }),
                    "{}: {error}",
                    shown.title
                );
            }
        }
    }
    let kept = folder().join("list.txt");
    if std::env::var_os("OTUS_BLESS").is_some() {
        std::fs::write(&kept, &listed).unwrap();
    }
    let known = std::fs::read_to_string(&kept).unwrap_or_default();
    assert!(
        known == listed,
        "the list has changed; OTUS_BLESS=1 writes it anew:\n{listed}"
    );
}

#[tokio::test]
async fn a_dashboard_is_asked_through_grafana_in_both_schemas() {
    let shop = shop(|_| {}).await;
    let boards = Boards::new(client(&shop.grafana, shop.grafana.viewer_token(), None));
    let titles: Vec<String> = boards
        .list()
        .await
        .unwrap()
        .into_iter()
        .map(|found| found.title)
        .collect();
    assert_eq!(titles, ["Service", "Shop"]);
    for (uid, panels) in [("shop", 15), ("service", 6)] {
        let open = boards.open(uid).await.unwrap();
        let (meanings, notes) = open.meanings(&[], None, &span()).await.unwrap();
        assert_eq!(notes, Vec::<String>::new());
        let (shown, more) = expand(&open.dashboard, &meanings);
        assert_eq!((shown.len(), more), (panels, 0), "{uid}");
        for one in shown {
            if let Means::Draw(_) = one.panel.means() {
                let results = open.fetch(&one, &span()).await.unwrap();
                assert!(
                    !results.courses.is_empty(),
                    "{}: {:?}",
                    one.title,
                    results.queries
                );
                assert!(
                    results.queries.iter().all(|query| !query.contains('$')),
                    "{:?}",
                    results.queries
                );
            }
        }
    }
    let calls = shop.grafana.calls();
    assert!(calls.iter().any(|call| call == "POST /api/ds/query"), "{calls:?}");
    assert!(!calls.iter().any(|call| call.contains("/proxy/")), "{calls:?}");
}

#[tokio::test]
async fn an_old_grafana_is_asked_through_its_proxy() {
    let shop = shop(|options| options.proxy_only = true).await;
    let boards = Boards::new(client(&shop.grafana, shop.grafana.viewer_token(), None));
    let open = boards.open("shop").await.unwrap();
    let (meanings, _) = open
        .meanings(&[wanted("service", &["api"])], None, &span())
        .await
        .unwrap();
    let shown = expand(&open.dashboard, &meanings)
        .0
        .into_iter()
        .find(|shown| shown.panel.id == 6)
        .unwrap();
    let results = open.fetch(&shown, &span()).await.unwrap();
    assert_eq!(results.courses.len(), 1);
    assert_eq!(results.courses[0].name.as_deref(), Some("api"));
    assert!(
        shop.grafana
            .calls()
            .iter()
            .any(|call| call.contains("/proxy/uid/prom/api/v1/query_range"))
    );
}

#[tokio::test]
async fn variables_are_what_was_wanted_or_it_is_said_what_they_can_be() {
    let shop = shop(|_| {}).await;
    let boards = Boards::new(client(&shop.grafana, shop.grafana.viewer_token(), None));
    let open = boards.open("shop").await.unwrap();
    let meanings = async |all: &[Wanted]| {
        open.meanings(all, None, &span())
            .await
            .map(|(meanings, _)| meanings)
    };
    let two = meanings(&[
        wanted("Service", &["api", "web"]),
        wanted("environment", &["staging"]),
    ])
    .await
    .unwrap();
    assert_eq!(
        (two["service"].values.len(), two["environment"].text()),
        (2, "staging".to_owned())
    );
    let BoardError::Variable(VariableError::Value { known, .. }) =
        meanings(&[wanted("service", &["apy"])]).await.unwrap_err()
    else {
        panic!("a value that there is not");
    };
    assert_eq!(known, ["api", "web"]);
    let error = meanings(&[wanted("servise", &["api"])]).await.unwrap_err();
    assert!(
        matches!(error, BoardError::Variable(VariableError::Unknown { .. })),
        "{error}"
    );
    // A data source that cannot be asked costs the choice, not the dashboard.
    shop.grafana.trouble("/api/datasources", Trouble::Status(500));
    let (saved, notes) = open.meanings(&[], None, &span()).await.unwrap();
    assert_eq!(saved["environment"].text(), "production");
    assert!(notes[0].contains("Environment"), "{notes:?}");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let shop = shop(|_| {}).await;
    let with = |token: &str| Boards::new(client(&shop.grafana, token, None));
    let error = with("glsa_nonsense").list().await.unwrap_err().to_string();
    assert!(
        error.contains("does not take the token") && error.contains("dashboards:read"),
        "{error}"
    );
    let looker = with(shop.grafana.looker_token());
    let error = looker.grafana().check_reading().await.unwrap_err().to_string();
    assert!(
        error.contains("datasources:query") && error.contains("Viewer"),
        "{error}"
    );
    let open = looker.open("service").await.unwrap();
    let (meanings, notes) = open.meanings(&[], None, &span()).await.unwrap();
    assert!(notes[0].contains("datasources:query"), "{notes:?}");
    let shown = expand(&open.dashboard, &meanings).0.remove(0);
    let error = open.fetch(&shown, &span()).await.unwrap_err().to_string();
    assert!(error.contains("datasources:query"), "{error}");
    let viewer = with(shop.grafana.viewer_token());
    assert!(matches!(
        viewer.open("nothing").await,
        Err(GrafanaError::Missing { .. })
    ));
    assert!(matches!(
        viewer.open("..").await,
        Err(GrafanaError::Missing { .. })
    ));
    let (count, sources) = viewer.grafana().check_reading().await.unwrap();
    assert_eq!((count, sources.all.len(), sources.renderer), (2, 1, false));
    shop.grafana.trouble("/api/ds/query", Trouble::Status(503));
    let error = viewer
        .open("service")
        .await
        .unwrap()
        .fetch(&shown, &span())
        .await
        .unwrap_err();
    assert!(matches!(error, GrafanaError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn one_query_that_fails_costs_only_itself() {
    let target =
        |reference: &str, expr: &str| json!({"refId": reference, "expr": expr, "legendFormat": reference});
    let spec = json!({"title": "Odd", "panels": [
        {"id": 1, "type": "timeseries", "title": "One of two", "targets": [target("A", "sum(up)"), target("B", "sum(")]},
        {"id": 2, "type": "timeseries", "title": "None", "targets": [target("A", "sum(")]},
    ]});
    let shop = shop(|options| options.boards.push(Board::provisioned("odd", spec))).await;
    let boards = Boards::new(client(&shop.grafana, shop.grafana.viewer_token(), None));
    let open = boards.open("odd").await.unwrap();
    let (meanings, _) = open.meanings(&[], None, &span()).await.unwrap();
    let shown = expand(&open.dashboard, &meanings).0;
    let results = open.fetch(&shown[0], &span()).await.unwrap();
    assert_eq!(results.courses.len(), 1);
    assert!(
        results.notes[0].contains("query B") && results.notes[0].contains("parse error"),
        "{:?}",
        results.notes
    );
    let error = open.fetch(&shown[1], &span()).await.unwrap_err();
    assert!(matches!(error, GrafanaError::Query { .. }), "{error}");
}

#[tokio::test]
async fn a_hanging_grafana_is_given_up() {
    let emulated = Emulated::start().await.unwrap();
    emulated.trouble("/api/search", Trouble::Hang);
    let config = GrafanaConfig {
        url: Some(emulated.url().to_owned()),
        token: Some(emulated.token().into()),
        timeout: Duration::from_millis(200),
        ..GrafanaConfig::default()
    };
    let error = Grafana::new(&config).unwrap().dashboards().await.unwrap_err();
    assert!(
        matches!(&error, GrafanaError::Unreachable { why, .. } if why.contains("took too long")),
        "{error}"
    );
}

#[tokio::test]
async fn the_renderer_draws_what_we_do_not() {
    for renderer in [true, false] {
        let shop = shop(|options| options.renderer = renderer).await;
        let boards = Boards::new(client(&shop.grafana, shop.grafana.viewer_token(), None));
        let open = boards.open("shop").await.unwrap();
        let (meanings, _) = open.meanings(&[], None, &span()).await.unwrap();
        let logs = expand(&open.dashboard, &meanings)
            .0
            .into_iter()
            .find(|shown| shown.title == "Logs")
            .unwrap();
        assert!(matches!(logs.panel.means(), Means::Not(_)));
        let picture = open.render(&logs, &span(), false, "UTC").await.unwrap();
        assert_eq!(picture.is_some(), renderer);
    }
}
