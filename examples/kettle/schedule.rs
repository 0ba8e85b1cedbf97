//! A schedule: something done now and then, for as long as the robot runs.

use otus::{ChannelId, Place, Urgency, prelude::*};
use serde_json::json;
use std::time::Duration;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// A kettle.
#[derive(Default)]
pub struct Kettle;

/// Hot water.
#[responder]
impl Kettle {
    /// Says when it looks.
    #[respond(r"^kettle$", usage = "kettle")]
    async fn kettle(&self, cx: Context) -> Result {
        cx.reply("I look every hour whether I want descaling.").await
    }

    // Runs beside everything else, on every replica.
    #[start]
    async fn start(&self, services: Services) -> Result {
        let mut hours = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                _ = hours.tick() => look(&services).await?,
                () = services.stopping().cancelled() => return Ok(()),
            }
        }
    }
}

/// Of several replicas one tells, once a day: whoever writes the day down first.
async fn look(services: &Services) -> Result {
    let store = services.store();
    let today = store.now().await?.strftime("%Y-%m-%d").to_string();
    if store.swap("kettle", &today, 0, Some(&json!(true)), &[]).await? {
        let place = Place::channel(ChannelId::new("C0KITCHEN"));
        let post = "I want descaling.".into();
        services.chat().post(&place, &post, Urgency::Answer).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_tells_once_a_day() {
        let mut room = Room::with(Kettle);
        room.robot().start();
        room.expect_reply("I want descaling.").await;
        look(room.robot().services()).await.unwrap();
        room.say("ann", "@otus kettle").await;
        room.expect_reply("I look every hour whether I want descaling.")
            .await;
    }
}
