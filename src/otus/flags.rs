//! Feature flags in the program: the sets from the store, begun from files, and served where somebody may ask.

use crate::run::RunError;
use axum::Router;
use otus_ci::github::{GitHub, NotARepository, Repository};
use otus_flags::{
    Author, Document, Flags,
    serve::{self, FlagsConfig},
    unleash::Elsewhere,
};
use otus_store::Opened;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Opens the flag sets, and fills those that begin with a file and that nobody has written to.
///
/// # Errors
/// [`RunError::Flags`] when the store does not answer, a file cannot be read, or this build evaluates wrongly.
pub(crate) async fn open(
    store: Arc<dyn Opened>,
    config: &FlagsConfig,
    github: Option<&GitHub>,
) -> Result<Arc<Flags>, RunError> {
    let failed = |error: String| RunError::Flags(error);
    let elsewhere =
        Elsewhere::new(store.flags(), &config.servers()).map_err(|error| failed(error.to_string()))?;
    let flags = Flags::start(Arc::new(elsewhere))
        .await
        .map_err(|error| failed(error.to_string()))?;
    let seeds = config
        .seeds()
        .map_err(|(keys, what)| failed(format!("flags.{}: {what}", keys.join("."))))?;
    let mut seeds = seeds;
    for (set, repository, path) in config.repository_seeds() {
        if flags.set(&set).is_some() {
            continue;
        }
        // GitHub being away keeps nothing from starting; until somebody makes a flag there, the next start begins with the file.
        match fetched(github, &repository, &path).await {
            Ok(document) => seeds.push((set, document)),
            Err(why) => tracing::warn!(
                set,
                repository,
                path,
                why,
                "a flag set does not begin with its file"
            ),
        }
    }
    for (set, document) in seeds {
        let author = Author {
            by: "the configuration".into(),
            reason: None,
            at: jiff::Timestamp::now(),
            operation: None,
        };
        let mine = flags
            .seed(&set, &document, &author)
            .await
            .map_err(|error| failed(error.to_string()))?;
        if mine {
            tracing::info!(
                set,
                flags = document.flags.len(),
                "a flag set begins with its file"
            );
        }
    }
    Ok(flags)
}

/// The document in a repository, as its default branch has it now.
async fn fetched(github: Option<&GitHub>, repository: &str, path: &str) -> Result<Document, String> {
    let github = github.ok_or("[github] says not how to reach it")?;
    let repository: Repository = repository
        .parse()
        .map_err(|error: NotARepository| error.to_string())?;
    let told = |error: otus_ci::github::Error| error.to_string();
    let branch = github.default_branch(&repository).await.map_err(told)?;
    let head = github.branch_head(&repository, &branch).await.map_err(told)?;
    let (folder, file) = path.trim_matches('/').rsplit_once('/').unwrap_or(("", path));
    let files = github
        .files(&repository, &head.sha, folder, |name| name == file)
        .await
        .map_err(told)?;
    let found = files.into_iter().find(|found| found.path == file);
    let bytes = found.ok_or("there is no such file")?.bytes;
    let text = String::from_utf8(bytes).map_err(|_| "the file is no text")?;
    let document = Document::from_json(&text).map_err(|faults| faults.to_string())?;
    let faults = otus_flags::check(&document);
    if faults.is_empty() {
        Ok(document)
    } else {
        Err(otus_flags::Faults(faults).to_string())
    }
}

/// The routes where applications ask, if any may.
pub(crate) fn routes(flags: Arc<Flags>, config: &FlagsConfig, stop: CancellationToken) -> Router {
    if config.clients.is_empty() {
        return Router::new();
    }
    serve::routes(flags, config, stop)
}
