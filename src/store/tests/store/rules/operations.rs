//! Operations and their journals.

use super::AnyStore;
use crate::samples::{all_entries, at, entry, operation, step};
use otus_core::{
    Card, MessageRef, Tone,
    operations::{Approval, Ending, Lease, Operation, OperationFilter, Outcome, Saved, State, Target, Wish},
};
use serde_json::json;

/// Saves a new one, or the next revision of one.
async fn save(store: &AnyStore, operation: &mut Operation) {
    match store.save(operation, &[], &[]).await.unwrap() {
        Saved::Yes(revision) => operation.revision = revision,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn an_operation_comes_back_as_it_was(store: AnyStore) {
    let mut plain = operation("o1", "api", "production", 1_700_000_000);
    save(&store, &mut plain).await;
    assert_eq!(plain.revision, 1);
    let mut full = Operation {
        reason: Some("it's \"urgent\" é\n🦉\0".into()),
        approvals: vec![Approval {
            by: "U2".into(),
            at: at(3),
            hash: plain.hash.clone(),
            roles: vec!["leads".into()],
        }],
        expires: Some(at(1_700_000_900)),
        started: Some(jiff::Timestamp::new(1_700_000_001, 123_456_789).unwrap()),
        ended: Some(at(1_700_000_050)),
        state: State::Failed,
        card: Some(MessageRef {
            channel: "C2".into(),
            id: "1.5".into(),
        }),
        wish: Wish::Cancel,
        wished_by: Some("U3".into()),
        lease: Lease {
            owner: Some("0f3c".into()),
            generation: 7,
            until: Some(at(1_700_000_030)),
        },
        progress: json!({"pods": [1, 0.1, null]}),
        ending: Some(Ending {
            outcome: Outcome::Failed,
            note: "it crashed".into(),
            card: Card::new(Tone::Bad, "api failed"),
        }),
        told: true,
        ..operation("o2", "web", "staging", 1_700_000_002)
    };
    full.plan.target.environment = None;
    save(&store, &mut full).await;
    assert_eq!(store.operation("o1").await.unwrap().as_ref(), Some(&plain));
    assert_eq!(store.operation("o2").await.unwrap().as_ref(), Some(&full));
    assert_eq!(store.operation("o").await.unwrap(), None);
    assert_eq!(
        store.operations(&OperationFilter::default()).await.unwrap(),
        [full, plain]
    );
}

pub(crate) async fn who_read_an_old_revision_changes_nothing(store: AnyStore) {
    let mut first = operation("o1", "api", "production", 1);
    save(&store, &mut first).await;
    let other = first.clone();
    first.name = "first".into();
    save(&store, &mut first).await;
    for revision in [0, 1, 3] {
        let late = Operation {
            revision,
            name: "late".into(),
            ..other.clone()
        };
        let saved = store
            .save(&late, &[step("o1", 1, None)], &[entry("step", "late")])
            .await
            .unwrap();
        assert_eq!(saved, Saved::Stale, "{revision}");
    }
    let unknown = Operation {
        revision: 4,
        ..operation("o2", "api", "production", 1)
    };
    assert_eq!(store.save(&unknown, &[], &[]).await.unwrap(), Saved::Stale);
    assert_eq!(store.operation("o1").await.unwrap(), Some(first));
    assert_eq!(store.operation("o2").await.unwrap(), None);
    assert!(
        store.steps("o1").await.unwrap().is_empty(),
        "all of it, or nothing"
    );
    assert!(all_entries(&*store).await.is_empty(), "all of it, or nothing");
}

pub(crate) async fn one_exclusive_operation_has_a_target(store: AnyStore) {
    let running = |id: &str, target: Target| {
        let mut operation = operation(id, "", "", 1);
        operation.plan.target = target;
        operation.state = State::Running;
        operation
    };
    let target = || Target::new("api", "production");
    let mut first = running("o1", target());
    save(&store, &mut first).await;
    // A new one, and one that was there already.
    let second = running("o2", target());
    let busy = store
        .save(&second, &[step("o2", 1, None)], &[entry("started", "second")])
        .await
        .unwrap();
    assert_eq!(busy, Saved::Busy(Box::new(first.clone())));
    assert_eq!(store.operation("o2").await.unwrap(), None);
    let mut waiting = Operation {
        state: State::Queued,
        ..running("o3", target())
    };
    save(&store, &mut waiting).await;
    let mut begun = Operation {
        state: State::Running,
        ..waiting.clone()
    };
    let busy = store
        .save(&begun, &[step("o3", 1, None)], &[entry("started", "third")])
        .await
        .unwrap();
    assert_eq!(busy, Saved::Busy(Box::new(first.clone())));
    assert_eq!(store.operation("o3").await.unwrap(), Some(waiting));
    assert!(store.steps("o3").await.unwrap().is_empty());
    assert!(all_entries(&*store).await.is_empty());
    // Whoever is stale hears that first.
    let stale = Operation {
        revision: 9,
        ..begun.clone()
    };
    assert_eq!(store.save(&stale, &[], &[]).await.unwrap(), Saved::Stale);
    // What is not exclusive is in nobody's way.
    let mut shared = running("o4", target());
    shared.plan.exclusive = false;
    save(&store, &mut shared).await;
    // Other targets are other targets: also none, an empty one, and one that reads alike.
    let odd = [
        Target::new("api", "staging"),
        Target::new("web", "production"),
        Target::new("", ""),
        Target::default(),
        Target {
            service: Some("api".into()),
            environment: None,
        },
        Target {
            service: None,
            environment: Some("api".into()),
        },
        Target::new("api\",\"production", ""),
    ];
    for (index, target) in odd.into_iter().enumerate() {
        save(&store, &mut running(&format!("x{index}"), target.clone())).await;
        let again = running(&format!("y{index}"), target);
        assert!(
            matches!(store.save(&again, &[], &[]).await.unwrap(), Saved::Busy(_)),
            "{:?}",
            again.plan.target
        );
    }
    // Paused is under way; ended is not.
    first.state = State::Paused;
    save(&store, &mut first).await;
    assert_eq!(
        store.save(&begun, &[], &[]).await.unwrap(),
        Saved::Busy(Box::new(first.clone()))
    );
    first.state = State::Succeeded;
    save(&store, &mut first).await;
    save(&store, &mut begun).await;
    assert!(matches!(
        store.save(&second, &[], &[]).await.unwrap(),
        Saved::Busy(other) if *other == begun
    ));
}

pub(crate) async fn steps_are_kept_in_order(store: AnyStore) {
    let mut first = operation("o1", "api", "production", 1);
    let steps = [
        step("o1", 2, None),
        step("o1", 10, None),
        step("o1", 1, Some(json!(null))),
    ];
    let entries = [entry("step", "one"), entry("step", "two")];
    let Saved::Yes(revision) = store.save(&first, &steps, &entries).await.unwrap() else {
        panic!("it is new");
    };
    first.revision = revision;
    let mut other = operation("o10", "web", "production", 1);
    other.revision = match store.save(&other, &[step("o10", 1, None)], &[]).await.unwrap() {
        Saved::Yes(revision) => revision,
        saved => panic!("{saved:?}"),
    };
    let done = step("o1", 2, Some(json!({"applied": 0.1})));
    store
        .save(&first, std::slice::from_ref(&done), &[entry("step", "three")])
        .await
        .unwrap();
    assert_eq!(
        store.steps("o1").await.unwrap(),
        [step("o1", 1, Some(json!(null))), done, step("o1", 10, None)]
    );
    assert_eq!(store.steps("o10").await.unwrap(), [step("o10", 1, None)]);
    assert!(store.steps("o").await.unwrap().is_empty());
    let texts: Vec<_> = all_entries(&*store)
        .await
        .into_iter()
        .map(|recorded| recorded.entry.text)
        .collect();
    assert_eq!(texts, ["one", "two", "three"]);
}

pub(crate) async fn of_many_who_save_at_once_one_does(store: AnyStore) {
    let mut held = operation("o1", "api", "production", 1);
    save(&store, &mut held).await;
    for round in 0..5u32 {
        let contenders = (0..8).map(|index| {
            let store = store.clone();
            let mine = Operation {
                name: format!("{round}/{index}"),
                ..held.clone()
            };
            tokio::spawn(async move {
                let saved = store
                    .save(
                        &mine,
                        &[step("o1", round * 8 + index, None)],
                        &[entry("step", &mine.name)],
                    )
                    .await
                    .unwrap();
                (saved, mine.name)
            })
        });
        let mut won = Vec::new();
        for contender in contenders.collect::<Vec<_>>() {
            match contender.await.unwrap() {
                (Saved::Yes(revision), name) => won.push((revision, name)),
                (Saved::Stale, _) => {}
                (other, _) => panic!("{other:?}"),
            }
        }
        let [(revision, name)] = won.as_slice() else {
            panic!("{won:?}");
        };
        held = store.operation("o1").await.unwrap().unwrap();
        assert_eq!((held.revision, &held.name), (*revision, name));
    }
    assert_eq!(store.steps("o1").await.unwrap().len(), 5);
    assert_eq!(all_entries(&*store).await.len(), 5);
}

pub(crate) async fn of_many_who_begin_at_once_one_does(store: AnyStore) {
    let contenders = (0..12).map(|index| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut mine = operation(&format!("o{index}"), "api", "production", 1);
            // Some are new, some wait already.
            if index % 2 == 0 {
                save(&store, &mut mine).await;
            }
            mine.state = State::Running;
            match store.save(&mine, &[], &[entry("started", "x")]).await.unwrap() {
                Saved::Yes(_) => 1,
                Saved::Busy(_) => 0,
                Saved::Stale => panic!("nobody else saves it"),
            }
        })
    });
    let mut begun = 0;
    for contender in contenders.collect::<Vec<_>>() {
        begun += contender.await.unwrap();
    }
    assert_eq!(begun, 1);
    assert_eq!(all_entries(&*store).await.len(), 1);
}

