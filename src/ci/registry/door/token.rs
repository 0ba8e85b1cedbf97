//! Purpose: what opens a repository, and how to get it.
//!
//! By the distribution project's token authentication.

use super::{Door, challenge_of};
use crate::registry::{
    challenge::Challenge,
    credentials::Login,
    error::{Failure, Refusal},
    name::{Repository, is_loopback_url},
};
use reqwest::{StatusCode, header::HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::time::{Duration, Instant};
use url::Url;

/// How long a token is good when the server does not say.
const TOKEN_LIFETIME: Duration = Duration::from_secs(60);
const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 3600);
const LONGEST_MARGIN: Duration = Duration::from_secs(10);

/// What opens a repository.
#[derive(Clone)]
pub(crate) enum Authorization {
    /// Nothing is asked for.
    Open,
    Basic(Login),
    Bearer(SecretString),
}

/// An authorization, where it came from, and how long it is good.
pub(crate) struct Ticket {
    pub(crate) authorization: Authorization,
    /// Who it was given to; nobody, if without credentials.
    pub(crate) login: Option<Login>,
    pub(crate) good_for: Duration,
}

impl Door {
    /// Gets in as the login, by the challenge, or else by what the registry asks for when it is asked. A login that is
    /// refused where tokens are given is [`Failure::Refused`].
    pub(crate) async fn ticket(
        &self,
        repository: &Repository,
        login: Option<Login>,
        challenge: Option<Challenge>,
    ) -> Result<Ticket, Failure> {
        let challenge = match challenge {
            Some(challenge) => Some(challenge),
            None => self.challenge().await?,
        };
        match (challenge, login) {
            (None, _) => Ok(Ticket {
                authorization: Authorization::Open,
                login: None,
                good_for: TOKEN_LIFETIME,
            }),
            (Some(Challenge::Basic), None) => Err(self.not_allowed(Refusal::NoCredentials {
                path: repository.path().to_owned(),
            })),
            (Some(Challenge::Basic), Some(login)) => Ok(Ticket {
                authorization: Authorization::Basic(login.clone()),
                good_for: login.until.saturating_duration_since(Instant::now()),
                login: Some(login),
            }),
            (Some(Challenge::Bearer { realm, service }), login) => {
                let (token, good_for) = self
                    .token(repository, &realm, service.as_deref(), login.as_ref())
                    .await?;
                Ok(Ticket {
                    authorization: Authorization::Bearer(token),
                    login,
                    good_for,
                })
            }
        }
    }

    /// How the registry wants to be logged in to; `None` when it is open.
    async fn challenge(&self) -> Result<Option<Challenge>, Failure> {
        let answer = self.send(self.http.get(self.base.clone())).await?;
        let status = answer.status();
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => match challenge_of(answer.headers()) {
                Some(challenge) => Ok(Some(challenge)),
                None => Err(self.strange(format!(
                    "it answers HTTP {} without saying how to log in by user and password or token",
                    status.as_u16()
                ))),
            },
            status if status.is_success() => Ok(None),
            _ => Err(self.strange(format!("/v2/ answers HTTP {}", status.as_u16()))),
        }
    }

    async fn token(
        &self,
        repository: &Repository,
        realm: &str,
        service: Option<&str>,
        login: Option<&Login>,
    ) -> Result<(SecretString, Duration), Failure> {
        let realm = Url::parse(realm)
            .map_err(|error| self.strange(format!("its token address is none ({error})")))?;
        let protected = realm.scheme() == "https"
            || (self.settings.plain_http && (self.unprotected || is_loopback_url(&realm)));
        if !protected {
            return Err(self.strange("it sends us for a token to an address without TLS".into()));
        }
        let scope = format!("repository:{}:pull", repository.path());
        let mut request = self.http.get(realm).query(&[("scope", scope.as_str())]);
        if let Some(service) = service {
            request = request.query(&[("service", service)]);
        }
        if let Some(login) = login {
            request = request.basic_auth(&login.user, Some(login.password.expose_secret()));
        }
        let answer = self.send(request).await?;
        match answer.status() {
            status if status.is_success() => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(match login {
                    Some(_) => Failure::Refused {
                        status: answer.status().as_u16(),
                        challenge: None,
                    },
                    None => self.not_allowed(Refusal::NoCredentials {
                        path: repository.path().to_owned(),
                    }),
                });
            }
            status => return Err(self.strange(format!("its token server answers HTTP {}", status.as_u16()))),
        }
        let body = self.body(answer).await?;
        // The parser's own words could repeat a token.
        let token: Token = serde_json::from_slice(&body)
            .map_err(|_| self.strange("what its token server answers is no token".into()))?;
        let text = [token.token, token.access_token]
            .into_iter()
            .flatten()
            .find(|token| {
                let text = token.expose_secret();
                // It goes into a header.
                !text.is_empty() && HeaderValue::from_str(text).is_ok()
            });
        let text = text.ok_or_else(|| {
            self.strange("its token server answers without a token that can be sent".into())
        })?;
        Ok((text, shown_for(token.expires_in)))
    }
}

/// How long a token is shown: not any more when it might end on its way, nor longer than a day, whatever the server says.
fn shown_for(expires_in: Option<u64>) -> Duration {
    let good_for = expires_in.map_or(TOKEN_LIFETIME, Duration::from_secs);
    let margin = (good_for / 4).min(LONGEST_MARGIN);
    (good_for - margin).min(LONGEST_LIFETIME)
}

#[derive(Deserialize)]
struct Token {
    token: Option<SecretString>,
    access_token: Option<SecretString>,
    expires_in: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_put_away_before_it_ends() {
        for (expires_in, shown) in [
            (None, 50),
            (Some(0), 0),
            (Some(20), 15),
            (Some(300), 290),
            (Some(u64::MAX), 24 * 3600),
        ] {
            assert_eq!(
                shown_for(expires_in),
                Duration::from_secs(shown),
                "{expires_in:?}"
            );
        }
    }
}
