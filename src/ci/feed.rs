//! Purpose: what continuous integrations say, handed to whoever subscribed, at least once.
//!
//! Whoever publishes hears whether every subscriber is done with an event; if not, it publishes the event again later. So a
//! subscriber may hear one twice, and events may come in another order than they happened: what it does must be idempotent,
//! by repository and commit.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use otus_ci::{Feed, hooks::{CiEvent, Pushed}};
//!
//! let feed = Feed::default();
//! let mut subscription = feed.subscribe("releases");
//! tokio::spawn(async move {
//!     while let Some(heard) = subscription.next().await {
//!         match heard.event() {
//!             CiEvent::Pushed(pushed) => println!("{} moved", pushed.branch),
//!             _ => {}
//!         }
//!         heard.done();
//!     }
//! });
//! # let pushed = Pushed {
//! #     repo: "acme/api".into(), branch: "main".into(), before: None, after: None, deleted: true, forced: None, by: None,
//! # };
//! feed.publish(CiEvent::Pushed(pushed)).await.unwrap();
//! # }
//! ```

use crate::hooks::CiEvent;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// How long a subscriber may take over one event.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many events wait for one subscriber before whoever publishes waits, too.
const WAITING: usize = 64;

/// What a subscriber said, or nothing if it dropped the event.
type Word = Result<(), String>;

struct Seat {
    name: String,
    /// Shared with whoever sits in it.
    token: Arc<()>,
    to: mpsc::Sender<Heard>,
}

/// The feed. Cheap to clone; all clones are the same feed.
#[derive(Clone, Default)]
pub struct Feed(Arc<Mutex<Vec<Seat>>>);

/// Somebody's ear at the feed. What is published waits in it until it is asked for.
#[derive(Debug)]
pub struct Subscription {
    from: mpsc::Receiver<Heard>,
    token: Arc<()>,
}

/// An event that somebody heard. It is published again unless they say that they are [done](Heard::done) with it.
#[derive(Debug)]
pub struct Heard {
    event: Arc<CiEvent>,
    said: oneshot::Sender<Word>,
}

/// Not every subscriber is done with an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub struct Unheard {
    /// Who is not, and why.
    pub by: Vec<(String, String)>,
}

impl Unheard {
    fn told(&self) -> String {
        let each: Vec<_> = self
            .by
            .iter()
            .map(|(name, why)| format!("{name}: {why}"))
            .collect();
        each.join("; ")
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.seats().iter().map(|seat| seat.name.clone()).collect();
        to.debug_tuple("Feed").field(&names).finish()
    }
}

impl Feed {
    fn seats(&self) -> MutexGuard<'_, Vec<Seat>> {
        // Whole at every moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears everything that is published from now on. The name is for people, who read who could not take an event, and
    /// takes the place of an earlier subscription of the same name.
    ///
    /// Subscribe when the robot is put together, before it starts, and nothing is missed. A subscriber that is gone is missed:
    /// events count as not heard until it is back or [left](Subscription::leave) the feed.
    #[must_use]
    pub fn subscribe(&self, name: &str) -> Subscription {
        let (to, from) = mpsc::channel(WAITING);
        let token = Arc::new(());
        let mut seats = self.seats();
        seats.retain(|seat| seat.name != name);
        seats.push(Seat {
            name: name.to_owned(),
            token: Arc::clone(&token),
            to,
        });
        Subscription { from, token }
    }

    /// Hands an event to every subscriber, and waits until all are done with it.
    ///
    /// # Errors
    /// [`Unheard`] names those that are not: they failed, were too slow, or are gone.
    pub async fn publish(&self, event: CiEvent) -> Result<(), Unheard> {
        let event = Arc::new(event);
        let seats: Vec<_> = {
            let seats = self.seats();
            seats
                .iter()
                .map(|seat| (seat.name.clone(), seat.to.clone()))
                .collect()
        };
        // All hear it at once; who is slow does not keep it from the others.
        let tellings: Vec<_> = seats
            .into_iter()
            .map(|(name, to)| (name, tokio::spawn(tell(to, Arc::clone(&event)))))
            .collect();
        let mut by = Vec::new();
        for (name, telling) in tellings {
            match telling.await {
                Ok(Ok(())) => {}
                Ok(Err(why)) => by.push((name, why)),
                Err(error) => by.push((name, error.to_string())),
            }
        }
        if by.is_empty() {
            Ok(())
        } else {
            Err(Unheard { by })
        }
    }
}

