//! Watches for locks that open and for elevations that end, and tells whom it concerns. Of several replicas one finds each.

use crate::{glass, names, texts};
use otus::{
    Services, StoreError, Urgency,
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
    for Opened { lock, tell } in opened.await? {
        for waiting in tell {
            let post = texts::opened(&lock, &waiting.user);
            if let Err(error) = services
                .chat()
                .post(&waiting.place(), &post.into(), Urgency::Answer)
                .await
            {
                tracing::warn!(%error, user = %waiting.user, "that a lock is gone could not be told");
            }
        }
    }
    let over = policy::whole_again(services, |elevation, now| {
        names::glass("glass whole", elevation, now, texts::whole_record(elevation))
    });
    for elevation in over.await? {
        let card = texts::whole(&elevation);
        let here = Place::channel(elevation.channel.clone());
        if let Err(error) = services
            .chat()
            .post(&here, &card.clone().into(), Urgency::Answer)
            .await
        {
            tracing::error!(%error, "that the glass is whole again could not be told");
        }
        glass::tell(services, &elevation, card).await;
    }
    Ok(())
}
