//! What the robot says: a [`Post`] of words, perhaps with a [`Card`] that has a state, parts and buttons, and
//! [`File`]s. Neutral of any chat system; each adapter renders it as well as its system can.

use crate::form::Form;
use serde::{Deserialize, Serialize};

/// A message to be posted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Post {
    /// The words, as [`crate::markup`] has them. With a card: what shows in a notification and to a screen reader.
    pub text: String,
    /// The card.
    pub card: Option<Card>,
    /// A mark that nobody sees, by which [`Chat::find`](crate::Chat::find) finds the message again: written beforehand, it
    /// tells a process that comes after a crash whether the message was posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl Post {
    /// The same, marked with a key.
    #[must_use]
    pub fn keyed(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

impl From<&str> for Post {
    fn from(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            card: None,
            key: None,
        }
    }
}

impl From<String> for Post {
    fn from(text: String) -> Self {
        Self {
            text,
            card: None,
            key: None,
        }
    }
}

impl From<Card> for Post {
    fn from(card: Card) -> Self {
        Self {
            text: card.summary(),
            card: Some(card),
            key: None,
        }
    }
}

impl Post {
    /// Everything in it as plain text, for a terminal or a test: title, parts, buttons in brackets, footer.
    pub fn plain(&self) -> String {
        match &self.card {
            Some(card) => card.plain(),
            None => crate::markup::plain(&self.text),
        }
    }
}

/// The state a card shows, by a symbol and a word as well as by colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Tone {
    /// Just information.
    #[default]
    Neutral,
    /// Something is under way.
    Running,
    /// It went well.
    Good,
    /// Somebody should look.
    Warning,
    /// It went wrong.
    Bad,
}

impl Tone {
    /// The symbol that stands for it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Neutral => "",
            Self::Running => "⏳",
            Self::Good => "✅",
            Self::Warning => "⚠️",
            Self::Bad => "❌",
        }
    }
}

/// A message with a state, parts and buttons.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Card {
    /// The state.
    pub tone: Tone,
    /// One line, marked up.
    pub title: String,
    /// What it says, in order.
    pub parts: Vec<Part>,
    /// What one can do about it.
    pub buttons: Vec<Button>,
    /// Small print: who, when, how long.
    pub footer: Option<String>,
}

/// A part of a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Marked-up words.
    Text(String),
    /// Short names and values, side by side where there is room.
    Fields(Vec<(String, String)>),
    /// Monospaced, verbatim.
    Code(String),
    /// A line between parts.
    Divider,
    /// A picture that the chat has [taken](crate::Chat::keep).
    Picture(Picture),
    /// A command's parameters, to be filled in.
    Form(Form),
}

/// A picture in a card: it is edited with the card, so that a newer one takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// The chat's own name for it, from [`Chat::keep`](crate::Chat::keep).
    pub file: String,
    /// What it shows, for who cannot see it; at most 1,000 characters.
    pub alt: String,
}

/// A button. Pressing it says its command, with the rights of who presses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What it reads.
    pub label: String,
    /// The command it carries, as one would type it.
    pub command: String,
    /// How it looks.
    pub style: ButtonStyle,
    /// A question asked before it acts.
    pub confirm: Option<String>,
}

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ButtonStyle {
    /// One of several.
    #[default]
    Plain,
    /// The one most will want.
    Primary,
    /// Something to think about first.
    Danger,
}

impl Button {
    /// A plain button.
    pub fn new(label: impl Into<String>, command: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            command: command.into(),
            style: ButtonStyle::Plain,
            confirm: None,
        }
    }

    /// The same, as the one most will want.
    pub fn primary(mut self) -> Self {
        self.style = ButtonStyle::Primary;
        self
    }

    /// The same, as something to think about first, with the question to ask.
    pub fn danger(mut self, question: impl Into<String>) -> Self {
        self.style = ButtonStyle::Danger;
        self.confirm = Some(question.into());
        self
    }
}

impl Card {
    /// A card with a state and a title.
    pub fn new(tone: Tone, title: impl Into<String>) -> Self {
        Self {
            tone,
            title: title.into(),
            ..Self::default()
        }
    }

    /// Adds words.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.parts.push(Part::Text(text.into()));
        self
    }

    /// Adds a name and its value, beside the last ones.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let field = (name.into(), value.into());
        match self.parts.last_mut() {
            Some(Part::Fields(fields)) => fields.push(field),
            _ => self.parts.push(Part::Fields(vec![field])),
        }
        self
    }

    /// Adds monospaced text.
    pub fn code(mut self, text: impl Into<String>) -> Self {
        self.parts.push(Part::Code(text.into()));
        self
    }

    /// Adds a picture.
    pub fn picture(mut self, picture: Picture) -> Self {
        self.parts.push(Part::Picture(picture));
        self
    }

    /// Adds a button.
    pub fn button(mut self, button: Button) -> Self {
        self.buttons.push(button);
        self
    }

    /// Sets the small print.
    pub fn footer(mut self, text: impl Into<String>) -> Self {
        self.footer = Some(text.into());
        self
    }

    /// The title with its symbol.
    pub fn heading(&self) -> String {
        match self.tone.symbol() {
            "" => self.title.clone(),
            symbol => format!("{symbol} {}", self.title),
        }
    }

    /// One line for a notification and a screen reader: the title and the first words.
    pub fn summary(&self) -> String {
        let words = self.parts.iter().find_map(|part| match part {
            Part::Text(text) => text.lines().next(),
            _ => None,
        });
        match words {
            Some(words) => format!("{} · {words}", self.heading()),
            None => self.heading(),
        }
    }

    /// The whole card as plain text.
    pub fn plain(&self) -> String {
        let mut lines = vec![crate::markup::plain(&self.heading())];
        for part in &self.parts {
            match part {
                Part::Text(text) => lines.push(crate::markup::plain(text)),
                Part::Fields(fields) => lines.extend(
                    fields
                        .iter()
                        .map(|(name, value)| format!("{name}: {}", crate::markup::plain(value))),
                ),
                Part::Code(text) => lines.push(text.clone()),
                Part::Divider => lines.push("---".into()),
                Part::Picture(picture) => lines.push(format!("[picture: {}]", picture.alt)),
                Part::Form(form) => lines.extend(form.fields.iter().map(plain_field)),
            }
        }
        if !self.buttons.is_empty() {
            let buttons: Vec<_> = self
                .buttons
                .iter()
                .map(|button| format!("[{}]", button.label))
                .collect();
            lines.push(buttons.join(" "));
        }
        lines.extend(self.footer.as_deref().map(crate::markup::plain));
        lines.join("\n")
    }
}

/// A field of a form, as a line of text.
fn plain_field(field: &crate::form::Field) -> String {
    let choices: Vec<&str> = field.choices.iter().map(|choice| choice.label.as_str()).collect();
    let mut line = format!("{}: ", field.name);
    line.push_str(&match choices.as_slice() {
        [] => "____".to_owned(),
        choices => choices.join(" | "),
    });
    if let Some(initial) = &field.initial {
        line.push_str(&format!(" [{initial}]"));
    }
    if field.optional {
        line.push_str(" (can stay empty)");
    }
    line
}

/// A file to upload.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, with the ending that tells its kind.
    pub name: String,
    /// What it is called above the picture.
    pub title: String,
    /// What it shows, for who cannot see it; at most 1,000 characters.
    pub alt: Option<String>,
    /// Words said with it.
    pub comment: Option<String>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File")
            .field("name", &self.name)
            .field("title", &self.title)
            .field("alt", &self.alt)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}
