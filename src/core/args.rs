//! From what a group caught to what a handler takes. A parameter's type reads its group: anything with `FromStr`, or a
//! type that knows its candidates ([`Known`]), for which an unknown value is answered with the near ones.

use crate::{context::Context, error::UserError, markup, responder::Captures, services::Services, suggest};
use std::{fmt::Display, marker::PhantomData, str::FromStr};

/// A type whose values are known: services, environments, flags.
pub trait Known: Sized {
    /// What one of them is called: `service`.
    const WHAT: &'static str;

    /// The one a person means by this word.
    fn find(raw: &str, services: &Services) -> Option<Self>;

    /// The names of all of them, for near ones and for help.
    fn candidates(services: &Services) -> Vec<String>;
}

/// Chooses how a type is read, by method resolution: [`Known`] first, then `FromStr`.
#[doc(hidden)]
pub struct Parse<T>(PhantomData<T>);

impl<T> Parse<T> {
    /// The choice for `T`.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for Parse<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[doc(hidden)]
pub trait FromWords<T> {
    fn candidates(&self, services: &Services) -> Option<Vec<String>>;
    fn parse(&self, group: &'static str, captures: &Captures, cx: &Context) -> Result<Option<T>, UserError>;
}

#[doc(hidden)]
pub trait FromText<T> {
    fn candidates(&self, services: &Services) -> Option<Vec<String>>;
    fn parse(&self, group: &'static str, captures: &Captures, cx: &Context) -> Result<Option<T>, UserError>;
}

impl<T: Known> FromWords<T> for &Parse<T> {
    fn candidates(&self, services: &Services) -> Option<Vec<String>> {
        Some(T::candidates(services))
    }

    fn parse(&self, group: &'static str, captures: &Captures, cx: &Context) -> Result<Option<T>, UserError> {
        let Some(raw) = captures.get(group) else {
            return Ok(None);
        };
        match T::find(raw, cx.services()) {
            Some(value) => Ok(Some(value)),
            None => Err(unknown(T::WHAT, raw, &T::candidates(cx.services()), |near| {
                captures.with(group, near)
            })),
        }
    }
}

impl<T: FromStr> FromText<T> for Parse<T>
where
    T::Err: Display,
{
    fn candidates(&self, _: &Services) -> Option<Vec<String>> {
        None
    }

    fn parse(&self, group: &'static str, captures: &Captures, _: &Context) -> Result<Option<T>, UserError> {
        let Some(raw) = captures.get(group) else {
            return Ok(None);
        };
        raw.parse().map(Some).map_err(|error| {
            UserError::new(format!("{} is no good as <{group}>: {error}.", markup::code(raw)))
        })
    }
}

/// The answer to a name nobody knows: what it is not, the near ones, and all if they are few.
///
/// `corrected` makes the whole command with a near name in place of the wrong one; those become buttons.
pub fn unknown(
    what: &str,
    raw: &str,
    candidates: &[String],
    corrected: impl Fn(&str) -> Option<String>,
) -> UserError {
    let near = suggest::nearest(raw, candidates.iter().map(String::as_str), 3);
    let mut text = format!("There is no {what} called {}.", markup::code(raw));
    let list = |names: &[&str]| names.iter().map(|name| markup::code(name)).collect::<Vec<_>>();
    if !near.is_empty() {
        text.push_str(&format!(" Did you mean {}?", list(&near).join(" or ")));
    } else if candidates.is_empty() {
        text.push_str(&format!(" No {what} is configured yet."));
    } else {
        let all: Vec<_> = candidates.iter().map(String::as_str).take(20).collect();
        let more = candidates.len().saturating_sub(all.len());
        text.push_str(&format!(
            " There {}: {}",
            if all.len() == 1 { "is" } else { "are" },
            list(&all).join(", ")
        ));
        text.push_str(&if more > 0 {
            format!(" and {more} more.")
        } else {
            ".".into()
        });
    }
    near.iter()
        .filter_map(|near| corrected(near))
        .fold(UserError::new(text), UserError::instead)
}

/// For the macros: a parameter whose group always takes part.
#[doc(hidden)]
pub fn required<T>(group: &'static str, parsed: Result<Option<T>, UserError>) -> Result<T, UserError> {
    parsed?.ok_or_else(|| UserError::new(format!("<{group}> is missing.")))
}

/// For the macros: a parameter whose group may be left out.
#[doc(hidden)]
pub fn optional<T>(parsed: Result<Option<T>, UserError>) -> Result<Option<T>, UserError> {
    parsed
}
