//! Random commands, restarts and races among them, on SQLite and PostgreSQL, each next to a simple model of what it should do:
//! the core's store in memory, and for claims, which know dead processes, a model of their own.

use crate::{
    samples::{all_entries, at, deploy, entry, operation, step},
    servers::fresh,
};
use otus_core::{
    EventKey, MemoryStore, MessageRef, Store, StoreError,
    audit::AuditFilter,
    operations::{Lease, Operation, OperationFilter, Saved, State},
    store::{ClaimStage, Deploy, DeployFilter, DeployState},
};
use otus_store::{Opened, StoreConfig};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Debug, Clone)]
enum Command {
    Claim(EventKey),
    Advance(EventKey, ClaimStage),
    Release(EventKey),
    /// Several at once, which land in one batch or in several.
    Together(Vec<EventKey>),
    Restart,
    Save {
        id: u8,
        change: Change,
        steps: Vec<(u32, Option<Value>)>,
        entries: Vec<String>,
        /// By so many at once, who all have read the same.
        savers: usize,
        /// Whether they have read what is there now.
        current: bool,
    },
    Swap {
        key: u8,
        value: Option<Value>,
        entries: Vec<String>,
        current: bool,
    },
    Remember(u8, Option<Value>),
    Record(Vec<String>),
    Deploy(Deploy),
    Operations(OperationFilter),
    Deploys(DeployFilter),
    Audit(AuditFilter),
}

/// What somebody makes of an operation.
#[derive(Debug, Clone)]
struct Change {
    service: Option<usize>,
    state: State,
    exclusive: bool,
    told: bool,
    generation: u64,
    card: Option<u8>,
}

impl Change {
    fn of(&self, held: Operation) -> Operation {
        let mut changed = held;
        changed.plan.target.service = self.service.map(|index| SERVICES[index].into());
        changed.plan.exclusive = self.exclusive;
        changed.state = self.state;
        changed.told = self.told;
        changed.lease = Lease {
            owner: self.told.then(|| "me".into()),
            generation: self.generation,
            until: self.told.then(|| at(5)),
        };
        changed.card = self.card.map(|id| MessageRef {
            channel: "C1".into(),
            id: format!("m{id}").into(),
        });
        changed
    }
}

/// Who claimed what, in which run, and how far it came.
#[derive(Default)]
struct Claims {
    run: u32,
    held: BTreeMap<String, (u32, ClaimStage)>,
}

fn names(key: &EventKey) -> Vec<String> {
    std::iter::once(key.id.clone()).chain(key.also.clone()).collect()
}

impl Claims {
    fn claim(&mut self, key: &EventKey) -> bool {
        let free = names(key).iter().all(|name| match self.held.get(name) {
            None => true,
            Some((run, stage)) => *run < self.run && *stage == ClaimStage::Claimed,
        });
        if free {
            for name in names(key) {
                self.held.insert(name, (self.run, ClaimStage::Claimed));
            }
        }
        free
    }

    fn own(&self, key: &EventKey) -> Vec<String> {
        let own = |name: &String| self.held.get(name).is_some_and(|(run, _)| *run == self.run);
        names(key).into_iter().filter(own).collect()
    }

    /// Whether it is another run's.
    fn lost(&self, key: &EventKey) -> bool {
        let other = |name: &String| self.held.get(name).is_some_and(|(run, _)| *run != self.run);
        names(key).iter().any(other)
    }

    fn advance(&mut self, key: &EventKey, stage: ClaimStage) {
        for name in self.own(key) {
            let held = self.held.get_mut(&name).unwrap();
            held.1 = held.1.max(stage);
        }
    }

    fn release(&mut self, key: &EventKey) {
        for name in self.own(key) {
            self.held.remove(&name);
        }
    }
}

const SERVICES: [&str; 3] = ["api", "web", ""];

fn key() -> impl Strategy<Value = EventKey> {
    (0..6u8, prop::option::of(0..6u8), "[\\PC]{0,2}").prop_map(|(id, also, odd)| EventKey {
        id: format!("E{id}{odd}"),
        also: also.map(|also| format!("M{also}")),
    })
}

