//! Purpose: one registry, and the passes it has given us.

use super::{
    RegistryConfig,
    cache::Bounded,
    challenge::Challenge,
    content::Content,
    credentials::Login,
    door::{Authorization, Door, Ticket},
    error::{Failure, Refusal, Result},
    name::Repository,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How many passes are remembered at most.
const PASSES: usize = 256;

/// One registry and the passes it has given us.
pub(crate) struct Host {
    pub(super) door: Door,
    pub(super) patience: Duration,
    passes: Mutex<Bounded<String, Arc<Pass>>>,
}

/// What opens one repository, and a client that has it.
pub(crate) struct Pass {
    pub(super) authorization: Authorization,
    login: Option<Login>,
    until: Instant,
    pub(super) content: Content,
}

impl Host {
    pub(super) fn new(name: &str, config: &RegistryConfig) -> Result<Self> {
        Ok(Self {
            door: Door::new(name, config)?,
            patience: config.patience,
            passes: Mutex::new(Bounded::new(PASSES)),
        })
    }

    /// Does something with a pass. If that does not open (any more), it is done once more with a new one, and a login that
    /// was read anew.
    pub(super) async fn with_pass<T, F>(
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
        if pass.login.is_none() && login.is_some() && challenge.is_none() {
            let why = format!("it answers HTTP {status} without saying how to log in");
            return Err(self.door.strange(why));
        }
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
}

/// What is behind these locks is whole between any two statements, also when a thread has panicked.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
