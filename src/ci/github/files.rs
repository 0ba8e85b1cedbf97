//! Purpose: the files of a folder as they were at a commit, and who changed one last.

use super::{
    client::GitHub,
    commits::Commit,
    error::{Error, Result},
    refusals::odd,
    repo::Repository,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

/// How deep folders may lie in folders.
const DEEPEST: usize = 16;
/// GitHub lists no more entries of one folder
/// (<https://docs.github.com/en/rest/repos/contents#get-repository-content>).
const MOST_IN_FOLDER: usize = 1_000;
/// So many files are read at most.
const MOST: usize = 2_000;
/// So many are read at once.
const AT_ONCE: usize = 8;

/// A file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFile {
    /// Where it is, from the folder that was asked for.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    path: String,
    sha: String,
}

impl GitHub {
    /// The files of a folder at a commit, those of folders below it, too, by their paths. `wanted` is asked for each file's name;
    /// links, submodules and what is hidden are left out.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error): [`Error::NotFound`] when there is no such folder, [`Error::TooMany`] when there are more
    /// than anybody could look through.
    pub async fn files(
        &self,
        repo: &Repository,
        commit: &str,
        folder: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<RepositoryFile>> {
        let folder = folder.trim_matches('/');
        let mut found: Vec<(String, String)> = Vec::new();
        let mut open = vec![(folder.to_owned(), 0)];
        while let Some((at, depth)) = open.pop() {
            let what = format!("folder {at} of {repo} at {}", short(commit));
            let entries = self.folder(repo, commit, &at, &what).await?;
            if entries.len() >= MOST_IN_FOLDER || depth > DEEPEST || found.len() > MOST {
                return Err(Error::TooMany {
                    what,
                    limit: MOST_IN_FOLDER,
                });
            }
            for entry in entries.into_iter().filter(|entry| !entry.name.starts_with('.')) {
                match entry.kind.as_str() {
                    "dir" => open.push((entry.path, depth + 1)),
                    "file" if wanted(&entry.name) => found.push((entry.path, entry.sha)),
                    _ => {}
                }
            }
        }
        found.sort();
        let mut files = Vec::with_capacity(found.len());
        for some in found.chunks(AT_ONCE) {
            let mut asking = tokio::task::JoinSet::new();
            for (path, sha) in some.iter().cloned() {
                let (github, repo) = (self.clone(), repo.clone());
                asking.spawn(async move {
                    let bytes = github.blob(&repo, &sha, &path).await?;
                    Ok::<_, Error>((path, bytes))
                });
            }
            while let Some(asked) = asking.join_next().await {
                let (path, bytes) = asked
                    .map_err(|error| odd("a file", format!("what nobody could wait for ({error})")))??;
                let path = path
                    .strip_prefix(folder)
                    .unwrap_or(&path)
                    .trim_start_matches('/')
                    .to_owned();
                files.push(RepositoryFile { path, bytes });
            }
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(files)
    }

    /// The newest commit up to this one that changed a file; none when no commit did.
    ///
    /// # Errors
    /// Any of [`Error`](super::Error).
    pub async fn last_change(&self, repo: &Repository, commit: &str, path: &str) -> Result<Option<Commit>> {
        let what = format!("commits of {path} in {repo}");
        let answer = self
            .get(
                &["repos", repo.owner(), repo.name(), "commits"],
                &[("sha", commit), ("path", path), ("per_page", "1")],
                &what,
            )
            .await?;
        Ok(self.parse::<Vec<Commit>>(&answer, &what)?.into_iter().next())
    }

    async fn folder(&self, repo: &Repository, commit: &str, at: &str, what: &str) -> Result<Vec<Entry>> {
        let mut path = vec!["repos", repo.owner(), repo.name(), "contents"];
        path.extend(at.split('/').filter(|part| !part.is_empty()));
        let answer = self.get(&path, &[("ref", commit)], what).await?;
        // A file is answered as one object, a folder as a list.
        let value: serde_json::Value = self.parse(&answer, what)?;
        if !value.is_array() {
            return Err(odd(what, "a file, where a folder was asked for".to_owned()));
        }
        serde_json::from_value(value).map_err(|error| odd(what, format!("JSON it does not know ({error})")))
    }

    async fn blob(&self, repo: &Repository, sha: &str, path: &str) -> Result<Vec<u8>> {
        #[derive(Deserialize)]
        struct Blob {
            content: String,
            encoding: String,
        }
        let what = format!("file {path} of {repo}");
        let answer = self
            .get(
                &["repos", repo.owner(), repo.name(), "git", "blobs", sha],
                &[],
                &what,
            )
            .await?;
        let blob: Blob = self.parse(&answer, &what)?;
        match blob.encoding.as_str() {
            "utf-8" => Ok(blob.content.into_bytes()),
            "base64" => {
                let packed: String = blob.content.split_whitespace().collect();
                STANDARD
                    .decode(packed)
                    .map_err(|error| odd(&what, format!("no base64 ({error})")))
            }
            other => Err(odd(&what, format!("the encoding {other}"))),
        }
    }
}

fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}
