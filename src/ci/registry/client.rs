//! Purpose: what callers ask of container registries, step by step, again where it helps, and from memory where it is safe.
//!
//! Side effects: reads registries, password files and commands; changes nothing in the world.

use super::{
    Image, ImageFile, RegistryConfig, Tags,
    cache::Bounded,
    door::Page,
    error::{Error, Failure, Missing, Result},
    host::{Host, Pass, lock},
    layers::Wanted,
    look::not_found,
    name::{Reference, Repository},
    retry,
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    pin::Pin,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use url::Url;

/// How many images and registries are remembered at most.
const IMAGES: usize = 1024;
const HOSTS: usize = 64;

/// How long an image is known. A build that runs again can push the same tag anew.
const KNOWN_FOR: Duration = Duration::from_secs(600);

/// How many tags are asked for at once, and how many pages are turned for one list.
const PAGE: usize = 1000;
const PAGES: usize = 100;

/// How often reading an image's files is begun anew.
const FILES_AGAIN: u32 = 2;

/// Who knows images. Callers depend on this, so that they can be tested without a registry.
#[async_trait]
pub trait Images: Send + Sync {
    /// The image that a tag or digest stands for. `repository` is host and path, `registry.example.com/team/api`.
    ///
    /// A digest, and a tag that is a commit's full sha, are answered from memory for some minutes; absence never is.
    ///
    /// # Errors
    /// Any of [`Error`]; no image is [`Error::NotFound`].
    async fn image(&self, repository: &str, reference: &str) -> Result<Image>;

    /// Whether there is something under this tag or digest right now. Never answered from memory.
    ///
    /// # Errors
    /// Any of [`Error`] but [`Error::NotFound`].
    async fn exists(&self, repository: &str, reference: &str) -> Result<bool>;

    /// The repository's tags, `at_most` so many. For looking through versions; the image of a commit is asked for by
    /// [`Images::image`] with its sha, since registries do not say of which tags a list is not complete yet.
    ///
    /// # Errors
    /// Any of [`Error`].
    async fn tags(&self, repository: &str, at_most: usize) -> Result<Tags>;

    /// The files of a folder of an image, and of the folders in it, whose paths below the folder are `wanted`; by path. Of an image for
    /// several platforms, the first one's. Whole layers are fetched for it, and nothing is unpacked anywhere.
    ///
    /// # Errors
    /// Any of [`Error`]; [`Error::NoFiles`] when the folder is not there, or cannot be read.
    async fn files(
        &self,
        repository: &str,
        digest: &str,
        folder: &str,
        wanted: Wanted,
    ) -> Result<Vec<ImageFile>> {
        let _ = wanted;
        Err(Error::NoFiles {
            name: format!("{repository}:{digest}"),
            folder: folder.to_owned(),
            why: "this registry's images cannot be looked into".to_owned(),
        })
    }
}

/// All container registries, those with a configuration and any other. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    configured: BTreeMap<String, Arc<Host>>,
    others: Mutex<Bounded<String, Arc<Host>>>,
    images: Mutex<Bounded<(Repository, Reference), (Image, Instant)>>,
    pause: Pause,
}

/// How time is let pass between attempts.
pub(crate) type Pause = Box<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

impl fmt::Debug for Registry {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Registry")
            .field("configured", &self.inner.configured.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Registry {
    /// Registries by their hosts. Those that are not named are asked over HTTPS, without credentials. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Config`] when one's configuration cannot work.
    pub fn new(registries: &BTreeMap<String, RegistryConfig>) -> Result<Self> {
        Self::with_pause(registries, Box::new(|wait| Box::pin(tokio::time::sleep(wait))))
    }

    pub(crate) fn with_pause(registries: &BTreeMap<String, RegistryConfig>, pause: Pause) -> Result<Self> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Whoever was first is right: the error only says that somebody else has just installed one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let configured = registries
            .iter()
            .map(|(name, config)| Ok((name.to_ascii_lowercase(), Arc::new(Host::new(name, config)?))))
            .collect::<Result<_>>()?;
        Ok(Self {
            inner: Arc::new(Inner {
                configured,
                others: Mutex::new(Bounded::new(HOSTS)),
                images: Mutex::new(Bounded::new(IMAGES)),
                pause,
            }),
        })
    }

    fn host(&self, repository: &Repository) -> Result<Arc<Host>> {
        let name = repository.host();
        if let Some(host) = self.inner.configured.get(name) {
            return Ok(host.clone());
        }
        let mut others = lock(&self.inner.others);
        if let Some(host) = others.get(&name.to_owned()) {
            return Ok(host.clone());
        }
        let host = Arc::new(Host::new(name, &RegistryConfig::default())?);
        others.insert(name.to_owned(), host.clone());
        Ok(host)
    }

    /// Asks until there is an answer, no use in asking, or no time left.
    async fn persist<T, F, A>(&self, host: &Host, repository: &Repository, ask: A) -> Result<T>
    where
        A: Fn() -> F,
        F: Future<Output = Result<T, Failure>>,
    {
        let began = Instant::now();
        let mut again = 0;
        loop {
            let left = host.patience.saturating_sub(began.elapsed());
            let failure = match tokio::time::timeout(left, ask()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(Failure::Final(error))) => return Err(error),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::Down {
                    why: super::door::late(host.patience),
                    after: None,
                },
            };
            let asked = match &failure {
                Failure::Busy { after } | Failure::Down { after, .. } => *after,
                Failure::Refused { .. } | Failure::Final(_) => None,
            };
            let left = host.patience.saturating_sub(began.elapsed());
            let Some(wait) = retry::wait(again, asked, left, rand::random()) else {
                return Err(given_up(failure, repository));
            };
            tracing::debug!(%repository, ?failure, ?wait, "asking the registry again");
            (self.inner.pause)(wait).await;
            again += 1;
        }
    }
}

