//! What people say about operations: agree to them, hold and stop them, say them again, ask how it came to that, and read
//! the audit trail.
//!
//! Whether somebody may is decided by the engine, which also keeps each operation's card true; here is only the answer to who
//! said it. Without an id the operation of the thread is meant.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod again;
mod answers;
mod ask;
mod file;
mod list;
mod people;
mod texts;
mod trail;
mod why;
mod words;

use crate::{answers::answer, ask::Last};
use otus::prelude::*;

/// Operations, as people speak of them.
#[derive(Debug, Default, Clone, Copy)]
pub struct Operations;

/// Agreeing to changes, holding and stopping them, and what became of them.
#[responder(needs = "files")]
impl Operations {
    /// Agrees to an operation that waits for approval.
    ///
    /// Without an id it is the operation of the thread. Nobody approves what they asked for themselves, and an approval
    /// covers exactly the plan that the card shows.
    #[respond(
        r"^approve(?: (?<id>\S+))?$",
        usage = "approve [<id>]",
        example = "approve",
        example = "approve 3f9c2ab01d",
        effect = "control"
    )]
    async fn approve(&self, cx: Context, id: Option<String>) -> Result {
        let id = ask::meant(&cx, id.as_deref()).await?.id;
        let operation = cx.services().operations().approve(&cx, &id).await?;
        answer(&cx, texts::approved(&operation)).await
    }

    /// Says no to an operation that waits for approval.
    ///
    /// Who may approve it may deny it. It is over then: who asked can ask again.
    #[respond(
        r"^(?:deny|reject)(?: (?<id>\S+))??(?:,? because (?<reason>.+))?$",
        usage = "deny [<id>] [because <reason>]",
        example = "deny",
        example = "deny 3f9c2ab01d because the migration is not out yet",
        effect = "control"
    )]
    async fn deny(&self, cx: Context, id: Option<String>, reason: Option<String>) -> Result {
        let id = ask::meant(&cx, id.as_deref()).await?.id;
        let reason = reason.or_else(|| cx.options().reason.clone());
        let operation = cx
            .services()
            .operations()
            .deny(&cx, &id, reason.as_deref())
            .await?;
        answer(&cx, texts::denied(&operation, reason.as_deref())).await
    }

    /// Says yes to what you asked for yourself and that waits for your confirmation.
    #[respond(
        r"^confirm(?: (?<id>\S+))?$",
        usage = "confirm [<id>]",
        example = "confirm",
        example = "confirm 3f9c2ab01d",
        effect = "control"
    )]
    async fn confirm(&self, cx: Context, id: Option<String>) -> Result {
        let id = ask::meant(&cx, id.as_deref()).await?.id;
        let operation = cx.services().operations().confirm(&cx, &id).await?;
        answer(&cx, texts::confirmed(&operation)).await
    }

    /// Applies what was only planned, with `--plan`.
    ///
    /// It is asked by who says so now, and looked at anew: a plan that the world has moved away from is void.
    #[respond(
        r"^apply(?: (?<id>\S+))?$",
        usage = "apply [<id>]",
        example = "apply",
        example = "apply 3f9c2ab01d",
        effect = "control"
    )]
    async fn apply(&self, cx: Context, id: Option<String>) -> Result {
        let id = ask::meant(&cx, id.as_deref()).await?.id;
        let operation = cx.services().operations().apply(&cx, &id).await?;
        answer(&cx, texts::applied(&operation)).await
    }

    /// Lets an operation wait for what is in its way: a lock, a freeze, another operation.
    ///
    /// It begins by itself when the way is free. Of several for one target only the newest waits.
    #[respond(
        r"^queue(?: (?<id>\S+))?$",
        usage = "queue [<id>]",
        example = "queue",
        example = "queue 3f9c2ab01d",
        effect = "control"
    )]
    async fn queue(&self, cx: Context, id: Option<String>) -> Result {
        let id = ask::meant(&cx, id.as_deref()).await?.id;
        let operation = cx.services().operations().queue(&cx, &id).await?;
        answer(&cx, texts::queued(&operation)).await
    }

    /// Stops a running operation at its next safe point, or takes back one that has not begun.
    #[respond(
        r"^(?:cancel|stop)(?: (?<id>\S+))?$",
        usage = "cancel [<id>]",
        example = "cancel",
        example = "cancel 3f9c2ab01d",
        effect = "control"
    )]
    async fn cancel(&self, cx: Context, id: Option<String>) -> Result {
        let id = ask::meant(&cx, id.as_deref()).await?.id;
        let operation = cx.services().operations().cancel(&cx, &id).await?;
        answer(&cx, texts::cancelled(&operation)).await
    }

    /// Holds a running operation at its next safe point.
    #[respond(
        r"^pause(?: (?<id>\S+))?$",
        usage = "pause [<id>]",
        example = "pause",
        example = "pause 3f9c2ab01d",
        effect = "control"
    )]
    async fn pause(&self, cx: Context, id: Option<String>) -> Result {
        let id = ask::meant(&cx, id.as_deref()).await?.id;
        let operation = cx.services().operations().pause(&cx, &id).await?;
        answer(&cx, texts::paused(&operation)).await
    }

    /// Lets a paused operation go on.
    #[respond(
        r"^resume(?: (?<id>\S+))?$",
        usage = "resume [<id>]",
        example = "resume",
        example = "resume 3f9c2ab01d",
        effect = "control"
    )]
    async fn resume(&self, cx: Context, id: Option<String>) -> Result {
        let id = ask::meant(&cx, id.as_deref()).await?.id;
        let operation = cx.services().operations().resume(&cx, &id).await?;
        answer(&cx, texts::resumed(&operation)).await
    }

    /// Says an operation's command once more, as yourself.
    ///
    /// It is planned and decided on anew, with your rights. A reason that it was given comes along, unless you give another.
    #[respond(
        r"^again(?: (?<id>\S+))??(?:,? because (?<reason>.+))?$",
        usage = "again [<id>] [because <reason>]",
        example = "again",
        example = "again 3f9c2ab01d because the registry is back",
        effect = "control"
    )]
    async fn again(&self, cx: Context, id: Option<String>, reason: Option<String>) -> Result {
        again::again(&cx, id.as_deref(), reason).await
    }

    /// Tells how it came to a decision: the rules, the plan, who agreed, each step, and how it ended.
    ///
    /// It works for what was refused, too: the refusal shows the id, and the audit trail does. Of what was no operation it tells
    /// what is recorded.
    #[respond(
        r"^why(?: (?<id>[^\s?]+))?\??$",
        usage = "why [<id>]",
        example = "why",
        example = "why 3f9c2ab01d"
    )]
    async fn why(&self, cx: Context, id: Option<String>) -> Result {
        why::why(&cx, id.as_deref()).await
    }

    /// Lists what is under way or waits, and what ended last.
    #[respond(
        r"^operations?(?: (?:of )?(?<service>\S+?))??(?: in (?<environment>\S+))?$",
        usage = "operations [<service>] [in <environment>]",
        example = "operations",
        example = "operations api in production"
    )]
    async fn list(&self, cx: Context, service: Option<Service>, environment: Option<Environment>) -> Result {
        list::list(&cx, service, environment).await
    }

    /// Reads the audit trail: who did what, when, and what came of it.
    ///
    /// Of a service, an environment, one operation by its id, or one person. In an operation's thread it is that operation's.
    /// The newest stand in the chat, more in a file.
    #[respond(
        r"^audit(?: (?:of )?(?<what>\S+?))??(?: in (?<environment>\S+))?(?: by (?<by>@\S+|me))?(?: last (?<last>\d\S*))?(?: by (?<who>@\S+|me))?$",
        usage = "audit [<what>] [in <environment>] [by <by>] [last <last>]",
        example = "audit",
        example = "audit api in production last 7d",
        example = "audit last 24h by me",
        example = "audit 3f9c2ab01d"
    )]
    async fn audit(
        &self,
        cx: Context,
        what: Option<String>,
        environment: Option<Environment>,
        by: Option<String>,
        last: Option<Last>,
        who: Option<String>,
    ) -> Result {
        // "last 7d by @ann" and "by @ann last 7d" are both said.
        let person = by.or(who);
        trail::audit(&cx, what, environment, person, last).await
    }
}
