//! Playing a story on the real engine and on the model at once.

use crate::{
    kit::{SOON, World, check, events, furnished, operations},
    model::{Command, FREEZE, Model, PEOPLE, SERVICES, SHIPPERS, SRES, Word},
};
use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};
use otus::{
    Room, Store,
    operations::{Operation, State, Timing},
    policy::{LOCKS, LockTarget},
    room::{Clock, Fuse, RoomChat},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Nothing sweeps but when the story says so.
const SLOW: Timing = Timing {
    sweep: Duration::from_secs(3600),
    poll: Duration::from_millis(5),
    queue: Duration::ZERO,
    ..SOON
};

/// How long the real engine may take to come to where the model is.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Stage {
    world: Arc<World>,
    chat: Arc<RoomChat>,
    clock: Clock,
    stores: [Arc<dyn Store>; 2],
    policy: String,
    replicas: [(Room, Fuse); 2],
    /// All that died, which must stay so.
    dead: Vec<(Room, Fuse)>,
    model: Model,
    /// The operations' ids, in the model's order.
    ids: Vec<String>,
    turn: usize,
}

/// What both can say about an operation.
#[derive(Debug, PartialEq, Eq)]
struct Fact {
    state: State,
    by: String,
    approvals: usize,
    steps: usize,
    generation: u64,
    told: bool,
}

impl Stage {
    pub(crate) fn new(stores: [Arc<dyn Store>; 2]) -> Self {
        let (world, chat, clock) = (World::gated(), Arc::new(RoomChat::default()), Clock::default());
        let moment = |seconds: i64| {
            let at = Timestamp::now().checked_add(seconds.seconds()).unwrap();
            at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M").to_string()
        };
        let policy = format!(
            r#"
            confirm_expires = "10m"
            approvals_expire = "30m"
            queue_expires = "1h"
            [[rules]]
            name = "shippers ship"
            commands = ["ship.ship"]
            roles = ["shipper"]
            [[rules]]
            name = "the api is approved by two"
            services = ["api"]
            approvals = 2
            approvers = "sre"
            [[rules]]
            name = "the web is confirmed"
            services = ["web"]
            confirm = true
            [[freezes]]
            name = "holidays"
            commands = ["ship.ship"]
            zone = "UTC"
            from = "{}"
            until = "{}"
            "#,
            moment(FREEZE.0),
            moment(FREEZE.1),
        );
        let replica = |store: &Arc<dyn Store>| open(&world, &chat, &clock, store, &policy);
        let replicas = [replica(&stores[0]), replica(&stores[1])];
        Self {
            world,
            chat,
            clock,
            stores,
            policy,
            replicas,
            dead: Vec::new(),
            model: Model::default(),
            ids: Vec::new(),
            turn: 0,
        }
    }

    /// Both take turns, so that what one began the other one goes on with.
    fn next(&mut self) -> usize {
        self.turn += 1;
        self.turn % 2
    }

    async fn say(&mut self, replica: usize, who: usize, line: &str) {
        self.replicas[replica]
            .0
            .say(PEOPLE[who], &format!("@otus {line}"))
            .await;
    }

    pub(crate) async fn play(&mut self, command: &Command) {
        match command {
            Command::Propose {
                who,
                service,
                version,
                queue,
                plan,
            } => {
                let replica = self.next();
                let (queued, planned) = (
                    if *queue { " --queue" } else { "" },
                    if *plan { " --plan" } else { "" },
                );
                let line = format!("ship {} {version}{queued}{planned}", SERVICES[*service]);
                self.model
                    .propose((*who, *service, *version), *queue, *plan, replica);
                self.say(replica, *who, &line).await;
                self.rest(command).await;
                let all = operations(&self.stores[0]).await;
                let new = all.iter().find(|operation| !self.ids.contains(&operation.id));
                self.ids
                    .push(new.expect("every proposal is an operation").id.clone());
            }
            Command::Say { who, word, which } => {
                let Some(this) = self.ids.len().checked_sub(which + 1) else {
                    return;
                };
                let replica = self.next();
                self.model.say(*who, *word, this, replica);
                let word = match word {
                    Word::Confirm => "confirm",
                    Word::Approve => "approve",
                    Word::Deny => "deny",
                    Word::Cancel => "cancel",
                    Word::Pause => "pause",
                    Word::Resume => "resume",
                    Word::Apply => "apply",
                };
                let line = format!("{word} {}", self.ids[this]);
                self.say(replica, *who, &line).await;
            }
            Command::Agree(who) => {
                if let Some((this, word, who)) = self.model.asks(*who) {
                    let which = self.ids.len() - 1 - this;
                    return Box::pin(self.play(&Command::Say { who, word, which })).await;
                }
            }
            Command::Let(service) => {
                if self.model.at_gate(*service).is_some() {
                    self.model.let_one(*service);
                    self.world.let_one(SERVICES[*service]);
                }
            }
            Command::Move(service, version) => {
                self.model.change(*service, *version);
                self.world.set(SERVICES[*service], &version.to_string());
            }
            Command::Lock(service) | Command::Unlock(service) => {
                let locked = matches!(command, Command::Lock(_));
                if self.model.is_locked(*service) != locked {
                    self.model.lock(*service, locked);
                    self.lock(SERVICES[*service], locked).await;
                }
            }
            Command::Crash(replica) => {
                self.model.crash(*replica);
                let new = open(
                    &self.world,
                    &self.chat,
                    &self.clock,
                    &self.stores[*replica],
                    &self.policy,
                );
                let old = std::mem::replace(&mut self.replicas[*replica], new);
                old.1.burn();
                self.dead.push(old);
            }
            Command::Jump(seconds) => self.jump(*seconds),
        }
        self.follow(command).await;
    }

