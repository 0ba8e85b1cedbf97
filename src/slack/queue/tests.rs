//! The queues with a clock that the test moves.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

type Log = Arc<Mutex<Vec<(u64, &'static str)>>>;

fn pace() -> Pace {
    Pace {
        posts_per_second: 1.0,
        post_burst: 1,
        edits_per_minute: 60.0,
        edit_burst: 4,
        waiting_per_channel: 3,
        waiting: 100,
    }
}

/// An outbox whose sender notes when it sent what, in whole seconds, after the given number of refusals.
fn outbox(refusals: usize) -> (Outbox<&'static str, ()>, Log) {
    let log: Log = Arc::default();
    let (notes, left, start) = (
        Arc::clone(&log),
        Arc::new(AtomicUsize::new(refusals)),
        Instant::now(),
    );
    let outbox = Outbox::start(pace(), Duration::from_secs(60), move |what: Arc<&'static str>| {
        let (notes, left) = (Arc::clone(&notes), Arc::clone(&left));
        async move {
            if left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .is_ok()
            {
                return Err(SlackError::RateLimited {
                    method: "chat.postMessage",
                    retry_after: Duration::from_secs(7),
                });
            }
            notes.lock().unwrap().push((start.elapsed().as_secs(), *what));
            if *what == "panic" {
                panic!("as ordered");
            }
            Ok(())
        }
        .boxed()
    });
    (outbox, log)
}

#[tokio::test(start_paused = true)]
async fn posts_are_paced_and_urgent_ones_first() {
    let (outbox, log) = outbox(0);
    outbox.post("C1", Urgency::Answer, "first").await.unwrap();
    let (later, urgent, elsewhere) = tokio::join!(
        outbox.post("C1", Urgency::Progress, "later"),
        outbox.post("C1", Urgency::Answer, "urgent"),
        outbox.post("C2", Urgency::Progress, "elsewhere"),
    );
    for outcome in [later, urgent, elsewhere] {
        outcome.unwrap();
    }
    assert_eq!(
        *log.lock().unwrap(),
        [(0, "first"), (0, "elsewhere"), (1, "urgent"), (2, "later")]
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_post_waits_as_long_as_asked_and_not_for_ever() {
    let (limited, log) = outbox(2);
    limited.post("C1", Urgency::Answer, "patient").await.unwrap();
    assert_eq!(*log.lock().unwrap(), [(14, "patient")]);
    let (limited, _) = outbox(100);
    let error = limited.post("C1", Urgency::Answer, "never").await.unwrap_err();
    assert!(matches!(error, SlackError::RateLimited { .. }));
    // The channel is free again for others.
    assert!(limited.post("C2", Urgency::Answer, "next").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_sending_leaves_its_channel_free() {
    let (outbox, _) = outbox(0);
    let error = outbox.post("C1", Urgency::Answer, "panic").await.unwrap_err();
    assert!(matches!(error, SlackError::Unsure { .. }));
    outbox.post("C1", Urgency::Answer, "after").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_and_a_closed_one_too() {
    let (outbox, log) = outbox(0);
    outbox.post("C1", Urgency::Answer, "0").await.unwrap();
    let waiting: Vec<_> = ["1", "2", "3"]
        .map(|what| {
            tokio::spawn({
                let outbox = outbox.clone();
                async move { outbox.post("C1", Urgency::Answer, what).await }
            })
        })
        .into();
    tokio::task::yield_now().await;
    let error = outbox.post("C1", Urgency::Answer, "4").await.unwrap_err();
    assert_eq!(error, SlackError::QueueFull { everywhere: false });
    // Two of the three still go out in the time that is left; who waits for the third is told.
    outbox.close(Duration::from_millis(2_500)).await;
    let mut sent = 0;
    for one in waiting {
        sent += usize::from(one.await.unwrap().is_ok());
    }
    assert_eq!((sent, log.lock().unwrap().len()), (2, 3));
    assert_eq!(
        outbox.post("C1", Urgency::Answer, "late").await,
        Err(SlackError::Stopping)
    );
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_replaced_edit_hears_of_the_one_that_stands() {
    let (outbox, log) = outbox(1);
    let message = MessageRef {
        channel: "C1".into(),
        id: "1.1".into(),
    };
    let (step, newer, end) = tokio::join!(
        outbox.edit(&message, Urgency::Progress, "step"),
        outbox.edit(&message, Urgency::Progress, "newer"),
        outbox.edit(&message, Urgency::Answer, "end"),
    );
    for outcome in [step, newer, end] {
        outcome.unwrap();
    }
    outbox
        .edit_later(&message, Urgency::Progress, "afterwards")
        .unwrap();
    outbox.edit(&message, Urgency::Answer, "last").await.unwrap();
    let said: Vec<_> = log.lock().unwrap().iter().map(|(_, what)| *what).collect();
    assert_eq!(said.first(), Some(&"end"));
    assert_eq!(said.last(), Some(&"last"));
}
