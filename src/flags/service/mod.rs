//! Purpose: the flag sets as this process serves them: from memory, kept in step with the store and with time.
//!
//! One task follows the store: at each sign of a change, and every few seconds in any case, it asks for the revisions and loads
//! what is newer. While the store does not answer, what is in memory goes on being served. The same task tells listeners
//! when time alone changes something.

mod live;

pub use live::{Live, News};
pub(crate) use live::{Stage, etag};

use crate::{
    definition::{Definition, Document},
    evaluate::{SelfTestFailure, self_test},
    life::{Author, Away, Change, Edit, EditFault, FlagStore, FlagStoreError, Kept},
};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

/// How often the store is asked in any case: a sign may get lost.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How often a change is made anew when somebody was quicker.
const TRIES: usize = 20;

/// Tells the time, in seconds since 1970.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The flag sets, served.
pub struct Flags {
    store: Arc<dyn FlagStore>,
    now: Now,
    sets: RwLock<BTreeMap<String, Arc<Slot>>>,
    /// One looks at a time.
    looking: Mutex<()>,
    stopped: CancellationToken,
}

/// A set, and who listens to it.
struct Slot {
    live: RwLock<Arc<Live>>,
    news: watch::Sender<Arc<News>>,
}

/// Why flags are not served.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// This build evaluates wrongly.
    #[error(transparent)]
    SelfTest(#[from] SelfTestFailure),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] FlagStoreError),
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It cannot be.
    #[error(transparent)]
    Edit(#[from] EditFault),
    /// The store does not answer. Whether it was made is not known then.
    #[error(transparent)]
    Store(#[from] FlagStoreError),
    /// The flag is not what it was any more.
    #[error("the flag `{0}` was changed by somebody else in between")]
    Moved(String),
    /// The set is not what it was any more.
    #[error("flags of `{0}` were changed by somebody else in between")]
    Newer(String),
    /// Somebody else was always quicker.
    #[error("the flag set `{0}` is being changed by others all the time: try again")]
    Busy(String),
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flags")
            .field("sets", &self.names())
            .finish_non_exhaustive()
    }
}

impl Drop for Flags {
    fn drop(&mut self) {
        self.stopped.cancel();
    }
}

impl Flags {
    /// Serves what is in a store. It is followed until this is dropped.
    ///
    /// # Errors
    /// [`StartError`]: this build is wrong, or the store does not answer.
    pub async fn start(store: Arc<dyn FlagStore>) -> Result<Arc<Self>, StartError> {
        Self::start_at(store, Arc::new(|| Timestamp::now().as_second())).await
    }

    /// The same, with a clock of one's own.
    ///
    /// # Errors
    /// As [`Flags::start`].
    pub async fn start_at(store: Arc<dyn FlagStore>, now: Now) -> Result<Arc<Self>, StartError> {
        self_test()?;
        // Before the first look, so that no change falls in between.
        let changes = store.changes();
        let flags = Arc::new(Self {
            store,
            now,
            sets: RwLock::default(),
            looking: Mutex::default(),
            stopped: CancellationToken::new(),
        });
        flags.look().await?;
        tokio::spawn(follow(Arc::downgrade(&flags), changes, flags.stopped.clone()));
        Ok(flags)
    }

    /// The time, in seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        (self.now)()
    }

    /// The names of the sets.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.sets
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect()
    }

    /// A set, as it is served at this moment.
    #[must_use]
    pub fn set(&self, name: &str) -> Option<Arc<Live>> {
        let slot = self.slot(name)?;
        let live = slot.live.read().unwrap_or_else(PoisonError::into_inner);
        Some(live.clone())
    }

    /// What listeners to a set are told. The last is always there.
    #[must_use]
    pub fn listen(&self, name: &str) -> Option<watch::Receiver<Arc<News>>> {
        Some(self.slot(name)?.news.subscribe())
    }

    /// How many listen to a set here, at this replica.
    #[must_use]
    pub fn listeners(&self, name: &str) -> usize {
        self.slot(name).map_or(0, |slot| slot.news.receiver_count())
    }

    /// Changes a set, and serves it so.
    ///
    /// # Errors
    /// [`ChangeError`] says why it was not made.
    pub async fn change(&self, set: &str, edit: &Edit, author: &Author) -> Result<Change, ChangeError> {
        for _ in 0..TRIES {
            // From the store, since another replica may have been here.
            let kept = self.store.load(set).await?.unwrap_or_else(|| Kept::new(set));
            let (next, change) = kept.apply(edit, author)?;
            if self.store.save(&next, &change).await? {
                return self.made(next, change).await;
            }
        }
        Err(ChangeError::Busy(set.to_owned()))
    }

    /// Serves what was saved; as whoever else keeps the set has it now, which need not be how it was written.
    async fn made(&self, next: Kept, mut change: Change) -> Result<Change, ChangeError> {
        if self.away(&next.name).is_none() {
            self.take(next);
            return Ok(change);
        }
        // It is done. What cannot be read now is read at the next look.
        if let Ok(Some(kept)) = self.store.load(&next.name).await {
            change.revision = kept.revision;
            self.take(kept);
        }
        Ok(change)
    }

    /// Who else keeps a set; nothing where it is kept here. Such a set is not served.
    #[must_use]
    pub fn away(&self, set: &str) -> Option<Away> {
        self.store.away(set)
    }

    /// Why whoever else keeps a set could not do these, in a sentence.
    #[must_use]
    pub fn cannot(&self, set: &str, edits: &[Edit]) -> Option<String> {
        self.store.cannot(set, edits)
    }

    /// Whether a flag is what it is to be already, as whoever keeps the set understands it.
    #[must_use]
    pub fn is(&self, set: &str, key: &str, wanted: Option<&Definition>) -> bool {
        let live = self.set(set);
        let there = live.as_ref().and_then(|live| live.kept().document.flags.get(key));
        self.store.same(set, there, wanted)
    }

    /// Changes a flag, if it is still what somebody saw; nothing for a flag that is not there. Nobody else's change gets lost, and
    /// what people agreed to is what is done.
    ///
    /// # Errors
    /// [`ChangeError`] says why it was not made: [`ChangeError::Moved`] when it was something else by then.
    pub async fn change_from(
        &self,
        set: &str,
        key: &str,
        seen: Option<&Definition>,
        edit: &Edit,
        author: &Author,
    ) -> Result<Change, ChangeError> {
        for _ in 0..TRIES {
            let kept = self.store.load(set).await?.unwrap_or_else(|| Kept::new(set));
            if kept.document.flags.get(key) != seen {
                // It may be older here.
                self.take(kept);
                return Err(ChangeError::Moved(key.to_owned()));
            }
            let (next, change) = kept.apply(edit, author)?;
            if self.store.save(&next, &change).await? {
                return self.made(next, change).await;
            }
        }
        Err(ChangeError::Busy(set.to_owned()))
    }

    /// Changes a set by what somebody makes of it as it is now; nothing when it is not what they saw any more.
    ///
    /// # Errors
    /// [`ChangeError`] says why it was not made: [`ChangeError::Newer`] when `edit` made nothing of it.
    pub async fn change_by(
        &self,
        set: &str,
        edit: impl Fn(&Kept) -> Option<Edit> + Send,
        author: &Author,
    ) -> Result<Change, ChangeError> {
        for _ in 0..TRIES {
            let kept = self.store.load(set).await?.unwrap_or_else(|| Kept::new(set));
            let Some(edit) = edit(&kept) else {
                self.take(kept);
                return Err(ChangeError::Newer(set.to_owned()));
            };
            let (next, change) = kept.apply(&edit, author)?;
            if self.store.save(&next, &change).await? {
                return self.made(next, change).await;
            }
        }
        Err(ChangeError::Busy(set.to_owned()))
    }

    /// Fills a set that nobody has written to. Answers whether it was this that filled it.
    ///
    /// # Errors
    /// [`ChangeError`] says why it was not made.
    pub async fn seed(&self, set: &str, document: &Document, author: &Author) -> Result<bool, ChangeError> {
        if self.store.load(set).await?.is_some() {
            return Ok(false);
        }
        let edit = Edit::Import {
            document: document.clone(),
            as_it_is: false,
            rebucket: true,
        };
        let (next, change) = Kept::new(set).apply(&edit, author)?;
        let mine = self.store.save(&next, &change).await?;
        if mine {
            self.take(next);
        }
        Ok(mine)
    }

    /// The record of a set, or of one of its flags, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn history(
        &self,
        set: &str,
        flag: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Change>, FlagStoreError> {
        self.store.history(set, flag, limit).await
    }

    /// Loads what is newer in the store, and tells listeners what time has changed.
    ///
    /// # Errors
    /// When the store does not answer. What is in memory goes on being served.
    pub async fn look(&self) -> Result<(), FlagStoreError> {
        let looked = self.load_newer().await;
        self.tick();
        looked
    }

    async fn load_newer(&self) -> Result<(), FlagStoreError> {
        let _one = self.looking.lock().await;
        for (name, revision) in self.store.revisions().await? {
            if self.revision(&name) < revision
                && let Some(kept) = self.store.load(&name).await?
            {
                self.take(kept);
            }
        }
        Ok(())
    }

    /// Makes sure that a set is of a revision at least, as far as the store lets it be, within a time.
    pub(crate) async fn reach(&self, name: &str, revision: u64, within: Duration) -> bool {
        if self.revision(name) < revision
            && let Ok(Err(error)) = tokio::time::timeout(within, self.load_newer()).await
        {
            tracing::warn!(%error, set = name, "a newer flag set cannot be read");
        }
        self.revision(name) >= revision
    }

    fn revision(&self, name: &str) -> u64 {
        self.set(name).map_or(0, |live| live.kept().revision)
    }

    fn slot(&self, name: &str) -> Option<Arc<Slot>> {
        self.sets
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// Serves a set, unless a newer one is served already.
    fn take(&self, kept: Kept) {
        let live = Arc::new(Live::new(kept));
        let now = self.now();
        let slot = {
            let mut sets = self.sets.write().unwrap_or_else(PoisonError::into_inner);
            let slot = sets.entry(live.kept().name.clone()).or_insert_with(|| {
                Arc::new(Slot {
                    news: watch::channel(Arc::new(live.news(now))).0,
                    live: RwLock::new(live.clone()),
                })
            });
            slot.clone()
        };
        {
            let mut held = slot.live.write().unwrap_or_else(PoisonError::into_inner);
            if held.kept().revision > live.kept().revision {
                return;
            }
            *held = live;
        }
        self.tell(&slot);
    }

    /// Tells listeners of every set for which time has changed something.
    fn tick(&self) {
        let slots: Vec<_> = {
            let sets = self.sets.read().unwrap_or_else(PoisonError::into_inner);
            sets.values().cloned().collect()
        };
        for slot in slots {
            self.tell(&slot);
        }
    }

    fn tell(&self, slot: &Slot) {
        // Whoever holds this sees the newest set, and nobody tells of an older one afterwards.
        let live = slot.live.read().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        slot.news.send_if_modified(|told| {
            let newer = live.stage(now) > told.stage;
            if newer {
                *told = Arc::new(live.news(now));
            }
            newer
        });
    }

    /// How long nothing happens by itself.
    fn rest(&self) -> Duration {
        let now = self.now();
        let sets = self.names();
        let next = sets
            .iter()
            .filter_map(|name| self.set(name)?.set().clock().next(now))
            .min();
        let seconds = next.map_or(u64::MAX, |next| next.saturating_sub(now).unsigned_abs());
        Duration::from_secs(seconds.max(1)).min(LOOK_EVERY)
    }
}

async fn follow(
    flags: std::sync::Weak<Flags>,
    mut changes: watch::Receiver<u64>,
    stopped: CancellationToken,
) {
    let mut lost = false;
    loop {
        let Some(rest) = flags.upgrade().map(|flags| flags.rest()) else {
            return;
        };
        tokio::select! {
            () = stopped.cancelled() => return,
            changed = changes.changed() => if changed.is_err() {
                // The store is closed; nothing more is heard of it.
                tokio::time::sleep(rest).await;
            },
            () = tokio::time::sleep(rest) => {}
        }
        let Some(flags) = flags.upgrade() else { return };
        match flags.look().await {
            Ok(()) if lost => {
                lost = false;
                tracing::info!("the flags' store answers again");
            }
            Ok(()) => {}
            Err(error) if !lost => {
                lost = true;
                tracing::warn!(%error, "flags are served from memory until their store answers again");
            }
            Err(_) => {}
        }
    }
}
