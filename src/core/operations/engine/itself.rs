//! What the robot sets out to do by itself: the same plan, policy, journal, card and audit trail as for a person, but no message to
//! answer. Of what may not begin nothing is kept and nothing said here; whoever proposes it knows why, and tells where that belongs.

use super::Operations;
use crate::{
    error::Result,
    ids::{ChannelId, UserId},
    operations::{
        operation::{Draft, Operation, Origin, Saved},
        transitions,
    },
    options::Options,
    policy::{Verdict, VerdictKind},
};
use serde_json::Value;

/// What the robot wants to do by itself.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The operation's id, made of what it is about: whoever proposes the same thing, on whichever replica and however often, gives it
    /// the same, and it is done once.
    pub id: String,
    /// Which [`Action`](crate::operations::Action).
    pub kind: String,
    /// The command that a person would have said, as `responder.name`: what rules and roles go by.
    pub command: String,
    /// The words a person would have said.
    pub line: String,
    /// What is asked of the action.
    pub ask: Value,
    /// Who does it: an actor of the robot's own, [`UserId::robot`], with the rights that the configuration gives it.
    pub by: UserId,
    /// Where the card is shown.
    pub channel: ChannelId,
    /// Why.
    pub reason: String,
}

/// What became of it.
#[derive(Debug, Clone)]
pub enum Proposed {
    /// It begins, or waits for approvals.
    Made(Box<Operation>),
    /// It was proposed before.
    Known(Box<Operation>),
    /// The world is like that already.
    NothingToDo,
    /// Policy refuses it, has it wait, or asks who wants it to confirm it, which the robot never does. Nothing is kept.
    Blocked(Verdict),
    /// This one runs on its target. Nothing is kept.
    Busy(Box<Operation>),
}

impl Operations {
    /// Plans what the robot wants to do by itself, decides on it, and begins it or asks for its approvals, if it may.
    ///
    /// # Errors
    /// A [`UserError`](crate::UserError) when it cannot be planned; anything else when the store or the action fails.
    pub async fn propose_itself(&self, proposal: Proposal) -> Result<Proposed> {
        if let Some(known) = self.services.store().operation(&proposal.id).await? {
            return Ok(Proposed::Known(Box::new(known)));
        }
        let action = self.action(&proposal.kind)?;
        let planning = action.plan(&self.services, &proposal.ask);
        let plan = tokio::time::timeout(self.engine().timing.think, planning)
            .await
            .map_err(|_| anyhow::anyhow!("planning {} takes too long", proposal.line))??;
        if plan.nothing_to_do {
            return Ok(Proposed::NothingToDo);
        }
        let mut operation = Operation::from(Draft {
            name: proposal.by.as_robot().unwrap_or(self.services.name()).to_owned(),
            id: proposal.id,
            kind: proposal.kind,
            command: proposal.command,
            line: proposal.line,
            ask: proposal.ask,
            plan,
            by: proposal.by,
            origin: Origin {
                channel: proposal.channel,
                thread: None,
                message: None,
                schedule: None,
            },
            reason: Some(proposal.reason),
            asked: self.now().await?,
        });
        operation.verdict = self.verdict_anew(&operation).await;
        match operation.verdict.kind {
            VerdictKind::Allow | VerdictKind::Approve { confirm: false, .. } => {}
            _ => return Ok(Proposed::Blocked(operation.verdict)),
        }
        // From here on nobody may be cut off half-way: it is in the store, and has to be told.
        let operations = self.clone();
        let made = async move { operations.make_itself(operation).await };
        self.engine().tasks.spawn(made).await?
    }

    /// Saves the first row, and begins it or shows what it waits for. A process that dies in between leaves a row that is told or taken
    /// up by another.
    async fn make_itself(&self, operation: Operation) -> Result<Proposed> {
        let options = Options {
            reason: operation.reason.clone(),
            ..Options::default()
        };
        let now = self.now().await?;
        let (mut next, entries) = transitions::proposed(&operation, &options, self.services.policy(), now);
        let taken = self.take_now(&mut next).await?;
        match self.save(&next, &[], &entries).await? {
            Saved::Yes(revision) => next.revision = revision,
            Saved::Stale => return Ok(Proposed::Known(Box::new(self.load(&operation.id).await?))),
            Saved::Busy(other) => return Ok(Proposed::Busy(other)),
        }
        if next.state.is_active() {
            self.run(next.clone(), false, None, taken);
        } else {
            self.tell_now(next.clone()).await;
        }
        Ok(Proposed::Made(Box::new(next)))
    }
}
