//! The client of GitHub against the emulated GitHub: every endpoint, every fault.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod apps;
mod faults;
mod files;
mod histories;
mod hooks;
mod reading;
mod searching;
mod telling;

use otus_ci::github::{GitHubConfig, Repository};
use otus_emulators::github as emulated;
use std::time::Duration;

/// An emulated GitHub with one repository, and a client for it.
struct Place {
    github: emulated::GitHub,
    api: emulated::Repository,
    client: otus_ci::github::GitHub,
    repo: Repository,
}

/// No pause before a retry, no waiting for limits.
fn config(github: &emulated::GitHub) -> GitHubConfig {
    GitHubConfig {
        api_url: github.url().into(),
        token: Some(github.token().into()),
        retry_pause: Duration::ZERO,
        longest_wait: Duration::ZERO,
        ..Default::default()
    }
}

impl Place {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut GitHubConfig)) -> Self {
        let github = emulated::GitHub::start().await.unwrap();
        let api = github.repository("acme/api").unwrap();
        let mut config = config(&github);
        change(&mut config);
        let client = otus_ci::github::GitHub::new(&config).unwrap();
        Self {
            github,
            api,
            client,
            repo: "acme/api".parse().unwrap(),
        }
    }

    /// What was answered to the calls so far that have this in them.
    fn statuses(&self, part: &str) -> Vec<u16> {
        let calls = self.github.calls().into_iter();
        calls
            .filter(|(call, _)| call.contains(part))
            .map(|(_, status)| status)
            .collect()
    }
}
