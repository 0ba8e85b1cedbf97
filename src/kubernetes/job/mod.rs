//! Running something once beside a workload, for example a migration: a Kubernetes Job that is made at most once, however
//! often its operation is taken up, followed to its end, and explained when it does not get there.
//!
//! | what | where |
//! |---|---|
//! | What is to run, and the name it always has | `plan` |
//! | The workload's own pod template, with another image and command | `template` |
//! | Making it or finding it, claiming it, deleting it | `start` |
//! | What has become of it: a function of what is seen and the time | `judge`, `verdict` |
//! | Watching it to its end | `follow` |
//!
//! ```no_run
//! # use otus_kubernetes::{Cluster, Error, Stamp, job::{self, Plan, Run, Settings}};
//! # async fn example(cluster: Cluster, plan: Plan, stamp: Stamp) -> Result<(), Error> {
//! let launched = job::start(&cluster, &plan, &stamp).await?;
//! // Keep `launched` with the operation here: who has it calls `job::claim`, which never makes a second Job.
//! let mut run = Run::follow(cluster.clone(), launched.clone(), Settings::default());
//! while let Some(progress) = run.next().await {
//!     if progress?.verdict.is_final() {
//!         break;
//!     }
//! }
//! # Ok(()) }
//! ```

mod follow;
mod judge;
mod plan;
mod start;
mod template;
mod verdict;

pub use follow::{Progress, Run};
pub use judge::{Settings, World, judge};
pub use plan::{Base, Env, Plan};
pub use start::{Cancelled, Launched, cancel, claim, find, start};
pub use verdict::{Stage, Verdict};
