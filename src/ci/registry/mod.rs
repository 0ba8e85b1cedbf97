//! Purpose: from a tag in a container registry to the digest that is deployed, and to what the image says it was built from.
//!
//! A tag can be moved, a digest cannot: an image is asked for once, by the tag that is the commit's full sha, and only its
//! digest is used ever after. [`fit`] then holds what the image says of itself against the commit.
//!
//! | step | where |
//! |---|---|
//! | `registry.example.com/team/api` and a tag or digest become names that are safe in an address | `name.rs` |
//! | user and password, from wherever they lie, read anew when they are refused or old | `credentials.rs`, `docker_config.rs` |
//! | the registry says how it wants to be logged in to; a token is fetched; HEAD tells the digest | `door.rs`, `challenge.rs` |
//! | manifests and the image's config are fetched and their digests verified, by `oci-client` | `content.rs` |
//! | a manifest, an index, a config: which one is read, and what it says | `manifest.rs` |
//! | whether and when to ask again | `retry.rs` |
//! | all of them in order, what is known already, and the one trait callers see | `registry.rs` |
//!
//! `oci-client` shows no headers of an answer, and swallows why a token could not be had. So whatever needs one of them
//! (logging in, `Retry-After`, `Link`, what tells a wrong password from a missing right) happens at our own door, and the
//! client is given a finished token. It never replaces a login it was once given; each token gets a new client.

mod cache;
mod challenge;
mod config;
mod content;
mod credentials;
mod docker_config;
mod door;
mod error;
mod fit;
mod image;
mod manifest;
mod name;
#[expect(
    clippy::module_inception,
    reason = "the folder and what it is about share their name"
)]
mod registry;
mod retry;
#[cfg(test)]
mod tests;

pub use config::{ConfigError, RegistryConfig};
pub use error::{Error, Missing, Refusal, Result};
pub use fit::{Fit, fit};
pub use image::{Image, Tags};
pub use registry::{Images, Registry};
