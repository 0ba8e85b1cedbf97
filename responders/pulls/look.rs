//! Looking at a pull request: at GitHub for itself, at the registry for its image, at the history of deploys for where it is live.
//!
//! Side effects: reads only. GitHub answers most of it from what it said before, which costs nothing of its rate limit.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use otus::store::{Deploy, DeployFilter, DeployState};
use otus::{Result, Service, Services};
use otus_ci::github::{Error, GitHub, Relation, Repository};
use otus_ci::version::{Source, Versions};

use crate::facts::{Facts, Phase, Place, ServiceFacts, Standing};

/// So much may the clocks of GitHub and of the store differ.
const SLACK: SignedDuration = SignedDuration::from_mins(10);
/// So many deploys since the merge are looked through.
const HISTORY: u32 = 200;
/// Of a comparison only the relation counts.
const NO_COMMITS: usize = 1;

/// Who looks.
#[derive(Clone)]
pub(crate) struct Eye {
    pub(crate) services: Services,
    pub(crate) github: Arc<GitHub>,
    pub(crate) versions: Option<Arc<Versions>>,
}

impl Eye {
    /// All that is known of a pull request now; nothing when there is none of this number.
    ///
    /// # Errors
    /// When GitHub or the store cannot be asked, or when GitHub says something older than what is known: then what is known stays.
    pub(crate) async fn look(
        &self,
        repo: &Repository,
        number: u64,
        known: Option<&Facts>,
    ) -> Result<Option<Facts>> {
        let pull = match self.github.pull(repo, number).await {
            Ok(pull) => pull,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if known.is_some_and(|known| known.updated > pull.updated_at) {
            anyhow::bail!("GitHub tells of an earlier state of pull request {number} in {repo} than before");
        }
        let checks = self.github.checks(repo, &pull.head_sha).await?;
        let reviews = self.github.reviews(repo, number).await?;
        let mut facts = Facts::of(&pull, &checks, &reviews);
        if let Phase::Merged { at, sha: Some(sha) } = facts.phase.clone() {
            let merge = Merge {
                eye: self,
                repo,
                number,
                at,
                sha,
            };
            for service in services_of(&self.services, repo, &facts.base) {
                let known = known.and_then(|known| {
                    let mut services = known.services.iter();
                    services.find(|known| known.name == service.name)
                });
                facts.services.push(merge.service(&service, known).await?);
            }
        }
        Ok(Some(facts))
    }
}

/// The services that go out from a branch of a repository.
pub(crate) fn services_of(services: &Services, repo: &Repository, branch: &str) -> Vec<Service> {
    let mut all = services.catalog().services();
    all.retain(|service| is_of(service, repo) && service.branch() == branch);
    all
}

/// Whether a service is made of this repository.
pub(crate) fn is_of(service: &Service, repo: &Repository) -> bool {
    let written = service.repository.as_deref().unwrap_or_default();
    written.eq_ignore_ascii_case(&repo.to_string())
}

/// A merged pull request.
struct Merge<'a> {
    eye: &'a Eye,
    repo: &'a Repository,
    number: u64,
    at: Timestamp,
    sha: String,
}

impl Merge<'_> {
    async fn service(&self, service: &Service, known: Option<&ServiceFacts>) -> Result<ServiceFacts> {
        let services = &self.eye.services;
        let filter = DeployFilter {
            service: Some(service.name.clone()),
            since: Some(self.at - SLACK),
            limit: HISTORY,
            ..DeployFilter::default()
        };
        let rows = services.store().deploys(&filter).await?;
        let mut held = BTreeMap::new();
        let mut places = Vec::new();
        for environment in services.catalog().environments_of(service) {
            let here: Vec<&Deploy> = rows
                .iter()
                .filter(|row| row.environment == environment.name && sha_of(row).is_some())
                .collect();
            let standing = self.standing(&here, &mut held).await?;
            places.push(Place {
                environment: environment.name,
                standing,
            });
        }
        let went = places.iter().any(|place| place.standing != Standing::NotYet);
        let built = match known.and_then(|known| known.built) {
            _ if went => Some(true),
            Some(true) => Some(true),
            _ => self.built(service).await,
        };
        Ok(ServiceFacts {
            name: service.name.clone(),
            built,
            places,
        })
    }

    /// By the deploys to one environment, the newest first.
    async fn standing(&self, rows: &[&Deploy], held: &mut BTreeMap<String, bool>) -> Result<Standing> {
        let succeeded: Vec<_> = rows
            .iter()
            .filter(|row| row.state == DeployState::Succeeded)
            .collect();
        // From the oldest: the first that had it, and whether the last has it.
        let (mut since, mut last) = (None, None);
        for row in succeeded.iter().rev() {
            let holds = self.holds(row, held).await?;
            let ended = row.ended.unwrap_or(row.began);
            last = Some((holds, ended));
            if holds && since.is_none() {
                since = Some(ended);
            }
        }
        match (since, last) {
            (Some(since), Some((true, _))) => return Ok(Standing::Live(since)),
            (Some(_), Some((false, ended))) => return Ok(Standing::TakenOut(ended)),
            _ => {}
        }
        for row in rows.iter().filter(|row| row.state == DeployState::Running) {
            if self.holds(row, held).await? {
                return Ok(Standing::Coming);
            }
        }
        Ok(Standing::NotYet)
    }

    /// Whether what a deploy brought was built on the merged commit.
    async fn holds(&self, row: &Deploy, held: &mut BTreeMap<String, bool>) -> Result<bool> {
        let Some(sha) = sha_of(row) else {
            return Ok(false);
        };
        if sha == self.sha || pulls_of(row).contains(&self.number) {
            return Ok(true);
        }
        if let Some(known) = held.get(sha) {
            return Ok(*known);
        }
        let github = &self.eye.github;
        let holds = match github.compare(self.repo, &self.sha, sha, NO_COMMITS).await {
            Ok(between) => matches!(between.relation, Relation::Ahead | Relation::Identical),
            Err(Error::NotFound { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        held.insert(sha.to_owned(), holds);
        Ok(holds)
    }

    /// Whether its image is in the registry; nothing where that cannot be told.
    async fn built(&self, service: &Service) -> Option<bool> {
        let versions = self.eye.versions.as_ref()?;
        let repository = service.repository.as_deref()?;
        let (branch, tag) = (service.branch(), service.image_tag.as_deref());
        let source = Source::read(
            repository,
            branch,
            &service.checks,
            service.image.as_deref()?,
            tag,
        );
        match versions.is_built(&source.ok()?, &self.sha).await {
            Ok(built) => Some(built),
            Err(error) => {
                tracing::info!(%error, service = service.name, "whether an image is built cannot be told");
                None
            }
        }
    }
}

/// The commit that a deploy brought.
fn sha_of(row: &Deploy) -> Option<&str> {
    row.details.get("sha")?.as_str()
}

/// The pull requests that came with it.
fn pulls_of(row: &Deploy) -> Vec<u64> {
    let pulls = row.details.get("pulls").and_then(|pulls| pulls.as_array());
    pulls
        .into_iter()
        .flatten()
        .filter_map(serde_json::Value::as_u64)
        .collect()
}
