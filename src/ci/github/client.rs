//! Purpose: the client itself: built from its configuration, shared by clones.

use super::{
    auth::Auth,
    cache::Cache,
    config::GitHubConfig,
    error::{ConfigError, Result},
    limit::Limited,
};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use url::Url;

/// A client for GitHub's REST API. Cheap to clone; clones share the cache, the token and what is known of the rate limit.
#[derive(Clone)]
pub struct GitHub {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) http: reqwest::Client,
    pub(super) base: Url,
    pub(super) longest_wait: Duration,
    pub(super) retries: u32,
    pub(super) retry_pause: Duration,
    pub(super) timeout: Duration,
    auth: Auth,
    cache: Mutex<Cache>,
    limited: Mutex<Option<Limited>>,
}

impl fmt::Debug for GitHub {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("GitHub")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

impl GitHub {
    /// A client by its configuration. Nothing is sent and no file is read yet.
    ///
    /// # Errors
    /// [`Config`](super::Error::Config) when the configuration cannot work.
    pub fn new(config: &GitHubConfig) -> Result<Self> {
        let auth = Auth::new(config.identity()?);
        let base = base(&config.api_url)?;
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Whoever was first is right: the error only says that somebody else has just installed one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        // Redirects are followed by hand, to the same server only.
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("otus/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(config.timeout)
            .connect_timeout(config.connect_timeout.min(config.timeout))
            .gzip(true);
        if is_loopback(&base) {
            http = http.no_proxy();
        }
        let http = http
            .build()
            .map_err(|error| ConfigError::Client(innermost(&error)))?;
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                base,
                longest_wait: config.longest_wait,
                retries: config.retries.min(10),
                retry_pause: config.retry_pause,
                timeout: config.timeout,
                auth,
                cache: Mutex::default(),
                limited: Mutex::default(),
            }),
        })
    }

    /// The address of the API, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        self.inner.base.as_str().trim_end_matches('/')
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(super) fn auth(&self) -> &Auth {
        &self.inner.auth
    }

    pub(super) fn cache(&self) -> MutexGuard<'_, Cache> {
        self.inner.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn limited(&self) -> MutexGuard<'_, Option<Limited>> {
        self.inner.limited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn base(text: &str) -> Result<Url, ConfigError> {
    // The parser's error does not repeat the text, which may hold a password.
    let url = Url::parse(text.trim()).map_err(|error| ConfigError::Url(error.to_string()))?;
    let wrong = |why: &str| Err(ConfigError::Url(why.into()));
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return wrong("it must begin with https:// and name a host");
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return wrong("plain http would show the token on the way; use https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("it must not have a user name or password in it; use github.token");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong("it must end before any `?` or `#`");
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The last reason in the chain: `Connection refused`, not `error sending request`.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_addresses_may_be_used() {
        for good in [
            "https://api.github.com",
            "https://github.example.com/api/v3/",
            "http://127.0.0.1:9/",
            "http://[::1]:9",
        ] {
            assert!(base(good).is_ok(), "{good}");
        }
        for wrong in [
            "http://github.example.com",
            "ftp://127.0.0.1",
            "api.github.com",
            "https://a:hush@b",
            "https://b/?x=1",
        ] {
            let why = base(wrong).unwrap_err().to_string();
            assert!(!why.contains("hush"), "{why}");
        }
    }
}
