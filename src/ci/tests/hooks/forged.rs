//! What is not genuine is refused, whatever way it is not genuine.

use crate::sender::{A, NOW, SECRET, SIGNING, Sent, Way, hook, payload};
use otus_ci::hooks::{MAX_BODY, Refusal, Scheme};
use serde_json::json;

pub(crate) fn example(way: Way, at: i64) -> Sent {
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
