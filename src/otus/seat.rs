//! Whose turn it is: the robot that messages and webhooks go to, which another may take the place of while the program runs.

use otus_core::{Message, Receipt, Robot};
use otus_slack::Ear;
use std::sync::{Arc, PoisonError, RwLock};

/// A place for one robot.
#[derive(Default)]
pub(crate) struct Seat(RwLock<Option<Robot>>);

impl Seat {
    /// Who sits there now.
    pub(crate) fn robot(&self) -> Option<Robot> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sits down; whoever sat there before is handed back, with what it had begun.
    pub(crate) fn take(&self, robot: Robot) -> Option<Robot> {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(robot)
    }
}

/// Hears for whoever sits there.
pub(crate) struct Listens(pub(crate) Arc<Seat>);

impl Ear for Listens {
    fn hear(&self, message: Message, receipt: Receipt) {
        match self.0.robot() {
            Some(robot) => robot.take(message, receipt),
            // The seat is taken before anybody listens. Without a receipt Slack brings it again.
            None => tracing::error!("nobody hears this: there is no robot yet"),
        }
    }
}