fn stage() -> impl Strategy<Value = ClaimStage> {
    prop::sample::select(vec![ClaimStage::Claimed, ClaimStage::Answering, ClaimStage::Done])
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,4}".prop_map(|text| json!({ "é": [text, true] })),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let state = prop_oneof![
        2 => Just(State::Running),
        1 => Just(State::Paused),
        2 => prop::sample::select(State::ALL.to_vec()),
    ];
    let service = prop::option::weighted(0.8, 0..3usize);
    let card = prop::option::of(0..3u8);
    (
        service,
        state,
        prop::bool::weighted(0.8),
        any::<bool>(),
        0..4u64,
        card,
    )
        .prop_map(|(service, state, exclusive, told, generation, card)| Change {
            service,
            state,
            exclusive,
            told,
            generation,
            card,
        })
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("\\PC{0,6}", 0..3)
}

fn save() -> impl Strategy<Value = Command> {
    let steps = prop::collection::vec((0..4u32, prop::option::of(value())), 0..3);
    let savers = prop_oneof![4 => Just(1usize), 1 => 2..5usize];
    (
        0..5u8,
        change(),
        steps,
        texts(),
        savers,
        prop::bool::weighted(0.85),
    )
        .prop_map(|(id, change, steps, entries, savers, current)| Command::Save {
            id,
            change,
            steps,
            entries,
            savers,
            current,
        })
}

fn operations() -> impl Strategy<Value = Command> {
    let states = prop::collection::vec(prop::sample::select(State::ALL.to_vec()), 0..4);
    let (service, thread) = (prop::option::of(0..3usize), prop::option::of(0..4u8));
    (
        service,
        states,
        any::<bool>(),
        thread,
        prop::option::of("o[0-4]?"),
        0..4u32,
    )
        .prop_map(|(service, states, untold, thread, id_prefix, limit)| {
            Command::Operations(OperationFilter {
                service: service.map(|index| SERVICES[index].into()),
                states,
                untold,
                thread: thread.map(|id| MessageRef {
                    channel: "C1".into(),
                    id: if id == 3 {
                        "mo1".into()
                    } else {
                        format!("m{id}").into()
                    },
                }),
                id_prefix,
                limit,
                ..OperationFilter::default()
            })
        })
}

fn deploy_state() -> impl Strategy<Value = DeployState> {
    use DeployState::{Failed, Running, Stopped, Succeeded, Superseded};
    prop::sample::select(vec![Running, Succeeded, Failed, Superseded, Stopped])
}

fn deploys() -> impl Strategy<Value = Command> {
    let (service, state) = (prop::option::of(0..3usize), prop::option::of(deploy_state()));
    let moment = || prop::option::of(0..6i64);
    (service, state, moment(), moment(), 0..4u32).prop_map(|(service, state, since, before, limit)| {
        Command::Deploys(DeployFilter {
            service: service.map(|index| SERVICES[index].into()),
            state,
            since: since.map(at),
            before: before.map(at),
            limit,
            ..DeployFilter::default()
        })
    })
}

fn recorded() -> impl Strategy<Value = Command> {
    let id = 0..6i64;
    (id, deploy_state(), 0..4u64, "\\PC{0,6}").prop_map(|(id, state, generation, note)| {
        let service = SERVICES[usize::try_from(id).unwrap() % 3];
        Command::Deploy(Deploy {
            state,
            generation,
            note: Some(note),
            ..deploy(&format!("D{id}"), service, "production", id)
        })
    })
}

fn audit() -> impl Strategy<Value = Command> {
    let after = prop::option::of(0..30u64);
    (after, any::<bool>(), 0..6u32, any::<bool>()).prop_map(|(after, oldest_first, limit, events)| {
        Command::Audit(AuditFilter {
            after,
            oldest_first,
            limit,
            events: if events { vec!["locked".into()] } else { Vec::new() },
            ..AuditFilter::default()
        })
    })
}

