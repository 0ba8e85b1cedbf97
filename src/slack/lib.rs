//! Otus in Slack: the adapter between Slack and the robot's core.
//!
//! Events come in by Socket Mode ([`socket`]) or over HTTP, are acknowledged before anything else, understood
//! (`events`) and handed to the robot (`listener`). What goes out is rendered ([`text`], [`blocks`]), waits for its turn
//! in per-channel queues (`queue`) and leaves by the Web API ([`web`]). [`Slack`] is the whole of it.

pub mod blocks;
mod chat;
mod check;
mod config;
mod error;
mod events;
mod events_http;
mod files;
mod form;
mod hooks;
mod listener;
pub mod manifest;
mod outgoing;
mod people;
mod queue;
mod slack;
pub mod socket;
pub mod text;
pub mod web;

pub use self::{
    check::{Checked, check, check_channel},
    config::{Entrance, Liveness, PUBLIC_API, Pace, SlackConfig, Timeouts},
    error::{Credential, Missing, SlackError},
    events::Identity,
    listener::Ear,
    slack::Slack,
    web::Web,
};
