//! One changed byte is refused, and no bytes at all bring the reader down.

use crate::{
    forged::example,
    sender::{NOW, Way, payload, told},
};
use otus_ci::hooks::Refusal;
use proptest::prelude::*;
use serde_json::{Value, json};

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
        match told(way, event, &body) {
            Ok(events) => prop_assert!(!events.is_empty()),
            Err(refusal) => prop_assert!(
                matches!(refusal, Refusal::Unreadable { .. } | Refusal::Ignorable { .. }), "{}", refusal
            ),
        }
    }
}