fn command() -> impl Strategy<Value = Command> {
    let value = || prop::option::weighted(0.8, value());
    prop_oneof![
        5 => key().prop_map(Command::Claim),
        3 => (key(), stage()).prop_map(|(key, stage)| Command::Advance(key, stage)),
        2 => key().prop_map(Command::Release),
        2 => prop::collection::vec(key(), 1..8).prop_map(Command::Together),
        1 => Just(Command::Restart),
        12 => save(),
        4 => (0..3u8, value(), texts(), prop::bool::weighted(0.8)).prop_map(|(key, value, entries, current)| {
            Command::Swap { key, value, entries, current }
        }),
        2 => (0..3u8, value()).prop_map(|(key, value)| Command::Remember(key, value)),
        2 => texts().prop_map(Command::Record),
        4 => recorded(),
        2 => operations(),
        2 => deploys(),
        2 => audit(),
    ]
}

/// The store in question, and beside it what it should do.
struct Both {
    config: StoreConfig,
    store: Arc<dyn Opened>,
    model: MemoryStore,
    claims: Claims,
}

/// What somebody saves who has read an operation, or its absence, now or earlier.
async fn read(store: &dyn Store, id: &str, current: bool) -> Operation {
    let service = "api";
    let held = store.operation(id).await.unwrap();
    let mut held = held.unwrap_or_else(|| operation(id, service, "production", 1));
    if !current {
        held.revision = held.revision.checked_sub(1).unwrap_or(7);
    }
    held
}

async fn revision(store: &dyn Store, key: &str, current: bool) -> u64 {
    let all = store.entries("space").await.unwrap();
    let held = all.iter().find(|value| value.key == key);
    let held = held.map_or(0, |value| value.revision);
    if current {
        held
    } else {
        held.checked_sub(1).unwrap_or(7)
    }
}

