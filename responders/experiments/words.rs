//! Small pieces of wording: numbers, shares, times, names.

pub(crate) use otus::phrase::{cut, inert, list, moment, signed as long};

/// Whether a name can be typed in a command and shown as it is.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-:/".contains(&byte))
}

/// `41,022`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 run`, `3 runs`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    let thing = if number == 1 { one } else { many };
    format!("{} {thing}", thousands(number))
}

/// A share of 1 as per cent: `99.98 %`. What is not all is never rounded to all, what is not nothing never to nothing.
pub(crate) fn share(share: f64) -> String {
    if share <= 0.0 {
        return "0 %".into();
    }
    if share >= 1.0 {
        return "100 %".into();
    }
    let percent = share * 100.0;
    // Near nothing two digits count; near all, the second behind the point is where one looks.
    let digits = match (percent < 50.0, percent.min(100.0 - percent)) {
        (_, 10.0..) => 1,
        (true, 0.1..) | (false, 0.01..) => 2,
        (true, 0.01..) | (false, 0.001..) => 3,
        (_, 0.0001..) => 4,
        _ => 6,
    };
    let scale = 10f64.powi(digits);
    let shown = (percent * scale).round().clamp(1.0, 100.0 * scale - 1.0) / scale;
    let text = format!("{shown:.*}", usize::try_from(digits).unwrap_or(2));
    format!("{} %", trimmed(&text))
}

/// A setting in per cent, as people would type it: `5 %`, `0.1 %`. Shares are kept in 2⁻³², so the last digits are noise.
pub(crate) fn percent(percent: f64) -> String {
    format!("{} %", number(percent))
}

/// The same, for a command.
pub(crate) fn number(percent: f64) -> String {
    trimmed(&format!("{percent:.6}")).to_owned()
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// Nanoseconds: `480 µs`, `12 ms`, `1.2 s`: two digits that count, or what there is before the point.
pub(crate) fn took(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        ..1e3 => (nanoseconds, "ns"),
        ..1e6 => (nanoseconds / 1e3, "µs"),
        ..1e9 => (nanoseconds / 1e6, "ms"),
        ..120e9 => (nanoseconds / 1e9, "s"),
        _ => (nanoseconds / 60e9, "min"),
    };
    if value < 9.95 {
        format!("{} {unit}", trimmed(&format!("{value:.1}")))
    } else {
        format!("{value:.0} {unit}")
    }
}

/// How much faster, of a median ratio: `4.0 times as fast`, `1.8 times as slow`, `as fast`.
pub(crate) fn pace(ratio: f64) -> String {
    if ratio <= 0.0 {
        "far faster".into()
    } else if ratio < 0.95 {
        format!("{:.1} times as fast", 1.0 / ratio)
    } else if ratio > 1.05 {
        format!("{ratio:.1} times as slow")
    } else {
        "as fast".into()
    }
}

/// A release in few characters: a commit's hash by its first seven.
pub(crate) fn release(release: &str) -> String {
    let sha = release.len() == 40 && release.bytes().all(|byte| byte.is_ascii_hexdigit());
    if sha {
        release.chars().take(7).collect()
    } else {
        cut(release, 40)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [0, 999, 1000, 41_022, 1_234_567].map(thousands),
            ["0", "999", "1,000", "41,022", "1,234,567"]
        );
        assert_eq!(
            [0.0, 1.0, 0.5, 0.999_83, 0.999_994, 0.000_17, 0.042, 0.999_999_999].map(share),
            [
                "0 %",
                "100 %",
                "50 %",
                "99.98 %",
                "99.9994 %",
                "0.017 %",
                "4.2 %",
                "99.999999 %"
            ]
        );
        assert_eq!(
            [5.0, 0.1, 99.999_999_9, 12.5].map(percent),
            ["5 %", "0.1 %", "100 %", "12.5 %"]
        );
        assert_eq!(
            [12.0, 480e3, 12e6, 1.24e9, 999.9e6, 300e9].map(took),
            ["12 ns", "480 µs", "12 ms", "1.2 s", "1000 ms", "5 min"]
        );
        assert_eq!(
            [0.25, 1.0, 1.8].map(pace),
            ["4.0 times as fast", "as fast", "1.8 times as slow"]
        );
        assert!(
            is_name("users-query")
                && is_name("a/b:c.d_1")
                && !is_name("a b")
                && !is_name("")
                && !is_name("-x")
        );
        assert_eq!(release(&"0123456789".repeat(4)), "0123456");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn neither_all_nor_nothing_unless_it_is(value in 1e-12f64..=1.0 - 1e-12) {
            let text = share(value);
            prop_assert!(text != "0 %" && text != "100 %", "{text}");
        }
    }
}
