//! Purpose: what callers ask of container registries, step by step, again where it helps, and from memory where it is safe.
//!
//! Side effects: reads registries, password files and commands; changes nothing in the world.

use super::{
    Image, RegistryConfig, Tags,
    cache::Bounded,
    challenge::Challenge,
    content::Content,
    credentials::Login,
    door::{Authorization, Door, Page, Ticket},
    error::{Error, Failure, Missing, Refusal, Result},
    manifest::{self, Manifest},
    name::{Reference, Repository},
    retry,
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use url::Url;

/// How many images, registries and passes are remembered at most.
const IMAGES: usize = 1024;
const HOSTS: usize = 64;
const PASSES: usize = 256;

/// How long an image is known. A build that runs again can push the same tag anew.
const KNOWN_FOR: Duration = Duration::from_secs(600);

/// How many tags are asked for at once, and how many pages are turned for one list.
const PAGE: usize = 1000;
const PAGES: usize = 100;

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

/// One registry and the passes it has given us.
struct Host {
    door: Door,
    patience: Duration,
    passes: Mutex<Bounded<String, Arc<Pass>>>,
}

/// What opens one repository, and a client that has it.
struct Pass {
    authorization: Authorization,
    login: Option<Login>,
    until: Instant,
    content: Content,
}

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
            let before = names.len();
            names.extend(page.names.into_iter().filter(|name| seen.insert(name.clone())));
            // A registry that does not understand where to go on gives the same page for ever.
            let ended = page.next.is_none() || names.len() == before;
            if names.len() > at_most {
                names.truncate(at_most);
                return Ok(Tags {
                    names,
                    complete: false,
                });
            }
            if ended {
                return Ok(Tags {
                    names,
                    complete: true,
                });
            }
            next = page.next;
        }
        Ok(Tags {
            names,
            complete: false,
        })
    }
}

impl Host {
    fn new(name: &str, config: &RegistryConfig) -> Result<Self> {
        Ok(Self {
            door: Door::new(name, config)?,
            patience: config.patience,
            passes: Mutex::new(Bounded::new(PASSES)),
        })
    }

    /// Does something with a pass. If that does not open (any more), it is done once more with a new one, and a login that
    /// was read anew.
    async fn with_pass<T, F>(
        &self,
        repository: &Repository,
        work: impl Fn(Arc<Pass>) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let (pass, fresh) = self.pass(repository).await?;
        let answer = work(pass.clone()).await;
        let Err(Failure::Refused { status, challenge }) = answer else {
            return answer;
        };
        // Some let everybody in, and ask only at the repository.
        let challenge = challenge.filter(|_| matches!(pass.authorization, Authorization::Open));
        self.forget(repository, &pass);
        let login = match &pass.login {
            Some(refused) => match self.door.credentials.other_than(refused).await? {
                Some(other) => Some(other),
                // The same login with a new token is worth a try only if the token was an old one.
                None if fresh || matches!(pass.authorization, Authorization::Basic(_)) => {
                    return Err(self.refused(repository, &pass, status));
                }
                None => Some(refused.clone()),
            },
            None => self.door.credentials.login().await?,
        };
        let pass = self.enter(repository, login, challenge).await?;
        match work(pass.clone()).await {
            Err(Failure::Refused { status, .. }) => {
                self.forget(repository, &pass);
                Err(self.refused(repository, &pass, status))
            }
            answer => answer,
        }
    }

    /// A pass that is there and still good, or a new one, and whether it is new.
    async fn pass(&self, repository: &Repository) -> Result<(Arc<Pass>, bool), Failure> {
        let known = lock(&self.passes).get(&repository.path().to_owned()).cloned();
        match known.filter(|pass| Instant::now() < pass.until) {
            Some(pass) => Ok((pass, false)),
            None => {
                let login = self.door.credentials.login().await?;
                Ok((self.enter(repository, login, None).await?, true))
            }
        }
    }

    /// Gets in; once more with another login, if the first one is refused and there is another by now.
    async fn enter(
        &self,
        repository: &Repository,
        login: Option<Login>,
        challenge: Option<Challenge>,
    ) -> Result<Arc<Pass>, Failure> {
        let ticket = match (
            self.door
                .ticket(repository, login.clone(), challenge.clone())
                .await,
            login,
        ) {
            (Err(Failure::Refused { .. }), Some(refused)) => {
                let bad = |user: &str| {
                    self.door.not_allowed(Refusal::Login {
                        user: user.to_owned(),
                    })
                };
                let other = self.door.credentials.other_than(&refused).await?;
                let other = other.ok_or_else(|| bad(&refused.user))?;
                match self.door.ticket(repository, Some(other.clone()), challenge).await {
                    Err(Failure::Refused { .. }) => return Err(bad(&other.user)),
                    ticket => ticket?,
                }
            }
            (ticket, _) => ticket?,
        };
        let Ticket {
            authorization,
            login,
            good_for,
        } = ticket;
        let content = Content::new(&self.door.settings, repository, &authorization).await?;
        let until = Instant::now() + good_for;
        let pass = Arc::new(Pass {
            authorization,
            login,
            until,
            content,
        });
        lock(&self.passes).insert(repository.path().to_owned(), pass.clone());
        Ok(pass)
    }

