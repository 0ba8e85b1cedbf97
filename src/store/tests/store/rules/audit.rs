//! The audit trail.

use super::AnyStore;
use crate::samples::{all_entries, at, entry, operation};
use otus_core::{
    UserId,
    audit::{AuditFilter, Entry, Tip},
    operations::Target,
};
use serde_json::json;

pub(crate) async fn an_entry_comes_back_as_it_was(store: AnyStore) {
    assert_eq!(store.audit_tip().await.unwrap(), Tip::default());
    let operation = operation("o1", "api", "production", 1);
    let full = Entry::of(&operation, at(5), "decided", "it's \"fine\" é\n🦉\0")
        .by(&UserId::from("U1"))
        .rule("production needs two")
        .data(json!({"z": 1, "a": [1.1e-7, 0.1, 1e300, 123456.789e3, u64::MAX, i64::MIN, null], "é": {"\u{0}": true}}));
    let bare = entry("started", "");
    store.record(&[full.clone(), bare.clone()]).await.unwrap();
    store.record(&[]).await.unwrap();
    let all = all_entries(&*store).await;
    let entries: Vec<_> = all.iter().map(|recorded| recorded.entry.clone()).collect();
    assert_eq!(entries, [full, bare]);
    assert_eq!(
        store.audit_tip().await.unwrap(),
        Tip {
            number: 2,
            hash: all[1].hash.clone()
        }
    );
}

/// Numbers whose digits are hard to keep would make an entry look changed.
pub(crate) async fn no_number_loses_a_digit(store: AnyStore) {
    let mut bits = 0x9E37_79B9_7F4A_7C15_u64;
    let numbers: Vec<f64> = std::iter::repeat_with(|| {
        // Xorshift: all kinds of numbers, always the same.
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        f64::from_bits(bits)
    })
    .filter(|number| number.is_finite())
    .take(2_000)
    .collect();
    store
        .record(&[entry("decided", "numbers").data(json!(numbers))])
        .await
        .unwrap();
    assert_eq!(all_entries(&*store).await[0].entry.data, json!(numbers));
}

pub(crate) async fn entries_are_found(store: AnyStore) {
    for index in 0..12i64 {
        let service = ["api", "web"][usize::try_from(index % 2).unwrap()];
        let environment = if index % 3 == 0 { "staging" } else { "production" };
        let event = ["asked", "approved", "ended"][usize::try_from(index % 3).unwrap()];
        let mut written = Entry::new(at(1_000 + index), event, format!("{}", index + 1));
        if index < 8 {
            written.target = Target::new(service, environment);
            written.operation = Some(format!("o{}", index / 2));
            written.actor = Some(UserId::from(if index < 3 { "U1" } else { "U2" }));
        }
        store.record(&[written]).await.unwrap();
    }
    let all = AuditFilter::default;
    for (filter, found) in [
        (all(), "12 11 10 9 8 7 6 5 4 3 2 1"),
        (
            AuditFilter {
                oldest_first: true,
                ..all()
            },
            "1 2 3 4 5 6 7 8 9 10 11 12",
        ),
        (AuditFilter { limit: 3, ..all() }, "12 11 10"),
        (
            AuditFilter {
                after: Some(4),
                oldest_first: true,
                limit: 3,
                ..all()
            },
            "5 6 7",
        ),
        (
            AuditFilter {
                after: Some(10),
                ..all()
            },
            "12 11",
        ),
        (
            AuditFilter {
                after: Some(u64::MAX),
                ..all()
            },
            "",
        ),
        (
            AuditFilter {
                service: Some("api".into()),
                ..all()
            },
            "7 5 3 1",
        ),
        (
            AuditFilter {
                environment: Some("staging".into()),
                ..all()
            },
            "7 4 1",
        ),
        (
            AuditFilter {
                service: Some("web".into()),
                environment: Some("staging".into()),
                ..all()
            },
            "4",
        ),
        (
            AuditFilter {
                actor: Some("U1".into()),
                ..all()
            },
            "3 2 1",
        ),
        (
            AuditFilter {
                operation: Some("o2".into()),
                ..all()
            },
            "6 5",
        ),
        (
            AuditFilter {
                since: Some(at(1_009)),
                ..all()
            },
            "12 11 10",
        ),
        (
            AuditFilter {
                events: vec!["approved".into()],
                ..all()
            },
            "11 8 5 2",
        ),
        (
            AuditFilter {
                events: vec!["approved".into(), "ended".into()],
                since: Some(at(1_006)),
                oldest_first: true,
                ..all()
            },
            "8 9 11 12",
        ),
    ] {
        let numbers: Vec<_> = store
            .audit(&filter)
            .await
            .unwrap()
            .iter()
            .map(|recorded| recorded.entry.text.clone())
            .collect();
        assert_eq!(numbers.join(" "), found, "{filter:?}");
    }
    let many: Vec<_> = (0..150).map(|_| entry("step", "x")).collect();
    store.record(&many).await.unwrap();
    assert_eq!(store.audit(&all()).await.unwrap().len(), 100, "0 means 100");
    assert_eq!(all_entries(&*store).await.len(), 162);
}

pub(crate) async fn many_who_record_at_once_make_one_chain(store: AnyStore) {
    let writers = (0..4).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for index in 0..25 {
                let pair = [
                    entry("step", &format!("{writer}/{index}/a")),
                    entry("step", &format!("{writer}/{index}/b")),
                ];
                store.record(&pair).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let all = all_entries(&*store).await;
    assert_eq!(all.len(), 200);
    for pair in all.chunks(2) {
        let (a, b) = (&pair[0].entry.text, &pair[1].entry.text);
        assert_eq!(
            a.strip_suffix('a'),
            b.strip_suffix('b'),
            "what is recorded as one stays together"
        );
    }
}
