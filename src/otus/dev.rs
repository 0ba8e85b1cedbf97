//! `otus dev`: the workbench of whoever writes responders. The demo's page and everything emulated are in this process; the robot is
//! a process of its own, built again and started again when a file changes. What was said stays, since Slack and the store live on here.
//!
//! | what | where |
//! |---|---|
//! | what is built and run | `making.rs` |
//! | which files changed | `files.rs` |
//! | the robot's configuration | `settings.rs` |
//! | processes that end with all they began | `process.rs` |
//! | what the terminal and the page are told | `board.rs` |

mod board;
mod files;
mod making;
mod process;
mod settings;

use crate::{
    cli::{on_runtime, print, refuse},
    config::LogConfig,
    demo::{
        page,
        world::{CHANNEL, World},
    },
    logs,
};
use board::Board;
use clap::Args;
use files::Files;
use making::{Made, Making};
use otus_demo_page::Stage;
use otus_emulators::slack::{Options, What, Workspace};
use process::Process;
use settings::Config;
use std::{
    future::Future,
    path::PathBuf,
    pin::Pin,
    process::{ExitCode, ExitStatus},
    time::{Duration, Instant},
};

/// How long a robot may take to end in order: a little more than it takes at most by itself.
const STOPPING: Duration = Duration::from_secs(28);
/// What is said while no robot listens is brought again so often, a second apart.
const AGAIN: usize = 120;
/// So many changed files are named.
const NAMED: usize = 3;

#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// The folder of a crate, of Otus' sources, or of executables; otherwise this one
    folder: Option<PathBuf>,
    /// Which program is the robot, where the crate has several
    #[arg(long, value_name = "NAME", conflicts_with = "command")]
    bin: Option<String>,
    /// Said to the shell before the command is run, which it is only when this goes well
    #[arg(long, value_name = "COMMAND", requires = "command")]
    build: Option<String>,
    /// Settings of your own, over the demo's; otherwise config/dev.toml in the folder, if it is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the page listens on this machine; otherwise a free port
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    page: u16,
    /// Runs this command as the robot; {config} in it is the file of its configuration
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Works until it is asked to end.
pub(crate) fn main(dev: Dev) -> ExitCode {
    let log = LogConfig {
        filter: "warn".into(),
        ..LogConfig::default()
    };
    logs::init(&log, logs::Target::Stderr, None);
    logs::log_panics();
    on_runtime(async move {
        match run(dev).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => refuse(&format!("{error:#}")),
        }
    })
}

async fn run(dev: Dev) -> anyhow::Result<()> {
    let mut wishes = process::wishes();
    let folder = dev.folder.unwrap_or_else(|| ".".into());
    let making = Making::of(&folder, dev.bin, dev.build, dev.command)?;
    let seconds = std::iter::repeat_n(Duration::from_secs(1), AGAIN);
    let mut world = World::start(Options::default().retry_delays(seconds)).await?;
    let own = match dev.config {
        Some(own) => {
            anyhow::ensure!(own.exists(), "{} is not there", own.display());
            own
        }
        None => making.folder().join(settings::OWN),
    };
    let executables = making.lives().then(|| making.folder());
    let config = Config::new(world.layers(), executables, own, world.folder().join("otus.toml"))?;
    world.robot_at(config.http)?;
    let board = Board::new(making.what());
    let mut page = page::page(&world);
    page.bench = Some(board.watch());
    let listener = page::listener(dev.page, "choose another with --page").await?;
    let served = otus_demo_page::serve(page, listener)?;
    print(&format!(
        "\
Otus workbench. Slack, a Kubernetes cluster and Prometheus are emulated in this process; the robot is built and run beside it.
{what}
Talk to it in your browser, in {CHANNEL}: {url}
A changed file is a new build; the conversation stays. Ctrl-C ends everything.
",
        what = making.what(),
        url = served.url(),
    ));
    let mut bench = Work {
        slack: world.slack.clone(),
        files: Files::below(making.folder()),
        making,
        config,
        board,
        robot: None,
        made: None,
        arriving: None,
    };
    bench.work(&mut wishes).await;
    if let Some(robot) = bench.robot.take() {
        tokio::select! {
            () = robot.end(STOPPING) => {}
            // Asked twice, it ends at once.
            _ = wishes.recv() => {}
        }
    }
    drop(served);
    Ok(())
}

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A robot at work on, and all that goes on about it.
struct Work {
    slack: Workspace,
    making: Making,
    config: Config,
    files: Files,
    board: Board,
    robot: Option<Process>,
    /// What runs, or ran last.
    made: Option<Made>,
    /// Ends when the robot that was started is there.
    arriving: Option<Task<()>>,
}

