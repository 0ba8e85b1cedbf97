//! A Slack message as lines of text: what a person would see, in a terminal.

use jiff::{Timestamp, tz::TimeZone};
use otus_emulators::slack::{File, Message, Ts, World};
use serde_json::Value as Json;

/// A message, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) ts: Ts,
    /// Who said it.
    pub(super) author: String,
    /// In a thread, or only for one person.
    pub(super) aside: Option<&'static str>,
    pub(super) lines: Vec<String>,
    pub(super) buttons: Vec<Button>,
    pub(super) files: Vec<String>,
}

/// A button, and the question it asks before it acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Button {
    pub(super) label: String,
    pub(super) action: String,
    pub(super) question: Option<String>,
}

impl View {
    pub(super) fn of(message: &Message, world: &World, zone: &TimeZone) -> Self {
        let words = Words(world, zone);
        let mut view = Self {
            ts: message.ts,
            author: world
                .user(&message.user)
                .map_or_else(|| message.user.clone(), |user| user.name.clone()),
            aside: None,
            lines: Vec::new(),
            buttons: Vec::new(),
            files: message.files.clone(),
        };
        if message.ephemeral_to.is_some() {
            view.aside = Some("only you see this");
        } else if message.thread_ts.is_some_and(|thread| thread != message.ts) {
            view.aside = Some("in the thread");
        }
        if message.from_app && !message.blocks.is_empty() {
            for block in &message.blocks {
                view.block(block, &words);
            }
        } else {
            view.text(&words.plain(&message.text));
        }
        for reaction in &message.reactions {
            let who: Vec<&str> = reaction
                .users
                .iter()
                .filter_map(|user| world.user(user))
                .map(|user| user.name.as_str())
                .collect();
            view.lines.push(format!(":{}: {}", reaction.name, who.join(", ")));
        }
        view
    }

