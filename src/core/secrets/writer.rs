//! A writer that takes credentials out of what is written: for the log.

use super::redact;
use std::io::{self, Write};

/// Redacts what is written through it, write by write: who writes has to write whole lines at once, as a log does.
#[derive(Debug, Clone)]
pub struct Redacting<W>(W);

impl<W: Write> Redacting<W> {
    /// Wraps a writer.
    pub fn new(inner: W) -> Self {
        Self(inner)
    }

    /// The writer it writes to.
    pub fn into_inner(self) -> W {
        self.0
    }
}

impl<W: Write> Write for Redacting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A part of it cannot be told from the whole once it is redacted, so all of it is written.
        match std::str::from_utf8(bytes) {
            Ok(text) => self.0.write_all(redact(text).as_bytes())?,
            Err(_) => self
                .0
                .write_all(redact(&String::from_utf8_lossy(bytes)).as_bytes())?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
