//! `otus dev` as a child process, and its page as a browser sees it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use crate::support::{Program, Start};
use serde_json::{Value, json};
use std::{
    process::ExitStatus,
    time::{Duration, Instant},
};

/// A build of a small crate on a busy machine, and more.
const SOON: Duration = Duration::from_secs(120);

/// A workbench that runs.
pub(crate) struct Bench {
    program: Program,
    page: String,
    http: reqwest::Client,
}

impl Bench {
    /// Starts `otus dev` with these arguments.
    pub(crate) async fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let args: Vec<&str> = std::iter::once("dev").chain(args.iter().copied()).collect();
        let start = Start {
            env,
            ..Start::default()
        };
        // The compiler is found below the home of whoever runs the test.
        let mut program = Program::start_at_home(&args, &start);
        let page = program.wait_for(|printed, _| {
            let line = printed.lines().find(|line| line.contains("in your browser"))?;
            Some(line.split_whitespace().last()?.trim_end_matches('/').to_owned())
        });
        Self {
            program,
            page,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// All that a browser is told when it comes.
    async fn look(&self) -> Value {
        let mut stream = self
            .http
            .get(format!("{}/api/events", self.page))
            .send()
            .await
            .unwrap();
        let mut told = Vec::new();
        loop {
            told.extend_from_slice(&stream.chunk().await.unwrap().expect("the stream has a start"));
            let text = String::from_utf8_lossy(&told);
            let start = text
                .split_once("event: start\ndata: ")
                .and_then(|(_, rest)| rest.split_once("\n\n"));
            if let Some((start, _)) = start {
                return serde_json::from_str(start).unwrap();
            }
        }
    }

    async fn until(&self, what: &str, found: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + SOON;
        loop {
            let now = self.look().await;
            if found(&now) {
                return now;
            }
            assert!(
                Instant::now() < deadline,
                "{what} did not come\n{}\n{}\n{}",
                now["bench"],
                self.program.printed(),
                self.program.logged()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for a stage: what the page shows then.
    pub(crate) async fn stage(&self, stage: &str) -> Value {
        let shown = self.until(stage, |now| now["bench"]["stage"] == stage).await;
        shown["bench"].clone()
    }

    /// Waits until the terminal was told so, now or before.
    pub(crate) async fn told(&mut self, words: &str) {
        let words = words.to_owned();
        let deadline = Instant::now() + SOON;
        while !self.program.printed().contains(&words) {
            assert!(
                Instant::now() < deadline,
                "{words:?} is not told\n{}\n{}",
                self.program.printed(),
                self.program.logged()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until so many robots came, one after the other.
    pub(crate) async fn came(&self, robots: usize) {
        let deadline = Instant::now() + SOON;
        while self.program.printed().matches("The robot answers.").count() < robots {
            assert!(Instant::now() < deadline, "no robot\n{}", self.program.printed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Opens the page in a browser, which looks at it.
    pub(crate) fn opened(&self) {
        let folder = std::env::var("OTUS_PICTURES")
            .unwrap_or_else(|_| self.program.folder().join("pictures").display().to_string());
        let ran = std::process::Command::new("node")
            .args(["bench.js", &self.page, &folder])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/page"))
            .output()
            .expect("node runs the browser: install it (Debian: nodejs), then tests/clients/setup.sh");
        assert!(
            ran.status.success(),
            "{}\n{}\n{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
            self.program.printed()
        );
    }

    /// Ann says something.
    pub(crate) async fn say(&self, text: &str) {
        let said = self
            .http
            .post(format!("{}/api/say", self.page))
            .header("origin", &self.page)
            .json(&json!({ "user": "ann", "channel": "#shop", "text": text }))
            .send()
            .await
            .unwrap();
        assert!(said.status().is_success(), "{}", said.text().await.unwrap());
    }

    /// Waits until the robot's words are in the conversation.
    pub(crate) async fn heard(&self, words: &str) {
        self.until(words, |now| says(now, words)).await;
    }

    /// Says something until it is answered so: what changes live counts after a moment.
    pub(crate) async fn answered(&self, text: &str, words: &str) {
        let deadline = Instant::now() + SOON;
        loop {
            let before = self.look().await["messages"].as_array().map_or(0, Vec::len);
            self.say(text).await;
            // Its own message, and an answer.
            let now = self
                .until("an answer", |now| {
                    now["messages"].as_array().map_or(0, Vec::len) >= before + 2
                })
                .await;
            if says(&now, words) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{text:?} is not answered with {words:?}\n{}",
                self.program.printed()
            );
        }
    }

    /// Asks it to end, as ctrl-C does.
    pub(crate) fn end(mut self) -> ExitStatus {
        self.program.interrupt()
    }
}

fn says(now: &Value, words: &str) -> bool {
    let messages = now["messages"].as_array();
    messages.into_iter().flatten().any(|message| {
        message["from_app"] == true && message["text"].as_str().is_some_and(|text| text == words)
    })
}
