//! Seeing to it that whoever speaks to the robot has an answer.

use super::{
    Robot, gate,
    rights::{Request, Ruling, RulingKind},
    route, texts,
};
use crate::{
    card::Post,
    chat::{MessageRef, Place, Urgency},
    context::Context,
    error::UserError,
    isolation::Outcome,
    message::Message,
    options::Options,
    responder::{Captures, Effect, Handler, Kind},
    store::StoreError,
    suggest,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, PoisonError},
    time::{Duration, Instant},
};

/// After this long without a word, the robot shows that it heard.
const PATIENCE: Duration = Duration::from_millis(700);

/// The emoji that says "I heard you and am at it".
pub(crate) const AT_IT: &str = "hourglass_flowing_sand";

/// What was said to the robot.
pub(super) struct Spoken<'a> {
    /// The words.
    pub(super) said: String,
    /// What was added to the command.
    pub(super) options: Options,
    /// The confirmation that this is, if so.
    pub(super) confirmed: Option<String>,
    /// The command that answers.
    pub(super) winner: Option<(&'a Handler, Captures)>,
}

/// A run that is over.
pub(super) struct Ended {
    /// How.
    pub(super) outcome: Outcome,
    /// Whether its responder has failed once too often.
    pub(super) too_often: bool,
}

