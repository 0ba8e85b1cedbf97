//! The outbox over any store: one process works on an item at a time, and what it keeps and what others add meanwhile are both there.

use super::AnyStore;
use async_trait::async_trait;
use jiff::SignedDuration;
use otus_core::{
    Result,
    outbox::{Outbox, Pace, Taken, Worked, Worker},
};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// Counts up what is kept, and has something added in the middle of the first time.
struct Counter {
    outbox: Outbox,
    worked: AtomicU32,
}

#[async_trait]
impl Worker for Counter {
    async fn work(&self, item: &mut Taken) -> Result<Worked> {
        let count: u32 = item.notes()?;
        if self.worked.fetch_add(1, Ordering::SeqCst) == 0 {
            assert!(self.outbox.add(item.key(), Some(2), SignedDuration::ZERO).await?);
        }
        item.keep(&(count + 1)).await?;
        Ok(Worked::Over)
    }
}

pub(crate) async fn of_many_who_work_at_once_one_works_on_each(store: AnyStore) {
    let outbox = Outbox::new(store, "outbox", Pace::default());
    assert!(outbox.add("a", Some(1), SignedDuration::ZERO).await.unwrap());
    assert!(!outbox.add("a", Some(1), SignedDuration::ZERO).await.unwrap());
    let counter = Arc::new(Counter {
        outbox: outbox.clone(),
        worked: AtomicU32::new(0),
    });
    for _ in 0..3 {
        let all = (0..6).map(|_| {
            let (outbox, counter) = (outbox.clone(), counter.clone());
            tokio::spawn(async move { outbox.work(&*counter).await.unwrap() })
        });
        let mut worked = 0;
        for one in all.collect::<Vec<_>>() {
            worked += one.await.unwrap();
        }
        assert!(worked <= 2, "{worked}");
    }
    assert_eq!(
        counter.worked.load(Ordering::SeqCst),
        2,
        "at first, and for what was added"
    );
    let all = outbox.all().await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].waits, &all[0].notes), (false, &serde_json::json!(2)));
}
