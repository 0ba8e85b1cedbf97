//! Dashboards in a folder of JSON files, as Grafana's provisioning has them: the dashboard itself, or a resource around it.

use super::{
    api::{Found, read},
    json::{text, texts},
    model::Dashboard,
};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A file of more bytes is none.
const MOST_BYTES: u64 = 4 * 1024 * 1024;
/// No folder is searched for more files than this.
const MOST_FILES: usize = 2_000;

/// A file's dashboard, and what it is called in a list.
pub(super) struct File {
    pub(super) found: Found,
    pub(super) dashboard: Dashboard,
}

/// All dashboards of a folder and of those in it, in the order of their paths. What is no dashboard is left out.
pub(super) fn all(folder: &Path) -> std::io::Result<Vec<File>> {
    let mut paths = Vec::new();
    collect(folder, &mut paths, 0)?;
    paths.sort();
    Ok(paths.iter().filter_map(|path| one(folder, path)).collect())
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>, depth: usize) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), std::fs::metadata(entry.path()));
        let Ok(kind) = kind else { continue };
        if kind.is_dir() && depth < 4 {
            // `..data` of a mounted ConfigMap holds the same files once more.
            if !entry.file_name().to_string_lossy().starts_with("..") {
                collect(&path, paths, depth + 1)?;
            }
        } else if kind.is_file()
            && kind.len() <= MOST_BYTES
            && path
                .extension()
                .is_some_and(|ext| ext.eq_ignore_ascii_case("json"))
            && paths.len() < MOST_FILES
        {
            paths.push(path);
        }
    }
    Ok(())
}

fn one(folder: &Path, path: &Path) -> Option<File> {
    let written: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    // As it is, as the API gives it, or as a resource.
    let spec = [&written, &written["dashboard"], &written["spec"]]
        .into_iter()
        .find(|spec| spec["elements"].is_object() || spec["panels"].is_array() || spec["rows"].is_array())?;
    let mut dashboard = read(spec)?;
    let below = path.strip_prefix(folder).unwrap_or(path);
    let name = below.with_extension("").to_string_lossy().replace('\\', "/");
    if dashboard.uid.is_empty() {
        dashboard.uid = text(&written, &["metadata", "name"]).unwrap_or(&name).to_owned();
    }
    if dashboard.title.is_empty() {
        dashboard.title.clone_from(&name);
    }
    let inside = below.parent().map(|parent| parent.to_string_lossy().into_owned());
    Some(File {
        found: Found {
            uid: dashboard.uid.clone(),
            title: dashboard.title.clone(),
            path: String::new(),
            folder: inside.unwrap_or_default(),
            tags: texts(&spec["tags"]),
        },
        dashboard,
    })
}
