//! Purpose: where the next page is: `Link: <https://…&page=2>; rel="next", <…>; rel="last"` (RFC 8288).

/// The address behind `rel="next"`.
pub(super) fn next(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, from)) = rest.split_once('<') {
        let (address, after) = from.split_once('>')?;
        let parameters = after.split_once('<').map_or(after, |(before, _)| before);
        let is_next = |parameter: &str| {
            let (name, value) = parameter
                .trim()
                .trim_end_matches(',')
                .split_once('=')
                .unwrap_or_default();
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && value.split(' ').any(|rel| rel.eq_ignore_ascii_case("next"))
        };
        if parameters.split(';').map(str::trim).any(is_next) {
            return Some(address);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_the_next_page() {
        let first = r#"<https://api/x?page=2>; rel="next", <https://api/x?page=9>; rel="last""#;
        assert_eq!(next(first), Some("https://api/x?page=2"));
        let middle = r#"<https://api/x?page=1>; rel="prev", <https://api/x?a=1,2;b&page=3>; rel="next""#;
        assert_eq!(next(middle), Some("https://api/x?a=1,2;b&page=3"));
        assert_eq!(next(r#"<https://api/x?page=1>; rel="first""#), None);
        assert_eq!(next("<https://api/x>; title=x; rel=next"), Some("https://api/x"));
        assert_eq!(next(""), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(header in "[<>;,=\" a-z]{0,40}|\\PC{0,20}") {
            let _ = next(&header);
        }
    }
}
