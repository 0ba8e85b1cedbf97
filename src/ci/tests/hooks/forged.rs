//! What is not genuine is refused, whatever way it is not genuine, and nothing at all brings the reader down.

use crate::sender::{A, NOW, SECRET, SIGNING, Sent, Way, hook, payload};
use otus_ci::hooks::{MAX_BODY, Refusal, Scheme};
use proptest::prelude::*;
use serde_json::{Value, json};

fn example(way: Way, at: i64) -> Sent {
    let (event, body) = way.example();
    way.send(event, &serde_json::to_vec(&body).unwrap(), at)
}

#[test]
fn what_is_genuine_is_read() {
    for way in Way::ALL {
        let delivery = example(way, NOW).read(&way.hook(), NOW).unwrap();
        assert_eq!(delivery.source, "ci");
        assert!(
            delivery.id.starts_with("ci:") && delivery.id.len() > 6,
            "{}",
            delivery.id
        );
        assert_eq!(delivery.events.len(), 1, "{way:?}");
        // A repeat has the same id.
        let again = example(way, NOW).read(&way.hook(), NOW).unwrap();
        assert_eq!(delivery, again, "{way:?}");
    }
}

#[test]
fn without_its_proof_nothing_is_read() {
    for way in Way::ALL {
        let refusal = example(way, NOW)
            .without(way.proof())
            .read(&way.hook(), NOW)
            .unwrap_err();
        assert!(
            matches!(refusal, Refusal::HeaderMissing { .. }),
            "{way:?}: {refusal}"
        );
        assert_eq!(refusal.status(), 400);
        let refusal = way
            .send_by("another secret of theirs", "push", b"{}", NOW)
            .read(&way.hook(), NOW);
        assert_eq!(refusal, Err(Refusal::BadSignature), "{way:?}");
    }
}

#[test]
fn two_secrets_while_one_is_being_changed() {
    for way in Way::ALL.into_iter().filter(|way| *way != Way::GitlabSigned) {
        let both = hook(way.scheme(), &["the secret after this one", SECRET]);
        assert!(example(way, NOW).read(&both, NOW).is_ok(), "{way:?}");
        let (event, body) = way.example();
        let body = serde_json::to_vec(&body).unwrap();
        let newer = way.send_by("the secret after this one", event, &body, NOW);
        assert!(newer.read(&both, NOW).is_ok(), "{way:?}");
        assert_eq!(
            newer.read(&way.hook(), NOW),
            Err(Refusal::BadSignature),
            "{way:?}"
        );
    }
}

#[test]
fn what_was_recorded_is_too_old_after_five_minutes() {
    for way in Way::ALL {
        for (off, fine) in [(-300, true), (300, true), (-301, false), (301, false)] {
            let read = example(way, NOW + off).read(&way.hook(), NOW);
            match read {
                Ok(_) => assert!(fine || !way.has_time(), "{way:?} {off}"),
                Err(refusal) => {
                    assert!(!fine && way.has_time(), "{way:?} {off}: {refusal}");
                    assert_eq!(refusal, Refusal::Stale { off, limit: 300 });
                }
            }
        }
    }
}

#[test]
fn sha1_is_refused_even_beside_nothing_else() {
    let hook = Way::Github.hook();
    let mut sent = example(Way::Github, NOW);
    *sent.header("X-Hub-Signature-256") = format!("sha1={}", "a".repeat(40)).into_bytes();
    assert_eq!(sent.read(&hook, NOW), Err(Refusal::Sha1Only));
    let mut sent = example(Way::Github, NOW).without("X-Hub-Signature-256");
    sent.headers.push((
        "X-Hub-Signature".into(),
        format!("sha1={}", "a".repeat(40)).into_bytes(),
    ));
    assert_eq!(sent.read(&hook, NOW), Err(Refusal::Sha1Only));
}

#[test]
fn a_second_signature_is_refused() {
    for way in Way::ALL {
        let mut sent = example(way, NOW);
        let twin = sent.header(way.proof()).clone();
        sent.headers.push((way.proof().to_lowercase(), twin));
        let refusal = sent.read(&way.hook(), NOW).unwrap_err();
        assert!(
            matches!(refusal, Refusal::HeaderUnusable { .. }),
            "{way:?}: {refusal}"
        );
    }
}

