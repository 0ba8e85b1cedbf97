//! Purpose: manifests and blobs of one repository, their digests verified, through `oci-client`.
//!
//! The client is given a finished token, and lives as long as that: it never replaces what it was once given.

use super::{
    door::Authorization,
    error::{Error, Failure, innermost, shorten},
    manifest::{INDEXES, MANIFESTS},
    name::{Reference, Repository},
};
use oci_client::{
    Client, RegistryOperation,
    client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol},
    errors::{OciDistributionError as Trouble, OciErrorCode as Code},
    secrets::RegistryAuth,
    token_cache::RegistryTokenType,
};
use secrecy::ExposeSecret;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::AsyncWrite;

/// Registries take manifests of at most 4 MiB; a config is hardly ever larger.
pub(crate) const LARGEST: u64 = 4 * 1024 * 1024;

/// What all clients of a registry have in common.
pub(crate) struct Settings {
    pub(crate) plain_http: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) certificates: Option<Vec<u8>>,
}

/// A client that may read one repository.
pub(crate) struct Content {
    client: Client,
    auth: RegistryAuth,
    timeout: Duration,
}

/// Something that was looked for, or `None` when it is not there.
type Found<T> = Result<Option<T>, Failure>;

impl Content {
    pub(crate) async fn new(
        settings: &Settings,
        repository: &Repository,
        authorization: &Authorization,
    ) -> Result<Self, Error> {
        let config = ClientConfig {
            protocol: if settings.plain_http {
                ClientProtocol::Http
            } else {
                ClientProtocol::Https
            },
            connect_timeout: Some(settings.connect_timeout),
            read_timeout: Some(settings.request_timeout),
            user_agent: concat!("otus/", env!("CARGO_PKG_VERSION")),
            extra_root_certificates: settings
                .certificates
                .iter()
                .map(|pem| Certificate {
                    encoding: CertificateEncoding::Pem,
                    data: pem.clone(),
                })
                .collect(),
            platform_resolver: None,
            ..ClientConfig::default()
        };
        // `Client::new` would go on with another configuration when this one fails.
        let client = Client::try_from(config).map_err(|error| super::ConfigError::Client {
            registry: repository.host().to_owned(),
            why: innermost(&error),
        })?;
        let auth = match authorization {
            Authorization::Open => RegistryAuth::Anonymous,
            Authorization::Bearer(token) => RegistryAuth::Bearer(token.expose_secret().to_owned()),
            Authorization::Basic(login) => {
                // Known to be wanted: noted as such, the client does not ask for it before each request.
                let password = login.password.expose_secret().to_owned();
                let basic = RegistryTokenType::Basic(login.user.clone(), password.clone());
                client
                    .tokens
                    .insert(&any(repository), RegistryOperation::Pull, basic)
                    .await;
                RegistryAuth::Basic(login.user.clone(), password)
            }
        };
        Ok(Self {
            client,
            auth,
            timeout: settings.request_timeout,
        })
    }

    /// A manifest or index as it is, and its digest.
    pub(crate) async fn manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Found<(Vec<u8>, String)> {
        let accepted: Vec<&str> = MANIFESTS.into_iter().chain(INDEXES).collect();
        let name = oci(repository, reference);
        let pull = self.client.pull_manifest_raw(&name, &self.auth, &accepted);
        let (body, digest) = match self.in_time(pull).await {
            Ok(found) => found,
            Err(trouble) => return sort(trouble, repository),
        };
        Ok(Some((body.to_vec(), digest)))
    }

    /// A blob of at most [`LARGEST`] bytes.
    pub(crate) async fn blob(&self, repository: &Repository, digest: &str) -> Found<Vec<u8>> {
        let name = any(repository);
        self.client
            .store_auth_if_needed(name.resolve_registry(), &self.auth)
            .await;
        let mut out = Limited(Vec::new());
        match self.in_time(self.client.pull_blob(&name, digest, &mut out)).await {
            Ok(()) => Ok(Some(out.0)),
            Err(trouble) => sort(trouble, repository),
        }
    }

    /// Writes a layer where it is wanted, and verifies its digest. `false` when it is not there.
    pub(crate) async fn layer(
        &self,
        repository: &Repository,
        digest: &str,
        patience: Duration,
        into: &mut (impl AsyncWrite + Unpin),
    ) -> Result<bool, LayerError> {
        let name = any(repository);
        self.client
            .store_auth_if_needed(name.resolve_registry(), &self.auth)
            .await;
        let pulled = tokio::time::timeout(patience, self.client.pull_blob(&name, digest, into)).await;
        match pulled {
            Ok(Ok(())) => Ok(true),
            Ok(Err(Trouble::IoError(error))) if error.kind() == io::ErrorKind::BrokenPipe => {
                Err(LayerError::Pipe)
            }
            Ok(Err(trouble)) => match sort::<()>(trouble, repository) {
                Ok(_) => Ok(false),
                Err(failure) => Err(LayerError::Failure(failure)),
            },
            Err(_) => Err(LayerError::Failure(Failure::Down {
                why: super::door::late(patience),
                after: None,
            })),
        }
    }

