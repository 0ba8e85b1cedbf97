//! One message's way through the robot: claimed once, heard by everything that listens, answered by one command.

use super::{
    Robot,
    answer::{Ended, Spoken, count},
    rights::Request,
    route::Heard,
    texts,
};
use crate::{
    isolation::Outcome,
    message::Message,
    options::Options,
    responder::{Captures, Handler},
    secrets,
    store::ClaimStage,
};
use tracing::Instrument;

impl Robot {
    pub(super) async fn live(self, id: String, message: Message) {
        if message.from_robot {
            return;
        }
        let Heard {
            said,
            options,
            confirmed,
            addressed,
            winner,
            hears,
        } = self.route(&message);
        let edited = message.edited_from.is_some();
        if edited && message.edited_from.as_deref() == Some(&message.content) {
            return;
        }
        if !addressed && (hears.is_empty() || edited) {
            return;
        }
        match self.0.services.store().claim(&message.event).await {
            Ok(true) => {}
            Ok(false) => {
                count("duplicate");
                return;
            }
            Err(error) => {
                count("failed");
                tracing::error!(%error, "the event could not be claimed");
                if addressed {
                    self.tell(&message, None, texts::no_memory(&id).into()).await;
                }
                return;
            }
        }
        if addressed && let Some(kind) = secrets::found_in(&message) {
            self.refuse_secret(&id, &message, kind).await;
            return;
        }
        let listeners = hears.into_iter().filter(|_| !edited).map(|(handler, captures)| {
            let (robot, id, message, handler) = (self.clone(), id.clone(), message.clone(), handler.clone());
            let listen = async move { robot.listen(id, message, &handler, captures).await };
            tokio::spawn(listen.in_current_span())
        });
        let listeners: Vec<_> = listeners.collect();
        if addressed {
            let asked = Spoken {
                said,
                options,
                confirmed,
                winner,
            };
            self.answer(&id, &message, asked, edited).await;
        }
        for listener in listeners {
            if let Err(error) = listener.await {
                tracing::error!(%error, "a listener ended abruptly");
            }
        }
        // An answer moved the claim on before its first word; only what was heard may have gone by in silence.
        if !addressed
            && let Err(error) = self
                .0
                .services
                .store()
                .advance(&message.event, ClaimStage::Done)
                .await
        {
            tracing::warn!(%error, "the end of an event could not be recorded");
        }
    }

    async fn listen(self, id: String, message: Message, handler: &Handler, captures: Captures) {
        if self.off(handler.spec).await.is_some() {
            return;
        }
        let (target, options) = (self.target(&captures), Options::default());
        let request = Request {
            id: &id,
            message: &message,
            spec: handler.spec,
            line: captures.line(),
            options: &options,
            target: &target,
        };
        let ruling = self.ruling(&request).await;
        if !ruling.allows() {
            tracing::info!(
                command = handler.spec.id(),
                rule = ruling.rule,
                "a listener may not"
            );
            return;
        }
        let cx = self.context(&request, None);
        let Ended { outcome, too_often } = self.run(handler, &cx, captures).await;
        match outcome {
            Outcome::Returned(Ok(())) => count("heard"),
            outcome => {
                count("failed");
                tracing::error!(command = handler.spec.id(), ?outcome, "a listener failed");
            }
        }
        if too_often {
            self.quarantine(cx.id(), &message, handler.spec.responder).await;
        }
    }

    /// Answers what holds a credential, and does nothing else with it: it is not run, not logged, not recorded, and nobody
    /// listens to it.
    async fn refuse_secret(&self, id: &str, message: &Message, kind: &'static str) {
        count("secret");
        tracing::warn!(kind, user = %message.author, channel = %message.channel, "a message holds a credential");
        self.record_secret(id, message, kind).await;
        let private = matches!(message.via, crate::Via::Slash) || message.kind == crate::ChannelKind::Direct;
        if private {
            self.tell(message, None, texts::secret_advice(kind).into()).await;
            return;
        }
        self.tell(message, None, texts::secret_refused(kind).into()).await;
        let chat = self.0.services.chat();
        let advice = texts::secret_advice(kind).into();
        if let Err(error) = chat.whisper(&message.place(), &message.author, &advice).await {
            tracing::warn!(%error, "what to do about a credential could not be whispered");
            self.tell(message, None, advice).await;
        }
    }
}
