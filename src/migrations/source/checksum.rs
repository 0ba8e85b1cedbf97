//! What a history keeps of a file's text.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha384};
use std::fmt;

/// A checksum, as the format's history keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checksum {
    /// SHA-384 of the whole text, in hexadecimal: sqlx.
    Sha384(String),
    /// CRC-32 of the lines: Flyway.
    Crc32(i32),
}

impl Checksum {
    /// The bytes of a SHA-384, as `_sqlx_migrations` keeps them.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Sha384(text) => (0..text.len() / 2)
                .filter_map(|at| u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok())
                .collect(),
            Self::Crc32(number) => number.to_be_bytes().to_vec(),
        }
    }

    /// From the bytes that `_sqlx_migrations` keeps.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::Sha384(hex(bytes))
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Enough to compare by eye.
            Self::Sha384(text) => f.write_str(text.get(..12).unwrap_or(text)),
            Self::Crc32(number) => write!(f, "{number}"),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// sqlx' checksum: SHA-384 of the text as it is.
#[must_use]
pub fn sqlx_checksum(text: &str) -> Checksum {
    Checksum::Sha384(hex(&Sha384::digest(text.as_bytes())))
}

/// Flyway's checksum: CRC-32 of the lines without their ends and without a byte order mark, so that line ends do not count.
#[must_use]
pub fn flyway_checksum(text: &str) -> Checksum {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut crc = crc32fast::Hasher::new();
    // Java's BufferedReader ends a line at \r, \n and \r\n; the ends are left out, so it does not matter which.
    let mut pieces = text.as_bytes().split(|byte| matches!(byte, b'\r' | b'\n'));
    pieces.by_ref().for_each(|piece| crc.update(piece));
    Checksum::Crc32(crc.finalize().cast_signed())
}