    /// The client's own timeouts are for connecting and for silence; this one is for all of it.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
        tokio::time::timeout(self.timeout, work)
            .await
            .unwrap_or_else(|_| {
                Err(Trouble::IoError(io::Error::new(
                    io::ErrorKind::TimedOut,
                    super::door::late(self.timeout),
                )))
            })
    }
}

/// Why a layer was not written to its end.
#[derive(Debug)]
pub(crate) enum LayerError {
    /// Whoever was to read it stopped.
    Pipe,
    /// It did not come.
    Failure(Failure),
}

/// What `oci-client` calls a reference.
fn oci(repository: &Repository, reference: &Reference) -> oci_client::Reference {
    let (host, path) = (repository.host().to_owned(), repository.path().to_owned());
    match reference {
        Reference::Tag(tag) => oci_client::Reference::with_tag(host, path, tag.clone()),
        Reference::Digest(digest) => oci_client::Reference::with_digest(host, path, digest.clone()),
    }
}

/// The host that is asked for a registry: a well-known one has its interface elsewhere than its name.
pub(crate) fn address(host: &str) -> String {
    let any = oci_client::Reference::with_tag(host.to_owned(), String::new(), String::new());
    any.resolve_registry().to_owned()
}

/// The repository, where the client wants a reference and looks at the repository only.
fn any(repository: &Repository) -> oci_client::Reference {
    oci_client::Reference::with_tag(
        repository.host().to_owned(),
        repository.path().to_owned(),
        "latest".to_owned(),
    )
}

/// Sorts the client's errors. It drops the status when the body has the registry's own error codes.
fn sort<T>(trouble: Trouble, repository: &Repository) -> Found<T> {
    let registry = || repository.host().to_owned();
    let strange = |why: String| {
        Err(Error::NotARegistry {
            registry: registry(),
            why: shorten(&why),
        }
        .into())
    };
    match trouble {
        Trouble::UnauthorizedError { .. } => Err(Failure::Refused {
            status: 401,
            challenge: None,
        }),
        Trouble::RequestError(error) => Err(Failure::Down {
            why: innermost(&error.without_url()),
            after: None,
        }),
        Trouble::IoError(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(Error::NoImage {
            name: repository.to_string(),
            why: error.to_string(),
        }
        .into()),
        Trouble::IoError(error) => Err(Failure::Down {
            why: innermost(&error),
            after: None,
        }),
        Trouble::ServerError { code: 404, .. } => Ok(None),
        Trouble::ServerError { code: 401 | 403, .. } => Err(Failure::Refused {
            status: 403,
            challenge: None,
        }),
        Trouble::ServerError { code: 429, .. } => Err(Failure::Busy { after: None }),
        Trouble::ServerError {
            code: code @ 500.., ..
        } => Err(Failure::Down {
            why: format!("it answers HTTP {code}"),
            after: None,
        }),
        Trouble::ServerError { code, .. } => strange(format!("it answers HTTP {code}")),
        Trouble::RegistryError { envelope, .. } => {
            let has = |wanted: &[Code]| envelope.errors.iter().any(|error| wanted.contains(&error.code));
            if has(&[Code::Toomanyrequests]) {
                Err(Failure::Busy { after: None })
            } else if has(&[Code::Unauthorized, Code::Denied]) {
                Err(Failure::Refused {
                    status: 403,
                    challenge: None,
                })
            } else if has(&[
                Code::ManifestUnknown,
                Code::NameUnknown,
                Code::NotFound,
                Code::BlobUnknown,
                Code::ManifestBlobUnknown,
            ]) {
                Ok(None)
            } else {
                strange(format!("it says: {envelope}"))
            }
        }
        // Bytes that are not what their digest says can be a connection that was cut.
        Trouble::DigestError(error) => Err(Failure::Down {
            why: shorten(&error.to_string()),
            after: None,
        }),
        other => strange(other.to_string()),
    }
}

/// Keeps bytes up to [`LARGEST`].
struct Limited(Vec<u8>);

impl AsyncWrite for Limited {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if (self.0.len() + bytes.len()) as u64 > LARGEST {
            let why = format!("its config is larger than {} MiB", LARGEST >> 20);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::FileTooLarge, why)));
        }
        self.0.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