#[test]
fn a_signature_that_came_counts_and_no_token_makes_up_for_it() {
    // A signing token is configured and a plain one too: a wrong signature does not fall back to the plain one.
    let both = hook(Scheme::Gitlab, &[SIGNING, SECRET]);
    let mut sent = example(Way::GitlabSigned, NOW);
    sent.headers.push(("X-Gitlab-Token".into(), SECRET.into()));
    assert!(sent.read(&both, NOW).is_ok());
    sent.body.push(b' ');
    assert_eq!(sent.read(&both, NOW), Err(Refusal::BadSignature));
    // Once only the signing token is left, the plain one opens nothing.
    let plain = example(Way::GitlabToken, NOW);
    assert!(plain.read(&both, NOW).is_ok());
    let missing = Refusal::HeaderMissing {
        name: "webhook-signature",
    };
    assert_eq!(plain.read(&hook(Scheme::Gitlab, &[SIGNING]), NOW), Err(missing));
    // Nor is the signing token itself one that can be sent.
    let spelt = Way::GitlabToken.send_by(SIGNING, "Push Hook", b"{}", NOW);
    assert!(spelt.read(&both, NOW).is_err());

    let mut sent = example(Way::BuildkiteSigned, NOW);
    sent.headers.push(("X-Buildkite-Token".into(), SECRET.into()));
    sent.body.push(b' ');
    assert_eq!(
        sent.read(&Way::BuildkiteSigned.hook(), NOW),
        Err(Refusal::BadSignature)
    );
}

#[test]
fn several_signatures_of_which_one_is_right() {
    let way = Way::GitlabSigned;
    let mut sent = example(way, NOW);
    let right = String::from_utf8(sent.header(way.proof()).clone()).unwrap();
    *sent.header(way.proof()) = format!("v2,abc v1,AAAA {right}").into_bytes();
    assert!(sent.read(&way.hook(), NOW).is_ok());
    *sent.header(way.proof()) = format!("{} {right}", "v1,AAAA ".repeat(5)).into_bytes();
    assert_eq!(
        sent.read(&way.hook(), NOW),
        Err(Refusal::BadSignature),
        "only a few are tried"
    );

    let way = Way::Circleci;
    let mut sent = example(way, NOW);
    let right = String::from_utf8(sent.header(way.proof()).clone()).unwrap();
    *sent.header(way.proof()) = format!("v0=abc, {right}").into_bytes();
    assert!(sent.read(&way.hook(), NOW).is_ok());
}

#[test]
fn a_body_that_is_too_large_is_not_even_hashed() {
    let mut sent = example(Way::Github, NOW);
    sent.body = vec![b' '; MAX_BODY + 1];
    let refusal = sent.read(&Way::Github.hook(), NOW).unwrap_err();
    assert_eq!(
        refusal,
        Refusal::TooLarge {
            bytes: MAX_BODY + 1,
            limit: MAX_BODY
        }
    );
    assert_eq!(refusal.status(), 413);
}

#[test]
fn genuine_but_unknown_is_ignorable() {
    for (way, event, body) in [
        (
            Way::Github,
            "ping",
            json!({ "zen": "Keep it logically awesome." }),
        ),
        (Way::Github, "installation_repositories", json!({})),
        (
            Way::Github,
            "pull_request",
            crate::sender::changed(payload("github/pull_request"), &[("/action", json!("labeled"))]),
        ),
        (Way::GitlabSigned, "Wiki Page Hook", json!({})),
        (Way::Circleci, "ping", json!({ "id": "1", "type": "ping" })),
        (Way::BuildkiteToken, "ping", json!({ "event": "ping" })),
        (
            Way::BuildkiteSigned,
            "job.finished",
            json!({ "event": "job.finished" }),
        ),
    ] {
        let refusal = crate::sender::told(way, event, &body).unwrap_err();
        assert!(refusal.is_ignorable(), "{event}: {refusal}");
        assert_eq!(refusal.status(), 202);
        // Not so when it is forged.
        let mut sent = way.send(event, &serde_json::to_vec(&body).unwrap(), NOW);
        *sent.header(way.proof()) = b"no".to_vec();
        assert!(
            !sent.read(&way.hook(), NOW).unwrap_err().is_ignorable(),
            "{event}"
        );
    }
}

#[test]
fn a_genuine_body_that_is_not_what_it_should_be() {
    for way in Way::ALL {
        let (event, _) = way.example();
        for body in ["", "{", "[]", "null", "{}", "{} {}", "\u{feff}{}"] {
            let refusal = way
                .send(event, body.as_bytes(), NOW)
                .read(&way.hook(), NOW)
                .unwrap_err();
            assert!(
                matches!(refusal, Refusal::Unreadable { .. }),
                "{way:?} {body:?}: {refusal}"
            );
            assert_eq!(refusal.status(), 422);
        }
    }
    let mut form = Way::Github.send("push", b"payload=%7B%7D", NOW);
    *form.header("Content-Type") = b"application/x-www-form-urlencoded".to_vec();
    let refusal = form.read(&Way::Github.hook(), NOW).unwrap_err();
    assert!(refusal.to_string().contains("application/json"), "{refusal}");
}

#[test]
fn no_refusal_tells_a_secret() {
    for way in Way::ALL {
        let mut sent = example(way, NOW);
        sent.header(way.proof()).push(b'!');
        let refusal = sent.read(&way.hook(), NOW).unwrap_err();
        let told = format!("{refusal} {refusal:?} {:?}", way.hook());
        assert!(
            !told.contains(SECRET) && !told.contains("signing token") && !told.contains(A),
            "{told}"
        );
    }
}

