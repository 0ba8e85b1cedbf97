//! Purpose: who may do what, as far as people talk about it: locks, the broken glass, freezes, and who can.
//!
//! What decides stands in core's policy; here people put things in the way, take them away, and ask.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod can;
mod glass;
mod length;
mod lock;
mod meant;
mod names;
mod texts;
mod unlock;
mod watch;

use crate::{length::Length, meant::Lockable};
use otus::{
    Services,
    operations::Action,
    policy::{self, Waiting},
    prelude::*,
};
use std::sync::Arc;

/// Locks, freezes, the broken glass, and who may do what.
#[derive(Debug, Default, Clone, Copy)]
pub struct Policies;

/// Locks, freezes, the broken glass, and who may do what.
#[responder(name = "policy")]
impl Policies {
    /// Locks a service, an environment, or a service in one environment: nobody else changes it.
    ///
    /// Without a time it stays locked until somebody unlocks it. Say why at the end: `because <reason>`. Who is held up by it reads
    /// that.
    #[respond(
        r"^lock (?<what>\S+)(?: in (?<environment>\S+))?(?: for (?<length>\d+ ?[a-z]+(?: ?\d+ ?[a-z]+)*))?$",
        usage = "lock <what> [in <environment>] [for <length>]",
        example = "lock api",
        example = "lock api in production for 2h",
        effect = "operation"
    )]
    async fn lock(
        &self,
        cx: Context,
        what: Lockable,
        environment: Option<Environment>,
        length: Option<Length>,
    ) -> Result {
        let target = meant::target(what, environment)?;
        lock::propose(&cx, target, length).await
    }

    /// Takes a lock away.
    ///
    /// One of somebody else's only as holder of the role that may, and with a reason: `because <reason>` at the end.
    #[respond(
        r"^unlock (?<what>\S+)(?: in (?<environment>\S+))?$",
        usage = "unlock <what> [in <environment>]",
        example = "unlock api in production",
        effect = "operation"
    )]
    async fn unlock(&self, cx: Context, what: Lockable, environment: Option<Environment>) -> Result {
        let target = meant::target(what, environment)?;
        unlock::propose(&cx, target).await
    }

    /// Says what is locked: by whom, why, since when and until when.
    #[respond(r"^locks$", usage = "locks")]
    async fn locks(&self, cx: Context) -> Result {
        let services = cx.services();
        let now = services.store().now().await?;
        let locks = policy::locks(services).await?;
        cx.reply(texts::locks(&locks, now)).await
    }

    /// Tells you when a lock is gone.
    #[respond(
        r"^tell me when (?<what>\S+)(?: in (?<environment>\S+))? opens$",
        usage = "tell me when <what> [in <environment>] opens",
        example = "tell me when api in production opens",
        effect = "control"
    )]
    async fn tell_me(&self, cx: Context, what: Lockable, environment: Option<Environment>) -> Result {
        let target = meant::target(what, environment)?;
        let waiting = Waiting {
            user: cx.author().clone(),
            channel: cx.message().channel.clone(),
            thread: cx.message().thread.clone(),
        };
        let services = cx.services();
        let now = services.store().now().await?;
        let locks = policy::wait_for(services, &target.target(), &waiting).await?;
        let freezes = &services.policy().freezes;
        cx.reply(texts::will_tell(&target, &locks, freezes, now)).await
    }

    /// Breaks the glass: for a while, locks, freezes and approvals do not hold you up.
    ///
    /// Everybody is told, everything is recorded, and it ends by itself. Roles are asked for as ever. Say why at the end: `because
    /// <reason>`.
    #[respond(
        r"^break glass(?: for (?<length>\d+ ?[a-z]+(?: ?\d+ ?[a-z]+)*))?$",
        usage = "break glass [for <length>]",
        example = "break glass for 20 min",
        effect = "control"
    )]
    async fn break_glass(&self, cx: Context, length: Option<Length>) -> Result {
        glass::shatter(&cx, length).await
    }

    /// Seals the glass before its time: yours, or somebody else's.
    #[respond(
        r"^seal glass(?: of @(?<person>\S+))?$",
        usage = "seal glass [of @<person>]",
        example = "seal glass of @ann",
        effect = "control"
    )]
    async fn seal_glass(&self, cx: Context, person: Option<String>) -> Result {
        glass::seal(&cx, person.map(Into::into)).await
    }

    /// Says what is frozen now, and what next.
    #[respond(r"^freezes$", usage = "freezes")]
    async fn freezes(&self, cx: Context) -> Result {
        let services = cx.services();
        let now = services.store().now().await?;
        cx.reply(texts::freezes(&services.policy().freezes, now)).await
    }

    /// Says who may do something, what it takes, and what is in the way right now.
    #[respond(
        r"^who can (?<what>[^?]+?)\??$",
        usage = "who can <what>",
        example = "who can deploy api to production"
    )]
    async fn who_can(&self, cx: Context, what: String) -> Result {
        can::who(&cx, &what).await
    }

    /// Says whether somebody may do something, and how that comes.
    #[respond(
        r"^can (?:@(?<person>\S+)|i) (?<what>[^?]+?)\??$",
        usage = "can @<person>|i <what>",
        example = "can @ann deploy api to production",
        example = "can i deploy api"
    )]
    async fn can(&self, cx: Context, person: Option<String>, what: String) -> Result {
        can::somebody(&cx, person.map(Into::into), &what).await
    }

    /// What this can do to the world.
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(lock::Locks), Arc::new(unlock::Unlocks)]
    }

    /// Tells when locks open, and when the glass is whole again.
    #[start]
    async fn start(&self, services: Services) -> Result {
        watch::watch(&services).await;
        Ok(())
    }
}
