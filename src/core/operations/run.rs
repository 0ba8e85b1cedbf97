//! What an action holds while it applies a plan.

use super::{
    engine::Operations,
    operation::{Operation, Saved, State, Step, Wish},
    plan::Plan,
    transitions,
};
use crate::{audit::Entry, card::Card, error::Result, services::Services};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// How long to wait before the store is tried again.
const BREATH: Duration = Duration::from_millis(100);

/// The robot stops, or the operation is another process's now. Handed on with `?`: whoever comes next goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted: this process does not go on with the operation")]
pub struct Interrupted;

/// Whether a step is begun for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Nobody has tried it.
    First,
    /// It was begun before, by an earlier process or by this one, and perhaps done: look before acting.
    Again,
}

/// One operation under way in this process, with its lease. Cheap to clone.
#[derive(Clone)]
pub struct Run(Arc<Inner>);

struct Inner {
    operations: Operations,
    services: Services,
    /// As it was saved last.
    operation: Mutex<Operation>,
    resumed: bool,
    wish: watch::Sender<Wish>,
    /// What the action knows to be wanted.
    seen: Mutex<Wish>,
    /// The robot stops, or the lease is lost.
    over: CancellationToken,
    lost: AtomicBool,
    /// Held while the row is written: one at a time, so that none is stale for the other.
    writer: tokio::sync::Mutex<Writer>,
    /// What the action wants shown.
    shown: Mutex<Option<Card>>,
    /// Something about the card is new.
    dirty: Notify,
}

struct Writer {
    journal: Vec<Step>,
    /// A write was begun and not seen through, because whoever waited for it was cut off: the journal is read again first.
    unsure: bool,
    /// By this process's clock, the moment up to which nobody else can have taken the lease: counted from before the store's
    /// clock was read.
    valid: Instant,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is written: the next row, the steps that changed, the entries that go with them.
pub(super) type Write = (Operation, Vec<Step>, Vec<Entry>);

impl Run {
    /// Takes hold of an operation whose lease, taken after `since`, is this process's.
    pub(super) fn new(
        operations: Operations,
        services: Services,
        operation: Operation,
        journal: Vec<Step>,
        resumed: bool,
        valid: Instant,
    ) -> Self {
        let over = services.stopping().child_token();
        Self(Arc::new(Inner {
            operations,
            services,
            wish: watch::Sender::new(operation.wish),
            seen: Mutex::default(),
            operation: Mutex::new(operation),
            resumed,
            over,
            lost: AtomicBool::new(false),
            writer: tokio::sync::Mutex::new(Writer {
                journal,
                unsure: false,
                valid,
            }),
            shown: Mutex::new(None),
            dirty: Notify::new(),
        }))
    }

    /// Everything that can be reached.
    pub fn services(&self) -> &Services {
        &self.0.services
    }

    /// The operation, as it was saved last.
    pub fn operation(&self) -> Operation {
        locked(&self.0.operation).clone()
    }

    /// The plan to apply.
    pub fn plan(&self) -> Plan {
        self.operation().plan
    }

    /// The generation of the lease: it goes into the outside world where it can, so that an older worker cannot act late.
    pub fn generation(&self) -> u64 {
        self.operation().lease.generation
    }

    /// True when an earlier process began it.
    pub fn resumed(&self) -> bool {
        self.0.resumed
    }

    /// Does one step of the journal: writes the intent, does it, writes the result. A step of this name whose result is
    /// there already is not done again: its result is answered.
    ///
    /// # Errors
    /// [`Interrupted`] when the robot stops, the lease is lost or the store cannot be written before the step; otherwise what
    /// `act` answers, in which case the step counts as not done.
    pub async fn step<T, F>(&self, name: &str, act: impl FnOnce(Attempt) -> F + Send) -> Result<T>
    where
        T: Serialize + DeserializeOwned + Send,
        F: Future<Output = Result<T>> + Send,
    {
        if self.0.over.is_cancelled() {
            return Err(Interrupted.into());
        }
        let known = self.journalled(name).await?;
        if let Some(done) = known.as_ref().filter(|step| step.ended.is_some()) {
            let result = done.result.clone().unwrap_or_default();
            return serde_json::from_value(result).map_err(|error| {
                anyhow::anyhow!("the result of the step {name} in the journal cannot be read: {error}")
            });
        }
        let attempt = if known.is_some() {
            Attempt::Again
        } else {
            Attempt::First
        };
        self.write(|operation, journal, now| {
            let step = intent(&operation, journal, name, now);
            let entry = step_entry(&operation, &step, now, "begun");
            (operation, vec![step], vec![entry])
        })
        .await?;
        match act(attempt).await {
            Ok(answer) => {
                let result = serde_json::to_value(&answer)?;
                self.write(|operation, journal, now| {
                    let step = Step {
                        ended: Some(now),
                        result: Some(result.clone()),
                        ..intent(&operation, journal, name, now)
                    };
                    let entry = step_entry(&operation, &step, now, "done");
                    (operation, vec![step], vec![entry])
                })
                .await?;
                Ok(answer)
            }
            Err(error) if error.is::<Interrupted>() => Err(error),
            Err(error) => {
                // What went wrong is the caller's to tell; a lost lease shows at the next step.
                let _ = self
                    .write(|operation, journal, now| {
                        let step = intent(&operation, journal, name, now);
                        let entry = step_entry(&operation, &step, now, "failed");
                        (operation, Vec::new(), vec![entry])
                    })
                    .await;
                Err(error)
            }
        }
    }

