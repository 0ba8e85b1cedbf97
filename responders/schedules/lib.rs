//! Purpose: what is done later, or again and again: once however many replicas there are, with the rights that whoever scheduled it
//! has by then.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod actions;
mod read;
mod remind;
mod run;
mod schedule;
mod settings;
mod texts;
mod when;

use crate::{
    actions::{Ask, Unask, Zone},
    read::Read,
};
use jiff::Timestamp;
use otus::{Message, Services, operations::Action, prelude::*};
pub use settings::{MissedRun, Settings};
use std::sync::Arc;

/// The responder's name.
const NAME: &str = "schedules";
/// The command that schedules.
const SCHEDULE: &str = "schedule";
/// The same, said in another way.
const SCHEDULE_THAT: &str = "schedule_that";

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

/// What would become of a command if it ran now, where that is not simply that it runs. What is no command is refused, with what
/// may have been meant.
async fn foresee(cx: &Context, line: &str, command: &str) -> Result<Option<String>> {
    let services = cx.services();
    let then = Message {
        content: vec![otus::Segment::Text(command.to_owned())],
        via: otus::Via::Schedule { id: String::new() },
        ..cx.message().clone()
    };
    let Some(spec) = services.command_of(command) else {
        let time = line.strip_suffix(command).unwrap_or_default();
        let mut near = services.near(&then).await;
        near.retain(|near| {
            services
                .command_of(near)
                .is_some_and(|spec| !actions::is_schedule(spec))
        });
        let near: Vec<_> = near.iter().map(|near| format!("{time}{near}")).collect();
        return Err(texts::no_command(command, &near).into());
    };
    let verdict = services.verdict(&then).await;
    Ok(verdict.and_then(|verdict| texts::foreseen(&verdict, spec.effect)))
}

/// Now, and the time zone of whoever asks, where it is known.
async fn clock(cx: &Context) -> Result<(Timestamp, Option<String>)> {
    let now = cx.services().store().now().await?;
    let theirs = cx.person().await.zone;
    Ok((now, theirs.filter(|name| when::zone(name).is_some())))
}

/// Proposes what a line says that begins with a time.
async fn later(cx: &Context, line: &str) -> Result {
    let (now, known) = clock(cx).await?;
    let default = known.as_deref().unwrap_or("UTC");
    let read = read::read(line, now, default).map_err(|unclear| {
        let meant = read::meant(line, &unclear, now, default);
        texts::unclear(&unclear, line, meant.as_deref())
    })?;
    let foreseen = foresee(cx, line, &read.command).await?;
    propose(cx, read, known.is_some(), foreseen).await
}

/// Proposes that what was read is done then, here.
async fn propose(cx: &Context, read: Read, zone_known: bool, foreseen: Option<String>) -> Result {
    let zone = match (read.zone_said, zone_known) {
        (true, _) => Zone::Said,
        (false, true) => Zone::Theirs,
        (false, false) => Zone::Unknown,
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
        foreseen,
    };
    cx.propose(SCHEDULE, ask).await
}

/// What is done later, or again and again.
#[responder(name = "schedules", config = Settings)]
impl Schedules {
    /// Does something later, or again and again.
    ///
    /// It runs here and with your rights, as they are by then. Times are in your time zone, unless you say another one after the time:
    /// `at 9:00 Europe/Berlin`.
    #[respond(
        r"^(?:in|at|on|tomorrow|every) (?<command>(?s:.+))$",
        usage = "in|at|on|tomorrow|every … <command>",
        example = "in 2h schedules",
        example = "at 17:30 schedules",
        example = "tomorrow at 9:00 schedules",
        example = "on friday at 16:00 schedules",
        example = "on 2026-12-24 at 10:00 schedules",
        example = "every weekday at 9:00 post Good morning",
        example = "every 2 hours schedules",
        example = "every 1st of the month at 8:00 schedules",
        effect = "operation"
    )]
    async fn schedule(&self, cx: Context, command: String) -> Result {
        // The words behind the first one; all of them say when.
        let _ = command;
        later(&cx, cx.line().trim()).await
    }

    /// Does something later, or again and again; the same as saying when and what, for who wants to be asked for both.
    #[respond(
        r"^schedule (?<when>(?:in|at|on|tomorrow|every) .+?): (?<command>(?s:.+))$",
        usage = "schedule <when>: <command>",
        example = "schedule every weekday at 9:00: post Good morning",
        effect = "operation"
    )]
    async fn schedule_that(&self, cx: Context, when: String, command: String) -> Result {
        later(&cx, &format!("{} {}", when.trim(), command.trim())).await
    }

    /// Reminds you, somebody else or everybody here of something.
    ///
    /// It is a schedule that posts: it stands in `schedules`, and `unschedule` ends it. Times are in your time zone.
    #[respond(
        r"^remind (?<whom>me|us|here|everybody|@\S+) (?<what>(?s:.+))$",
        usage = "remind <whom> <what>",
        example = "remind me in 2h to look at the canary",
        example = "remind me to water the plants tomorrow at 9:00",
        example = "remind us every weekday at 9:25 that the standup begins",
        effect = "operation"
    )]
    async fn remind(&self, cx: Context, whom: String, what: String) -> Result {
        let (now, known) = clock(&cx).await?;
        let default = known.as_deref().unwrap_or("UTC");
        let (mut read, what) = remind::read(&what, now, default)
            .map_err(|unclear| texts::unclear_reminder(&unclear, &whom, &what))?;
        read.command = texts::reminder(&remind::whom(&cx, &whom)?, &what);
        let foreseen = foresee(&cx, cx.line(), &read.command).await?;
        propose(&cx, read, known.is_some(), foreseen).await
    }

    /// Says what is scheduled, and when it runs next.
    #[respond(r"^schedules$", usage = "schedules")]
    async fn schedules(&self, cx: Context) -> Result {
        let services = cx.services();
        let mut all = schedule::all(services).await?;
        let here = &cx.message().channel;
        all.retain(|kept| kept.schedule.origin.may_be_told_in(here));
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
                here: cx.message().channel.clone(),
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

    /// Says a reminder; what `remind` schedules says this.
    #[respond(
        r"^reminder(?: for (?<whom>@[^\s:]+))?: (?<what>(?s:.+))$",
        usage = "reminder[ for <whom>]: <what>",
        example = "reminder: the retro begins",
        effect = "changes"
    )]
    async fn reminder(&self, cx: Context, whom: Option<String>, what: String) -> Result {
        cx.reply(texts::reminded(whom.as_deref(), &what)).await
    }

    /// What this can do to the world.
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(actions::Schedules), Arc::new(actions::Unschedules)]
    }

    /// Runs what is due.
    #[start]
    async fn start(&self, services: Services) -> Result {
        run::watch(&services, self.settings.late()).await;
        Ok(())
    }
}
