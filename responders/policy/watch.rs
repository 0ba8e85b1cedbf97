//! Watches for locks that open and for elevations that end, and tells whom it concerns. Of several replicas one finds each.

use crate::{glass, names, texts};
use otus::{
    ChatError, Post, Services, StoreError, Urgency,
    chat::Place,
    policy::{self, Opened},
};
use std::time::Duration;

/// How often it looks, on average.
const EVERY: Duration = Duration::from_secs(2);

/// Looks until the robot stops.
pub(crate) async fn watch(services: &Services) {
    let mut troubled = false;
    loop {
        // Not all replicas at the same moment.
        let pause = EVERY.mul_f64(rand::random_range(0.75..1.25));
        tokio::select! {
            () = services.stopping().cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        match look(services).await {
            Ok(()) => troubled = false,
            // Once, not every two seconds.
            Err(error) if !troubled => {
                tracing::error!(%error, "whether locks opened could not be looked at");
                troubled = true;
            }
            Err(_) => {}
        }
    }
}

async fn look(services: &Services) -> Result<(), StoreError> {
    let opened = policy::opened(services, |lock, now| {
        names::expired(lock, now, texts::expired_record(lock))
    });
    for opened in opened.await? {
        let Opened { lock, tell, again } = &opened;
        let mut all = true;
        for waiting in tell {
            let key = format!("opened {} {} {}", lock.target.key(), lock.since, waiting.user);
            let post = Post::from(texts::opened(lock, &waiting.user)).keyed(key);
            all &= say(services, &waiting.place(), &post, *again).await;
        }
        if all && !tell.is_empty() {
            policy::told(services, &opened).await?;
        }
    }
    let over = policy::whole_again(services, |elevation, now| {
        names::glass("glass whole", elevation, now, texts::whole_record(elevation))
    });
    for whole in over.await? {
        let elevation = &whole.elevation;
        let key = format!("whole {} {}", elevation.by, elevation.since);
        let post = Post::from(texts::whole(elevation)).keyed(key);
        let mut all = true;
        for channel in glass::channels(services, elevation) {
            all &= say(services, &Place::channel(channel), &post, whole.again).await;
        }
        if all {
            policy::told_whole(services, &whole).await?;
        }
    }
    Ok(())
}

/// Says it, unless somebody who did not come to an end has said it already. Answers whether that is done with: said, or never
/// to be said, because the chat does not take it.
async fn say(services: &Services, place: &Place, post: &Post, again: bool) -> bool {
    let chat = services.chat();
    if again
        && let Some(key) = &post.key
        && let Ok(Some(_)) = chat.find(place, key).await
    {
        return true;
    }
    match chat.post(place, post, Urgency::Answer).await {
        Ok(_) => true,
        Err(error @ (ChatError::Unreachable(_) | ChatError::Busy(_))) => {
            tracing::warn!(%error, channel = %place.channel, "it could not be told now, and will be tried again");
            false
        }
        Err(error) => {
            tracing::error!(%error, channel = %place.channel, "it could not be told");
            true
        }
    }
}
