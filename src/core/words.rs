//! Repairs what phones and editors did to a command: curly quotes, long dashes, odd spaces. What stands in inline code is
//! left alone; code blocks and quotations are left out, so that nobody runs a command by quoting it.

use crate::{markup, message::Segment};

/// The words of a message as one line to be matched: repaired text, inline code in back-ticks, mentions as
/// `@id`, links as they were typed.
pub fn line(content: &[Segment]) -> String {
    let mut line = String::new();
    for segment in content {
        match segment {
            Segment::Text(text) => repair(text, &mut line),
            Segment::Code(code) => {
                line.push('`');
                line.push_str(&markup::clean(code));
                line.push('`');
            }
            Segment::CodeBlock(_) | Segment::Quote(_) => open_space(&mut line),
            Segment::Me => {}
            Segment::User(id) => line.push_str(&format!("@{id}")),
            Segment::Channel { id, name } => {
                line.push_str(&format!("#{}", name.as_deref().unwrap_or(id.as_str())));
            }
            Segment::Link { text, .. } => line.push_str(&markup::clean(text)),
            Segment::Group { id, name } => line.push_str(&format!("@{}", name.as_deref().unwrap_or(id))),
        }
    }
    line.trim().to_owned()
}

/// The words as somebody overhears them: the same without inline code.
pub fn overheard(content: &[Segment]) -> String {
    let spoken: Vec<_> = content
        .iter()
        .filter(|segment| !matches!(segment, Segment::Code(_)))
        .cloned()
        .collect();
    line(&spoken)
}

fn open_space(line: &mut String) {
    if !line.is_empty() && !line.ends_with([' ', '\n']) {
        line.push(' ');
    }
}

/// Appends text with its quotes, dashes and spaces as one types them on a terminal.
fn repair(text: &str, line: &mut String) {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '“' | '”' | '„' | '‟' | '«' | '»' => line.push('"'),
            '‘' | '’' | '‚' | '‛' => line.push('\''),
            // A phone makes `--plan` into `—plan`, and a flag stands at the beginning of a word.
            '—' | '–' if starts_word(line) && chars.peek().is_some_and(|next| next.is_ascii_alphabetic()) =>
            {
                line.push_str("--");
            }
            '‐' | '‑' | '−' => line.push('-'),
            '\u{200B}' | '\u{200C}' | '\u{200D}' | '\u{2060}' | '\u{FEFF}' => {}
            '\n' => {
                while line.ends_with(' ') {
                    line.pop();
                }
                line.push('\n');
            }
            markup::OPEN | markup::SEPARATOR | markup::CLOSE => {}
            c if c.is_whitespace() => {
                if !line.ends_with([' ', '\n']) {
                    line.push(' ');
                }
            }
            c if c.is_control() => {}
            c => line.push(c),
        }
    }
}

fn starts_word(line: &str) -> bool {
    line.is_empty() || line.ends_with([' ', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> String {
        line(&[Segment::Text(text.into())])
    }

    #[test]
    fn what_a_phone_did_is_undone() {
        assert_eq!(text("deploy api —plan"), "deploy api --plan");
        assert_eq!(text("echo “nginx 1” isn’t"), "echo \"nginx 1\" isn't");
        assert_eq!(text("  deploy \u{a0} api\tto  prod "), "deploy api to prod");
        assert_eq!(text("echo now — or never"), "echo now — or never");
        assert_eq!(text("deploy api@1.2‑rc1"), "deploy api@1.2-rc1");
    }

    #[test]
    fn code_is_an_argument_and_blocks_are_not() {
        let content = [
            Segment::Text("graph ".into()),
            Segment::Code("rate(x[5m])  > “1”".into()),
            Segment::Text(" 1h".into()),
            Segment::CodeBlock("deploy api".into()),
        ];
        assert_eq!(line(&content), "graph `rate(x[5m])  > “1”` 1h");
        assert_eq!(overheard(&content), "graph 1h");
        assert_eq!(line(&[Segment::Quote("deploy api".into())]), "");
    }

    #[test]
    fn an_image_or_an_address_survives() {
        for word in [
            "--image",
            "registry.test:5000/shop/api:1.2",
            "https://x.test/a?b=c&d=e:f",
            "k=v:w",
        ] {
            assert_eq!(text(&format!("echo {word}")), format!("echo {word}"));
        }
    }

    proptest! {
        #[test]
        fn repairing_twice_changes_nothing(words in ".{0,80}") {
            let once = text(&words);
            prop_assert_eq!(text(&once), once);
        }
    }
}
