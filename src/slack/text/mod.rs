//! Words in both directions: Slack's mrkdwn and rich text into the core's segments, the core's markup into mrkdwn.

pub mod inbound;
pub mod outbound;
pub mod rich;
pub mod split;

use otus_core::message::Segment;

/// Undoes Slack's escaping: exactly these three, in one pass, so that `&amp;lt;` stays `&lt;`.
pub(crate) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let (character, length) = match rest {
            _ if rest.starts_with("&amp;") => ('&', 5),
            _ if rest.starts_with("&lt;") => ('<', 4),
            _ if rest.starts_with("&gt;") => ('>', 4),
            _ => ('&', 1),
        };
        plain.push(character);
        rest = &rest[length..];
    }
    plain.push_str(rest);
    plain
}

/// Escapes what Slack reads as control characters: exactly these three.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Collects segments; neighbouring words become one.
#[derive(Debug, Default)]
pub(crate) struct Segments(Vec<Segment>);

impl Segments {
    pub(crate) fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(Segment::Text(last)) => last.push_str(text),
            _ => self.0.push(Segment::Text(text.to_owned())),
        }
    }

    pub(crate) fn push(&mut self, segment: Segment) {
        match segment {
            Segment::Text(text) => self.text(&text),
            other => self.0.push(other),
        }
    }

    /// Starts a new line, unless one starts here anyway.
    pub(crate) fn new_line(&mut self) {
        match self.0.last() {
            None => {}
            Some(Segment::Text(text)) if text.ends_with('\n') => {}
            Some(_) => self.text("\n"),
        }
    }

    pub(crate) fn finish(mut self) -> Vec<Segment> {
        // A message's end is no line.
        if let Some(Segment::Text(text)) = self.0.last_mut() {
            text.truncate(text.trim_end_matches('\n').len());
            if text.is_empty() {
                self.0.pop();
            }
        }
        self.0
    }
}

/// What a person reads in the segments, for quotes and code that hold tokens.
pub(crate) fn flatten(segments: &[Segment]) -> String {
    segments
        .iter()
        .map(|segment| match segment {
            Segment::Text(text) | Segment::Code(text) | Segment::CodeBlock(text) | Segment::Quote(text) => {
                text.clone()
            }
            Segment::Me => "@me".to_owned(),
            Segment::User(id) => format!("@{id}"),
            Segment::Channel { id, name } => format!("#{}", name.as_deref().unwrap_or(id.as_str())),
            Segment::Group { id, name } => format!("@{}", name.as_deref().unwrap_or(id)),
            Segment::Link { text, .. } => text.clone(),
        })
        .collect()
}