    fn jump(&mut self, mut seconds: i64) {
        let sweeper = (self.turn + 1) % 2;
        self.model.now += seconds;
        while self.model.is_close() {
            self.model.now += 60;
            seconds += 60;
        }
        self.model.now -= seconds;
        self.model.jump(seconds, sweeper);
        self.clock.jump(SignedDuration::from_secs(seconds));
    }

    /// Waits until nobody does anything, lets one replica sweep, and holds what came of it against the model.
    async fn follow(&mut self, command: &Command) {
        self.rest(command).await;
        let sweeper = self.next();
        self.model.sweep(sweeper);
        let began = Instant::now();
        loop {
            let robot = self.replicas[sweeper].0.robot();
            robot.services().operations().sweep_once().await.unwrap();
            self.rest(command).await;
            let (real, model) = (self.real().await, self.modelled());
            // What was taken up from a process that lives waits twice, until the older one is gone.
            let runs = self.model.ops.iter().filter(|op| op.runner.is_some());
            if real == model && self.waiting() == runs.count() {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "after {command:?}\nreal  {real:#?}\nmodel {model:#?}\n{:#?}\n{}",
                self.model,
                self.story().await,
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until every task of both replicas is done, but for runs that wait to be let.
    async fn rest(&self, command: &Command) {
        let began = Instant::now();
        loop {
            let busy: usize = self.replicas.iter().map(|(room, _)| room.robot().busy()).sum();
            let waiting = self.waiting();
            if busy == waiting {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "after {command:?} they do not rest: {busy} busy, {waiting} of them wait\n{}",
                self.story().await,
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// How many runs of both replicas wait to be let, or to be resumed.
    fn waiting(&self) -> usize {
        self.replicas
            .iter()
            .map(|(_, fuse)| self.world.waiting(fuse))
            .sum()
    }

    async fn rows(&self) -> Vec<Operation> {
        let mut rows = Vec::new();
        for id in &self.ids {
            rows.push(self.stores[0].operation(id).await.unwrap().unwrap());
        }
        rows
    }

    async fn real(&self) -> Vec<Fact> {
        let effects = self.world.effects();
        self.rows()
            .await
            .into_iter()
            .map(|row| Fact {
                state: row.state,
                by: row.by.to_string(),
                approvals: row.approvals.len(),
                steps: effects.iter().filter(|effect| effect.operation == row.id).count(),
                generation: row.lease.generation,
                told: row.told || row.state.is_active(),
            })
            .collect()
    }

    fn modelled(&self) -> Vec<Fact> {
        self.model
            .ops
            .iter()
            .map(|op| Fact {
                state: op.state,
                by: PEOPLE[op.by].to_owned(),
                approvals: op.approvals.len(),
                steps: op.steps,
                generation: op.generation,
                told: true,
            })
            .collect()
    }

    async fn story(&self) -> String {
        let mut story = String::new();
        for row in self.rows().await {
            let events = events(&self.stores[0], &row.id).await;
            story.push_str(&format!("{} {} {:?}: {events:?}\n", row.id, row.line, row.state));
        }
        story + &self.chat.transcript()
    }

    async fn lock(&self, service: &str, locked: bool) {
        let store = &self.stores[0];
        let target = LockTarget::Service(service.to_owned());
        let held = store.entries(LOCKS).await.unwrap();
        let revision = held
            .iter()
            .find(|value| value.key == target.key())
            .map_or(0, |value| value.revision);
        let value = locked.then(|| {
            serde_json::json!({
                "target": target,
                "by": "zed",
                "name": "zed",
                "reason": "a story",
                "since": Timestamp::now(),
                "until": null,
                "waiting": [],
            })
        });
        let swapped = store
            .swap(LOCKS, &target.key(), revision, value.as_ref(), &[])
            .await
            .unwrap();
        assert!(swapped);
    }

    /// The story ends: what waits expires, what runs runs to its end, and everything is looked at once more.
    pub(crate) async fn end(mut self) {
        for service in 0..SERVICES.len() {
            Box::pin(self.play(&Command::Unlock(service))).await;
        }
        // Long past the freeze and every expiry.
        Box::pin(self.play(&Command::Jump(10 * 3600))).await;
        loop {
            let active = self.model.ops.iter().position(|op| op.state.is_active());
            let command = match active.map(|this| (this, &self.model.ops[this])) {
                Some((this, op)) if op.state == State::Paused => Command::Say {
                    who: 1,
                    word: Word::Resume,
                    which: self.ids.len() - 1 - this,
                },
                Some((_, op)) => Command::Let(op.service),
                None if self.model.ops.iter().all(|op| op.state.is_over()) => break,
                // What the queue has begun to ask for in between.
                None => Command::Jump(2 * 3600),
            };
            Box::pin(self.play(&command)).await;
        }
        for room in self.replicas.iter().chain(&self.dead) {
            while room.0.chat().take_unexpected().is_some() {}
        }
        check(&self.world, &self.stores[0], &self.replicas[0].0).await;
        for row in self.rows().await {
            self.was_agreed_to(&row).await;
        }
        self.one_at_a_time().await;
    }

    /// What had an effect had enough yeses of others, to exactly what was done, before it began.
    async fn was_agreed_to(&self, row: &Operation) {
        if !self
            .world
            .effects()
            .iter()
            .any(|effect| effect.operation == row.id)
        {
            return;
        }
        assert_eq!(row.hash, row.plan.hash());
        assert!(SHIPPERS.contains(&row.by.as_str()), "{row:#?}");
        let events = events(&self.stores[0], &row.id).await;
        let began = events.iter().position(|event| event == "started").unwrap();
        let before = |event: &str| events[..began].iter().filter(|held| *held == event).count();
        if row.plan.target.service.as_deref() == Some("api") {
            let mut by: Vec<_> = row
                .approvals
                .iter()
                .filter(|approval| approval.hash == row.hash && approval.by != row.by)
                .map(|approval| approval.by.as_str())
                .filter(|by| SRES.contains(by))
                .collect();
            by.sort_unstable();
            by.dedup();
            assert!(by.len() >= 2, "{row:#?}");
            assert!(before("approved") >= 2, "{events:?}");
        }
        if row.plan.target.service.as_deref() == Some("web") {
            assert_eq!(before("confirmed") + before("applied"), 1, "{events:?}");
        }
    }

    /// By the audit trail, never two on one target.
    async fn one_at_a_time(&self) {
        let filter = otus::audit::AuditFilter {
            oldest_first: true,
            limit: 100_000,
            ..Default::default()
        };
        let mut active: Vec<(String, String)> = Vec::new();
        for recorded in self.stores[0].audit(&filter).await.unwrap() {
            let entry = recorded.entry;
            let Some(id) = entry.operation else { continue };
            let target = entry.target.to_string();
            match entry.event.as_str() {
                "started" => {
                    assert!(
                        active.iter().all(|(_, held)| *held != target),
                        "two at once on {target}"
                    );
                    active.push((id, target));
                }
                "ended" => active.retain(|(held, _)| *held != id),
                _ => {}
            }
        }
        assert_eq!(active, []);
    }
}

fn open(
    world: &Arc<World>,
    chat: &Arc<RoomChat>,
    clock: &Clock,
    store: &Arc<dyn Store>,
    policy: &str,
) -> (Room, Fuse) {
    let fuse = Fuse::default();
    let room = furnished(world, &fuse)
        .catalog("[services.api]\n[services.web]\n[services.job]\n[environments.production]\n")
        .role("shipper", &SHIPPERS)
        .role("sre", &SRES)
        .policy(policy)
        .timing(SLOW)
        .store(store.clone())
        .chat(chat.clone())
        .fuse(fuse.clone(), clock.clone())
        .open();
    (room, fuse)
}
