//! Purpose: what can go wrong between Otus and Prometheus, told apart so that a person hears what to do.

use std::{path::PathBuf, time::Duration};

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A place in a query: both count from 1. Prometheus counts the column in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in bytes.
    pub column: usize,
}

/// Why a query brought no numbers.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The query cannot be understood; `message` is Prometheus' own.
    #[error("Prometheus does not understand the query: {message}")]
    BadQuery {
        /// Prometheus' own words.
        message: String,
        /// Where in the query, if it said so.
        position: Option<Position>,
    },
    /// The range has too many steps.
    #[error("that is too many points for one graph: {message}")]
    TooManyPoints {
        /// Prometheus' own words.
        message: String,
    },
    /// The query was understood but could not be computed, for example many-to-many matching.
    #[error("Prometheus could not compute the query: {message}")]
    Execution {
        /// Prometheus' own words, cut when they are very long.
        message: String,
    },
    /// It took too long, there or here.
    #[error("the query took too long: {message}")]
    Timeout {
        /// Who gave up, and after how long.
        message: String,
    },
    /// Nobody answers at the address.
    #[error("cannot reach Prometheus at {url}: {why}")]
    Unreachable {
        /// The address, without any credentials.
        url: String,
        /// The innermost reason.
        why: String,
    },
    /// The server (or a proxy before it) does not let us in.
    #[error(
        "Prometheus at {url} refuses the credentials (HTTP {status}); check username, password, bearer_token and headers"
    )]
    Auth {
        /// The address, without any credentials.
        url: String,
        /// 401 or 403.
        status: u16,
    },
    /// Something answers, but it is not Prometheus.
    #[error("what answers at {url} is not Prometheus' API: {why}; check the address and its path prefix")]
    NotPrometheus {
        /// The address, without any credentials.
        url: String,
        /// What came instead.
        why: String,
    },
    /// More data than the client is willing to read.
    #[error(
        "the answer is larger than {limit_bytes} bytes; ask for a shorter range or fewer series (sum by, topk)"
    )]
    TooLarge {
        /// The limit that was passed.
        limit_bytes: usize,
    },
    /// An error of Prometheus that none of the others describes.
    #[error("Prometheus answered HTTP {status}, {kind}: {message}")]
    Other {
        /// The HTTP status.
        status: u16,
        /// Prometheus' `errorType`.
        kind: String,
        /// Prometheus' own words.
        message: String,
    },
    /// The range to ask for makes no sense.
    #[error("{0}")]
    Range(String),
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// What is wrong with the `[prometheus]` section.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no address.
    #[error("prometheus.url is not set")]
    NoUrl,
    /// The address cannot be used.
    #[error("prometheus.url cannot be used: {0}")]
    Url(String),
    /// A value and a file for the same secret.
    #[error("prometheus.{key} and prometheus.{key}_file are both set; keep one")]
    Twice {
        /// The key without `_file`.
        key: &'static str,
    },
    /// Basic and bearer at once.
    #[error("prometheus has both a user name or password and a bearer token; keep one kind")]
    BothKinds,
    /// A password for nobody.
    #[error("prometheus.password is set but prometheus.username is not")]
    PasswordAlone,
    /// A header that HTTP does not allow.
    #[error("prometheus.headers.{name} cannot be sent: {why}")]
    Header {
        /// The header's name.
        name: String,
        /// Why (never the value).
        why: String,
    },
    /// A file with a secret or certificates cannot be used.
    #[error("{key} = {path:?} cannot be used: {why}")]
    File {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The HTTP client cannot be built.
    #[error("the HTTP client for Prometheus cannot be built: {0}")]
    Client(String),
}

/// Execution errors list whole series; a person needs the beginning.
const LONGEST: usize = 600;

impl Error {
    /// Sorts an error that Prometheus itself told by its HTTP status and `errorType`.
    pub(crate) fn told(status: u16, kind: &str, message: &str) -> Self {
        let message = shorten(message, LONGEST);
        match kind {
            "bad_data" if message.contains("exceeded maximum resolution") => Self::TooManyPoints { message },
            "bad_data" => Self::BadQuery {
                position: position_in(&message),
                message,
            },
            "execution" => Self::Execution { message },
            "timeout" | "canceled" => Self::Timeout { message },
            _ => Self::Other {
                status,
                kind: kind.to_owned(),
                message,
            },
        }
    }

