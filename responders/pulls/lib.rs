//! Purpose: what becomes of a pull request, in one message of its repository's channel, from opened to live; a private word to its
//! author at the end; and `pulls` and `pull`, which tell the same to whoever asks.
//!
//! Side effects: posts and edits messages, and nothing else. Nobody's bell rings unless the operator wants it. What is heard of a
//! pull request only says that it is worth another look (`watch`); the look reads how it stands (`look`), what people read is a
//! pure function of that (`facts`, `texts`), and `desk` keeps the messages like it.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod ask;
mod desk;
mod facts;
mod look;
mod mute;
mod settings;
mod texts;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use otus::ChannelId;
use otus::prelude::*;
use otus_ci::github::{GitHub, Repository};
use otus_ci::version::Versions;
use otus_ci::{Feed, Subscription};

pub use settings::Settings;

use crate::look::Eye;
use crate::watch::{Deploys, Watch};

/// How often what is due is looked for, at most.
const LOOKS: Duration = Duration::from_secs(2);
/// And at least.
const OFTEN: Duration = Duration::from_millis(50);
/// How long before what did not work is tried again.
const PAUSE: Duration = Duration::from_secs(10);

/// Pull requests.
#[derive(Debug)]
pub struct Pulls {
    settings: Arc<Settings>,
    channels: Vec<(Repository, ChannelId)>,
    /// Taken by the background task.
    subscription: Mutex<Option<Subscription>>,
}

impl Pulls {
    /// With these settings; with a feed it hears what continuous integrations say.
    ///
    /// # Errors
    /// A setting that cannot work: the key, and what is wrong with it.
    pub fn new(settings: Settings, feed: Option<&Feed>) -> Result<Self> {
        let channels = settings.ready().map_err(anyhow::Error::msg)?;
        // Before the robot starts, so that nothing is missed; and only if somebody will listen.
        let subscription = feed
            .filter(|_| !channels.is_empty())
            .map(|feed| feed.subscribe("pulls"));
        Ok(Self {
            settings: Arc::new(settings),
            channels,
            subscription: Mutex::new(subscription),
        })
    }

    /// The watches over all repositories; nothing when the robot stops before the store can be read.
    async fn watches(&self, services: &Services, eye: &Eye) -> Option<Arc<[Watch]>> {
        let mut all = Vec::new();
        for (repo, channel) in &self.channels {
            loop {
                let settings = Arc::clone(&self.settings);
                match Watch::over(eye.clone(), settings, repo.clone(), channel.clone()).await {
                    Ok(watch) => {
                        all.push(watch);
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(error = format!("{error:#}"), %repo, "pull requests cannot be watched yet");
                        pause(services, PAUSE).await?;
                    }
                }
            }
        }
        Some(all.into())
    }
}

impl Configure for Pulls {
    type Config = Settings;

    fn configure(settings: Settings, setup: &Setup<'_>) -> Result<Self> {
        let feed = setup.resources.get::<Feed>();
        if !settings.channels.is_empty() && setup.resources.get::<GitHub>().is_none() {
            anyhow::bail!("channels needs [github]: set a token or an App there");
        }
        Self::new(settings, feed.as_deref())
    }
}

/// Tells what becomes of pull requests.
#[responder(name = "pulls", config = Settings, needs = "emails, direct")]
impl Pulls {
    /// Lists the open pull requests of a repository, the newest first.
    ///
    /// Without a repository: that of this channel, or the only one there is. A service's name will do.
    #[respond(
        r"^pulls(?: (?:of |in )?(?<repo>[\w.-]+(?:/[\w.-]+)?))?$",
        usage = "pulls [<repo>]",
        example = "pulls",
        example = "pulls acme/api"
    )]
    async fn pulls(&self, cx: Context, repo: Option<String>) -> Result {
        ask::pulls(&cx, &self.channels, repo.as_deref()).await
    }

    /// Says how a pull request stands, and where it is live.
    #[respond(
        r"^pull (?:(?<repo>[\w.-]+(?:/[\w.-]+)?)#|#?)(?<number>\d{1,9})$",
        usage = "pull [<repo>]#<number>",
        example = "pull #42",
        example = "pull acme/api#42"
    )]
    async fn pull(&self, cx: Context, repo: Option<String>, number: u64) -> Result {
        ask::pull(&cx, &self.channels, repo.as_deref(), number).await
    }

    /// Stops telling you when your changes are live.
    #[respond(r"^pulls mute$", usage = "pulls mute", effect = "control")]
    async fn mute(&self, cx: Context) -> Result {
        mute::mute(cx.services(), cx.author(), true).await?;
        cx.reply(texts::muted()).await
    }

    /// Tells you again when your changes are live.
    #[respond(r"^pulls unmute$", usage = "pulls unmute", effect = "control")]
    async fn unmute(&self, cx: Context) -> Result {
        mute::mute(cx.services(), cx.author(), false).await?;
        cx.reply(texts::unmuted()).await
    }

    /// Keeps the messages right.
    #[start]
    async fn start(&self, services: Services) -> Result {
        if self.channels.is_empty() {
            return Ok(());
        }
        let subscription = self
            .subscription
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let github = services.resource::<GitHub>()?;
        let eye = Eye {
            versions: services.resources().get::<Versions>(),
            services: services.clone(),
            github,
        };
        let Some(watches) = self.watches(&services, &eye).await else {
            return Ok(());
        };
        let listening = async {
            if let Some(mut subscription) = subscription {
                watch::hear(&services, &watches, &mut subscription).await;
            }
        };
        let deploys = Arc::new(Deploys(Arc::clone(&watches)));
        let operations = services.operations();
        tokio::join!(
            listening,
            operations.follow(deploys),
            work(&services, &watches, self.settings.wait),
            reconcile(&services, &watches, self.settings.reconcile)
        );
        Ok(())
    }
}

/// Waits; nothing when the robot stops.
async fn pause(services: &Services, long: Duration) -> Option<()> {
    tokio::select! {
        () = services.stopping().cancelled() => None,
        () = tokio::time::sleep(long) => Some(()),
    }
}

/// Works on what is due until the robot stops.
async fn work(services: &Services, watches: &[Watch], wait: Duration) {
    let every = wait.clamp(OFTEN, LOOKS);
    while !services.stopping().is_cancelled() {
        for watch in watches {
            if let Err(error) = watch.outbox.work(&watch.desk).await {
                tracing::warn!(%error, repo = %watch.desk.repo, "pull requests that wait cannot be read; it is tried again");
            }
        }
        if pause(services, every).await.is_none() {
            return;
        }
    }
}

/// Looks for what no webhook told, now and then every so often, until the robot stops.
async fn reconcile(services: &Services, watches: &[Watch], every: Duration) {
    loop {
        for watch in watches {
            if let Err(error) = watch.reconcile().await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    repo = %watch.desk.repo,
                    "GitHub cannot be asked for pull requests that changed"
                );
            }
        }
        if pause(services, every).await.is_none() {
            return;
        }
    }
}
