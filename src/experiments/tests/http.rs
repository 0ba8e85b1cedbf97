//! What the sink sends to Otus, what it makes of the answers, and what it does without any.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use otus_experiments::{Experiment, HttpSink, HttpSinkError, Kind, wire::Batch};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(60);
/// Never by itself: these tests ask for each round.
const NEVER: Duration = Duration::from_secs(3600);

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hooks/experiments", listener.local_addr().unwrap());
    (listener, url)
}

/// Takes one request, and answers it. Head and batch.
fn serve(stream: TcpStream, answer: &str) -> (String, Batch) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "it ended in {head:?}");
    }
    let head = head.to_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.split("\r\n").next())
        .unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    reader.get_mut().write_all(answer.as_bytes()).unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Waits for the batch that a sender begins with.
fn greeted(sink: &HttpSink) {
    let end = Instant::now() + LONG;
    while sink.sent() + sink.failed() == 0 {
        assert!(Instant::now() < end, "nothing was sent");
        thread::yield_now();
    }
}

#[test]
fn what_is_stopped_is_so_in_a_process_that_has_just_begun() {
    let (listener, url) = listener();
    let server = thread::spawn(move || {
        let settings = r#"{"settings":{"http-later":{"percent":7.0,"stopped":true}}}"#;
        serve(listener.accept().unwrap().0, &answer("200 OK", settings))
    });
    let sink = HttpSink::to(url, "token").every(NEVER).start().unwrap();
    greeted(&sink);
    server.join().unwrap();
    let end = Instant::now() + LONG;
    loop {
        // Made after the answer came, or a moment before it is applied: either way it holds.
        let later = Experiment::<u32>::define("http-later").percent(100.0).build();
        if later.switch().is_stopped() {
            assert!((later.switch().percent() - 7.0).abs() < 1e-6);
            break;
        }
        assert!(Instant::now() < end, "it is not stopped");
    }
}

#[test]
fn sums_arrive_once_and_shares_come_back() {
    let (listener, url) = listener();
    let server = thread::spawn(move || {
        let settings = r#"{"settings":{"http-shop":{"percent":5.0},"nobody":{"stopped":true}},"later":1}"#;
        let answers = [
            answer("200 OK", "{}"),
            answer("503 Service Unavailable", ""),
            answer("200 OK", settings),
            answer("202 Accepted", "taken"),
        ];
        answers.map(|answer| serve(listener.accept().unwrap().0, &answer))
    });
    let sink = HttpSink::to(url, "s3cret")
        .application("shop")
        .release("9f3c1e2")
        .every(NEVER)
        .start()
        .unwrap();
    greeted(&sink);
    let experiment = Experiment::<u32>::define("http-shop")
        .clean(u32::to_string)
        .sink(sink.clone())
        .build();
    let idle = Experiment::<u32>::define("http-idle").percent(0.0).build();
    idle.switch().stop(true);
    for value in [1, 1, 2] {
        experiment
            .control_sync(|| 1)
            .candidate("new", move || value)
            .run();
    }
    assert!(sink.flush(LONG));
    assert_eq!(
        (sink.sent(), sink.failed(), sink.last_error().as_deref()),
        (1, 1, Some("Otus answered 503"))
    );
    experiment.control_sync(|| 1).candidate("new", || 1).run();
    assert!(sink.flush(LONG));
    assert!(
        (experiment.switch().percent() - 5.0).abs() < 1e-6,
        "the answer's share holds"
    );
    assert!(sink.flush(LONG));
    assert_eq!((sink.sent(), sink.dropped()), (3, 0));

    let [(_, hello), (head, first), (_, again), (_, second)] = server.join().unwrap();
    assert_eq!(
        hello.sequence, 1,
        "it begins with what there is: perhaps nothing yet"
    );
    assert!(head.starts_with("post /hooks/experiments http/1.1\r\n"), "{head}");
    assert!(
        head.contains("authorization: bearer s3cret\r\n")
            && head.contains("content-type: application/json\r\n")
    );
    assert_eq!(first, again, "what was not taken comes again, the same");
    assert_eq!((first.version, first.sequence, second.sequence), (1, 2, 3));
    assert_eq!(
        (first.application.as_str(), first.release.as_deref()),
        ("shop", Some("9f3c1e2"))
    );
    assert_eq!(first.instance, second.instance);
    let sums = &first.experiments["http-shop"];
    let new = &sums.candidates["new"];
    assert_eq!(
        (
            sums.control.runs,
            new.outcomes.get(Kind::Match),
            new.outcomes.get(Kind::Mismatch)
        ),
        (3, 2, 1)
    );
    assert_eq!(
        (
            sums.samples[0].control.as_deref(),
            sums.samples[0].value.as_deref()
        ),
        (Some("1"), Some("2"))
    );
    assert_eq!(
        second.experiments["http-shop"].control.runs, 1,
        "what happened meanwhile, and only that"
    );
    let idle = &second.experiments["http-idle"];
    assert_eq!(
        (idle.control.runs, idle.percent, idle.stopped),
        (0, 0.0, true),
        "one that does not run is known, too"
    );
}

#[test]
fn what_is_refused_for_good_is_counted_as_dropped() {
    let (listener, url) = listener();
    let server = thread::spawn(move || {
        [(); 2].map(|()| serve(listener.accept().unwrap().0, &answer("401 Unauthorized", "")))
    });
    let sink = HttpSink::to(url, "wrong").every(NEVER).start().unwrap();
    greeted(&sink);
    let experiment = Experiment::<u32>::define("http-refused")
        .sink(sink.clone())
        .build();
    experiment.control_sync(|| 1).candidate("new", || 1).run();
    assert!(sink.flush(LONG));
    server.join().unwrap();
    assert_eq!((sink.sent(), sink.failed(), sink.dropped()), (0, 2, 1));
}

#[test]
fn nobody_waits_for_an_otus_that_does_not_answer() {
    let (listener, url) = listener();
    let sink = HttpSink::to(url, "token").every(NEVER).start().unwrap();
    let experiment = Experiment::<u32>::define("http-silent")
        .sink(sink.clone())
        .build();
    // Nobody accepts; the sender sits in its request while these run.
    assert!(!sink.flush(Duration::from_millis(1)));
    for _ in 0..10_000 {
        experiment.control_sync(|| 1).candidate("new", || 1).run();
    }
    assert_eq!(sink.dropped(), 0);
    drop(listener);
}

#[test]
fn what_cannot_be_sent_to_is_said_at_once() {
    let error = |url: &str, token: &str| HttpSink::to(url, token).start().unwrap_err();
    assert!(matches!(error("otus:8080", "t"), HttpSinkError::Address(..)));
    assert!(matches!(error("http://otus", "t\n"), HttpSinkError::Token));
    assert!(error("http://otus", "t\n").to_string().contains("line break"));
}
