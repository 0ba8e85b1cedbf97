//! GitHub's REST API: what a deploy needs to know of a commit, and what it tells.
//!
//! [`GitHub`] asks; [`verdict`] decides whether a commit is green from what was read, without asking anything itself.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use otus_ci::github::{GitHub, GitHubConfig, Verdict, verdict};
//!
//! let github = GitHub::new(&GitHubConfig { token: Some("ghp_…".into()), ..Default::default() })?;
//! let repo = "acme/api".parse()?;
//! let head = github.branch_head(&repo, "main").await?;
//! let checks = github.checks(&repo, &head.sha).await?;
//! match verdict(&checks, &["build".into()]) {
//!     Verdict::Green => println!("{} can go out", head.sha),
//!     Verdict::Pending(names) => println!("waiting for {}", names.join(", ")),
//!     Verdict::Red(names) => println!("failed: {}", names.join(", ")),
//!     Verdict::Missing(names) => println!("never ran: {}", names.join(", ")),
//! }
//! # Ok(()) }
//! ```

mod auth;
mod cache;
mod call;
mod checks;
mod client;
mod commits;
mod compare;
mod config;
mod deliveries;
mod deployments;
mod error;
mod files;
mod jwt;
mod limit;
mod link;
mod pages;
mod pulls;
mod refusals;
mod repo;
mod required;
mod reviews;
mod search;
mod verdict;

pub use checks::{Check, CheckState, Checks, Source};
pub use client::GitHub;
pub use commits::Commit;
pub use compare::{ChangedFile, Comparison, FileStatus, MOST_FILES, Relation};
pub use config::GitHubConfig;
pub use deliveries::{Delivery, Hook};
pub use deployments::{Deployment, DeploymentState, DeploymentUpdate, NewDeployment};
pub use error::{ConfigError, Error, Result};
pub use files::RepositoryFile;
pub use pulls::Pull;
pub use repo::{NotARepository, Repository};
pub use reviews::Reviews;
pub use search::{Mention, Mentions};
pub use verdict::{Verdict, verdict};
