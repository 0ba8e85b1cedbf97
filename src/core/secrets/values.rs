//! What stands behind a word like `password`: how far it goes, and whether it is a credential at all.

use crate::markup;
use std::ops::Range;

/// So far a value is looked at to find out whether it is a credential; one that is goes to its real end.
const LONGEST: usize = 256;

/// What a value is called, by the word before it.
pub(super) fn kind(key: &str) -> &'static str {
    let key = key.to_ascii_lowercase();
    let is = |words: &[&str]| words.iter().any(|word| key.contains(word));
    if is(&["passw", "passphrase", "pwd"]) {
        "password"
    } else if is(&["token"]) {
        "token"
    } else if is(&["key"]) {
        "key"
    } else {
        "secret"
    }
}

/// Whether a token has capitals, small letters and digits.
pub(super) fn is_mixed(token: &str) -> bool {
    let has = |is: fn(&u8) -> bool| token.bytes().any(|byte| is(&byte));
    has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)
}

/// The end of a private key that begins before `from`: of its last line, or of the text when it has none.
pub(super) fn end_of_key(text: &str, from: usize) -> usize {
    const END: &str = "-----END";
    let Some(end) = text[from..].find(END).map(|at| from + at + END.len()) else {
        return text.len();
    };
    text[end..].find("-----").map_or(text.len(), |at| end + at + 5)
}

/// The password of an address, after its `://`.
pub(super) fn in_address(text: &str, from: usize) -> Option<Range<usize>> {
    let rest = limited(text, from);
    let rest = &rest[..rest.find(is_end).unwrap_or(rest.len())];
    let host = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let at = match host.rfind('@') {
        Some(at) => at,
        // A password with a slash in it, which should not be there but is: what stands behind the colon is no port.
        None => {
            let (_, port) = host.split_once(':')?;
            if port.starts_with(|c: char| c.is_ascii_digit()) || host.starts_with('[') {
                return None;
            }
            rest.rfind('@')?
        }
    };
    let user = &rest[..at];
    let range = match user.find(':') {
        Some(colon) => colon + 1..at,
        // A token in place of a name.
        None if at >= 16 && is_random(user) => 0..at,
        None => return None,
    };
    let password = &rest[range.clone()];
    (!password.is_empty() && !is_placeholder(password)).then(|| from + range.start..from + range.end)
}

/// What a header authorizes by.
pub(super) fn in_header(text: &str, from: usize) -> Option<Range<usize>> {
    let (at, _) = value(text, from);
    let found = &text[at.clone()];
    let counts = !is_placeholder(found) && found.len() >= 8 && (found.len() >= 24 || has_digit(found));
    counts.then(|| whole(text, from))
}

/// What stands behind `--password` and a space.
pub(super) fn in_flag(text: &str, from: usize) -> Option<Range<usize>> {
    let (at, quoted) = value(text, from);
    let found = &text[at.clone()];
    (!found.starts_with('-') && is_password(found, quoted, true)).then(|| whole(text, from))
}

/// What is assigned to a key, of which `key` has the end and the sign.
pub(super) fn assigned(text: &str, key: Range<usize>) -> Option<Range<usize>> {
    let sign = text[key.clone()].trim_end().as_bytes().last().copied();
    let (at, quoted) = value(text, key.end);
    let found = &text[at.clone()];
    if found.starts_with('/') && text[key.clone()].to_ascii_lowercase().starts_with("pwd") {
        return None;
    }
    let counts = if is_strong(text, &key) {
        let prose = sign == Some(b':') && !quoted;
        is_password(found, quoted, prose)
    } else {
        !is_placeholder(found) && found.len() >= 12 && is_random(found)
    };
    counts.then(|| whole(text, key.end))
}

/// Whether a key says that a credential follows, whatever it looks like: `password`, `API_TOKEN`, `client_secret`; `token`
/// and `secret` alone are names of other things as well.
fn is_strong(text: &str, key: &Range<usize>) -> bool {
    let word = &text[key.clone()];
    let lower = word.to_ascii_lowercase();
    if !["secret", "token", "credential"]
        .iter()
        .any(|weak| lower.starts_with(weak))
        || lower.starts_with("secret_key")
    {
        return true;
    }
    let before = text[..key.start].bytes().next_back();
    let shouted = word.as_bytes().iter().take(2).all(u8::is_ascii_uppercase);
    matches!(before, Some(b'_' | b'-' | b'.')) || shouted
}

