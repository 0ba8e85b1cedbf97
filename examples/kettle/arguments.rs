//! Arguments: groups of the pattern, each with a type that reads it.

use otus::prelude::*;
use std::str::FromStr;

/// How much: `2 cups`.
#[derive(Debug, Clone, Copy)]
pub struct Cups(u8);

impl FromStr for Cups {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(cups @ 1..=8) => Ok(Self(cups)),
            _ => Err("1 to 8 cups go in".into()),
        }
    }
}

/// What can be brewed. A type whose values are known answers an unknown one with the near ones, and offers them in forms.
#[derive(Debug, Clone, Copy)]
pub struct Tea(&'static str);

impl Known for Tea {
    const WHAT: &'static str = "tea";

    fn find(raw: &str, _: &Services) -> Option<Self> {
        ["assam", "mint", "rooibos"]
            .into_iter()
            .find(|tea| tea.eq_ignore_ascii_case(raw))
            .map(Self)
    }

    fn candidates(_: &Services) -> Vec<String> {
        vec!["assam".into(), "mint".into(), "rooibos".into()]
    }
}

/// A kettle.
#[derive(Default)]
pub struct Kettle;

/// Hot water.
#[responder]
impl Kettle {
    /// Brews tea.
    ///
    /// Without a number it is two cups.
    #[respond(
        r"^brew (?<tea>\S+)(?: for (?<cups>\S+))?$",
        usage = "brew <tea> [for <cups>]",
        example = "brew mint",
        example = "brew assam for 4"
    )]
    async fn brew(&self, cx: Context, tea: Tea, cups: Option<Cups>) -> Result {
        let Cups(cups) = cups.unwrap_or(Cups(2));
        cx.reply(format!("{cups} cups of {} in four minutes.", tea.0))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn arguments_are_read_or_told_what_is_wrong_with_them() {
        let mut room = Room::with(Kettle);
        room.say("ann", "@otus brew Mint for 4").await;
        room.expect_reply("4 cups of mint in four minutes.").await;
        room.say("ann", "@otus brew mint for 40").await;
        room.expect_reply("`40` is no good as <cups>: 1 to 8 cups go in.")
            .await;
        room.say("ann", "@otus brew mnit").await;
        let answer = room.answer().await.plain();
        assert!(answer.contains("Did you mean `mint`?"), "{answer}");
    }

    #[tokio::test]
    async fn what_is_missing_is_asked_for() {
        let mut room = Room::with(Kettle);
        room.say("ann", "@otus brew").await;
        let form = room.answer().await.plain();
        assert!(form.contains("tea: assam | mint | rooibos"), "{form}");
    }
}
