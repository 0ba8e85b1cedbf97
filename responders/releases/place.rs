//! Where a service runs, and what runs there, as far as the cluster tells in time.

use std::time::Duration;

use otus::store::{Deploy, DeployFilter, DeployState};
use otus::{Environment, Result, Service, Services};
use otus_kubernetes::{Clusters, DEFAULT_CLUSTER, Error, Image, Kind, Running, Workload};
use tokio::time::timeout;

/// How many places are asked at once, and how long the slowest may take.
pub(crate) const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(4);
/// How far back the deploy of what runs is looked for.
const HISTORY: u32 = 50;

/// A service in an environment.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    /// The service.
    pub(crate) service: Service,
    /// The environment.
    pub(crate) environment: Environment,
}

/// What runs at a spot, and what is remembered of it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// What the cluster says, or why it says nothing.
    pub(crate) running: Result<Running, String>,
    /// Its newest deploys, the newest first.
    pub(crate) deploys: Vec<Deploy>,
}

/// All spots of a service, or of all.
pub(crate) fn spots(services: &Services, service: Option<Service>) -> Vec<Spot> {
    let catalog = services.catalog();
    let asked = service.map_or_else(|| catalog.services(), |service| vec![service]);
    asked
        .into_iter()
        .flat_map(|service| {
            let environments = catalog.environments_of(&service);
            environments.into_iter().map(move |environment| Spot {
                service: service.clone(),
                environment,
            })
        })
        .collect()
}

/// The workload of a spot.
pub(crate) fn workload(services: &Services, spot: &Spot) -> Workload {
    let placement = services.catalog().placement(&spot.service, &spot.environment);
    // A kind that does not exist is found when the configuration is read.
    let (kind, name) = Kind::split(&placement.workload).unwrap_or((Kind::Deployment, &placement.workload));
    Workload {
        cluster: placement.cluster.unwrap_or_else(|| DEFAULT_CLUSTER.to_owned()),
        namespace: placement.namespace,
        kind,
        name: name.to_owned(),
        container: placement.container,
        service: spot.service.name.clone(),
    }
}

/// What runs at a spot.
pub(crate) async fn running(services: &Services, spot: &Spot) -> Result<Running, String> {
    let workload = workload(services, spot);
    let look = async {
        let clusters = services
            .resource::<Clusters>()
            .map_err(|error| error.to_string())?;
        let cluster = clusters
            .get(&workload.cluster)
            .await
            .map_err(|error| error.to_string())?;
        workload.read(&cluster).await.map_err(|error| error.to_string())
    };
    timeout(PATIENCE, look).await.unwrap_or_else(|_| {
        Err(Error::TimedOut {
            cluster: workload.cluster.clone(),
            after: PATIENCE,
        }
        .to_string())
    })
}

/// What runs at a spot, and what is remembered of it.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn see(services: &Services, spot: &Spot) -> Result<Seen> {
    let filter = DeployFilter {
        service: Some(spot.service.name.clone()),
        environment: Some(spot.environment.name.clone()),
        limit: HISTORY,
        ..DeployFilter::default()
    };
    Ok(Seen {
        deploys: services.store().deploys(&filter).await?,
        running: running(services, spot).await,
    })
}

impl Seen {
    /// The newest release that went out well.
    pub(crate) fn last_good(&self) -> Option<&Deploy> {
        self.deploys
            .iter()
            .find(|deploy| deploy.state == DeployState::Succeeded)
    }

    /// The image that runs; as long as the cluster does not say, what was released last.
    pub(crate) fn image(&self) -> Option<&str> {
        match &self.running {
            Ok(running) => Some(&running.image),
            Err(_) => self.last_good().map(|deploy| deploy.image.as_str()),
        }
    }

    /// The newest deploy of the image that runs.
    pub(crate) fn release(&self) -> Option<&Deploy> {
        let image = self.image()?;
        self.deploys.iter().find(|deploy| deploy.image == image)
    }

    /// What people call what runs.
    pub(crate) fn version(&self) -> Option<String> {
        if let Some(release) = self.release() {
            return Some(release.version.clone());
        }
        let running = self.running.as_ref().ok()?;
        Some(
            running
                .version
                .clone()
                .unwrap_or_else(|| version_of(&running.image)),
        )
    }

    /// What the repository knows what runs by.
    pub(crate) fn reference(&self) -> Option<String> {
        self.release()
            .and_then(reference)
            .or_else(|| named(self.version()?.as_str(), self.image()?))
    }
}

/// What people call an image's version.
pub(crate) fn version_of(image: &str) -> String {
    let read = image.parse::<Image>().ok();
    read.and_then(|image| Some(image.version()?.to_string()))
        .unwrap_or_else(|| "latest".to_owned())
}

/// What the repository knows a release by: the revision noted with it, else its version or its image's tag.
pub(crate) fn reference(deploy: &Deploy) -> Option<String> {
    let noted = ["revision", "sha", "commit"]
        .into_iter()
        .find_map(|key| deploy.details.get(key)?.as_str())
        .map(str::to_owned);
    noted.or_else(|| named(&deploy.version, &deploy.image))
}

/// What the repository may know an image by that no release is known of.
pub(crate) fn reference_of(image: &str) -> Option<String> {
    named(&version_of(image), image)
}

/// A digest names no commit; the tag beside it may.
fn named(version: &str, image: &str) -> Option<String> {
    if !version.contains(':') && version != "latest" {
        return Some(version.to_owned());
    }
    image.parse::<Image>().ok()?.tag.filter(|tag| tag != "latest")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_repository_knows_an_image_by() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (version, image, known) in [
            ("v1", "r/api:v1".to_owned(), Some("v1")),
            (digest.as_str(), format!("r/api:v2@{digest}"), Some("v2")),
            (digest.as_str(), format!("r/api@{digest}"), None),
            ("latest", "r/api".to_owned(), None),
        ] {
            assert_eq!(named(version, &image).as_deref(), known, "{version} {image}");
        }
        assert_eq!(version_of("r:5000/api"), "latest");
        assert_eq!(version_of("r:5000/api:v3"), "v3");
    }
}
