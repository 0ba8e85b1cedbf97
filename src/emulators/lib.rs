//! Purpose: the services Otus talks to, emulated on loopback: real protocols, made-up state.
//!
//! They are product, too: the demo runs on them, and whoever writes a responder tests with them. What an emulator claims
//! is proven with clients and servers nobody here wrote.

pub mod github;
pub mod grafana;
pub mod kubernetes;
pub mod prometheus;
pub mod real;
pub mod registry;
pub mod slack;
pub mod unleash;
