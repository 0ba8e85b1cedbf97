//! One message's way through the robot.

use super::{Robot, gate, texts};
use crate::{
    address::Addressing,
    card::Post,
    chat::{MessageRef, Urgency},
    context::Context,
    error::UserError,
    isolation::Outcome,
    markup,
    message::Message,
    policy::Decision,
    responder::{Captures, CommandSpec, Handler, Kind},
    router::Routed,
    store::ClaimStage,
    suggest,
};
use std::{
    collections::BTreeMap,
    sync::PoisonError,
    time::{Duration, Instant},
};
use tracing::Instrument;

/// After this long without a word, the robot shows that it heard.
const PATIENCE: Duration = Duration::from_millis(700);

/// How long it may take to find out whether somebody may; then the answer is no.
const POLICY_PATIENCE: Duration = Duration::from_secs(3);

/// The emoji that says "I heard you and am at it".
const AT_IT: &str = "hourglass_flowing_sand";

impl Robot {
    pub(super) async fn live(self, id: String, message: Message) {
        if message.from_robot {
            return;
        }
        let (line, addressed, routed) = self.route(&message);
        let edited = message.edited_from.is_some();
        if edited && message.edited_from.as_deref() == Some(&message.content) {
            return;
        }
        if !addressed && (routed.hears.is_empty() || edited) {
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
        let listeners = routed
            .hears
            .into_iter()
            .filter(|_| !edited)
            .map(|(handler, captures)| {
                let (robot, id, message, handler) =
                    (self.clone(), id.clone(), message.clone(), handler.clone());
                let listen = async move { robot.listen(id, message, &handler, captures).await };
                tokio::spawn(listen.in_current_span())
            });
        let listeners: Vec<_> = listeners.collect();
        if addressed {
            self.answer(&id, &message, line, routed.winner, edited).await;
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

    /// The line, whether it was said to the robot, and what it matches.
    fn route(&self, message: &Message) -> (String, bool, Routed<'_>) {
        match self.0.names.addressing(message) {
            Addressing::Command(line) => {
                let line = self.expand(line);
                let routed = self.0.router.addressed(&line);
                (line, true, routed)
            }
            Addressing::Perhaps(line) => {
                let line = self.expand(line);
                let routed = self.0.router.addressed(&line);
                let addressed = routed.winner.is_some();
                (line, addressed, routed)
            }
            Addressing::Overheard => {
                let line = crate::words::overheard(&message.content);
                let hears = self.0.router.overheard(&line);
                (line, false, Routed { winner: None, hears })
            }
        }
    }

    /// Puts the command in place of a configured short word for it, once.
    fn expand(&self, line: String) -> String {
        let end = line.find(char::is_whitespace).unwrap_or(line.len());
        let (word, rest) = line.split_at(end);
        let alias = self
            .0
            .command_aliases
            .iter()
            .find(|(alias, _)| alias.eq_ignore_ascii_case(word));
        match alias {
            Some((_, command)) => format!("{command}{rest}"),
            None => line,
        }
    }

    async fn listen(self, id: String, message: Message, handler: &Handler, captures: Captures) {
        if !self.may(&message, handler.spec).await.allowed {
            return;
        }
        let cx = self.context(id, &message, captures.line().to_owned(), handler.spec, None);
        match self.run(handler, &cx, captures).await {
            Outcome::Returned(Ok(())) => count("heard"),
            outcome => {
                count("failed");
                tracing::error!(command = handler.spec.id(), ?outcome, "a listener failed");
            }
        }
    }

    async fn answer(
        &self,
        id: &str,
        message: &Message,
        line: String,
        winner: Option<(&Handler, Captures)>,
        edited: bool,
    ) {
        let earlier = message.reference().filter(|_| edited).and_then(|question| {
            self.0
                .answers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&question)
        });
        let Some((handler, captures)) = winner else {
            count("unknown");
            let post = self.did_you_mean(message, &line).await;
            self.tell(message, earlier.as_ref(), post).await;
            return;
        };
        let spec = handler.spec;
        if edited && spec.effect.changes() {
            count("edited");
            self.tell(message, None, texts::edited(&line)).await;
            return;
        }
        let decision = self.may(message, spec).await;
        if !decision.allowed {
            count("denied");
            tracing::info!(command = spec.id(), user = %message.author, rule = decision.rule, "denied");
            self.tell(
                message,
                earlier.as_ref(),
                texts::denied(&line, &decision.rule).into(),
            )
            .await;
            return;
        }
        tracing::info!(command = spec.id(), user = %message.author, channel = %message.channel, "running");
        let cx = self.context(id.to_owned(), message, line, spec, earlier);
        if spec.effect.changes()
            && let Err(error) = cx.open().await
        {
            count("failed");
            tracing::error!(%error, "the beginning of a change could not be recorded, so it was not begun");
            self.tell(message, None, texts::no_memory(id).into()).await;
            return;
        }
        let heard = tokio::spawn(show_patience(cx.clone()).in_current_span());
        let outcome = self.run(handler, &cx, captures).await;
        heard.abort();
        self.conclude(&cx, outcome).await;
        if let (Some(question), Some(answer)) = (message.reference(), cx.first_answer()) {
            self.0
                .answers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .put(question, answer);
        }
    }

    async fn run(&self, handler: &Handler, cx: &Context, captures: Captures) -> Outcome {
        let deadline = handler.spec.deadline.unwrap_or(self.0.deadline);
        let (run, inside) = (handler.run.clone(), cx.clone());
        let began = Instant::now();
        let outcome = self
            .0
            .gates
            .run(&gate(handler), deadline, move || run(inside, captures))
            .await;
        metrics::histogram!("otus_handler_seconds", "command" => handler.spec.id())
            .record(began.elapsed().as_secs_f64());
        outcome
    }

    /// Sees to it that whoever asked has an answer.
    async fn conclude(&self, cx: &Context, outcome: Outcome) {
        let (id, spec) = (cx.id(), cx.command());
        let post: Post = match outcome {
            Outcome::Returned(Ok(())) => {
                count("answered");
                if cx.said() == 0
                    && let Err(error) = cx.react("white_check_mark").await
                {
                    tracing::error!(error = format!("{error:#}"), "the answer could not be given");
                }
                return;
            }
            Outcome::Returned(Err(error)) => match error.downcast_ref::<UserError>() {
                Some(error) => {
                    count("refused");
                    texts::user_error(error)
                }
                None => {
                    count("failed");
                    tracing::error!(
                        command = spec.id(),
                        error = format!("{error:#}"),
                        "the handler failed"
                    );
                    texts::failed(id).into()
                }
            },
            Outcome::Panicked => {
                count("panicked");
                tracing::error!(command = spec.id(), "the handler panicked");
                texts::failed(id).into()
            }
            Outcome::TimedOut(deadline) => {
                count("timed_out");
                tracing::error!(
                    command = spec.id(),
                    ?deadline,
                    "the handler was stopped at its deadline"
                );
                texts::timed_out(id, deadline).into()
            }
            Outcome::Crowded => {
                count("crowded");
                texts::crowded(spec.usage.unwrap_or(spec.name)).into()
            }
        };
        // Said past the handler's own count: a flood must not silence the robot's last word on it.
        let first = cx.first_answer();
        let earlier = first.filter(|_| cx.message().edited_from.is_some());
        self.tell(cx.message(), earlier.as_ref(), post).await;
    }

    /// Says something on the robot's own behalf, in place of an earlier answer if there is one.
    async fn tell(&self, message: &Message, earlier: Option<&MessageRef>, mut post: Post) {
        let (chat, store) = (self.0.services.chat(), self.0.services.store());
        match store.advance(&message.event, ClaimStage::Answering).await {
            Ok(()) => {}
            // That one answers.
            Err(crate::StoreError::Taken) => return,
            Err(error) => tracing::warn!(%error, "that an answer is given could not be recorded"),
        }
        if matches!(message.via, crate::Via::Slash) && post.card.is_none() {
            post.text = format!("{}: {}", markup::user(&message.author), post.text);
        }
        let told = match earlier {
            Some(earlier) => chat
                .update(earlier, &post, Urgency::Answer)
                .await
                .map(|()| earlier.clone()),
            None => chat.post(&message.place(), &post, Urgency::Answer).await,
        };
        match (told, message.reference()) {
            (Ok(answer), Some(question)) => {
                self.0
                    .answers
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .put(question, answer);
            }
            (Ok(_), None) => {}
            (Err(error), _) => tracing::error!(%error, "the answer could not be given"),
        }
    }

    async fn did_you_mean(&self, message: &Message, line: &str) -> Post {
        if line.is_empty() {
            return texts::nothing_said();
        }
        let mut allowed = BTreeMap::new();
        for spec in self.0.router.commands().filter(|spec| spec.kind == Kind::Respond) {
            let role = spec.role.unwrap_or_default();
            if !allowed.contains_key(role) {
                allowed.insert(role, self.may(message, spec).await.allowed);
            }
        }
        let near = suggest::commands(line, &self.0.router, |spec| {
            allowed
                .get(spec.role.unwrap_or_default())
                .copied()
                .unwrap_or(false)
        });
        texts::unknown(line, &near)
    }

    async fn may(&self, message: &Message, spec: &CommandSpec) -> Decision {
        let chat = self.0.services.chat();
        let decide = self
            .0
            .services
            .roles()
            .decide(chat.as_ref(), &message.author, spec);
        match tokio::time::timeout(POLICY_PATIENCE, decide).await {
            Ok(decision) => decision,
            Err(_) => Decision {
                allowed: false,
                rule: "whether you may could not be found out in time".into(),
            },
        }
    }

    fn context(
        &self,
        id: String,
        message: &Message,
        line: String,
        spec: &'static CommandSpec,
        earlier: Option<MessageRef>,
    ) -> Context {
        Context::new(
            id,
            message.clone(),
            line,
            spec,
            crate::options::Options::default(),
            self.0.services.clone(),
            self.0.most_said,
            earlier,
        )
    }
}

/// Shows that the robot heard, if the handler has not said a word by then.
async fn show_patience(cx: Context) {
    tokio::time::sleep(PATIENCE).await;
    if cx.said() > 0 {
        return;
    }
    let chat = cx.services().chat();
    let shown = match cx.message().reference() {
        Some(message) => chat.react(&message, AT_IT).await,
        None => {
            chat.whisper(&cx.message().place(), cx.author(), &"I'm at it…".into())
                .await
        }
    };
    if let Err(error) = shown {
        tracing::debug!(%error, "that the robot heard could not be shown");
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("otus_messages_total", "outcome" => outcome).increment(1);
}
