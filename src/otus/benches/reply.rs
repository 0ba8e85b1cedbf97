//! From a message in Slack to the robot's reply, everything included: socket, acknowledgement, claim on disk, routing, handler,
//! Web API. The other side is the emulated Slack in the same process, so half of what is measured is the emulator's work.
//!
//! Baseline, in the same run: the smallest ping bot one can write with slack-morphism alone, which claims nothing.
//!
//! - closed loop: people who each say the next `ping` when the last one is answered. Budget: at least the baseline's rate, although
//!   every event is claimed durably.
//! - open loop: 50 messages a second. The budget is Otus' *own* time, p99 ≤ 2 ms: what it takes beyond what the
//!   emulator and the loopback take is at most the whole measured here.

use otus_core::{Message, Robot, RobotConfig, responder::Built};
use otus_emulators::slack::{Options, Workspace};
use otus_slack::{Pace, Slack, SlackConfig};
use otus_store::{SqliteStore, StoreConfig};
use slack_morphism::prelude::*;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

const LANES: usize = 8;
const EACH: usize = 250;
const SOON: Duration = Duration::from_secs(30);

async fn workspace() -> Result<Workspace> {
    let channels: Vec<String> = (0..LANES).map(|lane| format!("lane{lane}")).collect();
    Ok(Workspace::start(Options::default().channels(channels)).await?)
}

/// Says `ping` in a channel and waits for the answer; `seen` counts the app's messages there.
async fn round_trip(slack: &Workspace, channel: &str, seen: usize) -> Result<Duration> {
    let began = Instant::now();
    slack.say("ann", channel, "@otus ping")?;
    slack
        .wait_for(SOON, |world| {
            (world.messages(channel).filter(|message| message.from_app).count() > seen).then_some(())
        })
        .await?;
    Ok(began.elapsed())
}

/// Messages answered per second, with every lane waiting for its answer before it asks again.
async fn closed_loop(slack: &Workspace) -> Result<f64> {
    let lane = |lane: usize, rounds: usize, from: usize| {
        let (slack, channel) = (slack.clone(), format!("#lane{lane}"));
        tokio::spawn(async move {
            for round in 0..rounds {
                round_trip(&slack, &channel, from + round).await?;
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        })
    };
    for task in (0..LANES).map(|at| lane(at, 10, 0)).collect::<Vec<_>>() {
        task.await??;
    }
    let began = Instant::now();
    for task in (0..LANES).map(|at| lane(at, EACH, 10)).collect::<Vec<_>>() {
        task.await??;
    }
    Ok((LANES * EACH) as f64 / began.elapsed().as_secs_f64())
}

/// Round trips at 50 messages a second, sorted.
async fn open_loop(slack: &Workspace) -> Result<Vec<Duration>> {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let mut seen: Vec<usize> = (0..LANES)
        .map(|lane| {
            slack
                .messages(&format!("#lane{lane}"))
                .iter()
                .filter(|message| message.from_app)
                .count()
        })
        .collect();
    let mut asked = Vec::new();
    for at in 0..400 {
        tick.tick().await;
        let lane = at % LANES;
        let (slack, channel, before) = (slack.clone(), format!("#lane{lane}"), seen[lane]);
        seen[lane] += 1;
        asked.push(tokio::spawn(
            async move { round_trip(&slack, &channel, before).await },
        ));
    }
    let mut times = Vec::new();
    for task in asked {
        times.push(task.await??);
    }
    times.sort();
    Ok(times)
}

fn say(who: &str, rate: f64, times: &[Duration]) {
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{who:<28} closed loop {rate:>7.0} replies/s   at 50/s: p50 {:>6.2} ms   p99 {:>6.2} ms",
        at(0.5),
        at(0.99)
    );
}

async fn otus(slack: &Workspace) -> Result<(f64, Vec<Duration>)> {
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(&StoreConfig::at(folder.path().join("bench.sqlite"))).await?;
    let config = SlackConfig {
        api_url: slack.api_url(),
        bot_token: Some(slack.bot_token().into()),
        app_token: Some(slack.app_token().into()),
        sockets: 1,
        // The emulator does not limit, and the baseline does not pace itself.
        pace: Pace {
            posts_per_second: 1e6,
            post_burst: 1_000_000,
            ..Pace::default()
        },
        ..SlackConfig::default()
    };
    let adapter = Slack::connect(config).await?;
    let robot = Robot::builder(RobotConfig::default())
        .responder(Built::new(otus_responder_basics::Basics))
        .build(adapter.chat(), Arc::new(store))
        .map_err(|faults| {
            faults
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        })?;
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (adapter, robot, stop) = (adapter.clone(), robot.clone(), stop.clone());
        async move { adapter.run(robot, stop).await }
    });
    slack.connected(1, SOON).await?;
    let rate = closed_loop(slack).await?;
    let times = open_loop(slack).await?;
    stop.cancel();
    running.await??;
    robot.stop(SOON).await;
    adapter.close(SOON).await;
    Ok((rate, times))
}

