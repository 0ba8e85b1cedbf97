//! Purpose: who may: tokens, and Apps that prove themselves by a signed JWT and get tokens for an installation.

use super::{
    answers::{Answer, Failure, answer},
    server::Shared,
    world::World,
};
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};
use std::sync::Arc;

/// Lets a call in, or says why not. What begins with `/app` is for Apps alone.
pub(super) fn authorised(world: &World, path: &str, credentials: &str) -> Result<(), Failure> {
    let token = credentials
        .strip_prefix("Bearer ")
        .or_else(|| credentials.strip_prefix("token "));
    let Some(token) = token else {
        return Err(Failure(
            StatusCode::UNAUTHORIZED,
            "Requires authentication".into(),
        ));
    };
    if path.starts_with("/app/") {
        return who(world, token).map(drop);
    }
    if world.tokens.contains(token) {
        return Ok(());
    }
    Err(Failure(StatusCode::UNAUTHORIZED, "Bad credentials".into()))
}

/// The App that signed this.
fn who(world: &World, jwt: &str) -> Result<u64, Failure> {
    let refuse = |why: &str| Failure(StatusCode::UNAUTHORIZED, why.to_owned());
    let undecoded = || refuse("A JSON web token could not be decoded");
    let (signed, signature) = jwt.rsplit_once('.').ok_or_else(undecoded)?;
    let (head, claims) = signed.split_once('.').ok_or_else(undecoded)?;
    let part = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| undecoded());
    let read = |text: &str| serde_json::from_slice::<Value>(&part(text)?).map_err(|_| undecoded());
    let (head, claims) = (read(head)?, read(claims)?);
    if head["alg"] != "RS256" {
        return Err(undecoded());
    }
    // GitHub takes a number and a text.
    let issuer = claims["iss"]
        .as_u64()
        .or_else(|| claims["iss"].as_str()?.parse().ok());
    let app = issuer.and_then(|id| Some((id, world.apps.get(&id)?)));
    let (id, app) = app.ok_or_else(|| refuse("'Issuer' claim ('iss') must be an Integer"))?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &app.public_key)
        .verify(signed.as_bytes(), &part(signature)?)
        .map_err(|_| undecoded())?;
    let now = Timestamp::now().as_second();
    let issued = claims["iat"].as_i64().unwrap_or(i64::MAX);
    if issued > now {
        return Err(refuse(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        ));
    }
    let expires = claims["exp"].as_i64().unwrap_or_default();
    if expires <= now || expires > now + 600 {
        return Err(refuse("'Expiration time' claim ('exp') is too far in the future"));
    }
    Ok(id)
}

/// `POST /app/installations/{id}/access_tokens`
pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    Path(installation): Path<u64>,
    headers: HeaderMap,
) -> Answer {
    let mut world = shared.world();
    let credentials = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let jwt = credentials
        .and_then(|text| text.strip_prefix("Bearer "))
        .unwrap_or_default();
    let app = world
        .apps
        .get(&who(&world, jwt)?)
        .ok_or_else(Failure::not_found)?;
    if app.installation != installation {
        return Err(Failure::not_found());
    }
    let until = world.now() + SignedDuration::from_secs(app.token_seconds);
    let token = format!("ghs_{}", uuid::Uuid::new_v4().simple());
    world.tokens.insert(token.clone());
    Ok(answer(
        StatusCode::CREATED,
        &json!({"token": token, "expires_at": until, "permissions": {"checks": "read"}, "repository_selection": "all"}),
    ))
}
