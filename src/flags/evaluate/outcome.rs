//! Purpose: what comes of an evaluation, in the terms of OpenFeature.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why somebody gets what they get (OpenFeature's specification, resolution reasons).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// There is no rule: everybody gets it.
    Static,
    /// The rule said so.
    TargetingMatch,
    /// The rule left it open, or there is no default, so that the application's code decides.
    Default,
    /// The flag is switched off.
    Disabled,
}

impl Reason {
    /// As it is written on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Default => "DEFAULT",
            Self::Disabled => "DISABLED",
        }
    }
}

/// What went wrong (OpenFeature's specification, error codes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// There is no such flag.
    FlagNotFound,
    /// The flag's definition, or what was sent, cannot be read.
    ParseError,
    /// The context is none.
    InvalidContext,
    /// Everything else: the rule fails, or names a variant that does not exist.
    General,
}

impl ErrorCode {
    /// As it is written on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FlagNotFound => "FLAG_NOT_FOUND",
            Self::ParseError => "PARSE_ERROR",
            Self::InvalidContext => "INVALID_CONTEXT",
            Self::General => "GENERAL",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<'s> {
    /// A variant of the flag.
    Variant {
        /// Its place among the flag's variants.
        index: usize,
        /// Its name.
        name: &'s str,
        /// Its value.
        value: &'s Value,
        /// Why.
        reason: Reason,
    },
    /// No value: the application's code has one for this case.
    CodeDefault(Reason),
    /// It failed, and why, for people.
    Error(ErrorCode, String),
}

impl Outcome<'_> {
    /// The variant's name, if there is one.
    #[must_use]
    pub fn variant(&self) -> Option<&str> {
        match self {
            Self::Variant { name, .. } => Some(name),
            _ => None,
        }
    }
}
