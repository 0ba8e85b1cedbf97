//! Random commands, restarts among them, on SQLite and on a simple model of what it should do.

use crate::samples;
use jiff::Timestamp;
use otus_core::{
    EventKey, Store as _,
    store::{Begun, ClaimStage, Deploy, DeployFilter, DeployState},
};
use otus_store::{SqliteStore, StoreConfig};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Command {
    Claim(EventKey),
    Advance(EventKey, ClaimStage),
    Release(EventKey),
    /// Several at once, which land in one batch or in several.
    Together(Vec<EventKey>),
    Restart,
    Begin(usize, usize),
    Save(usize, String),
    End(usize, DeployState),
    List(DeployFilter),
}

#[derive(Default)]
struct Model {
    run: u32,
    /// Name to run and stage.
    claims: BTreeMap<String, (u32, ClaimStage)>,
    deploys: Vec<Deploy>,
}

fn names(key: &EventKey) -> Vec<String> {
    std::iter::once(key.id.clone()).chain(key.also.clone()).collect()
}

impl Model {
    fn claim(&mut self, key: &EventKey) -> bool {
        let free = names(key).iter().all(|name| match self.claims.get(name) {
            None => true,
            Some((run, stage)) => *run < self.run && *stage == ClaimStage::Claimed,
        });
        if free {
            self.claims.extend(
                names(key)
                    .into_iter()
                    .map(|name| (name, (self.run, ClaimStage::Claimed))),
            );
        }
        free
    }

    fn own(&self, name: &str) -> bool {
        self.claims.get(name).is_some_and(|(run, _)| *run == self.run)
    }

    fn advance(&mut self, key: &EventKey, stage: ClaimStage) {
        for name in names(key)
            .into_iter()
            .filter(|name| self.own(name))
            .collect::<Vec<_>>()
        {
            let held = self.claims.get_mut(&name).unwrap();
            held.1 = held.1.max(stage);
        }
    }

    fn release(&mut self, key: &EventKey) {
        for name in names(key)
            .into_iter()
            .filter(|name| self.own(name))
            .collect::<Vec<_>>()
        {
            self.claims.remove(&name);
        }
    }

    fn running(&self, service: &str, environment: &str) -> Option<&Deploy> {
        let same = |deploy: &&Deploy| deploy.service == service && deploy.environment == environment;
        self.deploys
            .iter()
            .filter(same)
            .find(|deploy| deploy.state == DeployState::Running)
    }

    fn find(&self, filter: &DeployFilter) -> Vec<Deploy> {
        let keep = |deploy: &&Deploy| {
            filter
                .service
                .as_ref()
                .is_none_or(|service| *service == deploy.service)
                && filter.state.is_none_or(|state| state == deploy.state)
                && filter.since.is_none_or(|since| since <= deploy.began)
        };
        let mut found: Vec<_> = self.deploys.iter().filter(keep).cloned().collect();
        found.sort_by(|a, b| (b.began, &b.id).cmp(&(a.began, &a.id)));
        found.truncate(if filter.limit == 0 {
            100
        } else {
            filter.limit as usize
        });
        found
    }
}

const SERVICES: [&str; 2] = ["api", "web"];
const ENVIRONMENTS: [&str; 2] = ["staging", "production"];

fn key() -> impl Strategy<Value = EventKey> {
    (0..6u8, prop::option::of(0..6u8), "[\\PC]{0,2}").prop_map(|(id, also, odd)| EventKey {
        id: format!("E{id}{odd}"),
        also: also.map(|also| format!("M{also}")),
    })
}

fn stage() -> impl Strategy<Value = ClaimStage> {
    prop::sample::select(vec![ClaimStage::Claimed, ClaimStage::Answering, ClaimStage::Done])
}

fn ended() -> impl Strategy<Value = DeployState> {
    use DeployState::{Failed, Stopped, Succeeded, Superseded};
    prop::sample::select(vec![Succeeded, Failed, Superseded, Stopped])
}

