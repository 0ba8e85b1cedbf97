//! The first step: something to say, and an answer.

use otus::prelude::*;

/// A kettle.
#[derive(Default)]
pub struct Kettle;

/// Hot water.
#[responder]
impl Kettle {
    /// Says whether it is there.
    #[respond(r"^kettle$", usage = "kettle")]
    async fn kettle(&self, cx: Context) -> Result {
        cx.reply("Here, and full.").await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_answers() {
        let mut room = Room::with(Kettle);
        room.say("ann", "@otus kettle").await;
        room.expect_reply("Here, and full.").await;
    }
}
