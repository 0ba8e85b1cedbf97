//! A responder that keeps failing is switched off before it wastes more of anybody's time, and people are told.

use super::{Robot, texts};
use crate::{
    chat::{ChatError, Place, Urgency},
    error::{Error, UserError},
    health::{Health, Off, Ran},
    isolation::Outcome,
    message::Message,
    responder::{CommandSpec, Effect},
    store::StoreError,
};
use std::time::Duration;

impl Robot {
    /// That a command's responder is switched off. What steers goes on: nobody is kept from stopping or approving something.
    pub(super) async fn off(&self, spec: &CommandSpec) -> Option<Off> {
        if spec.effect == Effect::Controls {
            return None;
        }
        Health::off(&self.0.services, spec.responder).await
    }

    /// Counts how a run came out, and answers whether it failed once too often.
    pub(super) fn note(&self, spec: &'static CommandSpec, outcome: &Outcome, took: Duration) -> bool {
        let how = judged(outcome);
        record(spec, outcome, how, took);
        let (most, within) = self.0.failures;
        let health = self.0.services.health();
        health.ran(spec.responder, how, took, most, within)
    }

    /// Switches a responder off that failed once too often, and tells it where it failed.
    pub(super) async fn quarantine(&self, id: &str, message: &Message, responder: &'static str) {
        let services = &self.0.services;
        let (most, within) = self.0.failures;
        let reason = texts::kept_failing(most, within);
        match Health::switch_off(services, responder, None, &reason, Some(id)).await {
            Ok(true) => {
                tracing::error!(responder, reason, "a responder is switched off");
                metrics::counter!("otus_quarantines_total", "responder" => responder).increment(1);
            }
            // Another replica was first, and has told it.
            Ok(false) => return,
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(
                    responder,
                    error,
                    "a responder that keeps failing could not be switched off"
                );
                return;
            }
        }
        let here = Place {
            hook: None,
            ..message.place()
        };
        let notices = self.0.notices.clone().map(Place::channel);
        let elsewhere = notices.filter(|notices| notices.channel != here.channel);
        let post = texts::quarantined(responder, &reason, id);
        for place in [Some(here), elsewhere].into_iter().flatten() {
            if let Err(error) = services.chat().post(&place, &post, Urgency::Answer).await {
                tracing::error!(%error, channel = %place.channel, "that a responder is switched off could not be told");
            }
        }
    }
}

/// Whose fault it is. When the chat or the memory is away every responder fails, and switching them off helps nobody.
fn judged(outcome: &Outcome) -> Ran {
    match outcome {
        Outcome::Returned(Ok(())) => Ran::Well,
        Outcome::Returned(Err(error)) if error.is::<UserError>() => Ran::Well,
        Outcome::Returned(Err(error)) if needs_were_away(error) => Ran::NotItsFault,
        Outcome::Returned(Err(_)) | Outcome::Panicked | Outcome::TimedOut(_) => Ran::Failed,
        Outcome::Crowded => Ran::NotItsFault,
    }
}

fn needs_were_away(error: &Error) -> bool {
    error
        .chain()
        .any(|cause| cause.is::<ChatError>() || cause.is::<StoreError>())
}

fn record(spec: &'static CommandSpec, outcome: &Outcome, how: Ran, took: Duration) {
    let (responder, command) = (spec.responder, spec.name);
    if !matches!(outcome, Outcome::Crowded) {
        metrics::histogram!("otus_handler_seconds", "responder" => responder, "command" => command)
            .record(took.as_secs_f64());
    }
    if how == Ran::Well {
        let now = jiff::Timestamp::now().as_second() as f64;
        metrics::gauge!("otus_last_success_timestamp_seconds", "responder" => responder).set(now);
        return;
    }
    let kind = match outcome {
        Outcome::Returned(_) if how == Ran::NotItsFault => "unavailable",
        Outcome::Returned(_) => "failed",
        Outcome::Panicked => "panicked",
        Outcome::TimedOut(_) => "timed_out",
        Outcome::Crowded => "crowded",
    };
    metrics::counter!(
        "otus_handler_errors_total",
        "responder" => responder,
        "command" => command,
        "kind" => kind
    )
    .increment(1);
}