    fn block(&mut self, block: &Json, words: &Words<'_>) {
        let text = |value: &Json| words.plain(value["text"].as_str().unwrap_or_default());
        match block["type"].as_str().unwrap_or_default() {
            "section" => {
                if block["text"].is_object() {
                    self.text(&text(&block["text"]));
                }
                for field in block["fields"].as_array().into_iter().flatten() {
                    self.text(&text(field).replacen('\n', ": ", 1));
                }
            }
            "header" => self.text(&text(&block["text"])),
            "markdown" => self.text(&text(block)),
            "context" => {
                let all: Vec<String> = block["elements"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(text)
                    .collect();
                self.text(&all.join(" "));
            }
            "divider" => self.lines.push("────".into()),
            "image" => match block["slack_file"]["id"].as_str() {
                Some(id) => self.files.push(id.to_owned()),
                None => self.text(block["alt_text"].as_str().unwrap_or_default()),
            },
            "actions" => {
                for element in block["elements"].as_array().into_iter().flatten() {
                    let Some(action) = element["action_id"].as_str() else {
                        continue;
                    };
                    self.buttons.push(Button {
                        label: text(&element["text"]),
                        action: action.to_owned(),
                        question: element["confirm"]["text"]["text"]
                            .as_str()
                            .map(|text| words.plain(text)),
                    });
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        let mut code = false;
        for line in text.lines() {
            let fences = line.matches("```").count();
            let inside = code || fences > 0;
            let line = line.replace("```", "");
            if fences == 0 || !line.trim().is_empty() {
                let line = line.trim_end();
                self.lines.push(if inside {
                    format!("  {line}")
                } else {
                    line.to_owned()
                });
            }
            code ^= fences % 2 == 1;
        }
    }
}

/// What is shown of a file; `path` is where it was saved.
pub(super) fn picture(file: &File, path: &str) -> Vec<String> {
    let mut lines = vec![format!("[picture] {}: {path}", file.title)];
    if let Some(alt) = &file.alt_txt {
        lines.extend(alt.lines().map(|line| format!("  {line}")));
    }
    lines
}

/// Slack's mrkdwn, read by a person without Slack.
struct Words<'a>(&'a World, &'a TimeZone);

impl Words<'_> {
    fn plain(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('<') {
            out.push_str(&bare(&rest[..start]));
            let Some(length) = rest[start..].find('>') else {
                rest = &rest[start..];
                break;
            };
            out.push_str(&self.token(&rest[start + 1..start + length]));
            rest = &rest[start + length + 1..];
        }
        out.push_str(&bare(rest));
        out
    }

    /// What stands between `<` and `>`: a person, a channel, a date, a link.
    fn token(&self, token: &str) -> String {
        let (name, label) = token
            .split_once('|')
            .map_or((token, None), |(name, label)| (name, Some(label)));
        if let Some(user) = name.strip_prefix('@') {
            let known = self.0.user(user).map(|user| user.name.clone());
            return format!("@{}", known.as_deref().or(label).unwrap_or(user));
        }
        if let Some(channel) = name.strip_prefix('#') {
            let known = self.0.channel(channel).map(|channel| channel.name.clone());
            return format!("#{}", known.as_deref().or(label).unwrap_or(channel));
        }
        if let Some(date) = name.strip_prefix("!date^") {
            let seconds = date.split('^').next().and_then(|seconds| seconds.parse().ok());
            let moment = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
            if let Some(moment) = moment {
                return moment.to_zoned(self.1.clone()).strftime("%H:%M").to_string();
            }
        }
        if let Some(special) = name.strip_prefix('!') {
            return label.map_or_else(|| format!("@{special}"), unescaped);
        }
        match label {
            Some(label) => format!("{} ({})", unescaped(label), unescaped(name)),
            None => unescaped(name),
        }
    }
}

/// Words between tokens: without the stars of what is bold.
fn bare(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (nth, line) in text.split('\n').enumerate() {
        if nth > 0 {
            out.push('\n');
        }
        out.push_str(&without_stars(line));
    }
    unescaped(&out)
}

/// A star is formatting where it stands at the edge of a word, and there are two.
fn without_stars(line: &str) -> String {
    let mut rest = line;
    let mut out = String::with_capacity(line.len());
    while let Some(open) = rest.find('*') {
        let after = &rest[open + 1..];
        let close = after.find('*').filter(|close| {
            let inside = &after[..*close];
            !inside.is_empty() && inside.trim() == inside && !inside.contains('`')
        });
        match close {
            Some(close) => {
                out.push_str(&rest[..open]);
                out.push_str(&after[..close]);
                rest = &after[close + 1..];
            }
            None => {
                out.push_str(&rest[..=open]);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bold_loses_its_stars_and_what_is_not_keeps_them() {
        assert_eq!(
            bare("*Deploying api* 2 * 3 `a*b*c` *x"),
            "Deploying api 2 * 3 `abc` *x"
        );
        assert_eq!(bare("a &lt; b &amp;amp; c"), "a < b &amp; c");
    }

    #[tokio::test]
    async fn dates_people_and_code_are_shown_as_a_person_reads_them() {
        use otus_emulators::slack::{Options, Workspace};
        let slack = Workspace::start(Options::default()).await.unwrap();
        let ts = slack.say("ann", "#deploys", "hello").unwrap();
        slack.look(|world| {
            let mut view = View::of(world.message(ts).unwrap(), world, &TimeZone::UTC);
            let words = Words(world, &TimeZone::UTC);
            let ann = &world.user("ann").unwrap().id;
            assert_eq!(
                words.plain(&format!(
                    "<@{ann}> at <!date^1700000000^{{time}}|then> <https://a.example|here> <!here> a <b"
                )),
                "@ann at 22:13 here (https://a.example) @here a <b"
            );
            view.lines.clear();
            view.text("before\n```\n`one`\n two\n```\n`after`\n```inline```");
            assert_eq!(view.lines, ["before", "  `one`", "   two", "`after`", "  inline"]);
        });
    }

    #[tokio::test]
    async fn a_message_is_shown_as_a_person_would_read_it() {
        use otus_emulators::slack::{Options, Workspace};
        let slack = Workspace::start(Options::default()).await.unwrap();
        let ts = slack
            .say("ann", "#deploys", "@otus graph `a < b` https://example.com")
            .unwrap();
        let view = slack.look(|world| View::of(world.message(ts).unwrap(), world, &TimeZone::UTC));
        assert_eq!(view.author, "ann");
        assert_eq!(view.lines, ["@otus graph `a < b` https://example.com"]);
    }
}
