//! Names that look like Slack's.

use rand::RngExt as _;

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

fn random(length: usize) -> String {
    let mut rng = rand::rng();
    (0..length)
        .map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]))
        .collect()
}

/// The five characters Slack gives a block that has no id of its own.
pub(crate) fn block_id() -> String {
    random(5)
}

/// A prefix and ten characters: `F0…`, `V0…`, `Ev0…`.
pub(crate) fn id(prefix: &str) -> String {
    format!("{prefix}0{}", random(10))
}

/// An id a person can read in a failing test: `U0ANN`, `C0DEPLOYS`.
pub(crate) fn readable(prefix: char, name: &str, taken: impl Fn(&str) -> bool) -> String {
    let word: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .take(12)
        .collect();
    let base = format!("{prefix}0{word}");
    if base.len() > 3 && !taken(&base) {
        base
    } else {
        id(&base)
    }
}

/// A secret part of a url.
pub(crate) fn ticket() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