impl Work {
    /// Until somebody wishes that it ends.
    async fn work(&mut self, wishes: &mut tokio::sync::mpsc::Receiver<()>) {
        let mut building = Some(self.build());
        loop {
            tokio::select! {
                _ = wishes.recv() => return,
                changed = self.files.changed() => {
                    // A build of what was is of no use to anybody.
                    if let Some(again) = self.changed(&changed) {
                        building = Some(again);
                    }
                }
                built = waited(&mut building) => {
                    building = None;
                    self.files.made("Cargo.lock");
                    tokio::select! {
                        () = self.built(built) => {}
                        _ = wishes.recv() => return,
                    }
                }
                ended = ended(&mut self.robot) => {
                    self.robot = None;
                    self.arriving = None;
                    self.down(ended, building.is_some());
                }
                () = waited(&mut self.arriving) => {
                    self.arriving = None;
                    if building.is_none() {
                        self.board.tell(Stage::Up, "The robot answers.".to_owned());
                    }
                }
            }
        }
    }

    /// Begins to build.
    fn build(&mut self) -> Task<Result<Made, String>> {
        self.board.clear();
        self.board.tell(
            Stage::Building,
            match self.robot {
                Some(_) => "Building; the robot from before answers meanwhile.".to_owned(),
                None => "Building.".to_owned(),
            },
        );
        let began = Instant::now();
        let (making, board) = (self.making.clone(), self.board.clone());
        Box::pin(async move {
            let built = making.build(board.build()).await;
            if built.is_ok() {
                board.note(format!("Built in {:.1} s.", began.elapsed().as_secs_f64()));
            }
            built
        })
    }

    /// What a change asks for: a build, or nothing but another look of the robot's.
    fn changed(&mut self, names: &[String]) -> Option<Task<Result<Made, String>>> {
        let mut named = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        if names.len() > NAMED {
            named = format!("{named} and {} more", names.len() - NAMED);
        }
        match self.config.write() {
            Err(why) => {
                self.board.tell(Stage::Refused, format!("{why:#}."));
                return None;
            }
            Ok(changed) => {
                if let Some(robot) = &mut self.robot
                    && (changed || self.making.lives())
                {
                    robot.look();
                }
            }
        }
        if self.making.lives() && self.robot.is_some() {
            self.board.tell(
                Stage::Up,
                format!("Changed: {named}. The robot's log says what came of it."),
            );
            return None;
        }
        self.board.note(format!("Changed: {named}."));
        Some(self.build())
    }

    /// Lets what was built take the place of what runs.
    async fn built(&mut self, built: Result<Made, String>) {
        let made = match built {
            Ok(made) => made,
            Err(why) => {
                let meanwhile = match self.robot {
                    Some(_) => "the robot from before goes on answering",
                    None => "there is no robot until it does",
                };
                let told = format!("It is not built, and {meanwhile}: {why}.");
                return self.board.tell(Stage::Refused, told);
            }
        };
        let same = self.making.is_known() && self.made.as_ref() == Some(&made);
        if same && self.robot.is_some() {
            let told = "The program is the same as before, and goes on.".to_owned();
            return self.board.tell(Stage::Up, told);
        }
        if let Some(before) = self.robot.take() {
            self.arriving = None;
            self.board.tell(
                Stage::Starting,
                "The robot from before comes to its end.".to_owned(),
            );
            before.end(STOPPING).await;
        }
        let seen = self.slack.journal(0).last().map_or(0, |entry| entry.n);
        let command = self.making.run(&made, self.config.file());
        let ear = self.board.robot();
        match Process::start(command, &ear, &ear) {
            Ok(robot) => {
                self.robot = Some(robot);
                self.arriving = Some(Box::pin(arrival(self.slack.clone(), seen)));
                self.board
                    .tell(Stage::Starting, "The robot is started.".to_owned());
            }
            Err(error) => self
                .board
                .tell(Stage::Down, format!("The robot cannot be started: {error}.")),
        }
        self.made = Some(made);
    }

    /// Tells that the robot ended by itself.
    fn down(&mut self, ended: std::io::Result<ExitStatus>, building: bool) {
        let how = match ended {
            Ok(status) => format!("The robot ended by itself, with {status}"),
            Err(error) => format!("The robot was lost ({error})"),
        };
        if building {
            self.board
                .note(format!("{how}. The one that is being built takes its place."));
        } else {
            let told = format!("{how}; its log says why. It is started again when a file changes.");
            self.board.tell(Stage::Down, told);
        }
    }
}

/// What comes of a task; never, where there is none.
async fn waited<T>(task: &mut Option<Task<T>>) -> T {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}

/// How a robot ended; never, where there is none.
async fn ended(robot: &mut Option<Process>) -> std::io::Result<ExitStatus> {
    match robot {
        Some(robot) => robot.ended().await,
        None => std::future::pending().await,
    }
}

/// Waits until a robot listens to Slack.
async fn arrival(slack: Workspace, mut seen: u64) {
    loop {
        let new = slack.entries_after(seen).await;
        if new
            .iter()
            .any(|entry| matches!(entry.what, What::SocketOpened { .. }))
        {
            return;
        }
        seen = new.last().map_or(seen, |entry| entry.n);
    }
}