fn command() -> impl Strategy<Value = Command> {
    let filter = (
        prop::option::of(0..2usize),
        prop::option::of(ended()),
        prop::option::of(0..20i64),
        0..4u32,
    )
        .prop_map(|(service, state, since, limit)| DeployFilter {
            service: service.map(|index| SERVICES[index].into()),
            state,
            since: since.map(|s| Timestamp::from_second(s).unwrap()),
            limit,
            ..DeployFilter::default()
        });
    prop_oneof![
        6 => key().prop_map(Command::Claim),
        3 => (key(), stage()).prop_map(|(key, stage)| Command::Advance(key, stage)),
        2 => key().prop_map(Command::Release),
        2 => prop::collection::vec(key(), 1..8).prop_map(Command::Together),
        1 => Just(Command::Restart),
        4 => (0..2usize, 0..2usize).prop_map(|(service, environment)| Command::Begin(service, environment)),
        2 => (0..8usize, "\\PC{0,6}").prop_map(|(index, note)| Command::Save(index, note)),
        3 => (0..8usize, ended()).prop_map(|(index, state)| Command::End(index, state)),
        2 => filter.prop_map(Command::List),
    ]
}

async fn run(commands: Vec<Command>) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig::at(folder.path().join("otus.sqlite"));
    let mut store = SqliteStore::open(&config).await.unwrap();
    let mut model = Model::default();
    for command in commands {
        match command {
            Command::Claim(key) => prop_assert_eq!(store.claim(&key).await.unwrap(), model.claim(&key)),
            Command::Advance(key, stage) => {
                store.advance(&key, stage).await.unwrap();
                model.advance(&key, stage);
            }
            Command::Release(key) => {
                store.release(&key).await.unwrap();
                model.release(&key);
            }
            Command::Together(keys) => {
                // Polled in order, so they are asked in order, and answered in it.
                let got = futures_util::future::join_all(keys.iter().map(|key| store.claim(key))).await;
                let got: Vec<bool> = got.into_iter().map(Result::unwrap).collect();
                let expected: Vec<bool> = keys.iter().map(|key| model.claim(key)).collect();
                prop_assert_eq!(got, expected);
            }
            Command::Restart => {
                store.close().await.unwrap();
                store = SqliteStore::open(&config).await.unwrap();
                model.run += 1;
            }
            Command::Begin(service, environment) => {
                let (service, environment) = (SERVICES[service], ENVIRONMENTS[environment]);
                let count = i64::try_from(model.deploys.len()).unwrap();
                let deploy = samples::deploy(&format!("D{count}"), service, environment, count);
                let got = store.begin_deploy(&deploy).await.unwrap();
                match model.running(service, environment) {
                    Some(running) => prop_assert_eq!(got, Begun::Busy(Box::new(running.clone()))),
                    None => {
                        prop_assert_eq!(got, Begun::Yes);
                        model.deploys.push(deploy);
                    }
                }
            }
            Command::Save(index, note) => {
                if let Some(held) = model.deploys.get_mut(index) {
                    let saved = Deploy {
                        note: Some(note),
                        ..held.clone()
                    };
                    store.save_deploy(&saved).await.unwrap();
                    if held.state == DeployState::Running {
                        *held = saved;
                    }
                }
            }
            Command::End(index, state) => {
                if let Some(held) = model.deploys.get_mut(index) {
                    let ended = Deploy {
                        state,
                        ended: Some(held.began),
                        ..held.clone()
                    };
                    let running = held.state == DeployState::Running;
                    prop_assert_eq!(store.end_deploy(&ended).await.unwrap(), running);
                    if running {
                        *held = ended;
                    }
                }
            }
            Command::List(filter) => {
                prop_assert_eq!(store.deploys(&filter).await.unwrap(), model.find(&filter))
            }
        }
    }
    prop_assert_eq!(
        store.deploys(&DeployFilter::default()).await.unwrap(),
        model.find(&DeployFilter::default())
    );
    store.close().await.unwrap();
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn the_store_does_what_the_model_does(commands in prop::collection::vec(command(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(commands))?;
    }
}
