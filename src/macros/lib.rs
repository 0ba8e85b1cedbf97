//! `#[responder]`: commands of a chat robot as plain functions, checked when they are compiled.
//!
//! One regular expression above a function is all there is to write. The macro reads it, compares it with the function
//! beside it, and writes plain values (`ResponderSpec`, `CommandSpec`, `Handler`) that could as well be written
//! by hand; matching, help, rights, suggestions and the linter at start all read those.
//!
//! ```
//! use otus::prelude::*;
//!
//! /// The state of the harbour.
//! #[derive(Default)]
//! pub struct Harbour;
//!
//! /// Ships and tides.
//! #[responder]
//! impl Harbour {
//!     /// Says how high the water is.
//!     ///
//!     /// Without a place it is the harbour's own.
//!     #[respond(
//!         r"^tide(?: at (?<place>\w+))?(?: in (?<hours>\d+)h)?$",
//!         usage = "tide [at <place>] [in <hours>h]",
//!         example = "tide at pier in 3h"
//!     )]
//!     async fn tide(&self, cx: Context, place: Option<String>, hours: Option<u8>) -> Result {
//!         let (place, hours) = (place.unwrap_or("the harbour".into()), hours.unwrap_or(0));
//!         if hours > 48 {
//!             user_error!("I know the tides of two days, not those in {hours} hours.");
//!         }
//!         cx.reply(format!("low at {place} in {hours} h")).await
//!     }
//!
//!     /// Salutes.
//!     #[hear(r"(?i)\bahoy\b")]
//!     async fn salute(&self, cx: Context) -> Result {
//!         cx.react("anchor").await
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // And this is its test.
//! let mut room = Room::with(Harbour);
//! room.say("ann", "@otus tide at pier").await;
//! room.expect_reply("low at pier in 0 h").await;
//! room.say("ann", "@otus tide in 300h").await;
//! room.expect_reply("`300` is no good as <hours>: number too large to fit in target type.").await;
//! room.say("bob", "Ahoy, everybody").await;
//! room.expect_reaction("anchor").await;
//! # }
//! ```
//!
//! What the macro refuses, and in which words, can be read in the tests of the `basics` responder, one file per fault.

mod attribute;
mod errors;
mod expand;
mod handler;
mod pattern;
mod responder;
mod usage;

use proc_macro::TokenStream;
use quote::quote;
use syn::{ItemImpl, parse_macro_input};

