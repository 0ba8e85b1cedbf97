//! Killed at any call to the outside, the work goes on: it is deployed once, and said once.

use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use otus::operations::State;
use otus::room::Fuse;

use crate::world::{Setting, World, own};

/// A green build goes out; when the fuse burns, a second robot goes on. Answers how many calls the first one made.
async fn play(fuse: Fuse) -> u64 {
    let world = World::new(Setting::default()).await;
    let (sha, image) = world.released("Good");
    let (first, feed) = world.asleep(&fuse);
    first.robot().start();
    let alone = tokio::select! {
        () = world.decided("staging", &sha, "here") => true,
        () = fuse.burnt() => false,
    };
    if !alone {
        // Its leases end, and another one is there.
        world.clock.jump(SignedDuration::from_secs(61));
        let second = world.robot();
        world.runs("staging", &image).await;
        world.decided("staging", &sha, "here").await;
        world.close(vec![second]).await;
    }
    fuse.burn();
    drop(feed);
    while world.chat.take_unexpected().is_some() {}
    drop(first);
    assert_eq!(own(&world.operations().await), [State::Succeeded]);
    assert_eq!(world.deploys().await.len(), 1);
    let revision = world.cluster.get("deployment", "staging", "api").unwrap();
    let revision = &revision["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
    assert_eq!(revision, "2", "exactly one rollout");
    let cards = world.chat.shown();
    let told: Vec<_> = cards.iter().map(|post| post.plain()).collect();
    assert_eq!(told.len(), 1, "one card: {told:#?}");
    assert!(told[0].contains("is live in"), "{told:#?}");
    fuse.calls()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_any_call_it_goes_out_once_and_is_told_once() {
    let calls = play(Fuse::default()).await;
    assert!(calls > 20, "{calls}");
    // While it waits it looks ever anew, which need not be killed each time.
    let most = calls.min(90);
    let cases = (1..=most).map(|call| (call, call % 2 == 0));
    stream::iter(cases)
        .map(|(call, done)| tokio::spawn(play(Fuse::at(call, done))))
        .buffer_unordered(6)
        .for_each(|played| async move {
            played.unwrap();
        })
        .await;
}
