//! Events, operations and deploys to try things with.

use jiff::Timestamp;
use otus_core::{
    EventKey, MessageRef, Store, UserId,
    audit::{AuditFilter, Entry, Recorded, Verifier},
    operations::{Lease, Operation, Origin, Plan, State, Step, Target, Wish},
    policy::{Verdict, VerdictKind},
    store::{Deploy, DeployState},
};
use serde_json::json;

pub(crate) fn key(id: &str, also: Option<&str>) -> EventKey {
    EventKey {
        id: id.into(),
        also: also.map(Into::into),
    }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn deploy(id: &str, service: &str, environment: &str, began_s: i64) -> Deploy {
    Deploy {
        id: id.into(),
        service: service.into(),
        environment: environment.into(),
        version: "v2".into(),
        image: "registry.example.com/api:v2".into(),
        previous: None,
        by: UserId::from("U1"),
        began: at(began_s),
        ended: None,
        state: DeployState::Running,
        card: None,
        note: None,
        details: json!({}),
        generation: 1,
    }
}

/// Everything set, with awkward characters and a time to the nanosecond.
pub(crate) fn full(id: &str, began_s: i64) -> Deploy {
    Deploy {
        previous: Some("registry.example.com/api:v1".into()),
        began: Timestamp::new(began_s, 123_456_789).unwrap(),
        card: Some(MessageRef {
            channel: "C1".into(),
            id: "1.0002".into(),
        }),
        note: Some("it's \"fine\" é\n🦉".into()),
        details: json!({"pods": [1, 2.5, null], "nested": {"a": "b"}}),
        ..deploy(id, "api", "production", began_s)
    }
}

/// An operation that waits, asked by `U1` in `C1`, not saved yet.
pub(crate) fn operation(id: &str, service: &str, environment: &str, asked_s: i64) -> Operation {
    let plan = Plan {
        target: Target::new(service, environment),
        title: format!("Deploy {service}"),
        details: json!({ "image": "api:2" }),
        exclusive: true,
        ..Plan::default()
    };
    Operation {
        id: id.into(),
        kind: "deploy".into(),
        command: "deploy.deploy".into(),
        line: format!("deploy {service} to {environment}"),
        ask: json!({ "version": "2" }),
        hash: plan.hash(),
        plan,
        by: UserId::from("U1"),
        name: "ann".into(),
        origin: Origin {
            channel: "C1".into(),
            thread: None,
            message: Some(format!("m{id}").into()),
            schedule: Some("3f2a".into()),
        },
        reason: None,
        verdict: Verdict {
            kind: VerdictKind::Allow,
            rule: "nothing is in the way".into(),
            trace: Vec::new(),
            glass: false,
        },
        approvals: Vec::new(),
        asked: at(asked_s),
        expires: None,
        started: None,
        ended: None,
        state: State::Queued,
        card: None,
        wish: Wish::Go,
        wished_by: None,
        lease: Lease::default(),
        progress: serde_json::Value::Null,
        ending: None,
        told: false,
        revision: 0,
    }
}

pub(crate) fn step(operation: &str, number: u32, result: Option<serde_json::Value>) -> Step {
    Step {
        operation: operation.into(),
        number,
        name: format!("step {number}"),
        generation: 1,
        began: at(1_700_000_000),
        ended: result.as_ref().map(|_| at(1_700_000_001)),
        result,
    }
}

pub(crate) fn entry(event: &str, text: &str) -> Entry {
    Entry::new(Timestamp::new(1_700_000_000, 1).unwrap(), event, text)
}

/// The whole audit trail, read page by page and checked.
pub(crate) async fn all_entries(store: &dyn Store) -> Vec<Recorded> {
    let mut verifier = Verifier::default();
    let mut all: Vec<Recorded> = Vec::new();
    loop {
        let page = AuditFilter {
            after: Some(all.last().map_or(0, |last| last.number)),
            oldest_first: true,
            limit: 97,
            ..AuditFilter::default()
        };
        let page = store.audit(&page).await.unwrap();
        for recorded in &page {
            verifier.next(recorded).unwrap();
        }
        if page.is_empty() {
            verifier.end(&store.audit_tip().await.unwrap()).unwrap();
            return all;
        }
        all.extend(page);
    }
}
