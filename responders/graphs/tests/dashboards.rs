//! Grafana's dashboards as people see them: a chat, and an emulated Grafana behind it.
//!
//! `OTUS_PICTURES=<folder>` keeps the pictures, to be looked at.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use otus::{Room, prelude::File, room::What};
use otus_emulators::{
    grafana::{Board, Grafana as Emulated, Options, Trouble},
    prometheus::{Effect, Prometheus, Story},
};
use otus_monitoring::{
    grafana::{Grafana, GrafanaConfig},
    step::Rules,
};
use otus_responder_graphs::{Graphs, Settings};
use serde_json::json;
use tokio::net::TcpListener;

struct Shop {
    room: Room,
    grafana: Emulated,
    _prometheus: Prometheus,
}

async fn shop() -> Shop {
    shop_with(|_| {}, |builder| builder).await
}

async fn shop_with(
    change: impl FnOnce(&mut Options),
    more: impl FnOnce(otus::room::RoomBuilder) -> otus::room::RoomBuilder,
) -> Shop {
    let now = Timestamp::now();
    let past = SignedDuration::from_hours(3);
    let story = Story::with_past(
        7,
        &["api", "web", "checkout"],
        &["production", "staging"],
        now,
        past,
    );
    story.deploy_at(
        now - SignedDuration::from_mins(35),
        "api",
        "production",
        "v2",
        Effect::Slow,
    );
    story.deploy_at(
        now - SignedDuration::from_mins(12),
        "api",
        "production",
        "v3",
        Effect::Good,
    );
    let prometheus = Prometheus::start(story, TcpListener::bind("127.0.0.1:0").await.expect("a port"))
        .expect("a Prometheus");
    let mut options = Options::shop(prometheus.url()).expect("dashboards");
    change(&mut options);
    let grafana = Emulated::start_with(options).await.expect("an emulated Grafana");
    let config = GrafanaConfig {
        url: Some(grafana.url().to_owned()),
        token: Some(grafana.viewer_token().into()),
        timeout: Duration::from_secs(60),
        ..GrafanaConfig::default()
    };
    let client = Grafana::new(&config).expect("a client");
    let graphs = Graphs::new(Settings::default(), None, Rules::default())
        .expect("settings")
        .with_grafana(client);
    let room = more(Room::builder().responder(graphs)).open();
    Shop {
        room,
        grafana,
        _prometheus: prometheus,
    }
}

impl Shop {
    async fn picture(&mut self, line: &str) -> File {
        self.room.say("ann", line).await;
        let file = self.room.expect_file().await;
        keep(&file);
        file
    }

    async fn answer(&mut self, line: &str) -> String {
        self.room.say("ann", line).await;
        let plain = self.room.answer().await.plain();
        plain.replace(self.grafana.url(), "http://grafana")
    }
}

fn keep(file: &File) {
    if let Some(folder) = std::env::var_os("OTUS_PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join(&file.name), &file.bytes).expect("a folder");
    }
}

fn alt(file: &File) -> &str {
    file.alt.as_deref().unwrap_or_default()
}

