//! `otus demo`: what Otus does, with nothing to configure. A Slack, a cluster and a Prometheus are emulated in this process;
//! the robot is connected to them as in production; a person types in the terminal, or opens the page in a browser.

mod alarm;
mod chat;
mod flags;
pub(crate) mod page;
mod screen;
mod shop;
mod tour;
mod view;
mod works;
pub(crate) mod world;

use crate::{
    cli::{Demo, on_runtime, refuse},
    config::{self, LogConfig, Origin},
    logs,
    run::Instance,
};
use anyhow::Context as _;
use chat::Chat;
use otus_emulators::slack::Options;
use screen::Screen;
use std::{
    fs::File,
    io::IsTerminal as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use world::World;

/// How long the robot may take to be there.
const SOON: Duration = Duration::from_secs(10);

/// Runs the demo.
pub(crate) fn main(demo: Demo) -> ExitCode {
    let folder = match folder(demo.dir.as_deref()) {
        Ok(folder) => folder,
        Err(error) => return refuse(&format!("{error:#}")),
    };
    on_runtime(async move {
        match run(demo, &folder).await {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => refuse(&format!(
                "the demo stopped: {error:#}. The log is {}",
                log(&folder).display()
            )),
        }
    })
}

/// Whether everything that was said was answered.
async fn run(demo: Demo, folder: &Path) -> anyhow::Result<bool> {
    let live = !demo.plain
        && demo.say.is_empty()
        && std::io::stdout().is_terminal()
        && std::io::stdin().is_terminal();
    let mut world = World::start(Options::default()).await?;
    let robot = robot(&mut world).await?;
    let wanted = !demo.no_page && (demo.say.is_empty() || demo.page.is_some());
    let page = match wanted {
        true => Some(page::serve(&world, &robot, demo.page.unwrap_or(0)).await?),
        false => None,
    };
    let mut screen = Screen::new(std::io::stdout(), live);
    screen.note(&banner(folder));
    if let Some(page) = &page {
        screen.note(&format!("The same in your browser: {}", page.url()));
    }
    let mut chat = Chat::new(&world, &robot, screen, folder.to_owned());
    let mut outcome = if demo.say.is_empty() {
        chat.talk(demo.page.is_some()).await
    } else {
        chat.recite(&demo.say).await
    };
    // Who asked for a page keeps it.
    if demo.page.is_some() && !demo.say.is_empty() && matches!(outcome, Ok(true)) {
        outcome = Ok(chat.stay().await);
    }
    chat.close();
    drop(page);
    robot.stop().await;
    outcome
}

/// The robot of this process, connected to that world.
async fn robot(world: &mut World) -> anyhow::Result<Instance> {
    let layers = world.layers().iter();
    let origin = Origin {
        program: layers.map(|text| ("the demo", text.clone())).collect(),
        ..Origin::default()
    };
    let settings = config::load(&origin).runnable()?;
    let robot = Instance::start(settings, &CancellationToken::new()).await?;
    tokio::time::timeout(SOON, robot.connected())
        .await
        .context("the robot did not connect to the emulated Slack")?;
    world.robot_at(robot.address())?;
    Ok(robot)
}

fn banner(folder: &Path) -> String {
    format!(
        "\
Otus demo. Slack, a Kubernetes cluster and Prometheus are emulated in this process; nothing leaves this machine.
You are {person} in {channel}, and what you type is said to @otus (the demo puts the @otus before it).
`!1` presses the button [!1 …], `> words` says words to the channel only, `quit` or ctrl-D leaves.
A line that begins with `{colleague}:` is said, or its button pressed, by {colleague}, who is an SRE.
Pictures and the log are kept in {folder}

Try:
  deploy api to staging         a new version, live in seconds
  status                        what runs where
  graph latency 1h for api      a slow release an hour ago, and the one that cured it
  deploy api@crash to staging   a version that crashes: why, in seconds
  deploy web@missing to staging one whose image is missing
  deplyo api to staging         a typo
  deploy api to production      asks {colleague} first: `{colleague}: !1` presses its Approve button
  lock web for 10m because I am testing, then `{colleague}: deploy web to staging`
  who can deploy api to production
  flag new-search on for 25%    a feature for some; `flags`, `flag new-search`, `flags diff staging production`
  help
",
        person = world::PERSON,
        colleague = world::COLLEAGUE,
        channel = world::CHANNEL,
        folder = folder.display(),
    )
}

/// Where pictures and the log are kept; the log begins.
fn folder(wanted: Option<&Path>) -> anyhow::Result<PathBuf> {
    let folder = match wanted {
        Some(wanted) => wanted.to_owned(),
        None => std::env::temp_dir().join(format!("otus-demo-{}", std::process::id())),
    };
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let log = log(&folder);
    let file = File::create(&log).with_context(|| format!("the file {} cannot be written", log.display()))?;
    logs::init(&LogConfig::default(), logs::Target::File(file), None);
    logs::log_panics();
    Ok(folder)
}

fn log(folder: &Path) -> PathBuf {
    folder.join("otus.log")
}
