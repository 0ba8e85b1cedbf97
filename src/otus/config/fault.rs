//! What is wrong with the configuration, for people.

use super::{Place, place::dotted};
use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it was written.
    pub place: Place,
    /// The key, as `slack.bot_token`; empty where no key is to blame.
    pub key: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Fault {
    /// A fault of a key.
    pub(super) fn new(place: Place, path: &[String], message: impl Into<String>) -> Self {
        Self {
            place,
            key: dotted(path),
            message: message.into(),
        }
    }

    /// A fault of the configuration as a whole.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self::new(Place::Whole, &[], message)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place != Place::Whole {
            write!(f, "{}: ", self.place)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => write!(
                f,
                "Otus cannot start with this configuration:\n  {}",
                indented(one)
            ),
            all => {
                write!(
                    f,
                    "Otus cannot start with this configuration, for {} reasons:",
                    all.len()
                )?;
                for fault in all {
                    write!(f, "\n  {}", indented(fault))?;
                }
                Ok(())
            }
        }
    }
}

impl Faults {
    /// Each on a line, without more words.
    pub(crate) fn listed(&self) -> String {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        all.join("\n")
    }
}

fn indented(fault: &Fault) -> String {
    fault.to_string().replace('\n', "\n    ")
}

impl std::error::Error for Faults {}
