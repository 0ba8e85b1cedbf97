use super::*;
use proptest::prelude::*;
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

/// What the samples that are due come to, said in another way than the gate says it.
fn expected(config: &GateConfig, letters: &[char]) -> &'static str {
    let (mut taken, mut bad, mut asking, mut errors, mut empty) = (0, 0, false, 0, 0);
    for letter in letters {
        let (counts, is_bad) = match (letter, config.on_no_data) {
            ('+', _) | ('0', OnNoData::Pass) => (true, false),
            ('-', _) | ('0', OnNoData::Fail) => (true, true),
            _ => (false, false),
        };
        let unclear_for = empty;
        (errors, empty) = match letter {
            _ if counts => (0, 0),
            '0' => (0, empty + 1),
            _ => (errors + 1, empty + 1),
        };
        if counts {
            asking = false;
            taken += 1;
            bad += u32::from(is_bad);
        } else {
            asking |= match letter {
                '?' => true,
                '!' => errors > config.errors,
                // One each 10 s, a minute of patience.
                _ => config.on_no_data == OnNoData::Ask || unclear_for >= 6,
            };
        }
        if bad > config.failures {
            return "failed";
        }
        if taken == config.count {
            return "passed";
        }
    }
    if asking { "asking" } else { "waiting" }
}

fn any_config() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec!["fail", "pass", "wait", "ask"]);
    (1u32..6, any::<prop::sample::Index>(), words, 0u32..4).prop_map(
        |(count, failures, on_no_data, errors)| {
            let failures = failures.index(count as usize);
            json!({ "count": count, "failures": failures, "on_no_data": on_no_data, "errors": errors })
        },
    )
}

/// A step: a sample some seconds after it is due (or before), or an answer.
#[derive(Debug, Clone)]
enum Step {
    Sample { late: i64, letter: char },
    Answer(Answer),
}

fn any_step() -> impl Strategy<Value = Step> {
    let letter = || prop::sample::select(vec!['+', '+', '-', '0', '!', '?']);
    prop_oneof![
        8 => (-15i64..40, letter()).prop_map(|(late, letter)| Step::Sample { late, letter }),
        1 => prop::sample::select(vec![Answer::Pass, Answer::Fail, Answer::Wait]).prop_map(Step::Answer),
    ]
}

proptest! {
    #[test]
    fn the_gate_does_what_the_rules_say(
        config in any_config(),
        letters in prop::collection::vec(prop::sample::select(vec!['+', '+', '-', '0', '!', '?']), 0..20),
    ) {
        let mut gate = gate(config);
        let text: String = letters.iter().collect();
        let verdict = run(&mut gate, &text);
        prop_assert_eq!(word(&verdict), expected(gate.config(), &letters), "{} {:?}", text, verdict);
    }

    #[test]
    fn whatever_happens(config in any_config(), steps in prop::collection::vec(any_step(), 0..30)) {
        let mut gate = gate(config);
        let (mut measured, mut answered) = (0u32, false);
        for step in steps {
            let before = gate.clone();
            let told = before.verdict();
            let verdict = match step {
                Step::Sample { late, letter } => {
                    let at = after(gate.next_at(), Duration::from_secs(late.unsigned_abs()));
                    let at = if late < 0 { gate.next_at() - SignedDuration::from_secs(-late) } else { at };
                    let due = at >= gate.next_at() && !told.is_final();
                    let verdict = gate.feed(at, &outcome(letter));
                    if due {
                        measured += u32::from(matches!(letter, '+' | '-'));
                        prop_assert!(gate.next_at() > at);
                        // Errors decide nothing.
                        prop_assert!(!matches!(letter, '!' | '?') || !verdict.is_final());
                        // Fed twice is fed once.
                        let once = gate.clone();
                        gate.feed(at, &outcome(letter));
                        prop_assert_eq!(&gate, &once);
                    } else {
                        prop_assert_eq!(&gate, &before, "not due");
                    }
                    verdict
                }
                Step::Answer(answer) => {
                    let verdict = gate.answer(gate.next_at(), answer);
                    answered |= verdict.is_final() && !told.is_final();
                    prop_assert!(matches!(told, Verdict::Asking { .. }) || gate == before, "nobody was asked");
                    verdict
                }
            };
            prop_assert_eq!(&verdict, &gate.verdict());
            if told.is_final() {
                prop_assert_eq!(&verdict, &told, "what is decided stays decided");
            }
            match &verdict {
                Verdict::Passed { passed, failed, without_data, by_person, .. } => {
                    prop_assert_eq!(*by_person, answered);
                    prop_assert!(*failed <= gate.config().failures);
                    prop_assert_eq!(passed + failed - without_data, measured);
                    if !by_person {
                        prop_assert_eq!(passed + failed, gate.config().count);
                    }
                    if matches!(gate.config().on_no_data, OnNoData::Ask | OnNoData::Wait) {
                        prop_assert_eq!(*without_data, 0);
                    }
                }
                Verdict::Failed { failed, allowed, why, .. } => {
                    let by_person = matches!(why, Failure::Person { .. });
                    prop_assert_eq!(by_person, answered);
                    prop_assert_eq!(failed > allowed, !by_person);
                }
                Verdict::Waiting { .. } | Verdict::Asking { .. } => {}
            }
            // Killed here and taken up from the journal, it is the same gate.
            let journal = serde_json::to_string(&gate).unwrap();
            gate = serde_json::from_str(&journal).unwrap();
            prop_assert_eq!(gate.verdict(), verdict);
        }
    }
}
