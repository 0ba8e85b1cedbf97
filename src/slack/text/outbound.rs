//! The core's markup into Slack's mrkdwn. Everything that is not a token of the core's own is escaped, so that nothing a
//! user, a log or a server wrote can ring a bell or forge a mention.

use otus_core::markup::{self, Piece};

use super::{escape, inbound::is_id};

/// Renders marked-up text.
pub fn render(text: &str) -> String {
    markup::pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => escape(&markup::clean(text)),
            // A user group has a bell of its own.
            Piece::User(id) if is_id(id) && id.starts_with('S') => format!("<!subteam^{id}>"),
            Piece::User(id) if is_id(id) => format!("<@{id}>"),
            Piece::User(id) => escape(&format!("@{id}")),
            Piece::Channel(id) if is_id(id) => format!("<#{id}>"),
            Piece::Channel(id) => escape(&format!("#{id}")),
            Piece::Link(url, label) => link(url, label),
            Piece::Moment(seconds, fallback) => {
                let fallback = one_line(fallback).replace('|', "/");
                let fallback = if fallback.is_empty() {
                    seconds.to_string()
                } else {
                    fallback
                };
                format!(
                    "<!date^{seconds}^{{date_short_pretty}} {{time}}|{}>",
                    escape(&fallback)
                )
            }
        })
        .collect()
}

/// A link, or its words where it is not one that Slack would follow.
fn link(url: &str, label: &str) -> String {
    let label = one_line(label);
    let web = ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    if !web || url.chars().any(char::is_whitespace) {
        let words = if label.is_empty() || label == url {
            url.to_owned()
        } else {
            format!("{label} ({url})")
        };
        return escape(&words);
    }
    let url = escape(&url.replace('|', "%7C").replace('<', "%3C").replace('>', "%3E"));
    if label.is_empty() {
        format!("<{url}>")
    } else {
        format!("<{url}|{}>", escape(&label))
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use otus_core::message::Segment;
    use proptest::prelude::*;

    use super::*;
    use crate::text::inbound;

    #[test]
    fn tokens_are_rendered_and_words_escaped() {
        let text = format!(
            "{} & <!channel> see {} in {} at {}",
            markup::user(&"U1".into()),
            markup::link("https://x.test/?a=1&b=<2>|3", "the *log* <now>"),
            markup::channel(&"C1".into()),
            markup::moment(1_700_000_000, "Nov 14|22:13"),
        );
        insta::assert_snapshot!(render(&text), @"<@U1> &amp; &lt;!channel&gt; see <https://x.test/?a=1&amp;b=%3C2%3E%7C3|the *log* &lt;now&gt;> in <#C1> at <!date^1700000000^{date_short_pretty} {time}|Nov 14/22:13>");
    }

    #[test]
    fn a_forged_id_or_address_stays_words() {
        assert_eq!(
            render(&markup::user(&"U1> <!channel".into())),
            "@U1&gt; &lt;!channel"
        );
        assert_eq!(
            render(&markup::link("javascript:alert(1)", "click")),
            "click (javascript:alert(1))"
        );
    }

    /// Whatever opens in a rendered text is one of the tokens that were put into it.
    fn tokens(rendered: &str) -> Vec<&str> {
        rendered
            .split('<')
            .skip(1)
            .map(|rest| rest.split('>').next().unwrap_or_default())
            .collect()
    }

    proptest! {
        #[test]
        fn words_of_others_never_open_a_token(words in ".{0,120}") {
            prop_assert!(tokens(&render(&words)).is_empty());
            prop_assert!(!render(&words).contains('>'));
            let cleaned = markup::clean(&words);
            let rendered = render(&markup::link("https://x.test", &cleaned));
            prop_assert_eq!(tokens(&rendered).len(), 1);
            prop_assert!(!rendered.contains("<!"));
        }

        #[test]
        fn forged_tokens_never_ring(parts in prop::collection::vec("[\u{E000}\u{E001}\u{E002}<>!@|a-z]{0,9}|user|link|channel|moment|<!channel>", 0..20)) {
            let rendered = render(&parts.concat());
            prop_assert!(!rendered.contains("<!channel"));
            prop_assert!(!rendered.contains("<!here"));
        }

        #[test]
        fn what_goes_out_comes_back(words in "[a-zA-Z&<> é]{1,30}", id in "U[A-Z0-9]{1,8}", path in "[a-z0-9&=?]{0,12}") {
            prop_assume!(id != "UBOT" && !words.starts_with('>'));
            let url = format!("https://x.test/{path}");
            let sent = format!("{words}{}{}", markup::user(&id.as_str().into()), markup::link(&url, "here"));
            prop_assert_eq!(
                inbound::parse(&render(&sent), "UBOT"),
                vec![Segment::Text(words), Segment::User(id.into()), Segment::Link { url, text: "here".into() }]
            );
        }
    }
}
