//! Which commands a person is told about, and where: what is long goes into the thread, so that it floods nobody.

use crate::texts;
use otus::{
    help::{self, Entry},
    message::{ChannelKind, Via},
    prelude::*,
    suggest,
};
use std::collections::BTreeMap;

/// This many commands are said where the person asked; more go into the thread.
const SHORT: usize = 8;

/// All that this person may say.
pub(crate) async fn everything(cx: &Context) -> Result {
    let mut found = help::entries(cx.services(), cx.author(), "", true).await;
    let all = count(&found);
    for entries in found.values_mut() {
        entries.retain(|entry| entry.denied.is_none());
    }
    found.retain(|_, entries| !entries.is_empty());
    let shown = count(&found);
    tell(cx, texts::everything(&found, all - shown), shown).await
}

/// What there is about some words. They are words, never a pattern.
pub(crate) async fn about(cx: &Context, words: &str) -> Result {
    let found = help::entries(cx.services(), cx.author(), words, true).await;
    let flat: Vec<&Entry> = found.values().flatten().collect();
    let exact: Vec<&Entry> = flat
        .iter()
        .copied()
        .filter(|entry| entry.spec.leading_words().eq_ignore_ascii_case(words))
        .collect();
    match (flat.as_slice(), exact.as_slice()) {
        ([], _) => cx.reply(texts::nothing(words, &near(cx, words).await)).await,
        ([only], _) | (_, [only]) => {
            let others: Vec<_> = flat
                .iter()
                .copied()
                .filter(|entry| entry.spec != only.spec)
                .collect();
            cx.reply(texts::one(only, &others)).await
        }
        _ => tell(cx, texts::some(words, &found), flat.len()).await,
    }
}

/// Names of commands and responders like these words.
async fn near(cx: &Context, words: &str) -> Vec<String> {
    let all = help::entries(cx.services(), cx.author(), "", false).await;
    let mut names: Vec<&str> = all.keys().copied().collect();
    names.extend(all.values().flatten().map(|entry| entry.spec.leading_words()));
    names.sort_unstable();
    names.dedup();
    suggest::nearest(words, names, 3)
        .into_iter()
        .map(str::to_owned)
        .collect()
}

fn count(found: &BTreeMap<&'static str, Vec<Entry>>) -> usize {
    found.values().map(Vec::len).sum()
}

/// Says it here if it is short, else where it floods nobody: in the thread, or, where a slash command left no message
/// to begin a thread with, to the person alone.
async fn tell(cx: &Context, card: Card, commands: usize) -> Result {
    let message = cx.message();
    if commands <= SHORT || message.kind == ChannelKind::Direct {
        cx.reply(card).await
    } else if message.via == Via::Slash {
        cx.whisper(card).await
    } else {
        cx.reply_in_thread(card).await
    }
}
