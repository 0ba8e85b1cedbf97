//! Purpose: reading files out of an image, layer by layer from the top, without unpacking any.

use super::{
    ImageFile,
    content::LayerError,
    error::{Error, Failure},
    host::{Host, Pass},
    layers::{Folder, Trouble, Wanted},
    manifest::{self, Layer, Manifest, Packed},
    name::{Reference, Repository},
};
use flate2::read::MultiGzDecoder;
use std::{io::Read, sync::Arc, time::Duration};
use tokio_util::io::SyncIoBridge;

/// How long reading one layer may take: some are large, and all of it has to come so that its digest is verified.
const LAYER: Duration = Duration::from_secs(300);
/// So many bytes wait between the network and whoever unpacks them.
const BETWEEN: usize = 256 * 1024;
/// The largest layer that is fetched, in bytes as it is packed.
const LARGEST: u64 = 4 * 1024 * 1024 * 1024;

impl Host {
    /// The files of a folder.
    pub(super) async fn files(
        &self,
        repository: &Repository,
        reference: &Reference,
        folder: &str,
        wanted: Wanted,
        pass: Arc<Pass>,
    ) -> Result<Vec<ImageFile>, Failure> {
        let name = format!("{repository}:{}", reference.as_str());
        let no_files = |why: String| {
            Failure::from(Error::NoFiles {
                name: name.clone(),
                folder: folder.to_owned(),
                why,
            })
        };
        let content = &pass.content;
        let Some((body, _)) = content.manifest(repository, reference).await? else {
            return Err(self.missing(repository, reference, &pass).await?.into());
        };
        let single = match manifest::read(&body).map_err(no_files)? {
            Manifest::Image(single) => single,
            Manifest::Index { read, .. } => {
                let entry = Reference::parse(&read).map_err(|error| no_files(error.to_string()))?;
                let inner = content.manifest(repository, &entry).await?;
                let (body, _) =
                    inner.ok_or_else(|| no_files("its manifest is not in the registry".into()))?;
                match manifest::read(&body).map_err(no_files)? {
                    Manifest::Image(single) => single,
                    Manifest::Index { .. } => return Err(no_files("it is an index of indexes".into())),
                }
            }
        };
        let mut found = Folder::new(folder, wanted);
        for layer in single.layers.iter().rev() {
            if layer.bytes > LARGEST || !super::name::is_digest(&layer.digest) {
                return Err(no_files("its manifest names a layer that cannot be one".into()));
            }
            let packed = layer.packed().map_err(no_files)?;
            found = self
                .layer(repository, layer, packed, found, &pass, &no_files)
                .await?;
        }
        found
            .files()
            .ok_or_else(|| no_files("there is no such folder in the image".into()))
    }

    /// Reads one layer: the network on this side of a pipe, what unpacks it on a thread of its own.
    async fn layer(
        &self,
        repository: &Repository,
        layer: &Layer,
        packed: Packed,
        mut folder: Folder,
        pass: &Pass,
        no_files: &(impl Fn(String) -> Failure + Sync),
    ) -> Result<Folder, Failure> {
        let (mut into, from) = tokio::io::duplex(BETWEEN);
        let reader = SyncIoBridge::new(from);
        let unpack = tokio::task::spawn_blocking(move || {
            let read: Box<dyn Read> = match packed {
                Packed::Gzip => Box::new(MultiGzDecoder::new(reader)),
                Packed::Not => Box::new(reader),
            };
            folder.layer(read).map(|()| folder)
        });
        let fetch = async {
            let fetched = pass
                .content
                .layer(repository, &layer.digest, LAYER, &mut into)
                .await;
            // The other side reads on until this one is gone.
            drop(into);
            fetched
        };
        let (fetched, unpacked) = tokio::join!(fetch, unpack);
        let unpacked = unpacked.map_err(|error| no_files(error.to_string()))?;
        match (fetched, unpacked) {
            // Whoever unpacks has said why it stopped; that the pipe broke is what came of it.
            (_, Err(Trouble::Wrong(why))) => Err(no_files(why)),
            (Ok(true), Ok(folder)) => Ok(folder),
            (Ok(false), _) => Err(no_files(format!(
                "its layer {} is not in the registry; push it again",
                layer.digest
            ))),
            (Err(LayerError::Failure(failure)), _) => Err(failure),
            // It came whole, and is not what it says.
            (Ok(true) | Err(LayerError::Pipe), Err(Trouble::Cut(error))) => Err(no_files(format!(
                "its layer {} cannot be unpacked ({error})",
                layer.digest
            ))),
            (Err(LayerError::Pipe), Ok(_)) => Err(no_files("a layer was not read to its end".into())),
        }
    }
}
