//! What the robot makes of words before anybody says them: for what is scheduled, and for whoever offers commands.

use super::{
    Inner, Robot,
    rights::{Request, Ruling},
    route::Heard,
};
use crate::{message::Message, policy::Verdict, responder::CommandSpec, services::Understanding};
use futures_util::future::BoxFuture;
use std::sync::Weak;

/// A robot's mind, which does not keep the robot alive.
pub(super) struct Mind(pub(super) Weak<Inner>);

impl Mind {
    fn robot(&self) -> Option<Robot> {
        self.0.upgrade().map(Robot)
    }
}

impl Understanding for Mind {
    fn command_of(&self, line: &str) -> Option<&'static CommandSpec> {
        self.robot()?.command_of(line)
    }

    fn near<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async move {
            let Some(robot) = self.robot() else {
                return Vec::new();
            };
            let Heard { said, .. } = robot.route(message);
            robot.near(message, &said).await
        })
    }

    fn verdict<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Option<Verdict>> {
        Box::pin(async move {
            let robot = self.robot()?;
            let Heard { options, winner, .. } = robot.route(message);
            let (handler, captures) = winner?;
            let request = Request {
                id: &message.event.id,
                message,
                spec: handler.spec,
                line: captures.line(),
                options: &options,
                target: &robot.target(&captures),
            };
            Some(match robot.verdict(&request).await {
                Ok(verdict) => verdict,
                Err(Ruling { rule, .. }) => Verdict::refuse(rule),
            })
        })
    }

    fn would_run<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let Some(robot) = self.robot() else {
                return false;
            };
            let Heard { options, winner, .. } = robot.route(message);
            let Some((handler, captures)) = winner else {
                return false;
            };
            let request = Request {
                id: &message.event.id,
                message,
                spec: handler.spec,
                line: captures.line(),
                options: &options,
                target: &robot.target(&captures),
            };
            robot.off(handler.spec).await.is_none() && robot.ruling(&request).await.allows()
        })
    }
}