    pub(crate) fn timed_out(after: Duration) -> Self {
        Self::Timeout {
            message: format!("no answer within {}", crate::duration::format(after)),
        }
    }
}

/// Finds `1:15:` in `invalid parameter "query": 1:15: parse error: …`.
fn position_in(message: &str) -> Option<Position> {
    let before = message
        .split("parse error")
        .next()
        .filter(|before| before.len() < message.len())?;
    let mut numbers = before.trim_end().strip_suffix(':')?.rsplitn(3, [':', ' ']);
    let column = numbers.next()?.parse().ok()?;
    let line = numbers.next()?.parse().ok()?;
    Some(Position { line, column })
}

/// The line of the query with a caret under the place, to be shown in a code block:
///
/// ```
/// use otus_monitoring::{Position, point_at};
/// let text = point_at("sum(rate(x[5m])", Position { line: 1, column: 16 });
/// assert_eq!(text, "sum(rate(x[5m])\n               ^");
/// ```
#[must_use]
pub fn point_at(query: &str, position: Position) -> String {
    let line = query
        .lines()
        .nth(position.line.saturating_sub(1))
        .unwrap_or_default();
    let before = line
        .char_indices()
        .take_while(|(at, _)| at + 1 < position.column)
        .count();
    format!("{line}\n{}^", " ".repeat(before))
}

/// Cuts at a character, never inside one.
pub(crate) fn shorten(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let cut = text
        .char_indices()
        .map(|(at, _)| at)
        .take_while(|at| *at <= longest)
        .last()
        .unwrap_or(0);
    format!("{}…", &text[..cut])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn errors_are_sorted_as_prometheus_tells_them() {
        let unclosed = r#"invalid parameter "query": 1:15: parse error: unclosed left parenthesis"#;
        assert!(matches!(
            Error::told(400, "bad_data", unclosed),
            Error::BadQuery {
                position: Some(Position { line: 1, column: 15 }),
                ..
            }
        ));
        let second_line = r#"invalid parameter "query": 2:3: parse error: unexpected "by""#;
        assert!(matches!(
            Error::told(400, "bad_data", second_line),
            Error::BadQuery {
                position: Some(Position { line: 2, column: 3 }),
                ..
            }
        ));
        let no_place =
            r#"invalid parameter "query": unknown position: parse error: no expression found in input"#;
        assert!(matches!(
            Error::told(400, "bad_data", no_place),
            Error::BadQuery { position: None, .. }
        ));
        let no_parse =
            r#"invalid parameter "step": zero or negative query resolution step widths are not accepted"#;
        assert!(matches!(
            Error::told(400, "bad_data", no_parse),
            Error::BadQuery { position: None, .. }
        ));
        let points = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";
        assert!(matches!(
            Error::told(400, "bad_data", points),
            Error::TooManyPoints { .. }
        ));
        assert!(matches!(
            Error::told(422, "execution", "many-to-many"),
            Error::Execution { .. }
        ));
        assert!(matches!(
            Error::told(503, "timeout", "query timed out"),
            Error::Timeout { .. }
        ));
        assert!(matches!(
            Error::told(500, "internal", "?"),
            Error::Other { status: 500, .. }
        ));
    }

    #[test]
    fn a_long_execution_error_is_cut() {
        let Error::Execution { message } = Error::told(422, "execution", &"é".repeat(2_000)) else {
            panic!()
        };
        assert!(message.len() < 700 && message.ends_with('…'));
    }

    #[test]
    fn the_caret_stands_under_the_character() {
        let at = |query, line, column| point_at(query, Position { line, column });
        assert_eq!(at("a + )", 1, 5), "a + )\n    ^");
        assert_eq!(at("a\n+ )", 2, 3), "+ )\n  ^");
        assert_eq!(
            at("x{l=\"é\"} )", 1, 11),
            "x{l=\"é\"} )\n         ^",
            "columns are bytes, carets are characters"
        );
        assert_eq!(at("sum(", 1, 5), "sum(\n    ^", "one past the end");
    }

    proptest! {
        #[test]
        fn no_place_panics(query in "\\PC{0,20}", line in 0usize..4, column in 0usize..40) {
            let _ = point_at(&query, Position { line, column });
        }

        #[test]
        fn no_message_panics(message in "\\PC{0,30}(parse error)?\\PC{0,10}", longest in 0usize..20) {
            let _ = Error::told(400, "bad_data", &message);
            let _ = shorten(&message, longest);
        }
    }
}
