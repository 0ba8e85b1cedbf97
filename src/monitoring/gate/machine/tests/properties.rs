//! What holds whatever happens, and the rules said in another way than the gate says them.

use super::*;
use proptest::prelude::*;

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
            prop_assert_eq!(&serde_json::from_str::<Gate>(&journal).unwrap(), &gate);
        }
    }
}
