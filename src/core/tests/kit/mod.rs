//! A world with versions in it, an action that ships them in three steps, and the commands to speak of it.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of it")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod chat;

use otus::{
    Card, Tone,
    chat::MessageRef,
    operations::{
        Action, Attempt, Change, Ending, Interrupted, Operation, OperationFilter, Outcome, Plan, Run, State,
        Target, Timing, Wish,
    },
    prelude::*,
    room::{Fuse, RoomBuilder},
    store::Store,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::watch;

/// Times for tests: everything soon, a lease that does not end while a busy machine catches its breath.
pub const SOON: Timing = Timing {
    lease: Duration::from_secs(30),
    poll: Duration::from_millis(20),
    sweep: Duration::from_millis(50),
    queue: Duration::from_millis(20),
    rest: Duration::from_secs(5),
    think: Duration::from_secs(5),
    settle: Duration::ZERO,
};

/// Something that was done to the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub operation: String,
    pub step: &'static str,
    pub generation: u64,
    pub version: String,
}

/// What there is to change. Shared by all replicas.
pub struct World {
    /// What runs where.
    pub versions: Mutex<BTreeMap<String, String>>,
    pub effects: Mutex<Vec<Effect>>,
    /// Plans fail with this.
    pub unplannable: Mutex<Option<String>>,
    /// Who may begin a step: of which service, or of any.
    pub open: watch::Sender<Vec<String>>,
    waiting: Mutex<Vec<Fuse>>,
    /// How many have asked to begin.
    pub asked: watch::Sender<u64>,
    pub gated: bool,
    /// The generations of runs that were interrupted in a step.
    pub interrupted: Mutex<Vec<u64>>,
}

impl Default for Ship {
    /// For the macro, which registers it for programs; a test makes its own.
    fn default() -> Self {
        Self(World::open(), Fuse::default())
    }
}

impl World {
    pub fn open() -> Arc<Self> {
        Self::new(false)
    }

    /// A world in which each step waits to be let.
    pub fn gated() -> Arc<Self> {
        Self::new(true)
    }

    fn new(gated: bool) -> Arc<Self> {
        Arc::new(Self {
            versions: Mutex::default(),
            effects: Mutex::default(),
            unplannable: Mutex::default(),
            open: watch::Sender::default(),
            waiting: Mutex::default(),
            asked: watch::Sender::new(0),
            gated,
            interrupted: Mutex::default(),
        })
    }

    pub fn version(&self, service: &str) -> String {
        let versions = self.versions.lock().unwrap();
        versions.get(service).cloned().unwrap_or_else(|| "1".into())
    }

    pub fn set(&self, service: &str, version: &str) {
        let mut versions = self.versions.lock().unwrap();
        versions.insert(service.into(), version.into());
    }

    pub fn effects(&self) -> Vec<Effect> {
        self.effects.lock().unwrap().clone()
    }

    /// Lets so many more steps begin.
    pub fn let_go(&self, steps: usize) {
        self.open
            .send_modify(|turns| turns.extend(vec![ANY.to_owned(); steps]));
    }

    /// Lets one step of this service begin.
    pub fn let_one(&self, service: &str) {
        self.open.send_modify(|turns| turns.push(service.to_owned()));
    }

    /// Waits until so many steps have asked to begin, in all.
    pub async fn wait_asked(&self, steps: u64) {
        let mut asked = self.asked.subscribe();
        soon(asked.wait_for(|asked| *asked >= steps)).await.unwrap();
    }

    /// Does one step, as the outside does: nothing for a worker that another one has come after, and nothing twice, since an action
    /// that is no idempotent one looks before it acts again.
    fn change(&self, service: &str, effect: Effect, attempt: Attempt) -> Result<()> {
        let mut effects = self.effects.lock().unwrap();
        let same = |held: &&Effect| held.operation == effect.operation;
        if effects
            .iter()
            .filter(same)
            .any(|held| held.generation > effect.generation)
        {
            return Err(std::io::Error::other("a newer worker was here").into());
        }
        let done = effects.iter().filter(same).any(|held| held.step == effect.step);
        if attempt == Attempt::First || !done {
            if effect.step == "set" {
                self.set(service, &effect.version);
            }
            effects.push(effect);
        }
        Ok(())
    }

