//! Purpose: getting in at one registry, and what it says in headers: the digest of a name, how long to wait, where a list
//! goes on.
//!
//! By the distribution specification 1.1 and the distribution project's token authentication.

mod tags;
mod token;

pub(crate) use tags::Page;
pub(crate) use token::{Authorization, Ticket};

use super::{
    ConfigError, RegistryConfig,
    challenge::{self, Challenge},
    content::{self, LARGEST, Settings},
    credentials::Credentials,
    error::{Error, Failure, Refusal, innermost, untrusted},
    manifest::{INDEXES, MANIFESTS},
    name::{Reference, Repository, is_digest, is_loopback},
    retry::{in_words, retry_after},
};
use jiff::Timestamp;
use reqwest::{
    RequestBuilder, Response, StatusCode,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE},
};
use secrecy::ExposeSecret;
use std::time::Duration;
use url::Url;

/// A registry, seen from outside.
pub(crate) struct Door {
    registry: String,
    base: Url,
    http: reqwest::Client,
    pub(crate) credentials: Credentials,
    pub(crate) settings: Settings,
    /// Whether passwords may go over the network as they are.
    unprotected: bool,
}

/// What HEAD says of a name that is there. The digest is missing when the registry does not say it.
pub(crate) struct Head {
    pub(crate) digest: Option<String>,
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
        })
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
        if let Some(why) = untrusted(&error) {
            let registry = self.registry.clone();
            return Error::Untrusted { registry, why }.into();
        }
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
