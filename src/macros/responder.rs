//! A whole `impl`: finds the handlers and the start hook in it.

use crate::{
    attribute::{ResponderArgs, documentation},
    errors::Errors,
    handler::{self, Handler},
    pattern::Kind,
};
use proc_macro2::Ident;
use syn::{Attribute, FnArg, ImplItem, ImplItemFn, ItemImpl, Type, ext::IdentExt};

/// A responder, read.
pub(crate) struct Responder {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) config: Option<Type>,
    /// What it asks of the chat, as `ChatNeed` calls it.
    pub(crate) needs: Vec<Ident>,
    pub(crate) handlers: Vec<Handler>,
    pub(crate) start: Option<Ident>,
    pub(crate) actions: Option<Ident>,
    pub(crate) routes: Option<Ident>,
    pub(crate) choices: Option<Ident>,
}

/// What a method's attribute makes of it.
enum Role {
    Answers(Kind, Attribute),
    Starts(Attribute),
    Acts(Attribute),
    Listens(Attribute),
    Offers(Attribute),
}

/// Reads an `impl` and takes this crate's attributes off its methods.
pub(crate) fn read(args: ResponderArgs, item: &mut ItemImpl, errors: &mut Errors) -> Responder {
    if let Some((path, _)) = &item.trait_ {
        errors.at(
            path,
            "`#[responder]` stands on the type's own `impl Type { … }`, not on that of a trait",
        );
    }
    if !item.generics.params.is_empty() {
        errors.at(
            &item.generics,
            "a responder cannot be generic: it is registered as one type",
        );
    }
    let mut handlers: Vec<Handler> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let (mut start, mut actions, mut routes): (Option<Ident>, Option<Ident>, Option<Ident>) =
        (None, None, None);
    let mut choices: Option<Ident> = None;
    let mut attributed = false;
    item.items.retain_mut(|item| {
        let ImplItem::Fn(method) = item else { return true };
        let mut roles = roles(method);
        attributed |= !roles.is_empty();
        if let Some(Role::Answers(_, second) | Role::Starts(second) | Role::Acts(second) | Role::Listens(second) | Role::Offers(second)) = roles.get(1) {
            errors.at(
                second,
                "one method has one of `#[respond]`, `#[hear]`, `#[start]`, `#[actions]`, `#[routes]` and `#[choices]`, once",
            );
        }
        match (!roles.is_empty()).then(|| roles.swap_remove(0)) {
            None => {}
            Some(Role::Starts(attribute)) => {
                if let Some(first) = &start {
                    errors.at(
                        &attribute,
                        format!("a responder starts once, and `{first}` is its start already"),
                    );
                } else if starts_well(method, &attribute, errors) {
                    start = Some(method.sig.ident.clone());
                }
            }
            Some(Role::Acts(attribute)) => {
                if let Some(first) = &actions {
                    errors.at(
                        &attribute,
                        format!("a responder says once what it can do, and `{first}` does already"),
                    );
                } else if acts_well(method, &attribute, errors) {
                    actions = Some(method.sig.ident.clone());
                }
            }
            Some(Role::Listens(attribute)) => {
                if let Some(first) = &routes {
                    errors.at(
                        &attribute,
                        format!("a responder says once what it listens to, and `{first}` does already"),
                    );
                } else if listens_well(method, &attribute, errors) {
                    routes = Some(method.sig.ident.clone());
                }
            }
            Some(Role::Offers(attribute)) => {
                if let Some(first) = &choices {
                    errors.at(
                        &attribute,
                        format!("a responder says once what there is to choose from, and `{first}` does already"),
                    );
                } else if offers_well(method, &attribute, errors) {
                    choices = Some(method.sig.ident.clone());
                }
            }
            Some(Role::Answers(kind, attribute)) => {
                let name = method.sig.ident.unraw().to_string();
                if names.contains(&name) {
                    let message =
                        format!("there is a handler `{name}` already; logs and help tell handlers by name");
                    errors.at(&method.sig.ident, message);
                    return false;
                }
                names.push(name);
                handlers.extend(Handler::read(method, kind, &attribute, errors));
            }
        }
        true
    });
    if !attributed && item.trait_.is_none() {
        let place = &item.self_ty;
        errors.at(
            place,
            "this responder answers nothing; put `#[respond(r\"^…$\", usage = \"…\")]` on a method",
        );
    }
    Responder {
        name: name(&args, item, errors),
        about: documentation(&item.attrs),
        needs: needs(&args, errors),
        config: args.config,
        handlers,
        start,
        actions,
        routes,
        choices,
    }
}

/// Takes this crate's attributes off a method.
fn roles(method: &mut ImplItemFn) -> Vec<Role> {
    let mut roles = Vec::new();
    method.attrs.retain(|attribute| {
        let path = attribute.path();
        if path.is_ident("respond") {
            roles.push(Role::Answers(Kind::Respond, attribute.clone()));
        } else if path.is_ident("hear") {
            roles.push(Role::Answers(Kind::Hear, attribute.clone()));
        } else if path.is_ident("start") {
            roles.push(Role::Starts(attribute.clone()));
        } else if path.is_ident("actions") {
            roles.push(Role::Acts(attribute.clone()));
        } else if path.is_ident("routes") {
            roles.push(Role::Listens(attribute.clone()));
        } else if path.is_ident("choices") {
            roles.push(Role::Offers(attribute.clone()));
        } else {
            return true;
        }
        false
    });
    roles
}

