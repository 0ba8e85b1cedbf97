//! One message's way through the robot: claimed once, heard by everything that listens, answered by one command.

use super::{
    Robot,
    answer::{Ended, Spoken, count},
    rights::Request,
    route::Heard,
    texts,
};
use crate::{
    card::Post,
    isolation::Outcome,
    message::Message,
    options::Options,
    receipt::Receipt,
    responder::{Captures, Handler},
    secrets,
    store::{Accepted, ClaimStage, StoreError},
};
use tracing::Instrument;

impl Robot {
    pub(super) async fn live(self, id: String, mut message: Message, mut receipt: Receipt) {
        let Some(heard) = self.concerning(&message) else {
            receipt.give();
            return;
        };
        let store = self.0.services.store();
        let secret = secrets::found_in(&message);
        let accepted = match secret {
            None => store.accept(&message).await,
            // It is kept nowhere; whoever brings it keeps it until it is answered.
            Some(_) => {
                message.again = true;
                let taken = store.claim(&message.event).await;
                taken.map(|taken| if taken { Accepted::First } else { Accepted::Held })
            }
        };
        match accepted {
            Ok(Accepted::First) => {}
            Ok(Accepted::Again) => {
                receipt.give();
                message.again = true;
                self.settled().await;
            }
            Ok(Accepted::Held) => {
                count("duplicate");
                receipt.give();
                return;
            }
            Err(error) => {
                count("failed");
                tracing::error!(%error, "the event could not be claimed");
                // Who was told says it again; else it is brought again.
                if heard.addressed && self.tell(&message, None, texts::no_memory(&id).into()).await {
                    receipt.give();
                }
                return;
            }
        }
        if secret.is_none() {
            receipt.give();
        }
        match secret.filter(|_| heard.addressed) {
            None => self.work(&id, &message, heard).await,
            Some(kind) => self.refuse_secret(&id, &message, kind).await,
        }
        self.close(&message).await;
        receipt.give();
    }

    /// What a message says to the robot; nothing when it is none of its business.
    pub(super) fn concerning(&self, message: &Message) -> Option<Heard<'_>> {
        if message.from_robot {
            return None;
        }
        let heard = self.route(message);
        let edited = message.edited_from.is_some();
        if edited && message.edited_from.as_deref() == Some(&message.content) {
            return None;
        }
        (heard.addressed || !heard.hears.is_empty() && !edited).then_some(heard)
    }

    /// Lets everything listen to a message, and answers it if it was said to the robot.
    pub(super) async fn work(&self, id: &str, message: &Message, heard: Heard<'_>) {
        let Heard {
            said,
            options,
            confirmed,
            addressed,
            winner,
            hears,
        } = heard;
        let edited = message.edited_from.is_some();
        let listeners = hears.into_iter().filter(|_| !edited).map(|(handler, captures)| {
            let (robot, id) = (self.clone(), id.to_owned());
            let (message, handler) = (message.clone(), handler.clone());
            let listen = async move { robot.listen(id, message, &handler, captures, addressed).await };
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
            self.answer(id, message, asked, edited).await;
        }
        for listener in listeners {
            if let Err(error) = listener.await {
                tracing::error!(%error, "a listener ended abruptly");
            }
        }
    }

    /// Records that nothing is left to do about an event.
    pub(super) async fn close(&self, message: &Message) {
        match self
            .0
            .services
            .store()
            .advance(&message.event, ClaimStage::Done)
            .await
        {
            // Whoever took it over closes it.
            Ok(()) | Err(StoreError::Taken) => {}
            Err(error) => tracing::warn!(%error, "the end of an event could not be recorded"),
        }
    }

    async fn listen(
        self,
        id: String,
        message: Message,
        handler: &Handler,
        captures: Captures,
        addressed: bool,
    ) {
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
        if !addressed {
            cx.overheard();
        }
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
        let advice: Post = texts::secret_advice(kind).into();
        if let Err(error) = chat.whisper(&message.place(), &message.author, &advice).await {
            tracing::warn!(%error, "what to do about a credential could not be whispered");
            let key = format!("{}:advice", message.event.answer());
            self.tell(message, None, advice.keyed(key)).await;
        }
    }
}
