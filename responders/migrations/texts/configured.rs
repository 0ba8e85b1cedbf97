//! What is said where the configuration does not say enough, or what it names cannot be asked.

use otus::Service;
use otus::markup::code;

use super::LONGEST;
use crate::words::cut;

/// So much of a command is shown.
const COMMAND: usize = 120;

/// The section cannot be read.
pub(crate) fn bad_section(service: &str, error: &str) -> String {
    format!(
        "The migrations of {} cannot be read from {}: {error}. Correct it, and start me again.",
        code(service),
        code(&format!("services.{service}.migrations"))
    )
}

/// A service without migrations of its own section: none at all, or some that it brings along.
pub(crate) fn no_migrations(service: &Service) -> String {
    let (name, section) = (
        &service.name,
        code(&format!("[services.{}.migrations]", service.name)),
    );
    let Some(command) = runs_before(service) else {
        return format!(
            "{} has no migrations that I know of. {section} says where its files and its databases are; where it brings them along, {} \
             says which command runs them.",
            code(name),
            code(&format!("[services.{name}.before]"))
        );
    };
    format!(
        "{} brings its migrations along: {} runs in a Job of the release's own image before each deploy, whose card shows how it goes. Which \
         of them are not applied is known to it alone; {} says what comes with the newest version. Where they are SQL files of sqlx, \
         golang-migrate or Flyway, {section} has me read, judge and run them.",
        code(name),
        code(&cut(&command, COMMAND).replace('`', "'")),
        code(&format!("deploy {name} --plan")),
    )
}

/// The command that is run before a service is changed, as one would type it.
fn runs_before(service: &Service) -> Option<String> {
    let before = service.before.as_ref()?;
    let words = |key: &str| before.get(key).and_then(|value| value.as_array());
    let words = ["command", "args"].into_iter().filter_map(words).flatten();
    let words: Vec<&str> = words.filter_map(|word| word.as_str()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// A service without a database there.
pub(crate) fn no_database(service: &str, environment: Option<&str>) -> String {
    let place = environment.map_or_else(String::new, |environment| format!(" in {}", code(environment)));
    format!(
        "{} has no database{place}. Name it in {}.",
        code(service),
        code(&format!("services.{service}.migrations.databases"))
    )
}

/// A name that is not in the configuration any more.
pub(crate) fn not_configured(service: &str, environment: &str) -> String {
    format!(
        "{} in {} is not configured any more.",
        code(service),
        code(environment)
    )
}

/// A database that cannot be used.
pub(crate) fn bad_database(database: &str, error: &str) -> String {
    format!(
        "The database {} cannot be used: {}.",
        code(database),
        cut(error, LONGEST).trim_end_matches('.')
    )
}

/// Nothing says where the files are.
pub(crate) fn no_files(service: &str) -> String {
    format!(
        "Nothing says where the migrations of {} are: set {} and its {}, or {}, or {}.",
        code(service),
        code("repository"),
        code("path"),
        code("folder"),
        code("in_image")
    )
}

/// A version of a folder.
pub(crate) fn folder_has_no_versions(service: &str) -> String {
    format!(
        "The migrations of {} are in a folder, of which there is but one version. Leave the version out.",
        code(service)
    )
}

/// Nobody to ask.
pub(crate) fn no_github() -> String {
    "The migrations are in a repository, and I know no GitHub: set a token below `[github]`.".into()
}

/// A repository's name that is none.
pub(crate) fn bad_repository(repository: &str, error: &str) -> String {
    format!("{} is no repository: {error}.", code(repository))
}

/// GitHub does not say.
pub(crate) fn cannot_ask(service: &str, why: &str) -> String {
    format!(
        "Which version of {} that is cannot be found out: {}.",
        code(service),
        cut(why, LONGEST).trim_end_matches('.')
    )
}

/// CI has not passed it.
pub(crate) fn may_not_run(service: &str, why: &str) -> String {
    format!(
        "The migrations of {} are run from commits that could be deployed, too: {}.",
        code(service),
        cut(why, LONGEST).trim_end_matches('.')
    )
}

/// No version was said, none is configured, and none was deployed.
pub(crate) fn which_version(service: &str) -> String {
    format!(
        "The migrations of {0} are in its image, and I do not know which: nothing was deployed yet. Say {1}.",
        code(service),
        code(&format!("migrate {service} at <version>"))
    )
}

/// No image is known.
pub(crate) fn which_image(service: &str) -> String {
    format!(
        "Which versions of {0} there are is told by its image, and I do not know that: set {1} below {2}.",
        code(service),
        code("image"),
        code(&format!("[services.{service}]"))
    )
}