fn starts_well(method: &ImplItemFn, attribute: &Attribute, errors: &mut Errors) -> bool {
    let mut right = handler::shape(method, "start", errors);
    if attribute.meta.require_path_only().is_err() {
        errors.at(
            attribute,
            "`#[start]` takes nothing: it runs once, when the robot has started",
        );
        right = false;
    }
    let others = method
        .sig
        .inputs
        .iter()
        .filter(|input| matches!(input, FnArg::Typed(_)));
    if others.count() != 1 {
        errors.at(
            &method.sig.inputs,
            "a start hook takes what it can reach and nothing else: `&self, services: Services`",
        );
        right = false;
    }
    right
}

fn acts_well(method: &ImplItemFn, attribute: &Attribute, errors: &mut Errors) -> bool {
    let taken = "`#[actions]` takes nothing: it is asked once, when the robot is made";
    let form = "what a responder can do is said by `fn actions(&self) -> Vec<Arc<dyn Action>>`";
    tells_well(method, attribute, (taken, form), errors)
}

fn listens_well(method: &ImplItemFn, attribute: &Attribute, errors: &mut Errors) -> bool {
    let taken = "`#[routes]` takes nothing: it is asked once, when the robot is made";
    let form = "what a responder listens to over HTTP is said by `fn routes(&self) -> Vec<Route>`";
    tells_well(method, attribute, (taken, form), errors)
}

fn offers_well(method: &ImplItemFn, attribute: &Attribute, errors: &mut Errors) -> bool {
    let mut right = handler::shape(method, "choices", errors);
    if attribute.meta.require_path_only().is_err() {
        errors.at(
            attribute,
            "`#[choices]` takes nothing: it is asked when a form is shown",
        );
        right = false;
    }
    if method.sig.inputs.len() != 3 {
        errors.at(
            &method.sig.inputs,
            "what there is to choose from is asked with `&self, wanted: Wanted, services: Services`",
        );
        right = false;
    }
    right
}

/// A method that says something about the responder, and takes nothing for it.
fn tells_well(
    method: &ImplItemFn,
    attribute: &Attribute,
    (taken, form): (&str, &str),
    errors: &mut Errors,
) -> bool {
    let mut right = true;
    if attribute.meta.require_path_only().is_err() {
        errors.at(attribute, taken);
        right = false;
    }
    if method.sig.asyncness.is_some() || method.sig.inputs.len() != 1 || method.sig.receiver().is_none() {
        errors.at(&method.sig, form);
        right = false;
    }
    right
}

/// What can be needed of the chat: the word in the attribute, and its name in `ChatNeed`.
const NEEDS: [(&str, &str); 3] = [("files", "Files"), ("emails", "Emails"), ("direct", "Direct")];

fn needs(args: &ResponderArgs, errors: &mut Errors) -> Vec<Ident> {
    let Some(given) = &args.needs else {
        return Vec::new();
    };
    let written = given.value();
    let words = written.split(',').map(str::trim).filter(|word| !word.is_empty());
    words
        .filter_map(|word| {
            let found = NEEDS.iter().find(|(known, _)| *known == word);
            if found.is_none() {
                let message =
                    format!("`{word}` is nothing a responder can need of the chat; there are `files`, `emails` and `direct`");
                errors.at(given, message);
            }
            found.map(|(_, name)| Ident::new(name, given.span()))
        })
        .collect()
}

fn name(args: &ResponderArgs, item: &ItemImpl, errors: &mut Errors) -> String {
    if let Some(given) = &args.name {
        let name = given.value();
        let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !starts
            || !name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
        {
            let message =
                "a responder's name is a key of the configuration: lower case letters, digits, `_` and `-`";
            errors.at(given, message);
        }
        return name;
    }
    match &*item.self_ty {
        Type::Path(path) => {
            let last = path.path.segments.last();
            snake_case(
                &last
                    .map(|last| last.ident.unraw().to_string())
                    .unwrap_or_default(),
            )
        }
        other => {
            errors.at(other, "a responder is a type with a name: `impl Basics { … }`");
            String::new()
        }
    }
}

/// `FeatureFlags` is `feature_flags`, `HTTPStatus` is `http_status`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (at, &letter) in letters.iter().enumerate() {
        let after_lower = at > 0 && !letters[at - 1].is_uppercase() && letters[at - 1] != '_';
        let before_lower =
            at > 0 && letters[at - 1] != '_' && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_lower || before_lower) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn a_type_s_name_becomes_a_key() {
        for (name, key) in [
            ("Basics", "basics"),
            ("FeatureFlags", "feature_flags"),
            ("HTTPStatus", "http_status"),
            ("On_Call", "on_call"),
            ("K8s", "k8s"),
            ("A", "a"),
        ] {
            assert_eq!(snake_case(name), key);
        }
    }
}
