//! What can go wrong with Alertmanager, for people.

/// Why Alertmanager did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AlertmanagerError {
    /// A setting cannot work.
    #[error("{key} {why}")]
    Config {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// It cannot be reached, or did not answer in time.
    #[error("cannot reach Alertmanager at {url}: {why}")]
    Unreachable {
        /// Where, without credentials.
        url: String,
        /// Why.
        why: String,
    },
    /// It, or a proxy before it, does not let us in.
    #[error(
        "Alertmanager at {url} refuses the credentials (HTTP {status}); check username and password, or bearer_token"
    )]
    Auth {
        /// Where, without credentials.
        url: String,
        /// 401 or 403.
        status: u16,
    },
    /// There is no such silence.
    #[error("Alertmanager knows no silence {id}")]
    NoSilence {
        /// Which.
        id: String,
    },
    /// It refused, in its own words.
    #[error("Alertmanager refused it: {message}")]
    Refused {
        /// Its own words.
        message: String,
    },
    /// Something else than Alertmanager's API answered.
    #[error(
        "what answers at {url} is not Alertmanager's API v2: {why}; check the address and its path prefix"
    )]
    NotAlertmanager {
        /// Where, without credentials.
        url: String,
        /// What came instead.
        why: String,
    },
}
