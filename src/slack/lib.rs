//! Otus in Slack: the adapter between Slack and the robot's core.
//!
//! Events come in by Socket Mode ([`socket`]) or over HTTP; what goes out passes per-channel queues and the Web API
//! ([`web`]).

mod config;
mod error;
mod queue;
pub mod socket;
pub mod text;
pub mod web;

pub use self::{
    config::{Entrance, Liveness, PUBLIC_API, Pace, SlackConfig, Timeouts},
    error::{Credential, SlackError},
    web::Web,
};
