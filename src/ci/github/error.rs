//! Purpose: what can go wrong between Otus and GitHub, told apart so that a person hears what to do.

use jiff::Timestamp;
use std::path::PathBuf;

/// What this module's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why GitHub told nothing, or did nothing.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is not there, or the token may not see it: GitHub answers both alike.
    #[error("GitHub knows no {what}, or the token may not see it")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The token is wrong, or lacks a right.
    #[error("GitHub does not allow this: {what} (HTTP {status}: {message}){hint}")]
    NotAllowed {
        /// What was asked for.
        what: String,
        /// The HTTP status.
        status: u16,
        /// GitHub's own words.
        message: String,
        /// What to do about it, beginning with `; `, or nothing.
        hint: String,
    },
    /// Too many calls, and the limit ends later than anybody wants to wait here.
    #[error("GitHub's {} is used up until {until}; try again then", if *.secondary { "secondary rate limit" } else { "rate limit" })]
    RateLimited {
        /// When the next call may be made.
        until: Timestamp,
        /// Whether it is the one against bursts, rather than the hourly one.
        secondary: bool,
    },
    /// Nobody answers at the address, or only with 5xx, also after retries.
    #[error("cannot reach GitHub at {url}: {why}")]
    Unreachable {
        /// The address of the API.
        url: String,
        /// The innermost reason.
        why: String,
    },
    /// GitHub understood and refused: a conflict, or something invalid.
    #[error("GitHub refused {what} (HTTP {status}): {message}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The HTTP status, 409 or 422 mostly.
        status: u16,
        /// GitHub's own words.
        message: String,
    },
    /// An answer that GitHub does not give: a proxy, a wrong address, or a shape that is new.
    #[error("the answer about {what} is not one of GitHub's API: {why}; check github.api_url")]
    Odd {
        /// What was asked for.
        what: String,
        /// What came.
        why: String,
    },
    /// There is more than this client reads; a part would be told as the whole.
    #[error("there is more than this client reads of the {what}: it stopped after {limit}")]
    TooMany {
        /// Of what.
        what: String,
        /// How many would have been read.
        limit: usize,
    },
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// What is wrong with the `[github]` section.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There are no credentials.
    #[error(
        "github has no credentials; set token or token_file, or app_id, installation_id and private_key_file"
    )]
    Nobody,
    /// A part of an App.
    #[error("github.app_id, installation_id and private_key_file belong together; one is missing")]
    HalfAnApp,
    /// A token and an App.
    #[error("github has both a token and an App; keep one")]
    BothKinds,
    /// A value and a file.
    #[error("github.token and github.token_file are both set; keep one")]
    Twice,
    /// The token has characters that HTTP does not allow.
    #[error("the token of github has characters that HTTP does not allow; was it cut or wrapped?")]
    Token,
    /// The address cannot be used.
    #[error("github.api_url cannot be used: {0}")]
    Url(String),
    /// A file cannot be used.
    #[error("github.{key} = {path:?} cannot be used: {why}")]
    File {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The HTTP client cannot be built.
    #[error("the HTTP client for GitHub cannot be built: {0}")]
    Client(String),
}
