//! Tables; what holds whatever happens is in `properties`.

mod properties;

use super::*;
use serde_json::{Value, json};

const BEGAN: i64 = 1_700_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(BEGAN + seconds).unwrap()
}

fn bound() -> Bound {
    "< 1".parse().unwrap()
}

/// 3 samples, one each 10 s, the first after 20 s.
fn gate(more: Value) -> Gate {
    let mut config = json!({
        "name": "g", "query": "q", "below": 1, "interval": "10s", "initial_delay": "20s", "count": 3,
        "patience": "1m",
    });
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    Gate::new(serde_json::from_value(config).unwrap(), at(0))
}

fn good() -> Outcome {
    Outcome::Pass { value: 0.5 }
}

fn bad() -> Outcome {
    Outcome::Fail {
        value: 2.0,
        bound: bound(),
    }
}

fn none() -> Outcome {
    Outcome::NoData { why: NoData::Empty }
}

fn away() -> Outcome {
    Outcome::Error {
        why: "refused".into(),
        fault: Fault::Server,
    }
}

fn wrong() -> Outcome {
    Outcome::Error {
        why: "parse error".into(),
        fault: Fault::Query,
    }
}

/// Reads `+` good, `-` bad, `0` no data, `!` error of the server, `?` error of the query; each fed when it is due.
fn outcome(letter: char) -> Outcome {
    match letter {
        '+' => good(),
        '-' => bad(),
        '0' => none(),
        '!' => away(),
        '?' => wrong(),
        other => panic!("{other}"),
    }
}

fn run(gate: &mut Gate, letters: &str) -> Verdict {
    for letter in letters.chars() {
        gate.feed(gate.next_at(), &outcome(letter));
    }
    gate.verdict()
}

/// One word for a verdict.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Waiting { .. } => "waiting",
        Verdict::Asking { .. } => "asking",
        Verdict::Passed { .. } => "passed",
        Verdict::Failed { .. } => "failed",
    }
}

#[test]
fn what_comes_of_it() {
    let failing = json!({ "failures": 1 });
    let (fail, pass) = (json!({ "on_no_data": "fail" }), json!({ "on_no_data": "pass" }));
    let (wait, ask) = (json!({ "on_no_data": "wait" }), json!({}));
    for (config, letters, expected) in [
        (&ask, "", "waiting"),
        (&ask, "++", "waiting"),
        (&ask, "+++", "passed"),
        (&ask, "+-", "failed"),
        (&ask, "-+++", "failed"),
        (&failing, "-+", "waiting"),
        (&failing, "-++", "passed"),
        (&failing, "+-+", "passed"),
        (&failing, "-+-", "failed"),
        (&failing, "--", "failed"),
        // No data.
        (&ask, "0", "asking"),
        (&ask, "0+", "waiting"),
        (&ask, "0+0", "asking"),
        (&ask, "0+++", "passed"),
        (&ask, "++0", "asking"),
        (&ask, "0-", "failed"),
        (&pass, "000", "passed"),
        (&pass, "00-", "failed"),
        (&fail, "0", "failed"),
        (&fail, "++0", "failed"),
        (&wait, "000000", "waiting"),
        (&wait, "0000000", "asking"),
        (&wait, "0000000+", "waiting"),
        (&wait, "000+000+000+", "passed"),
        // Errors.
        (&ask, "!!!", "waiting"),
        (&ask, "!!!!", "asking"),
        (&ask, "!!!+!!!+!!!+", "passed"),
        (&ask, "!!!!+", "waiting"),
        (&ask, "?", "asking"),
        (&ask, "?+++", "passed"),
        (&pass, "!!!!", "asking"),
        (&fail, "!!!!!!!!", "asking"),
        (&wait, "!!!?", "asking"),
        // A hiccup does not take a question back.
        (&ask, "0!", "asking"),
    ] {
        let verdict = run(&mut gate(config.clone()), letters);
        assert_eq!(word(&verdict), expected, "{config} {letters}: {verdict:?}");
    }
}

#[test]
fn only_silence_can_pass() {
    let passing = || gate(json!({ "on_no_data": "pass" }));
    for (why, expected) in [
        (NoData::Empty, "waiting"),
        (NoData::NotANumber, "waiting"),
        (NoData::Infinite, "asking"),
        (NoData::Several { samples: 2 }, "asking"),
    ] {
        let verdict = passing().feed(at(20), &Outcome::NoData { why });
        assert_eq!(word(&verdict), expected, "{why}");
    }
}