impl Robot {
    pub(super) async fn answer(&self, id: &str, message: &Message, spoken: Spoken<'_>, edited: bool) {
        let earlier = message.reference().filter(|_| edited).and_then(|question| {
            self.0
                .answers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&question)
        });
        let Some((handler, captures)) = spoken.winner else {
            if let Some(form) = self.form_for(message, &spoken.said).await {
                if let Some(post) = form {
                    self.tell(message, earlier.as_ref(), post).await;
                }
                return;
            }
            count("unknown");
            let post = self.did_you_mean(message, &spoken.said).await;
            self.tell(message, earlier.as_ref(), post).await;
            return;
        };
        let (spec, options) = (handler.spec, &spoken.options);
        if edited && spec.effect.changes() {
            count("edited");
            self.tell(message, None, texts::edited(&spoken.said)).await;
            return;
        }
        if spec.effect == Effect::Reads && (options.plan || options.queue) {
            count("refused");
            let post = texts::nothing_to_plan(captures.line(), options);
            self.tell(message, earlier.as_ref(), post).await;
            return;
        }
        if let Some(off) = self.off(spec).await {
            count("off");
            let post = texts::off(spec.responder, &off);
            self.tell(message, earlier.as_ref(), post).await;
            return;
        }
        let (line, target) = (captures.line().to_owned(), self.target(&captures));
        if self.is_done_with(id, message, spec.effect).await {
            count("duplicate");
            return;
        }
        let request = Request {
            id,
            message,
            spec,
            line: &line,
            options,
            target: &target,
        };
        let (ruling, confirmed) = match self.decide(&request, spoken.confirmed.as_deref()).await {
            Ok(decided) => decided,
            Err(post) => {
                self.tell(message, earlier.as_ref(), *post).await;
                return;
            }
        };
        tracing::info!(command = spec.id(), user = %message.author, channel = %message.channel, "running");
        let cx = self.context(&request, earlier);
        // An operation begins with its row, which whoever comes after a death finds; so does who comes after an answer.
        let begun = match spec.effect {
            Effect::Reads => Ok(()),
            Effect::Proposes => cx.hold().await,
            Effect::Changes | Effect::Controls => cx.begin().await,
        };
        if let Err(error) = begun {
            count("failed");
            tracing::error!(%error, "the beginning of a change could not be recorded, so it was not begun");
            self.tell(message, None, texts::no_memory(id).into()).await;
            return;
        }
        self.record_decision(&request, &ruling, confirmed).await;
        let Ended { outcome, too_often } = patiently(&cx, self.run(handler, &cx, captures)).await;
        self.record_run(&request, word(&outcome)).await;
        self.conclude(&cx, outcome).await;
        if too_often {
            self.quarantine(id, message, spec.responder).await;
        }
        if let (Some(question), Some(answer)) = (message.reference(), cx.first_answer()) {
            self.0
                .answers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .put(question, answer);
        }
    }

    /// Decides whether a command runs, and whether by its confirmation. What comes back instead is said in place of running
    /// it; that it does not run is recorded.
    async fn decide(
        &self,
        request: &Request<'_>,
        confirmation: Option<&str>,
    ) -> Result<(Ruling, bool), Box<Post>> {
        let ruling = self.ruling(request).await;
        let direct = matches!(request.spec.effect, Effect::Changes | Effect::Controls);
        if direct && request.options.plan {
            // What an operation would change is the engine's to plan; this is all there is to know of anything else.
            count("planned");
            return Err(texts::plan(request, &ruling).into());
        }
        let post: Post = match ruling.kind {
            RulingKind::Allow => return Ok((ruling, false)),
            RulingKind::Confirm => {
                let found = match self.is_confirmed(request, confirmation).await {
                    Ok(false) => self.await_confirmation(request).await.map(|()| false),
                    found => found,
                };
                match found {
                    Ok(true) => return Ok((ruling, true)),
                    Ok(false) => {
                        count("confirming");
                        let within = self.0.services.policy().confirm_expires;
                        texts::confirm(request, &ruling.rule, within)
                    }
                    Err(error) => {
                        count("failed");
                        let error = format!("{error:#}");
                        tracing::error!(error, "a confirmation could not be looked up or kept");
                        texts::no_memory(request.id).into()
                    }
                }
            }
            RulingKind::Refuse => {
                count("denied");
                let (command, user) = (request.spec.id(), &request.message.author);
                tracing::info!(command, %user, rule = ruling.rule, "denied");
                texts::denied(request.line, &ruling.rule).into()
            }
        };
        self.record_decision(request, &ruling, false).await;
        Err(post.into())
    }

    /// Runs a handler behind its gate, and counts how it came out.
    pub(super) async fn run(&self, handler: &Handler, cx: &Context, captures: Captures) -> Ended {
        let spec = handler.spec;
        let (responder, command) = (spec.responder, spec.name);
        metrics::counter!("otus_matches_total", "responder" => responder, "command" => command).increment(1);
        self.0.services.health().matched(responder);
        let deadline = spec.deadline.unwrap_or(self.0.deadline);
        let (run, inside) = (handler.run.clone(), cx.clone());
        let (asked, began) = (Instant::now(), Arc::new(OnceLock::new()));
        let begins = began.clone();
        let run = move || {
            let waited = asked.elapsed();
            metrics::histogram!("otus_queue_seconds", "responder" => responder, "command" => command)
                .record(waited.as_secs_f64());
            // The gate calls this once.
            let _ = begins.set(Instant::now());
            run(inside, captures)
        };
        let outcome = self.0.gates.run(&gate(handler), deadline, run).await;
        let took = began.get().map(Instant::elapsed).unwrap_or_default();
        let too_often = self.note(spec, &outcome, took);
        Ended { outcome, too_often }
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
                    texts::user_error(&self.with_options(cx, error))
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
        let post = match cx.said() {
            0 => post,
            _ => post.keyed(format!("{}:end", cx.message().event.answer())),
        };
        let earlier = first.filter(|_| cx.message().edited_from.is_some());
        self.tell(cx.message(), earlier.as_ref(), post).await;
    }

    /// Says something on the robot's own behalf, in place of an earlier answer if there is one. Without another key it is marked as
    /// the first answer to the message. Answers whether it stands in the chat.
    pub(super) async fn tell(&self, message: &Message, earlier: Option<&MessageRef>, mut post: Post) -> bool {
        let (chat, store) = (self.0.services.chat(), self.0.services.store());
        let key = post.key.get_or_insert_with(|| message.event.answer()).clone();
        match store.hold(&message.event).await {
            Ok(()) => {}
            // That one answers.
            Err(StoreError::Taken) => return true,
            Err(error) => tracing::warn!(%error, "whether this process may still answer cannot be found out"),
        }
        if self.stands(message, &message.place(), &key).await {
            return true;
        }
        // Where no words of theirs stand above it, nobody would know whom it answers.
        if message.via != crate::Via::Said && post.card.is_none() {
            post.text = format!("{}{}", texts::whom(message), post.text);
        }
        let told = match earlier {
            Some(earlier) => chat
                .update(earlier, &post, Urgency::Answer)
                .await
                .map(|()| earlier.clone()),
            None => chat.post(&message.place(), &post, Urgency::Answer).await,
        };
        match told {
            Ok(answer) => {
                if let Some(question) = message.reference() {
                    self.0
                        .answers
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .put(question, answer);
                }
                true
            }
            Err(error) => {
                tracing::error!(%error, "the answer could not be given");
                false
            }
        }
    }

    /// Whether a process that died over a message that changes something came to its end all the same: it has answered, or its
    /// operation is kept, which tells about itself.
    pub(super) async fn is_done_with(&self, id: &str, message: &Message, effect: Effect) -> bool {
        if !message.again || effect == Effect::Reads {
            return false;
        }
        if effect == Effect::Proposes && matches!(self.0.services.store().operation(id).await, Ok(Some(_))) {
            return true;
        }
        let key = message.event.answer();
        let (here, thread) = (message.place(), message.own_thread());
        self.stands(message, &here, &key).await || thread != here && self.stands(message, &thread, &key).await
    }

    /// Whether a process that died has said this already. What cannot be found out counts as not said: silence would be worse.
    async fn stands(&self, message: &Message, place: &Place, key: &str) -> bool {
        if !message.again {
            return false;
        }
        match self.0.services.chat().find(place, key).await {
            Ok(found) => found.is_some(),
            Err(error) => {
                tracing::warn!(%error, "whether there is an answer already cannot be found out");
                false
            }
        }
    }

    /// What to say instead, with what was added to what was said: a plan is not to become a change by a typo.
    fn with_options(&self, cx: &Context, error: &UserError) -> UserError {
        let mut error = error.clone();
        for instead in &mut error.instead {
            let same = self
                .0
                .router
                .respond(instead)
                .is_some_and(|(handler, _)| std::ptr::eq(handler.spec, cx.command()));
            if same {
                *instead = cx.options().on(instead);
            }
        }
        error
    }

    async fn did_you_mean(&self, message: &Message, said: &str) -> Post {
        if said.is_empty() {
            return texts::nothing_said();
        }
        texts::unknown(said, &self.near(message, said).await)
    }

    /// Commands like what was said, which whoever said it may say.
    pub(super) async fn near(&self, message: &Message, said: &str) -> Vec<String> {
        let mut allowed = BTreeMap::new();
        for spec in self.0.router.commands().filter(|spec| spec.kind == Kind::Respond) {
            let role = spec.role.unwrap_or_default();
            if !allowed.contains_key(role) {
                allowed.insert(role, self.has_role(message, spec).await.allows());
            }
        }
        let (line, options) = route::plainly(said);
        let near = suggest::commands(&line, &self.0.router, |spec| {
            allowed
                .get(spec.role.unwrap_or_default())
                .copied()
                .unwrap_or(false)
        });
        near.iter().map(|command| options.on(command)).collect()
    }

    pub(super) fn context(&self, request: &Request<'_>, earlier: Option<MessageRef>) -> Context {
        Context::new(
            request.id.to_owned(),
            request.message.clone(),
            request.line.to_owned(),
            request.spec,
            request.options.clone(),
            self.0.services.clone(),
            self.0.most_said,
            earlier,
        )
    }
}

/// Waits for a run to end, and shows meanwhile that the robot heard.
async fn patiently(cx: &Context, run: impl Future<Output = Ended>) -> Ended {
    tokio::pin!(run);
    tokio::select! {
        biased;
        ended = &mut run => return ended,
        () = show_patience(cx) => {}
    }
    run.await
}

/// Shows that the robot heard, if the handler has not said a word by then.
async fn show_patience(cx: &Context) {
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

pub(super) fn count(outcome: &'static str) {
    metrics::counter!("otus_messages_total", "outcome" => outcome).increment(1);
}

/// How a run came out, in a word, for the record.
fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Returned(Ok(())) => "done",
        Outcome::Returned(Err(error)) if error.is::<UserError>() => "refused",
        Outcome::Returned(Err(_)) => "failed",
        Outcome::Panicked => "panicked",
        Outcome::TimedOut(_) => "timed out",
        Outcome::Crowded => "not begun: too many wait",
    }
}
