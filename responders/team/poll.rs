//! Polls: a question with buttons, counted in the message itself.

mod read;
mod texts;

use crate::{kept, show};
use jiff::{SignedDuration, Timestamp};
use otus::{
    MessageRef, UserId,
    prelude::*,
    store::{Amended, amend},
};
use read::Asked;
use serde::{Deserialize, Serialize};

/// The space of the store that holds them.
const SPACE: &str = "polls";
/// Older polls are forgotten when a new one begins: their messages stay as they are.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 60);
/// How often a message is brought up to date while others vote at the same time.
const ROUNDS: usize = 8;

/// Polls.
#[derive(Debug, Default, Clone, Copy)]
pub struct Polls;

/// A poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Poll {
    /// Its short name, which its buttons carry.
    pub(crate) id: String,
    /// What is asked.
    pub(crate) question: String,
    /// What there is to choose from.
    pub(crate) options: Vec<String>,
    /// Who chose which, in the order they first did.
    pub(crate) votes: Vec<(UserId, usize)>,
    /// Who asked.
    pub(crate) by: UserId,
    /// When.
    pub(crate) began: Timestamp,
    /// Who ended it.
    pub(crate) ended: Option<UserId>,
    /// Its message.
    card: Option<MessageRef>,
}

impl Poll {
    /// How many chose an option.
    pub(crate) fn count(&self, option: usize) -> usize {
        self.votes.iter().filter(|(_, chosen)| *chosen == option).count()
    }

    /// Somebody chooses, or chooses otherwise.
    fn vote(&mut self, who: &UserId, option: usize) {
        match self.votes.iter_mut().find(|(voter, _)| voter == who) {
            Some((_, chosen)) => *chosen = option,
            None => self.votes.push((who.clone(), option)),
        }
    }
}

/// Polls.
#[responder(name = "polls")]
impl Polls {
    /// Asks everybody something, with buttons to answer.
    ///
    /// Everyone has one vote and can change it until the poll is ended. Without things to choose from it is yes or no.
    #[respond(
        r"^poll (?<question>(?s:.+))$",
        usage = "poll <question>",
        example = "poll Where do we eat? Pizza, Thai or the canteen",
        example = "poll Shall we freeze on Friday?",
        example = "poll Name of the service | otus | strix | tyto",
        effect = "control"
    )]
    async fn poll(&self, cx: Context, question: String) -> Result {
        let Asked { question, options } = read::asked(&question).map_err(texts::unclear)?;
        let services = cx.services();
        let now = services.store().now().await?;
        forget(services, now).await?;
        let poll = Poll {
            // The same when it comes twice.
            id: cx.message().event.short(),
            question,
            options,
            votes: Vec::new(),
            by: cx.author().clone(),
            began: now,
            ended: None,
            card: None,
        };
        let live = cx.live(texts::card(&poll)).await?;
        let card = live.message().clone();
        amend(
            &**services.store(),
            SPACE,
            &poll.id,
            &[],
            |before: Option<Poll>| {
                let mut poll = before.unwrap_or_else(|| poll.clone());
                poll.card = Some(card.clone());
                Amended::Becomes(poll)
            },
        )
        .await?;
        Ok(())
    }

    /// Votes in a poll; its buttons say this.
    #[respond(
        r"^vote (?<poll>[0-9a-f]{4,16}) for (?<option>\d{1,2})$",
        usage = "vote <poll> for <option>",
        example = "vote 3f2a1c9d0e for 2",
        effect = "control"
    )]
    async fn vote(&self, cx: Context, poll: String, option: usize) -> Result {
        let (who, mut fault) = (cx.author().clone(), None);
        let voted = change(cx.services(), &poll, |poll| {
            fault = match () {
                () if poll.ended.is_some() => Some(texts::over(poll)),
                () if option == 0 || option > poll.options.len() => Some(texts::no_option(poll, option)),
                () => None,
            };
            if fault.is_none() {
                poll.vote(&who, option - 1);
            }
            fault.is_none()
        })
        .await?;
        if let Some(fault) = fault {
            return Err(fault.into());
        }
        match voted {
            None => Err(texts::no_poll(&poll).into()),
            Some(poll) => cx.whisper(texts::voted(&poll, option - 1)).await,
        }
    }

    /// Ends a poll: who asked can. The result stays.
    #[respond(
        r"^end poll (?<poll>[0-9a-f]{4,16})$",
        usage = "end poll <poll>",
        example = "end poll 3f2a1c9d0e",
        effect = "control"
    )]
    async fn end(&self, cx: Context, poll: String) -> Result {
        let (who, mut fault) = (cx.author().clone(), None);
        let ended = change(cx.services(), &poll, |poll| {
            fault = match () {
                () if poll.ended.is_some() => Some(texts::over(poll)),
                () if poll.by != who => Some(texts::not_yours(poll)),
                () => None,
            };
            if fault.is_none() {
                poll.ended = Some(who.clone());
            }
            fault.is_none()
        })
        .await?;
        if let Some(fault) = fault {
            return Err(fault.into());
        }
        match ended {
            None => Err(texts::no_poll(&poll).into()),
            Some(poll) => cx.reply(texts::result(&poll)).await,
        }
    }
}

/// Changes a poll and shows it as it is then; nothing when there is none.
async fn change(
    services: &Services,
    id: &str,
    mut change: impl FnMut(&mut Poll) -> bool,
) -> Result<Option<Poll>> {
    amend(&**services.store(), SPACE, id, &[], |before: Option<Poll>| {
        let Some(mut poll) = before else {
            return Amended::Stays;
        };
        match change(&mut poll) {
            true => Amended::Becomes(poll),
            false => Amended::Stays,
        }
    })
    .await?;
    let mut shown = None;
    // Two who vote at once each show what they know; whoever is last shows all.
    for _ in 0..ROUNDS {
        let Some((poll, revision)) = kept::<Poll>(services, SPACE, id).await? else {
            return Ok(None);
        };
        if shown == Some(revision) {
            return Ok(Some(poll));
        }
        if let Some(card) = &poll.card {
            show(services, card, texts::card(&poll)).await?;
        }
        shown = Some(revision);
    }
    Ok(kept(services, SPACE, id).await?.map(|(poll, _)| poll))
}

/// Forgets polls of long ago.
async fn forget(services: &Services, now: Timestamp) -> Result {
    for entry in services.store().entries(SPACE).await? {
        let old = match serde_json::from_value::<Poll>(entry.value) {
            Ok(poll) => now.duration_since(poll.began) > KEPT,
            Err(_) => false,
        };
        if old {
            // Somebody who votes at this very moment keeps it for another day.
            services
                .store()
                .swap(SPACE, &entry.key, entry.revision, None, &[])
                .await?;
        }
    }
    Ok(())
}