    /// Waits to be let through a gate of this name, or of any; a dead one waits for ever and takes nobody's turn.
    async fn gate(&self, name: &str, fuse: &Fuse) {
        if !self.gated {
            return;
        }
        self.asked.send_modify(|asked| *asked += 1);
        let waiting = Waiting::at(self, fuse);
        let mut turns = self.open.subscribe();
        loop {
            let through = !fuse.is_burnt()
                && self.open.send_if_modified(|turns| {
                    let mine = turns.iter().position(|turn| turn == name || turn == ANY);
                    if let Some(mine) = mine {
                        turns.remove(mine);
                    }
                    mine.is_some()
                });
            if through {
                drop(waiting);
                return;
            }
            turns.changed().await.unwrap();
        }
    }

    /// How many of this replica's runs wait at a gate, or to be resumed.
    pub fn waiting(&self, fuse: &Fuse) -> usize {
        let waiting = self.waiting.lock().unwrap();
        waiting.iter().filter(|held| held.is(fuse)).count()
    }
}

/// Somebody who waits, also if cut off there.
struct Waiting<'a>(&'a World, Fuse);

impl<'a> Waiting<'a> {
    fn at(world: &'a World, fuse: &Fuse) -> Self {
        world.waiting.lock().unwrap().push(fuse.clone());
        Self(world, fuse.clone())
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock().unwrap();
        if let Some(at) = waiting.iter().position(|held| held.is(&self.1)) {
            waiting.swap_remove(at);
        }
    }
}

/// Waits for it, within reason.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("it does not come to pass")
}

/// A turn for anybody.
const ANY: &str = "*";

/// The steps of shipping.
pub const STEPS: [&str; 3] = ["prepare", "set", "settle"];

pub struct Shipping(pub Arc<World>, pub Fuse);

#[async_trait::async_trait]
impl Action for Shipping {
    fn kind(&self) -> &'static str {
        "ship"
    }

    fn pauses(&self) -> bool {
        true
    }

    async fn plan(&self, _: &Services, ask: &serde_json::Value) -> Result<Plan> {
        if let Some(why) = self.0.unplannable.lock().unwrap().clone() {
            return Err(UserError::new(why).into());
        }
        let service = ask["service"].as_str().unwrap().to_owned();
        let version = ask["version"].as_str().unwrap().to_owned();
        let now = self.0.version(&service);
        Ok(Plan {
            target: Target::new(&service, "production"),
            title: format!("Ship *{service}* {version}"),
            changes: vec![Change {
                what: "version".into(),
                from: Some(now.clone()),
                to: Some(version.clone()),
            }],
            exclusive: true,
            nothing_to_do: now == version,
            ..Plan::default()
        })
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        let operation = run.operation();
        let service = operation.ask["service"].as_str().unwrap().to_owned();
        let version = operation.ask["version"].as_str().unwrap().to_owned();
        if version == "panic" {
            panic!("as it was asked to");
        }
        if version == "wrong" {
            return Err(std::io::Error::other("postgres://u:hunter2@db refused").into());
        }
        if version == "refused" {
            return Err(UserError::new("The registry has no such image.").into());
        }
        for name in STEPS {
            if let Some(ending) = self.safe_point(&run).await? {
                return Ok(ending);
            }
            let title = format!("Ship *{service}* {version}: {name}");
            let effect = Effect {
                operation: operation.id.clone(),
                step: name,
                generation: run.generation(),
                version: version.clone(),
            };
            let (world, fuse, service) = (self.0.clone(), self.1.clone(), service.clone());
            let inner = run.clone();
            let act = move |attempt| async move {
                world.gate(&service, &fuse).await;
                let changed = fuse.pass(async { world.change(&service, effect, attempt) }).await;
                if changed.is_err() {
                    // The outside has seen a newer worker: is it still this one's to do?
                    inner.certain().await?;
                }
                changed
            };
            if let Err(error) = run.step(name, act).await {
                if error.is::<Interrupted>() {
                    self.0.interrupted.lock().unwrap().push(run.generation());
                }
                return Err(error);
            }
            run.show(Card::new(Tone::Running, title)).await;
        }
        Ok(Ending {
            outcome: Outcome::Succeeded,
            note: format!("{service} is at {version}."),
            card: Card::new(Tone::Good, format!("*{service}* is at {version}")),
        })
    }
}

