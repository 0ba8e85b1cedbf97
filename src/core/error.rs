//! Two kinds of error: a [`UserError`], whose text is for the person who asked, and everything else, of which the
//! person sees a plain sentence with an incident id and the log the whole chain.

use std::fmt;

/// What a handler may fail with: a [`UserError`], or anything at all.
pub type Error = anyhow::Error;

/// What a handler returns.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// An error whose text is for the person who asked: what happened, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserError {
    /// The text, as [`crate::markup`] has it.
    pub text: String,
    /// Commands that would do, offered as buttons.
    pub instead: Vec<String>,
}

impl UserError {
    /// An error that says this.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            instead: Vec::new(),
        }
    }

    /// Offers a command that would do.
    pub fn instead(mut self, command: impl Into<String>) -> Self {
        self.instead.push(command.into());
        self
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::markup::plain(&self.text))
    }
}

impl std::error::Error for UserError {}

/// Returns from a handler with a [`UserError`]: `user_error!("There is no service {name}")`.
#[macro_export]
macro_rules! user_error {
    ($($text:tt)*) => {
        return ::core::result::Result::Err($crate::UserError::new(::std::format!($($text)*)).into())
    };
}

/// Why the robot does not start. Every fault found is in it, not only the first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// A section of the configuration cannot be read.
    #[error("[{section}] {message}")]
    Config {
        /// The section, as `responders.deploy`.
        section: String,
        /// The key in it, where one is to blame.
        key: Option<String>,
        /// What is wrong with it.
        message: String,
    },
    /// A responder is asked for that nobody has.
    #[error("there is no responder called {name:?}; there are: {known}")]
    NoResponder {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Commands get in each other's way.
    #[error("commands get in each other's way:\n{0}")]
    Overlap(String),
    /// A command names a role nobody defined.
    #[error(
        "the command {command} asks for the role {role:?}, which is not defined; add `{role} = [\"U…\"]` below [roles]"
    )]
    NoRole {
        /// The command.
        command: String,
        /// The role.
        role: String,
    },
    /// A pattern cannot be used.
    #[error("{0}")]
    Pattern(String),
    /// Something the responder needs is missing.
    #[error("the responder {responder} cannot start: {message}")]
    Missing {
        /// Which.
        responder: String,
        /// What is missing and what to do.
        message: String,
    },
}
