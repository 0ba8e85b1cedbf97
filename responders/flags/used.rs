//! Where a flag is used: the files of the services' repositories that name it, as GitHub's code search knows them, kept for a while.
//!
//! Nothing is said where no service has a repository, or while GitHub does not answer: then nobody knows, which is not the same as nowhere.

use crate::facts;
use otus::{Result, Services};
use otus_ci::github::{GitHub, Mention, Repository};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// What was found stands so long: GitHub answers ten such questions a minute.
const FRESH: Duration = Duration::from_secs(3_600);
/// Whoever looks at a flag does not wait longer for this.
const PATIENCE: Duration = Duration::from_secs(4);
/// So many flags are looked for while somebody waits.
pub(crate) const FEW: usize = 5;
/// So many once a week.
pub(crate) const MANY: usize = 500;
/// A name that is shorter stands in every other file.
const SHORTEST: usize = 4;

/// Where a flag is used.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Used {
    /// The repositories that were looked through.
    pub(crate) repositories: Vec<String>,
    /// Files, each with its repository.
    pub(crate) files: Vec<(String, Mention)>,
    /// How many there are.
    pub(crate) total: usize,
    /// Whether all was looked through.
    whole: bool,
}

impl Used {
    /// Whether no code names it, for certain.
    pub(crate) fn is_nowhere(&self) -> bool {
        self.whole && self.total == 0
    }
}

/// What was found, by flag.
#[derive(Debug, Default)]
pub(crate) struct Code {
    found: Mutex<HashMap<String, (Instant, Used)>>,
}

impl Code {
    /// Where a flag is used; nothing where nobody knows.
    pub(crate) async fn look(&self, services: &Services, flag: &str) -> Option<Used> {
        if let Some(used) = self.known(flag) {
            return Some(used);
        }
        let used = tokio::time::timeout(PATIENCE, search(services, flag))
            .await
            .ok()??;
        self.keep(flag, &used);
        Some(used)
    }

    /// The same, with a look into the code only while there are some left.
    pub(crate) async fn look_some(&self, services: &Services, flag: &str, left: &mut usize) -> Option<Used> {
        if let Some(used) = self.known(flag) {
            return Some(used);
        }
        *left = left.checked_sub(1)?;
        let found = search(services, flag).await;
        match &found {
            Some(used) => self.keep(flag, used),
            // It is not asked for the others either.
            None => *left = 0,
        }
        found
    }

    fn known(&self, flag: &str) -> Option<Used> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, used) = found.get(flag)?;
        (at.elapsed() < FRESH).then(|| used.clone())
    }

    fn keep(&self, flag: &str, used: &Used) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.retain(|_, (at, _)| at.elapsed() < FRESH);
        found.insert(flag.to_owned(), (Instant::now(), used.clone()));
    }
}

/// Asks GitHub.
async fn search(services: &Services, flag: &str) -> Option<Used> {
    let github = services.resources().get::<GitHub>()?;
    let mut repositories: BTreeMap<String, Repository> = BTreeMap::new();
    for service in services.catalog().services() {
        if let Some(repository) = service
            .repository
            .as_deref()
            .and_then(|name| name.parse::<Repository>().ok())
        {
            repositories.insert(repository.to_string(), repository);
        }
    }
    if repositories.is_empty() || flag.len() < SHORTEST {
        return None;
    }
    let mut used = Used {
        whole: true,
        ..Used::default()
    };
    for (name, repository) in repositories {
        match github.mentions(&repository, flag).await {
            Ok(found) => {
                used.whole &= found.whole;
                used.total += found.total;
                used.files
                    .extend(found.files.into_iter().map(|file| (name.clone(), file)));
                used.repositories.push(name);
            }
            Err(error) => {
                tracing::info!(repository = name, %error, "nobody knows where a flag is used");
                return None;
            }
        }
    }
    Some(used)
}

/// Remembers that there was code, so that it can be gone.
pub(crate) async fn remember(services: &Services, flag: &str, used: &Used) -> Result<()> {
    let store = services.store().as_ref();
    if used.total > 0 && !facts::of(store, flag).await?.used {
        facts::change(store, flag, &[], |facts| facts.used = true).await?;
    }
    Ok(())
}
