//! Purpose: OFREP 0.3 and flagd's HTTP sync, word for word.

use crate::house::{House, NOW, author, config, etag, furnished, read};
use otus_flags::{Context, Document, Edit, Evaluator, FlagStore, MemoryFlagStore, serve::FlagsConfig};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

#[tokio::test]
async fn one_flag_is_evaluated() {
    let house = furnished().await;
    for (key, context, status, wanted) in [
        (
            "nav",
            json!({}),
            200,
            json!({"value": false, "variant": "off", "reason": "STATIC"}),
        ),
        (
            "staff",
            json!({"targetingKey": "ann", "email": "ann@example.com"}),
            200,
            json!({"value": true, "variant": "on", "reason": "TARGETING_MATCH", "metadata": {"owner": "web"}}),
        ),
        (
            "staff",
            json!({"targetingKey": "bob"}),
            200,
            json!({"value": false, "variant": "off", "reason": "DEFAULT", "metadata": {"owner": "web"}}),
        ),
        (
            "half",
            json!({}),
            200,
            json!({"variant": "", "reason": "DEFAULT"}),
        ),
        (
            "text",
            json!({}),
            200,
            json!({"value": "größe", "variant": "a", "reason": "STATIC"}),
        ),
        (
            "object",
            json!({}),
            200,
            json!({"value": {"x": [1, {"y": null}]}, "variant": "a", "reason": "STATIC"}),
        ),
        (
            "open",
            json!({}),
            200,
            json!({"variant": "", "reason": "DEFAULT"}),
        ),
        (
            "disabled",
            json!({}),
            200,
            json!({"variant": "", "reason": "DISABLED"}),
        ),
        (
            "none",
            json!({}),
            404,
            json!({"errorCode": "FLAG_NOT_FOUND", "errorDetails": "there is no flag `none`"}),
        ),
        (
            "nav",
            json!({"targetingKey": 7}),
            400,
            json!({"errorCode": "INVALID_CONTEXT", "errorDetails": "the context's targetingKey is a number, and has to be a text"}),
        ),
        (
            "nav",
            json!("me"),
            400,
            json!({"errorCode": "INVALID_CONTEXT", "errorDetails": "the context is a text, and has to be an object"}),
        ),
    ] {
        let mut wanted = wanted;
        wanted["key"] = key.into();
        assert_eq!(house.single(key, context).await, (status, wanted), "{key}");
    }
    let without = house
        .post("/ofrep/v1/evaluate/flags/nav", &json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(without.status(), StatusCode::OK, "no context is an empty one");
    let odd = house
        .post("/ofrep/v1/evaluate/flags/nav", &json!([]))
        .body("{")
        .send()
        .await
        .unwrap();
    let (status, body) = read(odd).await;
    assert_eq!((status, &body["errorCode"]), (400, &json!("PARSE_ERROR")));
}

#[tokio::test]
async fn a_rule_that_fails_is_an_error_of_its_flag_alone() {
    let house = House::new().await;
    let flag = |rule: Value| json!({"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on", "targeting": rule});
    let document = json!({"flags": {
        "broken": flag(json!({"if": [{"nonsense": []}, "on"]})),
        "lost": flag(json!({"if": [true, "nowhere"]})),
        "well": flag(json!({"if": [true, "on"]})),
    }});
    let import = Edit::Import {
        document: Document::read(&document).unwrap(),
        as_it_is: true,
        rebucket: false,
    };
    house
        .flags
        .change("production", &import, &author())
        .await
        .unwrap();
    let (status, body) = house.single("broken", json!({})).await;
    assert_eq!((status, &body["errorCode"]), (400, &json!("PARSE_ERROR")));
    let (status, body) = read(house.bulk("ann", None, "").send().await.unwrap()).await;
    assert_eq!(status, 200);
    let found: Vec<_> = body["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| (&flag["key"], &flag["errorCode"]))
        .collect();
    assert_eq!(
        json!(found),
        json!([["broken", "PARSE_ERROR"], ["lost", "GENERAL"], ["well", null]])
    );
}

#[tokio::test]
async fn all_flags_are_evaluated_and_tagged() {
    let house = furnished().await;
    let first = house.bulk("ann", None, "").send().await.unwrap();
    let tag = etag(&first);
    let (_, body) = read(first).await;
    assert_eq!(body["flags"].as_array().unwrap().len(), 9);
    let stream = &body["eventStreams"][0];
    assert_eq!(
        (&stream["type"], &stream["inactivityDelaySec"]),
        (&json!("sse"), &json!(120))
    );
    assert!(
        stream["endpoint"]["requestUri"]
            .as_str()
            .unwrap()
            .starts_with("/ofrep/v1/events?channel=")
    );
    assert!(!body.to_string().contains("web-token"));

    let same = house.bulk("ann", Some(&tag), "").send().await.unwrap();
    assert_eq!(
        (same.status(), etag(&same)),
        (StatusCode::NOT_MODIFIED, tag.clone())
    );
    assert!(same.bytes().await.unwrap().is_empty());
    for listed in [format!("\"x\", W/{tag}"), "*".to_owned()] {
        let same = house.bulk("ann", Some(&listed), "").send().await.unwrap();
        assert_eq!(same.status(), StatusCode::NOT_MODIFIED, "{listed}");
    }
    // What concerns others changes nothing for her.
    house
        .put(
            "staging",
            "nav",
            json!({"state": "ENABLED", "variants": {"x": 1}}),
        )
        .await;
    assert_eq!(
        house.bulk("ann", Some(&tag), "").send().await.unwrap().status(),
        StatusCode::NOT_MODIFIED
    );
    house.switch("nav", true).await;
    let changed = house.bulk("ann", Some(&tag), "").send().await.unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
    assert_ne!(etag(&changed), tag);
}

#[tokio::test]
async fn a_ramp_changes_the_tag_with_what_is_given() {
    let house = House::new().await;
    let ramp = otus_flags::Ramp {
        variant: "on".into(),
        other: "off".into(),
        from: 0,
        to: 100,
        start: NOW,
        end: NOW + 7_200,
        by: None,
    };
    house
        .put(
            "production",
            "nav",
            json!({"state": "ENABLED", "variants": {"on": true, "off": false}, "targeting": ramp.rule().unwrap()}),
        )
        .await;
    let (mut tags, mut values) = (Vec::new(), Vec::new());
    for step in 0..=20 {
        house
            .now
            .store(NOW + step * 360, std::sync::atomic::Ordering::Relaxed);
        let answer = house
            .bulk("ann", tags.last().map(String::as_str), "")
            .send()
            .await
            .unwrap();
        tags.push(etag(&answer));
        let (status, body) = read(answer).await;
        match status {
            304 => values.push(values.last().cloned().unwrap()),
            _ => values.push(body["flags"][0]["value"].clone()),
        }
    }
    assert_eq!((&values[0], &values[20]), (&json!(false), &json!(true)));
    for (tags, values) in tags.windows(2).zip(values.windows(2)) {
        assert_eq!(tags[0] == tags[1], values[0] == values[1], "{tags:?} {values:?}");
    }
}

#[tokio::test]
async fn who_knows_of_something_newer_is_not_told_that_nothing_changed() {
    let house = furnished().await;
    let tag = etag(&house.bulk("ann", None, "").send().await.unwrap());
    // Another replica changed it, and this one has not heard.
    let kept = house.store.load("production").await.unwrap().unwrap();
    let edit = Edit::Put {
        key: "nav".into(),
        definition: otus_flags::Definition::switch(true),
    };
    let (next, change) = kept.apply(&edit, &author()).unwrap();
    assert!(house.store.save(&next, &change).await.unwrap());
    let query = format!(
        "?flagConfigEtag=%22{}.0%22&flagConfigLastModified={NOW}",
        next.revision
    );
    let (status, body) = read(house.bulk("ann", Some(&tag), &query).send().await.unwrap()).await;
    assert_eq!(status, 200);
    let nav = body["flags"]
        .as_array()
        .unwrap()
        .iter()
        .find(|flag| flag["key"] == "nav")
        .unwrap();
    assert_eq!(nav["value"], true);
    // Nor when it cannot be had.
    let now = etag(&house.bulk("ann", None, "").send().await.unwrap());
    let far = house
        .bulk("ann", Some(&now), "?flagConfigEtag=%22999.0%22")
        .send()
        .await
        .unwrap();
    assert_eq!(far.status(), StatusCode::OK);
    for odd in [
        "?flagConfigEtag=",
        "?flagConfigEtag=nonsense",
        "?flagConfigEtag=%221.x%22&other=1",
    ] {
        assert_eq!(
            house.bulk("ann", Some(&now), odd).send().await.unwrap().status(),
            StatusCode::NOT_MODIFIED
        );
    }
}

#[tokio::test]
async fn a_token_opens_its_set_and_no_other() {
    let house = furnished().await;
    let path = format!("{}/ofrep/v1/evaluate/flags/nav", house.url);
    let asked = async |header: &str, value: &str| {
        let asked = house.client.post(&path).header(header, value).body("{}");
        asked.send().await.unwrap()
    };
    for (header, value, status) in [
        ("authorization", "Bearer web-token", 200),
        ("x-api-key", "web-token", 200),
        ("authorization", "Bearer nobody", 401),
        ("cookie", "x", 401),
        ("authorization", "Bearer staging-token", 404),
    ] {
        let answer = asked(header, value).await;
        assert_eq!(answer.status().as_u16(), status, "{header}: {value}");
        if status == 401 {
            assert!(answer.bytes().await.unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn pages_may_ask() {
    let house = furnished().await;
    let origin = "https://shop.example.com";
    let preflight = house
        .client
        .request(Method::OPTIONS, format!("{}/ofrep/v1/evaluate/flags", house.url))
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "POST")
        .header(
            "Access-Control-Request-Headers",
            "authorization,content-type,if-none-match,x-api-key",
        );
    let preflight = preflight.send().await.unwrap();
    assert!(preflight.status().is_success());
    let allowed = preflight.headers()["access-control-allow-headers"]
        .to_str()
        .unwrap();
    for header in ["authorization", "content-type", "if-none-match", "x-api-key"] {
        assert!(allowed.contains(header), "{allowed}");
    }
    let answer = house
        .bulk("ann", None, "")
        .header("Origin", origin)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert!(
        answer.headers()["access-control-expose-headers"]
            .to_str()
            .unwrap()
            .contains("etag")
    );
    // A refusal, too, or the page cannot read why.
    let refused = house
        .client
        .post(format!("{}/ofrep/v1/evaluate/flags", house.url))
        .header("Origin", origin);
    assert_eq!(
        refused.send().await.unwrap().headers()["access-control-allow-origin"],
        "*"
    );

    let narrow = FlagsConfig {
        origins: vec![origin.into()],
        ..config()
    };
    let house = House::with(&narrow, Arc::new(MemoryFlagStore::new())).await;
    for (from, allowed) in [(origin, true), ("https://evil.example.com", false)] {
        let answer = house
            .bulk("ann", None, "")
            .header("Origin", from)
            .send()
            .await
            .unwrap();
        assert_eq!(
            answer.headers().contains_key("access-control-allow-origin"),
            allowed,
            "{from}"
        );
    }
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let slow = FlagsConfig {
        requests_per_second: 1,
        ..config()
    };
    let house = House::with(&slow, Arc::new(MemoryFlagStore::new())).await;
    let mut answers = Vec::new();
    for _ in 0..50 {
        answers.push(house.bulk("ann", None, "").send().await.unwrap());
        if answers.last().unwrap().status() == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
    }
    let last = answers.last().unwrap();
    assert_eq!(last.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(
        last.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >= 1
    );
}

#[tokio::test]
async fn flagd_gets_the_document() {
    let house = furnished().await;
    let ask = |token: &str, set: &str| house.get(&format!("/flags/{set}.json")).bearer_auth(token);
    let first = ask("flagd-token", "production").send().await.unwrap();
    let tag = etag(&first);
    let document = Document::from_json(&first.text().await.unwrap()).unwrap();
    assert_eq!(
        Some(&document),
        house
            .store
            .load("production")
            .await
            .unwrap()
            .map(|kept| kept.document)
            .as_ref()
    );
    let same = ask("flagd-token", "production")
        .header("If-None-Match", &tag)
        .send()
        .await
        .unwrap();
    assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
    house.switch("nav", true).await;
    let next = ask("flagd-token", "production")
        .header("If-None-Match", &tag)
        .send()
        .await
        .unwrap();
    assert_eq!(next.status(), StatusCode::OK);
    // What was handed out evaluates as what is served.
    let handed = Document::from_json(&next.text().await.unwrap()).unwrap();
    let set = otus_flags::FlagSet::compile("handed", 1, &handed);
    let nav = Evaluator::new()
        .evaluate(&set, set.flag("nav").unwrap(), &Context::empty(), NOW)
        .variant()
        .map(str::to_owned);
    assert_eq!(nav.as_deref(), Some("on"));
    for (token, set, status) in [
        ("web-token", "production", 403),
        ("flagd-token", "staging", 403),
        ("x", "production", 401),
    ] {
        assert_eq!(
            ask(token, set).send().await.unwrap().status().as_u16(),
            status,
            "{token} {set}"
        );
    }
}
