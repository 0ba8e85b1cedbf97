//! Purpose: the operators of an expression that stand outside brackets, strings and comments.

use super::Bad;

/// An operator that matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    AndUnless,
    Compare(Bad),
}

/// An operator and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) operator: Operator,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The top-level operators in order; `None` when brackets or strings do not close.
pub(super) fn top_level(query: &str) -> Option<Vec<Token>> {
    let bytes = query.as_bytes();
    let (mut tokens, mut depth, mut at) = (Vec::new(), 0u32, 0);
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'"' | b'\'' | b'`' => at = after_string(bytes, at)?,
            b'#' => at += bytes[at..].iter().take_while(|byte| **byte != b'\n').count(),
            b'(' | b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b')' | b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            byte if is_word(byte) => {
                at += bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
                let operator = match &query[start..at] {
                    word if word.eq_ignore_ascii_case("or") => Operator::Or,
                    word if word.eq_ignore_ascii_case("and") => Operator::AndUnless,
                    word if word.eq_ignore_ascii_case("unless") => Operator::AndUnless,
                    _ => continue,
                };
                if depth == 0 {
                    tokens.push(Token {
                        operator,
                        start,
                        end: at,
                    });
                }
            }
            byte => {
                let (bad, length) = match (byte, bytes.get(at + 1)) {
                    (b'>', Some(b'=')) => (Some(Bad::AtLeast), 2),
                    (b'<', Some(b'=')) => (Some(Bad::AtMost), 2),
                    (b'=', Some(b'=')) => (Some(Bad::Equal), 2),
                    (b'!', Some(b'=')) => (Some(Bad::NotEqual), 2),
                    (b'>', _) => (Some(Bad::Above), 1),
                    (b'<', _) => (Some(Bad::Below), 1),
                    _ => (None, 1),
                };
                at += length;
                if let Some(bad) = bad.filter(|_| depth == 0) {
                    tokens.push(Token {
                        operator: Operator::Compare(bad),
                        start,
                        end: at,
                    });
                }
            }
        }
    }
    (depth == 0).then_some(tokens)
}

/// What follows an operator without `bool`, `on (…)`, `ignoring (…)`, `group_left (…)`, `group_right (…)`.
pub(super) fn without_matching(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let length = rest.bytes().take_while(|byte| is_word(*byte)).count();
        let (word, after) = rest.split_at(length);
        let after = after.trim_start();
        let brackets = after.starts_with('(').then(|| after.find(')')).flatten();
        rest = match (word.to_ascii_lowercase().as_str(), brackets) {
            ("bool", _) => after,
            ("on" | "ignoring" | "group_left" | "group_right", Some(close)) => &after[close + 1..],
            ("group_left" | "group_right", None) => after,
            _ => return rest,
        }
        .trim_start();
    }
}

/// The inside of brackets that enclose all of it.
pub(super) fn inside_brackets(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('(')?.strip_suffix(')')?;
    // `(a) + (b)` does not close properly without its ends.
    top_level(inside).map(|_| inside)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'.') || !byte.is_ascii()
}

/// Past the closing quote; `None` when there is none. Back-quoted strings know no escapes.
fn after_string(bytes: &[u8], start: usize) -> Option<usize> {
    let quote = bytes[start];
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quote != b'`' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}
