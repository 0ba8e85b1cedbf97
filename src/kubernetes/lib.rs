//! Changing what runs in Kubernetes, judging how that goes, and explaining why it does not.
//!
//! An engine: it knows no chat. It reads a [`Workload`], [`apply()`]s another image with server-side apply, and
//! follows the [`Rollout`] to its end; [`job`] runs something once beside it, and [`canary`] a few pods
//! before it. What decides ([`judge()`], [`explain()`]) is a function of what was seen,
//! without IO or a clock of its own.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

pub mod annotations;
mod apply;
mod argo;
pub mod canary;
mod cause;
mod check;
mod client;
mod config;
mod contact;
mod counts;
mod error;
pub mod events;
mod explain;
mod fence;
mod follow;
mod image;
pub mod job;
mod judge;
mod logs;
mod look;
pub mod managed;
mod memory;
mod object;
mod redact;
mod seen;
mod sources;
mod verdict;
mod watch;
mod workload;

pub use apply::{Applied, Change, Conflict, Outcome, apply};
pub use argo::{Rollout as ArgoRollout, Step};
pub use cause::{Cause, Doom, Exit, Fault};
pub use check::{Missing, Need, Report, check, role};
pub use client::{Cluster, Clusters};
pub use config::{Adopt, ClusterConfig, Config, DEFAULT_CLUSTER};
pub use contact::Outage;
pub use error::Error;
pub use explain::{explain, is_displaced};
pub use fence::{Stamp, claim, pause, resume, stop};
pub use follow::Progress as Followed;
pub use image::{Image, ImageError, Version};
pub use judge::{Settings, World, judge};
pub use logs::last_lines;
pub use look::{PodSeen, happened, pods, tail};
pub use memory::{Bake, Memory};
pub use object::Object;
pub use redact::redact;
pub use verdict::{Found, Verdict, Why};
pub use watch::{Progress, Rollout};
pub use workload::{Kind, Running, UnknownKind, Workload};
