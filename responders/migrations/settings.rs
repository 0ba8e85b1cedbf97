//! What the operator says about migrations: `[responders.migrations]`, and `[services.<name>.migrations]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use otus_migrations::run;
use otus_migrations::source::Format;
use serde::{Deserialize, Serialize};

/// The section `[responders.migrations]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The role that agrees to what only a person can judge, and to what takes something away.
    pub approvers: String,
    /// How long a statement waits for a table, and everybody else behind it.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub lock_timeout: Duration,
    /// How long it steps back before it tries again, give or take half.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub lock_pause: Duration,
    /// How often it tries.
    pub lock_tries: u32,
    /// How long a statement in a transaction may take.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub statement_timeout: Duration,
    /// How long a batch of a backfill should take.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub batch: Duration,
    /// A replica that is this far behind keeps a backfill waiting.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub replica_lag: Duration,
    /// So many statements of others, at work at one time, keep a backfill waiting; 0: however many.
    pub busy_statements: u32,
    /// For how many days nobody may have used what is to be dropped, before it may be signed off.
    pub quiet_days: u32,
    /// Whether that time has to have the turn of a month in it, when reports are made.
    pub month_end: bool,
    /// For how long it is withheld.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub withheld: Duration,
    /// How often the database is asked whether somebody uses what is to be dropped.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub look: Duration,
    /// After how many days whoever holds a contract up is told, again and again.
    pub nag_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            approvers: "deployer".into(),
            lock_timeout: Duration::from_millis(500),
            lock_pause: Duration::from_secs(2),
            lock_tries: 300,
            statement_timeout: Duration::from_secs(60),
            batch: Duration::from_millis(250),
            replica_lag: Duration::from_secs(5),
            busy_statements: 32,
            quiet_days: 14,
            month_end: true,
            withheld: Duration::from_secs(15 * 60),
            look: Duration::from_secs(3600),
            nag_days: 7,
        }
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Settings {
    /// How patient a run is.
    pub(crate) fn run(&self) -> run::Settings {
        run::Settings {
            lock_timeout_ms: ms(self.lock_timeout).max(1),
            lock_tries: self.lock_tries.max(1),
            lock_pause_ms: ms(self.lock_pause),
            statement_timeout_ms: Some(ms(self.statement_timeout)),
            batch_ms: ms(self.batch).max(1),
            replica_lag_ms: ms(self.replica_lag),
            busy_statements: self.busy_statements,
            ..run::Settings::default()
        }
    }
}

/// The section `[services.<name>.migrations]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// The folder in the service's repository, at the commit that goes out.
    #[serde(default)]
    pub path: Option<String>,
    /// A folder on this machine, instead.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// The folder in the release's image, instead: its absolute path there.
    #[serde(default)]
    pub in_image: Option<String>,
    /// Whose format they are in; else what their names show.
    #[serde(default)]
    pub format: Option<Format>,
    /// The database of each environment: a name below `[databases]`.
    pub databases: BTreeMap<String, String>,
    /// Whether what only adds is run before a deploy.
    #[serde(default = "yes")]
    pub before_deploys: bool,
}

fn yes() -> bool {
    true
}

impl Section {
    /// What cannot be right beside what the types tell: the key, and why.
    #[must_use]
    pub fn faults(
        &self,
        has_repository: bool,
        databases: &[&str],
        environments: &[&str],
    ) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut fault = |key: &str, why: String| faults.push((key.to_owned(), why));
        let given = [
            ("path", self.path.is_some()),
            ("folder", self.folder.is_some()),
            ("in_image", self.in_image.is_some()),
        ];
        let given: Vec<&str> = given
            .into_iter()
            .filter(|(_, is)| *is)
            .map(|(key, _)| key)
            .collect();
        match given.as_slice() {
            [] => fault(
                "",
                "path, folder or in_image is missing: the folder with the migrations, in the repository, on this machine or in the image".into(),
            ),
            ["path"] if !has_repository => fault(
                "path",
                "it is a folder of the service's repository, and the service has none: set repository, or folder or in_image instead of path".into(),
            ),
            [first, .., last] => fault(last, format!("{first} is given, too; keep one of them")),
            _ => {}
        }
        if self.in_image.as_ref().is_some_and(|path| !path.starts_with('/')) {
            fault(
                "in_image",
                "it has to be an absolute path in the image, for example \"/app/migrations\"".into(),
            );
        }
        for (environment, database) in &self.databases {
            let key = format!("databases.{environment}");
            if !environments.contains(&environment.as_str()) {
                fault(&key, format!("there is no environment {environment:?}"));
            }
            if !databases.contains(&database.as_str()) {
                let known = match databases {
                    [] => "none is configured".to_owned(),
                    known => format!("there are: {}", known.join(", ")),
                };
                fault(
                    &key,
                    format!("there is no database {database:?} below [databases]; {known}"),
                );
            }
        }
        if self.databases.is_empty() {
            fault(
                "databases",
                "is empty: name the database of each environment: { staging = \"shop-staging\" }".into(),
            );
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_and_refuses() {
        let read = |value| serde_json::from_value::<Settings>(value).map_err(|error| error.to_string());
        let settings = read(json!({ "quiet_days": 30, "lock_timeout": "200ms" })).unwrap();
        assert_eq!(settings.quiet_days, 30);
        assert_eq!(settings.run().lock_timeout_ms, 200);
        assert_eq!(settings.run().lock_tries, 300);
        assert!(read(json!({ "quiet": 30 })).is_err());
        assert!(read(json!({ "look": "soon" })).is_err());
    }

    #[test]
    fn a_section_says_where_the_files_and_the_databases_are() {
        let read = |value| serde_json::from_value::<Section>(value).unwrap();
        let told = |value, repository| -> Vec<String> {
            let faults = read(value).faults(repository, &["shop"], &["staging"]);
            faults
                .into_iter()
                .map(|(key, why)| format!("{key}: {why}"))
                .collect()
        };
        let good = json!({ "path": "db", "format": "golang-migrate", "databases": { "staging": "shop" } });
        assert_eq!(told(good.clone(), true), Vec::<String>::new());
        assert_eq!(read(good.clone()).format, Some(Format::GolangMigrate));
        assert!(told(good, false)[0].starts_with("path: it is a folder of the service's repository"));
        let wrong = told(json!({ "databases": { "stging": "shp" } }), true);
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(wrong[2].contains("no database \"shp\""), "{wrong:?}");
        assert!(told(json!({ "path": "a", "folder": "b", "databases": {} }), true)[0].contains("keep one"));
        let image = |path: &str| json!({ "in_image": path, "databases": { "staging": "shop" } });
        assert_eq!(told(image("/app/db"), false), Vec::<String>::new());
        assert!(told(image("app/db"), false)[0].starts_with("in_image: it has to be an absolute path"));
        assert!(serde_json::from_value::<Section>(json!({ "path": "a", "databses": {} })).is_err());
    }
}
