//! Dice, a coin, and one of several.

mod read;
mod texts;

use otus::prelude::*;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use read::{Throw, one_of};
use std::hash::{BuildHasher as _, RandomState};

/// Chance.
#[derive(Debug, Default, Clone)]
pub struct Dice {
    /// What chance begins with, another in each process.
    salt: RandomState,
}

impl Dice {
    /// Chance for one message: the same however often it is edited, so that nobody edits until the dice please.
    fn chance(&self, cx: &Context) -> StdRng {
        let message = cx.message();
        let which = match &message.id {
            Some(id) => (message.channel.as_str(), id.as_str()),
            None => (message.channel.as_str(), message.event.id.as_str()),
        };
        StdRng::seed_from_u64(self.salt.hash_one(which))
    }
}

/// Dice, a coin, and one of several.
#[responder(name = "dice")]
impl Dice {
    /// Rolls dice.
    ///
    /// Without more it is one die with six sides; `2d6+1` are two, and one more; a number alone is a die with so many sides.
    #[respond(
        r"^roll(?: (?:a |an )?(?<dice>\S+))?$",
        usage = "roll [<dice>]",
        example = "roll",
        example = "roll 2d6+1",
        example = "roll d20"
    )]
    async fn roll(&self, cx: Context, dice: Option<Throw>) -> Result {
        let throw = dice.unwrap_or_default();
        let mut chance = self.chance(&cx);
        let thrown: Vec<u32> = (0..throw.dice)
            .map(|_| chance.random_range(1..=throw.sides))
            .collect();
        cx.reply(texts::rolled(&throw, &thrown)).await
    }

    /// Flips a coin.
    #[respond(r"^flip(?: a coin)?$", usage = "flip", example = "flip a coin")]
    async fn flip(&self, cx: Context) -> Result {
        let heads = self.chance(&cx).random_bool(0.5);
        cx.reply(texts::flipped(heads)).await
    }

    /// Picks one of several.
    #[respond(
        r"^pick (?:one of )?(?<things>.+)$",
        usage = "pick <things>",
        example = "pick Ann, Ben or Carl"
    )]
    async fn pick(&self, cx: Context, things: String) -> Result {
        let things = one_of(&things);
        if things.len() < 2 {
            return Err(texts::one_thing().into());
        }
        let which = self.chance(&cx).random_range(0..things.len());
        cx.reply(texts::picked(&things[which], things.len())).await
    }
}