fn comment(file: &File) -> &str {
    file.comment.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn dashboards_are_listed() {
    let mut shop = shop().await;
    insta::assert_snapshot!(shop.answer("@otus dashboards").await, @r"
        *Dashboards*
        • Service (http://grafana/d/service) in Shop
        • Shop (http://grafana/d/shop) in Shop
        [Service] [Shop]
        dashboard <name> draws one, dashboard <name> <panel> one of its panels
        ");
    insta::assert_snapshot!(shop.answer("@otus dashboards serv").await, @r"
        *Dashboards* with `serv`: 1 of 2
        • Service (http://grafana/d/service) in Shop
        [Service]
        dashboard <name> draws one, dashboard <name> <panel> one of its panels
        ");
    insta::assert_snapshot!(shop.answer("@otus dashboards mysql").await, @r"
        None of the 2 dashboards is called like `mysql`.
        `dashboards` lists all.
        ");
}

#[tokio::test]
async fn a_dashboard_is_one_picture_of_its_panels() {
    let mut shop = shop().await;
    let file = shop.picture("@otus dashboard shop").await;
    assert!(alt(&file).starts_with("Shop, last 1h"), "{}", alt(&file));
    for said in ["Requests", "Latency", "Pods up"] {
        assert!(alt(&file).contains(said), "{said}: {}", alt(&file));
    }
    assert!(
        comment(&file).contains("dashboard shop page 2"),
        "{}",
        comment(&file)
    );
    let second = shop.picture("@otus dashboard shop page 2").await;
    assert_ne!(file.bytes, second.bytes);
    assert!(comment(&second).contains("kind logs"), "{}", comment(&second));
    assert!(
        shop.answer("@otus dashboard shop page 9")
            .await
            .contains("no page 9")
    );
}

#[tokio::test]
async fn one_panel_is_drawn_large_with_variables_and_a_time() {
    let mut shop = shop().await;
    let file = shop
        .picture("@otus dashboard shop latency service=api,web last 2h")
        .await;
    assert_eq!(file.name, "dashboard-shop-6.png");
    assert!(alt(&file).starts_with("Shop · Latency"), "{}", alt(&file));
    assert!(
        alt(&file).contains("api") && !alt(&file).contains("checkout"),
        "{}",
        alt(&file)
    );
    // The number is enough, and so are the uid and schema v2.
    for (line, said) in [
        ("@otus dashboard shop 14", "Services"),
        ("@otus dashboard shop 8", "Distribution"),
        ("@otus dashboard shop 15", "Memory by pod"),
        ("@otus dashboard \"Service\" quantiles service=web", "Quantiles"),
        ("@otus dashboard service requests by code", "Requests by code"),
    ] {
        let file = shop.picture(line).await;
        assert!(
            alt(&file).contains(said) && !alt(&file).contains("no data"),
            "{line}: {}",
            alt(&file)
        );
    }
    // A repeated panel is all of its repetitions, unless its row says which.
    let file = shop.picture("@otus dashboard shop 11 service=api,web").await;
    assert_eq!(file.name, "dashboard-shop-page-1.png");
    let file = shop.picture("@otus dashboard shop memory of api").await;
    assert_eq!(file.name, "dashboard-shop-11.png");
}

#[tokio::test]
async fn what_nobody_knows_is_answered_with_what_there_is() {
    let mut shop = shop().await;
    insta::assert_snapshot!(shop.answer("@otus dashboard shob").await, @r"
        There is no dashboard called `shob`. Did you mean `Shop`?
        [dashboard shop]
        ");
    insta::assert_snapshot!(shop.answer("@otus dashboard shop latenzy").await, @r"
        There is no panel of Shop called `latenzy`. Did you mean `Latency`?
        [dashboard shop 6]
        ");
    insta::assert_snapshot!(shop.answer("@otus dashboard shop latency servise=api").await, @"This dashboard has no variable `servise`. It has `datasource (Data source)`, `environment`, `service`, `quantile`.");
    insta::assert_snapshot!(shop.answer("@otus dashboard shop latency service=apj last 2h").await, @r"
        `service` cannot be `apj`. It can be `api`, `checkout`, `web`.
        [dashboard shop latency service=api last 2h]
        ");
    insta::assert_snapshot!(shop.answer("@otus dashboard shop mem").await, @r"
        2 panels of *Shop* are called so. Which one?
        • `11` Memory in Resources of api
        • `15` Memory by pod in Details
        [11 Memory] [15 Memory by pod]
        ");
    insta::assert_snapshot!(shop.answer("@otus dashboard shop logs").await, @r"
        I do not draw *Logs*: panels of the kind logs are not drawn.
        There is no renderer in Grafana that I could ask.
        Open in Grafana (http://grafana/d/shop/shop?viewPanel=16)
        ");
    shop.grafana
        .add(Board::classic("shop-2", json!({"title": "Shop floor", "panels": []})).within("Stock"));
    shop.grafana.add(Board::classic(
        "shop-3",
        json!({"title": "Shop window", "panels": [{"type": "text", "id": 1}]}),
    ));
    insta::assert_snapshot!(shop.answer("@otus dashboard sho latency").await, @r"
        4 dashboards are called so. Which one?
        • Service in Shop
        • Shop in Shop
        • Shop floor in Stock
        • Shop window
        [Service] [Shop] [Shop floor] [Shop window]
        ");
    insta::assert_snapshot!(shop.answer("@otus dashboard shop window").await, @r"
        *Shop window* has no panel that I draw.
        Open in Grafana (http://grafana/d/shop-3/shop-window)
        ");
}

#[tokio::test]
async fn what_goes_wrong_is_said() {
    let mut shop = shop().await;
    shop.grafana.trouble("/api/ds/query", Trouble::Status(503));
    insta::assert_snapshot!(shop.answer("@otus dashboard shop latency").await, @r"
        ⚠️ *Latency* cannot be drawn.
        Cannot reach Grafana at http://grafana: HTTP 503, an ordered fault
        Open in Grafana (http://grafana/d/shop/shop?viewPanel=6)
        ");
    insta::assert_snapshot!(shop.answer("@otus dashboard shop").await, @r"
        ❌ None of the panels of *Shop* can be drawn.
        Cannot reach Grafana at http://grafana: HTTP 503, an ordered fault
        Open in Grafana (http://grafana/d/shop/shop)
        ");
    shop.grafana.trouble("/api/search", Trouble::Status(403));
    insta::assert_snapshot!(shop.answer("@otus dashboards").await, @"Grafana at http://grafana does not allow listing dashboards (HTTP 403): the service account needs the permission dashboards:read, which the role Viewer has.");
    let graphs = Graphs::new(Settings::default(), None, Rules::default()).expect("settings");
    let mut alone = Room::builder().responder(graphs).open();
    alone.say("ann", "@otus dashboards").await;
    insta::assert_snapshot!(alone.answer().await.plain(), @"I know no Grafana. Whoever runs me can set `grafana.url` and a token in the configuration.");
}

#[tokio::test]
async fn what_we_do_not_draw_grafana_draws() {
    let mut shop = shop_with(|options| options.renderer = true, |builder| builder).await;
    shop.room.say("ann", "@otus dashboard shop logs").await;
    let file = shop.room.expect_file().await;
    assert!(
        comment(&file).starts_with("Drawn by Grafana."),
        "{}",
        comment(&file)
    );
    assert!(
        shop.grafana
            .calls()
            .iter()
            .any(|call| call.contains("panelId=16"))
    );
}

#[tokio::test]
async fn a_pasted_link_is_answered_in_its_thread() {
    let mut shop = shop().await;
    let url = shop.grafana.url().to_owned();
    let said = shop
        .room
        .say(
            "ann",
            &format!("look: {url}/d/shop/shop?viewPanel=6&from=now-2h&to=now&var-service=api"),
        )
        .await;
    let answer = shop.room.next_said().await;
    let What::File(file) = answer.what else {
        panic!("a picture, not {:?}", answer.what)
    };
    assert_eq!(answer.place.thread, Some(said));
    assert!(alt(&file).starts_with("Shop · Latency"), "{}", alt(&file));
    shop.room
        .say(
            "ann",
            &format!("{url}/d-solo/service/x?panelId=panel-4&var-service=web"),
        )
        .await;
    assert!(alt(&shop.room.expect_file().await).contains("Quantiles"));
    shop.room.say("ann", &format!("{url}/goto/abc123")).await;
    assert!(alt(&shop.room.expect_file().await).starts_with("Shop"));
    // Elsewhere, gone, or nobody's business.
    for silent in [
        "https://grafana.example.org/d/shop/shop".to_owned(),
        format!("{url}/d/nothing/x"),
        format!("{url}/goto/gone"),
        format!("`{url}/d/shop/shop`"),
    ] {
        shop.room.say("ann", &silent).await;
    }
    shop.room.expect_silence().await;
    // Said to the robot it is a command.
    let file = shop
        .picture(&format!("@otus dashboard {url}/d/shop/shop?viewPanel=5"))
        .await;
    assert!(alt(&file).contains("Requests by service"), "{}", alt(&file));
}

#[tokio::test]
async fn who_may_not_ask_is_shown_nothing() {
    let policy = "
        [[rules]]
        name = 'dashboards are for the team'
        commands = ['dashboard']
        deny = true
    ";
    let mut shop = shop_with(|_| {}, |builder| builder.policy(policy)).await;
    let url = shop.grafana.url().to_owned();
    shop.room
        .say("ann", &format!("{url}/d/shop/shop?viewPanel=6"))
        .await;
    shop.room.expect_silence().await;
}