/// What Otus itself takes between its adapter handing a message in and its reply being handed out.
async fn own_time() -> Result<Vec<Duration>> {
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(&StoreConfig::at(folder.path().join("own.sqlite"))).await?;
    let chat = Arc::new(otus_core::room::RoomChat::default());
    let robot = Robot::builder(RobotConfig::default())
        .responder(Built::new(otus_responder_basics::Basics))
        .build(chat.clone(), Arc::new(store))
        .map_err(|faults| {
            faults
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        })?;
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let mut times = Vec::new();
    for at in 0..400 {
        tick.tick().await;
        let key = otus_core::EventKey {
            id: format!("Ev{at}"),
            also: Some(format!("C:{at}")),
        };
        let message = Message::said(key, "C".into(), format!("{at}.1").into(), "U".into(), "otus ping");
        let began = Instant::now();
        robot.receive(message);
        chat.wait(otus_core::room::RoomChat::take_unexpected).await;
        times.push(began.elapsed());
    }
    times.sort();
    Ok(times)
}

async fn on_push(
    event: SlackPushEventCallback,
    client: Arc<SlackHyperClient>,
    states: SlackClientEventsUserState,
) -> UserCallbackResult<()> {
    let token = states
        .read()
        .await
        .get_user_state::<SlackApiToken>()
        .cloned()
        .ok_or("no token")?;
    if let SlackEventCallbackBody::AppMention(mention) = event.event {
        let post = SlackApiChatPostMessageRequest::new(
            mention.channel,
            SlackMessageContent::new().with_text("pong".into()),
        );
        client.open_session(&token).chat_post_message(&post).await?;
    }
    Ok(())
}

async fn bare(slack: &Workspace) -> Result<(f64, Vec<Duration>)> {
    let https = hyper_rustls::HttpsConnectorBuilder::new()
        .with_native_roots()?
        .https_or_http()
        .enable_http1()
        .build();
    let connector = SlackClientHyperConnector::from(https).with_slack_api_url(&slack.api_url());
    let client = Arc::new(SlackClient::new(connector));
    let token = |text: String| SlackApiToken::new(text.into());
    let environment =
        Arc::new(SlackClientEventsListenerEnvironment::new(client).with_user_state(token(slack.bot_token())));
    let callbacks = SlackSocketModeListenerCallbacks::new().with_push_events(on_push);
    let config = SlackClientSocketModeConfig::new().with_max_connections_count(1);
    let listener = SlackClientSocketModeListener::new(&config, environment, callbacks);
    listener.listen_for(&token(slack.app_token())).await?;
    listener.start().await;
    slack.connected(1, SOON).await?;
    let rate = closed_loop(slack).await?;
    let times = open_loop(slack).await?;
    listener.shutdown().await;
    Ok((rate, times))
}

#[tokio::main]
async fn main() -> Result {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let own = own_time().await?;
    println!(
        "Otus' own time at 50/s, claims durable: p50 {:.2} ms   p99 {:.2} ms   (budget p99 2 ms)",
        own[own.len() / 2].as_secs_f64() * 1e3,
        own[(own.len() - 1) * 99 / 100].as_secs_f64() * 1e3
    );
    let (mut ratio, mut rounds) = (0.0, 0.0);
    for round in 1..=3 {
        println!("round {round}");
        let (base, times) = bare(&workspace().await?).await?;
        say("bare slack-morphism ping bot", base, &times);
        let (rate, times) = otus(&workspace().await?).await?;
        say("Otus, claims durable", rate, &times);
        (ratio, rounds) = (ratio + rate / base, rounds + 1.0);
    }
    println!(
        "Otus / baseline, closed loop, mean of {rounds:.0} rounds: {:.2} ×  (budget ≥ 1)",
        ratio / rounds
    );
    Ok(())
}
