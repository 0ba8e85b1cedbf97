//! Locks and elevations in a store, with several who act at once, and what is gathered when something is away.

use super::*;
use crate::{
    Chat, ChatError, Robot, RobotConfig, Services, UserId,
    audit::{AuditFilter, Entry},
    catalog::Catalog,
    operations::Target,
    room::RoomChat,
    store::{MemoryStore, Store},
};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

fn services_with(chat: Arc<dyn Chat>, store: Arc<dyn Store>, policy: &str, roles: &str) -> Services {
    let robot = Robot::builder(RobotConfig::default())
        .catalog(toml::from_str::<Catalog>("[environments.production]\n[services.api]").unwrap())
        .roles(toml::from_str(roles).unwrap())
        .policy(toml::from_str(policy).unwrap())
        .build(chat, store);
    robot.unwrap().services().clone()
}

fn services() -> Services {
    services_with(
        Arc::new(RoomChat::default()),
        Arc::new(MemoryStore::new()),
        "",
        "",
    )
}

fn api() -> LockTarget {
    LockTarget::Service("api".into())
}

fn a_lock(target: LockTarget, by: &str, length: i64) -> Lock {
    let now = Timestamp::now();
    Lock {
        target,
        by: by.into(),
        name: by.to_uppercase(),
        reason: "a migration".into(),
        since: now,
        until: now.checked_add(SignedDuration::from_secs(length)).ok(),
        waiting: Vec::new(),
        opened_by: None,
        telling: None,
    }
}

fn entry(event: &str) -> Entry {
    Entry::new(Timestamp::now(), event, event)
}

fn waiting(user: &str) -> Waiting {
    Waiting {
        user: user.into(),
        channel: "C1".into(),
        thread: None,
    }
}

async fn trail(services: &Services) -> Vec<String> {
    let all = AuditFilter {
        oldest_first: true,
        ..AuditFilter::default()
    };
    let recorded = services.store().audit(&all).await.unwrap();
    recorded
        .into_iter()
        .map(|recorded| recorded.entry.event)
        .collect()
}

async fn all_opened(services: &Services) -> Vec<Opened> {
    opened(services, |_, _| entry("expired")).await.unwrap()
}

#[tokio::test]
async fn a_lock_is_one_persons_and_renewed_by_them() {
    let services = services();
    let first = a_lock(api(), "ann", 3600);
    assert_eq!(
        lock(&services, &first, &entry("locked")).await.unwrap(),
        Locking::Done(first.clone())
    );
    let other = a_lock(api(), "bob", 3600);
    assert_eq!(
        lock(&services, &other, &entry("locked")).await.unwrap(),
        Locking::Taken(first.clone())
    );
    wait_for(&services, &Target::new("api", "production"), &waiting("bob"))
        .await
        .unwrap();
    wait_for(&services, &api().target(), &waiting("bob"))
        .await
        .unwrap();
    let renewed = a_lock(api(), "ann", 7200);
    let expected = Lock {
        waiting: vec![waiting("bob")],
        ..renewed.clone()
    };
    assert_eq!(
        lock(&services, &renewed, &entry("locked")).await.unwrap(),
        Locking::Done(expected.clone())
    );
    assert_eq!(locks(&services).await.unwrap(), std::slice::from_ref(&expected));
    // Another lock than the one that is meant is left alone.
    let only = Some((&UserId::new("ann"), first.since));
    assert_eq!(
        unlock(&services, &api(), only, "ANN", &entry("unlocked"))
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        unlock(&services, &api(), None, "LEA", &entry("unlocked"))
            .await
            .unwrap(),
        Some(expected)
    );
    assert_eq!(locks(&services).await.unwrap(), []);
    let told_ = all_opened(&services).await;
    assert_eq!(told_.len(), 1);
    assert_eq!(told_[0].tell, [waiting("bob")]);
    assert_eq!(told_[0].lock.opened_by.as_deref(), Some("LEA"));
    assert_eq!(all_opened(&services).await, []);
    told(&services, &told_[0]).await.unwrap();
    assert_eq!(services.store().entries(LOCKS).await.unwrap(), []);
    assert_eq!(trail(&services).await, ["locked", "locked", "unlocked"]);
}

