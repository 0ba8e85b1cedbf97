//! What goes wrong, when a test orders it.

use super::{Fault, Refused, SocketFault, Workspace, delivery::Out, http_events};

impl Workspace {
    /// A planned rotation: a warning on every socket, after the grace a `refresh_requested`, then the end.
    pub fn rotate(&self) {
        let host = self.shared.host();
        self.shared
            .with(|st| st.delivery.rotate(&host, st.options.rotation_grace));
    }

    /// Sends a `disconnect` with this reason on every socket, and closes them shortly after.
    pub fn disconnect(&self, reason: &str) {
        let host = self.shared.host();
        self.shared.with(|st| {
            st.delivery
                .disconnect(None, reason, &host, Some(st.options.close_after))
        });
    }

    /// Sends a bare `disconnect` warning, and nothing else.
    pub fn warn(&self) {
        let host = self.shared.host();
        self.shared
            .with(|st| st.delivery.disconnect(None, "warning", &host, None));
    }

    /// Resets the TCP connection of every socket.
    pub fn cut_sockets(&self) {
        for line in self.shared.look(|st| st.delivery.lines()) {
            line.reset();
        }
    }

    /// Sends a Close frame on every socket.
    pub fn close_sockets(&self) {
        self.shared.look(|st| {
            st.delivery
                .sockets()
                .iter()
                .for_each(|s| st.delivery.tell(s.id, Out::Close))
        });
    }

    /// From now on the open sockets answer no ping and hear no ack; events still arrive.
    pub fn mute_sockets(&self) {
        self.shared
            .look(|st| st.delivery.lines())
            .iter()
            .for_each(|line| line.deafen());
    }

    /// From now on nothing passes on the open sockets, in either direction, and nobody is told.
    pub fn freeze_sockets(&self) {
        self.shared
            .look(|st| st.delivery.lines())
            .iter()
            .for_each(|line| line.freeze());
    }

    /// Delivers an event once more, with the same id, as a retry.
    pub fn redeliver(&self, event_id: &str) -> Result<(), Refused> {
        let known = self
            .shared
            .with(|st| st.delivery.redeliver(event_id, &mut st.journal));
        if known {
            Ok(())
        } else {
            Err(Refused::NoSuchEvent(event_id.to_owned()))
        }
    }

    /// Whether every event is delivered twice.
    pub fn deliver_twice(&self, on: bool) {
        self.shared.with(|st| st.delivery.duplicate = on);
    }

    /// The next `times` calls of `method` are answered 429 with `Retry-After: retry_after`.
    pub fn rate_limit_next(&self, method: &str, retry_after: u64, times: u32) {
        self.shared
            .with(|st| st.limits.order(method, Some(retry_after), times));
    }

    /// Slack's own rate limits, on or off.
    pub fn strict(&self, on: bool) {
        self.shared.with(|st| st.limits.strict = on);
    }

    /// The next `times` calls of `method` (`*` for any; also `upload` and `response_url`) go wrong.
    pub fn fail_next(&self, method: &str, fault: Fault, times: u32) {
        self.shared.with(|st| st.faults.order(method, fault, times));
    }

    /// The next `times` sockets go wrong.
    pub fn fail_next_socket(&self, fault: SocketFault, times: u32) {
        self.shared.with(|st| st.faults.order_socket(fault, times));
    }

    /// Every call fails with this code, such as `token_revoked`; `None` heals.
    pub fn auth_error(&self, code: Option<&str>) {
        self.shared.with(|st| st.faults.auth = code.map(str::to_owned));
    }

    /// Forgets all failures ordered.
    pub fn clear_faults(&self) {
        self.shared.with(|st| st.faults.clear());
    }

    /// Takes away or gives scopes of the bot token.
    pub fn set_scopes(&self, scopes: &[&str]) {
        self.shared
            .with(|st| st.options.scopes = scopes.iter().map(|s| (*s).to_owned()).collect());
    }

    /// Verifies a request url by its challenge; from then on everything is delivered there, signed, and nothing
    /// over sockets. Needs a rustls provider to be installed, though it speaks plain HTTP.
    pub async fn set_request_url(&self, url: &str) -> Result<(), Refused> {
        http_events::verify(&self.shared, url).await?;
        self.shared
            .with(|st| st.delivery.request_url = Some(url.to_owned()));
        Ok(())
    }
}