#[async_trait]
impl Images for Registry {
    async fn image(&self, repository: &str, reference: &str) -> Result<Image> {
        let key = (Repository::parse(repository)?, Reference::parse(reference)?);
        if let Some((image, since)) = lock(&self.inner.images).get(&key)
            && since.elapsed() < KNOWN_FOR
        {
            return Ok(image.clone());
        }
        let (repository, reference) = &key;
        let host = &*self.host(repository)?;
        let ask = || host.with_pass(repository, move |pass| host.image(repository, reference, pass));
        let image = self.persist(host, repository, ask).await?;
        if reference.is_lasting() {
            lock(&self.inner.images).insert(key, (image.clone(), Instant::now()));
        }
        Ok(image)
    }

    async fn exists(&self, repository: &str, reference: &str) -> Result<bool> {
        let (repository, reference) = &(Repository::parse(repository)?, Reference::parse(reference)?);
        let host = &*self.host(repository)?;
        let head = move |pass: Arc<Pass>| async move {
            host.door.head(repository, reference, &pass.authorization).await
        };
        let found = self
            .persist(host, repository, || host.with_pass(repository, head))
            .await?;
        Ok(found.is_some())
    }

    async fn tags(&self, repository: &str, at_most: usize) -> Result<Tags> {
        let repository = &Repository::parse(repository)?;
        let host = &*self.host(repository)?;
        let (mut names, mut seen, mut next) = (Vec::new(), HashSet::new(), None);
        for _ in 0..PAGES {
            let page: &Option<Url> = &next;
            let turn = move |pass: Arc<Pass>| async move {
                let wanted = PAGE.min(at_most.saturating_add(1));
                host.door
                    .tags(repository, page.as_ref(), wanted, &pass.authorization)
                    .await
            };
            let page: Page = self
                .persist(host, repository, || host.with_pass(repository, turn))
                .await?
                .ok_or_else(|| {
                    not_found(
                        repository,
                        Missing::Repository {
                            path: repository.path().to_owned(),
                        },
                    )
                })?;
            let (before, empty) = (names.len(), page.names.is_empty());
            names.extend(page.names.into_iter().filter(|name| seen.insert(name.clone())));
            if names.len() > at_most {
                names.truncate(at_most);
                return Ok(Tags {
                    names,
                    complete: false,
                });
            }
            if page.next.is_none() || empty {
                return Ok(Tags {
                    names,
                    complete: true,
                });
            }
            // A registry that does not understand where to go on gives the same page for ever.
            if names.len() == before {
                break;
            }
            next = page.next;
        }
        Ok(Tags {
            names,
            complete: false,
        })
    }

    async fn files(
        &self,
        repository: &str,
        digest: &str,
        folder: &str,
        wanted: Wanted,
    ) -> Result<Vec<ImageFile>> {
        let (repository, reference) = &(Repository::parse(repository)?, Reference::parse(digest)?);
        let host = &*self.host(repository)?;
        // Asked again as a whole, and for longer than for a manifest: an image is large.
        let mut again = 0;
        loop {
            let read = host.with_pass(repository, move |pass| {
                host.files(repository, reference, folder, wanted, pass)
            });
            let failure = match read.await {
                Ok(files) => return Ok(files),
                Err(Failure::Final(error)) => return Err(error),
                Err(failure) => failure,
            };
            let asked = match &failure {
                Failure::Busy { after } | Failure::Down { after, .. } => *after,
                Failure::Refused { .. } | Failure::Final(_) => None,
            };
            let wait = retry::wait(again, asked, host.patience, rand::random());
            let Some(wait) = wait.filter(|_| again < FILES_AGAIN) else {
                return Err(given_up(failure, repository));
            };
            tracing::debug!(%repository, ?failure, ?wait, "reading the image again");
            (self.inner.pause)(wait).await;
            again += 1;
        }
    }
}

/// What a caller hears when the last attempt was in vain, too.
fn given_up(failure: Failure, repository: &Repository) -> Error {
    let registry = repository.host().to_owned();
    match failure {
        Failure::Busy { after } => Error::TooManyRequests {
            registry,
            retry_after: after,
        },
        Failure::Down { why, .. } => Error::Unreachable { registry, why },
        // Both are answered before they get here.
        Failure::Refused { status, .. } => Error::NotARegistry {
            registry,
            why: format!("it answers HTTP {status}"),
        },
        Failure::Final(error) => error,
    }
}