impl Shipping {
    /// Where it can be stopped and held.
    async fn safe_point(&self, run: &Run) -> Result<Option<Ending>> {
        loop {
            match run.wish() {
                Wish::Go => {
                    if run.operation().state == State::Paused {
                        run.held(false).await?;
                    }
                    return Ok(None);
                }
                Wish::Cancel => {
                    return Ok(Some(Ending {
                        outcome: Outcome::Cancelled,
                        note: "It was stopped.".into(),
                        card: Card::new(Tone::Warning, "Stopped"),
                    }));
                }
                Wish::Pause => {
                    run.held(true).await?;
                    let _waiting = Waiting::at(&self.0, &self.1);
                    tokio::select! {
                        _ = run.wish_changed() => {}
                        () = run.over().cancelled() => return Err(Interrupted.into()),
                    }
                }
            }
        }
    }
}

/// Ships things.
#[derive(Clone)]
pub struct Ship(pub Arc<World>, pub Fuse);

#[responder]
impl Ship {
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(Shipping(self.0.clone(), self.1.clone()))]
    }

    /// Ships a service.
    #[respond(
        r"^ship (?<service>\S+) (?<version>\S+)$",
        usage = "ship <service> <version>",
        example = "ship api 2",
        effect = "operation"
    )]
    async fn ship(&self, cx: Context, service: String, version: String) -> Result {
        cx.propose(
            "ship",
            serde_json::json!({ "service": service, "version": version }),
        )
        .await
    }

    /// Confirms.
    #[respond(r"^confirm(?: (?<id>\S+))?$", usage = "confirm", effect = "control")]
    async fn confirm(&self, cx: Context, id: Option<String>) -> Result {
        let operations = cx.services().operations();
        let id = operations.meant(&cx, id.as_deref()).await?.id;
        operations.confirm(&cx, &id).await?;
        cx.react("ok").await
    }

    /// Approves.
    #[respond(r"^approve(?: (?<id>\S+))?$", usage = "approve", effect = "control")]
    async fn approve(&self, cx: Context, id: Option<String>) -> Result {
        let operations = cx.services().operations();
        let id = operations.meant(&cx, id.as_deref()).await?.id;
        operations.approve(&cx, &id).await?;
        cx.react("ok").await
    }

    /// Denies.
    #[respond(r"^deny(?: (?<id>\S+))?$", usage = "deny", effect = "control")]
    async fn deny(&self, cx: Context, id: Option<String>) -> Result {
        let operations = cx.services().operations();
        let id = operations.meant(&cx, id.as_deref()).await?.id;
        operations.deny(&cx, &id, Some("not today")).await?;
        cx.react("ok").await
    }

    /// Applies.
    #[respond(r"^apply(?: (?<id>\S+))?$", usage = "apply", effect = "control")]
    async fn apply(&self, cx: Context, id: Option<String>) -> Result {
        let operations = cx.services().operations();
        let id = operations.meant(&cx, id.as_deref()).await?.id;
        operations.apply(&cx, &id).await?;
        cx.react("ok").await
    }

    /// Queues.
    #[respond(r"^queue(?: (?<id>\S+))?$", usage = "queue", effect = "control")]
    async fn queue(&self, cx: Context, id: Option<String>) -> Result {
        let operations = cx.services().operations();
        let id = operations.meant(&cx, id.as_deref()).await?.id;
        operations.queue(&cx, &id).await?;
        cx.react("ok").await
    }

    /// Cancels.
    #[respond(r"^cancel(?: (?<id>\S+))?$", usage = "cancel", effect = "control")]
    async fn cancel(&self, cx: Context, id: Option<String>) -> Result {
        let operations = cx.services().operations();
        let id = operations.meant(&cx, id.as_deref()).await?.id;
        operations.cancel(&cx, &id).await?;
        cx.react("ok").await
    }

    /// Pauses.
    #[respond(r"^pause(?: (?<id>\S+))?$", usage = "pause", effect = "control")]
    async fn pause(&self, cx: Context, id: Option<String>) -> Result {
        let operations = cx.services().operations();
        let id = operations.meant(&cx, id.as_deref()).await?.id;
        operations.pause(&cx, &id).await?;
        cx.react("ok").await
    }

    /// Resumes.
    #[respond(r"^resume(?: (?<id>\S+))?$", usage = "resume", effect = "control")]
    async fn resume(&self, cx: Context, id: Option<String>) -> Result {
        let operations = cx.services().operations();
        let id = operations.meant(&cx, id.as_deref()).await?.id;
        operations.resume(&cx, &id).await?;
        cx.react("ok").await
    }
}

/// All operations, newest first.
pub async fn operations(store: &Arc<dyn Store>) -> Vec<Operation> {
    store.operations(&OperationFilter::default()).await.unwrap()
}

