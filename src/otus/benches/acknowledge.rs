//! How soon an event is acknowledged that the robot keeps first: 1,000 events a second that all concern it, each with its claim and
//! its message durable before Slack hears of it. Budget: p99 at most 5 ms. The latency is measured by the emulated Slack, from when it
//! queues an event to when it has read the acknowledgement, so both sides' work and the loopback are in it.
//!
//! Baseline, in the same run: an ear that keeps nothing.

use otus_core::{Message, Receipt, Robot, RobotConfig, Store, prelude::*, responder::Built};
use otus_emulators::{
    real::RealPostgres,
    slack::{Options, Workspace},
};
use otus_slack::{Ear, Slack, SlackConfig};
use otus_store::StoreConfig;
use std::{sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

extern crate otus_core as otus;

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

const RATE: u32 = 1_000;
const SECONDS: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(60);

/// Listens to everything and says nothing.
#[derive(Default)]
struct Listener;

#[responder]
impl Listener {
    /// Hears a word.
    #[hear(r"\bword\b")]
    async fn word(&self, _cx: Context) -> otus::Result {
        Ok(())
    }
}

/// Hears and forgets.
struct Deaf;

impl Ear for Deaf {
    fn hear(&self, message: Message, mut receipt: Receipt) {
        std::hint::black_box(message);
        receipt.give();
    }
}

async fn measure(name: &str, ear: impl FnOnce(&Slack) -> Result<Robot>) -> Result<Duration> {
    let (workspace, slack) = connect().await?;
    let robot = ear(&slack)?;
    let p99 = listen(name, &workspace, slack, robot.clone()).await?;
    robot.stop(PATIENCE).await;
    Ok(p99)
}

async fn connect() -> Result<(Workspace, Slack)> {
    let workspace = Workspace::start(Options::default()).await?;
    let slack = Slack::connect(SlackConfig {
        api_url: workspace.api_url(),
        bot_token: Some(workspace.bot_token().into()),
        app_token: Some(workspace.app_token().into()),
        ..SlackConfig::default()
    })
    .await?;
    Ok((workspace, slack))
}

async fn listen(name: &str, workspace: &Workspace, slack: Slack, ear: impl Ear) -> Result<Duration> {
    let stop = CancellationToken::new();
    let token = stop.clone();
    let running = tokio::spawn(async move { slack.run(ear, token).await });
    workspace.connected(2, PATIENCE).await?;
    let mut tick = interval(Duration::from_secs(1) / RATE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let warm = RATE / 5;
    for number in 0..warm + RATE * SECONDS {
        tick.tick().await;
        workspace.say("ann", "#general", &format!("word {number}"))?;
    }
    workspace.quiet(PATIENCE).await?;
    let stats = workspace.stats();
    let mut latencies = stats.ack_latencies[warm as usize..].to_vec();
    latencies.sort_unstable();
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize];
    println!(
        "{name:<12} p50 {:>9.2?}   p99 {:>9.2?}   max {:>9.2?}   unacknowledged {}",
        at(0.5),
        at(0.99),
        at(1.0),
        stats.unacked
    );
    stop.cancel();
    running.await??;
    Ok(at(0.99))
}

fn robot(slack: &Slack, store: Arc<dyn Store>) -> Result<Robot> {
    Robot::builder(RobotConfig::default())
        .responder(Built::new(Listener))
        .build(slack.chat(), store)
        .map_err(|faults| format!("{faults:?}").into())
}

#[tokio::main]
async fn main() -> Result {
    let _ = rustls::crypto::ring::default_provider().install_default();
    println!("{RATE} events a second for {SECONDS} s");
    let server = tokio::task::spawn_blocking(RealPostgres::start).await??;
    for _ in 0..2 {
        let (workspace, slack) = connect().await?;
        let nothing = listen("kept nowhere", &workspace, slack, Deaf).await?;
        let folder = tempfile::tempdir()?;
        let file = otus_store::open(&StoreConfig::at(folder.path().join("otus.sqlite"))).await?;
        let sqlite = measure("sqlite", |slack| robot(slack, file.clone())).await?;
        let database = otus_store::open(&StoreConfig::on(server.fresh()?)).await?;
        let postgres = measure("postgresql", |slack| robot(slack, database.clone())).await?;
        let times = |p99: Duration| p99.as_secs_f64() / nothing.as_secs_f64();
        println!(
            "p99 against keeping nothing: sqlite {:.1} times, postgresql {:.1} times",
            times(sqlite),
            times(postgres)
        );
        file.close().await?;
        database.close().await?;
    }
    Ok(())
}
