//! Purpose: the files of commits: what each changed, the folders at one, and blobs.

use super::{
    answers::{Answer, Failure, Query, ok},
    control::{Refused, Repository},
    routes::{of, within},
    server::Shared,
    world::Repo,
};
use axum::extract::{Path, Query as Asked, State};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

type Server = State<Arc<Shared>>;

/// GitHub lists no more entries of one folder.
const MOST: usize = 1_000;
/// GitHub lists no more files of one comparison.
const MOST_COMPARED: usize = 300;

impl Repo {
    /// All files at a commit: what its first parents changed, the newest last.
    fn tree(&self, sha: &str) -> BTreeMap<String, String> {
        let mut line = Vec::new();
        let mut at = self.graph.get(sha);
        while let Some(commit) = at {
            line.push(commit);
            at = commit.parents.first().and_then(|parent| self.graph.get(parent));
        }
        let mut tree = BTreeMap::new();
        for commit in line.into_iter().rev() {
            for (path, text) in &commit.files {
                match text {
                    Some(text) => tree.insert(path.clone(), text.clone()),
                    None => tree.remove(path),
                };
            }
        }
        tree
    }

    /// What differs between two commits, as a comparison lists it.
    pub(super) fn changed(&self, base: &str, head: &str) -> Vec<Value> {
        let (before, after) = (self.tree(base), self.tree(head));
        let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let changed = paths.into_iter().filter_map(|path| {
            let status = match (before.get(path), after.get(path)) {
                (None, _) => "added",
                (_, None) => "removed",
                (was, is) if was != is => "modified",
                _ => return None,
            };
            Some(json!({ "filename": path, "status": status }))
        });
        changed.take(MOST_COMPARED).collect()
    }
}

/// A name for what is in a file. Like git's it is the same for the same content, and twenty bytes long.
fn blob_of(text: &str) -> String {
    let digest = Sha256::digest(format!("blob {text}"));
    digest[..20].iter().fold(String::new(), |mut sha, byte| {
        // Writing into a String cannot fail.
        let _ = write!(sha, "{byte:02x}");
        sha
    })
}

pub(super) async fn root(
    state: Server,
    Path((owner, repo)): Path<(String, String)>,
    query: Asked<Query>,
) -> Answer {
    contents(state, Path((owner, repo, String::new())), query).await
}

pub(super) async fn contents(
    State(shared): Server,
    Path((owner, repo, path)): Path<(String, String, String)>,
    Asked(query): Asked<Query>,
) -> Answer {
    within(&shared, &owner, &repo, |repo, _| {
        let commit = repo
            .resolve(of(&query, "ref").unwrap_or("main"))
            .ok_or_else(Failure::not_found)?;
        let tree = repo.tree(&commit.sha);
        if let Some(text) = tree.get(&path) {
            let name = path.rsplit('/').next().unwrap_or(&path);
            let mut file = entry("file", name, &path, &blob_of(text));
            file["encoding"] = json!("base64");
            file["content"] = json!(lines(text));
            return ok(&file);
        }
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        let mut seen = BTreeSet::new();
        let mut entries = Vec::new();
        for (file, text) in &tree {
            let Some(rest) = file.strip_prefix(&prefix) else {
                continue;
            };
            match rest.split_once('/') {
                Some((folder, _)) if seen.insert(folder.to_owned()) => {
                    let at = format!("{prefix}{folder}");
                    entries.push(entry("dir", folder, &at, &blob_of(&at)));
                }
                Some(_) => {}
                None => entries.push(entry("file", rest, file, &blob_of(text))),
            }
        }
        if entries.is_empty() && !path.is_empty() {
            return Err(Failure::not_found());
        }
        entries.truncate(MOST);
        ok(&Value::Array(entries))
    })
}

fn entry(kind: &str, name: &str, path: &str, sha: &str) -> Value {
    json!({ "type": kind, "name": name, "path": path, "sha": sha, "size": 0 })
}

/// Base64 as GitHub breaks it: sixty characters a line.
fn lines(text: &str) -> String {
    let packed: Vec<char> = STANDARD.encode(text).chars().collect();
    packed.chunks(60).fold(String::new(), |mut all, line| {
        all.extend(line);
        all.push('\n');
        all
    })
}

pub(super) async fn blob(
    State(shared): Server,
    Path((owner, repo, sha)): Path<(String, String, String)>,
) -> Answer {
    within(&shared, &owner, &repo, |repo, _| {
        let all = repo
            .graph
            .all()
            .flat_map(|commit| commit.files.values().flatten());
        let text = all
            .into_iter()
            .find(|text| blob_of(text) == sha)
            .ok_or_else(Failure::not_found)?;
        ok(&json!({ "sha": sha, "size": text.len(), "encoding": "base64", "content": lines(text) }))
    })
}

/// Code search, as far as `"words" repo:owner/name` goes: over the newest commit of the main branch, at once.
pub(super) async fn search(State(shared): Server, Asked(query): Asked<Query>) -> Answer {
    let asked = of(&query, "q").unwrap_or_default();
    let unreadable = || Failure::invalid("Validation Failed");
    let (words, rest) = asked
        .strip_prefix('"')
        .and_then(|rest| rest.split_once('"'))
        .ok_or_else(unreadable)?;
    let of_repo = rest
        .trim()
        .strip_prefix("repo:")
        .and_then(|name| name.split_once('/'));
    let (owner, name) = of_repo.ok_or_else(unreadable)?;
    let most = of(&query, "per_page")
        .and_then(|most| most.parse().ok())
        .unwrap_or(30);
    let found = within(&shared, owner, name, |repo, shapes| {
        let commit = repo.resolve("main").ok_or_else(Failure::not_found)?;
        let tree = repo.tree(&commit.sha);
        let paths: Vec<&String> = tree
            .iter()
            .filter(|(_, text)| text.contains(words))
            .map(|(path, _)| path)
            .collect();
        let item = |path: &&String| {
            let name = path.rsplit('/').next().unwrap_or(path);
            json!({ "name": name, "path": path, "html_url": shapes.html(&format!("/blob/{}/{path}", commit.sha)) })
        };
        let items: Vec<Value> = paths.iter().take(most).map(item).collect();
        ok(&json!({ "total_count": paths.len(), "incomplete_results": false, "items": items }))
    });
    // A repository one may not see is an invalid question there.
    found.map_err(|_| unreadable())
}

impl Repository {
    /// Commits files to a branch and pushes it; none as a file's text deletes the file.
    ///
    /// # Errors
    /// As [`Repository::commit`].
    pub fn commit_files(
        &self,
        branch: &str,
        author: &str,
        message: &str,
        files: &[(&str, Option<&str>)],
    ) -> Result<String, Refused> {
        self.act(|act| {
            let parent = act
                .sha(&format!("heads/{branch}"))
                .or_else(|_| act.sha("heads/main"))?;
            let files = files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), text.map(str::to_owned)));
            let sha = act.add_with(vec![parent], author, message, files.collect());
            act.move_branch(branch, &sha);
            Ok(sha)
        })
    }
}
