//! Purpose: from a tag in a container registry to the digest that is deployed, and to what the image says it was built from.
//!
//! A tag can be moved, a digest cannot: an image is asked for once, by the tag that is the commit's full sha, and only its
//! digest is used ever after. [`fit`] then holds what the image says of itself against the commit.
//!
//! | step | where |
//! |---|---|
//! | `registry.example.com/team/api` and a tag or digest become names that are safe in an address | `name.rs` |
//! | user and password, from wherever they lie, read anew when they are refused or old | `credentials.rs`, `docker_config.rs` |
//! | the registry says how it wants to be logged in to; a token is fetched; HEAD tells the digest | `challenge.rs`, `door.rs`, `door/` |
//! | manifests and the image's config are fetched and their digests verified, by `oci-client` | `content.rs` |
//! | a manifest, an index, a config: which one is read, and what it says | `manifest.rs` |
//! | a pass that was given is used while it is good, and once more with a new password | `host.rs` |
//! | all of it in order, for one image | `look.rs` |
//! | the files of a folder in it: which layers, and what of them counts | `files.rs`, `layers.rs` |
//! | whether and when to ask again | `retry.rs` |
//! | what is known already, and the one trait callers see | `client.rs`, `cache.rs` |
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use otus_ci::registry::{Images as _, Registry, fit};
//!
//! let registry = Registry::new(&Default::default())?;
//! let commit = "0123456789abcdef0123456789abcdef01234567";
//! let image = registry.image("registry.example.com/team/api", commit).await?;
//! println!("{}: {}", image.digest, fit(&image, commit));
//! # Ok(()) }
//! ```
//!
//! `oci-client` shows no headers of an answer, and swallows why a token could not be had. So whatever needs one of them
//! (logging in, `Retry-After`, `Link`, what tells a wrong password from a missing right) happens at our own door, and the
//! client is given a finished token. It never replaces a login it was once given; each token gets a new client.

mod cache;
mod challenge;
mod client;
mod config;
mod content;
mod credentials;
mod docker_config;
mod door;
mod error;
mod files;
mod fit;
mod host;
mod image;
mod layers;
mod look;
mod manifest;
mod name;
mod retry;
#[cfg(test)]
mod tests;

pub use client::{Images, Registry};
pub use config::{ConfigError, RegistryConfig};
pub use error::{Error, Missing, Refusal, Result};
pub use fit::{Fit, fit};
pub use image::{Image, Tags};
pub use layers::{ImageFile, Wanted};
pub use name::check_name;
