//! Purpose: the files that flag sets begin with, to be read again when somebody wants what is in them by now.

use crate::Document;
use async_trait::async_trait;
use std::fmt::Debug;

/// Where the files of flag sets are.
#[async_trait]
pub trait Files: Debug + Send + Sync {
    /// The sets that have one.
    fn sets(&self) -> Vec<String>;

    /// Reads the file of a set, as it is now. It is checked: its rules make sense.
    ///
    /// # Errors
    /// Why it cannot be read, or what is wrong with it, in a sentence. No secret is in it.
    async fn read(&self, set: &str) -> Result<FileOfFlags, String>;
}

/// A file of flags.
#[derive(Debug, Clone, PartialEq)]
pub struct FileOfFlags {
    /// What is in it.
    pub document: Document,
    /// Which file of which commit that is, in words.
    pub from: String,
}