async fn tell(to: mpsc::Sender<Heard>, event: Arc<CiEvent>) -> Word {
    let telling = async {
        let (said, word) = oneshot::channel();
        if to.send(Heard { event, said }).await.is_err() {
            return Err("it does not listen any more".to_owned());
        }
        word.await
            .unwrap_or_else(|_| Err("it ended in the middle of it".to_owned()))
    };
    timeout(PATIENCE, telling)
        .await
        .unwrap_or_else(|_| Err(format!("it took longer than {} s", PATIENCE.as_secs())))
}

impl Subscription {
    /// The next event; nothing when the feed is gone, or somebody of the same name took this place.
    pub async fn next(&mut self) -> Option<Heard> {
        self.from.recv().await
    }

    /// Leaves the feed, which then does not miss it.
    pub fn leave(self, feed: &Feed) {
        feed.seats().retain(|seat| !Arc::ptr_eq(&seat.token, &self.token));
    }
}

impl Heard {
    /// What happened.
    #[must_use]
    pub fn event(&self) -> &CiEvent {
        &self.event
    }

    /// It is dealt with.
    pub fn done(self) {
        // Nobody waits any more only if this took too long.
        let _ = self.said.send(Ok(()));
    }

    /// It could not be dealt with, and is to be heard again. The reason is for people.
    pub fn failed(self, why: impl Into<String>) {
        // As above.
        let _ = self.said.send(Err(why.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::Pushed;

    fn event(branch: &str) -> CiEvent {
        CiEvent::Pushed(Pushed {
            repo: "acme/api".into(),
            branch: branch.into(),
            before: None,
            after: Some("1".repeat(40)),
            deleted: false,
            forced: None,
            by: None,
        })
    }

    /// Somebody who says the same to everything.
    fn listener(feed: &Feed, name: &str, word: Word) -> tokio::task::JoinHandle<Vec<CiEvent>> {
        let mut subscription = feed.subscribe(name);
        tokio::spawn(async move {
            let mut all = Vec::new();
            while let Some(heard) = subscription.next().await {
                all.push(heard.event().clone());
                match &word {
                    Ok(()) => heard.done(),
                    Err(why) => heard.failed(why.clone()),
                }
            }
            all
        })
    }

    #[tokio::test]
    async fn everybody_hears_everything_and_who_could_not_is_named() {
        let feed = Feed::default();
        assert_eq!(feed.publish(event("nobody listens")).await, Ok(()));
        let good = listener(&feed, "good", Ok(()));
        assert_eq!(feed.publish(event("a")).await, Ok(()));
        let bad = listener(&feed, "bad", Err("no disk".into()));
        let unheard = feed.publish(event("b")).await.unwrap_err();
        assert_eq!(unheard.to_string(), "bad: no disk");
        drop(feed);
        assert_eq!(good.await.unwrap(), [event("a"), event("b")]);
        assert_eq!(bad.await.unwrap(), [event("b")]);
    }

    #[tokio::test]
    async fn who_is_gone_is_missed_until_it_is_back_or_has_left() {
        let feed = Feed::default();
        drop(feed.subscribe("gone"));
        let unheard = feed.publish(event("a")).await.unwrap_err();
        assert_eq!(unheard.to_string(), "gone: it does not listen any more");
        let back = listener(&feed, "gone", Ok(()));
        assert_eq!(feed.publish(event("b")).await, Ok(()));
        back.abort();
        let _ = back.await;
        assert!(feed.publish(event("c")).await.is_err());
        let again = feed.subscribe("gone");
        again.leave(&feed);
        assert_eq!(feed.publish(event("d")).await, Ok(()));
    }

    #[tokio::test]
    async fn who_ends_in_the_middle_has_not_heard() {
        let feed = Feed::default();
        let mut subscription = feed.subscribe("careless");
        let careless = tokio::spawn(async move { drop(subscription.next().await) });
        let unheard = feed.publish(event("a")).await.unwrap_err();
        assert_eq!(unheard.to_string(), "careless: it ended in the middle of it");
        careless.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_too_slow_holds_up_nobody_for_ever() {
        let feed = Feed::default();
        let mut slow = feed.subscribe("slow");
        let unheard = feed.publish(event("a")).await.unwrap_err();
        assert_eq!(unheard.to_string(), "slow: it took longer than 30 s");
        // It said nothing while it was waited for, and it can still be heard: twice is better than never.
        assert!(slow.next().await.is_some());
    }
}