/// Waits until the newest operation passes.
pub async fn until(store: &Arc<dyn Store>, mut what: impl FnMut(&Operation) -> bool) -> Operation {
    soon(async {
        loop {
            if let Some(found) = operations(store)
                .await
                .into_iter()
                .find(|operation| what(operation))
            {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

/// The events of an operation in the audit trail, oldest first; steps as `name:how`.
pub async fn events(store: &Arc<dyn Store>, operation: &str) -> Vec<String> {
    let filter = otus::audit::AuditFilter {
        operation: Some(operation.into()),
        oldest_first: true,
        limit: 1_000,
        ..Default::default()
    };
    let recorded = store.audit(&filter).await.unwrap();
    recorded
        .into_iter()
        .map(|recorded| match recorded.entry.event.as_str() {
            "step" => format!(
                "{}:{}",
                recorded.entry.data["step"].as_str().unwrap(),
                recorded.entry.data["how"].as_str().unwrap()
            ),
            event => event.to_owned(),
        })
        .collect()
}

/// The message that shows an operation.
pub fn card_of(operation: &Operation) -> MessageRef {
    operation.card.clone().expect("it has a card")
}

/// A room in which things are shipped.
pub fn furnished(world: &Arc<World>, fuse: &Fuse) -> RoomBuilder {
    Room::builder()
        .responder(Ship(world.clone(), fuse.clone()))
        .timing(SOON)
        .catalog("[services.api]\n[services.web]\n[environments.production]\n")
}

/// When all is over: every operation has ended and is told, on one card that says what its row says; every effect was had once and
/// in order; the audit trail is unbroken and tells the same story as the rows.
pub async fn check(world: &World, store: &Arc<dyn Store>, room: &Room) {
    let all = operations(store).await;
    let messages = room.chat().messages();
    for operation in &all {
        let id = &operation.id;
        let context = format!(
            "{operation:#?}\n{:#?}\n{}",
            events(store, id).await,
            room.chat().transcript()
        );
        assert!(operation.state.is_over() && operation.told, "{context}");
        let key = format!("operation:{id}");
        let cards: Vec<_> = messages
            .iter()
            .filter(|(_, post)| post.key.as_deref() == Some(&key))
            .collect();
        assert_eq!(cards.len(), 1, "{context}");
        assert_eq!(Some(&cards[0].0), operation.card.as_ref(), "{context}");
        let truth = Post::from(room.robot().services().operations().card(operation));
        assert_eq!(cards[0].1.plain(), truth.plain(), "{context}");

        let effects: Vec<_> = world
            .effects()
            .into_iter()
            .filter(|effect| effect.operation == *id)
            .map(|effect| effect.step)
            .collect();
        assert!(STEPS.starts_with(&effects), "{effects:?}\n{context}");
        if operation.state == State::Succeeded && operation.started.is_some() {
            assert_eq!(effects, STEPS, "{context}");
        }
        let events = events(store, id).await;
        let count = |event: &str| events.iter().filter(|held| *held == event).count();
        assert_eq!(count("asked"), 1, "{context}");
        assert_eq!(
            count("started"),
            usize::from(operation.started.is_some()),
            "{context}"
        );
        let generation = usize::try_from(operation.lease.generation).unwrap();
        assert_eq!(count("started") + count("taken_up"), generation, "{context}");
        let last = events.last().unwrap().as_str();
        let expected = match operation.state {
            State::Succeeded | State::Failed | State::Unknown => vec!["ended"],
            State::Cancelled => vec!["ended", "cancelled"],
            State::Refused => vec!["decided", "refused"],
            State::Denied => vec!["denied"],
            State::Expired => vec!["expired"],
            State::Void => vec!["void"],
            State::Superseded => vec!["superseded"],
            other => panic!("{other:?} is no end"),
        };
        // Who comes too late is recorded, too.
        let last = if last == "turned_away" {
            events.iter().rev().find(|event| *event != "turned_away").unwrap()
        } else {
            last
        };
        assert!(expected.contains(&last), "{context}");
        for step in &effects {
            assert_eq!(count(&format!("{step}:done")), 1, "{context}");
        }
    }
    let mut verifier = otus::audit::Verifier::default();
    let filter = otus::audit::AuditFilter {
        oldest_first: true,
        limit: 100_000,
        ..Default::default()
    };
    for recorded in store.audit(&filter).await.unwrap() {
        verifier.next(&recorded).unwrap();
    }
}
