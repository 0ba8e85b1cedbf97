//! The engine: proposals, agreements, running, taking up.

use super::{action::Action, operation::Operation};
use crate::{context::Context, error::Result, services::Services};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// What the operations of this process share.
pub struct Engine {
    actions: BTreeMap<&'static str, Arc<dyn Action>>,
}

impl Engine {
    /// With what the responders can do.
    pub(crate) fn new(actions: Vec<Arc<dyn Action>>) -> Self {
        Self {
            actions: actions
                .into_iter()
                .map(|action| (action.kind(), action))
                .collect(),
        }
    }

    pub(crate) fn action(&self, kind: &str) -> Option<Arc<dyn Action>> {
        self.actions.get(kind).cloned()
    }
}

/// The operations. Made by [`Services::operations`].
#[derive(Clone)]
pub struct Operations {
    services: Services,
}

impl Operations {
    pub(crate) fn new(services: Services) -> Self {
        Self { services }
    }

    /// Plans what was asked, decides on it, and begins it or shows what it waits for. Answers the message of `cx` with the
    /// operation's card. With `--plan` it shows the plan and stops.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) with the reason when it is refused.
    pub async fn propose(&self, cx: &Context, kind: &str, ask: Value) -> Result<()> {
        let _ = (cx, self.services.engine().action(kind), ask);
        anyhow::bail!("not there yet")
    }

    /// The operation somebody means: by its id or the beginning of it, or, without one, the newest of the thread the message was
    /// said in.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when there is none, or more than one.
    pub async fn meant(&self, cx: &Context, id: Option<&str>) -> Result<Operation> {
        let _ = (cx, id);
        anyhow::bail!("not there yet")
    }

    /// Who asked says yes to what waits for a confirmation.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when it is not theirs to confirm, or does not wait for that.
    pub async fn confirm(&self, cx: &Context, id: &str) -> Result<Operation> {
        let _ = (cx, id);
        anyhow::bail!("not there yet")
    }

    /// Somebody else agrees. The last one needed begins it, after policy and plan were looked at anew.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when they may not, or it does not wait for that.
    pub async fn approve(&self, cx: &Context, id: &str) -> Result<Operation> {
        let _ = (cx, id);
        anyhow::bail!("not there yet")
    }

    /// Somebody who may approve says no.
    ///
    /// # Errors
    /// As [`Operations::approve`].
    pub async fn deny(&self, cx: &Context, id: &str, reason: Option<&str>) -> Result<Operation> {
        let _ = (cx, id, reason);
        anyhow::bail!("not there yet")
    }

    /// Applies what was only planned, as asked by who says so now.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when policy says no or the world moved.
    pub async fn apply(&self, cx: &Context, id: &str) -> Result<Operation> {
        let _ = (cx, id);
        anyhow::bail!("not there yet")
    }

    /// Puts what a lock, a freeze or another operation stands in the way of into the queue; it begins by itself when the way
    /// is free, newest per target only.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when there is nothing to wait for.
    pub async fn queue(&self, cx: &Context, id: &str) -> Result<Operation> {
        let _ = (cx, id);
        anyhow::bail!("not there yet")
    }

    /// Wants a running one to stop at its next safe point, or takes back one that has not begun.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when they may not, or it is over.
    pub async fn cancel(&self, cx: &Context, id: &str) -> Result<Operation> {
        let _ = (cx, id);
        anyhow::bail!("not there yet")
    }

    /// Wants a running one to wait at its next safe point.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when they may not, or it does not run, or its kind cannot be held.
    pub async fn pause(&self, cx: &Context, id: &str) -> Result<Operation> {
        let _ = (cx, id);
        anyhow::bail!("not there yet")
    }

    /// Wants a paused one to go on.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when they may not, or it is not paused.
    pub async fn resume(&self, cx: &Context, id: &str) -> Result<Operation> {
        let _ = (cx, id);
        anyhow::bail!("not there yet")
    }
}