#[tokio::test]
async fn a_lock_whose_time_is_over_is_gone_and_told_once() {
    let services = services();
    for lock_ in [
        a_lock(api(), "ann", -1),
        a_lock(LockTarget::Environment("production".into()), "ann", 3600),
    ] {
        let lock_ = Lock {
            waiting: vec![waiting("bob")],
            ..lock_
        };
        let value = serde_json::to_value(&lock_).unwrap();
        let key = lock_.target.key();
        assert!(
            services
                .store()
                .swap(LOCKS, &key, 0, Some(&value), &[])
                .await
                .unwrap()
        );
    }
    assert_eq!(locks(&services).await.unwrap().len(), 1);
    // Bob waits for production, too, and is told when that opens.
    let told = all_opened(&services).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].tell, []);
    assert_eq!(trail(&services).await, ["expired"]);
    let production = LockTarget::Environment("production".into());
    unlock(&services, &production, None, "ANN", &entry("unlocked"))
        .await
        .unwrap();
    assert_eq!(all_opened(&services).await[0].tell, [waiting("bob")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_lock_at_once_one_does_and_of_many_who_look_one_finds() {
    for _ in 0..20 {
        let services = services();
        let people: Vec<_> = (0..8).map(|number| format!("u{number}")).collect();
        let tries = people.iter().map(|person| {
            let (services, person) = (services.clone(), person.clone());
            tokio::spawn(async move {
                let lock_ = a_lock(api(), &person, 3600);
                let done = lock(&services, &lock_, &entry("locked")).await.unwrap();
                wait_for(&services, &api().target(), &waiting(&person))
                    .await
                    .unwrap();
                matches!(done, Locking::Done(_))
            })
        });
        let mut done = 0;
        for one in tries.collect::<Vec<_>>() {
            done += usize::from(one.await.unwrap());
        }
        assert_eq!(done, 1);
        assert_eq!(locks(&services).await.unwrap()[0].waiting.len(), 8);
        unlock(&services, &api(), None, "X", &entry("unlocked"))
            .await
            .unwrap();
        let looks = (0..4).map(|_| {
            let services = services.clone();
            tokio::spawn(async move { all_opened(&services).await })
        });
        let mut told = 0;
        for one in looks.collect::<Vec<_>>() {
            told += one
                .await
                .unwrap()
                .iter()
                .map(|opened| opened.tell.len())
                .sum::<usize>();
        }
        assert_eq!(told, 8);
        assert_eq!(trail(&services).await, ["locked", "unlocked"]);
    }
}

#[tokio::test]
async fn the_glass_breaks_is_sealed_and_is_whole_again() {
    let services = services();
    let now = Timestamp::now();
    let elevation = |by: &str, seconds: i64| Elevation {
        by: by.into(),
        name: by.to_uppercase(),
        channel: "C1".into(),
        reason: "fire".into(),
        since: now,
        until: now.checked_add(SignedDuration::from_secs(seconds)).unwrap(),
        telling: None,
    };
    for elevation in [elevation("ann", 3600), elevation("bob", -1)] {
        break_glass(&services, &elevation, &entry("broken"))
            .await
            .unwrap();
    }
    assert_eq!(broken(&services).await.unwrap(), [elevation("ann", 3600)]);
    let over = whole_again(&services, |_, _| entry("whole")).await.unwrap();
    assert_eq!(over.len(), 1);
    assert_eq!(
        (&over[0].elevation.by, over[0].again),
        (&UserId::new("bob"), false)
    );
    assert_eq!(whole_again(&services, |_, _| entry("whole")).await.unwrap(), []);
    told_whole(&services, &over[0]).await.unwrap();
    assert_eq!(services.store().entries(ELEVATIONS).await.unwrap().len(), 1);
    let sealed = seal(&services, &"ann".into(), &entry("sealed")).await.unwrap();
    assert_eq!(sealed, Some(elevation("ann", 3600)));
    assert_eq!(
        seal(&services, &"ann".into(), &entry("sealed")).await.unwrap(),
        None
    );
    assert_eq!(trail(&services).await, ["broken", "broken", "whole", "sealed"]);
}

const RULES: &str = "
    [[rules]]
    name = 'in the open'
    channels = ['#deploys']
    [[rules]]
    name = 'by the crew'
    roles = ['crew']
";
const ROLES: &str = "deployer = ['ann']\ncrew = ['@crew']\nidle = ['@idle']";

fn asked() -> Asked {
    Asked {
        command: "deploy.deploy".into(),
        role: Some("deployer".into()),
        target: Target::new("api", "production"),
        user: "ann".into(),
        channel: "C1".into(),
        reason: None,
    }
}

/// A chat that answers as it is told to, and remembers what it was asked.
struct Directory {
    answer: Result<bool, ChatError>,
    hangs: bool,
    asked: std::sync::Mutex<Vec<String>>,
    inner: RoomChat,
}

impl Directory {
    fn new(answer: Result<bool, ChatError>, hangs: bool) -> Arc<Self> {
        Arc::new(Self {
            answer,
            hangs,
            asked: Default::default(),
            inner: RoomChat::default(),
        })
    }
}

#[async_trait]
impl Chat for Directory {
    async fn post(
        &self,
        place: &crate::Place,
        post: &crate::Post,
        urgency: crate::Urgency,
    ) -> Result<crate::MessageRef, ChatError> {
        self.inner.post(place, post, urgency).await
    }
    async fn update(
        &self,
        message: &crate::MessageRef,
        post: &crate::Post,
        urgency: crate::Urgency,
    ) -> Result<(), ChatError> {
        self.inner.update(message, post, urgency).await
    }
    async fn whisper(&self, place: &crate::Place, to: &UserId, post: &crate::Post) -> Result<(), ChatError> {
        self.inner.whisper(place, to, post).await
    }
    async fn react(&self, message: &crate::MessageRef, emoji: &str) -> Result<(), ChatError> {
        self.inner.react(message, emoji).await
    }
    async fn upload(&self, place: &crate::Place, file: crate::File) -> Result<(), ChatError> {
        self.inner.upload(place, file).await
    }
    async fn channel_name(&self, channel: &crate::ChannelId) -> Result<String, ChatError> {
        self.asked.lock().unwrap().push(format!("name of {channel}"));
        if self.hangs {
            std::future::pending::<()>().await;
        }
        self.answer.clone().map(|_| "deploys".into())
    }
    async fn person(&self, user: &UserId) -> Result<crate::Person, ChatError> {
        self.inner.person(user).await
    }
    async fn in_group(&self, user: &UserId, group: &str) -> Result<bool, ChatError> {
        self.asked.lock().unwrap().push(format!("{user} in {group}"));
        if self.hangs {
            std::future::pending::<()>().await;
        }
        self.answer.clone()
    }
}

async fn rule(services: &Services) -> (bool, String) {
    let verdict = verdict(services, &asked()).await;
    (verdict.kind == VerdictKind::Allow, verdict.rule)
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_is_down_hangs_or_says_no_is_a_refusal() {
    let store = || Arc::new(MemoryStore::new());
    let chat = Directory::new(Ok(true), false);
    let services = services_with(chat.clone(), store(), RULES, ROLES);
    assert_eq!(rule(&services).await, (true, "the role `deployer` may".into()));
    // Nobody asks for what no rule names.
    assert_eq!(*chat.asked.lock().unwrap(), ["ann in crew", "name of C1"]);

    let no = services_with(Directory::new(Ok(false), false), store(), RULES, ROLES);
    assert_eq!(
        rule(&no).await,
        (
            false,
            "by the crew: only the role `crew` may, which who asked does not have".into()
        )
    );
    let down = ChatError::Unreachable("it is away".into());
    let services = services_with(Directory::new(Err(down), false), store(), RULES, ROLES);
    assert_eq!(
        rule(&services).await,
        (
            false,
            "in the open: only in #deploys, and what this channel is called cannot be found out".into()
        )
    );
    let by_role = &RULES[RULES.find("    [[rules]]\n    name = 'by").unwrap()..];
    let down = ChatError::Unreachable("it is away".into());
    let services = services_with(Directory::new(Err(down), false), store(), by_role, ROLES);
    assert_eq!(
        rule(&services).await,
        (
            false,
            "by the crew: only the role `crew` may, and whether who asked has it cannot be told: the group `crew` cannot be \
             looked at: the chat system cannot be reached: it is away"
                .into()
        )
    );
    let services = services_with(Directory::new(Ok(true), true), store(), by_role, ROLES);
    assert_eq!(
        rule(&services).await,
        (
            false,
            "by the crew: only the role `crew` may, and whether who asked has it cannot be told: no answer within 3 s".into()
        )
    );
}

#[tokio::test]
async fn a_role_nobody_defined_is_a_refusal_wherever_it_is_named() {
    let services = services_with(
        Arc::new(RoomChat::default()),
        Arc::new(MemoryStore::new()),
        "",
        "",
    );
    assert_eq!(
        rule(&services).await,
        (
            false,
            "it asks for the role `deployer`, and whether who asked has it cannot be told: the role `deployer` is not \
             defined, so nobody has it"
                .into()
        )
    );
    // A robot with such a rule does not start; should the rules ever come from elsewhere, it is a refusal.
    let policy: Policy =
        toml::from_str("[[rules]]\nname = 'two'\napprovals = 1\napprovers = 'ghost'").unwrap();
    let facts = gather(&services, &policy, &asked()).await;
    assert_eq!(
        facts.unknown,
        ["two: the role `ghost` that approves is not defined, so nobody has it"]
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_a_refusal() {
    let chat = Arc::new(RoomChat::default());
    let store = Arc::new(MemoryStore::new());
    let services = services_with(chat, store.clone(), "", "deployer = ['*']");
    assert_eq!(rule(&services).await, (true, "the role `deployer` may".into()));
    let garbage = serde_json::json!({ "target": "what?" });
    store.swap(LOCKS, "api/*", 0, Some(&garbage), &[]).await.unwrap();
    let (allowed, rule) = rule(&services).await;
    assert!(!allowed);
    assert!(
        rule.starts_with(
            "whether something is locked cannot be told: the store holds something unreadable: policy.locks api/*: "
        ),
        "{rule}"
    );
}
