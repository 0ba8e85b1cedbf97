//! Purpose: from what a person calls a version to the one image that is it, by digest: proven by CI, built from that commit.
//!
//! | step | where |
//! |---|---|
//! | where a service's commits and images are | `source.rs`, `template.rs` |
//! | what somebody may say for a version | `said.rs` |
//! | whether a commit may go out: its checks, its image, the image's label. Pure | `ready.rs` |
//! | what came of it: a version, or a refusal with its reason | `resolved.rs`, `error.rs` |
//! | asking GitHub and the registry, one step after the other | `find.rs`, `latest.rs` |
//! | how a version lies to the one that runs | `way.rs` |
//!
//! A tag can be moved and a branch moves by itself: they are asked for once. What was found holds the digest, and only that is
//! deployed, in every environment that follows.
//!
//! ```no_run
//! # async fn example(github: otus_ci::github::GitHub, images: otus_ci::registry::Registry) -> Result<(), Box<dyn std::error::Error>> {
//! use otus_ci::version::{Source, Versions};
//! use std::sync::Arc;
//!
//! let versions = Versions::new(github, Arc::new(images));
//! let source = Source::new("acme/api".parse()?, "main", "registry.example.com/team/api");
//! let found = versions.find(&source, &"latest green".parse()?).await?;
//! println!("{} is {}", found.version.name(), found.version.image);
//! # Ok(()) }
//! ```

mod error;
mod find;
mod latest;
mod ready;
mod resolved;
mod said;
mod source;
mod template;
mod way;

pub use error::{Error, Refusal, Result};
pub use find::Versions;
pub use latest::MOST_LOOKED_AT;
pub use ready::{NotReady, State};
pub use resolved::{Found, Resolved, Skipped};
pub use said::{NotAVersion, Said};
pub use source::{Source, SourceFault};
pub use template::{ImageTag, NotATemplate};
pub use way::{Direction, Way};
