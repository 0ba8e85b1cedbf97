//! The life of a message. An adapter hands it to [`Robot::take`], which returns at once; from there on:
//!
//! 1. what robots said, and what nobody listens to, is left alone, at the cost of one pass of the router;
//! 2. the event is claimed in the store and the message kept there, so that no second delivery and no other replica works on
//!    it, and that it outlives this process; only then does the adapter have its receipt, by which it acknowledges;
//! 3. one command wins, everything that listens runs beside it;
//! 4. policy says whether this person may;
//! 5. the handler runs behind walls (a task, a deadline, a limit);
//! 6. whoever spoke to the robot gets an answer, whatever happened; then the message is forgotten.
//!
//! What a process that died did not come to the end of is taken up by another, or by the next start.

mod answer;
mod answers;
mod builder;
mod form;
mod left;
mod life;
mod mind;
mod quarantine;
mod rights;
mod route;
mod texts;
mod trail;

pub(crate) use answer::AT_IT;

use crate::{
    address::Names,
    chat::{Place, Urgency},
    isolation::Gates,
    message::Message,
    receipt::Receipt,
    responder::{Chooser, Handler},
    router::Router,
    services::Services,
    web::{self, Answer, Request, Route},
};
use answers::Answers;
pub use builder::{Builder, RobotConfig};
use futures_util::future::BoxFuture;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// The robot. Cheap to clone; all clones are the same robot.
#[derive(Clone)]
pub struct Robot(Arc<Inner>);

type Hook = Box<dyn FnOnce(Services) -> BoxFuture<'static, crate::Result> + Send>;

struct Inner {
    router: Router,
    names: Names,
    command_aliases: BTreeMap<String, String>,
    gates: Gates,
    services: Services,
    answers: Mutex<Answers>,
    tasks: TaskTracker,
    stop: CancellationToken,
    deadline: Duration,
    most_said: u32,
    /// So many failures within so long switch a responder off.
    failures: (u32, Duration),
    /// Where it is told, beside the channel it failed in.
    notices: Option<String>,
    hooks: Mutex<Vec<(&'static str, Hook)>>,
    /// What responders listen to over HTTP.
    routes: Vec<Route>,
    /// Who knows what there is to choose from, by responder.
    choosers: BTreeMap<&'static str, Chooser>,
    started: AtomicBool,
    born: Instant,
}

impl fmt::Debug for Robot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Robot")
            .field("name", &self.0.services.name())
            .finish_non_exhaustive()
    }
}

impl Robot {
    /// Begins to make one.
    pub fn builder(config: RobotConfig) -> Builder {
        Builder::new(config)
    }

    /// Takes a message in that nobody could bring again, and returns at once. May be called from any task of the runtime.
    pub fn receive(&self, message: Message) {
        self.take(message, Receipt::none());
    }

    /// Takes a message in and returns at once. The receipt is given when it is safe: kept until it is answered, or nobody's. May be
    /// called from any task of the runtime.
    pub fn take(&self, message: Message, receipt: Receipt) {
        let robot = self.clone();
        let id = message.event.short();
        let span = tracing::info_span!("message", id = %id, event = %message.event.id);
        self.0
            .tasks
            .spawn(async move { robot.live(id, message, receipt).await }.instrument(span));
    }

    /// Answers what came in over HTTP, by whichever responder listens to it; always, and within [`web::DEADLINE`].
    pub async fn serve(&self, request: Request) -> Answer {
        web::serve(&self.0.routes, self.services().clone(), request).await
    }

    /// Whether a responder listens to something over HTTP, so that [`Robot::serve`] is of use.
    pub fn listens(&self) -> bool {
        !self.0.routes.is_empty()
    }

    /// Says something in the channel for what concerns the robot itself (`robot.notices`), if there is one. What cannot be said is
    /// logged: it is never why something else fails.
    pub async fn notice(&self, post: crate::Post) {
        let Some(channel) = self.0.notices.clone() else {
            return;
        };
        let (chat, place) = (self.0.services.chat(), Place::channel(channel));
        if let Err(error) = chat.post(&place, &post, Urgency::More).await {
            tracing::warn!(%error, "a notice could not be given");
        }
    }

    /// Takes up what processes that died left, from now on, and runs the start hooks of the responders, each in a task of its own;
    /// a second call does nothing.
    pub fn start(&self) {
        if self.0.started.swap(true, Ordering::Relaxed) {
            return;
        }
        self.0.services.operations().sweep();
        self.take_up();
        let hooks = std::mem::take(&mut *self.0.hooks.lock().unwrap_or_else(PoisonError::into_inner));
        for (responder, hook) in hooks {
            let services = self.0.services.clone();
            let span = tracing::info_span!("start", responder);
            let run = async move {
                // In a task of its own, so that a panic is told rather than lost with the tracker's handle.
                match tokio::spawn(hook(services).in_current_span()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::error!(error = format!("{error:#}"), "the start hook failed"),
                    Err(error) => tracing::error!(%error, "the start hook ended abruptly"),
                }
            };
            self.0.tasks.spawn(run.instrument(span));
        }
    }

    /// Asks everything to come to a safe point, and waits for it at most so long. Answers whether all came to an end.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.0.stop.cancel();
        self.0.tasks.close();
        let rest = async {
            self.0.tasks.wait().await;
            self.0.services.engine().rest().await;
        };
        tokio::time::timeout(patience, rest).await.is_ok()
    }

    /// What handlers can reach.
    pub fn services(&self) -> &Services {
        &self.0.services
    }

    /// The router, to ask what would answer a line.
    pub fn router(&self) -> &Router {
        &self.0.router
    }

    /// How many messages are being worked on, and operations under way.
    pub fn busy(&self) -> usize {
        self.0.tasks.len() + self.0.services.engine().busy()
    }
}

/// The command's handler and its gate's name.
fn gate(handler: &Handler) -> String {
    handler.spec.id()
}
