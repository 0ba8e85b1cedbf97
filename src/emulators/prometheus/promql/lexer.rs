//! Purpose: an expression as words, each with its place.

use super::Error;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    /// A metric, label, function or keyword.
    Name(String),
    Number(f64),
    /// A duration in milliseconds.
    Duration(i64),
    Text(String),
    /// Brackets, comma, operators, as written.
    Symbol(&'static str),
    End,
}

impl Word {
    /// How Prometheus calls it in an error.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Name(name) => format!("identifier \"{name}\""),
            Self::Number(number) => format!("number \"{number}\""),
            Self::Duration(ms) => format!("duration of {ms} ms"),
            Self::Text(text) => format!("string {text:?}"),
            Self::Symbol(symbol) => match *symbol {
                "(" | ")" | "{" | "}" | "[" | "]" | "," => format!("\"{symbol}\""),
                operator => format!("<op:{operator}>"),
            },
            Self::End => "end of input".into(),
        }
    }
}

/// A word and the byte where it begins.
pub(super) type Placed = (usize, Word);

/// Longer ones first.
const SYMBOLS: [&str; 24] = [
    "=~", "!~", "==", "!=", "<=", ">=", "(", ")", "{", "}", "[", "]", ",", "+", "-", "*", "/", "%", "^", "<",
    ">", "=", "@", ":",
];

pub(super) fn words(query: &str) -> Result<Vec<Placed>, Error> {
    let mut words = Vec::new();
    let (mut at, mut open) = (0, Vec::new());
    while let Some(next) = query[at..].chars().next() {
        let rest = &query[at..];
        let (word, length) = match next {
            _ if next.is_whitespace() => {
                at += next.len_utf8();
                continue;
            }
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '"' | '\'' | '`' => {
                text(rest, next).ok_or_else(|| Error::at(at, "unterminated quoted string"))?
            }
            _ if next.is_ascii_digit()
                || (next == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) =>
            {
                number(rest).ok_or_else(|| {
                    Error::at(at, format!("bad number or duration syntax: {:?}", head(rest)))
                })?
            }
            _ if next.is_ascii_alphabetic() || next == '_' || (next == ':' && open.last() != Some(&"[")) => {
                let length = rest
                    .bytes()
                    .take_while(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(byte))
                    .count();
                let name = &rest[..length];
                match name.to_ascii_lowercase().as_str() {
                    // Numbers, but not where a label could have that name.
                    "inf" if open.last() != Some(&"{") => (Word::Number(f64::INFINITY), length),
                    "nan" if open.last() != Some(&"{") => (Word::Number(f64::NAN), length),
                    _ => (Word::Name(name.into()), length),
                }
            }
            _ => {
                let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
                let symbol =
                    symbol.ok_or_else(|| Error::at(at, format!("unexpected character: {next:?}")))?;
                match *symbol {
                    "(" | "{" | "[" => open.push(*symbol),
                    ")" | "}" | "]" => {
                        open.pop();
                    }
                    _ => {}
                }
                (Word::Symbol(symbol), symbol.len())
            }
        };
        words.push((at, word));
        at += length;
    }
    words.push((query.len(), Word::End));
    Ok(words)
}

fn head(rest: &str) -> &str {
    let length = rest
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
        .count();
    &rest[..length]
}

/// A number, or a duration: digits followed by units.
fn number(rest: &str) -> Option<(Word, usize)> {
    let whole = head(rest);
    if let Some(hex) = whole.strip_prefix("0x").or_else(|| whole.strip_prefix("0X")) {
        #[expect(clippy::cast_precision_loss, reason = "every number of PromQL is a float")]
        return u64::from_str_radix(hex, 16)
            .ok()
            .map(|value| (Word::Number(value as f64), whole.len()));
    }
    if let Some(ms) = duration(whole) {
        return Some((Word::Duration(ms), whole.len()));
    }
    let mut length = whole.len();
    if whole.ends_with(['e', 'E']) && rest[length..].starts_with(['+', '-']) {
        length += 1;
        length += rest[length..].bytes().take_while(u8::is_ascii_digit).count();
    }
    rest[..length]
        .parse()
        .ok()
        .map(|value| (Word::Number(value), length))
}

/// No duration is longer (Prometheus: what fits 64 bits of nanoseconds), so that no time overflows.
const LONGEST_MS: i64 = 9_223_372_036_854;

/// `1h30m` in milliseconds.
pub(in super::super) fn duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("ms", 1),
        ("y", 31_536_000_000),
        ("w", 604_800_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
    ];
    let (mut rest, mut total) = (text, 0i64);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: i64 = rest[..digits].parse().ok()?;
        let (name, length) = UNITS.iter().find(|(name, _)| rest[digits..].starts_with(name))?;
        total = total.checked_add(count.checked_mul(*length)?)?;
        rest = &rest[digits + name.len()..];
    }
    (!text.is_empty() && total <= LONGEST_MS).then_some(total)
}

/// A quoted string with Go's usual escapes; none inside back quotes.
fn text(rest: &str, quote: char) -> Option<(Word, usize)> {
    let mut value = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            _ if character == quote => return Some((Word::Text(value), at + 1)),
            '\n' if quote != '`' => return None,
            '\\' if quote != '`' => value.push(match characters.next()?.1 {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                known @ ('\\' | '"' | '\'') => known,
                _ => return None,
            }),
            _ => value.push(character),
        }
    }
    None
}
