//! Purpose: reading an image: its digest, then what it says of itself.

use super::{
    Image,
    error::{Error, Failure, Missing},
    host::{Host, Pass},
    manifest::{self, Manifest},
    name::{Reference, Repository},
};
use std::{collections::BTreeMap, sync::Arc};

impl Host {
    pub(super) async fn image(
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
    pub(super) async fn missing(
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

pub(super) fn not_found(repository: &Repository, missing: Missing) -> Error {
    Error::NotFound {
        registry: repository.host().to_owned(),
        missing,
    }
}
