//! Purpose: one process owns the file.
//!
//! The lock is the system's (`flock`), on a file beside the database, because SQLite takes locks of its own on the database.
//! It ends with the process, `kill -9` included, so a dead owner never blocks the next start. The file stays; what is
//! written in it only tells a person who has it.

use crate::OpenError;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

/// Holds the file for this process for as long as it lives.
#[derive(Debug)]
pub(super) struct Owned {
    locked: File,
}

impl Drop for Owned {
    fn drop(&mut self) {
        // Closing it would do, but for a program that another thread is just starting: for a moment it has the file open, too.
        let _ = self.locked.unlock();
    }
}

pub(super) fn own(database: &Path) -> Result<Owned, OpenError> {
    let unusable = |error: std::io::Error| OpenError::Unusable {
        path: database.to_owned(),
        why: error.to_string(),
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(beside(database))
        .map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            // Only for the message: an owner that nobody can read is still an owner.
            let _ = file.read_to_string(&mut owner);
            let owner = if owner.trim().is_empty() {
                "unknown process".into()
            } else {
                owner.trim().to_owned()
            };
            return Err(OpenError::InUse {
                path: database.to_owned(),
                owner,
            });
        }
        Err(TryLockError::Error(error)) => return Err(unusable(error)),
    }
    let about = format!(
        "process {}, since {}\n",
        std::process::id(),
        jiff::Timestamp::now().strftime("%F %T UTC")
    );
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(about.as_bytes()))
        .map_err(unusable)?;
    Ok(Owned { locked: file })
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
