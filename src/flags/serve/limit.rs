//! Purpose: how often each may ask: a number of requests a second for each token and address, twice that at once.

use axum::extract::ConnectInfo;
use axum::http::Extensions;
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// At most so many are remembered; who has not asked for a while is forgotten first.
const MOST: usize = 50_000;

/// How often an address may fail to say who it is, a second.
const STRANGERS: u32 = 10;

/// Limits for all.
pub(crate) struct Limits {
    known: Option<Limit>,
    strangers: Option<Limit>,
}

/// A generic cell rate algorithm: of each one only the moment is kept at which its next request would be on time.
struct Limit {
    every: Duration,
    ahead: Duration,
    next: Mutex<HashMap<(String, Option<IpAddr>), Instant>>,
}

impl Limits {
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            known: Limit::new(per_second),
            strangers: Limit::new(STRANGERS),
        }
    }

    /// Whether a client may ask now; if not, in how many seconds.
    pub(crate) fn client(&self, name: &str, extensions: &Extensions) -> Result<(), u64> {
        self.known
            .as_ref()
            .map_or(Ok(()), |limit| limit.take(name, address(extensions)))
    }

    /// The same for who did not say who it is. Only where addresses are known: else one could keep out all.
    pub(crate) fn stranger(&self, extensions: &Extensions) -> Result<(), u64> {
        match (&self.strangers, address(extensions)) {
            (Some(limit), Some(address)) => limit.take("", Some(address)),
            _ => Ok(()),
        }
    }
}

fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip())
}

impl Limit {
    fn new(per_second: u32) -> Option<Self> {
        (per_second > 0).then(|| Self {
            every: Duration::from_secs(1) / per_second,
            ahead: Duration::from_secs(2),
            next: Mutex::default(),
        })
    }

    fn take(&self, name: &str, address: Option<IpAddr>) -> Result<(), u64> {
        let now = Instant::now();
        let mut all = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, next| *next > now);
            if all.len() >= MOST {
                all.clear();
            }
        }
        let next = all.entry((name.to_owned(), address)).or_insert(now);
        let due = (*next).max(now);
        let after = due + self.every;
        if after.duration_since(now) > self.ahead {
            let wait = after.duration_since(now).saturating_sub(self.ahead);
            return Err(wait.as_secs_f64().ceil().max(1.0) as u64);
        }
        *next = after;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::from(([10, 0, 0, last], 1))));
        extensions
    }

    #[tokio::test(start_paused = true)]
    async fn each_has_its_own() {
        let limits = Limits::new(10);
        let burst = |name: &str, last| {
            (0..100)
                .take_while(|_| limits.client(name, &from(last)).is_ok())
                .count()
        };
        assert_eq!(burst("web", 1), 20, "twice a second's at once");
        assert_eq!(limits.client("web", &from(1)), Err(1));
        assert_eq!(burst("web", 2), 20, "another address");
        assert_eq!(burst("app", 1), 20, "another token");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(burst("web", 1), 10);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(burst("web", 1), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_are_slowed_down_by_address() {
        let limits = Limits::new(0);
        let strange = |extensions: &Extensions| {
            (0..100)
                .take_while(|_| limits.stranger(extensions).is_ok())
                .count()
        };
        assert_eq!(strange(&from(1)), 20);
        assert_eq!(strange(&from(2)), 20);
        assert_eq!(strange(&Extensions::new()), 100, "whoever it is");
        assert_eq!(
            (0..1000)
                .filter(|_| limits.client("web", &from(1)).is_ok())
                .count(),
            1000,
            "0 is no limit"
        );
    }
}
