//! Rights: a role, and what saying the command does to the world.

use otus::prelude::*;

/// A kettle.
#[derive(Default)]
pub struct Kettle;

/// Hot water.
#[responder]
impl Kettle {
    /// Takes the scale off. Nobody should drink from it meanwhile.
    #[respond(r"^descale$", usage = "descale", role = "barista", effect = "changes")]
    async fn descale(&self, cx: Context) -> Result {
        cx.reply("Descaling. Don't drink from it.").await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_barista_may() {
        let mut room = Room::builder().responder(Kettle).role("barista", &["ann"]).open();
        room.say("bob", "@otus descale").await;
        let refused = room.answer().await.plain();
        assert!(refused.contains("it asks for the role `barista`"), "{refused}");
        room.say("ann", "@otus descale").await;
        room.expect_reply("Descaling. Don't drink from it.").await;
    }
}
