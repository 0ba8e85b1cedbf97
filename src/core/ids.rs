//! Names of things in the chat, as the chat system writes them. Newtypes, so that a user is never taken for a
//! channel.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the id as the chat system writes it.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as the chat system writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self::new(id)
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }
    };
}

id!(
    /// A person (or a robot) in the chat; in Slack `U…` or `W…`.
    UserId
);
id!(
    /// A place to talk; in Slack `C…`, `G…` or `D…`.
    ChannelId
);
id!(
    /// A message within its channel; in Slack its `ts`.
    MessageId
);

/// What the ids of the robot's own actors begin with. No chat system has such an id.
const ROBOT: &str = "robot:";

impl UserId {
    /// The robot itself, as far as it does this by itself: `robot:auto-deploy`. It is named in `[roles]` like a person, by this id,
    /// and nothing that holds for everybody holds for it.
    pub fn robot(actor: &str) -> Self {
        Self(format!("{ROBOT}{actor}"))
    }

    /// What to call an actor of the robot's own; nothing for a person.
    pub fn as_robot(&self) -> Option<&str> {
        self.0.strip_prefix(ROBOT)
    }
}
