//! How soon an event is acknowledged: at 1,000 events a second, and in a burst of 2,000, against the emulated Slack, beside
//! slack-morphism's own listener in the same run. Budget: p99 at most 5 ms at 1,000 events a second.
//!
//! The latency is measured by the emulated Slack, from when it queues an event to when it has read the acknowledgement,
//! so both sides' work and the loopback are in it. Both listeners run alone, one after the other, twice.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use otus_core::{Message, Receipt};
use otus_emulators::slack::{Options, Workspace};
use otus_slack::{Ear, Slack, SlackConfig};
use slack_morphism::prelude::*;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

const RATE: u64 = 1_000;
const SECONDS: u64 = 5;
const BURST: u64 = 2_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// Hears and forgets.
struct Deaf;

impl Ear for Deaf {
    fn hear(&self, message: Message, mut receipt: Receipt) {
        std::hint::black_box(message);
        receipt.give();
    }
}

struct Figures {
    paced: [Duration; 3],
    burst: [Duration; 3],
    burst_in: Duration,
}

#[tokio::main]
async fn main() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("the first provider to be installed");
    println!(
        "{:<16} {:>31}   {:>45}",
        "",
        format!("{RATE}/s for {SECONDS} s"),
        format!("burst of {BURST}")
    );
    println!(
        "{:<16} {:>9} {:>10} {:>10}   {:>9} {:>10} {:>10} {:>13}",
        "", "p50", "p99", "max", "p50", "p99", "max", "all within"
    );
    let mut ratios = Vec::new();
    for _ in 0..2 {
        let otus = otus().await;
        show("otus", &otus);
        let other = slack_morphism().await;
        show("slack-morphism", &other);
        ratios.push((
            ratio(&other.paced[1], &otus.paced[1]),
            ratio(&other.burst[1], &otus.burst[1]),
        ));
    }
    for (paced, burst) in ratios {
        println!("p99 of slack-morphism / p99 of otus: {paced:.1} paced, {burst:.1} in a burst");
    }
}

fn ratio(theirs: &Duration, ours: &Duration) -> f64 {
    theirs.as_secs_f64() / ours.as_secs_f64()
}

fn show(name: &str, figures: &Figures) {
    let [p50, p99, max] = figures.paced;
    let [burst50, burst99, burst_max] = figures.burst;
    let all = figures.burst_in;
    println!(
        "{name:<16} {p50:>9.2?} {p99:>10.2?} {max:>10.2?}   {burst50:>9.2?} {burst99:>10.2?} {burst_max:>10.2?} {all:>13.2?}"
    );
}

async fn otus() -> Figures {
    let workspace = workspace().await;
    let slack = Slack::connect(SlackConfig {
        api_url: workspace.api_url(),
        bot_token: Some(workspace.bot_token().into()),
        app_token: Some(workspace.app_token().into()),
        ..SlackConfig::default()
    })
    .await
    .expect("the emulated Slack accepts its own tokens");
    let stop = CancellationToken::new();
    let (runner, token) = (slack, stop.clone());
    let running = tokio::spawn(async move { runner.run(Deaf, token).await });
    let figures = measure(&workspace).await;
    stop.cancel();
    running
        .await
        .expect("the adapter does not panic")
        .expect("a stop is no error");
    figures
}

async fn slack_morphism() -> Figures {
    let workspace = workspace().await;
    let https = hyper_rustls::HttpsConnectorBuilder::new()
        .with_native_roots()
        .expect("this machine has certificates")
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .build();
    let connector = SlackClientHyperConnector::from(https).with_slack_api_url(&workspace.api_url());
    let client = Arc::new(SlackClient::new(connector));
    let callbacks = SlackSocketModeListenerCallbacks::new().with_push_events(forget);
    let listener = SlackClientSocketModeListener::new(
        &SlackClientSocketModeConfig::new()
            .with_max_connections_count(2)
            .with_initial_backoff_in_seconds(1),
        Arc::new(SlackClientEventsListenerEnvironment::new(client)),
        callbacks,
    );
    let token = SlackApiToken::new(workspace.app_token().into());
    listener
        .listen_for(&token)
        .await
        .expect("the emulated Slack accepts its own token");
    listener.start().await;
    let figures = measure(&workspace).await;
    listener.shutdown().await;
    figures
}

async fn forget(
    event: SlackPushEventCallback,
    _client: Arc<SlackHyperClient>,
    _state: SlackClientEventsUserState,
) -> UserCallbackResult<()> {
    std::hint::black_box(event);
    Ok(())
}

async fn workspace() -> Workspace {
    Workspace::start(Options::default())
        .await
        .expect("a loopback port is free")
}

async fn measure(workspace: &Workspace) -> Figures {
    workspace.connected(2, PATIENCE).await.expect("both sockets open");
    let say = |number: u64| {
        workspace
            .say("ann", "#general", &format!("word {number}"))
            .expect("ann is in #general");
    };
    // Warm.
    for number in 0..200 {
        say(number);
    }
    let warm = quiet(workspace, 0).await.0;

    let mut tick = interval(Duration::from_secs(1) / RATE as u32);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0..RATE * SECONDS {
        tick.tick().await;
        say(number);
    }
    let (after_paced, paced) = quiet(workspace, warm).await;

    let started = Instant::now();
    for number in 0..BURST {
        say(number);
    }
    let (_, burst) = quiet(workspace, after_paced).await;
    Figures {
        paced,
        burst,
        burst_in: started.elapsed(),
    }
}

/// Waits until all is acknowledged; the number of acknowledgements, and the figures of those after the first `skip`.
async fn quiet(workspace: &Workspace, skip: usize) -> (usize, [Duration; 3]) {
    workspace
        .quiet(PATIENCE)
        .await
        .expect("everything is acknowledged");
    let stats = workspace.stats();
    assert_eq!(
        (stats.unacked, stats.given_up),
        (0, 0),
        "something was not acknowledged in time"
    );
    let mut latencies = stats.ack_latencies[skip..].to_vec();
    latencies.sort_unstable();
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part).round() as usize];
    (stats.ack_latencies.len(), [at(0.5), at(0.99), at(1.0)])
}
