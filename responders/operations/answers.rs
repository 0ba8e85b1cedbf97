//! Where an answer goes, so that it is seen by who asked and floods nobody else.

use otus::{message::Via, prelude::*};

/// A short answer: where it was said; in the thread of the card whose button was pressed.
pub(crate) async fn answer(cx: &Context, text: String) -> Result {
    match cx.message().via {
        Via::Button { .. } => cx.reply_in_thread(text).await,
        _ => cx.reply(text).await,
    }
}

/// So many lines are said where the person asked; more go into the thread.
const SHORT: usize = 14;

/// A card that may be long.
pub(crate) async fn tell(cx: &Context, card: Card) -> Result {
    if Post::from(card.clone()).plain().lines().count() > SHORT {
        cx.reply_in_thread(card).await
    } else {
        answer_card(cx, card).await
    }
}

async fn answer_card(cx: &Context, card: Card) -> Result {
    match cx.message().via {
        Via::Button { .. } => cx.reply_in_thread(card).await,
        _ => cx.reply(card).await,
    }
}
