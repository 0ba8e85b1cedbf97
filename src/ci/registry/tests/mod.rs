//! Purpose: what registries do to their clients, played by a small one that hands out tokens and can be made to misbehave.

mod fake;
mod logging_in;
mod tags;
mod trouble;

use super::{Error, Image, Images, Refusal, Registry, RegistryConfig, Result, client::Pause};
use fake::{Fake, Fault};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// How a client of the fake is configured: as its user, with the right password.
fn robot() -> RegistryConfig {
    RegistryConfig {
        user: Some("robot".into()),
        password: Some("s3cret".to_owned().into()),
        plain_http: true,
        request_timeout: Duration::from_secs(20),
        ..RegistryConfig::default()
    }
}

/// A client that writes down its waits instead of waiting.
struct Client {
    registry: Registry,
    repository: String,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl Client {
    fn of(fake: &Fake, config: RegistryConfig) -> Self {
        Self::at(&fake.host, config)
    }

    fn at(host: &str, config: RegistryConfig) -> Self {
        let waits = Arc::new(Mutex::new(Vec::new()));
        let kept = waits.clone();
        let pause: Pause = Box::new(move |wait| {
            kept.lock().unwrap().push(wait);
            Box::pin(std::future::ready(()))
        });
        let registry = Registry::with_pause(&BTreeMap::from([(host.to_owned(), config)]), pause).unwrap();
        Self {
            registry,
            repository: format!("{host}/team/api"),
            waits,
        }
    }

    async fn image(&self, reference: &str) -> Result<Image> {
        self.registry.image(&self.repository, reference).await
    }

    fn waits(&self) -> Vec<Duration> {
        self.waits.lock().unwrap().clone()
    }
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::NotAllowed { why, .. } => why,
        other => panic!("{other:?}"),
    }
}