/// Makes a type a responder. Stands on its `impl`.
///
/// - `name = "…"` is its name in the configuration, `[responders.<name>]`; by default the type's name in snake case.
/// - `config = Settings` says that it takes settings: that section is read into `Settings`, and the type is made by its
///   `Configure::configure`. Without it the type is made by `Default`, and the section must be empty.
/// - `needs = "files, emails, direct"` says what it asks of the chat that wants a permission: it uploads files, finds people by
///   their address, begins to talk to one person alone. `otus manifest` and `otus check` read it.
///
/// The documentation of the `impl` tells in one line what the commands have in common; the help shows it above them. The
/// responder is registered by being linked in.
///
/// # Methods
///
/// ## `#[respond(r"^…$", usage = "…")]`
///
/// Answers what is said *to* the robot. One command wins, the one whose pattern fixes the most characters. The pattern is
/// matched whatever the capitals, and must match the whole of what was said (`^…$`).
///
/// - `usage`: how to say it: `deploy <service>[@<version>] [to <environment>]`. `<x>` names the group `x`, `[ ]` is
///   what can be left out, `|` is a choice. It must tell the truth about the pattern.
/// - `example`, as many as one likes: something one can say. Each must match, and at start each is run through the router,
///   to find commands that get in each other's way. A usage without parameters is an example by itself; a command with
///   parameters needs one.
/// - `role`: who may say it. By default anybody.
/// - `effect`: what saying it does to the world. `"reads"`: nothing, the default. `"changes"`: it changes something at once.
///   `"operation"`: it proposes a change that is planned, decided on, journalled and recorded (see `#[actions]`). `"control"`: it
///   steers one, or the robot itself (approve, cancel, switch on), and general rules and freezes leave it alone. Nothing but
///   what reads is ever run again because somebody edited a message.
/// - `deadline`: how long it may take: `"500ms"`, `"45s"`, `"30m"`, `"1h30m"`. By default as long as the robot's
///   configuration allows any command.
///
/// The method's documentation is the help: its first line stands in lists, all of it in `help <command>`.
///
/// ## `#[hear(r"…")]`
///
/// Answers what is said anywhere where the robot is. All that match run. It takes the same keys, needs none, and
/// its pattern is taken as it is: write `(?i)` for any capitals.
///
/// ## `#[start]`
///
/// `async fn(&self, services: Services) -> Result`, at most one: runs once when the robot has started, beside everything
/// else.
///
/// ## `#[actions]`
///
/// `fn(&self) -> Vec<Arc<dyn Action>>`, at most one: what the responder can do to the world, asked once when the robot is
/// made. A command with `effect = "operation"` reads what was asked and hands it to `cx.propose`, with the action's kind:
///
/// ```
/// use async_trait::async_trait;
/// use otus::{
///     operations::{Action, Change, Ending, Outcome, Plan, Run, Target},
///     prelude::*,
/// };
/// use serde_json::{Value, json};
/// use std::sync::{Arc, Mutex};
///
/// /// A lamp, and how bright it is.
/// #[derive(Default)]
/// struct Lamp(Arc<Mutex<u64>>);
///
/// /// Turning it.
/// struct Turn(Arc<Mutex<u64>>);
///
/// #[async_trait]
/// impl Action for Turn {
///     fn kind(&self) -> &'static str {
///         "turn"
///     }
///
///     // Looks at the world and says what would change; changes nothing.
///     async fn plan(&self, _: &Services, ask: &Value) -> Result<Plan> {
///         let (now, to) = (*self.0.lock().unwrap(), ask["to"].as_u64().unwrap_or_default());
///         Ok(Plan {
///             target: Target { service: Some("lamp".into()), environment: None },
///             title: format!("Turn the lamp to {to} %"),
///             changes: vec![Change {
///                 what: "brightness".into(),
///                 from: Some(now.to_string()),
///                 to: Some(to.to_string()),
///             }],
///             details: json!({ "to": to }),
///             nothing_to_do: now == to,
///             ..Plan::default()
///         })
///     }
///
///     // Does it, in steps that may be tried again after a crash.
///     async fn apply(&self, run: Run) -> Result<Ending> {
///         let to = run.plan().details["to"].as_u64().unwrap_or_default();
///         run.step("turn", |_| async move {
///             *self.0.lock().unwrap() = to;
///             Ok(())
///         })
///         .await?;
///         Ok(Ending {
///             outcome: Outcome::Succeeded,
///             note: format!("it is at {to} %"),
///             card: Card::new(Tone::Good, format!("The lamp is at {to} %")),
///         })
///     }
/// }
///
/// /// Light.
/// #[responder]
/// impl Lamp {
///     /// Turns the lamp up or down.
///     #[respond(
///         r"^lamp (?<to>\d+)%$",
///         usage = "lamp <to>%",
///         example = "lamp 50%",
///         effect = "operation"
///     )]
///     async fn turn(&self, cx: Context, to: u64) -> Result {
///         cx.propose("turn", json!({ "to": to })).await
///     }
///
///     #[actions]
///     fn can(&self) -> Vec<Arc<dyn Action>> {
///         vec![Arc::new(Turn(self.0.clone()))]
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let lamp = Lamp::default();
/// let brightness = lamp.0.clone();
/// let mut room = Room::with(lamp);
/// room.say("ann", "@otus lamp 50% --plan").await;
/// assert!(room.answer().await.plain().contains("Turn the lamp to 50 %"));
/// assert_eq!(*brightness.lock().unwrap(), 0);
/// room.say("ann", "@otus lamp 50%").await;
/// room.expect_shown(|post| post.plain().contains("The lamp is at 50 %")).await;
/// assert_eq!(*brightness.lock().unwrap(), 50);
/// # room.answer().await;
/// # }
/// ```
///
/// ## `#[routes]`
///
/// `fn(&self) -> Vec<Route>`, at most one: what the responder listens to over HTTP, below `/hooks/`, asked once when the robot
/// is made. `otus::web` has an example.
///
/// ## `#[choices]`
///
/// `async fn(&self, wanted: Wanted, services: Services) -> Vec<Choice>`, at most one: what there is to choose from for a parameter
/// whose type does not know, when a command is said without what it needs and a form is shown (`otus::form`).
///
/// # Parameters
///
/// A handler is `async fn(&self, cx: Context, …) -> Result`. Each further parameter is named like a group of the pattern
/// `(?<name>…)` and each group has its parameter; groups that nobody reads are written `(?:…)`. The type reads
/// what the group caught:
///
/// - a type that knows its values (`Known`: services, environments, your own) takes one of them; anything else is answered with
///   the near ones;
/// - any other type is read with `FromStr`; its error is told to whoever wrote it;
/// - `Option<T>` is for a group that can be left out, and the compiler tells when a group can.
///
/// # Patterns
///
/// `\w`, `\d`, `\s` and `\b` mean ASCII: commands are, and Unicode's classes would cost the robot tens of megabytes. All
/// letters of the world are `\p{Alphabetic}`, and free text is `.+`.
///
/// # Example
///
/// ```
/// use otus::prelude::*;
/// use std::str::FromStr;
///
/// /// The section `[responders.lamp]`.
/// #[derive(serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Settings {
///     steps: u8,
/// }
///
/// struct Lamp {
///     steps: u8,
/// }
///
/// impl Configure for Lamp {
///     type Config = Settings;
///     fn configure(settings: Settings, _: &Setup<'_>) -> Result<Self> {
///         if settings.steps == 0 {
///             user_error!("a lamp needs a step at least: set `steps`");
///         }
///         Ok(Self { steps: settings.steps })
///     }
/// }
///
/// /// How bright: `50%`.
/// struct Brightness(u8);
///
/// impl FromStr for Brightness {
///     type Err = String;
///     fn from_str(text: &str) -> Result<Self, String> {
///         let number = text.trim_end_matches('%').parse().map_err(|_| "a number of percent is expected")?;
///         if number > 100 { Err("more than all is not possible".into()) } else { Ok(Self(number)) }
///     }
/// }
///
/// /// Light.
/// #[responder(config = Settings)]
/// impl Lamp {
///     /// Turns the lamp up or down.
///     #[respond(
///         r"^(?:lamp|light) (?<to>\d+%)$",
///         usage = "lamp <to>",
///         example = "lamp 50%",
///         role = "housekeeper",
///         effect = "changes",
///         deadline = "5s"
///     )]
///     async fn set(&self, cx: Context, to: Brightness) -> Result {
///         let step = u32::from(to.0) * u32::from(self.steps) / 100;
///         cx.reply(format!("step {step} of {}", self.steps)).await
///     }
///
///     #[start]
///     async fn greet(&self, services: Services) -> Result {
///         println!("{} looks after a lamp", services.name());
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut room = Room::builder().responder(Lamp { steps: 10 }).role("housekeeper", &["ann"]).open();
/// room.say("ann", "@otus LIGHT 50%").await;
/// room.expect_reply("step 5 of 10").await;
/// room.say("ann", "@otus lamp 120%").await;
/// room.expect_reply("`120%` is no good as <to>: more than all is not possible.").await;
/// # }
/// ```
#[proc_macro_attribute]
pub fn responder(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let args = parse_macro_input!(arguments as attribute::ResponderArgs);
    let mut item = parse_macro_input!(item as ItemImpl);
    let mut errors = errors::Errors::default();
    let responder = responder::read(args, &mut item, &mut errors);
    let written = match errors.into_compile_errors() {
        None => expand::expand(&responder, &item.self_ty),
        Some(errors) => {
            let usable = item.trait_.is_none() && item.generics.params.is_empty();
            let stand_in = usable.then(|| expand::stand_in(&item.self_ty));
            quote!(#errors #stand_in)
        }
    };
    quote!(#item #written).into()
}
