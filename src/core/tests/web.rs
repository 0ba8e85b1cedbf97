//! Responders that listen over HTTP: every request is answered, whatever becomes of the handler.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate otus_core as otus;

use otus::{
    StartError,
    prelude::*,
    responder::Built,
    web::{Answer, Request, Route},
};
use serde_json::json;

/// A place where letters are left.
#[derive(Default)]
struct Box;

/// Letters.
#[responder(name = "box")]
impl Box {
    /// Reads the last letter.
    #[respond(r"^letter$", usage = "letter")]
    async fn letter(&self, cx: Context) -> Result {
        let letter = cx.services().store().recall("box", "last").await?;
        cx.reply(letter.map_or("none".into(), |letter| letter.to_string()))
            .await
    }

    #[routes]
    fn listens(&self) -> Vec<Route> {
        vec![
            Route::new(
                "POST",
                "/hooks/box",
                |services: otus::Services, request| async move {
                    let text = String::from_utf8(request.body)?;
                    services
                        .store()
                        .remember("box", "last", Some(json!(text)))
                        .await?;
                    Ok(Answer::new(202, "thanks\n"))
                },
            ),
            Route::new("POST", "/hooks/box/broken", |_, _| async {
                panic!("it is broken")
            }),
        ]
    }
}

#[tokio::test]
async fn what_comes_in_over_http_reaches_the_responder_and_its_services() {
    let mut room = Room::with(Box);
    let answer = room
        .robot()
        .serve(Request::new("POST", "/hooks/box", "hello"))
        .await;
    assert_eq!(answer, Answer::new(202, "thanks\n"));
    room.say("ann", "@otus letter").await;
    room.expect_reply("\"hello\"").await;
}

#[tokio::test]
async fn every_request_is_answered_and_nothing_of_the_inside_gets_out() {
    let room = Room::with(Box);
    for (method, path, body, status) in [
        ("POST", "/hooks/box", &b"\xff"[..], 500),
        ("POST", "/hooks/box/broken", b"", 500),
        ("GET", "/hooks/box", b"", 405),
        ("POST", "/hooks/else", b"", 404),
        ("POST", "/hooks/box", b"well", 202),
    ] {
        let answer = room.robot().serve(Request::new(method, path, body)).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(
            !answer.body.contains("broken") && !answer.body.contains("utf"),
            "{answer:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_hangs_is_answered_too() {
    let hanging = Route::new("POST", "/hooks/slow", |_, _| std::future::pending());
    let mut built = Built::new(Box);
    built.routes = vec![hanging];
    let robot = otus::Robot::builder(otus::RobotConfig::default())
        .responder(built)
        .build(
            std::sync::Arc::new(otus::room::RoomChat::default()),
            std::sync::Arc::new(otus::MemoryStore::new()),
        )
        .map_err(|faults| format!("{faults:?}"))
        .unwrap();
    assert_eq!(
        robot.serve(Request::new("POST", "/hooks/slow", "")).await.status,
        503
    );
}

#[test]
fn who_listens_where_another_does_is_found_before_the_start() {
    let builder = otus::Robot::builder(otus::RobotConfig::default())
        .responder(Built::new(Box))
        .responder({
            let mut second = Built::new(Box);
            second.handlers.clear();
            second
        });
    let faults = builder
        .build(
            std::sync::Arc::new(otus::room::RoomChat::default()),
            std::sync::Arc::new(otus::MemoryStore::new()),
        )
        .unwrap_err();
    let texts: Vec<_> = faults.iter().map(StartError::to_string).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(
        texts[0].contains("another responder listens to POST /hooks/box already"),
        "{texts:?}"
    );
}