impl Both {
    async fn run(&mut self, command: Command) -> Result<(), TestCaseError> {
        let entries_of =
            |texts: &[String]| texts.iter().map(|text| entry("locked", text)).collect::<Vec<_>>();
        match command {
            Command::Claim(key) => {
                prop_assert_eq!(self.store.claim(&key).await.unwrap(), self.claims.claim(&key));
            }
            Command::Advance(key, stage) => {
                // On SQLite nobody can have taken a claim over: one process has the file.
                let lost = self.config.url.is_some() && self.claims.lost(&key);
                match self.store.advance(&key, stage).await {
                    Ok(()) => prop_assert!(!lost),
                    Err(StoreError::Taken) => prop_assert!(lost),
                    Err(error) => panic!("{error}"),
                }
                self.claims.advance(&key, stage);
            }
            Command::Release(key) => {
                self.store.release(&key).await.unwrap();
                self.claims.release(&key);
            }
            Command::Together(keys) => {
                // Polled in order, so they are asked in order, and answered in it.
                let got = futures_util::future::join_all(keys.iter().map(|key| self.store.claim(key))).await;
                let got: Vec<bool> = got.into_iter().map(Result::unwrap).collect();
                let expected: Vec<bool> = keys.iter().map(|key| self.claims.claim(key)).collect();
                prop_assert_eq!(got, expected);
            }
            Command::Restart => {
                self.store.close().await.unwrap();
                self.store = otus_store::open(&self.config).await.unwrap();
                self.claims.run += 1;
            }
            Command::Save {
                id,
                change,
                steps,
                entries,
                savers,
                current,
            } => {
                let id = format!("o{id}");
                let entries = entries_of(&entries);
                let steps: Vec<_> = steps
                    .into_iter()
                    .map(|(number, result)| step(&id, number, result))
                    .collect();
                let changed = change.of(read(&*self.store, &id, current).await);
                let expected = change.of(read(&self.model, &id, current).await);
                prop_assert_eq!(&changed, &expected);
                let all = (0..savers).map(|_| self.store.save(&changed, &steps, &entries));
                let mut got: Vec<_> = futures_util::future::join_all(all)
                    .await
                    .into_iter()
                    .map(Result::unwrap)
                    .collect();
                let mut wanted = Vec::new();
                for _ in 0..savers {
                    wanted.push(self.model.save(&expected, &steps, &entries).await.unwrap());
                }
                // Whoever comes first; the others hear that they are late.
                let late = |saved: &Saved| *saved == Saved::Stale;
                got.sort_by_key(late);
                wanted.sort_by_key(late);
                prop_assert_eq!(got, wanted);
                prop_assert_eq!(
                    self.store.steps(&id).await.unwrap(),
                    self.model.steps(&id).await.unwrap()
                );
            }
            Command::Swap {
                key,
                value,
                entries,
                current,
            } => {
                let (key, entries) = (format!("k{key}"), entries_of(&entries));
                let mut answers = Vec::new();
                for store in [&*self.store as &dyn Store, &self.model] {
                    let revision = revision(store, &key, current).await;
                    answers.push(
                        store
                            .swap("space", &key, revision, value.as_ref(), &entries)
                            .await
                            .unwrap(),
                    );
                }
                prop_assert_eq!(answers[0], answers[1]);
            }
            Command::Remember(key, value) => {
                let key = format!("k{key}");
                self.store.remember("space", &key, value.clone()).await.unwrap();
                self.model.remember("space", &key, value).await.unwrap();
            }
            Command::Record(texts) => {
                let entries = entries_of(&texts);
                self.store.record(&entries).await.unwrap();
                self.model.record(&entries).await.unwrap();
            }
            Command::Deploy(deploy) => {
                prop_assert_eq!(
                    self.store.record_deploy(&deploy).await.unwrap(),
                    self.model.record_deploy(&deploy).await.unwrap()
                );
            }
            Command::Operations(filter) => prop_assert_eq!(
                self.store.operations(&filter).await.unwrap(),
                self.model.operations(&filter).await.unwrap()
            ),
            Command::Deploys(filter) => prop_assert_eq!(
                self.store.deploys(&filter).await.unwrap(),
                self.model.deploys(&filter).await.unwrap()
            ),
            Command::Audit(filter) => prop_assert_eq!(
                self.store.audit(&filter).await.unwrap(),
                self.model.audit(&filter).await.unwrap()
            ),
        }
        Ok(())
    }

    /// Everything there is.
    async fn compare(&self) -> Result<(), TestCaseError> {
        let filter = OperationFilter::default();
        prop_assert_eq!(
            self.store.operations(&filter).await.unwrap(),
            self.model.operations(&filter).await.unwrap()
        );
        let filter = DeployFilter::default();
        prop_assert_eq!(
            self.store.deploys(&filter).await.unwrap(),
            self.model.deploys(&filter).await.unwrap()
        );
        let values = async |store: &dyn Store| {
            let all = store.entries("space").await.unwrap();
            all.into_iter()
                .map(|value| (value.key, value.value))
                .collect::<Vec<_>>()
        };
        prop_assert_eq!(values(&*self.store).await, values(&self.model).await);
        prop_assert_eq!(all_entries(&*self.store).await, all_entries(&self.model).await);
        Ok(())
    }
}

async fn run(config: StoreConfig, commands: Vec<Command>) -> Result<(), TestCaseError> {
    let mut both = Both {
        store: otus_store::open(&config).await.unwrap(),
        config,
        model: MemoryStore::new(),
        claims: Claims::default(),
    };
    for command in commands {
        both.run(command).await?;
    }
    both.compare().await?;
    both.store.close().await.unwrap();
    Ok(())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    prop::collection::vec(command(), 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn sqlite_does_what_the_model_does(commands in commands()) {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig::at(folder.path().join("otus.sqlite"));
        runtime().block_on(run(config, commands))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 25, ..ProptestConfig::default() })]
    #[test]
    fn postgres_does_what_the_model_does(commands in commands()) {
        runtime().block_on(async { run(fresh().await, commands).await })?;
    }
}
