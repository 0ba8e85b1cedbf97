//! Following something to its end, whatever it is: watches and a clock feed a judge.
//!
//! A watch that breaks is resumed by itself; what is silent for too long, and whatever would be told as an end, is read again
//! first, so that no verdict rests on a connection that died unnoticed.

use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::stream::{BoxStream, SelectAll, StreamExt as _};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use crate::contact::{Contact, Outage};
use crate::error::Error;

/// How often the judge looks when nothing happens: its clocks run too.
const TICK: Duration = Duration::from_secs(1);
/// How often the same verdict is told again, so that an elapsed time can be shown.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How what is followed stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress<V> {
    /// The judge's verdict.
    pub verdict: V,
    /// Set while the cluster does not answer: the verdict is then the last one known.
    pub outage: Option<Outage>,
}

/// What a piece of news says of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The cluster spoke.
    Something,
    /// A watch broke, and what it tells can be done without.
    Nothing,
    /// A watch broke: perhaps the cluster is gone.
    Break,
}

/// What is followed.
pub(crate) trait Subject {
    /// What its watches bring.
    type News: Send + 'static;
    /// What its judge says.
    type Verdict: Clone + PartialEq;

    /// Takes in what a watch brought.
    ///
    /// # Errors
    /// When the watch broke and nothing can be told without it.
    fn learn(&mut self, news: Self::News) -> Result<Heard, Error>;
    /// Whether every list was seen at least once.
    fn is_complete(&self) -> bool;
    /// Reads everything again.
    fn read(&mut self) -> impl Future<Output = Result<(), Error>> + Send;
    /// Asks for the events that explain what is not well; also when that is not long ago, if `anew`.
    fn ask_why(&mut self, anew: bool) -> impl Future<Output = ()> + Send;
    /// The verdict on what is known now.
    fn judge(&mut self) -> Self::Verdict;
    /// What to say before anything was seen.
    fn unseen(&self) -> Self::Verdict;
    /// Whether its time is over.
    fn is_late(&self) -> bool;
    /// Whether a verdict is told only after everything was read again.
    fn is_final(&self, verdict: &Self::Verdict) -> bool;
    /// Whether nothing follows a verdict.
    fn ends(&self, verdict: &Self::Verdict) -> bool {
        self.is_final(verdict)
    }
    /// Adds the last words to the last verdict, where there are any.
    fn close(&self, verdict: &mut Self::Verdict) -> impl Future<Output = ()> + Send;
}

/// Follows a subject. Dropping it ends the watches, not the subject.
pub(crate) struct Follower<S: Subject> {
    pub(crate) subject: S,
    watches: SelectAll<BoxStream<'static, S::News>>,
    tick: Interval,
    contact: Contact,
    last: Option<(Progress<S::Verdict>, Instant)>,
    ended: bool,
}

impl<S: Subject> Follower<S> {
    pub(crate) fn new(subject: S, watches: SelectAll<BoxStream<'static, S::News>>) -> Self {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Follower {
            subject,
            watches,
            tick,
            contact: Contact::new(),
            last: None,
            ended: false,
        }
    }

    /// The next thing worth telling; none after the end. Cancelling it loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Result<Progress<S::Verdict>, Error>> {
        while !self.ended {
            match self.step().await {
                Ok(Some(progress)) => return Some(Ok(progress)),
                Ok(None) => {}
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }

    async fn step(&mut self) -> Result<Option<Progress<S::Verdict>>, Error> {
        tokio::select! {
            Some(news) = self.watches.next() => self.learn(news)?,
            _ = self.tick.tick() => {}
        }
        // Changes come in bundles: what has already arrived is one step.
        while let Some(Some(news)) = self.watches.next().now_or_never() {
            self.learn(news)?;
        }
        self.look().await
    }

    fn learn(&mut self, news: S::News) -> Result<(), Error> {
        match self.subject.learn(news)? {
            Heard::Something => self.contact.heard(),
            Heard::Nothing => {}
            Heard::Break => self.contact.broke(),
        }
        Ok(())
    }

    /// Judges what is known, and says it if it is worth telling.
    async fn look(&mut self) -> Result<Option<Progress<S::Verdict>>, Error> {
        if self.contact.is_doubtful() {
            self.refresh().await?;
        }
        if let Some(outage) = self.contact.outage() {
            if self.contact.is_long() && self.subject.is_late() {
                return Err(outage.error.clone());
            }
            let verdict = match &self.last {
                Some((last, _)) => last.verdict.clone(),
                None => self.subject.unseen(),
            };
            return Ok(self.tell(verdict));
        }
        if !self.subject.is_complete() {
            return Ok(None);
        }
        self.subject.ask_why(false).await;
        let mut verdict = self.subject.judge();
        if self.subject.is_final(&verdict) {
            // Nothing is final that rests on what a watch brought some time ago.
            self.refresh().await?;
            if self.contact.outage().is_some() {
                return Ok(None);
            }
            self.subject.ask_why(true).await;
            verdict = self.subject.judge();
        }
        self.ended = self.subject.ends(&verdict);
        if self.ended {
            self.subject.close(&mut verdict).await;
        }
        Ok(self.tell(verdict))
    }

    /// The progress, when it differs from the last one told, or that is long ago.
    fn tell(&mut self, verdict: S::Verdict) -> Option<Progress<S::Verdict>> {
        let progress = Progress {
            verdict,
            outage: self.contact.outage().cloned(),
        };
        if let Some((last, at)) = &self.last
            && *last == progress
            && at.elapsed() < HEARTBEAT
            && !self.ended
        {
            return None;
        }
        self.last = Some((progress.clone(), Instant::now()));
        Some(progress)
    }

    async fn refresh(&mut self) -> Result<(), Error> {
        let read = self.subject.read().await;
        self.contact.tried(read)
    }
}
