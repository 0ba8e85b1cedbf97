//! Purpose: what a failure of PostgreSQL means: whether the same may work in a moment, and how it is told.

use sqlx::Error;

/// Whether the connection or the server is the trouble, and not what was asked: the same may work in a moment.
pub(super) fn may_pass(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::PoolTimedOut | Error::WorkerCrashed | Error::Protocol(_) => true,
        Error::Database(error) => error.code().is_some_and(|code| code_may_pass(&code)),
        _ => false,
    }
}

/// The codes are listed in PostgreSQL's manual, appendix A.
fn code_may_pass(code: &str) -> bool {
    let connection = code.starts_with("08") || code == "53300";
    let server = matches!(code, "57P01" | "57P02" | "57P03" | "57P05" | "25006");
    // Two stood in each other's way, or one that hangs in another's: the server ends that one a little later.
    let another = matches!(code, "40001" | "40P01" | "57014" | "25P03");
    connection || server || another
}

/// The failure in plain words. The server's messages name users and databases, but no passwords.
pub(super) fn words(place: &str, error: &Error) -> String {
    match error {
        Error::PoolTimedOut => format!("{place} gave no connection in time"),
        Error::PoolClosed => "it is closed".to_owned(),
        Error::Io(error) => format!("{place} cannot be reached: {error}"),
        Error::Database(error) => format!("{place} says: {}", error.message()),
        other => format!("{place}: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_tried_again_and_what_does_not_is_not() {
        for code in ["57P01", "57P03", "08006", "40P01", "53300", "57014"] {
            assert!(code_may_pass(code), "{code}");
        }
        for code in ["23505", "42P01", "28P01", "53100"] {
            assert!(!code_may_pass(code), "{code}");
        }
        assert!(may_pass(&Error::PoolTimedOut));
        assert!(!may_pass(&Error::PoolClosed));
        assert_eq!(
            words("PostgreSQL at db:5432", &Error::PoolTimedOut),
            "PostgreSQL at db:5432 gave no connection in time"
        );
    }
}
