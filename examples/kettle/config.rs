//! Settings: the section of the configuration that has the responder's name.

use otus::prelude::*;
use serde::Deserialize;

/// `[responders.kettle]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How many litres go in.
    pub litres: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { litres: 1.5 }
    }
}

/// A kettle.
pub struct Kettle {
    settings: Settings,
}

impl Configure for Kettle {
    type Config = Settings;

    fn configure(settings: Settings, _: &Setup<'_>) -> Result<Self> {
        if settings.litres <= 0.0 {
            // It begins with the key, so that the line in the file is told.
            user_error!("litres has to be more than nothing");
        }
        Ok(Self { settings })
    }
}

/// Hot water.
#[responder(config = Settings)]
impl Kettle {
    /// Says how much goes in.
    #[respond(r"^kettle$", usage = "kettle")]
    async fn kettle(&self, cx: Context) -> Result {
        cx.reply(format!("{} litres.", self.settings.litres)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_goes_by_its_settings() {
        let settings = Settings { litres: 0.5 };
        let mut room = Room::with(Kettle { settings });
        room.say("ann", "@otus kettle").await;
        room.expect_reply("0.5 litres.").await;
    }
}
