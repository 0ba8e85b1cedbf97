//! What commands that change something at once leave in the audit trail. Operations leave theirs through the engine.

use super::{
    Robot,
    rights::{Request, Ruling, RulingKind},
};
use crate::{audit::Entry, message::Message, responder::Effect};
use serde_json::json;

impl Robot {
    /// Records what was asked and what was decided on it.
    pub(super) async fn record_decision(&self, request: &Request<'_>, ruling: &Ruling, confirmed: bool) {
        let decided = match ruling.kind {
            RulingKind::Refuse => "refused",
            RulingKind::Allow => "allowed",
            RulingKind::Confirm if confirmed => "confirmed",
            RulingKind::Confirm => "to be confirmed",
        };
        // What proposes an operation is only recorded here when it comes to none.
        if request.spec.effect == Effect::Reads
            || request.spec.effect == Effect::Proposes && ruling.kind == RulingKind::Allow
        {
            return;
        }
        let mut asked = self.entry(request, "asked", request.whole()).await;
        asked.data = json!({ "reason": request.options.reason });
        let mut decision = Entry {
            at: asked.at,
            ..self.blank(request, "decided", format!("{decided}: {}", ruling.rule))
        };
        decision.rule = Some(ruling.rule.clone());
        decision.data = json!({ "decision": decided });
        self.0.services.record(&[asked, decision]).await;
    }

    /// Records that somebody said a credential: who and where, and nothing of what was said.
    pub(super) async fn record_secret(&self, id: &str, message: &Message, kind: &'static str) {
        let mut entry = Entry {
            request: Some(id.to_owned()),
            channel: Some(message.channel.clone()),
            ..Entry::new(
                jiff::Timestamp::now(),
                "secret",
                format!("said what looks like a credential ({kind}), which was refused"),
            )
            .by(&message.author)
        };
        if let Ok(now) = self.0.services.store().now().await {
            entry.at = now;
        }
        self.0.services.record(&[entry]).await;
    }

    /// Records how the run of a command that changes something at once came out.
    pub(super) async fn record_run(&self, request: &Request<'_>, outcome: &'static str) {
        if !matches!(request.spec.effect, Effect::Changes | Effect::Controls) {
            return;
        }
        let mut ran = self
            .entry(request, "ran", format!("{}: {outcome}", request.spec.id()))
            .await;
        ran.data = json!({ "outcome": outcome });
        self.0.services.record(&[ran]).await;
    }

    async fn entry(&self, request: &Request<'_>, event: &str, text: String) -> Entry {
        let mut entry = self.blank(request, event, text);
        match self.0.services.store().now().await {
            Ok(now) => entry.at = now,
            Err(error) => tracing::warn!(%error, "an entry of the audit trail has this machine's time"),
        }
        entry
    }

    fn blank(&self, request: &Request<'_>, event: &str, text: String) -> Entry {
        Entry {
            request: Some(request.id.to_owned()),
            command: Some(request.spec.id()),
            target: request.target.clone(),
            channel: Some(request.message.channel.clone()),
            ..Entry::new(jiff::Timestamp::now(), event, text).by(&request.message.author)
        }
    }
}
