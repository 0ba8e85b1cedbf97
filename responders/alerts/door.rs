//! A webhook's way in: verified, folded into what is known of its group, kept, and acknowledged, in that order.
//!
//! Alertmanager sends again what was not acknowledged, and drops for good what was refused: so whatever is not the sender's fault is
//! answered with a 5xx.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use otus::{
    Result, Services,
    web::{Answer, Request, Route},
};
use otus_monitoring::alertmanager::Notification;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::{
    House,
    group::{self, Folded, Group},
    keep::{self, Change},
    settings::signed,
    texts,
};

/// Where sources are listened to: each at its own name below this.
pub(crate) const PLACE: &str = "/hooks/alerts";

/// The routes of all sources.
pub(crate) fn routes(house: &House) -> Vec<Route> {
    let route = |source: &String| {
        let (house, source) = (house.clone(), source.clone());
        Route::new("POST", format!("{PLACE}/{source}"), move |services, request| {
            take(house.clone(), source.clone(), services, request)
        })
    };
    house.settings().sources.keys().map(route).collect()
}

async fn take(house: House, source: String, services: Services, request: Request) -> Result<Answer> {
    let Some(settings) = house.settings().sources.get(&source) else {
        return Ok(Answer::new(404, "nobody listens here\n"));
    };
    let tokens = settings.tokens().await.map_err(anyhow::Error::msg)?;
    if !is_known(&request, &tokens) {
        tracing::warn!(
            source,
            "a webhook was refused: it brings no token, or a wrong one"
        );
        return Ok(Answer::new(401, texts::WRONG_TOKEN));
    }
    let told = match tokio::task::spawn_blocking(move || Notification::read(&request.body)).await? {
        Ok(told) => told,
        Err(why) => {
            tracing::warn!(source, why, "a webhook cannot be read");
            return Ok(Answer::new(400, format!("{why}\n")));
        }
    };
    heard(&house, &services, &source, &told).await?;
    Ok(Answer::new(200, "taken\n"))
}

/// Keeps what a notification says, and sees to it that it is told.
async fn heard(house: &House, services: &Services, source: &str, told: &Notification) -> Result {
    let now = services.store().now().await?;
    let id = group::id(source, &told.receiver, &told.group_key);
    let reopen = signed(house.settings().reopen);
    let mut draw = false;
    let kept = keep::change(services, &id, &[], |known: Option<Group>| {
        let (group, before) = match known {
            None => (Group::first(source, told, now), None),
            Some(mut group) => {
                let before = (group.state(), group.resolved);
                // Also when nothing changed: it was heard of.
                let folded = group.fold(told, now, reopen);
                tracing::debug!(same = folded == Folded::Same, "a notification came");
                (Some(group), Some(before))
            }
        };
        let Some(group) = group else {
            draw = false;
            return Change::None;
        };
        draw = before != Some((group.state(), group.resolved));
        Change::To(Box::new(group))
    })
    .await?;
    match kept {
        // Told again, even if nothing changed: whoever had kept it before may have died before they could say so.
        Some(group) => keep::tell(house, services, &group, draw).await,
        None => Ok(()),
    }
}

/// Whether a request brings one of the tokens: as a bearer token, or as the password of basic authentication.
fn is_known(request: &Request, tokens: &[SecretString]) -> bool {
    let given = request
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        .filter_map(|(_, value)| std::str::from_utf8(value).ok())
        .filter_map(secret);
    // By their hashes: how long it takes says nothing of the token.
    let given: Vec<_> = given.map(Sha256::digest).collect();
    tokens
        .iter()
        .map(|token| Sha256::digest(token.expose_secret()))
        .any(|token| given.contains(&token))
}

fn secret(header: &str) -> Option<String> {
    let (scheme, value) = header.trim().split_once(' ')?;
    let value = value.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(value.to_owned()),
        "basic" => {
            let pair = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
            let (_, password) = pair.split_once(':')?;
            Some(password.to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_let_in() {
        let tokens = ["0123456789abcdef".into(), "fedcba9876543210".into()];
        let known = |value: &str| {
            let request = Request::new("POST", "/", "").header("Authorization", value);
            is_known(&request, &tokens)
        };
        assert!(known("Bearer 0123456789abcdef") && known("bearer  fedcba9876543210"));
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        assert!(known(&basic("alertmanager:0123456789abcdef")));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcdeg",
            "0123456789abcdef",
        ] {
            assert!(!known(wrong), "{wrong}");
        }
        assert!(!known(&basic("0123456789abcdef")) && !known("Basic %%%"));
        assert!(!is_known(&Request::new("POST", "/", ""), &tokens));
    }
}