pub(crate) async fn operations_are_found(store: AnyStore) {
    let mut all = Vec::new();
    for index in 0..12usize {
        let mut operation = operation(
            &format!("{}{index:02}", if index < 4 { "a" } else { "ab" }),
            ["api", "web"][index % 2],
            ["staging", "production", "test"][index % 3],
            1_000 + i64::try_from(index / 2).unwrap(),
        );
        operation.state = State::ALL[index];
        operation.plan.exclusive = false;
        operation.told = index % 4 != 0;
        operation.by = if index < 5 { "U1" } else { "U2" }.into();
        operation.kind = if index < 9 { "deploy" } else { "lock" }.into();
        if index == 3 {
            operation.plan.target = Target::default();
        }
        if index == 6 {
            operation.origin.thread = Some("m5".into());
        }
        if index == 7 {
            operation.origin.thread = Some("mab04".into());
            operation.origin.channel = "C9".into();
        }
        if index == 8 {
            operation.card = Some(MessageRef {
                channel: "C1".into(),
                id: "m5".into(),
            });
            operation.origin.channel = "C9".into();
        }
        save(&store, &mut operation).await;
        all.push(operation);
    }
    let thread = |channel: &str, id: &str| {
        Some(MessageRef {
            channel: channel.into(),
            id: id.into(),
        })
    };
    let any = OperationFilter::default;
    for (filter, count) in [
        (any(), 12),
        (OperationFilter { limit: 5, ..any() }, 5),
        (
            OperationFilter {
                service: Some("api".into()),
                ..any()
            },
            6,
        ),
        (
            OperationFilter {
                service: Some("web".into()),
                environment: Some("production".into()),
                ..any()
            },
            2,
        ),
        (
            OperationFilter {
                environment: Some("staging".into()),
                ..any()
            },
            3,
        ),
        (
            OperationFilter {
                kind: Some("lock".into()),
                ..any()
            },
            3,
        ),
        (
            OperationFilter {
                states: vec![State::Running, State::Paused, State::Unknown],
                ..any()
            },
            2,
        ),
        (
            OperationFilter {
                by: Some("U1".into()),
                ..any()
            },
            5,
        ),
        (
            OperationFilter {
                untold: true,
                ..any()
            },
            3,
        ),
        (
            OperationFilter {
                untold: true,
                states: vec![State::Running],
                ..any()
            },
            1,
        ),
        (
            OperationFilter {
                thread: thread("C1", "m5"),
                ..any()
            },
            2,
        ),
        (
            OperationFilter {
                thread: thread("C9", "mab04"),
                ..any()
            },
            1,
        ),
        (
            OperationFilter {
                thread: thread("C1", "mab04"),
                ..any()
            },
            1,
        ),
        (
            OperationFilter {
                id_prefix: Some("a".into()),
                ..any()
            },
            12,
        ),
        (
            OperationFilter {
                id_prefix: Some("ab0".into()),
                ..any()
            },
            6,
        ),
        (
            OperationFilter {
                id_prefix: Some("%".into()),
                ..any()
            },
            0,
        ),
        (
            OperationFilter {
                id_prefix: Some(String::new()),
                ..any()
            },
            12,
        ),
    ] {
        let mut expected: Vec<_> = all
            .iter()
            .filter(|operation| filter.takes(operation))
            .cloned()
            .collect();
        expected.sort_by(|a, b| (b.asked, &b.id).cmp(&(a.asked, &a.id)));
        expected.truncate(if filter.limit == 0 {
            100
        } else {
            filter.limit as usize
        });
        assert_eq!(expected.len(), count, "{filter:?}");
        assert_eq!(store.operations(&filter).await.unwrap(), expected, "{filter:?}");
    }
    for index in 0..100 {
        save(&store, &mut operation(&format!("x{index:03}"), "x", "y", 1)).await;
    }
    assert_eq!(store.operations(&any()).await.unwrap().len(), 100, "0 means 100");
}
