//! What processes that died left: messages they had accepted and were not done with. Another process answers them, or the next
//! start does.

use super::{Robot, answer::count, texts};
use crate::{
    error::Result,
    responder::Effect,
    store::{Adopted, ClaimStage, Orphan},
};
use jiff::SignedDuration;
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// How often it is looked for, on average.
const EVERY: Duration = Duration::from_secs(2);

/// What was said longer ago than this is not done any more without being said again: the world and the people have moved on.
const LATE: SignedDuration = SignedDuration::from_mins(10);

/// So many processes may die over a message before it counts as what they died of: many, because some die for other reasons soon
/// after they start, and few enough that a robot which is started again at once is there again soon.
const MOST_DEATHS: u32 = 20;

impl Robot {
    /// Takes up what was left, until the robot stops or is gone; once, where nobody else can leave anything.
    pub(super) fn take_up(&self) {
        let robot = Arc::downgrade(&self.0);
        let stop: CancellationToken = self.0.stop.clone();
        let settled = self.settled();
        let looking = async move {
            tokio::select! {
                () = stop.cancelled() => return,
                () = settled => {}
            }
            let mut troubled = false;
            loop {
                let Some(robot) = robot.upgrade().map(Robot) else {
                    return;
                };
                match robot.take_up_once().await {
                    Ok(()) if robot.0.services.store().is_alone() => return,
                    Ok(()) => troubled = false,
                    // Once, not every time.
                    Err(error) if !troubled => {
                        let error = format!("{error:#}");
                        tracing::warn!(
                            error,
                            "what other processes left cannot be looked for; will try again"
                        );
                        troubled = true;
                    }
                    Err(_) => {}
                }
                drop(robot);
                // Not all replicas at the same moment.
                let pause = EVERY.mul_f64(rand::random_range(0.75..1.25));
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        };
        tokio::spawn(looking.instrument(tracing::info_span!("left")));
    }

    /// Waits until what a process sent before it died has surely arrived, if this one comes right after it.
    pub(super) fn settled(&self) -> impl Future<Output = ()> + Send + use<> {
        tokio::time::sleep_until(self.0.born + self.0.services.engine().settle())
    }

    async fn take_up_once(&self) -> Result {
        let store = self.0.services.store();
        let mut orphans = store.orphans().await?;
        orphans.sort_by_key(|orphan| orphan.heard);
        for orphan in orphans {
            if self.0.stop.is_cancelled() {
                break;
            }
            let event = &orphan.message.event;
            let Some(adopted) = store.adopt(event).await? else {
                continue;
            };
            let (robot, id) = (self.clone(), event.short());
            let span = tracing::info_span!("message", id = %id, event = %event.id);
            self.0
                .tasks
                .spawn(async move { robot.revive(id, orphan, adopted).await }.instrument(span));
        }
        Ok(())
    }

    /// Brings a message to its end: answers it if nobody did, and does nothing twice.
    async fn revive(self, id: String, orphan: Orphan, adopted: Adopted) {
        let Orphan { mut message, heard } = orphan;
        message.again = true;
        tracing::info!(
            deaths = adopted.deaths,
            "taking up a message that another process left"
        );
        count("taken up");
        let Some(said) = self.concerning(&message) else {
            // The commands are others by now.
            return self.close(&message).await;
        };
        let now = match self.0.services.store().now().await {
            Ok(now) => now,
            Err(error) => {
                tracing::warn!(%error, "how long ago a message was said goes by this machine's clock");
                jiff::Timestamp::now()
            }
        };
        let ago = now.duration_since(heard);
        let instead = if adopted.stage == ClaimStage::Answering {
            Some(texts::interrupted(&said.said, &id))
        } else if adopted.deaths > MOST_DEATHS {
            Some(texts::deadly(&said.said, adopted.deaths, &id))
        } else if ago > LATE {
            Some(texts::late(&said.said, ago))
        } else {
            None
        };
        match instead {
            None => self.work(&id, &message, said).await,
            Some(_) if !said.addressed => {}
            Some(instead) => {
                let effect = said
                    .winner
                    .as_ref()
                    .map_or(Effect::Reads, |(handler, _)| handler.spec.effect);
                if !self.is_done_with(&id, &message, effect).await {
                    self.tell(&message, None, instead).await;
                }
            }
        }
        self.close(&message).await;
    }
}
