//! Slack's mrkdwn into segments. Tokens are found first and un-escaped after, so that an escaped `&lt;!channel&gt;` that
//! somebody typed stays words.

use otus_core::message::Segment;

use super::{Segments, flatten, unescape};

/// Reads a message's text. `me` is the robot's user id.
pub fn parse(text: &str, me: &str) -> Vec<Segment> {
    let mut segments = Segments::default();
    let mut words = String::new();
    let mut rest = text;
    let mut line_start = true;
    while let Some(character) = rest.chars().next() {
        let found = match character {
            '&' | '>' if line_start => quote(rest, me),
            '`' => code(rest, me),
            '<' => token(rest, me),
            _ => None,
        };
        if let Some((segment, length)) = found {
            segments.text(&unescape(&std::mem::take(&mut words)));
            line_start = matches!(segment, Segment::Quote(_));
            segments.push(segment);
            rest = &rest[length..];
        } else {
            words.push(character);
            line_start = character == '\n';
            rest = &rest[character.len_utf8()..];
        }
    }
    segments.text(&unescape(&words));
    segments.finish()
}

/// Lines that begin with `>`, which arrives escaped; after `>>>`, everything.
fn quote(text: &str, me: &str) -> Option<(Segment, usize)> {
    fn mark(line: &str) -> Option<&str> {
        line.strip_prefix("&gt;").or_else(|| line.strip_prefix('>'))
    }
    let first = mark(text)?;
    if let Some(all) = mark(first).and_then(mark) {
        return Some((Segment::Quote(inside(all.trim_start(), me)), text.len()));
    }
    let mut quoted = Vec::new();
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        let Some(words) = mark(line) else { break };
        length += line.len();
        let words = words.trim_end_matches('\n');
        quoted.push(inside(words.strip_prefix(' ').unwrap_or(words), me));
    }
    Some((Segment::Quote(quoted.join("\n")), length))
}

fn code(text: &str, me: &str) -> Option<(Segment, usize)> {
    if let Some(block) = text.strip_prefix("```") {
        let end = block.find("```")?;
        let words = &block[..end];
        let words = words.strip_prefix('\n').unwrap_or(words);
        let words = words.strip_suffix('\n').unwrap_or(words);
        return Some((Segment::CodeBlock(tokens_only(words, me)), end + 6));
    }
    let inner = text.strip_prefix('`')?;
    let end = inner
        .find(['`', '\n'])
        .filter(|end| *end > 0 && inner[*end..].starts_with('`'))?;
    Some((Segment::Code(tokens_only(&inner[..end], me)), end + 2))
}

/// Un-escapes words within code, where only tokens mean anything.
fn tokens_only(text: &str, me: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        plain.push_str(&unescape(&rest[..at]));
        rest = &rest[at..];
        let length = match token(rest, me) {
            Some((segment, length)) => {
                plain.push_str(&flatten(&[segment]));
                length
            }
            None => {
                plain.push('<');
                1
            }
        };
        rest = &rest[length..];
    }
    plain.push_str(&unescape(rest));
    plain
}

/// Un-escapes words within a quotation, where code may be, too.
fn inside(text: &str, me: &str) -> String {
    tokens_only(text, me)
}

/// A token in angle brackets: a mention, a link, a moment.
fn token(text: &str, me: &str) -> Option<(Segment, usize)> {
    let inner = text.strip_prefix('<')?;
    let end = inner.find(['>', '<', '\n'])?;
    if !inner[end..].starts_with('>') {
        return None;
    }
    let (name, label) = match inner[..end].split_once('|') {
        Some((name, label)) => (name, Some(unescape(label)).filter(|label| !label.is_empty())),
        None => (&inner[..end], None),
    };
    let segment = match name.split_at_checked(1)? {
        ("@", id) if is_id(id) => {
            if id == me {
                Segment::Me
            } else {
                Segment::User(id.into())
            }
        }
        ("#", id) if is_id(id) => Segment::Channel {
            id: id.into(),
            name: label,
        },
        ("!", special) => match special.split_once('^') {
            Some(("subteam", id)) if is_id(id) => Segment::Group {
                id: id.to_owned(),
                name: label.map(|label| label.trim_start_matches('@').to_owned()),
            },
            Some(_) => Segment::Text(label.unwrap_or_default()),
            None if matches!(special, "here" | "channel" | "everyone") => Segment::Group {
                id: special.to_owned(),
                name: None,
            },
            None => Segment::Text(label.unwrap_or_else(|| unescape(special))),
        },
        _ if has_scheme(name) => {
            let url = unescape(name);
            Segment::Link {
                text: label.unwrap_or_else(|| url.clone()),
                url,
            }
        }
        _ => return None,
    };
    Some((segment, end + 2))
}