    fn forget(&self, repository: &Repository, pass: &Arc<Pass>) {
        let (mut passes, path) = (lock(&self.passes), repository.path().to_owned());
        if passes.get(&path).is_some_and(|known| Arc::ptr_eq(known, pass)) {
            passes.remove(&path);
        }
    }

    /// Whose fault it is that even a new pass does not open.
    fn refused(&self, repository: &Repository, pass: &Pass, status: u16) -> Failure {
        let path = repository.path().to_owned();
        let why = match (&pass.login, &pass.authorization) {
            (None, _) => Refusal::NoCredentials { path },
            // With Basic, the password is looked at only here.
            (Some(login), Authorization::Basic(_)) if status == 401 => Refusal::Login {
                user: login.user.clone(),
            },
            (Some(login), _) => Refusal::Repository {
                user: login.user.clone(),
                path,
            },
        };
        self.door.not_allowed(why)
    }

    async fn image(
        &self,
        repository: &Repository,
        reference: &Reference,
        pass: Arc<Pass>,
    ) -> Result<Image, Failure> {
        let Some(head) = self.door.head(repository, reference, &pass.authorization).await? else {
            return Err(self.missing(repository, reference, &pass).await?.into());
        };
        let no_image = |why: String| {
            Failure::from(Error::NoImage {
                name: format!("{repository}:{}", reference.as_str()),
                why,
            })
        };
        let lost = |what: &str, digest: &str| {
            no_image(format!(
                "its {what} {digest} is not in the registry; push it again"
            ))
        };
        // From here on by the digest, so that a tag that is moved meanwhile gives no mixture.
        let exact = head.digest.map_or_else(|| reference.clone(), Reference::Digest);
        let content = &pass.content;
        let Some((body, digest)) = content.manifest(repository, &exact).await? else {
            return Err(self.missing(repository, reference, &pass).await?.into());
        };
        let none = BTreeMap::new();
        let (single, platforms, outer) = match manifest::read(&body).map_err(no_image)? {
            Manifest::Image(single) => (single, Vec::new(), none),
            Manifest::Index {
                read,
                platforms,
                annotations,
            } => {
                let entry = Reference::parse(&read).map_err(|error| no_image(error.to_string()))?;
                let inner = content.manifest(repository, &entry).await?;
                let (body, _) = inner.ok_or_else(|| lost("manifest", &read))?;
                match manifest::read(&body).map_err(no_image)? {
                    Manifest::Image(single) => (single, platforms, annotations),
                    Manifest::Index { .. } => return Err(no_image("it is an index of indexes".to_owned())),
                }
            }
        };
        if single.config_bytes > super::content::LARGEST || !super::name::is_digest(&single.config) {
            return Err(no_image(
                "its manifest names a config that cannot be one".to_owned(),
            ));
        }
        let config = content.blob(repository, &single.config).await?;
        let config = config.ok_or_else(|| lost("config", &single.config))?;
        manifest::describe(digest, &config, [&single.annotations, &outer], platforms).map_err(no_image)
    }

    /// Which of the two is not there: the repository or the image in it.
    async fn missing(
        &self,
        repository: &Repository,
        reference: &Reference,
        pass: &Pass,
    ) -> Result<Error, Failure> {
        let (path, name) = (repository.path().to_owned(), reference.as_str().to_owned());
        // Listing tags can be another right than reading an image; then it stays open.
        let missing = match self.door.tags(repository, None, 1, &pass.authorization).await {
            Ok(Some(_)) => Missing::Image {
                path,
                reference: name,
            },
            Ok(None) => Missing::Repository { path },
            Err(_) => Missing::Either {
                path,
                reference: name,
            },
        };
        Ok(not_found(repository, missing))
    }
}

fn not_found(repository: &Repository, missing: Missing) -> Error {
    Error::NotFound {
        registry: repository.host().to_owned(),
        missing,
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

/// What is behind these locks is whole between any two statements, also when a thread has panicked.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
