//! Slack's text: escaping, the tokens in angle brackets, and the `rich_text` block a person's message carries.
//!
//! Rules from docs.slack.dev, "Formatting message text".

use serde_json::{Value, json};

use super::world::World;

/// Escapes exactly the three characters Slack escapes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

/// What Slack stores of an app's text: tokens and entities are kept, stray `&`, `<` and `>` are escaped.
pub(crate) fn normalise(text: &str) -> String {
    if !text.contains(['&', '<', '>']) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let kept = match rest.as_bytes()[0] {
            b'&' => ["&amp;", "&lt;", "&gt;"]
                .into_iter()
                .find(|e| rest.starts_with(e))
                .map(str::len),
            b'<' => token_length(rest),
            _ => None,
        };
        match kept {
            Some(length) => {
                out.push_str(&rest[..length]);
                rest = &rest[length..];
            }
            None => {
                out.push_str(match rest.as_bytes()[0] {
                    b'&' => "&amp;",
                    b'<' => "&lt;",
                    _ => "&gt;",
                });
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The length of the `<…>` token that `text` starts with, if it is one.
fn token_length(text: &str) -> Option<usize> {
    let end = text.find('>')?;
    let inside = &text[1..end];
    if inside.contains(['<', '\n']) {
        return None;
    }
    let name = inside.split('|').next().unwrap_or_default();
    let id = |rest: &str, first: &[char]| {
        rest.len() > 1
            && rest.starts_with(first)
            && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    };
    let known = match name.get(..1)? {
        "@" => id(&name[1..], &['U', 'W', 'B']),
        "#" => id(&name[1..], &['C', 'G', 'D']),
        "!" => {
            matches!(name, "!here" | "!channel" | "!everyone")
                || name.starts_with("!subteam^")
                || name.starts_with("!date^")
        }
        _ => ["http://", "https://", "mailto:", "tel:", "slack://", "ftp://"]
            .iter()
            .any(|scheme| name.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty())),
    };
    known.then_some(end + 1)
}

/// Whether `text` mentions the user (`<@U…>` or the older `<@U…|name>`).
pub(crate) fn mentions(text: &str, user: &str) -> bool {
    text.match_indices("<@").any(|(at, _)| {
        text[at + 2..]
            .strip_prefix(user)
            .is_some_and(|rest| rest.starts_with('>') || rest.starts_with('|'))
    })
}

/// One piece of what a person typed.
#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    User(String),
    Group(String),
    Channel(String, String),
    Broadcast(&'static str),
    Link(String),
    Emoji(String),
    Code(String),
    Preformatted(String),
}

/// What a person typed, as Slack delivers it: the escaped `text` and the `rich_text` block.
pub(crate) fn typed(world: &World, typed: &str) -> (String, Value) {
    let pieces = split(world, typed);
    let mut text = String::with_capacity(typed.len() + 16);
    for piece in &pieces {
        match piece {
            Piece::Text(t) => text.push_str(&escape(t)),
            Piece::User(id) => text.extend(["<@", id, ">"]),
            Piece::Group(id) => text.extend(["<!subteam^", id, ">"]),
            Piece::Channel(id, name) => text.extend(["<#", id, "|", name, ">"]),
            Piece::Broadcast(range) => text.extend(["<!", range, ">"]),
            Piece::Link(url) => text.extend(["<", &escape(url), ">"]),
            Piece::Emoji(name) => text.extend([":", name, ":"]),
            Piece::Code(code) => text.extend(["`", &escape(code), "`"]),
            Piece::Preformatted(code) => text.extend(["```", &escape(code), "```"]),
        }
    }
    (text, rich_text(&pieces))
}

fn rich_text(pieces: &[Piece]) -> Value {
    let mut sections = Vec::new();
    let mut section = Vec::new();
    for piece in pieces {
        let element = match piece {
            Piece::Text(text) => json!({"type": "text", "text": text}),
            Piece::User(id) => json!({"type": "user", "user_id": id}),
            Piece::Group(id) => json!({"type": "usergroup", "usergroup_id": id}),
            Piece::Channel(id, _) => json!({"type": "channel", "channel_id": id}),
            Piece::Broadcast(range) => json!({"type": "broadcast", "range": range}),
            Piece::Link(url) => json!({"type": "link", "url": url}),
            Piece::Emoji(name) => json!({"type": "emoji", "name": name}),
            Piece::Code(code) => json!({"type": "text", "text": code, "style": {"code": true}}),
            Piece::Preformatted(code) => {
                if !section.is_empty() {
                    sections
                        .push(json!({"type": "rich_text_section", "elements": std::mem::take(&mut section)}));
                }
                let inside = code.trim_matches('\n');
                sections.push(json!({
                    "type": "rich_text_preformatted", "border": 0,
                    "elements": [{"type": "text", "text": inside}],
                }));
                continue;
            }
        };
        section.push(element);
    }
    if !section.is_empty() || sections.is_empty() {
        sections.push(json!({"type": "rich_text_section", "elements": section}));
    }
    json!({"type": "rich_text", "block_id": super::ids::block_id(), "elements": sections})
}

fn split(world: &World, typed: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = typed;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let starts_word = !before.is_alphanumeric();
        match piece_at(world, rest, c, starts_word) {
            Some((piece, length)) => {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(piece);
                before = rest[..length].chars().next_back().unwrap_or(' ');
                rest = &rest[length..];
            }
            None => {
                plain.push(c);
                before = c;
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    pieces
}

/// The special piece `rest` starts with, and its length in bytes.
fn piece_at(world: &World, rest: &str, first: char, starts_word: bool) -> Option<(Piece, usize)> {
    match first {
        '`' => {
            if let Some(after) = rest.strip_prefix("```") {
                let end = after.find("```")?;
                return Some((Piece::Preformatted(after[..end].to_owned()), end + 6));
            }
            let after = &rest[1..];
            let end = after.find('`').filter(|end| *end > 0)?;
            (!after[..end].contains('\n')).then(|| (Piece::Code(after[..end].to_owned()), end + 2))
        }
        '@' if starts_word => {
            let name = word(&rest[1..]);
            let piece = match name {
                "here" => Piece::Broadcast("here"),
                "channel" => Piece::Broadcast("channel"),
                "everyone" => Piece::Broadcast("everyone"),
                _ => match (world.user_named(name), world.group(name)) {
                    (Some(user), _) => Piece::User(user.id.clone()),
                    (None, Some(group)) => Piece::Group(group.id.clone()),
                    (None, None) => return None,
                },
            };
            Some((piece, name.len() + 1))
        }
        '#' if starts_word => {
            let name = word(&rest[1..]);
            let channel = world.channel_named(name)?;
            Some((
                Piece::Channel(channel.id.clone(), channel.name.clone()),
                name.len() + 1,
            ))
        }
        'h' if starts_word && (rest.starts_with("https://") || rest.starts_with("http://")) => {
            let end = rest
                .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '`'))
                .unwrap_or(rest.len());
            let url = rest[..end].trim_end_matches(['.', ',', ')', '!', '?', ';', ':']);
            (url.len() > "https://".len()).then(|| (Piece::Link(url.to_owned()), url.len()))
        }
        ':' => {
            let end = rest[1..].find(':').filter(|end| *end > 0)?;
            let name = &rest[1..=end];
            let emoji = name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_+-".contains(&b));
            let digits_only = name.bytes().all(|b| b.is_ascii_digit());
            (emoji && !digits_only).then(|| (Piece::Emoji(name.to_owned()), end + 2))
        }
        _ => None,
    }
}

/// The name at the start of `text`: no trailing dot, dash or the like.
fn word(text: &str) -> &str {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
        .unwrap_or(text.len());
    text[..end].trim_end_matches(['.', '-'])
}

/// Cuts to `max` characters, as Slack does with long text.
pub(crate) fn truncate(mut text: String, max: usize) -> String {
    if text.len() > max
        && let Some((at, _)) = text.char_indices().nth(max)
    {
        text.truncate(at);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slack::{Kind, Team};

    fn world() -> World {
        let team = Team {
            id: "T0".into(),
            name: "Owls".into(),
            domain: "owls".into(),
        };
        let mut world = World::new(team, "otus", String::new());
        world.add_user("ann");
        world.add_channel("deploys", Kind::Public);
        world
    }

    #[test]
    fn what_is_typed_becomes_tokens() {
        let world = world();
        for (words, text) in [
            ("@otus deploy api", "<@U0OTUS> deploy api"),
            ("(@ann)", "(<@U0ANN>)"),
            ("ann@otus.example @nobody", "ann@otus.example @nobody"),
            ("@here @channel", "<!here> <!channel>"),
            ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
            (
                "see https://a.example/?x=1&y=2.",
                "see <https://a.example/?x=1&amp;y=2>.",
            ),
            (
                "in #deploys-eu, #deploys!",
                "in #deploys-eu, <#C0DEPLOYS|deploys>!",
            ),
            ("`@ann <b>` ``", "`@ann &lt;b&gt;` ``"),
            ("```\n@ann\n``` :tada: 10:20:30", "```\n@ann\n``` :tada: 10:20:30"),
            ("<@U0OTUS>", "&lt;@U0OTUS&gt;"),
        ] {
            assert_eq!(typed(&world, words).0, text, "{words}");
        }
    }

    #[test]
    fn what_an_app_sends_keeps_its_tokens() {
        for (sent, kept) in [
            (
                "<@U0ANN> <@U0ANN|ann> <#C1|x> <!here>",
                "<@U0ANN> <@U0ANN|ann> <#C1|x> <!here>",
            ),
            (
                "<!subteam^S1> <!date^1^{date}|x>",
                "<!subteam^S1> <!date^1^{date}|x>",
            ),
            (
                "<https://a.example|a> <mailto:a@b|a@b>",
                "<https://a.example|a> <mailto:a@b|a@b>",
            ),
            ("<@> <@ann> <b> a<b", "&lt;@&gt; &lt;@ann&gt; &lt;b&gt; a&lt;b"),
            ("&amp; & &lt; &nbsp;", "&amp; &amp; &lt; &amp;nbsp;"),
        ] {
            assert_eq!(normalise(sent), kept);
            assert_eq!(normalise(kept), kept, "it settles");
        }
    }

    #[test]
    fn mentions_are_whole_ids() {
        assert!(mentions("hey <@U0OTUS>", "U0OTUS"));
        assert!(mentions("hey <@U0OTUS|otus>", "U0OTUS"));
        assert!(!mentions("hey <@U0OTUSX> @otus &lt;@U0OTUS&gt;", "U0OTUS"));
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(truncate("äöü".into(), 2), "äö");
        assert_eq!(truncate("äö".into(), 2), "äö");
    }
}
