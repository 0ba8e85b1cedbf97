//! Long rendered text into pieces that Slack takes, cut where a reader would: between paragraphs, else lines, else words;
//! never inside a token or an escape, and a code block that is cut is closed and opened again.

/// Slack recommends at most 4,000 characters and does not say of which kind; this leaves room.
pub const MESSAGE: usize = 3_500;
/// The most that a text within a block may have is 3,000.
pub const BLOCK: usize = 2_900;

const FENCE: &str = "```";
/// A token longer than this is not kept whole.
const TOKEN: usize = 2_500;

/// The length that a limit of Slack's may mean: UTF-16 units, never less than the number of characters.
pub fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Cuts rendered text into pieces of at most `limit`.
pub fn split(text: &str, limit: usize) -> Vec<String> {
    // Room for a fence and its line break at both ends.
    let room = limit.saturating_sub(2 * (FENCE.len() + 1)).max(1);
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut fenced = false;
    while !rest.is_empty() {
        let whole = length(rest) + if fenced { FENCE.len() + 1 } else { 0 } <= limit;
        let at = if whole { rest.len() } else { cut(rest, room) };
        let (piece, after) = rest.split_at(at);
        let mut made = String::new();
        if fenced {
            made.push_str("```\n");
        }
        let piece = if whole {
            piece
        } else {
            piece.trim_end_matches([' ', '\n'])
        };
        made.push_str(piece);
        fenced ^= piece.matches(FENCE).count() % 2 == 1;
        if fenced && !whole {
            made.push_str("\n```");
        }
        if !piece.is_empty() {
            pieces.push(made);
        }
        rest = if whole {
            after
        } else {
            after.trim_start_matches('\n')
        };
    }
    pieces
}

/// The beginning of rendered text, with an ellipsis when something is missing.
pub fn shorten(text: &str, limit: usize) -> String {
    if length(text) <= limit {
        return text.to_owned();
    }
    let mut pieces = split(text, limit.saturating_sub(2)).into_iter();
    let mut first = pieces.next().unwrap_or_default();
    first.push_str(" …");
    first
}

/// Plain words cut to a length, for labels.
pub fn label(text: &str, limit: usize) -> String {
    if length(text) <= limit {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.len_utf16();
        if used > limit {
            break;
        }
        cut.push(character);
    }
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// Where to cut: at most `room` long, and always some progress.
fn cut(text: &str, room: usize) -> usize {
    let (mut used, mut at) = (0, 0);
    let (mut paragraph, mut line, mut word) = (0, 0, 0);
    while at < text.len() {
        let atom = atom(&text[at..]);
        used += length(atom);
        if used > room && at > 0 {
            break;
        }
        at += atom.len();
        match atom {
            "\n" if text[..at].ends_with("\n\n") => paragraph = at,
            "\n" => line = at,
            " " => word = at,
            _ => {}
        }
    }
    // A cut in the first half would leave too much empty.
    [paragraph, line.max(paragraph), word.max(line)]
        .into_iter()
        .find(|cut| *cut * 2 > at)
        .unwrap_or(at)
}

/// The first thing in the text that must stay whole: a token, an escape, a fence, or a character.
fn atom(text: &str) -> &str {
    let whole = |end: usize| &text[..end];
    if text.starts_with(FENCE) {
        return whole(FENCE.len());
    }
    if text.starts_with('<')
        && let Some(end) = text.bytes().take(TOKEN).position(|byte| byte == b'>')
    {
        return whole(end + 1);
    }
    for escape in ["&amp;", "&lt;", "&gt;"] {
        if text.starts_with(escape) {
            return whole(escape.len());
        }
    }
    whole(text.chars().next().map_or(0, char::len_utf8))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts_at_lines_and_mends_code() {
        let text = "intro line\n```\nfirst code line\nsecond code line\nthird code line\n```\nafter";
        assert_eq!(
            split(text, 50),
            [
                "intro line\n```\nfirst code line\n```",
                "```\nsecond code line\nthird code line\n```\nafter"
            ]
        );
        assert_eq!(split("short", 50), ["short"]);
        assert_eq!(split("", 50), Vec::<String>::new());
    }

    #[test]
    fn shortens_and_labels() {
        assert_eq!(
            shorten("one two three four five six", 20),
            "one two … ".trim_end()
        );
        assert_eq!(label("Deploy everything now", 10), "Deploy ev…");
        assert_eq!(label("ok", 10), "ok");
    }

    proptest! {
        #[test]
        fn pieces_fit_and_lose_no_words(
            parts in prop::collection::vec("[a-zé]{1,12}| |\n|\n\n|&amp;|&lt;|<@U123>|<https://x[.]test/abc\\|label>|😀", 0..200),
            limit in 60_usize..300,
        ) {
            let text = parts.concat();
            let pieces = split(&text, limit);
            for piece in &pieces {
                prop_assert!(length(piece) <= limit, "{} > {limit}", length(piece));
                prop_assert_eq!(piece.matches('<').count(), piece.matches('>').count());
                prop_assert_eq!(piece.matches('&').count(), piece.matches(';').count());
            }
            let words = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(words(&pieces.concat()), words(&text));
            prop_assert!(length(&shorten(&text, limit)) <= limit);
        }

        #[test]
        fn every_piece_closes_its_code(parts in prop::collection::vec("[a-z]{1,9}|\n|```\n", 0..120), limit in 40_usize..200) {
            let text = parts.concat();
            let pieces = split(&text, limit);
            let odd = pieces.iter().filter(|piece| piece.matches("```").count() % 2 == 1).count();
            // Only the last may stay open, and only if the text did.
            prop_assert_eq!(odd, text.matches("```").count() % 2);
            prop_assert!(pieces.iter().all(|piece| length(piece) <= limit));
        }

        #[test]
        fn garbage_never_panics(text in ".{0,300}", limit in 1_usize..40) {
            split(&text, limit);
            shorten(&text, limit);
            label(&text, limit);
        }
    }
}
