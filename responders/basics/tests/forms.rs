//! Every form a responder can take, used: what `#[responder]` accepts, and that it does what it says.

use otus::form::{Candidates, Parameter};
use otus::prelude::*;
use otus::{
    CommandSpec, Effect, Kind, Registration, Responder, Services, Setup, StartError, args::Known,
    responder::Handler, services::Resources,
};
use serde::Deserialize;
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// A direction of the compass: the names are known.
#[derive(Debug, PartialEq)]
struct Direction(&'static str);

impl Known for Direction {
    const WHAT: &'static str = "direction";

    fn find(raw: &str, _: &Services) -> Option<Self> {
        ["north", "south"]
            .into_iter()
            .find(|name| name.eq_ignore_ascii_case(raw))
            .map(Self)
    }

    fn candidates(_: &Services) -> Vec<String> {
        vec!["north".into(), "south".into()]
    }
}

/// A word that is both known and parsed: knowing wins.
#[derive(Debug)]
struct Both(&'static str);

impl std::str::FromStr for Both {
    type Err = std::convert::Infallible;
    fn from_str(_: &str) -> Result<Self, Self::Err> {
        Ok(Self("parsed"))
    }
}

impl Known for Both {
    const WHAT: &'static str = "both";
    fn find(_: &str, _: &Services) -> Option<Self> {
        Some(Self("known"))
    }
    fn candidates(_: &Services) -> Vec<String> {
        Vec::new()
    }
}

#[derive(Default)]
struct Forms {
    started: Arc<AtomicUsize>,
}

/// All forms.
///
/// And more.
#[responder]
impl Forms {
    const GREETING: &'static str = "hello";

    /// Greets.
    ///
    /// Politely.
    #[respond(
        r"(?i)^greet(?:ing)?(?: (?<type>\w+))?$",
        usage = "greet [<type>]",
        example = "greet",
        example = "GREETING you",
        role = "host",
        effect = "changes",
        deadline = "1h30m"
    )]
    async fn greet(&self, cx: Context, r#type: Option<String>) -> Result {
        let whom = r#type.unwrap_or_else(|| "all".into());
        cx.reply(format!("{} {whom}", Self::GREETING)).await
    }

    /// Goes somewhere.
    #[respond(
        r"^go (?<to>[\w-]+)(?: (?<steps>\d+))?$",
        usage = "go <to> [<steps>]",
        example = "go north 3"
    )]
    async fn go(&self, cx: Context, to: Direction, mut steps: Option<u8>) -> Result {
        let steps = steps.get_or_insert(1);
        cx.reply(format!("{} by {steps}", to.0)).await
    }

    /// Takes what always takes part as if it might not.
    #[respond(r"^look (?<at>.+)$", usage = "look <at>", example = "look up")]
    async fn look(&self, cx: Context, at: std::option::Option<Both>) -> otus::Result<()> {
        cx.reply(format!("{:?}", at.map(|at| at.0))).await
    }

    /// Takes one of two.
    #[respond(
        r"^find (?:`(?<query>[^`]+)`|(?<host>\S+))$",
        usage = "find <host>|`<query>`",
        example = "find 127.0.0.1",
        example = "find `a b`"
    )]
    async fn find(&self, _: Context, host: Option<IpAddr>, query: Option<String>) -> Result {
        user_error!("{host:?} {query:?}")
    }

    #[hear(r"\bowls?\b")]
    async fn owl(&self, cx: Context) -> Result {
        self.react(&cx, "owl").await
    }

    #[start]
    async fn wake(&self, services: Services) -> Result {
        self.started.fetch_add(services.name().len(), Ordering::SeqCst);
        Ok(())
    }

    async fn react(&self, cx: &Context, emoji: &str) -> Result {
        cx.react(emoji).await
    }
}

/// Settings of a responder that has some.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    word: String,
}

struct Parrot {
    word: String,
}

impl Configure for Parrot {
    type Config = Settings;

    fn configure(settings: Settings, _: &Setup<'_>) -> Result<Self> {
        if settings.word.is_empty() {
            user_error!("a parrot needs a word");
        }
        Ok(Self { word: settings.word })
    }
}

#[responder(name = "polly", config = Settings)]
impl Parrot {
    /// Says its word.
    #[respond(r"^speak$", usage = "speak")]
    async fn speak(&self, cx: Context) -> Result {
        cx.reply(self.word.as_str()).await
    }
}

fn spec(name: &str) -> &'static CommandSpec {
    Forms::SPEC
        .commands
        .iter()
        .find(|spec| spec.name == name)
        .expect("one of the handlers above")
}

