//! The example page in a real browser: a flag is turned in the chat, and the page says that there are updates, by OpenFeature's
//! official web SDK and provider, in a Chromium that is told what to do by its DevTools protocol.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use axum::{Router, http::header, routing::get};
use futures_util::{SinkExt as _, StreamExt as _};
use house::{House, SOON};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// So often is the flag turned.
const TURNS: usize = 12;

fn www() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/flags-page/www")
}

/// Serves the page; answers where.
async fn shop() -> String {
    let read = |name: &str| {
        let path = www().join(name);
        std::fs::read_to_string(&path)
            .unwrap_or_else(|_| panic!("{} is missing: run tests/clients/setup.sh once", path.display()))
    };
    let (page, script) = (read("index.html"), read("page.js"));
    let html = [(header::CONTENT_TYPE, "text/html")];
    let js = [(header::CONTENT_TYPE, "text/javascript")];
    let app = Router::new()
        .route("/", get(move || async move { (html, page) }))
        .route("/page.js", get(move || async move { (js, script) }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/")
}

/// A browser with one page open.
struct Browser {
    chromium: Child,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    said: u64,
}

impl Browser {
    async fn open(folder: &Path, url: &str) -> Self {
        let home = folder.join("chromium");
        let chromium = Command::new("chromium")
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
            ])
            .args([
                "--no-first-run",
                "--no-proxy-server",
                "--disable-background-networking",
            ])
            .args(["--remote-debugging-port=0", "--remote-allow-origins=*"])
            .arg(format!("--user-data-dir={}", home.display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the page is tried in Chromium: install it (Debian: chromium)");
        let port = port(&home.join("DevToolsActivePort")).await;
        let url = reqwest::Url::parse_with_params("http://x/", [("u", url)]).unwrap();
        let page: Value = reqwest::Client::new()
            .put(format!(
                "http://127.0.0.1:{port}/json/new?{}",
                &url.query().unwrap()[2..]
            ))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let socket = page["webSocketDebuggerUrl"].as_str().unwrap();
        let (socket, _) = tokio_tungstenite::connect_async(socket).await.unwrap();
        Self {
            chromium,
            socket,
            said: 0,
        }
    }

    /// What an expression is in the page, once it is: a promise is waited for.
    async fn eval(&mut self, expression: &str) -> Value {
        let found = self.try_eval(expression).await;
        found.unwrap_or_else(|why| panic!("{expression}: {why}"))
    }

    /// The same, or what went wrong in the page.
    async fn try_eval(&mut self, expression: &str) -> Result<Value, Value> {
        self.said += 1;
        let ask = json!({
            "id": self.said,
            "method": "Runtime.evaluate",
            "params": {"expression": expression, "awaitPromise": true, "returnByValue": true},
        });
        self.socket.send(Message::text(ask.to_string())).await.unwrap();
        loop {
            let message = tokio::time::timeout(SOON, self.socket.next())
                .await
                .expect("the page says nothing");
            let Message::Text(text) = message.unwrap().unwrap() else {
                continue;
            };
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == self.said {
                let well = answer["error"].is_null() && answer["result"]["exceptionDetails"].is_null();
                return match well {
                    true => Ok(answer["result"]["result"]["value"].clone()),
                    false => Err(answer),
                };
            }
        }
    }

    /// Waits until something is so in the page.
    async fn until(&mut self, condition: &str) {
        let waiting = format!(
            "new Promise(done => {{ const end = Date.now() + {}; const look = () => {{ \
             if ({condition}) done('so'); \
             else if (Date.now() > end) done(location.href + ': ' + document.body.innerText + document.querySelector('#search').title); \
             else setTimeout(look, 5); }}; look(); }})",
            SOON.as_millis() / 2
        );
        // A page that goes elsewhere meanwhile answers nothing: then the new one is asked.
        let deadline = Instant::now() + SOON;
        loop {
            let found = self.try_eval(&waiting).await;
            if found.as_ref().is_ok_and(|value| *value == "so") {
                return;
            }
            let gone = found.as_ref().map_or(true, Value::is_null);
            assert!(
                gone && Instant::now() < deadline,
                "{condition} does not come to be: {found:?}"
            );
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.chromium.kill();
        let _ = self.chromium.wait();
    }
}

/// The port that Chromium writes down as soon as it listens.
async fn port(file: &Path) -> u16 {
    let deadline = Instant::now() + SOON;
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if let Some(port) = text.lines().next().and_then(|line| line.parse().ok()) {
            return port;
        }
        assert!(Instant::now() < deadline, "Chromium does not listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn now_ms() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
        * 1e3
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_that_there_are_updates_the_moment_a_flag_is_turned() {
    let mut house = House::build(None).await;
    house.configure("[flags.clients.web]\nset = \"production\"\ntoken = \"a-token-for-browsers\"\n");
    house.start().await;
    let otus = house.http().await;
    house.say("@otus flag create new-search");
    house.shown(|text| text.contains("*new-search* is there")).await;
    let page = format!(
        "{}?otus=http://{otus}&token=a-token-for-browsers&user=joe",
        shop().await
    );
    let mut browser = Browser::open(house.folder.path(), &page).await;
    browser
        .until("document.querySelector('#search')?.dataset.on === 'false' && document.querySelector('#search').title === ''")
        .await;
    let mut took = Vec::new();
    for turn in 0..TURNS {
        let (side, text) = if turn % 2 == 0 {
            ("on", "The new search, which understands typos")
        } else {
            ("off", "The search as you know it")
        };
        browser
            .eval(
                "window.news = new Promise(done => new MutationObserver((_, observer) => { \
                 if (!document.querySelector('#banner').hidden) { observer.disconnect(); done(performance.timeOrigin + performance.now()); } \
                 }).observe(document.querySelector('#banner'), { attributes: true })); 0",
            )
            .await;
        let asked = now_ms();
        house.say(&format!("@otus flag new-search {side} in production"));
        let seen = browser.eval("window.news").await.as_f64().unwrap();
        took.push(seen - asked);
        assert_eq!(
            browser
                .eval("document.querySelector('#banner').textContent")
                .await,
            "You have updates ready!Reset"
        );
        // Nothing moves until somebody wants it to.
        assert_ne!(
            browser
                .eval("document.querySelector('#search').textContent")
                .await,
            text
        );
        browser.eval("document.querySelector('#reset').click()").await;
        assert_eq!(
            browser
                .eval("document.querySelector('#search').textContent")
                .await,
            text
        );
        assert_eq!(
            browser.eval("document.querySelector('#banner').hidden").await,
            true
        );
    }
    took.sort_by(f64::total_cmp);
    eprintln!("said in the chat to banner on the page, ms: {took:.0?}");
    // Who is told of what makes no difference to them has no news.
    house.say("@otus flag create other");
    house.shown(|text| text.contains("*other* is there")).await;
    house.say("@otus flag new-search on for key somebody-else in production");
    house.shown(|text| text.contains("is on for somebody-else")).await;
    assert_eq!(
        browser.eval("document.querySelector('#banner').hidden").await,
        true
    );
}
