//! Files by their paths, wherever they came from.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// What one file may hold at most: a migration is read by people, a dump is none.
const LARGEST: u64 = 16 * 1024 * 1024;

/// How deep folders may lie in folders.
const DEEPEST: usize = 16;

/// Files by their paths, which are relative and have `/` between.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<String, String>);

/// Why files cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The system does not give them.
    #[error("{path} cannot be read: {why}")]
    Unreadable {
        /// Where.
        path: String,
        /// What the system says.
        why: String,
    },
    /// Not UTF-8.
    #[error("{path} is no UTF-8 text")]
    NotText {
        /// Where.
        path: String,
    },
    /// Bigger than anybody can review.
    #[error("{path} is {bytes} bytes large; a migration is at most {LARGEST}. Load data by another way")]
    TooLarge {
        /// Where.
        path: String,
        /// How large.
        bytes: u64,
    },
    /// Folders in folders without end.
    #[error("{path} lies more than {DEEPEST} folders deep")]
    TooDeep {
        /// Where.
        path: String,
    },
}

impl Tree {
    /// Reads the `.sql` and `.conf` files of a folder and of those below it. Hidden ones and links to folders are left out.
    ///
    /// # Errors
    /// When something cannot be read, is no text, or is too large.
    pub fn of_folder(folder: &Path) -> Result<Self, TreeError> {
        let mut tree = Self::default();
        let mut open = vec![(folder.to_owned(), String::new(), 0)];
        while let Some((at, prefix, depth)) = open.pop() {
            if depth > DEEPEST {
                return Err(TreeError::TooDeep {
                    path: at.display().to_string(),
                });
            }
            for entry in std::fs::read_dir(&at).map_err(|error| unreadable(&at, &error))? {
                let entry = entry.map_err(|error| unreadable(&at, &error))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let path = entry.path();
                let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
                if name.starts_with('.') {
                    continue;
                }
                if kind.is_dir() {
                    open.push((path, format!("{prefix}{name}/"), depth + 1));
                } else if name.ends_with(".sql") || name.ends_with(".sql.conf") {
                    tree.0.insert(format!("{prefix}{name}"), text(&path)?);
                }
            }
        }
        Ok(tree)
    }

    /// The files, in the order of their paths.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A file's text.
    #[must_use]
    pub fn text(&self, file: &str) -> Option<&str> {
        self.0.get(file).map(String::as_str)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(file, text)| (file.as_str(), text.as_str()))
    }
}

impl<P: Into<String>, T: Into<String>> FromIterator<(P, T)> for Tree {
    fn from_iter<I: IntoIterator<Item = (P, T)>>(files: I) -> Self {
        Self(
            files
                .into_iter()
                .map(|(path, text)| (path.into(), text.into()))
                .collect(),
        )
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> TreeError {
    TreeError::Unreadable {
        path: path.display().to_string(),
        why: error.to_string(),
    }
}

fn text(path: &PathBuf) -> Result<String, TreeError> {
    let bytes = std::fs::metadata(path)
        .map_err(|error| unreadable(path, &error))?
        .len();
    if bytes > LARGEST {
        return Err(TreeError::TooLarge {
            path: path.display().to_string(),
            bytes,
        });
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|_| TreeError::NotText {
        path: path.display().to_string(),
    })
}
