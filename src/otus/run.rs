//! Running the robot: everything put together, connected, and stopped in order.

use crate::{
    config::{self, Fault, Faults, Loaded, Origin, Settings},
    flags, hooks,
    reload::{Changes, Watch},
    seat::{Listens, Seat},
};
use axum::{Router, extract::Request, http::StatusCode, response::IntoResponse, routing::any};
use otus_core::{Robot, StartError, robot::Builder, services::Resources, web};
use otus_flags::Flags;
use otus_http::{Check, Server, metrics};
use otus_slack::{Entrance, Slack, SlackError};
use otus_store::{OpenError, Opened};
use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// How long each step of an orderly stop may take. Together less than the 30 seconds Kubernetes grants.
const STOP_LISTENING: Duration = Duration::from_secs(4);
const STOP_WORKING: Duration = Duration::from_secs(15);
const STOP_SPEAKING: Duration = Duration::from_secs(5);
const STOP_SERVING: Duration = Duration::from_secs(2);

/// Why the robot does not run, or no longer does. Each is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] Faults),
    /// The store.
    #[error("Otus cannot open its store: {0}")]
    Store(#[from] OpenError),
    /// The flags.
    #[error("Otus cannot serve flags: {0}")]
    Flags(String),
    /// The address to listen on.
    #[error(
        "Otus cannot listen on {address}: {why}. Set http.listen (or OTUS__HTTP__LISTEN) to a free address"
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// The system's words.
        why: String,
    },
    /// Slack, for good.
    #[error("Slack: {0}. `otus check` tries the tokens and permissions")]
    Slack(#[from] SlackError),
    /// The HTTP server.
    #[error("the HTTP server stopped: {0}")]
    Http(String),
    /// It was asked to stop before it was up.
    #[error("asked to stop before Slack was reached")]
    Stopped,
}

