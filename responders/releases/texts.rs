//! Everything this responder says, in one place.

mod changes;
mod drifting;
mod history;
mod numbers;
#[cfg(test)]
mod tests;
mod whereabouts;

use otus::markup::{bold, code};

pub(crate) use self::changes::*;
pub(crate) use self::drifting::*;
pub(crate) use self::history::*;
pub(crate) use self::numbers::*;
pub(crate) use self::whereabouts::*;
use crate::words::{list, short};

/// Nothing runs anywhere.
pub(crate) fn nothing_configured() -> String {
    format!(
        "No service runs there. Add {} and {} to my configuration.",
        code("[services]"),
        code("[environments]")
    )
}

/// A service is not in an environment.
pub(crate) fn not_there(service: &str, environment: &str, its: &[String]) -> String {
    let its: Vec<String> = its.iter().map(|name| code(name)).collect();
    let where_else = match its.as_slice() {
        [] => String::new(),
        its => format!(" It runs in {}.", list(its)),
    };
    format!(
        "{} does not run in {}.{where_else}",
        code(service),
        code(environment)
    )
}

/// What runs is not known.
pub(crate) fn cannot_tell(service: &str, environment: &str, why: &str) -> String {
    format!(
        "What {} runs in {} cannot be told: {}.",
        code(service),
        bold(environment),
        why.trim_end_matches('.')
    )
}

/// A service has no repository.
pub(crate) fn no_repository(service: &str) -> String {
    format!(
        "{} has no repository in my configuration, so I know nothing of its commits. Set {}.",
        code(service),
        code(&format!("services.{service}.repository = \"owner/name\""))
    )
}

/// There is no GitHub.
pub(crate) fn no_github() -> String {
    format!(
        "I am not connected to GitHub, so I know nothing of commits. Set {} in my configuration.",
        code("[github]")
    )
}

/// A repository's name is none.
pub(crate) fn bad_repository(service: &str, why: &str) -> String {
    format!("{}: {why}.", code(&format!("services.{service}.repository")))
}

/// A version leads to no commit.
pub(crate) fn no_commit(version: &str) -> String {
    format!(
        "which commit {} is made of is not known: it is neither a tag nor a commit, and none was noted with it.",
        code(&short(version))
    )
}

/// A service is not configured any more.
pub(crate) fn no_service(service: &str) -> String {
    format!("{} is not in my configuration any more", code(service))
}
