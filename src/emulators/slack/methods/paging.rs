//! Cursors, and pages of lists.

use serde_json::{Value, json};

use crate::slack::{args::Args, error::ApiError, ts::Ts};

/// A page of `items`, and the cursor of the next.
pub(super) fn page<T>(
    args: &Args,
    items: Vec<T>,
    default: usize,
    max: usize,
    name: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Value), ApiError> {
    let limit = match args.number("limit")? {
        None | Some(0) => default,
        Some(limit) if limit as usize > max => return Err(ApiError::new("invalid_limit")),
        Some(limit) => limit as usize,
    };
    let start = match args.str("cursor") {
        None => 0,
        Some(cursor) => {
            let wanted = read_cursor(cursor)?;
            items
                .iter()
                .position(|item| name(item) == wanted)
                .ok_or_else(|| ApiError::new("invalid_cursor"))?
        }
    };
    let next = items
        .get(start + limit)
        .map(|item| cursor(&name(item)))
        .unwrap_or_default();
    let page = items.into_iter().skip(start).take(limit).collect();
    Ok((page, json!({"next_cursor": next})))
}

/// Opaque, and ending in `=` like Slack's, so that a client which forgets to encode it is found out.
fn cursor(text: &str) -> String {
    use std::fmt::Write as _;
    let mut cursor = String::with_capacity(text.len() * 2 + 1);
    for byte in text.bytes() {
        let _ = write!(cursor, "{byte:02x}");
    }
    cursor.push('=');
    cursor
}

fn read_cursor(cursor: &str) -> Result<String, ApiError> {
    let refuse = || ApiError::new("invalid_cursor");
    let hex = cursor
        .strip_suffix('=')
        .filter(|hex| hex.is_ascii())
        .ok_or_else(refuse)?;
    let bytes: Option<Vec<u8>> = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            std::str::from_utf8(pair)
                .ok()
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
        })
        .collect();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(refuse)
}

pub(super) fn ts_cursor(ts: Ts) -> String {
    cursor(&format!("next_ts:{}", ts.micros()))
}

pub(super) fn read_ts_cursor(text: &str) -> Result<Ts, ApiError> {
    read_cursor(text)?
        .strip_prefix("next_ts:")
        .and_then(|micros| micros.parse().ok())
        .map(Ts::from_micros)
        .ok_or_else(|| ApiError::new("invalid_cursor"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back() {
        let ts: Ts = "1712345678.000100".parse().unwrap();
        assert_eq!(read_ts_cursor(&ts_cursor(ts)), Ok(ts));
        for bad in ["", "=", "zz=", "abc", "6e6f=", "é=", "6e6578745f74733a=", "0="] {
            assert_eq!(
                read_ts_cursor(bad),
                Err(ApiError::new("invalid_cursor")),
                "{bad:?}"
            );
        }
    }
}
