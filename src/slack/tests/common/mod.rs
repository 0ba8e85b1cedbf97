//! An emulated Slack, the adapter connected to it, and an ear that remembers what the robot would have heard.

#![allow(dead_code, reason = "each test binary uses another part of it")]

use std::time::Duration;

use otus_core::{Message, MessageRef, Place, Receipt, Segment, Urgency};
use otus_emulators::slack::{self, Options, Ts, What, Workspace};
use otus_slack::{Ear, Liveness, Slack, SlackConfig, SlackError, Timeouts};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// Long enough for a machine that is busy with other tests; what works is done much sooner.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Remembers what it hears.
pub(crate) struct Notes(mpsc::UnboundedSender<Message>);

impl Ear for Notes {
    fn hear(&self, message: Message, mut receipt: Receipt) {
        // A test that ended does not listen any more.
        let _ = self.0.send(message);
        receipt.give();
    }
}

pub(crate) struct Station {
    pub(crate) workspace: Workspace,
    pub(crate) slack: Slack,
    pub(crate) stop: CancellationToken,
    pub(crate) running: JoinHandle<Result<(), SlackError>>,
    heard: mpsc::UnboundedReceiver<Message>,
}

/// The configuration for an emulated workspace, with everything that waits made short.
pub(crate) fn config(workspace: &Workspace) -> SlackConfig {
    let milliseconds = Duration::from_millis;
    SlackConfig {
        api_url: workspace.api_url(),
        bot_token: Some(workspace.bot_token().into()),
        app_token: Some(workspace.app_token().into()),
        signing_secret: Some(workspace.signing_secret().into()),
        timeouts: Timeouts {
            request: milliseconds(1_500),
            connect: milliseconds(1_500),
            hello: milliseconds(1_500),
            close: milliseconds(300),
            ..Timeouts::default()
        },
        liveness: Liveness {
            ping_every: milliseconds(100),
            pong_within: milliseconds(1_500),
            linger: milliseconds(200),
            stable_after: milliseconds(300),
            backoff: milliseconds(30),
            backoff_limit: milliseconds(500),
            stagger: milliseconds(10),
            ..Liveness::default()
        },
        ..SlackConfig::default()
    }
}

pub(crate) fn options() -> Options {
    install_tls();
    Options::default()
        .retry_delays([300, 600, 1_200, 2_400].map(Duration::from_millis))
        .ack_deadline(Duration::from_secs(2))
}

pub(crate) fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Station {
    pub(crate) async fn start() -> Self {
        Self::with(options(), |config| config).await
    }

    pub(crate) async fn with(options: Options, change: impl FnOnce(SlackConfig) -> SlackConfig) -> Self {
        let workspace = Workspace::start(options).await.unwrap();
        let config = change(config(&workspace));
        let sockets = config.sockets.into();
        let station = Self::on(workspace, config).await;
        station.workspace.connected(sockets, SOON).await.unwrap();
        station
    }

    /// Starts the adapter without waiting for its sockets.
    pub(crate) async fn on(workspace: Workspace, config: SlackConfig) -> Self {
        install_tls();
        let slack = Slack::connect(config).await.unwrap();
        let (notes, heard) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let (runner, token) = (slack.clone(), stop.clone());
        let running = tokio::spawn(async move { runner.run(Notes(notes), token).await });
        Self {
            workspace,
            slack,
            stop,
            running,
            heard,
        }
    }

    /// The next thing heard.
    pub(crate) async fn hear(&mut self) -> Message {
        timeout(SOON, self.heard.recv())
            .await
            .expect("nothing was heard")
            .expect("the adapter ended")
    }

    /// The words of what was heard until these were.
    pub(crate) async fn hear_until(&mut self, last: &str) -> Vec<String> {
        let mut all = Vec::new();
        while all.last().map(String::as_str) != Some(last) {
            all.push(words(&self.hear().await));
        }
        all
    }

    /// What was heard until the adapter ended.
    pub(crate) async fn hear_rest(&mut self) -> Vec<Message> {
        let mut all = Vec::new();
        while let Some(message) = timeout(SOON, self.heard.recv())
            .await
            .expect("the adapter did not end")
        {
            all.push(message);
        }
        all
    }

    /// Stops the adapter and tells how it ended.
    pub(crate) async fn end(&mut self) -> Result<(), SlackError> {
        self.stop.cancel();
        self.ended().await
    }

    /// Waits for the adapter's own end.
    pub(crate) async fn ended(&mut self) -> Result<(), SlackError> {
        timeout(SOON, &mut self.running)
            .await
            .expect("the adapter did not end")
            .unwrap()
    }

    /// How often a method was called.
    pub(crate) fn calls(&self, method: &str) -> usize {
        self.workspace
            .calls()
            .iter()
            .filter(|call| call.method == method)
            .count()
    }

    /// Waits until a method was called so often.
    pub(crate) async fn called(&self, method: &str, times: usize) {
        let mut seen = 0;
        let found = self.workspace.wait_for_entry(SOON, |what| {
            seen += usize::from(matches!(what, What::Call(call) if call.method == method));
            (seen >= times).then_some(())
        });
        found.await.unwrap();
    }
}

impl Station {
    pub(crate) fn channel(&self, name: &str) -> Place {
        self.workspace
            .look(|world| Place::channel(world.channel(name).unwrap().id.clone()))
    }

    pub(crate) fn user(&self, name: &str) -> otus_core::UserId {
        self.workspace
            .look(|world| world.user(name).unwrap().id.clone())
            .into()
    }

    pub(crate) fn shown(&self, message: &MessageRef) -> slack::Message {
        self.workspace
            .message(message.id.as_str().parse::<Ts>().unwrap())
            .expect("the message exists")
    }

    pub(crate) async fn post(&self, place: &Place, text: &str) -> MessageRef {
        self.slack
            .chat()
            .post(place, &text.into(), Urgency::Answer)
            .await
            .unwrap()
    }

    /// Waits until a message reads so.
    pub(crate) async fn reads(&self, message: &MessageRef, text: &str) {
        let ts: Ts = message.id.as_str().parse().unwrap();
        self.workspace
            .wait_for(SOON, |world| {
                world.message(ts).filter(|message| message.text == text).map(drop)
            })
            .await
            .unwrap();
    }
}

/// What a message says.
pub(crate) fn words(message: &Message) -> String {
    message
        .content
        .iter()
        .map(|segment| match segment {
            Segment::Text(text) | Segment::Code(text) => text.clone(),
            other => format!("{other:?}"),
        })
        .collect()
}
