//! Purpose: what an answer that is not good means, in words for people.

use super::error::Error;
use reqwest::{StatusCode, header::HeaderMap};
use serde::Deserialize;

/// GitHub's words are cut here.
const LONGEST: usize = 300;

/// What GitHub's API does not answer.
pub(super) fn odd(what: &str, why: String) -> Error {
    Error::Odd {
        what: what.to_owned(),
        why,
    }
}

/// Sorts an answer that is not good.
pub(super) fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8], what: &str) -> Error {
    let status = status.as_u16();
    let (what, message) = (what.to_owned(), message(body));
    match status {
        // A commit that does not exist is "unprocessable".
        404 | 410 => Error::NotFound { what },
        422 if message.starts_with("No commit found") => Error::NotFound { what },
        401 | 403 | 451 => Error::NotAllowed {
            what,
            status,
            message,
            hint: hint(status, headers),
        },
        409 | 422 | 400 => Error::Refused {
            what,
            status,
            message,
        },
        _ => Error::Odd {
            what,
            why: format!("HTTP {status}, {message}"),
        },
    }
}

fn hint(status: u16, headers: &HeaderMap) -> String {
    if headers.contains_key("x-github-sso") {
        return "; the organisation wants the token to be authorised for single sign-on".into();
    }
    let needed = headers
        .get("x-accepted-github-permissions")
        .and_then(|value| value.to_str().ok());
    match needed.filter(|needed| !needed.is_empty()) {
        Some(needed) if status == 403 => format!("; it needs the permission {needed}"),
        _ if status == 401 => "; check the token, or the App's key and this machine's clock".into(),
        _ => String::new(),
    }
}

/// GitHub's own words, or the beginning of what came in their place.
pub(super) fn message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Told {
        message: String,
        /// Texts, or objects of which some have a message.
        #[serde(default)]
        errors: serde_json::Value,
    }
    let text = match serde_json::from_slice::<Told>(body) {
        Ok(told) => {
            let errors = told.errors.as_array().map(Vec::as_slice).unwrap_or_default();
            let texts = errors
                .iter()
                .filter_map(|error| error.as_str().or_else(|| error["message"].as_str()));
            texts.fold(told.message, |all, text| format!("{all}; {text}"))
        }
        Err(_) => String::from_utf8_lossy(&body[..body.len().min(2 * LONGEST)])
            .trim()
            .to_owned(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None if text.is_empty() => "without a word".into(),
        None => text,
    }
}
