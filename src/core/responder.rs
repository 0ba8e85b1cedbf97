//! What a responder is: a plain value that says which words it answers and how. `#[responder]` writes these values;
//! they could as well be written by hand.

use crate::{
    context::Context,
    error::{Result, StartError},
    form::{Choice, Parameter, Wanted},
    operations::Action,
    services::{Resources, Services},
    web::Route,
};
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use std::{fmt, sync::Arc, time::Duration};

/// A set of commands that belong together, with what they share.
pub trait Responder: Send + Sync + 'static {
    /// What it is and which commands it has.
    const SPEC: ResponderSpec;

    /// Its handlers, in the order of the commands.
    fn handlers(self: Arc<Self>) -> Vec<Handler>;

    /// What it can do to the world, for its commands with `effect = "operation"`.
    fn actions(self: Arc<Self>) -> Vec<Arc<dyn Action>> {
        Vec::new()
    }

    /// What it listens to over HTTP.
    fn routes(self: Arc<Self>) -> Vec<Route> {
        Vec::new()
    }

    /// What there is to choose from for a parameter whose type does not know: versions that can go out, graphs by name. Asked when
    /// a form is shown, and not waited for long; none means that it is typed.
    fn choices(self: Arc<Self>, wanted: Wanted, services: Services) -> BoxFuture<'static, Vec<Choice>> {
        let _ = (wanted, services);
        Box::pin(async { Vec::new() })
    }

    /// Runs once when the robot has started, beside everything else: takes up what was left undone, watches
    /// something until [`Services::stopping`].
    fn start(self: Arc<Self>, services: Services) -> BoxFuture<'static, Result> {
        let _ = services;
        Box::pin(async { Ok(()) })
    }
}

/// A responder, described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponderSpec {
    /// Its name in the configuration: `[responders.<name>]`.
    pub name: &'static str,
    /// One line for the help.
    pub about: &'static str,
    /// Its commands.
    pub commands: &'static [CommandSpec],
    /// What it asks of the chat besides saying something: the permissions of the robot's app are made of it.
    pub needs: &'static [ChatNeed],
}

/// Something a responder asks of the chat that the chat wants a permission for of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChatNeed {
    /// [Uploads](Context::upload) files.
    Files,
    /// Finds people by their [address](crate::Chat::by_email).
    Emails,
    /// Says something to one person [alone](crate::Chat::direct), of its own accord.
    Direct,
}

/// A command or a thing listened for, described. Help, matching, rights and the linter at start all read this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandSpec {
    /// The responder's name.
    pub responder: &'static str,
    /// The handler's name.
    pub name: &'static str,
    /// Said to the robot, or just said.
    pub kind: Kind,
    /// The pattern as the router uses it: `\w`, `\d`, `\s` and `\b` in it mean ASCII.
    pub pattern: &'static str,
    /// How many characters of the words the pattern fixes: the larger, the more specific.
    pub literals: u32,
    /// The pattern's groups, by name, in the order of the handler's parameters.
    pub groups: &'static [&'static str],
    /// What the handler takes, for forms.
    pub parameters: &'static [Parameter],
    /// How to say it: `deploy <service> [to <environment>]`.
    pub usage: Option<&'static str>,
    /// Things one can say, each of which goes to this command.
    pub examples: &'static [&'static str],
    /// The documentation of the handler: the first line is the summary.
    pub about: &'static str,
    /// The role one needs.
    pub role: Option<&'static str>,
    /// Whether it changes anything.
    pub effect: Effect,
    /// How long it may take. Default: the robot's.
    pub deadline: Option<Duration>,
}

impl CommandSpec {
    /// `responder.name`, as logs and messages of the linter call it.
    pub fn id(&self) -> String {
        format!("{}.{}", self.responder, self.name)
    }

    /// The first line of its documentation.
    pub fn summary(&self) -> &'static str {
        self.about.lines().next().unwrap_or_default()
    }

    /// The words it begins with, up to the first parameter: `deploy`, `flags diff`.
    pub fn leading_words(&self) -> &'static str {
        let usage = self.usage.unwrap_or_default();
        let end = usage.find(['<', '[', '`', '|', '(']).unwrap_or(usage.len());
        // In `can @<person>` the sign belongs to the person.
        usage[..end].trim_end().trim_end_matches('@').trim()
    }
}

/// Whether a command is said to the robot, or just said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Said to the robot. One command wins.
    Respond,
    /// Said where the robot is. All that match run.
    Hear,
}

/// What saying a command does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing: it may be run again when the message is edited.
    Reads,
    /// It changes something at once: an edit never runs it.
    Changes,
    /// It proposes an [operation](crate::operations), which is planned, decided on and recorded: an edit never runs it.
    Proposes,
    /// It steers what was decided on before, or the robot itself: approves, cancels, unlocks, switches on again. Rules and
    /// freezes for whatever changes something leave it alone, since they must not keep people from stopping something or from
    /// agreeing to it; only what names it holds for it. An edit never runs it.
    Controls,
}

impl Effect {
    /// Whether saying it can change anything.
    pub fn changes(self) -> bool {
        self != Self::Reads
    }
}

