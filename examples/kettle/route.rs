//! An HTTP route: what other programs tell the responder.

use otus::{
    ChannelId, Place, Urgency,
    prelude::*,
    web::{Answer, Request, Route},
};
use serde::Deserialize;

/// `[responders.kettle]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who sends has to know it.
    pub token: String,
    /// The id of the channel that hears of it.
    pub channel: String,
}

/// A kettle.
pub struct Kettle {
    settings: Settings,
}

impl Configure for Kettle {
    type Config = Settings;

    fn configure(settings: Settings, _: &Setup<'_>) -> Result<Self> {
        Ok(Self { settings })
    }
}

/// Hot water.
#[responder(config = Settings)]
impl Kettle {
    #[routes]
    fn routes(&self) -> Vec<Route> {
        let settings = self.settings.clone();
        vec![Route::new(
            "POST",
            "/hooks/kettle/empty",
            move |services, request| empty(settings.clone(), services, request),
        )]
    }

    /// Says where it tells.
    #[respond(r"^kettle$", usage = "kettle")]
    async fn kettle(&self, cx: Context) -> Result {
        cx.reply(format!("I tell <#{}> when I am empty.", self.settings.channel))
            .await
    }
}

async fn empty(settings: Settings, services: Services, request: Request) -> Result<Answer> {
    let said = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("x-kettle-token"));
    if said.is_none_or(|(_, token)| token.as_slice() != settings.token.as_bytes()) {
        return Ok(Answer::new(401, "who are you?\n"));
    }
    let place = Place::channel(ChannelId::new(settings.channel));
    services
        .chat()
        .post(&place, &"The kettle is empty.".into(), Urgency::Answer)
        .await?;
    Ok(Answer::new(202, "told\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_knows_the_token_is_heard() {
        let settings = Settings {
            token: "hush".into(),
            channel: "C0KITCHEN".into(),
        };
        let mut room = Room::with(Kettle { settings });
        let request = || Request::new("POST", "/hooks/kettle/empty", "");
        assert_eq!(room.robot().serve(request()).await.status, 401);
        let answer = room
            .robot()
            .serve(request().header("X-Kettle-Token", "hush"))
            .await;
        assert_eq!(answer.status, 202);
        room.expect_reply("The kettle is empty.").await;
    }
}
