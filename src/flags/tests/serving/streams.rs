//! Purpose: the stream of changes: nothing missed, nothing twice, and an end.

use crate::house::{House, NOW, config, furnished, read};
use otus_flags::{MemoryFlagStore, Ramp, serve::FlagsConfig};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(60);

struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    async fn open(house: &House, uri: &str, last: Option<&str>) -> Self {
        let asked = house.get(uri);
        let asked = match last {
            Some(last) => asked.header("Last-Event-ID", last),
            None => asked,
        };
        let response = asked.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next block, unless the stream ends.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk())
                .await
                .expect("nothing came");
            self.text.push_str(std::str::from_utf8(&chunk.ok()??).unwrap());
        }
    }

    /// The next event's id and data.
    async fn event(&mut self) -> (String, Value) {
        loop {
            let block = self.block().await.expect("the stream ended");
            if let Some(rest) = block.strip_prefix("id: ") {
                let (id, rest) = rest.split_once("\nevent: message\ndata: ").unwrap();
                return (id.to_owned(), serde_json::from_str(rest).unwrap());
            }
        }
    }
}

async fn channel(house: &House) -> String {
    let (_, body) = read(house.bulk("ann", None, "").send().await.unwrap()).await;
    body["eventStreams"][0]["endpoint"]["requestUri"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn who_listens_hears_of_changes() {
    let house = furnished().await;
    let uri = channel(&house).await;
    let mut stream = Stream::open(&house, &uri, None).await;
    let (first, data) = stream.event().await;
    assert_eq!(first, "9.0");
    assert_eq!(
        data,
        json!({"type": "refetchEvaluation", "etag": "\"9.0\"", "lastModified": NOW})
    );
    house.switch("nav", true).await;
    assert_eq!(stream.event().await.0, "10.0");
    house
        .put(
            "staging",
            "nav",
            json!({"state": "ENABLED", "variants": {"x": 1}}),
        )
        .await;
    house.switch("nav", false).await;
    assert_eq!(stream.event().await.0, "11.0", "another set is not its business");
}

#[tokio::test]
async fn who_comes_back_hears_what_was_missed_once() {
    let house = furnished().await;
    let uri = channel(&house).await;
    for on in [true, false, true] {
        house.switch("nav", on).await;
    }
    let mut behind = Stream::open(&house, &uri, Some("9.0")).await;
    assert_eq!(
        behind.event().await.0,
        "12.0",
        "three changes are one reason to ask"
    );
    let mut level = Stream::open(&house, &uri, Some("12.0")).await;
    house.switch("nav", false).await;
    assert_eq!(level.event().await.0, "13.0", "nothing that it has already");
    assert_eq!(behind.event().await.0, "13.0");
    let mut odd = Stream::open(&house, &uri, Some("nonsense")).await;
    assert_eq!(odd.event().await.0, "13.0");
}

#[tokio::test]
async fn time_is_told_of_too() {
    let house = House::new().await;
    let ramp = Ramp {
        variant: "on".into(),
        other: "off".into(),
        from: 0,
        to: 50,
        start: NOW + 100,
        end: NOW + 1_100,
        by: None,
    };
    let definition = json!({"state": "ENABLED", "variants": {"on": true, "off": false}, "targeting": ramp.rule().unwrap()});
    house.put("production", "nav", definition).await;
    let mut stream = Stream::open(&house, &channel(&house).await, None).await;
    assert_eq!(stream.event().await.0, "1.0");
    let mut last = 0;
    for second in (0..1_300).step_by(5) {
        house.now.store(NOW + second, Ordering::Relaxed);
        house.flags.look().await.unwrap();
    }
    // What was not read in between may be one.
    while last < 102 {
        let (id, data) = stream.event().await;
        let ticks: u64 = id.strip_prefix("1.").unwrap().parse().unwrap();
        assert!(ticks > last);
        assert!(data["lastModified"].as_i64().unwrap() >= NOW);
        last = ticks;
    }
    assert_eq!(last, 102, "a hundred steps, and both ends");
}

#[tokio::test]
async fn a_stream_needs_its_channel() {
    let house = furnished().await;
    let uri = channel(&house).await;
    for wrong in [
        "/ofrep/v1/events",
        "/ofrep/v1/events?channel=",
        &uri[..uri.len() - 1],
    ] {
        assert_eq!(
            house.get(wrong).send().await.unwrap().status(),
            StatusCode::UNAUTHORIZED,
            "{wrong}"
        );
    }
    house.now.store(NOW + 9 * 86_400, Ordering::Relaxed);
    assert_eq!(
        house.get(&uri).send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED,
        "too old"
    );
    let by_token = house
        .get("/ofrep/v1/events")
        .bearer_auth("web-token")
        .send()
        .await
        .unwrap();
    assert_eq!(by_token.status(), StatusCode::OK);
}

#[tokio::test]
async fn something_is_heard_of_an_idle_stream_and_it_ends_with_the_server() {
    let often = FlagsConfig {
        heartbeat_seconds: 1,
        streams: 1,
        ..config()
    };
    let house = House::with(&often, Arc::new(MemoryFlagStore::new())).await;
    house.switch("nav", true).await;
    let uri = channel(&house).await;
    let mut stream = Stream::open(&house, &uri, None).await;
    assert_eq!(stream.block().await.unwrap(), "retry: 3000");
    assert!(stream.block().await.unwrap().starts_with("id: 1.0\n"));
    assert_eq!(stream.block().await.unwrap(), ":", "a heartbeat");
    let more = house.get(&uri).send().await.unwrap();
    assert_eq!(
        more.status(),
        StatusCode::SERVICE_UNAVAILABLE,
        "no more than there may be"
    );
    assert_eq!(more.headers()["retry-after"], "30");
    house.stop.cancel();
    while let Some(block) = stream.block().await {
        assert_eq!(block, ":");
    }
}
