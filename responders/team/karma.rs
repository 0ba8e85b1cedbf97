//! Karma: `@ann++ for the fix`, `coffee--`, and who has how much.

mod read;
mod texts;

use crate::kept;
use otus::{
    UserId,
    prelude::*,
    store::{Amended, amend},
};
use read::{Vote, Whom};
use serde::{Deserialize, Serialize};

/// The space of the store that holds it.
const SPACE: &str = "karma";
/// So many reasons are kept for each.
const REASONS: usize = 5;
/// So many events are kept for each, so that one that comes twice counts once.
const SEEN: usize = 20;
/// So many things can have karma; people always can.
const THINGS: usize = 2_000;
/// So many are listed.
const LISTED: usize = 10;

/// Thanks, counted.
#[derive(Debug, Default, Clone, Copy)]
pub struct Karma;

/// What somebody or something has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Score {
    /// The person; none for a thing.
    pub(crate) person: Option<UserId>,
    /// What it is called.
    pub(crate) name: String,
    /// Ups less downs.
    pub(crate) karma: i64,
    /// The last reasons given, the newest last.
    pub(crate) reasons: Vec<Reason>,
    /// The last events that counted.
    seen: Vec<String>,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reason {
    /// Whether for more.
    pub(crate) up: bool,
    /// The words.
    pub(crate) text: String,
}

/// Thanks, counted.
#[responder(name = "karma")]
impl Karma {
    /// Counts `@ann++`, `@ann-- because it rained`; a thing counts when nothing else is said: `coffee++`.
    #[hear(r"(?:\+\+|--)(?:[ \n.,!?]|$)")]
    async fn count(&self, cx: Context) -> Result {
        let votes = read::votes(&cx.message().content);
        let mut lines = Vec::new();
        for vote in &votes {
            if vote.whom == Whom::Person(cx.author().clone()) {
                lines.push(texts::own());
                continue;
            }
            if let Some(score) = give(&cx, vote).await? {
                lines.push(texts::counted(&score, vote));
            }
        }
        match lines.is_empty() {
            true => Ok(()),
            false => cx.reply(lines.join("\n")).await,
        }
    }

    /// Tells who and what has the most karma, or how much somebody has.
    ///
    /// It is given by saying `@ann++` or `@ann-- because …` where I am; a thing by itself: `coffee++`.
    #[respond(
        r"^karma(?: (?:of |for )?(?<whom>.+))?$",
        usage = "karma [<whom>]",
        example = "karma",
        example = "karma coffee"
    )]
    async fn karma(&self, cx: Context, whom: Option<String>) -> Result {
        match whom {
            None => {
                let all = all(cx.services()).await?;
                cx.reply(texts::most(&all, LISTED)).await
            }
            Some(name) => {
                let whom = read::whom(&cx.message().content, &name);
                let found = kept::<Score>(cx.services(), SPACE, &whom.key()).await?;
                let score = found.map(|(score, _)| score).unwrap_or_default();
                cx.reply(texts::one(&whom, &score)).await
            }
        }
    }
}

/// Counts one; nothing when it is one thing too many, or was counted before.
async fn give(cx: &Context, vote: &Vote) -> Result<Option<Score>> {
    let services = cx.services();
    let key = vote.whom.key();
    if matches!(vote.whom, Whom::Thing(_)) {
        let all = services.store().entries(SPACE).await?;
        if all.len() >= THINGS && !all.iter().any(|entry| entry.key == key) {
            return Ok(None);
        }
    }
    let event = cx.message().event.short();
    let mut after = None;
    amend(&**services.store(), SPACE, &key, &[], |before: Option<Score>| {
        let mut score = before.unwrap_or_default();
        after = None;
        if score.seen.contains(&event) {
            // Whoever counted it may not have come to say so.
            after = Some(score);
            return Amended::Stays;
        }
        vote.whom.name(&mut score);
        score.karma = score.karma.saturating_add(if vote.up { 1 } else { -1 });
        score.seen.push(event.clone());
        let old = score.seen.len().saturating_sub(SEEN);
        score.seen.drain(..old);
        if let Some(text) = &vote.reason {
            score.reasons.push(Reason {
                up: vote.up,
                text: text.clone(),
            });
            let old = score.reasons.len().saturating_sub(REASONS);
            score.reasons.drain(..old);
        }
        after = Some(score.clone());
        Amended::Becomes(score)
    })
    .await?;
    Ok(after)
}

/// All, the most first.
async fn all(services: &Services) -> Result<Vec<Score>> {
    let mut all = Vec::new();
    for entry in services.store().entries(SPACE).await? {
        match serde_json::from_value::<Score>(entry.value) {
            Ok(score) => all.push(score),
            // One that cannot be read must not keep the others from being told.
            Err(error) => tracing::error!(%error, key = entry.key, "a karma cannot be read"),
        }
    }
    all.sort_by(|a, b| b.karma.cmp(&a.karma).then_with(|| a.name.cmp(&b.name)));
    Ok(all)
}
