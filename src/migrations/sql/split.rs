//! Purpose: a file cut into statements, so that each can be run, timed, journalled and judged by itself.
//!
//! The rules are psql's (`src/fe_utils/psqlscan.l`): a semicolon ends a statement, except in parentheses and in the body of a
//! function written as `BEGIN ATOMIC … END`. What only psql understands is refused.

use super::lex::{self, Token, TokenKind};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A place in a file, counted from 1, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Place {
    /// Of a byte in a text.
    pub(crate) fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)
    }
}

/// One statement of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Its text without what stands around it, and without the semicolon.
    pub sql: String,
    /// Where it begins.
    pub place: Place,
    /// Where it begins in the file, in bytes.
    pub start: usize,
    /// Where it ends in the file, in bytes.
    pub end: usize,
    /// The comments right before it, as they are written.
    pub comments: Vec<String>,
}

/// Why a file cannot be cut into statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum SplitError {
    /// Something is open at the end.
    #[error("{place}: {what} is begun and never ended")]
    Unended {
        /// Where it begins.
        place: Place,
        /// What.
        what: String,
    },
    /// What only psql understands.
    #[error("{place}: `{what}` is understood by psql alone; write it as SQL")]
    Psql {
        /// Where.
        place: Place,
        /// What.
        what: String,
    },
    /// Data in the script.
    #[error(
        "{place}: COPY … FROM STDIN takes its data from psql; write INSERT, or load the data by another way than a migration"
    )]
    CopyData {
        /// Where.
        place: Place,
    },
}

impl SplitError {
    /// Where.
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::Unended { place, .. } | Self::Psql { place, .. } | Self::CopyData { place } => *place,
        }
    }
}

/// Cuts a file into statements.
///
/// # Errors
/// When something is begun and not ended, or only psql could run it.
pub fn split(text: &str) -> Result<Vec<Statement>, SplitError> {
    let mut statements = Vec::new();
    let mut open = Open::default();
    let mut at = 0;
    loop {
        let token = match lex::next(text, at) {
            Ok(Some(token)) => token,
            Ok(None) => break,
            Err(unended) => {
                return Err(SplitError::Unended {
                    place: Place::of(text, unended.start),
                    what: unended.what.to_owned(),
                });
            }
        };
        at = token.end;
        let piece = &text[token.start..token.end];
        if token.kind == TokenKind::Comment {
            if open.start.is_none() {
                open.comments.push(piece.to_owned());
            }
            continue;
        }
        if piece == "\\" {
            let line = text[token.start..].lines().next().unwrap_or_default();
            return Err(SplitError::Psql {
                place: Place::of(text, token.start),
                what: line.split_whitespace().next().unwrap_or(piece).to_owned(),
            });
        }
        if piece == ";" && open.parens == 0 && open.atomic == 0 {
            open.finish(text, &mut statements)?;
        } else {
            open.take(piece, token);
        }
    }
    open.finish(text, &mut statements)?;
    Ok(statements)
}

/// The statement that is being read.
#[derive(Default)]
struct Open {
    start: Option<usize>,
    end: usize,
    comments: Vec<String>,
    parens: usize,
    /// How deep in `BEGIN ATOMIC … END`, where CASE has an END of its own.
    atomic: usize,
    /// The first words, in small letters.
    words: Vec<String>,
    /// The words of a COPY, to see whether its data follows.
    copies: bool,
    from: bool,
    stdin: bool,
}

impl Open {
    fn take(&mut self, piece: &str, token: Token) {
        self.start.get_or_insert(token.start);
        self.end = token.end;
        match token.kind {
            TokenKind::Sign if piece == "(" => self.parens += 1,
            TokenKind::Sign if piece == ")" => self.parens = self.parens.saturating_sub(1),
            TokenKind::Word => self.word(&piece.to_lowercase()),
            _ => self.from = false,
        }
    }

    fn word(&mut self, word: &str) {
        if self.words.len() < 4 {
            self.words.push(word.to_owned());
            self.copies = self.words == ["copy"] || self.copies;
        }
        if self.parens > 0 {
            return;
        }
        self.stdin |= self.copies && self.from && word == "stdin";
        self.from = word == "from";
        if self.makes_routine() {
            match word {
                "begin" => self.atomic += 1,
                "case" if self.atomic > 0 => self.atomic += 1,
                "end" => self.atomic = self.atomic.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn makes_routine(&self) -> bool {
        let mut words = self.words.iter().map(String::as_str);
        if words.next() != Some("create") {
            return false;
        }
        let mut word = words.next();
        if word == Some("or") {
            words.next();
            word = words.next();
        }
        matches!(word, Some("function" | "procedure"))
    }

    fn finish(&mut self, text: &str, statements: &mut Vec<Statement>) -> Result<(), SplitError> {
        let open = std::mem::take(self);
        let Some(start) = open.start else {
            // A comment before a lone semicolon belongs to nothing.
            return Ok(());
        };
        let place = Place::of(text, start);
        if open.stdin {
            return Err(SplitError::CopyData { place });
        }
        if open.atomic > 0 || open.parens > 0 {
            let what = if open.atomic > 0 {
                "BEGIN ATOMIC"
            } else {
                "a parenthesis"
            };
            return Err(SplitError::Unended {
                place,
                what: what.to_owned(),
            });
        }
        statements.push(Statement {
            sql: text[start..open.end].to_owned(),
            place,
            start,
            end: open.end,
            comments: open.comments,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
