//! Purpose: a statement by its first words.

use super::Cursor;
use crate::sql::TokenKind;

/// The words up to the first name, and that name: enough to know it again in a list.
pub(super) fn title(at: &Cursor<'_>) -> String {
    let mut words = Vec::new();
    for ahead in 0..8 {
        let raw = at.raw(ahead);
        // A string may be a whole program.
        if raw.is_empty() || raw == "(" || raw == ";" || at.kind(ahead) == Some(TokenKind::Text) {
            break;
        }
        let word = at.peek(ahead);
        if !word.is_empty() && COMMANDS.contains(&word.as_str()) {
            words.push(raw.to_uppercase());
            continue;
        }
        words.push(raw.to_owned());
        if at.raw(ahead + 1) == "." {
            words.push(format!(".{}", at.raw(ahead + 2)));
            return words.join(" ").replace(" .", ".");
        }
        break;
    }
    words.join(" ")
}

/// The words that name a command rather than an object.
const COMMANDS: &[&str] = &[
    "alter",
    "create",
    "drop",
    "table",
    "index",
    "unique",
    "concurrently",
    "if",
    "not",
    "exists",
    "only",
    "update",
    "insert",
    "into",
    "delete",
    "from",
    "view",
    "materialized",
    "or",
    "replace",
    "function",
    "procedure",
    "trigger",
    "type",
    "sequence",
    "schema",
    "extension",
    "truncate",
    "vacuum",
    "full",
    "analyze",
    "reindex",
    "cluster",
    "refresh",
    "comment",
    "on",
    "column",
    "grant",
    "revoke",
    "set",
    "local",
    "reset",
    "lock",
    "do",
    "call",
    "select",
    "with",
    "begin",
    "commit",
    "rollback",
    "domain",
    "policy",
    "role",
    "database",
    "temp",
    "temporary",
    "unlogged",
    "copy",
    "merge",
    "execute",
    "prepare",
    "publication",
];
