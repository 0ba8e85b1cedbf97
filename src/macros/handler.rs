//! One method that answers: read, and checked against its pattern.

use crate::{
    attribute::{HandlerArgs, documentation},
    errors::{Errors, hint, list},
    pattern::{Kind, Pattern},
    usage,
};
use proc_macro2::Ident;
use quote::ToTokens;
use syn::{
    Attribute, FnArg, GenericArgument, ImplItemFn, Pat, PathArguments, Receiver, ReceiverKind, Type,
    ext::IdentExt,
};

/// A handler that can be used.
pub(crate) struct Handler {
    pub(crate) ident: Ident,
    pub(crate) kind: Kind,
    pub(crate) args: HandlerArgs,
    pub(crate) pattern: Pattern,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) examples: Vec<String>,
    pub(crate) about: String,
}

/// A parameter that reads a group.
pub(crate) struct Parameter {
    /// The group's name.
    pub(crate) name: String,
    /// What it is read as; inside of `Option` if it is one.
    pub(crate) read_as: Type,
    pub(crate) optional: bool,
    whole: FnArg,
}

impl Handler {
    /// Reads a method that has `#[respond]` or `#[hear]`.
    pub(crate) fn read(
        method: &ImplItemFn,
        kind: Kind,
        attribute: &Attribute,
        errors: &mut Errors,
    ) -> Option<Self> {
        let attribute_name = match kind {
            Kind::Respond => "respond",
            Kind::Hear => "hear",
        };
        let shape = shape(method, attribute_name, errors);
        let parameters = parameters(method, errors);
        let args = HandlerArgs::read(attribute, attribute_name, errors)?;
        let pattern = match Pattern::read(&args.pattern.value(), kind) {
            Ok(pattern) => pattern,
            Err(faults) => {
                for fault in faults {
                    errors.at(&args.pattern, fault);
                }
                return None;
            }
        };
        let parameters = parameters?;
        groups_and_parameters(&args, &pattern, &parameters, errors);
        let examples = sayings(&args, &pattern, kind, errors);
        if kind == Kind::Respond && args.usage.is_none() {
            let words = parameters
                .iter()
                .map(|parameter| format!(" <{}>", parameter.name));
            let usage: String = std::iter::once(method.sig.ident.unraw().to_string())
                .chain(words)
                .collect();
            errors.at(
                attribute,
                format!("a command without a usage is in nobody's help; write how to say it: `usage = \"{usage}\"`"),
            );
        }
        shape.then(|| Self {
            ident: method.sig.ident.clone(),
            kind,
            about: documentation(&method.attrs),
            args,
            pattern,
            parameters,
            examples,
        })
    }
}

/// Whether it is an `async fn(&self, …)` without generics that is always there.
pub(crate) fn shape(method: &ImplItemFn, attribute: &str, errors: &mut Errors) -> bool {
    let signature = &method.sig;
    let mut right = true;
    let mut wrong = |place: &dyn ToTokens, message: String| {
        errors.at(place.to_token_stream(), message);
        right = false;
    };
    if signature.asyncness.is_none() {
        wrong(
            &signature.fn_token,
            format!(
                "what `#[{attribute}]` calls must be async: `async fn {}`",
                signature.ident
            ),
        );
    }
    if !signature.generics.params.is_empty() {
        wrong(
            &signature.generics,
            format!("what `#[{attribute}]` calls cannot be generic: nobody would say for which type"),
        );
    }
    match signature.inputs.first() {
        Some(FnArg::Receiver(Receiver {
            kind: ReceiverKind::Reference(_, _, None),
            ..
        })) => {}
        Some(FnArg::Receiver(receiver)) => wrong(
            receiver,
            "the receiver must be `&self`: many messages are answered at once".into(),
        ),
        _ => wrong(&signature.ident, "the first parameter must be `&self`".into()),
    }
    if let Some(cfg) = method
        .attrs
        .iter()
        .find(|attribute| attribute.path().is_ident("cfg"))
    {
        wrong(
            cfg,
            "a handler cannot be left out by `cfg`; put it in an `impl` of another responder".into(),
        );
    }
    right
}

