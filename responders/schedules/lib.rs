//! Purpose: what is done later, or again and again: once however many replicas there are, with the rights that whoever scheduled it
//! has by then.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod actions;
mod run;
mod schedule;
mod settings;
mod texts;
mod when;

use crate::actions::{Ask, Unask, Zone};
use jiff::SignedDuration;
use otus::{Message, Services, operations::Action, prelude::*};
pub use settings::Settings;
use std::sync::Arc;

/// The responder's name.
const NAME: &str = "schedules";
/// The command that schedules.
const SCHEDULE: &str = "schedule";

/// What is done later, or again and again.
#[derive(Debug, Default, Clone, Copy)]
pub struct Schedules {
    settings: Settings,
}

impl Schedules {
    /// With these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

impl Configure for Schedules {
    type Config = Settings;

    fn configure(settings: Settings, _: &Setup<'_>) -> Result<Self> {
        Ok(Self::new(settings))
    }
}

/// What is done later, or again and again.
#[responder(name = "schedules", config = Settings)]
impl Schedules {
    /// Does something later, or again and again.
    ///
    /// It runs here and with your rights, as they are by then. Times are in your time zone, unless you say another one after the time:
    /// `at 9:00 Europe/Berlin`.
    #[respond(
        r"^(?:in|at|on|tomorrow|every) (?<command>.+)$",
        usage = "in|at|on|tomorrow|every … <command>",
        example = "in 2h schedules",
        example = "at 17:30 schedules",
        example = "tomorrow at 9:00 schedules",
        example = "on friday at 16:00 schedules",
        example = "on 2026-12-24 at 10:00 schedules",
        example = "every weekday at 9:00 post Good morning",
        example = "every 2 hours schedules",
        effect = "operation"
    )]
    async fn schedule(&self, cx: Context, command: String) -> Result {
        // The words behind the first one; all of them say when.
        let _ = command;
        let now = cx.services().store().now().await?;
        let theirs = cx.person().await.zone;
        let known = theirs.filter(|zone| jiff::tz::TimeZone::get(zone).is_ok());
        let default = known.as_deref().unwrap_or("UTC");
        let read =
            when::read(cx.line(), now, default).map_err(|unclear| texts::unclear(&unclear, cx.line()))?;
        let zone = match (read.zone_said, &known) {
            (true, _) => Zone::Said,
            (false, Some(_)) => Zone::Theirs,
            (false, None) => Zone::Unknown,
        };
        let Message {
            channel,
            kind,
            thread,
            ..
        } = cx.message();
        let origin = schedule::Origin {
            channel: channel.clone(),
            kind: (*kind).into(),
            thread: thread.clone(),
        };
        let ask = Ask {
            when: read.when,
            zone,
            line: read.command,
            origin,
        };
        cx.propose("schedule", ask).await
    }

    /// Says what is scheduled, and when it runs next.
    #[respond(r"^schedules$", usage = "schedules")]
    async fn schedules(&self, cx: Context) -> Result {
        let services = cx.services();
        let mut all = schedule::all(services).await?;
        let here = &cx.message().channel;
        // What goes on behind closed doors stays there.
        all.retain(|kept| {
            let origin = &kept.schedule.origin;
            origin.kind == schedule::Kind::Public || origin.channel == *here
        });
        let all: Vec<_> = all.into_iter().map(|kept| kept.schedule).collect();
        cx.reply(texts::schedules(&all, here)).await
    }

    /// Ends a schedule.
    #[respond(
        r"^unschedule (?<id>[0-9a-z]+)$",
        usage = "unschedule <id>",
        example = "unschedule 3f2a",
        effect = "operation"
    )]
    async fn unschedule(&self, cx: Context, id: String) -> Result {
        cx.propose(
            "unschedule",
            Unask {
                id: id.to_lowercase(),
            },
        )
        .await
    }

    /// Says something, as the robot.
    #[respond(
        r"^post (?<text>(?s:.+))$",
        usage = "post <text>",
        example = "post Good morning",
        effect = "changes"
    )]
    async fn post(&self, cx: Context, text: String) -> Result {
        cx.reply(texts::post(&text)).await
    }

    /// What this can do to the world.
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(actions::Schedules), Arc::new(actions::Unschedules)]
    }

    /// Runs what is due.
    #[start]
    async fn start(&self, services: Services) -> Result {
        let grace = SignedDuration::try_from(self.settings.missed_grace).unwrap_or(SignedDuration::MAX);
        run::watch(&services, grace).await;
        Ok(())
    }
}