/// Replaces the value at one place, counted through the whole document.
fn replace(value: &mut Value, place: &mut usize, new: &Value) {
    if *place == 0 {
        *value = new.clone();
        *place = usize::MAX;
        return;
    }
    *place = place.saturating_sub(usize::from(*place != usize::MAX));
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, place, new)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, place, new)),
        _ => {}
    }
}

fn any_way() -> impl Strategy<Value = Way> {
    prop::sample::select(Way::ALL.to_vec())
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        "refs/heads/\\PC{0,5}|[a-z:/@.]{0,20}|[0-9a-f]{40}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{ "name": "x" }])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn one_changed_byte_of_the_body_is_refused(way in any_way(), at in any::<prop::sample::Index>(), flip in 1u8..) {
        prop_assume!(way.signs_body());
        let mut sent = example(way, NOW);
        let at = at.index(sent.body.len());
        sent.body[at] ^= flip;
        prop_assert_eq!(sent.read(&way.hook(), NOW), Err(Refusal::BadSignature));
    }

    #[test]
    fn one_changed_byte_of_the_proof_is_refused(way in any_way(), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut sent = example(way, NOW);
        let proof = sent.header(way.proof());
        let at = at.index(proof.len());
        proof[at] ^= flip;
        let refusal = sent.read(&way.hook(), NOW).unwrap_err();
        prop_assert!(
            matches!(refusal, Refusal::BadSignature | Refusal::HeaderUnusable { .. } | Refusal::HeaderMissing { .. } | Refusal::Sha1Only),
            "{:?}: {}", way, refusal
        );
    }

    #[test]
    fn one_changed_byte_of_what_else_is_signed_is_refused(
        field in prop::sample::select(vec![
            (Way::Generic, "X-Otus-Timestamp"), (Way::Generic, "X-Otus-Id"),
            (Way::GitlabSigned, "webhook-timestamp"), (Way::GitlabSigned, "webhook-id"),
        ]),
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let (way, name) = field;
        let mut sent = example(way, NOW);
        let value = sent.header(name);
        let at = at.index(value.len());
        value[at] ^= flip;
        let refusal = sent.read(&way.hook(), NOW).unwrap_err();
        prop_assert!(matches!(refusal, Refusal::BadSignature | Refusal::HeaderUnusable { .. }), "{}: {}", name, refusal);
    }

    #[test]
    fn a_body_cut_short_or_made_longer_is_refused(way in any_way(), at in any::<prop::sample::Index>(), more in prop::collection::vec(any::<u8>(), 1..9)) {
        prop_assume!(way.signs_body());
        let mut sent = example(way, NOW);
        let at = at.index(sent.body.len());
        let mut longer = sent.clone();
        longer.body.extend(more);
        sent.body.truncate(at);
        prop_assert_eq!(sent.read(&way.hook(), NOW), Err(Refusal::BadSignature));
        prop_assert_eq!(longer.read(&way.hook(), NOW), Err(Refusal::BadSignature));
    }

    #[test]
    fn no_bytes_bring_it_down(
        way in any_way(),
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 8),
        body in prop::collection::vec(any::<u8>(), 0..200),
        now in -62_000_000_000i64..253_000_000_000,
    ) {
        let mut sent = example(way, NOW);
        for ((_, had), value) in sent.headers.iter_mut().zip(values) {
            *had = value;
        }
        sent.body = body;
        prop_assert!(sent.read(&way.hook(), now).is_err());
    }

    #[test]
    fn no_genuine_body_brings_it_down(
        file in prop::sample::select(vec![
            (Way::Github, "push", "github/push"),
            (Way::Github, "pull_request", "github/pull_request"),
            (Way::Github, "pull_request_review", "github/pull_request_review"),
            (Way::Github, "check_run", "github/check_run"),
            (Way::Github, "check_suite", "github/check_suite"),
            (Way::Github, "workflow_run", "github/workflow_run"),
            (Way::Github, "status", "github/status"),
            (Way::Github, "deployment_status", "github/deployment_status"),
            (Way::GitlabSigned, "Push Hook", "gitlab/push"),
            (Way::GitlabSigned, "Pipeline Hook", "gitlab/pipeline"),
            (Way::GitlabSigned, "Merge Request Hook", "gitlab/merge_request"),
            (Way::GitlabSigned, "Deployment Hook", "gitlab/deployment"),
            (Way::Circleci, "workflow-completed", "circleci/workflow"),
            (Way::Circleci, "job-completed", "circleci/job"),
            (Way::BuildkiteSigned, "build.finished", "buildkite/finished"),
        ]),
        place in 0usize..60,
        new in any_value(),
    ) {
        let (way, event, file) = file;
        let mut body = payload(file);
        replace(&mut body, &mut { place }, &new);
        match crate::sender::told(way, event, &body) {
            Ok(events) => prop_assert!(!events.is_empty()),
            Err(refusal) => prop_assert!(
                matches!(refusal, Refusal::Unreadable { .. } | Refusal::Ignorable { .. }), "{}", refusal
            ),
        }
    }
}
