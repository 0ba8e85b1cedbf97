//! One message's way through the robot: claimed once, heard by everything that listens, answered by one command.

use super::{
    Robot,
    answer::{Spoken, count},
    rights::Request,
    route::Heard,
    texts,
};
use crate::{
    isolation::Outcome,
    message::Message,
    options::Options,
    responder::{Captures, Handler},
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
        match self.run(handler, &cx, captures).await {
            Outcome::Returned(Ok(())) => count("heard"),
            outcome => {
                count("failed");
                tracing::error!(command = handler.spec.id(), ?outcome, "a listener failed");
            }
        }
    }
}