/// A command with what answers it.
#[derive(Clone)]
pub struct Handler {
    /// The command.
    pub spec: &'static CommandSpec,
    /// What answers it.
    pub run: Arc<dyn Fn(Context, Captures) -> BoxFuture<'static, Result> + Send + Sync>,
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler")
            .field("spec", &self.spec.id())
            .finish_non_exhaustive()
    }
}

/// What a pattern's groups caught: a value of this match's own, which no other match can touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures {
    line: String,
    groups: Vec<(&'static str, std::ops::Range<usize>)>,
}

impl Captures {
    pub(crate) fn new(line: String, groups: Vec<(&'static str, std::ops::Range<usize>)>) -> Self {
        Self { line, groups }
    }

    /// What a group caught; nothing if it took no part.
    pub fn get(&self, group: &str) -> Option<&str> {
        self.range(group).map(|range| &self.line[range])
    }

    /// The whole line that was matched.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The line with what a group caught replaced: what the person probably meant.
    pub fn with(&self, group: &str, instead: &str) -> Option<String> {
        let range = self.range(group)?;
        Some(format!(
            "{}{instead}{}",
            &self.line[..range.start],
            &self.line[range.end..]
        ))
    }

    fn range(&self, group: &str) -> Option<std::ops::Range<usize>> {
        self.groups
            .iter()
            .find(|(name, _)| *name == group)
            .map(|(_, range)| range.clone())
    }
}

/// A responder that takes settings: `#[responder(config = Settings)]`. The section `[responders.<name>]` is read
/// into `Config`, which should refuse unknown keys (`#[serde(deny_unknown_fields)]`).
pub trait Configure: Sized {
    /// Its settings.
    type Config: DeserializeOwned;

    /// Makes it, with its settings and what the program offers.
    ///
    /// # Errors
    /// A setting that cannot work, or an engine that is missing: the start stops with this text.
    fn configure(config: Self::Config, setup: &Setup<'_>) -> Result<Self>;
}

/// What a responder is made from.
pub struct Setup<'a> {
    /// Its section of the configuration; an empty table if there is none.
    pub section: serde_json::Value,
    /// The engines.
    pub resources: &'a Resources,
    /// What there is to operate on.
    pub catalog: &'a crate::Catalog,
}

impl Setup<'_> {
    /// Makes a responder that takes settings.
    ///
    /// # Errors
    /// Names the key that cannot be read, or what [`Configure::configure`] said.
    pub fn configured<R: Responder + Configure>(&self) -> std::result::Result<R, StartError> {
        let config: R::Config = serde_path_to_error::deserialize(self.section.clone()).map_err(|error| {
            let path = error.path().to_string();
            StartError::Config {
                section: format!("responders.{}", R::SPEC.name),
                key: (path != ".").then_some(path),
                message: error.into_inner().to_string(),
            }
        })?;
        R::configure(config, self).map_err(|error| StartError::Missing {
            responder: R::SPEC.name.into(),
            message: format!("{error:#}"),
        })
    }

    /// Makes a responder without settings.
    ///
    /// # Errors
    /// When its section has a key all the same.
    pub fn plain<R: Responder + Default>(&self) -> std::result::Result<R, StartError> {
        if let Some(key) = self.section.as_object().and_then(|section| section.keys().next()) {
            return Err(StartError::Config {
                section: format!("responders.{}", R::SPEC.name),
                key: Some(key.clone()),
                message: format!("the responder {} has no settings", R::SPEC.name),
            });
        }
        Ok(R::default())
    }
}

/// A responder that is linked into the program. `#[responder]` submits one with `inventory`.
pub struct Registration {
    /// What it is.
    pub spec: &'static ResponderSpec,
    /// Makes it.
    pub build: fn(&Setup<'_>) -> std::result::Result<Built, StartError>,
}

inventory::collect!(Registration);

impl Registration {
    /// All that are linked in, by name.
    pub fn all() -> Vec<&'static Registration> {
        let mut all: Vec<_> = inventory::iter::<Registration>.into_iter().collect();
        all.sort_by_key(|registration| registration.spec.name);
        all
    }
}

/// See [`Responder::choices`].
pub type Chooser = Arc<dyn Fn(Wanted, Services) -> BoxFuture<'static, Vec<Choice>> + Send + Sync>;

/// A responder that was made, ready to run.
pub struct Built {
    /// What it is.
    pub spec: ResponderSpec,
    /// What answers.
    pub handlers: Vec<Handler>,
    /// What it can do to the world.
    pub actions: Vec<Arc<dyn Action>>,
    /// What it listens to over HTTP.
    pub routes: Vec<Route>,
    /// Says what there is to choose from.
    pub choices: Chooser,
    /// Its start hook.
    pub start: Box<dyn FnOnce(Services) -> BoxFuture<'static, Result> + Send>,
}

impl Built {
    /// Makes a responder ready.
    pub fn new<R: Responder>(responder: R) -> Self {
        let responder = Arc::new(responder);
        Self {
            spec: R::SPEC,
            handlers: responder.clone().handlers(),
            actions: responder.clone().actions(),
            routes: responder.clone().routes(),
            choices: {
                let responder = responder.clone();
                Arc::new(move |wanted, services| responder.clone().choices(wanted, services))
            },
            start: Box::new(move |services| responder.start(services)),
        }
    }
}
