//! How a picture comes to the chat: as a card with buttons for other times, which show it anew in the same message; where the chat has
//! no pictures in cards, as a file.
//!
//! A button's command says all there is to know of its graph and ends in `here`, so that nothing is kept of a message, and a button works
//! after any restart, in any replica, with the rights of who presses it.

use std::time::Duration;

use otus::{ChatError, Via, card, in_place::InPlace, prelude::*};

use crate::{ask::Ask, settings::Settings, texts};

/// The times that are offered.
const RANGES: [u64; 4] = [3_600, 6 * 3_600, 24 * 3_600, 7 * 86_400];
/// A command that is longer is not put on buttons: a card has five of them, and room for 12,000 characters.
const LONGEST_COMMAND: usize = 1_500;
/// How long to wait for a chat that does not show a picture yet that it has just taken: each time one longer.
const NOT_YET: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// Answers with the picture: in place, where that was begun, else in the thread. The key marks the message.
pub(crate) async fn picture(
    cx: &Context,
    place: Option<&InPlace<'_>>,
    settings: &Settings,
    ask: &Ask,
    file: File,
    warnings: &[String],
    key: String,
) -> Result {
    let chat = cx.services().chat();
    let Some(name) = chat.keep(file.clone()).await? else {
        let asked = (cx.message().via != Via::Said).then(|| texts::asked(cx.author(), cx.line()));
        let warned = (!warnings.is_empty()).then(|| texts::warnings(warnings));
        let comment: Vec<String> = asked.into_iter().chain(warned).collect();
        let comment = (!comment.is_empty()).then(|| comment.join("\n"));
        return cx.upload(File { comment, ..file }).await;
    };
    let picture = card::Picture {
        file: name,
        alt: file.alt.clone().unwrap_or_default(),
    };
    let card = shown(settings, ask, picture, warnings);
    let card = match place {
        Some(_) => card.footer(texts::changed(cx.author(), ask)),
        None => card,
    };
    let post = Post::from(card).keyed(key);
    let shown = match place {
        Some(place) => as_soon_as_ready(|| place.show(post.clone())).await?.is_some(),
        None => {
            let shown = as_soon_as_ready(|| cx.reply_in_thread(post.clone())).await?;
            shown.is_some()
        }
    };
    if !shown {
        tracing::warn!("the chat does not show a graph in a card, so it is uploaded as a file");
        cx.upload(file).await?;
    }
    Ok(())
}

/// Says something with a picture that the chat may not be able to show yet: it is tried again until it can be. Nothing comes back when it
/// is refused to the end.
pub(crate) async fn as_soon_as_ready<T, E, F>(say: impl Fn() -> F) -> Result<Option<T>>
where
    F: Future<Output = std::result::Result<T, E>>,
    E: Into<Error>,
{
    let mut pauses = NOT_YET.into_iter();
    loop {
        let error: Error = match say().await {
            Ok(said) => return Ok(Some(said)),
            Err(error) => error.into(),
        };
        if !matches!(error.downcast_ref(), Some(ChatError::Refused(_))) {
            return Err(error);
        }
        match pauses.next() {
            Some(pause) => tokio::time::sleep(pause).await,
            None => {
                tracing::warn!(%error, "a message with a picture is refused");
                return Ok(None);
            }
        }
    }
}

/// The card around a picture.
fn shown(settings: &Settings, ask: &Ask, picture: card::Picture, warnings: &[String]) -> Card {
    let card = Card::new(Tone::Neutral, texts::card_title(ask));
    let card = match warnings {
        [] => card,
        warnings => card.text(texts::warnings(warnings)),
    };
    buttons(settings, ask)
        .into_iter()
        .fold(card.picture(picture), Card::button)
}

/// The other times one can look at; what is shown now stands out.
fn buttons(settings: &Settings, ask: &Ask) -> Vec<Button> {
    let here = |command: String| format!("{command} here");
    let ranges = RANGES.map(Duration::from_secs).into_iter();
    let mut all: Vec<Button> = ranges
        .filter(|range| *range <= settings.longest)
        .map(|range| {
            let button = Button::new(texts::range(range), here(ask.over(range)));
            match ask.end.is_none() && ask.range == range {
                true => button.primary(),
                false => button,
            }
        })
        .collect();
    if ask.parts().iter().any(|part| part.form().is_over_time()) {
        let is_beside = ask.manner.last_week;
        let command = here(ask.beside_last_week(!is_beside));
        all.push(Button::new(texts::last_week_button(is_beside), command));
    }
    match all.iter().any(|button| button.command.len() > LONGEST_COMMAND) {
        true => Vec::new(),
        false => all,
    }
}