/// What comes after `&self` and the context.
fn parameters(method: &ImplItemFn, errors: &mut Errors) -> Option<Vec<Parameter>> {
    let mut inputs = method
        .sig
        .inputs
        .iter()
        .filter(|input| matches!(input, FnArg::Typed(_)));
    match inputs.next() {
        Some(FnArg::Typed(context)) if last_segment(&context.ty).is_some_and(|name| name == "Context") => {}
        Some(other) => {
            errors.at(
                other,
                "the first parameter after `&self` must be the context: `cx: Context`",
            );
            return None;
        }
        None => {
            errors.at(
                &method.sig.ident,
                "a handler needs the context to answer: `&self, cx: Context`",
            );
            return None;
        }
    }
    let mut parameters = Vec::new();
    let mut all = true;
    for input in inputs {
        let FnArg::Typed(typed) = input else { continue };
        let Pat::Ident(pattern) = &*typed.pat else {
            errors.at(
                &typed.pat,
                "a parameter is named like the group it reads, so it must be a plain name",
            );
            all = false;
            continue;
        };
        if let Type::Reference(reference) = &*typed.ty {
            errors.at(reference, "a parameter owns what it reads: `String`, not `&str`");
            all = false;
            continue;
        }
        let inner = inside_option(&typed.ty);
        parameters.push(Parameter {
            name: pattern.ident.unraw().to_string(),
            optional: inner.is_some(),
            read_as: inner.unwrap_or_else(|| (*typed.ty).clone()),
            whole: input.clone(),
        });
    }
    all.then_some(parameters)
}

/// Each parameter needs its group, and each group its parameter.
fn groups_and_parameters(
    args: &HandlerArgs,
    pattern: &Pattern,
    parameters: &[Parameter],
    errors: &mut Errors,
) {
    for parameter in parameters {
        let name = &parameter.name;
        match pattern.group(name) {
            None => {
                let known = pattern.groups.iter().map(|group| group.name.as_str());
                errors.at(
                    &parameter.whole,
                    format!(
                        "the pattern has no group `(?<{name}>…)` for this parameter; it has {}{}",
                        pattern.names(),
                        hint(name, known)
                    ),
                );
            }
            Some(group) if !group.always && !parameter.optional => {
                let read_as = parameter.read_as.to_token_stream();
                errors.at(
                    &parameter.whole,
                    format!(
                        "the group `{name}` can be left out, so this must be `{name}: Option<{read_as}>`"
                    ),
                );
            }
            Some(_) => {}
        }
    }
    for group in &pattern.groups {
        if !parameters.iter().any(|parameter| parameter.name == group.name) {
            let known = parameters.iter().map(|parameter| parameter.name.as_str());
            errors.at(
                &args.pattern,
                format!(
                    "no parameter reads the group `{name}`; add `{name}: {ty}`, or write `(?:…)` if nobody needs \
                     it; the handler takes {}{}",
                    list(known.clone(), "no parameters"),
                    hint(&group.name, known),
                    name = group.name,
                    ty = if group.always { "String" } else { "Option<String>" },
                ),
            );
        }
    }
}

/// Checks usage and examples; answers with everything one can say that is known to work.
fn sayings(args: &HandlerArgs, pattern: &Pattern, kind: Kind, errors: &mut Errors) -> Vec<String> {
    let mut examples = Vec::new();
    if let Some(usage) = &args.usage {
        let text = usage.value();
        for fault in usage::faults(&text, pattern, kind) {
            errors.at(usage, fault);
        }
        if kind == Kind::Respond && usage::is_literal(&text) {
            // It is what one types, so it is an example as well, and is linted as one at start.
            examples.push(text);
        } else if kind == Kind::Respond && args.examples.is_empty() {
            errors.at(
                usage,
                "a command with parameters needs an `example = \"…\"`: the help shows it, and at start it is run \
                 through the router, to find commands that get in each other's way",
            );
        }
    }
    for example in &args.examples {
        let text = example.value();
        if !pattern.matches(&text) {
            errors.at(
                example,
                format!(
                    "the pattern `{}` does not match this example",
                    args.pattern.value()
                ),
            );
        } else if !examples.contains(&text) {
            examples.push(text);
        }
    }
    examples
}

fn last_segment(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

/// The `T` of an `Option<T>`.
fn inside_option(ty: &Type) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let last = path
        .path
        .segments
        .last()
        .filter(|segment| segment.ident == "Option")?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => {
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty.clone()),
                _ => None,
            })
        }
        _ => None,
    }
}
