//! An application of the demo's, with an old and a new query side by side (`otus-experiments`), and the database of another, whose
//! migrations wait.

use otus_experiments::{Experiment, HttpSink};
use std::{net::SocketAddr, path::Path, time::Duration};
use tokio::{
    task::JoinHandle,
    time::{interval, sleep},
};

/// The experiment's name, as people type it.
pub(super) const EXPERIMENT: &str = "customers-query";
/// What its sums are sent with.
const TOKEN: &str = "a-token-of-the-demos-own-shop";

/// What waits: files of sqlx' kind, which only add something.
const MIGRATIONS: [(&str, &str); 2] = [
    (
        "0001_stock.sql",
        "CREATE TABLE stock (id INTEGER PRIMARY KEY, article TEXT NOT NULL, pieces INTEGER NOT NULL, old_pieces INTEGER);\n",
    ),
    (
        "0002_reserved.sql",
        "ALTER TABLE stock ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0;\n",
    ),
];

/// Writes the migrations and an empty database to a folder; what the robot has to know of them, and of the application.
pub(super) fn furnish(folder: &Path) -> std::io::Result<String> {
    let (files, database) = (folder.join("migrations"), folder.join("stock.sqlite"));
    std::fs::create_dir_all(&files)?;
    for (name, sql) in MIGRATIONS {
        std::fs::write(files.join(name), sql)?;
    }
    std::fs::write(&database, "")?;
    let quoted = |text: String| toml_edit::Value::from(text).to_string();
    Ok(format!(
        "[databases.stock]\nurl = {}\n\
         [services.worker.migrations]\nfolder = {}\nformat = \"sqlx\"\ndatabases = {{ staging = \"stock\" }}\n\
         [responders.experiments.applications.shop]\ntokens = [\"{TOKEN}\"]\n",
        quoted(format!("sqlite:{}", database.display())),
        quoted(files.display().to_string()),
    ))
}

/// Runs the application's requests for as long as the demo does: half of them run the new query, too.
pub(super) fn serve(robot: SocketAddr) -> anyhow::Result<JoinHandle<()>> {
    let sink = HttpSink::to(format!("http://{robot}/hooks/experiments"), TOKEN)
        .application("shop")
        .release("9f3c1e2")
        .every(Duration::from_secs(2))
        .start()?;
    let customers = Experiment::define(EXPERIMENT)
        .percent(50.0)
        .clean(u64::to_string)
        .sink(sink)
        .build();
    Ok(tokio::spawn(async move {
        let mut requests = interval(Duration::from_millis(40));
        for request in 0_u64.. {
            requests.tick().await;
            let found = 40 + request % 20;
            // What the new one has wrong: customers without orders, whom its join loses.
            let joined = if request % 23 == 0 { found - 1 } else { found };
            customers
                .control(|| async move {
                    sleep(Duration::from_millis(8 + request % 7)).await;
                    found
                })
                .candidate("joined", move || async move {
                    sleep(Duration::from_millis(1 + request % 2)).await;
                    joined
                })
                .run()
                .await;
        }
    }))
}
