//! Flag sets and the record of their changes.

use jiff::Timestamp;
use otus_flags::{Author, Change, ChangeKind, Definition, Edit, FlagStore, Kept};
use serde_json::json;
use std::sync::Arc;

pub(crate) type AnyFlagStore = Arc<dyn FlagStore>;

fn author(by: &str) -> Author {
    Author {
        by: by.into(),
        reason: Some("it's \"time\" é🦉".into()),
        at: Timestamp::new(1_760_000_000, 123_456_789).unwrap(),
        operation: None,
    }
}

fn put(key: &str, on: bool) -> Edit {
    let mut definition = Definition::switch(on);
    definition.targeting = Some(json!({"if": [{"==": [{"var": "é"}, 1.5]}, "on", null]}));
    Edit::Put {
        key: key.into(),
        definition,
    }
}

async fn change(store: &dyn FlagStore, set: &str, edit: &Edit) -> (Kept, Change) {
    let kept = store.load(set).await.unwrap().unwrap_or_else(|| Kept::new(set));
    let (next, change) = kept.apply(edit, &author("ann")).unwrap();
    assert!(store.save(&next, &change).await.unwrap());
    (next, change)
}

pub(crate) async fn a_set_comes_back_as_it_was(store: AnyFlagStore) {
    assert_eq!(store.load("production").await.unwrap(), None);
    assert!(store.revisions().await.unwrap().is_empty());
    for (number, edit) in [
        put("nav", false),
        put("menu", true),
        Edit::Archive { key: "menu".into() },
    ]
    .iter()
    .enumerate()
    {
        let (kept, _) = change(&*store, "production", edit).await;
        assert_eq!(kept.revision, number as u64 + 1);
        assert_eq!(store.load("production").await.unwrap(), Some(kept));
    }
    change(&*store, "staging", &put("nav", true)).await;
    let revisions = store.revisions().await.unwrap();
    assert_eq!(
        revisions,
        [("production".into(), 3), ("staging".into(), 1)].into()
    );
}

pub(crate) async fn who_read_an_old_set_changes_nothing(store: AnyFlagStore) {
    let (old, _) = change(&*store, "production", &put("nav", false)).await;
    let (new, _) = change(&*store, "production", &put("nav", true)).await;
    for stale in [Kept::new("production"), old] {
        let (next, record) = stale.apply(&put("menu", true), &author("bob")).unwrap();
        assert!(!store.save(&next, &record).await.unwrap());
    }
    let far = Kept {
        revision: 7,
        ..new.clone()
    };
    let (next, record) = far.apply(&put("menu", true), &author("bob")).unwrap();
    assert!(
        !store.save(&next, &record).await.unwrap(),
        "from a future there is none of"
    );
    assert_eq!(store.load("production").await.unwrap(), Some(new));
    assert_eq!(store.history("production", None, 10).await.unwrap().len(), 2);
}

pub(crate) async fn changes_are_found_newest_first(store: AnyFlagStore) {
    let mut all = Vec::new();
    for edit in [put("nav", false), put("menu", true), put("nav", true)] {
        all.insert(0, change(&*store, "production", &edit).await.1);
    }
    let mut document = store.load("production").await.unwrap().unwrap().document;
    document.flags.remove("menu");
    let import = Edit::Import {
        document,
        as_it_is: false,
        rebucket: false,
    };
    all.insert(0, change(&*store, "production", &import).await.1);
    change(&*store, "staging", &put("nav", true)).await;
    assert_eq!(store.history("production", None, 10).await.unwrap(), all);
    assert_eq!(store.history("production", None, 2).await.unwrap(), all[..2]);
    let of = store.history("production", Some("menu"), 10).await.unwrap();
    assert_eq!(
        of,
        [all[0].clone(), all[2].clone()],
        "with those of the whole set"
    );
    assert_eq!(of[0].kind, ChangeKind::Imported);
    assert!(store.history("nowhere", None, 10).await.unwrap().is_empty());
}

pub(crate) async fn of_many_who_change_at_once_one_does(store: AnyFlagStore) {
    change(&*store, "production", &put("nav", false)).await;
    for round in 0..5 {
        let kept = store.load("production").await.unwrap().unwrap();
        let contenders = (0..8).map(|index| {
            let (store, kept) = (store.clone(), kept.clone());
            tokio::spawn(async move {
                let edit = put(&format!("flag-{round}-{index}"), true);
                let (next, change) = kept.apply(&edit, &author("ann")).unwrap();
                store.save(&next, &change).await.unwrap()
            })
        });
        let mut won = 0;
        for contender in contenders.collect::<Vec<_>>() {
            won += usize::from(contender.await.unwrap());
        }
        assert_eq!(won, 1);
    }
    let kept = store.load("production").await.unwrap().unwrap();
    assert_eq!((kept.revision, kept.document.flags.len()), (6, 6));
    assert_eq!(store.history("production", None, 100).await.unwrap().len(), 6);
}

pub(crate) async fn a_change_is_heard(store: AnyFlagStore) {
    let mut changes = store.changes();
    for on in [false, true] {
        changes.mark_unchanged();
        change(&*store, "production", &put("nav", on)).await;
        let heard = tokio::time::timeout(std::time::Duration::from_secs(60), changes.changed()).await;
        heard.expect("nothing was heard").unwrap();
    }
}
