//! What travels over a socket: payloads in envelopes, and `disconnect`.

use serde_json::json;

/// What a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Event,
    Slash,
    Interactive,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Event => "events_api",
            Kind::Slash => "slash_commands",
            Kind::Interactive => "interactive",
        }
    }
}

/// One payload, however often it is sent.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) kind: Kind,
    pub(crate) payload: String,
    pub(crate) event_id: Option<String>,
    pub(crate) accepts_payload: bool,
    pub(crate) interaction: Option<u64>,
}

/// The envelope, written around the payload so that a retry does not serialise it again.
pub(crate) fn frame(envelope: &str, parcel: &Parcel, attempt: u32, reason: &str) -> String {
    let kind = parcel.kind.name();
    let accepts = parcel.accepts_payload;
    let payload = &parcel.payload;
    match parcel.kind {
        Kind::Event => format!(
            r#"{{"envelope_id":"{envelope}","payload":{payload},"type":"{kind}","accepts_response_payload":{accepts},"retry_attempt":{attempt},"retry_reason":"{reason}"}}"#
        ),
        _ => format!(
            r#"{{"envelope_id":"{envelope}","payload":{payload},"type":"{kind}","accepts_response_payload":{accepts}}}"#
        ),
    }
}

pub(crate) fn disconnect_frame(reason: &str, connections: usize, host: &str) -> String {
    json!({"type": "disconnect", "reason": reason, "num_connections": connections, "debug_info": {"host": host}})
        .to_string()
}
