//! Credentials: told from everything else by how they look, or by what stands before them; taken out of whatever leaves the
//! robot, and not accepted in what comes in.
//!
//! One regular expression finds where a credential may begin, in one pass; what follows is read by hand, each character a
//! bounded number of times. What merely looks random (digests, commits, ids, names of pods) is left alone: it has to stand behind
//! a word like `password` to count.

mod guarded;
mod shapes;
mod values;
mod writer;

pub(crate) use guarded::Guarded;
pub use writer::Redacting;

use crate::message::{Message, Segment};
use std::{borrow::Cow, ops::Range};

/// A credential in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    /// What kind: `GitHub token`.
    kind: &'static str,
    /// Where it stands.
    at: Range<usize>,
}

/// The text with every credential replaced by its kind: `[redacted: GitHub token]`. What is around it stays; a text without
/// one is not copied.
pub fn redact(text: &str) -> Cow<'_, str> {
    let Some(mut clean) = redact_once(text) else {
        return Cow::Borrowed(text);
    };
    // What stood right beside a credential may only now be one of its own.
    for _ in 0..MOST_ROUNDS {
        match redact_once(&clean) {
            Some(cleaner) => clean = cleaner,
            None => break,
        }
    }
    Cow::Owned(clean)
}

/// How often a text that had a credential is looked at again.
const MOST_ROUNDS: usize = 8;

fn redact_once(text: &str) -> Option<String> {
    let mut finding = shapes::next(text, 0)?;
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    loop {
        clean.push_str(&text[from..finding.at.start]);
        clean.push_str("[redacted: ");
        clean.push_str(finding.kind);
        clean.push(']');
        from = finding.at.end;
        match shapes::next(text, from) {
            Some(next) => finding = next,
            None => break,
        }
    }
    clean.push_str(&text[from..]);
    Some(clean)
}

/// The kind of the first credential in a text, if there is any.
pub fn found(text: &str) -> Option<&'static str> {
    shapes::next(text, 0).map(|finding| finding.kind)
}

/// The kind of the first credential in a message, wherever in it.
pub(crate) fn found_in(message: &Message) -> Option<&'static str> {
    let mut words = String::new();
    for segment in &message.content {
        match segment {
            Segment::Text(text) | Segment::Code(text) => words.push_str(text),
            Segment::CodeBlock(text) | Segment::Quote(text) => {
                words.push('\n');
                words.push_str(text);
                words.push('\n');
            }
            Segment::Link { url, text } => {
                // What a person typed may have been made a link in the middle of it.
                words.push_str(text);
                if let Some(kind) = found(url) {
                    return Some(kind);
                }
            }
            Segment::Me | Segment::User(_) | Segment::Channel { .. } | Segment::Group { .. } => {
                words.push(' ');
            }
        }
    }
    found(&words)
}

#[cfg(test)]
mod tests;
