//! What people do on the page: talk, press, choose, react, fill in forms, look at pictures, cause trouble.

use crate::Page;
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use otus_emulators::slack::{InteractionId, Outcome, Refused, Ts};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Slack tells a person after three seconds that the app did not answer; the emulator does so by itself.
const ANSWERED: Duration = Duration::from_secs(10);

/// The body of every act; each reads what it needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Said {
    user: String,
    channel: String,
    text: String,
    thread: Option<Ts>,
    ts: Option<Ts>,
    name: String,
    remove: bool,
    element: String,
    choice: Option<Value>,
    values: Value,
    id: String,
}

/// 422 with the reason, for the person.
fn refuse(why: impl ToString) -> Response {
    let why = json!({ "error": why.to_string() });
    (StatusCode::UNPROCESSABLE_ENTITY, Json(why)).into_response()
}

/// `POST /api/<verb>`
pub(crate) async fn act(
    State(page): State<Arc<Page>>,
    Path(verb): Path<String>,
    Json(said): Json<Said>,
) -> Response {
    match done(&page, &verb, said).await {
        Ok(answer) => Json(answer).into_response(),
        Err(why) => refuse(why),
    }
}

async fn done(page: &Page, verb: &str, said: Said) -> Result<Value, String> {
    let slack = &page.slack;
    let why = |refused: Refused| refused.to_string();
    let message = || said.ts.ok_or_else(|| "no message is named".to_owned());
    match verb {
        "say" => {
            if let Some(words) = slash(&said.text) {
                let id = slack
                    .slash(&said.user, &said.channel, "/otus", words)
                    .map_err(why)?;
                return outcome(page, id).await;
            }
            let (user, channel, text) = (&said.user, &said.channel, &said.text);
            let ts = match said.thread {
                Some(thread) => slack.say_in_thread(user, channel, thread, text),
                None => slack.say(user, channel, text),
            };
            Ok(json!({ "ts": ts.map_err(why)? }))
        }
        "click" => {
            let id = match said.choice.as_ref().map(|choice| (choice, choice.as_str())) {
                Some((_, Some(choice))) => slack.choose(&said.user, message()?, &said.element, choice),
                Some((_, None)) => return Err("a choice in a message is one word".to_owned()),
                None => slack.click(&said.user, message()?, &said.element),
            };
            outcome(page, id.map_err(why)?).await
        }
        "suggest" => {
            let id = slack.suggest(&said.user, message()?, &said.element, &said.text);
            outcome(page, id.map_err(why)?).await
        }
        "click_in_view" => {
            let id = slack.click_in_view(&said.user, &said.element, said.choice);
            outcome(page, id.map_err(why)?).await
        }
        "submit" => {
            let id = slack.submit(&said.user, said.values).map_err(why)?;
            outcome(page, id).await
        }
        "close_view" => {
            slack.close_view(&said.user).map_err(why)?;
            Ok(json!({}))
        }
        "react" => {
            let ts = message()?;
            if said.remove {
                slack.unreact(&said.user, ts, &said.name)
            } else {
                slack.react(&said.user, ts, &said.name)
            }
            .map_err(why)?;
            Ok(json!({}))
        }
        "cause" => {
            let trouble = page.troubles.iter().find(|trouble| trouble.id == said.id);
            let trouble = trouble.ok_or_else(|| format!("there is no trouble called {:?}", said.id))?;
            (trouble.cause)().map(|told| json!({ "told": told }))
        }
        _ => Err(format!("nobody can {verb:?} here")),
    }
}

/// The words behind `/otus`.
fn slash(text: &str) -> Option<&str> {
    let words = text.trim().strip_prefix("/otus")?;
    (words.is_empty() || words.starts_with(char::is_whitespace)).then(|| words.trim())
}

/// How the app took it.
async fn outcome(page: &Page, id: InteractionId) -> Result<Value, String> {
    match page.slack.outcome(id, ANSWERED).await {
        Ok(Outcome::Acked(payload)) => Ok(json!({ "answer": payload })),
        Ok(Outcome::TimedOut | Outcome::Waiting) => Err("The app did not answer in time.".to_owned()),
        Err(waited) => Err(waited.to_string()),
    }
}

/// `GET /api/files/<id>`: pictures to look at, everything else to keep.
pub(crate) async fn file(State(page): State<Arc<Page>>, Path(id): Path<String>) -> Response {
    let found = page.slack.look(|world| {
        let file = world.files().find(|file| file.id == id && file.completed)?;
        Some((file.mimetype(), file.name.clone(), file.content.clone()?))
    });
    let Some((kind, name, content)) = found else {
        return (StatusCode::NOT_FOUND, format!("there is no file {id}")).into_response();
    };
    let mut response = content.into_response();
    let headers = response.headers_mut();
    // What could carry scripts is never opened here.
    let picture = matches!(kind, "image/png" | "image/jpeg" | "image/gif");
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(if picture { kind } else { "application/octet-stream" }),
    );
    if !picture {
        let name: String = name
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
            .collect();
        if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
            headers.insert(header::CONTENT_DISPOSITION, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::slash;

    #[test]
    fn a_slash_command_is_told_from_words() {
        assert_eq!(slash("/otus deploy api"), Some("deploy api"));
        assert_eq!(slash(" /otus"), Some(""));
        assert_eq!(slash("/otusx"), None);
        assert_eq!(slash("say /otus"), None);
    }
}
