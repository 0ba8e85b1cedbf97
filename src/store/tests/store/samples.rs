//! Events and deploys to try things with.

use jiff::Timestamp;
use otus_core::{
    EventKey, MessageRef, UserId,
    store::{Deploy, DeployState},
};
use serde_json::json;

pub(crate) fn key(id: &str, also: Option<&str>) -> EventKey {
    EventKey {
        id: id.into(),
        also: also.map(Into::into),
    }
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
        began: Timestamp::from_second(began_s).unwrap(),
        ended: None,
        state: DeployState::Running,
        card: None,
        note: None,
        details: json!({}),
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
