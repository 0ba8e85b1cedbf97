//! What travels over a socket. The frames are read leniently: only what is needed to acknowledge has to make sense, and
//! an unknown field, a missing `debug_info` or an unreadable payload never costs an acknowledgement.

use std::time::Instant;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An event, a slash command or an interaction, as it came in: acknowledged, not yet understood.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Slack's id of this delivery.
    pub envelope_id: String,
    /// `events_api`, `slash_commands`, `interactive`, or something newer.
    pub kind: String,
    /// What came, in full.
    pub payload: Value,
    /// 0 for a first delivery.
    pub retry_attempt: u32,
    /// Why Slack delivers again, when it says so.
    pub retry_reason: String,
    /// When the frame was read.
    pub received: Instant,
}

/// The part of a frame that the reader needs; the payload is skipped, not parsed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Head {
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub(crate) kind: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) envelope_id: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) reason: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) retry_attempt: u32,
    #[serde(deserialize_with = "lenient")]
    pub(crate) retry_reason: String,
    #[serde(deserialize_with = "lenient")]
    pub(crate) num_connections: u32,
}

impl Head {
    /// Reads a frame's head, or nothing when the frame is not a JSON object.
    pub(crate) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// What acknowledges the frame.
    pub(crate) fn ack(&self) -> String {
        format!(r#"{{"envelope_id":{}}}"#, Value::from(self.envelope_id.as_str()))
    }

    /// The whole envelope. A payload that cannot be read is handed on as null, so that it is counted and logged.
    pub(crate) fn open(self, text: &str, received: Instant) -> Envelope {
        #[derive(Default, Deserialize)]
        struct Body {
            #[serde(default)]
            payload: Value,
        }
        let Body { payload } = serde_json::from_str(text).unwrap_or_default();
        Envelope {
            envelope_id: self.envelope_id,
            kind: self.kind,
            payload,
            retry_attempt: self.retry_attempt,
            retry_reason: self.retry_reason,
            received,
        }
    }
}

/// A value of another type than expected counts as absent.
fn lenient<'de, D: Deserializer<'de>, T: for<'a> Deserialize<'a> + Default>(from: D) -> Result<T, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_a_retry() {
        let text = r#"{"envelope_id":"e\"1","type":"events_api","accepts_response_payload":false,"new":[1,{}],
            "retry_attempt":2,"retry_reason":"timeout","payload":{"event_id":"Ev1"}}"#;
        let head = Head::read(text).unwrap();
        assert_eq!(head.ack(), r#"{"envelope_id":"e\"1"}"#);
        let envelope = head.open(text, Instant::now());
        assert_eq!(
            (envelope.kind.as_str(), envelope.retry_attempt),
            ("events_api", 2)
        );
        assert_eq!(envelope.payload["event_id"], "Ev1");
    }

    #[test]
    fn tolerates_what_is_missing_or_of_another_type() {
        let head = Head::read(
            r#"{"type":"disconnect","reason":"warning","retry_attempt":"x","num_connections":null}"#,
        )
        .unwrap();
        assert_eq!(
            (head.kind.as_str(), head.reason.as_str(), head.retry_attempt),
            ("disconnect", "warning", 0)
        );
        assert!(Head::read("[]").is_none_or(|head| head.kind.is_empty() && head.envelope_id.is_empty()));
        assert!(Head::read("").is_none());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in ".{0,200}") {
            if let Some(head) = Head::read(&text) {
                head.open(&text, Instant::now());
            }
        }

        #[test]
        fn an_acknowledgement_is_json_with_exactly_the_id(id in ".{0,60}") {
            let head = Head { envelope_id: id.clone(), ..Head::default() };
            let ack: Value = serde_json::from_str(&head.ack()).unwrap();
            prop_assert_eq!(ack, serde_json::json!({ "envelope_id": id }));
        }
    }
}
