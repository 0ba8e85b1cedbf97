//! What every robot can do: answer a ping, say something back, ship it, say who it is, and tell what one can say.
//!
//! Nothing here changes anything or leaves the chat.

mod help;
mod texts;

use otus::prelude::*;

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
