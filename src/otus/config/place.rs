//! Where a value came from.

use std::{collections::BTreeMap, fmt};

/// Where a value came from, as people name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Built in.
    Default,
    /// A line of a file.
    File {
        /// The file as it was named.
        name: String,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// The program itself, for example the demo.
    Program(&'static str),
    /// Nowhere in particular: the configuration as a whole.
    Whole,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { name, line } => write!(f, "{name}:{line}"),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::Program(what) => f.write_str(what),
            Self::Whole => f.write_str("the configuration"),
        }
    }
}

/// A name of a file or a variable on one line of a terminal, whatever is in it.
pub(super) fn printable(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// A key's way from the root: `["slack", "bot_token"]`.
pub(super) type Path = Vec<String>;

/// A path as it is written: `slack.bot_token`, with quotes where a name needs them.
pub(super) fn dotted(path: &[String]) -> String {
    let keys: Vec<String> = path
        .iter()
        .map(|key| toml_edit::Key::new(key.as_str()).display_repr().into_owned())
        .collect();
    keys.join(".")
}

/// Where each value came from, by its path. Tables are in it, too, so that an unknown section has a line.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(BTreeMap<Path, Place>);

impl Places {
    pub(super) fn set(&mut self, path: Path, place: Place) {
        self.0.insert(path, place);
    }

    /// A value that takes the place of another, with all that was in that.
    pub(super) fn replace(&mut self, path: Path, place: Place) {
        self.forget(&path);
        self.0.insert(path, place);
    }

    pub(super) fn forget(&mut self, path: &[String]) {
        self.0.retain(|known, _| !known.starts_with(path));
    }

    /// Where a value, or the nearest thing around it, came from.
    pub(super) fn get(&self, path: &[String]) -> Place {
        (0..=path.len())
            .rev()
            .find_map(|length| self.0.get(&path[..length]))
            .cloned()
            .unwrap_or(Place::Whole)
    }

    pub(super) fn get_exact(&self, path: &[String]) -> Option<&Place> {
        self.0.get(path)
    }

    /// Lays a higher layer's places over these.
    pub(super) fn extend(&mut self, higher: Places, is_table: impl Fn(&[String]) -> bool) {
        for (path, place) in higher.0 {
            if is_table(&path) {
                self.set(path, place);
            } else {
                self.replace(path, place);
            }
        }
    }
}
