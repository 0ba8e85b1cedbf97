//! What people and the app do, applied to the emulator over the wire and to a model in memory.

use std::collections::BTreeMap;

use otus_emulators::slack::{Options, Ts, Workspace};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::wire::Api;

#[derive(Clone, Debug)]
enum Act {
    Say {
        thread: Option<usize>,
        text: String,
    },
    Post {
        thread: Option<usize>,
        broadcast: bool,
        text: String,
    },
    Update {
        message: usize,
        text: String,
    },
    Delete {
        message: usize,
    },
    React {
        message: usize,
        name: &'static str,
    },
    Unreact {
        message: usize,
        name: &'static str,
    },
}

#[derive(Clone, Debug, PartialEq)]
struct Said {
    text: String,
    by_app: bool,
    parent: Option<Ts>,
    broadcast: bool,
    reactions: Vec<&'static str>,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let text = "[a-z&<>@: ]{0,12}[a-z]";
    let emoji = || prop_oneof![Just("eyes"), Just("+1")];
    let at = || 0usize..12;
    let act = prop_oneof![
        3 => (proptest::option::of(at()), text).prop_map(|(thread, text)| Act::Say { thread, text }),
        3 => (proptest::option::of(at()), any::<bool>(), text)
            .prop_map(|(thread, broadcast, text)| Act::Post { thread, broadcast, text }),
        2 => (at(), text).prop_map(|(message, text)| Act::Update { message, text }),
        1 => at().prop_map(|message| Act::Delete { message }),
        2 => (at(), emoji()).prop_map(|(message, name)| Act::React { message, name }),
        1 => (at(), emoji()).prop_map(|(message, name)| Act::Unreact { message, name }),
    ];
    proptest::collection::vec(act, 1..24)
}

/// The text Slack keeps of one without tokens or entities.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

struct Run {
    slack: Workspace,
    api: Api,
    model: BTreeMap<Ts, Said>,
    /// In the order they were said, the deleted ones too.
    order: Vec<Ts>,
}

impl Run {
    fn pick(&self, at: usize) -> Option<Ts> {
        (!self.order.is_empty()).then(|| self.order[at % self.order.len()])
    }

    /// The thread an answer to `at` lands in.
    fn thread(&self, at: Option<usize>) -> Option<(Ts, Ts)> {
        let asked = self.pick(at?)?;
        let said = self.model.get(&asked)?;
        Some((asked, said.parent.unwrap_or(asked)))
    }

    fn add(&mut self, ts: Ts, said: Said) {
        assert!(self.order.last().is_none_or(|last| *last < ts), "timestamps grow");
        self.order.push(ts);
        self.model.insert(ts, said);
    }

    async fn apply(&mut self, act: Act) {
        match act {
            Act::Say { thread, text } => {
                let thread = self.thread(thread);
                let ts = match thread {
                    Some((asked, _)) => self.slack.say_in_thread("ann", "#deploys", asked, &text),
                    None => self.slack.say("ann", "#deploys", &text),
                }
                .unwrap();
                let text = self.slack.message(ts).unwrap().text;
                self.add(
                    ts,
                    Said {
                        text,
                        by_app: false,
                        parent: thread.map(|t| t.1),
                        broadcast: false,
                        reactions: vec![],
                    },
                );
            }
            Act::Post {
                thread,
                broadcast,
                text,
            } => {
                let thread = self.thread(thread);
                let args = json!({
                    "channel": "C0DEPLOYS", "text": text, "thread_ts": thread.map(|t| t.0), "reply_broadcast": broadcast,
                });
                let posted = self.api.call("chat.postMessage", args).await.unwrap();
                let ts = posted["ts"].as_str().unwrap().parse().unwrap();
                assert_eq!(posted["message"]["text"], escaped(&text));
                let broadcast = broadcast && thread.is_some();
                self.add(
                    ts,
                    Said {
                        text: escaped(&text),
                        by_app: true,
                        parent: thread.map(|t| t.1),
                        broadcast,
                        reactions: vec![],
                    },
                );
            }
            Act::Update { message, text } => {
                let Some(ts) = self.pick(message) else { return };
                let code = self
                    .api
                    .code(
                        "chat.update",
                        json!({"channel": "C0DEPLOYS", "ts": ts, "text": text}),
                    )
                    .await
                    .unwrap();
                let expected = match self.model.get_mut(&ts) {
                    None => "message_not_found",
                    Some(said) if !said.by_app => "cant_update_message",
                    Some(said) => {
                        said.text = escaped(&text);
                        ""
                    }
                };
                assert_eq!(code, expected);
            }
            Act::Delete { message } => {
                let Some(ts) = self.pick(message) else { return };
                let code = self
                    .api
                    .code("chat.delete", json!({"channel": "C0DEPLOYS", "ts": ts}))
                    .await
                    .unwrap();
                let expected = match self.model.get(&ts).map(|said| said.by_app) {
                    None => "message_not_found",
                    Some(false) => "cant_delete_message",
                    Some(true) => {
                        self.model.remove(&ts);
                        ""
                    }
                };
                assert_eq!(code, expected);
            }
            Act::React { message, name } => self.react(message, name, true).await,
            Act::Unreact { message, name } => self.react(message, name, false).await,
        }
    }