/// A running robot.
pub struct Instance {
    seat: Arc<Seat>,
    slack: Slack,
    store: Arc<dyn Opened>,
    flags: Arc<Flags>,
    address: SocketAddr,
    began: Instant,
    intake: CancellationToken,
    serving_stop: CancellationToken,
    listening: JoinHandle<Result<(), SlackError>>,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Instance {
    /// Opens the store, serves health, finds Slack, makes the robot, and listens. While Slack cannot be reached it keeps
    /// trying; `cancel` ends that.
    ///
    /// # Errors
    /// What keeps it from running: see [`RunError`].
    pub async fn start(settings: Settings, cancel: &CancellationToken) -> Result<Self, RunError> {
        let began = Instant::now();
        let counted = metrics::install();
        let slack_config = settings.slack.clone();
        // What the configuration cannot be made of is told before anything is opened.
        let resources = config::resources(&settings).map_err(Faults)?;
        let address = settings.http.listen;
        let in_use = |why: std::io::Error| RunError::Listen {
            address,
            why: why.to_string(),
        };
        let listener = TcpListener::bind(address).await.map_err(in_use)?;
        let address = listener.local_addr().map_err(in_use)?;
        let store = otus_store::open(&settings.store).await?;
        let flags = flags::open(
            Arc::clone(&store),
            &settings.flags,
            resources.get::<otus_ci::github::GitHub>().as_deref(),
        )
        .await?;
        let builder = builder(&settings, resources, &flags);

        // Health is told from the first moment, and Slack's routes answer as soon as there is somebody to hear.
        let serving_stop = CancellationToken::new();
        let front = Arc::new(Front::default());
        let serving = Server::new(listener)
            .metrics(counted)
            .routes(front.routes(slack_config.events))
            .routes(flags::routes(
                Arc::clone(&flags),
                &settings.flags,
                serving_stop.clone(),
            ))
            .routes_up_to(hooks::routes(Arc::clone(&front.seat)), web::MAX_BODY)
            .readiness(readiness(Arc::clone(&front), Arc::clone(&store)))
            .drain(STOP_SERVING)
            .run(serving_stop.clone());
        let serving = tokio::spawn(serving);

        let connected = tokio::select! {
            connected = Slack::connect(slack_config) => connected.map_err(RunError::from),
            () = cancel.cancelled() => Err(RunError::Stopped),
        };
        let made = connected.and_then(|slack| {
            let robot = builder.build(slack.chat(), store.clone()).map_err(faults)?;
            Ok((slack, robot))
        });
        let (slack, robot) = match made {
            Ok(made) => made,
            Err(error) => {
                serving_stop.cancel();
                let _ = serving.await;
                if let Err(error) = store.close().await {
                    tracing::warn!(%error, "the store could not be closed");
                }
                return Err(error);
            }
        };

        let intake = CancellationToken::new();
        front.open(&slack, &robot, &intake);
        robot.start();
        let seat = Arc::clone(&front.seat);
        let listening = tokio::spawn({
            let (slack, ear, intake) = (slack.clone(), Listens(Arc::clone(&seat)), intake.clone());
            async move { slack.run(ear, intake).await }
        });
        Ok(Self {
            seat,
            slack,
            store,
            flags,
            address,
            began,
            intake,
            serving_stop,
            listening,
            serving,
        })
    }

    /// Where it serves HTTP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The robot, as it is now.
    ///
    /// # Panics
    /// Never: an instance is made with one.
    #[must_use]
    #[allow(
        clippy::expect_used,
        reason = "start() seats a robot before there is an instance"
    )]
    pub fn robot(&self) -> Robot {
        self.seat.robot().expect("a robot was seated at the start")
    }

    /// Lets a robot with other settings take the place of this one, on the same Slack, store and HTTP server. What is said from then on
    /// is the new one's; what the old one had begun comes to an end, and an operation under way to a safe point, from which the new
    /// one goes on as any replica would. `slack`, `store`, `http`, `flags` and `log` of the settings are not looked at.
    ///
    /// # Errors
    /// What the new robot cannot be made of; then the old one goes on.
    pub async fn replace(&self, settings: &Settings) -> Result<(), Faults> {
        let resources = config::resources(settings).map_err(Faults)?;
        let robot = builder(settings, resources, &self.flags)
            .build(self.slack.chat(), self.store.clone())
            .map_err(faults)?;
        let before = self.seat.take(robot.clone());
        if let Some(before) = before
            && !before.stop(STOP_WORKING).await
        {
            tracing::warn!(
                busy = before.busy(),
                "some work under the earlier configuration did not come to a safe point in time; it goes on beside the new"
            );
        }
        robot.start();
        Ok(())
    }

    /// Waits until it can be spoken to, and logs so. Ends early when it never will be.
    pub async fn connected(&self) {
        loop {
            if self.slack.ready() {
                let me = self.slack.me();
                let took = self.began.elapsed();
                tracing::info!(
                    name = me.name,
                    team = me.team,
                    http = %self.address,
                    commands = self.robot().services().commands().len(),
                    took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                    "connected"
                );
                return;
            }
            if self.listening.is_finished() {
                return;
            }
            match self.slack.sockets() {
                Some(sockets) => {
                    // Looks again now and then, in case the sockets ended for good.
                    let _ = timeout(Duration::from_millis(200), sockets.reach(1)).await;
                }
                // The task that opens them has not run yet.
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }

    /// Ends when the robot cannot go on by itself: Slack refuses it for good, or HTTP failed.
    pub async fn failed(&mut self) -> RunError {
        tokio::select! {
            ended = &mut self.listening => match ended {
                Ok(Ok(())) => RunError::Stopped,
                Ok(Err(error)) => error.into(),
                Err(error) => RunError::Slack(SlackError::Socket(format!("its task ended: {error}"))),
            },
            ended = &mut self.serving => match ended {
                Ok(Ok(())) => RunError::Http("it ended by itself".into()),
                Ok(Err(error)) => RunError::Http(format!("{error:#}")),
                Err(error) => RunError::Http(error.to_string()),
            },
        }
    }

    /// Stops in order: takes nothing in any more, lets what is under way come to a safe point, says what is still to say,
    /// closes the store. Bounded: what takes too long is left.
    pub async fn stop(self) {
        let robot = self.robot();
        let Self {
            slack,
            store,
            intake,
            serving_stop,
            listening,
            serving,
            ..
        } = self;
        tracing::info!(busy = robot.busy(), "stopping");
        intake.cancel();
        if !listening.is_finished() && timeout(STOP_LISTENING, listening).await.is_err() {
            tracing::warn!("the sockets did not close in time");
        }
        if !robot.stop(STOP_WORKING).await {
            tracing::warn!(
                busy = robot.busy(),
                "some work did not come to a safe point in time"
            );
        }
        slack.close(STOP_SPEAKING).await;
        serving_stop.cancel();
        if !serving.is_finished() {
            let _ = timeout(STOP_SERVING * 2, serving).await;
        }
        if let Err(error) = store.close().await {
            tracing::warn!(%error, "the store could not be closed");
        }
        tracing::info!("stopped");
    }
}

/// A robot of these settings, but for its chat and its memory.
fn builder(settings: &Settings, mut resources: Resources, flags: &Arc<Flags>) -> Builder {
    resources.insert(Arc::clone(flags));
    let github = resources.get::<otus_ci::github::GitHub>();
    resources.insert(flags::files(&settings.flags, github));
    Robot::builder(settings.robot.clone())
        .catalog(settings.catalog())
        .roles(settings.roles.clone())
        .policy(settings.policy.clone())
        .resources(resources)
        .registered(settings.responders.clone())
}

fn faults(faults: Vec<StartError>) -> Faults {
    let whole = |fault: StartError| Fault::whole(fault.to_string());
    Faults(faults.into_iter().map(whole).collect())
}

/// Runs until a signal or until it cannot go on. The first signal to end stops in order, the second at once. When the file of the
/// configuration changes, or at SIGHUP, what can change live does (see `reload.rs`).
///
/// # Errors
/// Why it does not run, or no longer does.
pub async fn run(loaded: Loaded, origin: Origin) -> Result<(), RunError> {
    let mut watch = Watch::new(origin, &loaded);
    let settings = loaded.runnable()?;
    let stop = signals();
    let mut instance = match Instance::start(settings, &stop).await {
        Err(RunError::Stopped) => return Ok(()),
        started => started?,
    };
    tokio::select! {
        () = instance.connected() => {}
        () = stop.cancelled() => {}
    }
    let outcome = loop {
        tokio::select! {
            error = instance.failed() => break Err(error),
            () = stop.cancelled() => break Ok(()),
            changes = watch.changed() => reload(&instance, &mut watch, changes).await,
        }
    };
    if let Err(error) = &outcome {
        tracing::error!(%error, "the robot cannot go on");
    }
    instance.stop().await;
    outcome
}

/// Goes by a changed configuration, or tells why not.
async fn reload(instance: &Instance, watch: &mut Watch, changes: Changes) {
    let told = match &changes {
        Changes::Nothing => return,
        Changes::Refused { .. } => changes,
        Changes::Found { settings, .. } => match instance.replace(settings).await {
            Ok(()) => changes,
            Err(faults) => changes.refused(faults.listed()),
        },
    };
    watch.keep(&told);
    told.tell(&instance.robot()).await;
}

/// Is cancelled by the first SIGTERM or SIGINT; the second ends the process at once.
///
/// It listens once this returns, so whoever is told afterwards that the program is ready may stop it at once.
pub fn signals() -> CancellationToken {
    let stop = CancellationToken::new();
    let asked = stop.clone();
    let mut interrupts = Interrupts::listen();
    tokio::spawn(async move {
        interrupts.next().await;
        asked.cancel();
        interrupts.next().await;
        tracing::warn!("stopped at once, by a second signal");
        std::process::exit(130);
    });
    stop
}

/// The signals that ask a program to end. One that cannot be listened to keeps its ordinary effect: it ends the process.
#[cfg(unix)]
struct Interrupts {
    terminate: Option<tokio::signal::unix::Signal>,
    interrupt: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Interrupts {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind: SignalKind| {
            signal(kind)
                .inspect_err(|error| tracing::warn!(%error, signal = kind.as_raw_value(), "a signal cannot be listened to"))
                .ok()
        };
        Self {
            terminate: listen(SignalKind::terminate()),
            interrupt: listen(SignalKind::interrupt()),
        }
    }

    async fn next(&mut self) {
        tokio::select! {
            () = heard(&mut self.terminate) => {}
            () = heard(&mut self.interrupt) => {}
        }
    }
}

#[cfg(unix)]
async fn heard(signal: &mut Option<tokio::signal::unix::Signal>) {
    let came = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if came.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(not(unix))]
struct Interrupts;

#[cfg(not(unix))]
impl Interrupts {
    fn listen() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// What HTTP shows before and after there is a robot.
#[derive(Default)]
struct Front {
    slack: OnceLock<Slack>,
    seat: Arc<Seat>,
    routes: OnceLock<Router>,
}

impl Front {
    fn open(&self, slack: &Slack, robot: &Robot, intake: &CancellationToken) {
        // Called once, so none is set already.
        let _ = self.seat.take(robot.clone());
        let _ = self
            .routes
            .set(slack.router(Listens(Arc::clone(&self.seat)), intake));
        let _ = self.slack.set(slack.clone());
    }

    fn routes(self: &Arc<Self>, events: Entrance) -> Router {
        if events == Entrance::Socket {
            return Router::new();
        }
        let front = Arc::clone(self);
        let hand_on = move |request: Request| {
            let routes = front.routes.get().cloned();
            async move {
                match routes {
                    Some(routes) => match routes.oneshot(request).await {
                        Ok(answer) => answer,
                        Err(never) => match never {},
                    },
                    // Slack brings it again.
                    None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                }
            }
        };
        Router::new().route("/slack/{*rest}", any(hand_on))
    }
}

type Checks = std::pin::Pin<Box<dyn Future<Output = Vec<Check>> + Send>>;

fn readiness(front: Arc<Front>, store: Arc<dyn Opened>) -> impl Fn() -> Checks + Send + Sync + 'static {
    move || {
        let (front, store) = (Arc::clone(&front), Arc::clone(&store));
        Box::pin(async move {
            let slack = match front.slack.get() {
                None => Check::failed("slack", "not reached yet"),
                Some(slack) if slack.ready() => Check::ok("slack"),
                Some(slack) => match slack.sockets().and_then(|sockets| sockets.fatal()) {
                    Some(error) => Check::failed("slack", error.to_string()),
                    None => Check::failed("slack", "no socket is open"),
                },
            };
            let store = match store.check().await {
                Ok(()) => Check::ok("store"),
                Err(error) => Check::failed("store", error.to_string()),
            };
            vec![slack, store]
        })
    }
}