#[test]
fn what_a_verdict_tells() {
    let mut passing = gate(json!({ "failures": 1, "on_no_data": "pass" }));
    assert_eq!(
        run(&mut passing, "+0"),
        Verdict::Waiting {
            next_at: at(40),
            passed: 2,
            failed: 0,
            count: 3,
            unclear: None
        }
    );
    assert_eq!(
        run(&mut passing, "-"),
        Verdict::Passed {
            passed: 2,
            failed: 1,
            without_data: 1,
            worst: Some(2.0),
            by_person: false
        }
    );
    assert_eq!(
        run(&mut gate(json!({ "failures": 1 })), "-+-"),
        Verdict::Failed {
            at: at(40),
            why: Failure::Value {
                value: 2.0,
                bound: bound()
            },
            failed: 2,
            allowed: 1
        }
    );
    assert_eq!(
        run(&mut gate(json!({ "on_no_data": "fail" })), "0"),
        Verdict::Failed {
            at: at(20),
            why: Failure::NoData { why: NoData::Empty },
            failed: 1,
            allowed: 0
        }
    );
    assert_eq!(
        run(&mut gate(json!({})), "+00"),
        Verdict::Asking {
            next_at: at(50),
            why: Unclear::NoData(NoData::Empty),
            since: at(30)
        }
    );
    let Verdict::Waiting {
        unclear: Some(Unclear::Error(why)),
        ..
    } = run(&mut gate(json!({})), "!")
    else {
        panic!()
    };
    assert_eq!(why, "refused");
}

#[test]
fn a_person_decides_only_when_asked() {
    let mut untouched = gate(json!({}));
    run(&mut untouched, "+");
    let before = untouched.clone();
    for answer in [Answer::Pass, Answer::Fail, Answer::Wait] {
        assert_eq!(word(&untouched.answer(at(25), answer)), "waiting");
    }
    assert_eq!(untouched, before);

    let asked = || {
        let mut gate = gate(json!({}));
        assert_eq!(word(&run(&mut gate, "+0")), "asking");
        gate
    };
    assert_eq!(
        asked().answer(at(33), Answer::Pass),
        Verdict::Passed {
            passed: 1,
            failed: 0,
            without_data: 0,
            worst: Some(0.5),
            by_person: true
        }
    );
    let person = Failure::Person {
        unclear: Unclear::NoData(NoData::Empty),
    };
    assert_eq!(
        asked().answer(at(33), Answer::Fail),
        Verdict::Failed {
            at: at(33),
            why: person,
            failed: 0,
            allowed: 0
        }
    );
    // Asked again when the minute is over; data ends the patience.
    let mut gate = asked();
    assert_eq!(word(&gate.answer(at(33), Answer::Wait)), "waiting");
    for _ in 0..6 {
        assert_eq!(word(&run(&mut gate, "0")), "waiting", "{:?}", gate.next_at());
    }
    assert_eq!(word(&run(&mut gate, "0")), "asking");
    gate.answer(gate.next_at(), Answer::Wait);
    assert_eq!(word(&run(&mut gate, "0+0")), "asking");
    // What is decided stays decided.
    let mut failed = asked();
    failed.answer(at(33), Answer::Fail);
    assert_eq!(word(&failed.answer(at(34), Answer::Pass)), "failed");
    assert_eq!(word(&run(&mut failed, "+++")), "failed");
}

#[test]
fn a_sample_too_early_changes_nothing() {
    let mut gate = gate(json!({}));
    assert_eq!(gate.next_at(), at(20));
    let fresh = gate.clone();
    gate.feed(at(19), &bad());
    assert_eq!(gate, fresh);
    gate.feed(at(20), &good());
    let once = gate.clone();
    gate.feed(at(20), &good());
    gate.feed(at(29), &bad());
    assert_eq!(gate, once);
    // One that comes late moves those after it.
    gate.feed(at(500), &good());
    assert_eq!(gate.next_at(), at(510));
}

#[test]
fn the_baseline_counts_where_it_is_stricter() {
    let config = json!({ "baseline": { "factor": 2 } });
    assert_eq!(gate(config.clone()).bound().to_string(), "< 1");
    assert_eq!(
        gate(config.clone()).with_before(Some(0.1)).bound().to_string(),
        "< 0.2"
    );
    assert_eq!(
        gate(config.clone()).with_before(Some(3.0)).bound().to_string(),
        "< 1"
    );
    assert_eq!(
        gate(config).with_before(Some(f64::NAN)).bound().to_string(),
        "< 1"
    );
}

#[test]
fn it_is_read_back_from_a_journal_of_text() {
    let mut gate = gate(json!({ "failures": 1, "baseline": { "factor": 1.5 } })).with_before(Some(0.1));
    run(&mut gate, "-0");
    let text = serde_json::to_string(&gate).unwrap();
    assert_eq!(serde_json::from_str::<Gate>(&text).unwrap(), gate, "{text}");
    let verdict = serde_json::to_value(gate.verdict()).unwrap();
    assert_eq!(verdict["verdict"], "asking");
}

#[test]
fn the_end_of_time_is_no_panic() {
    let config = json!({ "name": "g", "query": "q", "below": 1, "initial_delay": "500000000y" });
    let gate = Gate::new(serde_json::from_value(config).unwrap(), at(0));
    assert_eq!(gate.next_at(), Timestamp::MAX);
}
