//! How a robot stands that is being worked on: whether it is built, what is wrong with it, what it says to its log.

use serde::Serialize;

/// What a workbench shows beside the chat.
#[derive(Clone, Debug, Serialize)]
pub struct Bench {
    /// What is worked on: a crate's name, a folder, a command.
    pub what: String,
    /// How it stands.
    pub stage: Stage,
    /// The same in a sentence, with what to do.
    pub told: String,
    /// What the last build said, as it said it.
    pub output: String,
    /// The last lines of the robot's log, oldest first.
    pub log: Vec<String>,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is built; the robot from before, if there is one, goes on answering.
    Building,
    /// It could not be built; the robot from before, if there is one, goes on answering.
    Refused,
    /// The robot was started, and is not there yet.
    Starting,
    /// The robot answers.
    Up,
    /// The robot ended by itself.
    Down,
}
