//! Locks against a model: whatever people do and however time passes, the locks that hold are the ones of the model, they are in
//! the way of just whom they should, and who waits is told once, when the last of their locks is gone.

use super::*;
use crate::{
    Room, Services, UserId,
    audit::Entry,
    operations::Target,
    room::{Clock, Fuse},
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const PEOPLE: [&str; 3] = ["ann", "bob", "cid"];

fn targets() -> [LockTarget; 4] {
    [
        LockTarget::Service("api".into()),
        LockTarget::Environment("production".into()),
        LockTarget::Both("api".into(), "production".into()),
        LockTarget::Both("web".into(), "production".into()),
    ]
}

/// What people do.
#[derive(Debug, Clone)]
enum Step {
    /// Somebody locks, for so many minutes if it ends by itself.
    Lock(usize, usize, Option<i64>),
    /// Somebody takes a lock away.
    Unlock(usize),
    /// Somebody wants to be told.
    Wait(usize, usize),
    /// So many minutes pass.
    Pass(i64),
    /// A replica looks for locks that opened.
    Look,
}

fn any_step() -> impl Strategy<Value = Step> {
    let length = prop::option::of(prop::sample::select(vec![10, 30, 60]));
    prop_oneof![
        4 => (0..3usize, 0..4usize, length).prop_map(|(who, what, length)| Step::Lock(who, what, length)),
        2 => (0..4usize).prop_map(Step::Unlock),
        3 => (0..3usize, 0..4usize).prop_map(|(who, what)| Step::Wait(who, what)),
        2 => prop::sample::select(vec![5, 20, 40]).prop_map(Step::Pass),
        3 => Just(Step::Look),
    ]
}

/// A lock of the model; gone when its minute has come.
#[derive(Debug, Clone)]
struct Held {
    by: usize,
    until: Option<i64>,
    waiting: BTreeSet<usize>,
}

#[derive(Debug, Default)]
struct Model {
    minute: i64,
    locks: BTreeMap<usize, Held>,
}

impl Model {
    fn holds(&self, what: usize) -> bool {
        let held = self.locks.get(&what);
        held.is_some_and(|held| held.until.is_none_or(|until| self.minute < until))
    }

    fn step(&mut self, step: &Step) -> Vec<usize> {
        match *step {
            Step::Lock(by, what, length) => {
                if !self.holds(what) || self.locks[&what].by == by {
                    let waiting = self.locks.remove(&what).map(|held| held.waiting);
                    let held = Held {
                        by,
                        until: length.map(|length| self.minute + length),
                        waiting: waiting.unwrap_or_default(),
                    };
                    self.locks.insert(what, held);
                }
            }
            Step::Unlock(what) => {
                if self.holds(what) {
                    let minute = self.minute;
                    self.locks
                        .entry(what)
                        .and_modify(|held| held.until = Some(minute));
                }
            }
            Step::Wait(who, what) => {
                let target = targets()[what].target();
                let covering = (0..4).filter(|at| targets()[*at].covers(&target) && self.holds(*at));
                for at in covering.collect::<Vec<_>>() {
                    self.locks.entry(at).and_modify(|held| {
                        held.waiting.insert(who);
                    });
                }
            }
            Step::Pass(minutes) => self.minute += minutes,
            Step::Look => {
                let gone: Vec<_> = (0..4).filter(|what| !self.holds(*what)).collect();
                let mut tell = BTreeSet::new();
                for what in gone {
                    tell.extend(
                        self.locks
                            .remove(&what)
                            .map(|held| held.waiting)
                            .unwrap_or_default(),
                    );
                }
                let still: BTreeSet<_> = self
                    .locks
                    .values()
                    .flat_map(|held| &held.waiting)
                    .copied()
                    .collect();
                return tell.difference(&still).copied().collect();
            }
        }
        Vec::new()
    }
}

async fn act(services: &Services, clock: &Clock, step: &Step) -> Vec<usize> {
    let entry = Entry::new(Timestamp::UNIX_EPOCH, "did", "did");
    let person = |who: usize| UserId::new(PEOPLE[who]);
    match *step {
        Step::Lock(by, what, length) => {
            let now = services.store().now().await.unwrap();
            let lock_ = Lock {
                target: targets()[what].clone(),
                by: person(by),
                name: PEOPLE[by].into(),
                reason: "a test".into(),
                since: now,
                until: length.map(|length| now + SignedDuration::from_mins(length)),
                waiting: Vec::new(),
                opened_by: None,
                telling: None,
            };
            lock(services, &lock_, &entry).await.unwrap();
        }
        Step::Unlock(what) => {
            unlock(services, &targets()[what], None, "lea", &entry)
                .await
                .unwrap();
        }
        Step::Wait(who, what) => {
            let waiting = Waiting {
                user: person(who),
                channel: "C1".into(),
                thread: None,
            };
            wait_for(services, &targets()[what].target(), &waiting)
                .await
                .unwrap();
        }
        Step::Pass(minutes) => clock.jump(SignedDuration::from_mins(minutes)),
        Step::Look => {
            let mut tell = Vec::new();
            for found in opened(services, |_, _| entry.clone()).await.unwrap() {
                assert!(!found.again);
                for waiting in &found.tell {
                    tell.push(
                        PEOPLE
                            .iter()
                            .position(|who| *who == waiting.user.as_str())
                            .unwrap(),
                    );
                }
                told(services, &found).await.unwrap();
            }
            tell.sort_unstable();
            return tell;
        }
    }
    Vec::new()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn locks_do_as_their_model(steps in prop::collection::vec(any_step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let tried: Result<(), TestCaseError> = runtime.block_on(async {
            let clock = Clock::default();
            let room = Room::builder()
                .catalog("[environments.production]\n[environments.staging]\n[services.api]\n[services.web]")
                .fuse(Fuse::default(), clock.clone())
                .open();
            let services = room.robot().services().clone();
            let mut model = Model::default();
            for step in &steps {
                prop_assert_eq!(act(&services, &clock, step).await, model.step(step), "told after {:?}", step);
                let mut held: Vec<_> = locks(&services).await.unwrap().into_iter().map(|lock| lock.target).collect();
                held.sort();
                let mut expected: Vec<_> = (0..4).filter(|what| model.holds(*what)).map(|what| targets()[what].clone()).collect();
                expected.sort();
                prop_assert_eq!(held, expected, "held after {:?}", step);
                for (who, person) in PEOPLE.iter().enumerate() {
                    for target in [
                        Target::new("api", "production"),
                        Target::new("web", "production"),
                        Target::new("web", "staging"),
                    ] {
                        let in_the_way = (0..4)
                            .any(|what| model.holds(what) && targets()[what].covers(&target) && model.locks[&what].by != who);
                        let asked = Asked {
                            command: "deploy.deploy".into(),
                            role: None,
                            target: target.clone(),
                            user: (*person).into(),
                            channel: "C1".into(),
                            reason: None,
                        };
                        let waits = matches!(verdict(&services, &asked).await.kind, VerdictKind::Wait { .. });
                        prop_assert_eq!(waits, in_the_way, "{} on {} after {:?}", person, target, step);
                    }
                }
            }
            Ok(())
        });
        tried?;
    }
}
