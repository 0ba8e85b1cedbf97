//! What an executable says, shown: one JSON value a line.

use otus::{Button, Card, Context, Live, Result, Tone, UserError, markup};
use serde::Deserialize;

/// A line of an executable.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Line {
    /// Words.
    Reply { text: String },
    /// Words for who asked alone.
    Whisper { text: String },
    /// A reaction to what was said.
    React { emoji: String },
    /// A card.
    Card(Shown),
    /// How it stands: one card, edited in place; the last one stays.
    Progress(Shown),
    /// Why it cannot be done, for the person.
    Error {
        text: String,
        #[serde(default)]
        instead: Vec<String>,
    },
}

#[derive(Debug, Deserialize)]
struct Shown {
    title: String,
    #[serde(default)]
    tone: Mood,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    fields: Vec<(String, String)>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    buttons: Vec<Pressed>,
    #[serde(default)]
    footer: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mood {
    #[default]
    Neutral,
    Running,
    Good,
    Warning,
    Bad,
}

#[derive(Debug, Deserialize)]
struct Pressed {
    label: String,
    command: String,
    #[serde(default)]
    confirm: Option<String>,
}

/// Speaks for one run.
pub(crate) struct Speaker {
    cx: Context,
    live: Option<Live>,
    /// What is shown on the card that is edited, until the end.
    last: Option<Card>,
}

impl Speaker {
    pub(crate) fn new(cx: Context) -> Self {
        Self {
            cx,
            live: None,
            last: None,
        }
    }

    /// Shows a line.
    pub(crate) async fn say(&mut self, line: &str) -> Result {
        let line: Line = serde_json::from_str(line)
            .map_err(|error| anyhow::anyhow!("it said what is no line of the protocol: {error}"))?;
        match line {
            Line::Reply { text } => self.cx.reply(markup::clean(&text)).await,
            Line::Whisper { text } => self.cx.whisper(markup::clean(&text)).await,
            Line::React { emoji } => self.cx.react(emoji.trim_matches(':')).await,
            Line::Card(shown) => self.cx.reply(card(shown)).await,
            Line::Progress(shown) => {
                let card = card(shown);
                self.last = Some(card.clone());
                match &self.live {
                    Some(live) => live.show(card).await,
                    None => self.live = Some(self.cx.live(card).await?),
                }
                Ok(())
            }
            Line::Error { text, instead } => {
                self.end().await?;
                let error = UserError::new(markup::clean(&text));
                Err(instead.into_iter().fold(error, UserError::instead).into())
            }
        }
    }

    /// Makes sure that the last of what was edited stands.
    pub(crate) async fn end(&mut self) -> Result {
        if let (Some(live), Some(last)) = (&self.live, self.last.take()) {
            live.end(last).await?;
        }
        Ok(())
    }
}

fn card(shown: Shown) -> Card {
    let tone = match shown.tone {
        Mood::Neutral => Tone::Neutral,
        Mood::Running => Tone::Running,
        Mood::Good => Tone::Good,
        Mood::Warning => Tone::Warning,
        Mood::Bad => Tone::Bad,
    };
    let mut card = Card::new(tone, markup::clean(&shown.title));
    if let Some(text) = shown.text {
        card = card.text(markup::clean(&text));
    }
    for (name, value) in shown.fields {
        card = card.field(markup::clean(&name), markup::clean(&value));
    }
    if let Some(code) = shown.code {
        card = card.code(markup::clean(&code));
    }
    for pressed in shown.buttons {
        let button = Button::new(markup::clean(&pressed.label), markup::clean(&pressed.command));
        card = card.button(match pressed.confirm {
            Some(question) => button.danger(markup::clean(&question)),
            None => button,
        });
    }
    match shown.footer {
        Some(footer) => card.footer(markup::clean(&footer)),
        None => card,
    }
}
