//! A query is replaced under load: requests to the example service, on a real PostgreSQL; through the library to the real program;
//! from there to a chat, where people say how much of the traffic takes part, and read what came of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::{House, SOON, words};
use otus_emulators::real::RealPostgres;
use otus_example_shop::{CUSTOMERS_QUERY, Shop};
use otus_experiments::HttpSink;
use std::time::Duration;

const TOKEN: &str = "a-token-of-the-shop";

/// Sends what there is, and takes what comes back.
async fn send(sink: &HttpSink) {
    let sink = sink.clone();
    assert!(
        tokio::task::spawn_blocking(move || sink.flush(SOON))
            .await
            .unwrap()
    );
}

/// Waits until something is so, sending all the time.
async fn until(house: &House, sink: &HttpSink, what: &str, so: impl Fn() -> bool) {
    let waiting = async {
        while !so() {
            send(sink).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if tokio::time::timeout(SOON, waiting).await.is_err() {
        let error = sink.last_error();
        panic!(
            "{what} did not come to be: {error:?}\n{}\n{}",
            house.transcript(),
            house.log()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_and_a_new_query_are_compared_on_requests_and_shown_in_the_chat() {
    let postgres = RealPostgres::start().unwrap();
    let mut house = House::build(None).await;
    house.configure(&format!(
        "[responders.experiments.applications.shop]\ntokens = [\"{TOKEN}\"]\n"
    ));
    house.start().await;
    let address = house.http().await;

    let sink = HttpSink::to(format!("http://{address}/hooks/experiments"), TOKEN)
        .application("shop")
        .release("9f3c1e2")
        // Never by itself: the test says when.
        .every(Duration::from_secs(3600))
        .start()
        .unwrap();
    let shop = Shop::open(&postgres.fresh().unwrap(), sink.clone())
        .await
        .unwrap();
    let experiment = shop.experiment().clone();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = format!("http://{}/customers", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, shop.router()).await });

    // Nothing runs until somebody wants it to.
    send(&sink).await;
    assert_eq!(sink.failed(), 0, "{:?}", sink.last_error());
    house.say("@otus experiments");
    house
        .shown(|text| {
            text.contains("*customers-query* in shop · 0 % of calls") && text.contains("has never run")
        })
        .await;
    house.say("@otus experiment customers-query set 100%");
    house
        .shown(|text| text.contains("✅") && text.contains("*customers-query* runs on 100 % of calls"))
        .await;
    until(&house, &sink, "the share", || {
        experiment.switch().percent() > 99.9
    })
    .await;

    let client = reqwest::Client::new();
    for number in 0..400 {
        let city = format!("city-{:02}", number % 20);
        let request = client.get(&service).query(&[("city", &city)]).send();
        let answer = request.await.unwrap().error_for_status().unwrap();
        let customers: Vec<serde_json::Value> = answer.json().await.unwrap();
        assert_eq!(
            customers.len(),
            50,
            "callers get what the old query finds, also in {city}"
        );
        // What runs behind the answer goes before the next request: none is left out under load.
        until(&house, &sink, "the end of a run", || experiment.in_flight() == 0).await;
    }
    send(&sink).await;

    let asked = house.say(&format!("@otus experiment {CUSTOMERS_QUERY}"));
    let card = house
        .shown(|text| text.contains("*joined* matched") && text.contains("of 400 runs"))
        .await;
    let text = words(&card);
    for wanted in [
        "*joined* matched 95 % of 400 runs",
        "20 mismatches, all in `number of customers`",
        "Look at what differs before it takes over.",
        "100 % of calls, set by",
        "shop `9f3c1e2`",
        r#"{"customers":50,"orders":490,"without orders":1}"#,
        r#"{"customers":49,"orders":490,"without orders":0}"#,
        "city=city-07",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in\n{text}");
    }
    let file = house
        .slack
        .wait_for(SOON, |world| {
            world.files().find(|file| !file.shares.is_empty()).cloned()
        })
        .await
        .unwrap();
    let picture = file.content.clone().unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
    if let Ok(path) = std::env::var("EXPERIMENT_PICTURE") {
        std::fs::write(path, &picture).unwrap();
    }
    let alt = file.alt_txt.clone().unwrap_or_default();
    assert!(
        alt.contains("customers-query: how long control and candidates take"),
        "{alt}"
    );
    let shared = house.slack.replies(asked);
    assert!(shared.iter().any(|message| message.files.contains(&file.id)));

    house.say("@otus experiment customers-query stop");
    house
        .shown(|text| text.contains("✅") && text.contains("*customers-query* is stopped"))
        .await;
    until(&house, &sink, "the stop", || experiment.switch().is_stopped()).await;
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_refused_and_nothing_listens_without_applications() {
    let mut house = House::build(None).await;
    house.configure(&format!(
        "[responders.experiments.applications.shop]\ntokens = [\"{TOKEN}\"]\n"
    ));
    house.start().await;
    let address = house.http().await;
    let url = format!("http://{address}/hooks/experiments");
    let sink = HttpSink::to(url, "another-token-of-nobody").start().unwrap();
    send(&sink).await;
    assert_eq!(sink.last_error().as_deref(), Some("Otus answered 401"));
    house.stop().await;

    let house = House::open(None).await;
    let address = house.http().await;
    let url = format!("http://{address}/hooks/experiments");
    let status = reqwest::Client::new().post(url).send().await.unwrap().status();
    assert_eq!(status, 404);
}