pub(super) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn has_scheme(url: &str) -> bool {
    url.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::escape;

    fn text(text: &str) -> Segment {
        Segment::Text(text.to_owned())
    }

    fn link(url: &str, text: &str) -> Segment {
        Segment::Link {
            url: url.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_command_with_a_mention_and_an_address() {
        assert_eq!(
            parse(
                "<@UBOT> deploy <http://api.example.com|api.example.com> to R&amp;D",
                "UBOT"
            ),
            [
                Segment::Me,
                text(" deploy "),
                link("http://api.example.com", "api.example.com"),
                text(" to R&D")
            ]
        );
        assert_eq!(
            parse("<https://x.test/?a=1&amp;b=2>", ""),
            [link("https://x.test/?a=1&b=2", "https://x.test/?a=1&b=2")]
        );
        assert_eq!(parse("<mailto:a@b.c|a@b.c>", ""), [link("mailto:a@b.c", "a@b.c")]);
    }

    #[test]
    fn all_kinds_of_mentions() {
        assert_eq!(
            parse(
                "<@U1> <@U2|ann> <#C1|general> <#C2> <!subteam^S1|@oncall> <!here> <!channel|channel>",
                "UBOT"
            ),
            [
                Segment::User("U1".into()),
                text(" "),
                Segment::User("U2".into()),
                text(" "),
                Segment::Channel {
                    id: "C1".into(),
                    name: Some("general".into())
                },
                text(" "),
                Segment::Channel {
                    id: "C2".into(),
                    name: None
                },
                text(" "),
                Segment::Group {
                    id: "S1".into(),
                    name: Some("oncall".into())
                },
                text(" "),
                Segment::Group {
                    id: "here".into(),
                    name: None
                },
                text(" "),
                Segment::Group {
                    id: "channel".into(),
                    name: None
                },
            ]
        );
        assert_eq!(parse("<!date^1700000000^{date}|Nov 14>", ""), [text("Nov 14")]);
    }

    #[test]
    fn what_was_typed_as_a_token_stays_words() {
        assert_eq!(
            parse("&lt;!channel&gt; a &lt; b &amp;lt;", ""),
            [text("<!channel> a < b &lt;")]
        );
        assert_eq!(parse("a < b > c", ""), [text("a < b > c")]);
    }

    #[test]
    fn code_and_quotes_are_set_apart() {
        assert_eq!(
            parse("graph `rate(x{a=&lt;b}[5m])` 1h", ""),
            [
                text("graph "),
                Segment::Code("rate(x{a=<b}[5m])".into()),
                text(" 1h")
            ]
        );
        assert_eq!(
            parse(
                "see\n&gt; deploy api\n&gt; now\nthen ```\ndeploy `x`\n``` end",
                ""
            ),
            [
                text("see\n"),
                Segment::Quote("deploy api\nnow".into()),
                text("then "),
                Segment::CodeBlock("deploy `x`".into()),
                text(" end")
            ]
        );
        assert_eq!(parse("&gt;&gt;&gt; a\nb", ""), [Segment::Quote("a\nb".into())]);
        assert_eq!(parse("a ` b\nc ```d", ""), [text("a ` b\nc ```d")]);
        assert_eq!(parse("a &gt; b", ""), [text("a > b")]);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "([<>&`|!@#^\n a-zA-Zé:/]|&lt;|&gt;|&amp;|```){0,60}") {
            parse(&text, "UBOT");
        }

        #[test]
        fn escaped_words_come_back_as_they_were(words in "[^`\n]{1,80}") {
            prop_assume!(!words.starts_with('>'));
            let expected = Segment::Text(words.clone());
            prop_assert_eq!(parse(&escape(&words), "UBOT"), [expected]);
        }
    }
}
