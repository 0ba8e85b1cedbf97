//! Small pieces of wording: what others wrote made harmless, moments, durations, lists.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use otus::markup;

/// What somebody else wrote, as one line of at most so many characters that does nothing but stand there: no token of the markup,
/// no line break, no fence, no character that turns the direction of what follows.
pub(crate) fn inert(text: &str, most: usize) -> String {
    let line = markup::clean(&markup::plain(text))
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let mut line: String = line.chars().filter(|c| !turns(*c)).collect();
    if line.chars().count() > most {
        let kept: String = line.chars().take(most.saturating_sub(1)).collect();
        line = format!("{}…", kept.trim_end());
    }
    if line.contains("``") || line.matches('`').count() % 2 == 1 {
        line = line.replace('`', "'");
    }
    line
}

/// Unicode's marks that turn the direction of the text behind them.
fn turns(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// A moment: in each reader's own zone where the chat can, else in this one.
pub(crate) fn moment(at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    markup::moment(at.as_second(), &local.strftime("%Y-%m-%d %H:%M %Z").to_string())
}

/// A duration as a person says it: `41 s`, `3 min 20 s`, `2 h 5 min`, `5 d`.
pub(crate) fn duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 if seconds % 60 != 0 => format!("{minutes} min {} s", seconds % 60),
        60..3600 => format!("{minutes} min"),
        3600..36_000 if minutes % 60 != 0 => format!("{hours} h {} min", minutes % 60),
        3600..86_400 => format!("{hours} h"),
        _ => format!("{days} d"),
    }
}

/// The same as one would ask for it: `7d`, `24h`, `90m`.
pub(crate) fn last(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        s if s >= 172_800 && s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// A text of others as a sentence: with a capital and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let text = inert(text, 600);
    let mut chars = text.chars();
    let text = match chars.next() {
        Some(first) => first.to_uppercase().collect::<String>() + chars.as_str(),
        None => return text,
    };
    if text.ends_with(['.', '!', '?', '…']) {
        text
    } else {
        format!("{text}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_others_wrote_stays_where_it_is() {
        let forged = format!("{} is\n*here*", markup::user(&"U1".into()));
        assert_eq!(inert(&forged, 100), "@U1 is *here*");
        assert_eq!(inert("a `b` c", 100), "a `b` c");
        assert_eq!(inert("a `b c", 100), "a 'b c");
        assert_eq!(inert("```rm```", 100), "'''rm'''");
        assert_eq!(inert("abcdef", 4), "abc…");
        assert_eq!(inert("a\u{202E}b", 4), "ab");
    }

    #[test]
    fn durations_and_moments() {
        let said = |seconds| duration(SignedDuration::from_secs(seconds));
        assert_eq!(
            [said(-1), said(41), said(200), said(7500), said(432_000)],
            ["0 s", "41 s", "3 min 20 s", "2 h 5 min", "5 d"]
        );
        assert_eq!(last(SignedDuration::from_hours(168)), "7d");
        assert_eq!(last(SignedDuration::from_hours(24)), "24h");
        assert_eq!(last(SignedDuration::from_mins(90)), "90m");
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = Timestamp::from_second(1_790_000_000).unwrap();
        assert_eq!(markup::plain(&moment(at, &zone)), "2026-09-21 16:13 CEST");
        assert_eq!(sentence("the world moved"), "The world moved.");
        assert_eq!(sentence(""), "");
    }

    proptest! {
        #[test]
        fn whatever_was_written_is_one_harmless_line(text in any::<String>(), most in 1_usize..200) {
            let line = inert(&text, most);
            prop_assert!(line.chars().count() <= most);
            prop_assert!(!line.contains(char::is_control) && !line.contains("```"));
            prop_assert!(line.matches('`').count() % 2 == 0);
            prop_assert!(markup::pieces(&line).iter().all(|piece| matches!(piece, markup::Piece::Text(_))));
        }
    }
}