#[test]
fn the_description_is_what_was_written() {
    assert_eq!(
        (Forms::SPEC.name, Forms::SPEC.about),
        ("forms", "All forms.\n\nAnd more.")
    );
    let names: Vec<_> = Forms::SPEC.commands.iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["greet", "go", "look", "find", "owl"]);
    assert_eq!(
        *spec("greet"),
        CommandSpec {
            responder: "forms",
            name: "greet",
            kind: Kind::Respond,
            pattern: r"(?i)^greet(?:ing)?(?: (?<type>[0-9A-Za-z_]+))?$",
            literals: 5,
            groups: &["type"],
            parameters: &[Parameter {
                name: "type",
                optional: true,
                candidates: Candidates(|_| None),
            }],
            usage: Some("greet [<type>]"),
            examples: &["greet", "GREETING you"],
            about: "Greets.\n\nPolitely.",
            role: Some("host"),
            effect: Effect::Changes,
            deadline: Some(Duration::from_secs(5400)),
        }
    );
    assert_eq!(spec("find").groups, ["host", "query"]);
    assert_eq!(
        (spec("owl").kind, spec("owl").usage, spec("owl").pattern),
        (Kind::Hear, None, r"(?-u:\b)owls?(?-u:\b)")
    );
}

#[test]
fn a_command_is_one_value_wherever_it_is_spoken_of() {
    let handlers: Vec<Handler> = Arc::new(Forms::default()).handlers();
    for (handler, spec) in handlers.iter().zip(Forms::SPEC.commands) {
        assert!(std::ptr::eq(handler.spec, spec));
    }
    let registered = Registration::all()
        .into_iter()
        .find(|one| one.spec.name == "forms")
        .unwrap();
    assert!(std::ptr::eq(registered.spec.commands, Forms::SPEC.commands));
}

#[tokio::test]
async fn parameters_are_read_from_their_groups() {
    let mut room = Room::with(Forms::default());
    for (said, answer) in [
        ("greet", "hello all"),
        ("Greeting ANN", "hello ANN"),
        ("go North", "north by 1"),
        ("go south 255", "south by 255"),
        ("look out", "Some(\"known\")"),
        ("find 10.0.0.1", "Some(10.0.0.1) None"),
        ("find `up{job=\"x\"}`", "None Some(\"up{job=\\\"x\\\"}\")"),
        (
            "go south 256",
            "`256` is no good as <steps>: number too large to fit in target type.",
        ),
        (
            "find nowhere",
            "`nowhere` is no good as <host>: invalid IP address syntax.",
        ),
        (
            "go noth",
            "There is no direction called `noth`. Did you mean `north` or `south`?\n[go north] [go south]",
        ),
    ] {
        room.say("ann", &format!("@otus {said}")).await;
        room.expect_reply(answer).await;
    }
    room.say("ann", "two owls").await;
    room.expect_reaction("owl").await;
}

#[tokio::test]
async fn the_start_hook_runs_when_the_robot_starts() {
    let forms = Forms::default();
    let started = forms.started.clone();
    let room = Room::with(forms);
    assert_eq!(started.load(Ordering::SeqCst), 0);
    room.robot().start();
    assert!(room.robot().stop(Duration::from_secs(10)).await);
    assert_eq!(started.load(Ordering::SeqCst), "otus".len());
}

#[tokio::test]
async fn a_method_can_be_called_as_it_was_written() {
    let call = |forms: Forms, cx: Context| async move { forms.greet(cx, None).await };
    // It is enough that this compiles: the attribute leaves the method alone.
    let _ = call;
}

#[test]
fn a_responder_is_made_from_its_section_of_the_configuration() {
    let registered = |name: &str| {
        Registration::all()
            .into_iter()
            .find(|one| one.spec.name == name)
            .unwrap()
    };
    let (resources, catalog) = (Resources::default(), otus::Catalog::default());
    let build = |name: &str, section: serde_json::Value| {
        let setup = Setup {
            section,
            resources: &resources,
            catalog: &catalog,
        };
        (registered(name).build)(&setup).map(|built| built.handlers.len())
    };
    assert_eq!(build("polly", serde_json::json!({ "word": "cracker" })), Ok(1));
    assert_eq!(build("forms", serde_json::json!({})), Ok(5));
    let fault = |name: &str, section| build(name, section).unwrap_err().to_string();
    assert_eq!(
        fault("polly", serde_json::json!({ "wrod": "cracker" })),
        "[responders.polly] unknown field `wrod`, expected `word`"
    );
    assert_eq!(
        fault("polly", serde_json::json!({ "word": "" })),
        "the responder polly cannot start: a parrot needs a word"
    );
    assert_eq!(
        build("forms", serde_json::json!({ "word": "" })),
        Err(StartError::Config {
            section: "responders.forms".into(),
            key: Some("word".into()),
            message: "the responder forms has no settings".into(),
        })
    );
}
