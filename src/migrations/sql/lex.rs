//! Purpose: PostgreSQL's lexical rules (`src/backend/parser/scan.l`, with `standard_conforming_strings` on), as far as they
//! decide where something ends.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A key word or an identifier without quotes.
    Word,
    /// An identifier in double quotes.
    Quoted,
    /// A string, of whatever kind.
    Text,
    /// A number or a parameter.
    Number,
    /// One character of anything else.
    Sign,
    /// `-- …` or `/* … */`.
    Comment,
}

/// A token and where it is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Something was begun and does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unended {
    pub(crate) what: &'static str,
    pub(crate) start: usize,
}

/// The next token from `at` on, whitespace passed over.
pub(crate) fn next(text: &str, at: usize) -> Result<Option<Token>, Unended> {
    let bytes = text.as_bytes();
    let mut start = at;
    // A byte order mark is white to everybody.
    if text[start..].starts_with('\u{feff}') {
        start += '\u{feff}'.len_utf8();
    }
    while bytes.get(start).is_some_and(|byte| is_space(*byte)) {
        start += 1;
    }
    let Some(&first) = bytes.get(start) else {
        return Ok(None);
    };
    let token = |kind, end| Ok(Some(Token { kind, start, end }));
    let second = bytes.get(start + 1).copied().unwrap_or(0);
    match first {
        b'-' if second == b'-' => token(TokenKind::Comment, line_end(bytes, start)),
        b'/' if second == b'*' => token(TokenKind::Comment, comment_end(bytes, start)?),
        b'\'' => token(TokenKind::Text, string_end(bytes, start, start, false)?),
        b'"' => token(TokenKind::Quoted, quoted_end(bytes, start)?),
        b'$' => match dollar_end(bytes, start)? {
            Some(end) => token(TokenKind::Text, end),
            None if second.is_ascii_digit() => token(TokenKind::Number, number_end(bytes, start + 1)),
            None => token(TokenKind::Sign, start + 1),
        },
        b'e' | b'E' if second == b'\'' => token(TokenKind::Text, string_end(bytes, start, start + 1, true)?),
        b'b' | b'B' | b'x' | b'X' | b'n' | b'N' if second == b'\'' => {
            token(TokenKind::Text, string_end(bytes, start, start + 1, false)?)
        }
        b'u' | b'U' if second == b'&' && bytes.get(start + 2) == Some(&b'\'') => {
            token(TokenKind::Text, string_end(bytes, start, start + 2, false)?)
        }
        b'u' | b'U' if second == b'&' && bytes.get(start + 2) == Some(&b'"') => {
            token(TokenKind::Quoted, quoted_end(bytes, start + 2)?)
        }
        byte if byte.is_ascii_digit() => token(TokenKind::Number, number_end(bytes, start)),
        byte if begins_word(byte) => {
            let rest = bytes.get(start..).unwrap_or_default();
            let length = rest.iter().take_while(|byte| continues_word(**byte)).count();
            token(TokenKind::Word, start + length)
        }
        _ => token(TokenKind::Sign, start + 1),
    }
}

/// All tokens.
pub(crate) fn lex(text: &str) -> Result<Vec<Token>, Unended> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(token) = next(text, at)? {
        at = token.end;
        tokens.push(token);
    }
    Ok(tokens)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn begins_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn continues_word(byte: u8) -> bool {
    begins_word(byte) || byte.is_ascii_digit() || byte == b'$'
}

fn line_end(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    start + length.unwrap_or(rest.len())
}

/// Comments nest.
fn comment_end(bytes: &[u8], start: usize) -> Result<usize, Unended> {
    let mut depth = 0_usize;
    let mut at = start;
    while at < bytes.len() {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'/'), Some(b'*')) => {
                depth += 1;
                at += 2;
            }
            (Some(b'*'), Some(b'/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Ok(at);
                }
            }
            _ => at += 1,
        }
    }
    Err(Unended {
        what: "a comment",
        start,
    })
}

/// The end of a string whose quote is at `quote`; `escapes` says whether a backslash escapes. One that goes on after a line
/// break is one string.
fn string_end(bytes: &[u8], start: usize, quote: usize, escapes: bool) -> Result<usize, Unended> {
    let mut at = quote + 1;
    loop {
        match bytes.get(at) {
            None => {
                return Err(Unended {
                    what: "a string",
                    start,
                });
            }
            Some(b'\\') if escapes => at += 2,
            Some(b'\'') if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            Some(b'\'') => match continued(bytes, at + 1) {
                Some(next) => at = next + 1,
                None => return Ok(at + 1),
            },
            Some(_) => at += 1,
        }
    }
}

/// Where the next piece of a string begins: after whitespace with a line break in it, perhaps with `--` comments between.
fn continued(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut broken = false;
    loop {
        match bytes.get(at)? {
            b'\n' | b'\r' => {
                broken = true;
                at += 1;
            }
            byte if is_space(*byte) => at += 1,
            b'-' if broken && bytes.get(at + 1) == Some(&b'-') => at = line_end(bytes, at),
            b'\'' if broken => return Some(at),
            _ => return None,
        }
    }
}

fn quoted_end(bytes: &[u8], quote: usize) -> Result<usize, Unended> {
    let mut at = quote + 1;
    loop {
        match bytes.get(at) {
            None => {
                return Err(Unended {
                    what: "a name in double quotes",
                    start: quote,
                });
            }
            Some(b'"') if bytes.get(at + 1) == Some(&b'"') => at += 2,
            Some(b'"') => return Ok(at + 1),
            Some(_) => at += 1,
        }
    }
}

/// The end of a dollar quote, if one begins here.
fn dollar_end(bytes: &[u8], start: usize) -> Result<Option<usize>, Unended> {
    let rest = bytes.get(start + 1..).unwrap_or_default();
    let length = rest
        .iter()
        .take_while(|byte| begins_word(**byte) || byte.is_ascii_digit())
        .count();
    if rest.get(length) != Some(&b'$') || rest.first().is_some_and(u8::is_ascii_digit) {
        return Ok(None);
    }
    let tag = bytes.get(start..start + length + 2).unwrap_or_default();
    let body = start + tag.len();
    let found = bytes
        .get(body..)
        .unwrap_or_default()
        .windows(tag.len())
        .position(|window| window == tag);
    match found {
        Some(at) => Ok(Some(body + at + tag.len())),
        None => Err(Unended {
            what: "a dollar quote",
            start,
        }),
    }
}

fn number_end(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let length = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
        .count();
    start + length.max(1)
}
