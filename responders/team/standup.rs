//! Standups: everybody says in a form what was done, what is next and what is in the way; one message shows it all.

mod settings;
mod texts;

use crate::{kept, show};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use otus::{
    MessageRef, UserId,
    prelude::*,
    store::{Amended, amend},
};
use serde::{Deserialize, Serialize};
pub use settings::Settings;

/// The space of the store that holds the last one of each channel.
const SPACE: &str = "standups";
/// The longest that one says of a thing, in characters.
const LONGEST: usize = 500;
/// So many take part.
const MOST: usize = 60;
/// How often a message is brought up to date while others say something at the same time.
const ROUNDS: usize = 8;

/// Standups.
#[derive(Debug, Default, Clone)]
pub struct Standups {
    settings: Settings,
}

impl Standups {
    /// With these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

impl Configure for Standups {
    type Config = Settings;

    fn configure(settings: Settings, _: &Setup<'_>) -> Result<Self> {
        Ok(Self::new(settings))
    }
}

/// The standup of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standup {
    /// The day.
    pub(crate) day: Date,
    /// Who is asked to say something; nobody in particular where the configuration names nobody.
    pub(crate) people: Vec<UserId>,
    /// What was said, in order.
    pub(crate) said: Vec<Turn>,
    /// Its message.
    card: Option<MessageRef>,
}

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Turn {
    /// Who.
    pub(crate) who: UserId,
    /// What was done.
    pub(crate) done: String,
    /// What is next.
    pub(crate) next: String,
    /// What is in the way.
    pub(crate) blocked: Option<String>,
    /// When.
    pub(crate) at: Timestamp,
}

impl Standup {
    /// Who has not said anything yet.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &UserId> {
        self.people
            .iter()
            .filter(|who| self.said.iter().all(|turn| turn.who != **who))
    }

    fn says(&mut self, turn: Turn) -> bool {
        let full = self.said.len() >= MOST;
        match self.said.iter_mut().find(|said| said.who == turn.who) {
            Some(said) => *said = turn,
            None if full => return false,
            None => self.said.push(turn),
        }
        true
    }
}

/// Standups.
#[responder(name = "standup", config = Settings)]
impl Standups {
    /// Begins today's standup here, or brings it down to where you are.
    ///
    /// Everybody says theirs by the button. `every weekday at 9:30 standup` begins it by itself.
    #[respond(r"^standup$", usage = "standup", effect = "control")]
    async fn standup(&self, cx: Context) -> Result {
        let day = self.today(&cx).await?;
        let mut standup = match of(&cx, day).await? {
            Some(standup) => standup,
            None => self.begin(&cx, day).await?,
        };
        let old = standup.card.take();
        let live = cx.live(texts::card(&standup)).await?;
        let card = live.message().clone();
        keep(&cx, day, &standup, |standup| {
            standup.card = Some(card.clone());
            true
        })
        .await?;
        // What stood further up says so, and has no buttons that would change another message.
        if let Some(old) = old.filter(|old| *old != card) {
            show(cx.services(), &old, texts::moved(day)).await?;
        }
        Ok(())
    }

    /// Says your part of the standup: what is done, what is next, what is in the way.
    #[respond(
        r"^standup update (?<done>(?s:.+?)); next: (?<next>(?s:.+?))(?:; blocked: (?<blocked>(?s:.+)))?$",
        usage = "standup update <done>; next: <next>[; blocked: <blocked>]",
        example = "standup update the new cart; next: its flag; blocked: no review yet",
        effect = "control"
    )]
    async fn update(&self, cx: Context, done: String, next: String, blocked: Option<String>) -> Result {
        for text in [Some(&done), Some(&next), blocked.as_ref()].into_iter().flatten() {
            if text.chars().count() > LONGEST {
                return Err(texts::too_long(text.chars().count(), LONGEST).into());
            }
        }
        let day = self.today(&cx).await?;
        let turn = Turn {
            who: cx.author().clone(),
            done,
            next,
            blocked,
            at: cx.services().store().now().await?,
        };
        let begun = match of(&cx, day).await? {
            Some(standup) => standup,
            None => self.begin(&cx, day).await?,
        };
        let mut full = false;
        let standup = keep(&cx, day, &begun, |standup| {
            full = !standup.says(turn.clone());
            !full
        })
        .await?;
        if full {
            return Err(texts::full(MOST).into());
        }
        if bring_up_to_date(&cx, day).await? {
            return cx.whisper(texts::thanks(&standup)).await;
        }
        // There is no message yet, or none any more.
        let live = cx.live(texts::card(&standup)).await?;
        let card = live.message().clone();
        keep(&cx, day, &standup, |standup| {
            standup.card = Some(card.clone());
            true
        })
        .await?;
        Ok(())
    }
}

impl Standups {
    /// The day in the zone of the standup.
    async fn today(&self, cx: &Context) -> Result<Date> {
        let now = cx.services().store().now().await?;
        let theirs = cx.person().await.zone;
        let zone = self
            .settings
            .zone
            .clone()
            .or_else(|| theirs.and_then(|name| TimeZone::get(&name).ok()))
            .unwrap_or(TimeZone::UTC);
        Ok(now.to_zoned(zone).date())
    }

    async fn begin(&self, cx: &Context, day: Date) -> Result<Standup> {
        let channel = &cx.message().channel;
        // Only where people are named is the channel's name needed.
        let name = match self.settings.channels.keys().any(|key| key.starts_with('#')) {
            true => cx.services().chat().channel_name(channel).await.ok(),
            false => None,
        };
        Ok(Standup {
            day,
            people: self.settings.people(channel, name.as_deref()).to_vec(),
            said: Vec::new(),
            card: None,
        })
    }
}

/// This channel's standup of the day.
async fn of(cx: &Context, day: Date) -> Result<Option<Standup>> {
    let found = kept::<Standup>(cx.services(), SPACE, cx.message().channel.as_str()).await?;
    Ok(found
        .map(|(standup, _)| standup)
        .filter(|standup| standup.day == day))
}

/// Changes this channel's standup of the day, which begins as `begun` when there is none yet; as it is then.
async fn keep(
    cx: &Context,
    day: Date,
    begun: &Standup,
    mut change: impl FnMut(&mut Standup) -> bool,
) -> Result<Standup> {
    let mut after = begun.clone();
    let key = cx.message().channel.as_str();
    amend(
        &**cx.services().store(),
        SPACE,
        key,
        &[],
        |before: Option<Standup>| {
            let today = before.filter(|standup| standup.day == day);
            let mut standup = today.unwrap_or_else(|| begun.clone());
            let changed = change(&mut standup);
            after = standup.clone();
            match changed {
                true => Amended::Becomes(standup),
                false => Amended::Stays,
            }
        },
    )
    .await?;
    Ok(after)
}

/// Shows it as it is now. Answers whether it has a message that shows it.
async fn bring_up_to_date(cx: &Context, day: Date) -> Result<bool> {
    let services = cx.services();
    let mut shown = None;
    for _ in 0..ROUNDS {
        let found = kept::<Standup>(services, SPACE, cx.message().channel.as_str()).await?;
        let Some((standup, revision)) = found.filter(|(standup, _)| standup.day == day) else {
            return Ok(false);
        };
        if shown == Some(revision) {
            return Ok(true);
        }
        let Some(card) = &standup.card else {
            return Ok(false);
        };
        if !show(services, card, texts::card(&standup)).await? {
            return Ok(false);
        }
        shown = Some(revision);
    }
    Ok(true)
}
