//! Purpose: how much a server bears: OFREP requests a second, all flags at once, and many who only listen.
//!
//! `cargo run --release -p otus-flags --example load [<listeners>]`. Server and clients share the machine, so what is seen is the least it
//! bears. Those who listen are in a process
//! of their own; each needs an open file there and here (`ulimit -n`). Where a real Unleash is installed, its frontend API is asked in the same way.

use otus_emulators::real::RealUnleash;
use otus_flags::{
    Author, Definition, Edit, Flags, MemoryFlagStore,
    serve::{ClientConfig, FlagsConfig, routes},
};
use serde_json::json;
use std::{
    net::SocketAddr,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const TOKEN: &str = "token";
/// What says that it is the process of those who listen.
const LISTEN: &str = "listen";
const SECONDS: u64 = 5;
const CONNECTIONS: usize = 32;

#[tokio::main]
async fn main() -> Result {
    // Whoever was first is right.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let said: Vec<String> = std::env::args().skip(1).collect();
    if let [word, address, count] = said.as_slice()
        && word == LISTEN
    {
        return listen(address, count.parse()?).await;
    }
    let listeners = said.first().map_or(Ok(1_000), |count| count.parse::<usize>())?;
    let flags = Flags::start(Arc::new(MemoryFlagStore::new())).await?;
    for at in 0..200 {
        switch(&flags, &format!("flag-{at}"), at % 2 == 0).await?;
    }
    let client = ClientConfig {
        set: "production".into(),
        token: TOKEN.into(),
        token_file: None,
        documents: false,
    };
    let config = FlagsConfig {
        clients: [("load".to_owned(), client)].into(),
        requests_per_second: 0,
        streams: 1_000_000,
        ..FlagsConfig::default()
    };
    // Without this, each connection gets tables of its own.
    let app = routes(flags.clone(), &config, CancellationToken::new())
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(axum::serve(listener, app).into_future());

    requests(&address, "one flag", &ofrep("/ofrep/v1/evaluate/flags/flag-0")).await?;
    requests(&address, "200 flags", &ofrep("/ofrep/v1/evaluate/flags")).await?;
    unleash().await?;
    idle(&flags, &address, listeners).await
}

/// The same 200 flags in Unleash, asked for by its frontend API: all that are on for somebody.
async fn unleash() -> Result {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/unleash");
    if let Err(how) = RealUnleash::installed(&folder) {
        println!("{how}");
        return Ok(());
    }
    let server = RealUnleash::start(&folder).await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let features = format!("{}/api/admin/projects/default/features", server.url());
    let send = async |path: &str, body: serde_json::Value| {
        let url = format!("{features}{path}");
        let answer = http
            .post(url)
            .header("authorization", server.token())
            .json(&body)
            .send()
            .await?;
        answer.error_for_status().map(drop)
    };
    for at in 0..200 {
        let strategy = json!({
            "name": "flexibleRollout", "constraints": [],
            "parameters": { "rollout": "50", "stickiness": "default", "groupId": format!("flag-{at}") },
        });
        send("", json!({ "name": format!("flag-{at}"), "type": "release" })).await?;
        send(
            &format!("/flag-{at}/environments/development/strategies"),
            strategy,
        )
        .await?;
        send(&format!("/flag-{at}/environments/development/on"), json!({})).await?;
    }
    let asked = format!("{}/api/frontend?userId=user-4711", server.url());
    // It reads what was changed every few seconds.
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = http
            .get(&asked)
            .header("authorization", server.frontend_token())
            .send()
            .await?;
        let value: serde_json::Value = answer.json().await?;
        let on = value["toggles"].as_array().map_or(0, Vec::len);
        if on >= 50 {
            break;
        }
        if Instant::now() > deadline {
            return Err(format!("Unleash serves {on} flags of 200").into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let address = server.url().trim_start_matches("http://").to_owned();
    let request = format!(
        "GET /api/frontend?userId=user-4711 HTTP/1.1\r\nHost: unleash\r\nAuthorization: {}\r\n\r\n",
        server.frontend_token()
    );
    requests(&address, "200 flags, Unleash's frontend API", &request).await
}

async fn switch(flags: &Flags, key: &str, on: bool) -> Result {
    let mut definition = Definition::switch(on);
    definition.targeting = Some(
        json!({"if": [{"ends_with": [{"var": "email"}, "@example.com"]}, "on", {"fractional": [["on", 10], ["off", 90]]}]}),
    );
    let edit = Edit::Put {
        key: key.into(),
        definition,
    };
    let author = Author {
        by: "load".into(),
        reason: None,
        at: jiff::Timestamp::now(),
        operation: None,
    };
    flags.change("production", &edit, &author).await?;
    Ok(())
}

fn ofrep(path: &str) -> String {
    let body = r#"{"context":{"targetingKey":"user-4711","email":"ann@other.org","country":"de"}}"#;
    format!(
        "POST {path} HTTP/1.1\r\nHost: otus\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// As many as there can be, on a few connections.
async fn requests(address: &str, what: &str, request: &str) -> Result {
    let count = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + Duration::from_secs(SECONDS);
    let mut running = Vec::new();
    for _ in 0..CONNECTIONS {
        let (request, count) = (request.to_owned(), count.clone());
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        running.push(tokio::spawn(async move {
            let mut buffer = vec![0; 256 * 1024];
            while Instant::now() < end {
                stream.write_all(request.as_bytes()).await?;
                answer(&mut stream, &mut buffer).await?;
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        }));
    }
    for one in running {
        one.await??;
    }
    println!("{what}: {} requests/s", count.load(Ordering::Relaxed) / SECONDS);
    Ok(())
}

/// Reads one answer to its end.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result {
    let mut held = 0;
    let mut whole = None;
    loop {
        held += stream.read(&mut buffer[held..]).await?;
        if whole.is_none()
            && let Some(at) = buffer[..held].windows(4).position(|four| four == b"\r\n\r\n")
        {
            let head = std::str::from_utf8(&buffer[..at])?.to_ascii_lowercase();
            if !head.starts_with("http/1.1 200") {
                return Err(head.into());
            }
            let length = head.split_once("content-length: ").ok_or("no length")?.1;
            let length: usize = length.lines().next().ok_or("no length")?.trim().parse()?;
            whole = Some(at + 4 + length);
        }
        if whole.is_some_and(|whole| held >= whole) {
            return Ok(());
        }
    }
}

/// Many who listen, and one change. They are in a process of their own: this one's memory is the server's.
async fn idle(flags: &Flags, address: &str, listeners: usize) -> Result {
    let before = resident()?;
    let mut crowd = Command::new(std::env::current_exe()?)
        .args([LISTEN, address, &listeners.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let said = crowd.stdout.take().ok_or("no output")?;
    let mut said = BufReader::new(said).lines();
    said.next_line()
        .await?
        .ok_or("the listeners did not get through")?;
    let after = resident()?;
    println!(
        "{listeners} listeners: {} MB more",
        (after.saturating_sub(before)) / 1_000_000
    );
    let began = Instant::now();
    switch(flags, "flag-0", false).await?;
    said.next_line().await?.ok_or("not all heard of the change")?;
    println!("a change was heard by all after {:?}", began.elapsed());
    Ok(())
}

/// The listeners: says a line when each has heard the first word, and another one when each has heard the next.
async fn listen(address: &str, listeners: usize) -> Result {
    let request =
        format!("GET /ofrep/v1/events HTTP/1.1\r\nHost: otus\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    let (heard, mut hears) = mpsc::unbounded_channel();
    for _ in 0..listeners {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let heard = heard.clone();
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                for _ in buffer[..count].windows(5).filter(|five| five == b"refet") {
                    let _ = heard.send(());
                }
            }
        });
    }
    drop(heard);
    for turn in ["all listen", "all heard"] {
        for _ in 0..listeners {
            hears.recv().await.ok_or("a connection was closed")?;
        }
        println!("{turn}");
    }
    Ok(())
}

/// The process' memory, in bytes.
fn resident() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1_000)
}
