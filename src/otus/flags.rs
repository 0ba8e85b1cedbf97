//! Feature flags in the program: the sets from the store, begun from files, and served where somebody may ask.

use crate::run::RunError;
use async_trait::async_trait;
use axum::Router;
use otus_ci::github::{GitHub, NotARepository, Repository};
use otus_flags::{
    Author, Document, FileOfFlags, Files, Flags,
    serve::{self, FlagsConfig, read_seed},
    unleash::Elsewhere,
};
use otus_store::Opened;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};
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
            Ok((document, _)) => seeds.push((set, document)),
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

/// The document in a repository, as its default branch has it now, and the commit that is.
async fn fetched(
    github: Option<&GitHub>,
    repository: &str,
    path: &str,
) -> Result<(Document, String), String> {
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
        Ok((document, head.sha))
    } else {
        Err(otus_flags::Faults(faults).to_string())
    }
}

/// The files that the configuration names.
#[derive(Debug)]
struct Named {
    files: BTreeMap<String, PathBuf>,
    /// Each a repository, and a path there.
    repositories: BTreeMap<String, (String, String)>,
    github: Option<Arc<GitHub>>,
}

/// Where the files of flag sets are, for whoever reads them again.
pub(crate) fn files(config: &FlagsConfig, github: Option<Arc<GitHub>>) -> Arc<dyn Files> {
    let named = config.sets.iter();
    Arc::new(Named {
        files: named
            .filter_map(|(set, config)| Some((set.clone(), config.seed_file.clone()?)))
            .collect(),
        repositories: config
            .repository_seeds()
            .into_iter()
            .map(|(set, repository, path)| (set, (repository, path)))
            .collect(),
        github,
    })
}

#[async_trait]
impl Files for Named {
    fn sets(&self) -> Vec<String> {
        self.files
            .keys()
            .chain(self.repositories.keys())
            .cloned()
            .collect()
    }

    async fn read(&self, set: &str) -> Result<FileOfFlags, String> {
        if let Some(file) = self.files.get(set).cloned() {
            let from = file.display().to_string();
            let read = tokio::task::spawn_blocking(move || read_seed(&file));
            let document = read.await.map_err(|error| error.to_string())??;
            return Ok(FileOfFlags { document, from });
        }
        let Some((repository, path)) = self.repositories.get(set) else {
            return Err(format!("the configuration names no file for the flags of {set}"));
        };
        let fetched = fetched(self.github.as_deref(), repository, path).await;
        let (document, sha) = fetched.map_err(|why| format!("{path} of {repository}: {why}"))?;
        let short = sha.get(..7).unwrap_or(&sha);
        Ok(FileOfFlags {
            document,
            from: format!("{path} of {repository} at {short}"),
        })
    }
}

/// The routes where applications ask, if any may.
pub(crate) fn routes(flags: Arc<Flags>, config: &FlagsConfig, stop: CancellationToken) -> Router {
    if config.clients.is_empty() {
        return Router::new();
    }
    serve::routes(flags, config, stop)
}
