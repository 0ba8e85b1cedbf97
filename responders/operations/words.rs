//! Small pieces of wording: what others wrote made harmless, moments, durations, lists.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use otus::{
    UserId,
    markup::{self, Piece},
};

pub(crate) use otus::phrase::signed as duration;

/// What somebody else wrote, as one line of at most so many characters that does nothing but stand there: no token of the markup,
/// no line break, no fence, no character that turns the direction of what follows.
pub(crate) fn inert(text: &str, most: usize) -> String {
    let plain = markup::plain(text);
    settled([(None, markup::clean(&plain))], most)
}

/// What the robot itself wrote into its record, retold as one line: a person becomes a name that calls nobody, a moment is shown
/// in the reader's zone, a channel stays one; everything else is as harmless as [`inert`] makes it.
pub(crate) fn retold(text: &str, most: usize, zone: &TimeZone, name: impl Fn(&UserId) -> String) -> String {
    let pieces = markup::pieces(text).into_iter().map(|piece| match piece {
        Piece::Text(text) => (None, markup::clean(text)),
        Piece::User(id) => (None, name(&UserId::new(id))),
        Piece::Link(url, label) => (None, markup::clean(&markup::plain(&markup::link(url, label)))),
        Piece::Channel(id) if id.chars().all(|c| c.is_ascii_alphanumeric()) && !id.is_empty() => {
            (Some(markup::channel(&id.into())), id.to_owned())
        }
        Piece::Channel(id) => (None, format!("#{}", markup::clean(id))),
        Piece::Moment(seconds, fallback) => match Timestamp::from_second(seconds) {
            Ok(at) => (Some(moment(at, zone)), local(at, zone)),
            Err(_) => (None, markup::clean(fallback)),
        },
    });
    settled(pieces, most)
}

/// Pieces as one line: a token as it is, counted as what it shows; words without what could do harm.
fn settled(pieces: impl IntoIterator<Item = (Option<String>, String)>, most: usize) -> String {
    let (mut line, mut length) = (String::new(), 0);
    for (token, words) in pieces {
        if let Some(token) = token {
            length += words.chars().count();
            line.push_str(&token);
            continue;
        }
        for c in words.chars().filter(|c| !turns(*c)) {
            let c = if c.is_whitespace() || c.is_control() {
                ' '
            } else {
                c
            };
            if c == ' ' && (line.is_empty() || line.ends_with(' ')) {
                continue;
            }
            length += 1;
            line.push(c);
        }
    }
    line.truncate(line.trim_end().len());
    if length > most {
        line = cut(&line, most);
    }
    if line.contains("``") || line.matches('`').count() % 2 == 1 {
        line = line.replace('`', "'");
    }
    line
}

/// At most so many characters, what is left out shown to be; a token that does not fit is left out whole.
fn cut(line: &str, most: usize) -> String {
    let (mut kept, mut length) = (String::new(), 1);
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let (piece, shown) = match (c, rest.find(markup::CLOSE)) {
            (markup::OPEN, Some(end)) => {
                let token = &rest[..end + markup::CLOSE.len_utf8()];
                (token, markup::plain(token).chars().count())
            }
            _ => (&rest[..c.len_utf8()], 1),
        };
        length += shown;
        if length > most {
            break;
        }
        kept.push_str(piece);
        rest = &rest[piece.len()..];
    }
    format!("{}…", kept.trim_end())
}

/// Unicode's marks that turn the direction of the text behind them.
fn turns(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// A moment: in each reader's own zone where the chat can, else in this one.
pub(crate) fn moment(at: Timestamp, zone: &TimeZone) -> String {
    markup::moment(at.as_second(), &local(at, zone))
}

fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M %Z")
        .to_string()
}

/// A duration as one would ask for it: `7d`, `24h`, `90m`.
pub(crate) fn last(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        s if s >= 172_800 && s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// The same with a capital and a full stop.
pub(crate) fn sentence(line: &str) -> String {
    let mut chars = line.chars();
    match chars.next() {
        Some(first) => stopped(&(first.to_uppercase().collect::<String>() + chars.as_str())),
        None => String::new(),
    }
}

/// The same with a full stop, to stand behind a colon.
pub(crate) fn stopped(line: &str) -> String {
    if line.is_empty() || line.ends_with(['.', '!', '?', '…']) {
        line.to_owned()
    } else {
        format!("{line}.")
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
        assert_eq!(last(SignedDuration::from_hours(168)), "7d");
        assert_eq!(last(SignedDuration::from_hours(24)), "24h");
        assert_eq!(last(SignedDuration::from_mins(90)), "90m");
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = Timestamp::from_second(1_790_000_000).unwrap();
        assert_eq!(markup::plain(&moment(at, &zone)), "2026-09-21 16:13 CEST");
        assert_eq!(sentence("the world moved"), "The world moved.");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn the_record_is_retold_without_calling_anybody() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = Timestamp::from_second(1_790_000_000).unwrap();
        let text = format!(
            "locked by {} since {} in {}",
            markup::user(&"U1".into()),
            markup::moment(at.as_second(), "long ago"),
            markup::channel(&"C1".into())
        );
        let told = |most| retold(&text, most, &zone, |_| "Ann".into());
        assert_eq!(
            markup::plain(&told(200)),
            "locked by Ann since 2026-09-21 16:13 CEST in #C1"
        );
        assert_eq!(markup::plain(&told(30)), "locked by Ann since…");
        assert!(
            markup::pieces(&told(200))
                .iter()
                .all(|piece| !matches!(piece, Piece::User(_)))
        );
    }

    proptest! {
        #[test]
        fn whatever_was_written_is_one_harmless_line(text in any::<String>(), most in 1_usize..200) {
            let line = inert(&text, most);
            prop_assert!(line.chars().count() <= most);
            prop_assert!(!line.contains(char::is_control) && !line.contains("```"));
            prop_assert!(line.matches('`').count().is_multiple_of(2));
            prop_assert!(markup::pieces(&line).iter().all(|piece| matches!(piece, markup::Piece::Text(_))));
        }
    }
}