    async fn journalled(&self, name: &str) -> Result<Option<Step>, Interrupted> {
        let mut writer = self.0.writer.lock().await;
        self.make_sure(&mut writer).await?;
        Ok(writer.journal.iter().find(|step| step.name == name).cloned())
    }

    async fn make_sure(&self, writer: &mut Writer) -> Result<(), Interrupted> {
        while writer.unsure {
            let id = self.operation().id;
            let reading = self.0.services.store().steps(&id);
            match tokio::time::timeout_at(writer.valid, reading).await {
                Ok(Ok(journal)) => {
                    writer.journal = journal;
                    writer.unsure = false;
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, operation = id, "the journal cannot be read");
                    tokio::time::sleep(BREATH).await;
                }
                Err(_) => {
                    self.lose();
                    return Err(Interrupted);
                }
            }
        }
        Ok(())
    }

    /// Shows how it stands. The engine adds the buttons to stop or hold it, and the small print. Later ones may replace it
    /// unseen; it does not wait for the chat.
    pub async fn show(&self, card: Card) {
        *locked(&self.0.shown) = Some(card);
        self.0.dirty.notify_one();
    }

    /// Keeps something for whoever takes it up: [`Operation::progress`].
    ///
    /// # Errors
    /// [`Interrupted`] when it cannot be written.
    pub async fn keep(&self, progress: Value) -> Result<()> {
        self.write(|mut operation, _, _| {
            operation.progress = progress.clone();
            (operation, Vec::new(), Vec::new())
        })
        .await?;
        Ok(())
    }

    /// Says that it is held, or goes on: [`State::Paused`] or [`State::Running`].
    ///
    /// # Errors
    /// [`Interrupted`] when it cannot be written.
    pub async fn held(&self, paused: bool) -> Result<()> {
        let (state, event, text) = if paused {
            (State::Paused, "paused", "It waits.")
        } else {
            (State::Running, "resumed", "It goes on.")
        };
        self.write(|mut operation, _, now| {
            if operation.state == state {
                return (operation, Vec::new(), Vec::new());
            }
            operation.state = state;
            let mut entry = Entry::of(&operation, now, event, text);
            entry.actor.clone_from(&operation.wished_by);
            (operation, Vec::new(), vec![entry])
        })
        .await?;
        self.0.dirty.notify_one();
        Ok(())
    }

    /// Waits for people by itself, as if somebody had said `pause`, and says why; whoever resumes it lets it go on. Nothing happens where
    /// somebody wants something else of it than to go on.
    ///
    /// # Errors
    /// [`Interrupted`] when it cannot be written.
    pub async fn pause_itself(&self, why: &str) -> Result<()> {
        self.write(|mut operation, _, now| {
            if operation.wish != Wish::Go {
                return (operation, Vec::new(), Vec::new());
            }
            (operation.wish, operation.wished_by, operation.state) = (Wish::Pause, None, State::Paused);
            let entry = Entry::of(&operation, now, "paused", why);
            (operation, Vec::new(), vec![entry])
        })
        .await?;
        self.0.dirty.notify_one();
        Ok(())
    }

    /// What is wanted of it right now.
    pub fn wish(&self) -> Wish {
        let wish = *self.0.wish.borrow();
        *locked(&self.0.seen) = wish;
        wish
    }

    /// Waits until something else is wanted of it than [`Run::wish`] answered last, or this did.
    pub async fn wish_changed(&self) -> Wish {
        let mut wishes = self.0.wish.subscribe();
        loop {
            let wish = *wishes.borrow_and_update();
            if std::mem::replace(&mut *locked(&self.0.seen), wish) != wish {
                return wish;
            }
            if wishes.changed().await.is_err() {
                // Nobody can want anything any more: the process stops.
                return std::future::pending().await;
            }
        }
    }

    /// Is cancelled when this process must not go on: the robot stops, or the operation is another's.
    pub fn over(&self) -> &CancellationToken {
        &self.0.over
    }

    /// Makes sure, with the store, that the lease is still this process's. Called right before something that cannot be fenced
    /// otherwise.
    ///
    /// # Errors
    /// [`Interrupted`] when it is not, or when that cannot be found out.
    pub async fn certain(&self) -> Result<()> {
        if self.0.over.is_cancelled() {
            return Err(Interrupted.into());
        }
        self.write(|operation, _, _| (operation, Vec::new(), Vec::new()))
            .await?;
        Ok(())
    }

