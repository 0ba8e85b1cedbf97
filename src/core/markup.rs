//! Words for people. Text to be said is plain but for `*bold*`, `_italic_`, `` `code` `` and fenced blocks; what must
//! not be spelled by hand (mentions, links, moments) is made here. Adapters escape everything else, so nothing
//! that a user, a log or a server wrote can ring a bell or forge a mention.

use crate::ids::{ChannelId, UserId};

/// Opens a token; from Unicode's private use area, which [`clean`] keeps out of what others wrote.
pub const OPEN: char = '\u{E000}';
/// Separates a token's parts.
pub const SEPARATOR: char = '\u{E001}';
/// Closes a token.
pub const CLOSE: char = '\u{E002}';

/// Mentions a person, or a user group by its id. An actor of the robot's own has no bell to ring, and is called by its name.
pub fn user(id: &UserId) -> String {
    if let Some(actor) = id.as_robot() {
        return clean(actor);
    }
    format!("{OPEN}user{SEPARATOR}{id}{CLOSE}")
}

/// Mentions a channel.
pub fn channel(id: &ChannelId) -> String {
    format!("{OPEN}channel{SEPARATOR}{id}{CLOSE}")
}

/// A link with a label.
pub fn link(url: &str, label: &str) -> String {
    format!(
        "{OPEN}link{SEPARATOR}{}{SEPARATOR}{}{CLOSE}",
        clean(url),
        clean(label)
    )
}

/// A moment, shown in each reader's own time zone where the chat system can, else by `fallback`.
pub fn moment(unix_seconds: i64, fallback: &str) -> String {
    format!(
        "{OPEN}moment{SEPARATOR}{unix_seconds}{SEPARATOR}{}{CLOSE}",
        clean(fallback)
    )
}

/// Bold.
pub fn bold(text: &str) -> String {
    format!("*{text}*")
}

/// Inline code; back-ticks inside become apostrophes, since nothing can hold them.
pub fn code(text: &str) -> String {
    format!("`{}`", clean(text).replace('`', "'").replace('\n', " "))
}

/// Takes the private characters of this module out of text that others wrote.
pub fn clean(text: &str) -> String {
    text.replace([OPEN, SEPARATOR, CLOSE], "")
}

/// A piece of marked-up text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Words, to be escaped.
    Text(&'a str),
    /// A person.
    User(&'a str),
    /// A channel.
    Channel(&'a str),
    /// A link and its label.
    Link(&'a str, &'a str),
    /// Unix seconds, and what to show where they cannot be rendered.
    Moment(i64, &'a str),
}

/// Takes text apart into words and tokens; a token that is not well formed is dropped.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        if at > 0 {
            pieces.push(Piece::Text(&rest[..at]));
        }
        let inside = &rest[at + OPEN.len_utf8()..];
        let Some(end) = inside.find(CLOSE) else {
            rest = inside;
            continue;
        };
        let mut parts = inside[..end].split(SEPARATOR);
        match (parts.next(), parts.next(), parts.next()) {
            (Some("user"), Some(id), _) => pieces.push(Piece::User(id)),
            (Some("channel"), Some(id), _) => pieces.push(Piece::Channel(id)),
            (Some("link"), Some(url), label) => pieces.push(Piece::Link(url, label.unwrap_or(url))),
            (Some("moment"), Some(seconds), fallback) => {
                if let Ok(seconds) = seconds.parse() {
                    pieces.push(Piece::Moment(seconds, fallback.unwrap_or_default()));
                }
            }
            _ => {}
        }
        rest = &inside[end + CLOSE.len_utf8()..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// The same words for a place without markup: a terminal, an alt text, a test.
pub fn plain(text: &str) -> String {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::User(id) => format!("@{id}"),
            Piece::Channel(id) => format!("#{id}"),
            Piece::Link(url, label) if url == label => url.to_owned(),
            Piece::Link(url, label) => format!("{label} ({url})"),
            Piece::Moment(_, fallback) => fallback.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_apart_again() {
        let text = format!(
            "{} asked {}",
            user(&"U1".into()),
            link("https://x.test/a", "here")
        );
        assert_eq!(
            pieces(&text),
            [
                Piece::User("U1"),
                Piece::Text(" asked "),
                Piece::Link("https://x.test/a", "here")
            ]
        );
        assert_eq!(plain(&text), "@U1 asked here (https://x.test/a)");
    }

    #[test]
    fn the_robots_own_actors_are_named_and_not_mentioned() {
        assert_eq!(user(&UserId::robot("auto-deploy")), "auto-deploy");
    }

    #[test]
    fn what_others_wrote_cannot_forge_a_token() {
        let forged = user(&"U1".into());
        assert_eq!(pieces(&clean(&forged)), [Piece::Text("userU1")]);
        assert_eq!(code(&forged), "`userU1`");
    }

    #[test]
    fn half_a_token_loses_no_words() {
        assert_eq!(plain(&format!("a {OPEN}user b")), "a user b");
    }
}
