//! Which group somebody means: by the beginning of its id, or by the thread it is said in.

use otus::{Context, Result, UserError, message::Via};

use crate::{desk::Notes, group::Group, keep, texts};

/// The group of this id, or of this thread.
pub(crate) async fn meant(cx: &Context, id: Option<&str>) -> Result<Group> {
    let all = keep::all(cx.services()).await?;
    let Some(id) = id else {
        return match of_thread(cx).await? {
            Some(id) => all
                .into_iter()
                .find(|group| group.id == id)
                .ok_or_else(|| texts::forgotten().into()),
            None => Err(texts::which().into()),
        };
    };
    let mut found: Vec<Group> = all.into_iter().filter(|group| group.id.starts_with(id)).collect();
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(texts::unknown(id).into()),
        _ => Err(UserError::new(texts::ambiguous(id, &found)).into()),
    }
}

async fn of_thread(cx: &Context) -> Result<Option<String>> {
    let message = cx.message();
    let pressed = match &message.via {
        Via::Button { message } => message.as_ref().map(|message| message.id.clone()),
        _ => None,
    };
    let Some(thread) = message.thread.clone().or(pressed) else {
        return Ok(None);
    };
    let told = keep::messages(cx.services()).all().await?;
    let mut told = told.into_iter().filter_map(|standing| {
        let notes: Notes = serde_json::from_value(standing.notes).ok()?;
        Some((standing.key, notes.message?))
    });
    let found = told.find(|(_, shown)| shown.channel == message.channel && shown.id == thread);
    Ok(found.and_then(|(key, _)| Some(keep::read_key(&key)?.0.to_owned())))
}