    async fn react(&mut self, message: usize, name: &'static str, add: bool) {
        let Some(ts) = self.pick(message) else { return };
        let method = if add { "reactions.add" } else { "reactions.remove" };
        let args = json!({"channel": "C0DEPLOYS", "timestamp": ts, "name": name});
        let code = self.api.code(method, args).await.unwrap();
        let expected = match self.model.get_mut(&ts) {
            None => "message_not_found",
            Some(said) if add && said.reactions.contains(&name) => "already_reacted",
            Some(said) if !add && !said.reactions.contains(&name) => "no_reaction",
            Some(said) if add => {
                said.reactions.push(name);
                ""
            }
            Some(said) => {
                said.reactions.retain(|r| *r != name);
                ""
            }
        };
        assert_eq!(code, expected);
    }

    async fn compare(&self) {
        let history = self
            .api
            .get(
                "conversations.history",
                &[("channel", "C0DEPLOYS"), ("limit", "999")],
            )
            .await
            .unwrap();
        let shown: Vec<(Ts, String)> = listed(&history);
        let expected: Vec<(Ts, String)> = self
            .model
            .iter()
            .rev()
            .filter(|(_, said)| said.parent.is_none() || said.broadcast)
            .map(|(ts, said)| (*ts, said.text.clone()))
            .collect();
        assert_eq!(shown, expected);
        for (ts, said) in self.model.iter().filter(|(_, said)| said.parent.is_none()) {
            let ts_text = ts.to_string();
            let args = [
                ("channel", "C0DEPLOYS"),
                ("ts", ts_text.as_str()),
                ("limit", "999"),
            ];
            let replies = self.api.get("conversations.replies", &args).await.unwrap();
            let mut expected = vec![(*ts, said.text.clone())];
            expected.extend(
                self.model
                    .iter()
                    .filter(|(_, r)| r.parent == Some(*ts))
                    .map(|(ts, r)| (*ts, r.text.clone())),
            );
            assert_eq!(listed(&replies), expected);
        }
        for (ts, said) in &self.model {
            let message = self.slack.message(*ts).unwrap();
            let reactions: Vec<&str> = message.reactions.iter().map(|r| r.name.as_str()).collect();
            assert_eq!(
                (message.from_app, reactions),
                (said.by_app, said.reactions.clone())
            );
        }
    }
}

fn listed(answer: &Value) -> Vec<(Ts, String)> {
    let messages = answer["messages"].as_array().cloned().unwrap_or_default();
    messages
        .iter()
        .map(|m| {
            (
                m["ts"].as_str().unwrap().parse().unwrap(),
                m["text"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

/// Runs cases on one runtime with one client: making those takes longer than a case.
fn check<S: Strategy>(cases: u32, strategy: S, case: impl AsyncFn(Workspace, Api, S::Value)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let http = runtime.block_on(async { Api::client() });
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let result = TestRunner::new(config).run(&strategy, |value| {
        runtime.block_on(async {
            let slack = Workspace::start(Options::default()).await.unwrap();
            let api = Api::with(http.clone(), &slack);
            case(slack, api, value).await;
        });
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

#[test]
fn messages_threads_and_reactions_are_what_was_done() {
    check(48, acts(), async |slack, api, acts| {
        let mut run = Run {
            slack,
            api,
            model: BTreeMap::new(),
            order: Vec::new(),
        };
        for act in acts {
            run.apply(act).await;
        }
        run.compare().await;
    });
}

#[test]
fn no_call_makes_it_panic() {
    let method = prop_oneof![
        Just("chat.postMessage"),
        Just("chat.update"),
        Just("conversations.history"),
        Just("views.open"),
        Just("files.completeUploadExternal"),
        Just("reactions.add"),
        Just("conversations.replies"),
    ];
    let calls = (method, "\\PC{0,200}", "[\\[\\]{}:,\"a-z0-9 ]{0,80}", any::<i64>());
    check(64, calls, async |_slack, api, (method, body, blocks, number)| {
        for kind in [
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
        ] {
            let answer = api
                .request(method)
                .header("content-type", kind)
                .body(body.clone())
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 200);
        }
        let number = number.to_string();
        let form = [
            ("channel", "C0DEPLOYS"),
            ("text", &body),
            ("blocks", &blocks),
            ("view", &blocks),
            ("files", &blocks),
            ("ts", &number),
            ("oldest", &number),
            ("latest", &body),
            ("limit", &number),
            ("cursor", &body),
        ];
        let answer: Value = api
            .request(method)
            .form(&form)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert!(answer["ok"].is_boolean());
    });
}
