use super::*;
use crate::group::tests::{at, told};

const REOPEN: SignedDuration = SignedDuration::from_mins(30);
const GONE: SignedDuration = SignedDuration::from_mins(5);

fn group() -> Group {
    Group::first("main", &told(&[("a", 0, None), ("b", 0, None)]), at(1)).unwrap()
}

fn current(names: &[&str], silenced_by: &[&str]) -> Vec<Current> {
    let one = |name: &&str| {
        serde_json::json!({
            "fingerprint": name,
            "labels": { "alertname": "Slow", "instance": name },
            "startsAt": at(0).to_string(),
            "status": { "state": "active", "silencedBy": silenced_by, "inhibitedBy": [] },
        })
    };
    serde_json::from_value(names.iter().map(one).collect()).unwrap()
}

fn silence(id: &str, state: &str) -> Silence {
    serde_json::from_value(serde_json::json!({
        "id": id,
        "matchers": [{ "name": "alertname", "value": "Slow", "isRegex": false, "isEqual": true }],
        "startsAt": at(0).to_string(),
        "endsAt": at(7200).to_string(),
        "createdBy": "bob",
        "comment": "known",
        "status": { "state": state },
    }))
    .unwrap()
}

#[test]
fn a_silence_of_others_is_seen_once_and_its_end_too() {
    let silenced = compared(
        group(),
        &current(&["a", "b"], &["s1"]),
        &[silence("s1", "active")],
        at(10),
        REOPEN,
        GONE,
    );
    assert!(silenced.is_silenced(at(11)));
    assert!(matches!(&silenced.log[0].what, What::SilencedElsewhere { by, .. } if by == "bob"));
    let again = compared(
        silenced.clone(),
        &current(&["a", "b"], &["s1"]),
        &[silence("s1", "active")],
        at(40),
        REOPEN,
        GONE,
    );
    assert_eq!(again, silenced, "nothing to tell");
    let over = compared(
        again,
        &current(&["a", "b"], &[]),
        &[silence("s1", "expired")],
        at(70),
        REOPEN,
        GONE,
    );
    assert!(!over.is_silenced(at(71)) && over.is_firing());
    assert_eq!(over.log.len(), 1);
}

#[test]
fn what_alertmanager_forgot_is_over_after_a_while_and_not_during_its_restart() {
    let missing = compared(group(), &current(&["b"], &[]), &[], at(10), REOPEN, GONE);
    assert!(missing.alerts["a"].ended.is_none());
    let back = compared(
        missing.clone(),
        &current(&["a", "b"], &[]),
        &[],
        at(70),
        REOPEN,
        GONE,
    );
    assert_eq!(back.alerts["a"].missing, None);
    let gone = compared(missing, &current(&["b"], &[]), &[], at(310), REOPEN, GONE);
    assert_eq!(gone.alerts["a"].ended, Some(at(310)));
    assert!(gone.is_firing());
    let all = compared(gone.clone(), &[], &[], at(320), REOPEN, GONE);
    assert!(all.is_firing());
    let all = compared(all, &[], &[], at(620), REOPEN, GONE);
    assert_eq!(all.resolved, Some(at(620)));
}

#[test]
fn what_fires_all_the_same_is_brought_back() {
    let mut resolved = group();
    resolved.forget(&["a".into(), "b".into()], at(10), REOPEN);
    assert!(!resolved.is_firing());
    let soon = compared(resolved.clone(), &current(&["a"], &[]), &[], at(20), REOPEN, GONE);
    assert!(!soon.is_firing(), "Alertmanager may not know of the end yet");
    let later = compared(resolved, &current(&["a"], &[]), &[], at(400), REOPEN, GONE);
    assert!(later.is_firing());
    assert_eq!((later.episode, later.returned), (1, 1));
}
