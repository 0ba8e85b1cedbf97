//! Purpose: getting in at one registry, and what it says in headers: the digest of a name, how long to wait, where a list
//! goes on.
//!
//! By the distribution specification 1.1 and the distribution project's token authentication.

use super::{
    ConfigError, RegistryConfig,
    challenge::{self, Challenge},
    content::{self, LARGEST, Settings},
    credentials::{Credentials, Login},
    error::{Error, Failure, Refusal, innermost},
    manifest::{INDEXES, MANIFESTS},
    name::{Reference, Repository, is_digest, is_loopback, is_loopback_url},
    retry::{in_words, retry_after},
};
use jiff::Timestamp;
use reqwest::{
    RequestBuilder, Response, StatusCode,
    header::{
        ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, LINK, RETRY_AFTER, WWW_AUTHENTICATE,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// How long a token is good when the server does not say.
const TOKEN_LIFETIME: Duration = Duration::from_secs(60);

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

/// A registry, seen from outside.
pub(crate) struct Door {
    registry: String,
    base: Url,
    http: reqwest::Client,
    pub(crate) credentials: Credentials,
    pub(crate) settings: Settings,
    /// Whether passwords may go over the network as they are.
    unprotected: bool,
    lifetime: Duration,
}

/// What HEAD says of a name that is there. The digest is missing when the registry does not say it.
pub(crate) struct Head {
    pub(crate) digest: Option<String>,
}

/// One page of a list of tags.
pub(crate) struct Page {
    pub(crate) names: Vec<String>,
    pub(crate) next: Option<Url>,
}

impl Door {
    pub(crate) fn new(registry: &str, config: &RegistryConfig) -> Result<Self, Error> {
        let source = config.source(registry)?;
        let scheme = if config.plain_http { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{}/v2/", content::address(registry)))
            .map_err(|_| ConfigError::Host(registry.to_owned()))?;
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("otus/", env!("CARGO_PKG_VERSION")))
            // Neither a redirect nor a token's address may lead out of TLS.
            .https_only(!config.plain_http)
            .connect_timeout(config.connect_timeout)
            .timeout(config.request_timeout);
        if is_loopback(registry) {
            http = http.no_proxy();
        }
        let certificates = config.ca_file.as_ref().map(|path| {
            let wrong = |why: String| ConfigError::CaFile {
                registry: registry.to_owned(),
                path: path.clone(),
                why,
            };
            let pem = std::fs::read(path).map_err(|error| wrong(innermost(&error)))?;
            let parsed =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| wrong(innermost(&error)))?;
            if parsed.is_empty() {
                return Err(wrong("it has no certificate in PEM form".into()));
            }
            Ok((pem, parsed))
        });
        let (certificates, parsed) = certificates.transpose()?.unzip();
        http = http.tls_certs_merge(parsed.unwrap_or_default());
        let http = http.build().map_err(|error| ConfigError::Client {
            registry: registry.to_owned(),
            why: innermost(&error),
        })?;
        Ok(Self {
            registry: registry.to_owned(),
            base,
            http,
            credentials: Credentials::new(registry, source, config),
            settings: Settings {
                plain_http: config.plain_http,
                connect_timeout: config.connect_timeout,
                request_timeout: config.request_timeout,
                certificates,
            },
            unprotected: config.allow_plain_http,
            lifetime: config.password_lifetime,
        })
    }

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
                login: Some(login),
                good_for: self.lifetime,
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
        let good_for = token.expires_in.map_or(TOKEN_LIFETIME, Duration::from_secs);
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
        // Not shown any more when it might end on its way.
        Ok((
            text,
            good_for.saturating_sub((good_for / 4).min(Duration::from_secs(10))),
        ))
    }

    /// Asks for the digest of a name, without its content; `None` when there is none.
    pub(crate) async fn head(
        &self,
        repository: &Repository,
        reference: &Reference,
        authorization: &Authorization,
    ) -> Result<Option<Head>, Failure> {
        let url = self.url(repository, &format!("manifests/{}", reference.as_str()));
        let accept = MANIFESTS
            .iter()
            .chain(&INDEXES)
            .copied()
            .collect::<Vec<_>>()
            .join(", ");
        let request = self.http.head(url).header(ACCEPT, accept);
        let answer = self.send(authorized(request, authorization)).await?;
        let text = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        match answer.status() {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.unexpected(&answer)),
        }
        let digest = text("docker-content-digest")
            .map(str::trim)
            .filter(|digest| is_digest(digest));
        if digest.is_none() && text(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("text/html")) {
            return Err(self.strange("it answers with a page for people".into()));
        }
        // The answer to HEAD has no body, but the length of what GET would bring.
        let bytes = text(CONTENT_LENGTH.as_str()).and_then(|bytes| bytes.parse().ok());
        if bytes.is_some_and(|bytes: u64| bytes > LARGEST) {
            let name = format!("{repository}:{}", reference.as_str());
            return Err(Error::NoImage {
                name,
                why: "its manifest is larger than any may be".into(),
            }
            .into());
        }
        let digest = match reference {
            Reference::Digest(digest) => Some(digest.clone()),
            Reference::Tag(_) => digest.map(str::to_owned),
        };
        Ok(Some(Head { digest }))
    }

    /// One page of tags, the first or a following one; `None` when there is no such repository.
    pub(crate) async fn tags(
        &self,
        repository: &Repository,
        page: Option<&Url>,
        at_most: usize,
        authorization: &Authorization,
    ) -> Result<Option<Page>, Failure> {
        let first = || {
            let mut url = self.url(repository, "tags/list");
            url.query_pairs_mut().append_pair("n", &at_most.to_string());
            url
        };
        let url = page.cloned().unwrap_or_else(first);
        let answer = self
            .send(authorized(self.http.get(url.clone()), authorization))
            .await?;
        match answer.status() {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.unexpected(&answer)),
        }
        let linked = answer
            .headers()
            .get_all(LINK)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find_map(next_of)
            .and_then(|next| url.join(next).ok());
        // Elsewhere our authorization has no business.
        if linked
            .as_ref()
            .is_some_and(|next| next.origin() != self.base.origin())
        {
            return Err(self.strange("its list of tags goes on at another registry".into()));
        }
        let body = self.body(answer).await?;
        let list: List = serde_json::from_slice(&body)
            .map_err(|error| self.strange(format!("its list of tags cannot be read ({error})")))?;
        let names = list.tags.unwrap_or_default();
        // Some leave the link out; then a page that is full may have another behind it.
        let next = linked.or_else(|| {
            let last = names.last().filter(|_| names.len() >= at_most)?;
            let mut url = first();
            url.query_pairs_mut().append_pair("last", last);
            Some(url)
        });
        Ok(Some(Page { names, next }))
    }

    /// Sends, and sorts out what is everybody's: nobody there, too much, and errors of the server's own.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let answer = request.send().await.map_err(|error| self.down(error))?;
        let status = answer.status();
        tracing::debug!(registry = %self.registry, status = status.as_u16(), "asked the registry");
        let after = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        let after = after.and_then(|value| retry_after(value, Timestamp::now()));
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Failure::Busy { after });
        }
        if status.is_server_error() {
            return Err(Failure::Down {
                why: format!("it answers HTTP {}", status.as_u16()),
                after,
            });
        }
        Ok(answer)
    }

    async fn body(&self, mut answer: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.down(error))? {
            if (body.len() + chunk.len()) as u64 > LARGEST {
                return Err(self.strange(format!("it answers with more than {} MiB", LARGEST >> 20)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn url(&self, repository: &Repository, rest: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{}/{rest}", repository.path()));
        url
    }

    fn down(&self, error: reqwest::Error) -> Failure {
        let error = error.without_url();
        let why = if error.is_timeout() {
            late(self.settings.request_timeout)
        } else {
            innermost(&error)
        };
        Failure::Down { why, after: None }
    }

    fn unexpected(&self, answer: &Response) -> Failure {
        let status = answer.status();
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::Refused {
                status: status.as_u16(),
                challenge: challenge_of(answer.headers()),
            },
            status => self.strange(format!("it answers HTTP {}", status.as_u16())),
        }
    }

    pub(crate) fn not_allowed(&self, why: Refusal) -> Failure {
        Error::NotAllowed {
            registry: self.registry.clone(),
            why,
        }
        .into()
    }

    pub(crate) fn strange(&self, why: String) -> Failure {
        Error::NotARegistry {
            registry: self.registry.clone(),
            why,
        }
        .into()
    }
}

/// What a person reads when nothing came in time.
pub(crate) fn late(timeout: Duration) -> String {
    format!("no answer within {}", in_words(timeout))
}

fn authorized(request: RequestBuilder, authorization: &Authorization) -> RequestBuilder {
    match authorization {
        Authorization::Open => request,
        Authorization::Basic(login) => request.basic_auth(&login.user, Some(login.password.expose_secret())),
        Authorization::Bearer(token) => request.bearer_auth(token.expose_secret()),
    }
}

fn challenge_of(headers: &HeaderMap) -> Option<Challenge> {
    let all = headers.get_all(WWW_AUTHENTICATE);
    challenge::choose(all.iter().filter_map(|value| value.to_str().ok()))
}

/// The target of `rel="next"` in a `Link` header (RFC 8288), as registries write it.
fn next_of(link: &str) -> Option<&str> {
    link.split(',').find_map(|one| {
        let (target, parameters) = one.trim().strip_prefix('<')?.split_once('>')?;
        let next = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim().to_ascii_lowercase();
            parameter == "rel=next" || parameter == "rel=\"next\""
        });
        next.then_some(target)
    })
}

#[derive(Deserialize)]
struct Token {
    token: Option<SecretString>,
    access_token: Option<SecretString>,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct List {
    // `null` from some when there are none.
    tags: Option<Vec<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_next_page_is_found() {
        for (link, next) in [
            (
                "</v2/a/tags/list?last=b&n=2>; rel=\"next\"",
                Some("/v2/a/tags/list?last=b&n=2"),
            ),
            ("</x>; rel=prev, </y>; type=z; rel=next", Some("/y")),
            ("</x>; rel=\"prev\"", None),
            ("/x; rel=next", None),
            ("", None),
        ] {
            assert_eq!(next_of(link), next, "{link}");
        }
    }

    proptest! {
        #[test]
        fn no_link_panics(link in "\\PC{0,40}") {
            let _ = next_of(&link);
        }
    }
}
