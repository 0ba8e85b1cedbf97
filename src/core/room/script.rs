//! Reading what a test lets somebody say as a chat would.

use crate::{ids::UserId, message::Segment};

/// The segments of a text; `robot` is the robot's name.
pub(super) fn segments(text: &str, robot: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    for (at, part) in text.split("```").enumerate() {
        if at % 2 == 1 {
            segments.push(Segment::CodeBlock(part.trim_matches('\n').to_owned()));
            continue;
        }
        for line in part.split_inclusive('\n') {
            match line.strip_prefix("> ") {
                Some(quoted) => segments.push(Segment::Quote(quoted.trim_end().to_owned())),
                None => spans(line, robot, &mut segments),
            }
        }
    }
    segments
}

fn spans(line: &str, robot: &str, segments: &mut Vec<Segment>) {
    let pieces: Vec<_> = line.split('`').collect();
    for (at, piece) in pieces.iter().enumerate() {
        // The last piece is outside, however many back-ticks there are: one without a partner is a character.
        if at % 2 == 1 && at + 1 < pieces.len() {
            segments.push(Segment::Code((*piece).to_owned()));
        } else {
            let piece = if at % 2 == 1 {
                format!("`{piece}")
            } else {
                (*piece).to_owned()
            };
            mentions(&piece, robot, segments);
        }
    }
}

fn mentions(text: &str, robot: &str, segments: &mut Vec<Segment>) {
    let mut words = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let starts = rest[..at].chars().next_back().is_none_or(char::is_whitespace);
        let name: String = rest[at + 1..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
            .collect();
        words.push_str(&rest[..at]);
        if starts && !name.is_empty() && words.chars().next_back().is_none_or(char::is_whitespace) {
            if !words.is_empty() {
                segments.push(Segment::Text(std::mem::take(&mut words)));
            }
            segments.push(if name == robot {
                Segment::Me
            } else {
                Segment::User(UserId::new(name.clone()))
            });
        } else {
            words.push('@');
            words.push_str(&name);
        }
        rest = &rest[at + 1 + name.len()..];
    }
    words.push_str(rest);
    if !words.is_empty() {
        segments.push(Segment::Text(words));
    }
}