    /// Writes the row, renewing the lease, as long as it is this process's.
    pub(super) async fn write(
        &self,
        change: impl Fn(Operation, &[Step], Timestamp) -> Write + Send,
    ) -> Result<Operation, Interrupted> {
        let mut writer = self.0.writer.lock().await;
        if self.is_lost() {
            return Err(Interrupted);
        }
        self.make_sure(&mut writer).await?;
        writer.unsure = true;
        let writing = self.try_write(&writer.journal, &change);
        let Ok(Some((saved, steps, began))) = tokio::time::timeout_at(writer.valid, writing).await else {
            self.lose();
            return Err(Interrupted);
        };
        writer.unsure = false;
        writer.valid = began + self.0.operations.lease();
        for step in steps {
            match writer.journal.iter_mut().find(|held| held.number == step.number) {
                Some(held) => *held = step,
                None => writer.journal.push(step),
            }
        }
        self.put(saved.clone());
        Ok(saved)
    }

    /// Tries until it is written; nothing when the operation is not this process's any more.
    async fn try_write(
        &self,
        journal: &[Step],
        change: &(impl Fn(Operation, &[Step], Timestamp) -> Write + Send),
    ) -> Option<(Operation, Vec<Step>, Instant)> {
        let (operations, store) = (&self.0.operations, self.0.services.store());
        // What was sent, and perhaps saved though the answer was an error.
        let mut sent: Vec<Operation> = Vec::new();
        loop {
            let began = Instant::now();
            let now = match store.now().await {
                Ok(now) => now,
                Err(error) => {
                    tracing::warn!(%error, "the store does not tell the time");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            };
            let mut row = self.operation();
            row.lease.until = Some(operations.lease_until(now));
            let (next, steps, entries) = change(row, journal, now);
            match store.save(&next, &steps, &entries).await {
                Ok(Saved::Yes(revision)) => return Some((Operation { revision, ..next }, steps, began)),
                Ok(Saved::Stale) => match store.operation(&next.id).await {
                    Ok(Some(found)) if sent.contains(&found) => return Some((found, steps, began)),
                    Ok(Some(found)) if self.owns(&found) => self.put(found),
                    Ok(_) => return None,
                    Err(error) => {
                        tracing::warn!(%error, "the operation cannot be read");
                        tokio::time::sleep(BREATH).await;
                    }
                },
                Ok(Saved::Busy(_)) => return None,
                Err(error) => {
                    tracing::warn!(%error, operation = next.id, "the operation cannot be saved");
                    sent.push(Operation {
                        revision: next.revision + 1,
                        ..next
                    });
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }

    /// Looks whether somebody else changed the row.
    pub(super) async fn refresh(&self) {
        let writer = self.0.writer.lock().await;
        if self.is_lost() {
            return;
        }
        let held = self.operation();
        let reading = self.0.services.store().operation(&held.id);
        match tokio::time::timeout_at(writer.valid, reading).await {
            Ok(Ok(Some(found))) if found.revision == held.revision => {}
            Ok(Ok(Some(found))) if self.owns(&found) => self.put(found),
            Ok(Ok(_)) | Err(_) => self.lose(),
            Ok(Err(error)) => tracing::warn!(%error, operation = held.id, "the operation cannot be read"),
        }
    }

    fn owns(&self, found: &Operation) -> bool {
        let lease = locked(&self.0.operation).lease.clone();
        found.state.is_active() && transitions::is_of(found, lease.owner.as_deref(), lease.generation)
    }

    fn put(&self, operation: Operation) {
        let wish = operation.wish;
        *locked(&self.0.operation) = operation;
        let changed = self
            .0
            .wish
            .send_if_modified(|held| std::mem::replace(held, wish) != wish);
        if changed {
            self.0.dirty.notify_one();
        }
    }

    fn lose(&self) {
        if !self.0.lost.swap(true, Ordering::SeqCst) {
            tracing::warn!(
                operation = locked(&self.0.operation).id,
                "the operation is not this process's any more"
            );
        }
        self.0.over.cancel();
    }

    /// Whether the lease is another's, or may be.
    pub(super) fn is_lost(&self) -> bool {
        self.0.lost.load(Ordering::SeqCst)
    }

    /// What the action wants shown.
    pub(super) fn shown(&self) -> Option<Card> {
        locked(&self.0.shown).clone()
    }

    /// Waits until something about the card is new.
    pub(super) async fn dirty(&self) {
        self.0.dirty.notified().await;
    }

    /// Has the card written anew.
    pub(super) fn soil(&self) {
        self.0.dirty.notify_one();
    }
}

/// The step of this name as it is about to be begun: with its old number, or the next one.
fn intent(operation: &Operation, journal: &[Step], name: &str, now: Timestamp) -> Step {
    let known = journal.iter().find(|step| step.name == name);
    let last = journal.iter().map(|step| step.number).max().unwrap_or(0);
    Step {
        operation: operation.id.clone(),
        number: known.map_or(last + 1, |step| step.number),
        name: name.to_owned(),
        generation: operation.lease.generation,
        began: known.map_or(now, |step| step.began),
        ended: None,
        result: None,
    }
}

fn step_entry(operation: &Operation, step: &Step, now: Timestamp, how: &str) -> Entry {
    let text = format!("The step `{}` is {how}.", step.name);
    Entry::of(operation, now, "step", text).data(json!({
        "step": step.name,
        "number": step.number,
        "generation": step.generation,
        "how": how,
    }))
}
