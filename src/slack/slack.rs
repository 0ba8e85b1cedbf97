//! The adapter as the program sees it: connect, run, close.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::Router;
use otus_core::Chat;
use serde::Deserialize;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    Entrance, SlackConfig, SlackError, Web,
    chat::SlackChat,
    events::Identity,
    events_http,
    listener::{Ear, Listener},
    socket::{Sockets, Status},
};

/// The longest pause between tries to reach Slack at the start.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Slack, connected. Cheap to clone.
#[derive(Clone)]
pub struct Slack {
    inner: Arc<Inner>,
}

struct Inner {
    config: SlackConfig,
    web: Web,
    me: Identity,
    chat: Arc<SlackChat>,
    status: OnceLock<Status>,
    listening: AtomicBool,
}

impl std::fmt::Debug for Slack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slack")
            .field("me", &self.inner.me)
            .field("web", &self.inner.web)
            .finish_non_exhaustive()
    }
}

impl Slack {
    /// Finds out who the robot is. While Slack cannot be reached it keeps trying, so that the network may come up
    /// after the robot.
    ///
    /// # Errors
    /// A [fatal](SlackError::is_fatal) error: a wrong configuration, or a token that Slack does not accept.
    pub async fn connect(config: SlackConfig) -> Result<Self, SlackError> {
        config.validate()?;
        let web = Web::new(&config)?;
        let mut pause = Duration::from_secs(1);
        let me = loop {
            match identify(&web).await {
                Ok(me) => break me,
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, pause_s = pause.as_secs(), "Slack cannot be reached yet");
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        };
        let chat = Arc::new(SlackChat::new(web.clone(), &config, &me.user));
        let inner = Inner {
            config,
            web,
            me,
            chat,
            status: OnceLock::new(),
            listening: AtomicBool::new(false),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Who the robot is in this workspace.
    pub fn me(&self) -> &Identity {
        &self.inner.me
    }

    /// The way out.
    pub fn chat(&self) -> Arc<dyn Chat> {
        Arc::clone(&self.inner.chat) as Arc<dyn Chat>
    }

    /// Listens by Socket Mode until `stop`; does nothing but wait for it when events come over HTTP, by
    /// [`router`](Self::router).
    ///
    /// # Errors
    /// Why nothing can be heard any more: a token was revoked, or Socket Mode switched off.
    pub async fn run(&self, ear: impl Ear, stop: CancellationToken) -> Result<(), SlackError> {
        if self.inner.config.events == Entrance::Http {
            stop.cancelled().await;
            self.inner.listening.store(false, Ordering::Release);
            return Ok(());
        }
        let listener = self.listener(ear);
        let mut sockets = Sockets::start(self.inner.web.clone(), &self.inner.config, stop);
        // A second run keeps the first one's status; the program runs it once.
        let _ = self.inner.status.set(sockets.status.clone());
        while let Some(delivery) = sockets.deliveries.recv().await {
            let (envelope, receipt) = delivery.open();
            listener
                .take(
                    &envelope.kind,
                    &envelope.envelope_id,
                    envelope.retry_attempt,
                    &envelope.payload,
                    receipt,
                )
                .await;
        }
        sockets
            .task
            .await
            .unwrap_or_else(|panic| Err(SlackError::Socket(format!("its supervisor ended: {panic}"))))
    }

    /// The routes for events over HTTP; empty when they come by Socket Mode. `stop` makes them refuse what comes, so that
    /// Slack brings it to another replica.
    pub fn router(&self, ear: impl Ear, stop: &CancellationToken) -> Router {
        let (Entrance::Http, Some(secret)) = (self.inner.config.events, &self.inner.config.signing_secret)
        else {
            return Router::new();
        };
        let listener = Arc::new(self.listener(ear));
        self.inner.listening.store(true, Ordering::Release);
        let (stop, closing) = (stop.clone(), Arc::clone(&listener));
        tokio::spawn(async move {
            stop.cancelled().await;
            closing.open.store(false, Ordering::Release);
        });
        events_http::router(secret, listener)
    }

    fn listener(&self, ear: impl Ear) -> Listener {
        Listener::new(self.inner.me.clone(), Arc::clone(&self.inner.chat), Arc::new(ear))
    }

    /// Whether the robot can be spoken to: a socket is open, or the HTTP routes are.
    pub fn ready(&self) -> bool {
        match self.inner.config.events {
            Entrance::Socket => self.inner.status.get().is_some_and(Status::ready),
            Entrance::Http => self.inner.listening.load(Ordering::Acquire),
        }
    }

    /// How the sockets are doing, once they run.
    pub fn sockets(&self) -> Option<&Status> {
        self.inner.status.get()
    }

    /// Sends what still waits to be sent, except for what is cosmetic, and takes nothing more. The last thing to call.
    pub async fn close(&self, within: Duration) {
        self.inner.chat.outbox.close(within).await;
    }
}

/// Asks Slack who the bot token belongs to.
pub(crate) async fn identify(web: &Web) -> Result<Identity, SlackError> {
    #[derive(Deserialize)]
    struct Authenticated {
        user_id: String,
        #[serde(default)]
        bot_id: Option<String>,
        #[serde(default)]
        user: String,
        #[serde(default)]
        team: String,
    }
    let answer: Authenticated = web.get("auth.test", &[]).await?;
    Ok(Identity {
        user: answer.user_id,
        bot: answer.bot_id,
        name: answer.user,
        team: answer.team,
    })
}
