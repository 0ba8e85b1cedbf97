//! `migrate`: an operation of its own.

use async_trait::async_trait;
use otus::card::{Card, Tone};
use otus::operations::{Action, Before, Desk, Ended, Ending, Outcome, Plan, Run, Standing};
use otus::{Result, Services};
use serde_json::Value;

use crate::KIND;
use crate::apply;
use crate::plan::{self, Planned, Wanted};
use crate::settings::Settings;
use crate::texts;

/// Running the migrations of a service in an environment; and the same as a part of a deploy.
pub(crate) struct Migrate {
    pub(crate) settings: Settings,
}

/// The card of an operation of our own.
pub(crate) struct OwnCard {
    pub(crate) run: Run,
    pub(crate) title: String,
}

#[async_trait]
impl Desk for OwnCard {
    async fn show(&self, standing: Standing) {
        let card = Card::new(Tone::Running, self.title.clone()).text(standing.now);
        let card = match standing.trouble {
            Some(trouble) => card.text(trouble),
            None => card,
        };
        let card = standing.buttons.into_iter().fold(card, Card::button);
        self.run.show(card).await;
    }
}

#[async_trait]
impl Action for Migrate {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn pauses(&self) -> bool {
        true
    }

    async fn plan(&self, services: &Services, ask: &Value) -> Result<Plan> {
        let wanted: Wanted = serde_json::from_value(ask.clone())?;
        plan::plan(&self.settings, services, &wanted).await
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        let planned: Planned = serde_json::from_value(run.plan().details)?;
        let desk = OwnCard {
            run: run.clone(),
            title: texts::migrating(&planned.service, &planned.environment),
        };
        let done = apply::go(&self.settings, &run, &planned, &desk).await?;
        Ok(ending(&planned, &done))
    }

    fn before(&self) -> Option<&dyn Before> {
        Some(self)
    }
}

/// How the operation ended, as its card tells it.
pub(crate) fn ending(planned: &Planned, done: &apply::Done) -> Ending {
    let (outcome, tone, title, text) = match done.ended(planned) {
        Ended::Done(line) => (
            Outcome::Succeeded,
            Tone::Good,
            texts::migrated(&planned.service, &planned.environment),
            line,
        ),
        Ended::Failed(failure) => (
            Outcome::Failed,
            Tone::Bad,
            texts::not_migrated(&planned.service, &planned.environment),
            match failure.todo.as_str() {
                "" => failure.why,
                todo => format!("{} {todo}", failure.why),
            },
        ),
        Ended::NotBegun => (
            Outcome::Cancelled,
            Tone::Neutral,
            texts::not_migrated(&planned.service, &planned.environment),
            texts::not_begun(),
        ),
        Ended::Cancelled(what) => (
            Outcome::Cancelled,
            Tone::Warning,
            texts::not_migrated(&planned.service, &planned.environment),
            what,
        ),
    };
    let card = Card::new(tone, title).text(text.clone());
    let card = match outcome {
        Outcome::Succeeded => card,
        _ => card.button(texts::again_button(&planned.service, &planned.environment)),
    };
    Ending {
        outcome,
        note: otus::markup::plain(&text),
        card,
    }
}