/// Whether something is a password, when it stands where one is expected. In prose ("password: unknown") a word is a word.
fn is_password(value: &str, quoted: bool, prose: bool) -> bool {
    if value.len() < 3 || is_placeholder(value) {
        return false;
    }
    if !prose || quoted {
        return true;
    }
    let symbol =
        |c: char| !c.is_alphanumeric() && !matches!(c, '.' | ',' | '!' | '?' | ':' | ')' | '(' | '-' | '\'');
    has_digit(value) || value.contains(symbol) || value.len() >= 16
}

/// Whether something looks as if a machine had made it up: letters and digits without words in it.
fn is_random(value: &str) -> bool {
    let telling = value
        .bytes()
        .filter(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        .count();
    let letters = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    // `api-tls-2024`, `db.credentials.v2`: words, and what counts them.
    let named = value.split(['-', '.', '_', '/', ':']).all(|part| {
        part.len() <= 4
            || part.bytes().all(|byte| byte.is_ascii_lowercase())
            || part.bytes().all(|byte| byte.is_ascii_digit())
    });
    letters && telling >= 3 && !named
}

fn has_digit(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether it only stands for a credential: `<password>`, `$TOKEN`, `****`, `none`, what was redacted before.
fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 16] = [
        "none",
        "null",
        "nil",
        "true",
        "false",
        "undefined",
        "unset",
        "empty",
        "missing",
        "required",
        "hidden",
        "redacted",
        "invalid",
        "expired",
        "password",
        "optional",
    ];
    let value = value.trim_end_matches(['.', '!', '?', ')', ']', '}']);
    let hidden = |c: char| matches!(c, '*' | 'x' | 'X' | '.' | '•' | '…' | '-' | '_' | '?' | '#');
    value.is_empty()
        || value.starts_with(['$', '<', '{', '%', '('])
        || value.starts_with("[redacted")
        || value.chars().all(hidden)
        || WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// The value that begins here as far as it is looked at, and whether it stands in quotes.
fn value(text: &str, from: usize) -> (Range<usize>, bool) {
    value_in(limited(text, from), from)
}

/// All of the value that begins here.
fn whole(text: &str, from: usize) -> Range<usize> {
    value_in(&text[from..], from).0
}

fn value_in(rest: &str, from: usize) -> (Range<usize>, bool) {
    let escaped = rest.starts_with("\\\"") || rest.starts_with("\\'");
    let opened = &rest[usize::from(escaped)..];
    let quote = opened.chars().next().filter(|c| matches!(c, '"' | '\''));
    let Some(quote) = quote else {
        let end = rest
            .char_indices()
            .find(|&(at, c)| is_end(c) || matches!(c, ',' | ';' | '&') || escapes_quote(&rest[at..]))
            .map_or(rest.len(), |(at, _)| at);
        return (from..from + end, false);
    };
    let start = usize::from(escaped) + 1;
    let inside = &rest[start..];
    let mut skip = false;
    for (at, c) in inside.char_indices() {
        let ends = if escaped {
            escapes_quote(&inside[at..])
        } else {
            c == quote
        };
        if ends && !skip || c == '\n' {
            return (from + start..from + start + at, true);
        }
        skip = c == '\\' && !skip && !escaped;
    }
    (from + start..from + rest.len(), true)
}

fn escapes_quote(rest: &str) -> bool {
    rest.starts_with("\\\"") || rest.starts_with("\\'")
}

/// Whether no word goes beyond this: blanks, quotes, code, what a terminal or a mark-up begins with.
fn is_end(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '"' | '\'' | '`' | '\x1b' | markup::OPEN | markup::SEPARATOR | markup::CLOSE
        )
}

/// What follows, as far as it is looked at.
fn limited(text: &str, from: usize) -> &str {
    let rest = &text[from..];
    if rest.len() <= LONGEST {
        return rest;
    }
    let end = (0..=LONGEST)
        .rev()
        .find(|&at| rest.is_char_boundary(at))
        .unwrap_or(0);
    &rest[..end]
}
