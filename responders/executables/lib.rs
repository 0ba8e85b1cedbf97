//! Responders in any language: executables in a folder, or behind an address, that speak JSON, one value a line. Each says once which commands it has; Otus
//! routes, checks rights and arguments, runs it with limits, and shows what it says. docs/executables.md has the protocol.
//!
//! | what | where |
//! |---|---|
//! | what an executable says of itself, and what is wrong with it | `describe.rs`, `pattern.rs` |
//! | its arguments, checked before it runs | `arguments.rs` |
//! | what is said to it, and heard from it | `talk.rs` |
//! | a file: its process, its limits | `process.rs` |
//! | an address: its requests, their signature | `site.rs` |
//! | what it says, shown | `say.rs` |

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod arguments;
mod describe;
mod pattern;
mod process;
mod say;
mod settings;
mod site;
mod talk;
mod texts;

pub use settings::Settings;
pub use site::Site;

use describe::{Described, Source};
use otus::{
    CommandSpec, Handler, Registration, ResponderSpec, Setup, StartError,
    form::{Choice, Wanted},
    responder::Built,
};
use std::sync::Arc;

/// The responder that holds them all. The commands are found when it is made.
static SPEC: ResponderSpec = ResponderSpec {
    name: "executables",
    about: "Commands of executables in a folder, or behind an address.",
    commands: &[],
    needs: &[],
};

otus::__private::inventory::submit! {
    Registration { spec: &SPEC, build }
}

fn build(setup: &Setup<'_>) -> Result<Built, StartError> {
    let settings = read(setup)?;
    let all = found(&settings)?;
    let settings = Arc::new(settings);
    let handlers = all
        .iter()
        .map(|described| handler(described, &settings))
        .collect();
    let chooser: Vec<Arc<Described>> = all;
    Ok(Built {
        spec: SPEC,
        handlers,
        actions: Vec::new(),
        routes: Vec::new(),
        choices: Arc::new(move |wanted, _| {
            let choices = choices(&chooser, &wanted);
            Box::pin(async move { choices })
        }),
        start: Box::new(|_| Box::pin(async { Ok(()) })),
    })
}

fn read(setup: &Setup<'_>) -> Result<Settings, StartError> {
    serde_json::from_value(setup.section.clone()).map_err(|error| StartError::Config {
        section: "responders.executables".into(),
        key: None,
        message: error.to_string(),
    })
}

fn found(settings: &Settings) -> Result<Vec<Arc<Described>>, StartError> {
    describe::all(settings).map_err(|message| StartError::Missing {
        responder: SPEC.name.into(),
        message,
    })
}

/// The commands of the executables in a section of the configuration; none when they cannot be found out.
#[must_use]
pub fn commands(section: &serde_json::Value) -> Vec<&'static CommandSpec> {
    let settings: Option<Settings> = serde_json::from_value(section.clone()).ok();
    let all = settings.and_then(|settings| describe::all(&settings).ok());
    all.into_iter()
        .flatten()
        .map(|described| described.spec)
        .collect()
}

/// What the executables behind addresses in a section of the configuration say of themselves: another text when one of them says
/// something else, or came; nothing where there are none. It waits for them, now and then.
#[must_use]
pub fn said(section: &serde_json::Value) -> Option<String> {
    let settings: Settings = serde_json::from_value(section.clone()).ok()?;
    describe::said(&settings)
}

fn handler(described: &Arc<Described>, settings: &Arc<Settings>) -> Handler {
    let (described, settings) = (Arc::clone(described), Arc::clone(settings));
    Handler {
        spec: described.spec,
        run: Arc::new(move |cx, captures| {
            let (described, settings) = (Arc::clone(&described), Arc::clone(&settings));
            Box::pin(async move {
                let arguments = arguments::read(&described.arguments, &captures, &cx)?;
                match &described.source {
                    Source::File(file) => process::run(&cx, &described, file, &settings, arguments).await,
                    Source::Site(site) => site::run(&cx, &described, site, &settings, arguments).await,
                }
            })
        }),
    }
}

fn choices(all: &[Arc<Described>], wanted: &Wanted) -> Vec<Choice> {
    let described = all
        .iter()
        .find(|described| described.spec.id() == wanted.command.id());
    let argument = described.and_then(|described| described.arguments.get(wanted.parameter));
    let choices = argument
        .map(|argument| argument.choices.as_slice())
        .unwrap_or_default();
    choices.iter().map(Choice::new).collect()
}
