//! The files somebody works on: looked at now and then, since what tells of changes differs on every system and misses some of them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// How often they are looked at.
const EVERY: Duration = Duration::from_millis(300);
/// Folders that hold what was made, not what somebody wrote. A build's own folder is known by its mark, too, whatever it is called.
const MADE: [&str; 3] = ["target", "node_modules", "__pycache__"];
/// Files that programs write while they run.
const WRITTEN: [&str; 7] = [
    "~",
    ".swp",
    ".tmp",
    ".log",
    ".sqlite",
    ".sqlite-shm",
    ".sqlite-wal",
];
/// The mark of a folder that can be made again (bford.info/cachedir).
const MARK: &str = "CACHEDIR.TAG";

/// By path: when it was changed, and its length.
type Seen = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// What is watched, as it was when it rested last.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    known: Seen,
}

impl Files {
    /// Everything below a folder, but for what is hidden, made, or written by programs that run.
    pub(super) fn below(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            known: seen(folder),
        }
    }

    /// Knows a file as it is now: what a build wrote is no change of somebody's.
    pub(super) fn made(&mut self, name: &str) {
        let path = self.folder.join(name);
        if let Ok(meta) = fs::metadata(&path) {
            self.known.insert(path, (meta.modified().ok(), meta.len()));
        }
    }

    /// Waits until files changed and rest again, since editors write in several steps: which, by their paths below the folder.
    /// Nothing is lost when this is dropped.
    pub(super) async fn changed(&mut self) -> Vec<String> {
        let mut before = None;
        loop {
            tokio::time::sleep(EVERY).await;
            let folder = self.folder.clone();
            // It waits for a disk; when that fails there is nothing to tell.
            let Ok(now) = tokio::task::spawn_blocking(move || seen(&folder)).await else {
                continue;
            };
            if now == self.known {
                before = None;
                continue;
            }
            if before.as_ref() == Some(&now) {
                let names = different(&self.known, &now, &self.folder);
                self.known = now;
                return names;
            }
            before = Some(now);
        }
    }
}

fn different(one: &Seen, other: &Seen, folder: &Path) -> Vec<String> {
    let changed = other.iter().filter(|(path, stamp)| one.get(*path) != Some(stamp));
    let gone = one.iter().filter(|(path, _)| !other.contains_key(*path));
    changed
        .chain(gone)
        .map(|(path, _)| path.strip_prefix(folder).unwrap_or(path).display().to_string())
        .collect()
}

fn seen(folder: &Path) -> Seen {
    let mut seen = Seen::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // One that cannot be read has nothing that could be built.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // Of a link it is the link, so that no circle is walked.
            let Ok(kind) = entry.file_type() else { continue };
            if name.starts_with('.') {
                continue;
            }
            let path = entry.path();
            if kind.is_dir() {
                if !MADE.contains(&name.as_ref()) && !path.join(MARK).exists() {
                    folders.push(path);
                }
            } else if !WRITTEN.iter().any(|end| name.ends_with(end))
                && let Ok(meta) = fs::metadata(&path)
            {
                seen.insert(path, (meta.modified().ok(), meta.len()));
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_somebody_wrote_is_seen_and_what_was_made_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("src/lib.rs", "one");
        write("src/old.rs", "old");
        write(
            "built/CACHEDIR.TAG",
            "Signature: 8a477f597d28d172789f06886806bc55",
        );
        let mut files = Files::below(folder.path());
        for made in [
            "target/debug/x",
            "built/x",
            ".git/index",
            "otus.sqlite-wal",
            "src/lib.rs~",
            "web/node_modules/y",
        ] {
            write(made, "made");
        }
        write("Cargo.lock", "made");
        files.made("Cargo.lock");
        write("src/lib.rs", "three");
        write("config/dev.toml", "new");
        fs::remove_file(folder.path().join("src/old.rs")).unwrap();
        assert_eq!(
            files.changed().await,
            ["config/dev.toml", "src/lib.rs", "src/old.rs"]
        );
        // Only once.
        let again = tokio::time::timeout(4 * EVERY, files.changed()).await;
        assert!(again.is_err(), "{again:?}");
    }
}
