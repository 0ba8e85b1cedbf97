//! What the page offers besides the chat: people to speak as, a tour, troubles. Whoever serves the page fills it in.

use serde::Serialize;
use std::sync::Arc;

/// Somebody one can speak as.
#[derive(Clone, Debug, Serialize)]
pub struct Person {
    /// As the emulated Slack knows them.
    pub name: String,
    /// What they are, in a word or two: "developer".
    pub role: String,
}

/// A step of the tour.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// A few words.
    pub title: String,
    /// What it is about, in a sentence or two.
    pub about: String,
    /// What is to be done, in order.
    pub acts: Vec<Act>,
}

/// One thing to do in a step.
#[derive(Clone, Debug, Serialize)]
pub struct Act {
    /// What.
    pub deed: Deed,
    /// It is done when a message of the robot's, new or changed, has these words.
    pub until: String,
    /// What to look at meanwhile; may be empty.
    pub look: String,
}

/// What is done.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Deed {
    /// Somebody says something in the first channel.
    Say {
        /// Who.
        who: String,
        /// What, as typed.
        text: String,
    },
    /// Somebody presses the newest button with this label.
    Press {
        /// Who.
        who: String,
        /// Which.
        label: String,
    },
    /// Trouble is caused.
    Cause {
        /// Its id.
        trouble: String,
        /// Its label.
        label: String,
    },
}

impl Act {
    /// Somebody says something.
    #[must_use]
    pub fn say(who: &str, text: &str, until: &str) -> Self {
        Self::new(
            Deed::Say {
                who: who.to_owned(),
                text: text.to_owned(),
            },
            until,
        )
    }

    /// Somebody presses a button.
    #[must_use]
    pub fn press(who: &str, label: &str, until: &str) -> Self {
        Self::new(
            Deed::Press {
                who: who.to_owned(),
                label: label.to_owned(),
            },
            until,
        )
    }

    /// Trouble is caused.
    #[must_use]
    pub fn cause(trouble: &Trouble, until: &str) -> Self {
        Self::new(
            Deed::Cause {
                trouble: trouble.id.to_owned(),
                label: trouble.label.to_owned(),
            },
            until,
        )
    }

    fn new(deed: Deed, until: &str) -> Self {
        Self {
            deed,
            until: until.to_owned(),
            look: String::new(),
        }
    }

    /// With a word on what to look at.
    #[must_use]
    pub fn look(mut self, at: &str) -> Self {
        self.look = at.to_owned();
        self
    }
}

/// Something that goes wrong, or comes along, when its button is pressed.
#[derive(Clone, Serialize)]
pub struct Trouble {
    /// Its name in addresses.
    pub id: &'static str,
    /// On the button.
    pub label: &'static str,
    /// What happens then, in a sentence.
    pub about: &'static str,
    /// Does it, at once; what it says is shown, and so is why it could not be done.
    #[serde(skip)]
    pub cause: Arc<dyn Fn() -> Result<String, String> + Send + Sync>,
}

impl std::fmt::Debug for Trouble {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Trouble")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
