//! What is written in `#[responder(…)]`, `#[respond(…)]` and `#[hear(…)]`.

use crate::errors::{Errors, hint, list};
use proc_macro2::Ident;
use std::time::Duration;
use syn::{
    Attribute, Expr, ExprLit, Lit, LitStr, Meta, Token, Type,
    ext::IdentExt,
    parse::{Parse, ParseStream},
};

/// `#[responder(name = "…", config = …, needs = "…")]`.
#[derive(Default)]
pub(crate) struct ResponderArgs {
    pub(crate) name: Option<LitStr>,
    pub(crate) config: Option<Type>,
    pub(crate) needs: Option<LitStr>,
}

const RESPONDER_KEYS: [&str; 3] = ["name", "config", "needs"];

impl Parse for ResponderArgs {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let mut args = Self::default();
        while !input.is_empty() {
            let key = input.call(Ident::parse_any)?;
            let name = key.to_string();
            if !RESPONDER_KEYS.contains(&name.as_str()) {
                return Err(unknown(&key, "#[responder]", &RESPONDER_KEYS));
            }
            input.parse::<Token![=]>()?;
            let fresh = match name.as_str() {
                "name" => args.name.replace(input.parse()?).is_none(),
                "needs" => args.needs.replace(input.parse()?).is_none(),
                _ => args.config.replace(input.parse()?).is_none(),
            };
            if !fresh {
                return Err(twice(&key));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(args)
    }
}

/// `#[respond(r"…", usage = "…", …)]` and `#[hear(…)]`.
pub(crate) struct HandlerArgs {
    pub(crate) pattern: LitStr,
    pub(crate) usage: Option<LitStr>,
    pub(crate) examples: Vec<LitStr>,
    pub(crate) role: Option<LitStr>,
    pub(crate) effect: Effect,
    pub(crate) deadline: Option<Duration>,
}

/// What a command does to the world.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Effect {
    #[default]
    Reads,
    Changes,
    Proposes,
    Controls,
}

const HANDLER_KEYS: [&str; 5] = ["usage", "example", "role", "effect", "deadline"];

/// A key and its value, before anybody looks at what they say.
struct Pair(Ident, LitStr);

struct Written(LitStr, Vec<Pair>);

impl Parse for Written {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let pattern = input.parse().map_err(|error| {
            let message =
                "the first thing here is the pattern, a string: `#[respond(r\"^ping$\", usage = \"ping\")]`";
            syn::Error::new(error.span(), message)
        })?;
        let mut pairs = Vec::new();
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let key = input.call(Ident::parse_any)?;
            input.parse::<Token![=]>()?;
            pairs.push(Pair(key, input.parse()?));
        }
        Ok(Self(pattern, pairs))
    }
}

impl HandlerArgs {
    /// Reads the attribute; faults of single keys leave the others usable.
    pub(crate) fn read(attribute: &Attribute, name: &str, errors: &mut Errors) -> Option<Self> {
        let parsed = match &attribute.meta {
            Meta::Path(_) => {
                let message =
                    format!("`#[{name}]` needs a pattern: `#[{name}(r\"^ping$\", usage = \"ping\")]`");
                Err(syn::Error::new_spanned(attribute, message))
            }
            _ => attribute.parse_args::<Written>(),
        };
        let Written(pattern, pairs) = errors.take(parsed)?;
        let mut args = Self {
            pattern,
            usage: None,
            examples: Vec::new(),
            role: None,
            effect: Effect::Reads,
            deadline: None,
        };
        let mut seen: Vec<String> = Vec::new();
        for Pair(key, value) in pairs {
            let key_name = key.to_string();
            if key_name != "example" && seen.contains(&key_name) {
                errors.add(twice(&key));
            }
            match key_name.as_str() {
                "usage" => args.usage = Some(value),
                "example" => args.examples.push(value),
                "role" if value.value().trim().is_empty() => {
                    errors.at(&value, "the role is empty; leave it out if anybody may say this");
                }
                "role" => args.role = Some(value),
                "effect" => args.effect = errors.take(effect(&value)).unwrap_or_default(),
                "deadline" => args.deadline = errors.take(deadline(&value)),
                _ => errors.add(unknown(&key, &format!("#[{name}]"), &HANDLER_KEYS)),
            }
            seen.push(key_name);
        }
        Some(args)
    }
}

fn unknown(key: &Ident, place: &str, known: &[&str]) -> syn::Error {
    let name = key.to_string();
    let message = format!(
        "`{place}` has no key `{name}`; its keys are {}{}",
        list(known.iter().copied(), "none"),
        hint(&name, known.iter().copied())
    );
    syn::Error::new_spanned(key, message)
}

fn twice(key: &Ident) -> syn::Error {
    syn::Error::new_spanned(key, format!("`{key}` is given twice"))
}

fn effect(value: &LitStr) -> syn::Result<Effect> {
    match value.value().as_str() {
        "reads" => Ok(Effect::Reads),
        "changes" => Ok(Effect::Changes),
        "operation" => Ok(Effect::Proposes),
        "control" => Ok(Effect::Controls),
        other => {
            let message = format!(
                "there is no effect `{other}`; a command `reads` (the default), `changes` something, proposes an `operation`, or is a `control` of one{}",
                hint(other, ["reads", "changes", "operation", "control"])
            );
            Err(syn::Error::new_spanned(value, message))
        }
    }
}

fn deadline(value: &LitStr) -> syn::Result<Duration> {
    duration(&value.value()).ok_or_else(|| {
        let message = "a deadline is a number and a unit, and longer than nothing: `500ms`, `45s`, `30m`, `2h`, `1h30m`";
        syn::Error::new_spanned(value, message)
    })
}

/// `1h30m`.
fn duration(text: &str) -> Option<Duration> {
    let mut whole = Duration::ZERO;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let units = &rest[digits..];
        let end = units.find(|c: char| c.is_ascii_digit()).unwrap_or(units.len());
        let milliseconds = match &units[..end] {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        let part = Duration::from_millis(number.checked_mul(milliseconds)?);
        whole = whole.checked_add(part)?;
        rest = &units[end..];
    }
    (!whole.is_zero()).then_some(whole)
}

/// The lines of the doc comment, each without the blanks around it.
pub(crate) fn documentation(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text), ..
                }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let lines: Vec<_> = lines
        .iter()
        .flat_map(|line| line.lines().chain(line.is_empty().then_some("")))
        .collect();
    let lines: Vec<_> = lines.into_iter().map(str::trim).collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        assert_eq!(duration("30m"), Some(Duration::from_secs(1800)));
        assert_eq!(duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        for bad in [
            "",
            "30",
            "m",
            "30 m",
            "1d",
            "0s",
            "-1s",
            "99999999999999999999h",
            "18446744073709551615h",
            "１s",
        ] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn documentation_is_lines_without_their_margins() {
        let item: syn::ItemStruct = syn::parse_quote! {
            /// Ships a service.
            ///
            ///   Needs a captain.
            /** And
                a crew. */
            #[derive(Debug)]
            struct Ship;
        };
        assert_eq!(
            documentation(&item.attrs),
            "Ships a service.\n\nNeeds a captain.\nAnd\na crew."
        );
    }
}
