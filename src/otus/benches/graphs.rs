//! Fifty graphs asked for at once, while others go on talking to the robot: how long a `ping` takes meanwhile, and how much memory it all
//! takes. Everything is included (socket, claim on disk, query, drawing, upload), and the emulated Slack is in the same process, so that
//! its work with fifty pictures is measured with it. Prometheus is a server that has its answer ready: 4 series × 361 points.
//!
//! Budget: `ping` p99 ≤ 20 ms while they are drawn.

use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, routing::post};
use otus_core::{Robot, RobotConfig, responder::Built};
use otus_emulators::slack::{Options, Workspace};
use otus_monitoring::{Prometheus, PrometheusConfig, step::Rules};
use otus_responder_graphs::{Graphs, Settings};
use otus_slack::{Pace, Slack, SlackConfig};
use otus_store::{SqliteStore, StoreConfig};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

const GRAPHS: usize = 50;
const SOON: Duration = Duration::from_secs(120);

/// Answers every range query with the last hour of four services.
async fn prometheus() -> Result<String> {
    let answer = || async {
        let end = jiff::Timestamp::now().as_second() / 10 * 10;
        let mut body = String::from(r#"{"status":"success","data":{"resultType":"matrix","result":["#);
        for service in 0..4 {
            if service > 0 {
                body.push(',');
            }
            write!(body, r#"{{"metric":{{"service":"service-{service}"}},"values":["#).unwrap_or_default();
            for step in 0..=360 {
                let comma = if step > 0 { "," } else { "" };
                let value = f64::from(service + 1) * (1.0 + (f64::from(step) / 20.0).sin() / 2.0);
                let at = end - (360 - i64::from(step)) * 10;
                write!(body, r#"{comma}[{at},"{value}"]"#).unwrap_or_default();
            }
            body.push_str("]}");
        }
        body.push_str("]}}");
        ([("content-type", "application/json")], body)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let routes = Router::new().route("/api/v1/query_range", post(answer));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(url)
}

/// The most memory this process had resident so far, in MiB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}

/// Says `ping` and waits for the answer; `seen` counts those before it.
async fn ping(slack: &Workspace, seen: usize) -> Result<Duration> {
    let began = Instant::now();
    slack.say("ann", "#pings", "@otus ping")?;
    slack
        .wait_for(SOON, |world| {
            (world
                .messages("#pings")
                .filter(|message| message.from_app)
                .count()
                > seen)
                .then_some(())
        })
        .await?;
    Ok(began.elapsed())
}

fn shown(slack: &Workspace) -> usize {
    let is_picture = |message: &otus_emulators::slack::Message| {
        message.from_app && message.blocks.iter().any(|block| block["type"] == "image")
    };
    let all = slack.messages("#graphs");
    all.iter().filter(|message| is_picture(message)).count()
}

fn say(what: &str, mut times: Vec<Duration>) -> f64 {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{what:<34} {:>4} pings: p50 {:>6.2} ms   p99 {:>6.2} ms   most {:>6.2} ms",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    at(0.99)
}

#[tokio::main]
async fn main() -> Result {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let slack = Workspace::start(Options::default().channels(["graphs", "pings"])).await?;
    let config = PrometheusConfig {
        url: Some(prometheus().await?),
        ..PrometheusConfig::default()
    };
    let settings: Settings = toml::from_str(
        "[queries.latency]\nquery = \"x\"\nunit = \"seconds\"\nthreshold = 3\ntitle = \"Latency\"\n",
    )?;
    let graphs = Graphs::new(
        settings,
        Some(Arc::new(Prometheus::new(&config)?)),
        Rules::default(),
    )?;
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(&StoreConfig::at(folder.path().join("bench.sqlite"))).await?;
    let config = SlackConfig {
        api_url: slack.api_url(),
        bot_token: Some(slack.bot_token().into()),
        app_token: Some(slack.app_token().into()),
        sockets: 1,
        // The emulator does not limit.
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
        .responder(Built::new(graphs))
        .build(adapter.chat(), Arc::new(store))
        .map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            faults.join("\n")
        })?;
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (adapter, robot, stop) = (adapter.clone(), robot.clone(), stop.clone());
        async move { adapter.run(robot, stop).await }
    });
    slack.connected(1, SOON).await?;

    let mut seen = 0;
    let mut times = Vec::new();
    for _ in 0..200 {
        times.push(ping(&slack, seen).await?);
        seen += 1;
    }
    say("alone", times.split_off(50));
    let before = peak();

    let mut all = Vec::new();
    for round in 1..=3 {
        let done = shown(&slack) + GRAPHS;
        let began = Instant::now();
        for _ in 0..GRAPHS {
            slack.say("bob", "#graphs", "@otus graph latency")?;
        }
        let mut times = Vec::new();
        while shown(&slack) < done {
            times.push(ping(&slack, seen).await?);
            seen += 1;
            if began.elapsed() > SOON {
                return Err("the graphs do not come".into());
            }
        }
        let took = began.elapsed();
        println!("round {round}: {GRAPHS} graphs in {:.2} s", took.as_secs_f64());
        say("  meanwhile", times.clone());
        all.extend(times);
    }
    let p99 = say("meanwhile, all rounds", all);
    let ok = if p99 <= 20.0 { "within" } else { "OVER" };
    println!("ping p99 {p99:.2} ms, {ok} the budget of 20 ms");
    println!(
        "peak resident memory: {before:.1} MiB before, {:.1} MiB after, the emulated Slack with its {} pictures included",
        peak(),
        slack.files().len()
    );
    stop.cancel();
    running.await??;
    robot.stop(SOON).await;
    adapter.close(SOON).await;
    Ok(())
}
