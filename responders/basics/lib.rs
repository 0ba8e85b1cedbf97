//! What every robot can do: answer a ping, say something back, ship it, say who it is, tell what one can say, and switch
//! its responders off and on.
//!
//! Nothing here leaves the chat.

mod help;
mod switches;
mod texts;

use otus::prelude::*;
use switches::Named;

/// Knock, knock.
#[derive(Debug, Default, Clone, Copy)]
pub struct Basics;

/// Knock, knock.
#[responder]
impl Basics {
    /// Answers pong.
    #[respond(r"^ping$", usage = "ping")]
    async fn ping(&self, cx: Context) -> Result {
        cx.reply("pong").await
    }

    /// Says it back.
    #[respond(r"^echo (?<text>.+)$", usage = "echo <text>", example = "echo hello")]
    async fn echo(&self, cx: Context, text: String) -> Result {
        cx.reply(text).await
    }

    /// Ships it.
    #[hear(r"(?i)\bship ?it\b")]
    async fn squirrel(&self, cx: Context) -> Result {
        cx.react("shipit").await
    }

    /// Tells what you can say to me, or what I know about some words.
    ///
    /// The words are looked for in how commands are said, in what they do and in their examples. What you may not say is
    /// shown with the reason when you look for it, and left out otherwise.
    #[respond(
        r"^help(?: (?<words>.+))?$",
        usage = "help [<words>]",
        example = "help",
        example = "help ping"
    )]
    async fn help(&self, cx: Context, words: Option<String>) -> Result {
        match words {
            None => help::everything(&cx).await,
            Some(words) => help::about(&cx, &words).await,
        }
    }

    /// Tells how the responders are doing.
    ///
    /// Which are on, how often they answered and failed, and how fast they are. The counts are of the replica that answers, since it was started.
    #[respond(r"^responders$", usage = "responders")]
    async fn responders(&self, cx: Context) -> Result {
        switches::list(&cx).await
    }

    /// Switches a responder off.
    ///
    /// Its commands are refused until it is enabled again. What it began goes on, and what steers that can still be said: nobody is kept from approving or cancelling.
    #[respond(
        r"^disable (?<responder>\S+?)(?:,? because (?<reason>.+))?$",
        usage = "disable <responder> [because <reason>]",
        example = "disable graphs because Prometheus is being moved",
        effect = "control"
    )]
    async fn disable(&self, cx: Context, responder: Named, reason: Option<String>) -> Result {
        switches::disable(&cx, &responder.0, reason).await
    }

    /// Switches a responder on again.
    ///
    /// One that somebody disabled, or that I switched off because it kept failing.
    #[respond(
        r"^enable (?<responder>\S+)$",
        usage = "enable <responder>",
        example = "enable graphs",
        effect = "control"
    )]
    async fn enable(&self, cx: Context, responder: Named) -> Result {
        switches::enable(&cx, &responder.0).await
    }

    /// Says who I am and how to talk to me.
    #[respond(r"^who are you\??$", usage = "who are you")]
    async fn who(&self, cx: Context) -> Result {
        let services = cx.services();
        let commands = services
            .commands()
            .iter()
            .filter(|spec| spec.usage.is_some())
            .count();
        cx.reply(texts::who(services.name(), VERSION, commands)).await
    }

    /// Says which version of me this is.
    #[respond(r"^version$", usage = "version")]
    async fn version(&self, cx: Context) -> Result {
        cx.reply(texts::version(cx.services().name(), VERSION)).await
    }
}

/// The house has one version.
const VERSION: &str = env!("CARGO_PKG_VERSION");
