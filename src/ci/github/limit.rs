//! Purpose: what an answer says about the rate limit, as a function of the answer and the clock.
//!
//! GitHub has an hourly limit (`x-ratelimit-remaining: 0`, and `x-ratelimit-reset` in seconds since 1970), and a secondary one
//! against bursts (`retry-after` in seconds, or only words, and then at least a minute is asked for).

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// How long nothing more may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limited {
    pub(super) until: Timestamp,
    pub(super) secondary: bool,
}

/// The limit that made GitHub refuse, if it was one.
pub(super) fn refused(status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Option<Limited> {
    if !matches!(status, 403 | 429) {
        return None;
    }
    if let Some(seconds) = number(headers, RETRY_AFTER.as_str()) {
        return Some(Limited {
            until: after(now, seconds),
            secondary: true,
        });
    }
    if let Some(until) = used_up(headers, now) {
        return Some(Limited {
            until,
            secondary: false,
        });
    }
    let told = String::from_utf8_lossy(&body[..body.len().min(2_048)]).to_ascii_lowercase();
    let secondary =
        status == 429 || told.contains("secondary rate limit") || told.contains("abuse detection");
    secondary.then(|| Limited {
        until: after(now, 60),
        secondary: true,
    })
}

/// When the hourly limit begins anew, if this answer was the last one in it.
pub(super) fn used_up(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    if number(headers, "x-ratelimit-remaining")? != 0 {
        return None;
    }
    let reset = number(headers, "x-ratelimit-reset")?;
    // The time is GitHub's. Its own clock is in the answer, so that ours need not be right.
    let theirs = headers.get(DATE).and_then(|value| value.to_str().ok());
    let theirs = theirs
        .and_then(|text| jiff::fmt::rfc2822::parse(text).ok())
        .map(|at| at.timestamp());
    let left = reset.saturating_sub(theirs.unwrap_or(now).as_second()).max(0);
    Some(after(now, left))
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers
        .get(name)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
        .filter(|number| *number >= 0)
}

fn after(now: Timestamp, seconds: i64) -> Timestamp {
    // Nobody asks for more than a day; a broken number must not lock the robot up for years.
    now.checked_add(SignedDuration::from_secs(seconds.clamp(0, 86_400)))
        .unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        all.iter().map(pair).collect()
    }

    #[test]
    fn what_is_a_limit_and_until_when() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let spent = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1000300")];
        // Their clock is 200 seconds before ours, so that 500 seconds are left and not 300.
        let skewed = [spent[0], spent[1], ("date", "Mon, 12 Jan 1970 13:43:20 GMT")];
        let secondary = b"{\"message\": \"You have exceeded a secondary rate limit.\"}".as_slice();
        for (what, status, headers, body, wanted) in [
            (
                "plainly forbidden",
                403,
                headers(&[("x-ratelimit-remaining", "7")]),
                &b""[..],
                None,
            ),
            (
                "retry-after",
                403,
                headers(&[("retry-after", "30")]),
                b"",
                Some((30, true)),
            ),
            (
                "retry-after and spent",
                429,
                headers(&[spent[0], spent[1], ("retry-after", "9")]),
                b"",
                Some((9, true)),
            ),
            ("spent", 403, headers(&spent), b"", Some((300, false))),
            (
                "spent, by their clock",
                403,
                headers(&skewed),
                b"",
                Some((500, false)),
            ),
            ("in words", 403, headers(&[]), secondary, Some((60, true))),
            ("429 alone", 429, headers(&[]), b"", Some((60, true))),
            ("a good answer", 200, headers(&spent), b"", None),
            (
                "a broken number",
                403,
                headers(&[("retry-after", "99999999999")]),
                b"",
                Some((86_400, true)),
            ),
            (
                "no number",
                429,
                headers(&[("retry-after", "soon")]),
                b"",
                Some((60, true)),
            ),
        ] {
            let told = refused(status, &headers, body, now);
            let told = told.map(|limited| (limited.until.as_second() - 1_000_000, limited.secondary));
            assert_eq!(told, wanted, "{what}");
        }
        assert_eq!(
            used_up(&headers(&spent), now).map(Timestamp::as_second),
            Some(1_000_300)
        );
        assert_eq!(used_up(&headers(&[("x-ratelimit-remaining", "1")]), now), None);
    }
}
