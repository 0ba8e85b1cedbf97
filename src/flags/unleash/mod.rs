//! Purpose: flag sets that are environments of an Unleash server, behind the same commands as our own.
//!
//! They are a way to keep flags like any other: [`Elsewhere`] stands before the store and sends each set to where it is kept. What Unleash
//! says is read as definitions, so that lists, plans, approvals and guards need to know nothing of it; a change is
//! written as calls of the Admin API, after a last look whether the flag is still what people saw. Its record is read
//! backwards from what is now. The revision of a set is the number of the newest event in Unleash.
//!
//! Applications ask Unleash itself, with its own SDKs: who is among the 25 % is computed otherwise there, so such a set is not served by
//! OFREP.

mod api;
mod config;
mod read;
mod record;
mod shape;
#[cfg(test)]
mod tests;
mod write;

pub use config::{UnleashConfig, UnleashSet};
pub use read::ASLEEP;

use crate::{
    definition::{Definition, Document},
    life::{Archived, Away, Change, ChangeKind, Edit, FlagStore, FlagStoreError, Kept},
};
use api::Api;
use async_trait::async_trait;
use jiff::Timestamp;
use shape::{Environment, Event, Feature, Segment};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use write::Call;

/// So long the sets that are kept here wait for a server that does not answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// And so long it is let alone then.
const REST: Duration = Duration::from_secs(10);
/// After more events than these all is read anew.
const FEW: u32 = 100;
/// So many events of a flag are looked through.
const RECORD: u32 = 200;

/// A store, with some of its sets kept by Unleash instead.
#[derive(Clone)]
pub struct Elsewhere {
    own: Arc<dyn FlagStore>,
    sets: BTreeMap<String, Place>,
}

/// An environment of a server.
#[derive(Clone)]
struct Place {
    server: Arc<Server>,
    environment: String,
}

/// A project of a server, with what was read of it.
struct Server {
    name: String,
    api: Api,
    /// One reads at a time.
    held: tokio::sync::Mutex<Held>,
    seen: Mutex<Seen>,
}

/// What was read.
#[derive(Default)]
struct Held {
    revision: u64,
    /// These have to be read again, whatever the events say.
    dirty: BTreeSet<String>,
    read: Arc<Content>,
}

#[derive(Default)]
struct Content {
    features: BTreeMap<String, Feature>,
    archived: BTreeSet<String>,
    segments: Vec<Segment>,
}

/// What can be told without waiting.
#[derive(Default)]
struct Seen {
    content: Arc<Content>,
    trouble: Option<String>,
    again: Option<Instant>,
}

impl std::fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Elsewhere")
            .field("sets", &self.sets.keys())
            .finish_non_exhaustive()
    }
}

impl Elsewhere {
    /// Puts servers before a store. Each has a name and its sets.
    ///
    /// # Errors
    /// When a server cannot be asked at all, because its address is none.
    pub fn new(
        own: Arc<dyn FlagStore>,
        servers: &BTreeMap<String, (UnleashConfig, Vec<UnleashSet>)>,
    ) -> Result<Self, FlagStoreError> {
        let mut sets = BTreeMap::new();
        for (name, (config, theirs)) in servers {
            let server = Arc::new(Server {
                name: name.clone(),
                api: Api::new(config)?,
                held: tokio::sync::Mutex::default(),
                seen: Mutex::default(),
            });
            for set in theirs {
                let place = Place {
                    server: Arc::clone(&server),
                    environment: set.environment.clone(),
                };
                sets.insert(set.set.clone(), place);
            }
        }
        Ok(Self { own, sets })
    }

    /// Asks each server once, as a check before it is relied on; how many flags there are.
    ///
    /// # Errors
    /// Whichever does not answer, and why.
    pub async fn check(&self) -> Result<usize, FlagStoreError> {
        let mut flags = BTreeMap::new();
        for (set, place) in &self.sets {
            let (_, content) = place.server.fresh().await?;
            flags.insert(place.server.name.as_str(), content.features.len());
            let missing = content
                .features
                .values()
                .find(|feature| place.of(feature).is_none());
            if let Some(feature) = missing {
                return Err(FlagStoreError::Refused(place.no_environment(set, feature)));
            }
        }
        Ok(flags.into_values().sum())
    }
}

impl Server {
    /// What is there now, and how far its record is.
    async fn fresh(&self) -> Result<(u64, Arc<Content>), FlagStoreError> {
        let mut held = self.held.lock().await;
        let read = self.read(&mut held).await;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(()) => {
                *seen = Seen {
                    content: Arc::clone(&held.read),
                    trouble: None,
                    again: None,
                };
                Ok((held.revision, Arc::clone(&held.read)))
            }
            Err(error) => {
                seen.trouble = Some(error.to_string());
                Err(error)
            }
        }
    }

    async fn read(&self, held: &mut Held) -> Result<(), FlagStoreError> {
        // One more than the newest event's number, so that a set that was read is never of the revision of none.
        let newest = self.api.newest().await? + 1;
        if newest == held.revision && held.dirty.is_empty() && newest > 0 {
            return Ok(());
        }
        let mut changed: Option<BTreeSet<String>> = (held.revision > 0).then(|| held.dirty.clone());
        if held.revision > 0 && newest != held.revision {
            let events = self.api.events(None, FEW).await?;
            let new: Vec<_> = events.iter().filter(|event| event.id >= held.revision).collect();
            let whole = new.len() < FEW as usize;
            // Segments are read in any case, and who logged in changes no flag.
            let wide = |event: &&&Event| {
                let kinds = ["feature", "project", "environment"];
                event.feature_name.is_none() && kinds.iter().any(|kind| event.kind.starts_with(kind))
            };
            let there = new.iter().filter_map(|event| event.feature_name.clone());
            changed = match new.iter().find(wide) {
                None if whole => changed.map(|dirty| dirty.into_iter().chain(there).collect()),
                _ => None,
            };
        }
        let mut content = Content {
            segments: self.api.segments().await?,
            archived: self.api.names(true).await?.into_iter().collect(),
            features: BTreeMap::new(),
        };
        let (names, mut features) = match changed {
            Some(changed) => {
                let mut features = held.read.features.clone();
                features.retain(|name, _| !changed.contains(name));
                (changed.into_iter().collect(), features)
            }
            None => (self.api.names(false).await?, BTreeMap::new()),
        };
        for feature in self.api.features(names).await? {
            features.insert(feature.name.clone(), feature);
        }
        content.features = features;
        *held = Held {
            revision: newest,
            dirty: BTreeSet::new(),
            read: Arc::new(content),
        };
        Ok(())
    }

    /// The same, for who must not be held up by it.
    async fn soon(&self) -> Option<u64> {
        {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.again.is_some_and(|again| Instant::now() < again) {
                return None;
            }
        }
        let asked = tokio::time::timeout(PATIENCE, self.fresh()).await;
        if let Ok(Ok((revision, _))) = asked {
            return Some(revision);
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.is_err() {
            seen.trouble = Some("Unleash does not answer (it takes too long)".to_owned());
        }
        if seen.again.is_none() {
            let why = seen.trouble.clone().unwrap_or_default();
            tracing::warn!(
                server = self.name,
                why,
                "flags in Unleash cannot be read; it is tried again"
            );
        }
        seen.again = Some(Instant::now() + REST);
        None
    }

    fn seen(&self) -> Arc<Content> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&seen.content)
    }
}

impl Place {
    fn of<'a>(&self, feature: &'a Feature) -> Option<&'a Environment> {
        feature
            .environments
            .iter()
            .find(|environment| environment.name == self.environment)
    }

    fn no_environment(&self, set: &str, feature: &Feature) -> String {
        let there: Vec<&str> = feature
            .environments
            .iter()
            .map(|environment| environment.name.as_str())
            .collect();
        format!(
            "the project in Unleash has no environment {:?}, which the flag set {set} stands for: there is {}. Set `unleash_environment`",
            self.environment,
            there.join(", ")
        )
    }

    fn kept(&self, set: &str, revision: u64, content: &Content) -> Kept {
        let mut document = Document {
            evaluators: read::evaluators(&content.segments),
            ..Document::default()
        };
        for feature in content.features.values() {
            if let Some(environment) = self.of(feature) {
                document.flags.insert(
                    feature.name.clone(),
                    read::definition(environment, &content.segments),
                );
            }
        }
        let put_away = |name: &String| {
            // A flag that comes back in Unleash is off.
            let archived = Archived {
                definition: Definition::switch(false),
                by: String::new(),
                at: Timestamp::UNIX_EPOCH,
            };
            (name.clone(), archived)
        };
        Kept {
            name: set.to_owned(),
            revision,
            changed: Timestamp::UNIX_EPOCH,
            document,
            archived: content.archived.iter().map(put_away).collect(),
        }
    }

    async fn save(&self, kept: &Kept, change: &Change) -> Result<bool, FlagStoreError> {
        let set = kept.name.as_str();
        let refused = |why: String| FlagStoreError::Refused(format!("Unleash cannot do that: {why}"));
        let api = &self.server.api;
        let (_, content) = self.server.fresh().await?;
        let definition = |value: &Option<serde_json::Value>| {
            let read = value.as_ref().map(|value| Definition::read(value, ""));
            read.transpose().map_err(|faults| refused(faults.to_string()))
        };
        let Some(flag) = &change.flag else {
            return match (change.kind, &change.before, &change.after) {
                (ChangeKind::Rule, None, Some(rule)) => {
                    let constraints = write::segment(rule).map_err(refused)?;
                    // It is the one that is not there yet.
                    let mut names = kept.document.evaluators.keys();
                    let new =
                        names.find(|name| !content.segments.iter().any(|segment| segment.name == **name));
                    let Some(name) = new else { return Ok(false) };
                    api.make_segment(name, &serde_json::json!(constraints)).await?;
                    self.server.held.lock().await.revision = 0;
                    Ok(true)
                }
                (ChangeKind::Rule, ..) => Err(refused(SEGMENT.to_owned())),
                _ => Err(refused(WHOLE.to_owned())),
            };
        };
        // A last look of its own, right before it is changed.
        let feature = api.feature(flag).await?;
        let now = feature.as_ref().and_then(|feature| self.of(feature));
        if let (Some(feature), None) = (&feature, now) {
            return Err(FlagStoreError::Refused(self.no_environment(set, feature)));
        }
        let there = now.map(|environment| read::definition(environment, &content.segments));
        if there != definition(&change.before)? {
            self.dirty(flag).await;
            return Ok(false);
        }
        let done = match (change.kind, definition(&change.after)?) {
            (ChangeKind::Archived, _) | (_, None) => api.archive(flag).await,
            (ChangeKind::Restored, _) => api.revive(flag).await,
            (_, Some(after)) => self.make(flag, now, &after, &content).await,
        };
        // Also after half of it: what is there now has to be read again.
        self.dirty(flag).await;
        done.map(|()| true)
    }

    async fn make(
        &self,
        flag: &str,
        now: Option<&Environment>,
        after: &Definition,
        content: &Content,
    ) -> Result<(), FlagStoreError> {
        let api = &self.server.api;
        let none = Environment {
            name: self.environment.clone(),
            ..Environment::default()
        };
        let calls = write::calls(flag, after, now.unwrap_or(&none), &content.segments)
            .map_err(|why| FlagStoreError::Refused(format!("Unleash cannot do that: {why}")))?;
        if now.is_none() {
            api.create(flag).await?;
        }
        for call in calls {
            match call {
                Call::Add(strategy) => api.add(flag, &self.environment, &strategy).await?,
                Call::Replace(id, strategy) => api.replace(flag, &self.environment, &id, &strategy).await?,
                Call::Remove(id) => api.remove(flag, &self.environment, &id).await?,
                Call::Switch(on) => api.switch(flag, &self.environment, on).await?,
            }
        }
        Ok(())
    }

    async fn dirty(&self, flag: &str) {
        self.server.held.lock().await.dirty.insert(flag.to_owned());
    }
}

const SEGMENT: &str = "there is a segment of that name which says something else than the group does. Make the two the same, in Unleash or in the configuration";
const WHOLE: &str = "a whole set is brought in by Unleash's own import";

#[async_trait]
impl FlagStore for Elsewhere {
    async fn revisions(&self) -> Result<BTreeMap<String, u64>, FlagStoreError> {
        let mut revisions = self.own.revisions().await?;
        revisions.retain(|set, _| !self.sets.contains_key(set));
        let mut asked: BTreeMap<&str, Option<u64>> = BTreeMap::new();
        for (set, place) in &self.sets {
            let server = place.server.name.as_str();
            let revision = match asked.get(server) {
                Some(revision) => *revision,
                None => {
                    let revision = place.server.soon().await;
                    asked.insert(server, revision);
                    revision
                }
            };
            revisions.extend(revision.map(|revision| (set.clone(), revision)));
        }
        Ok(revisions)
    }

    async fn load(&self, set: &str) -> Result<Option<Kept>, FlagStoreError> {
        let Some(place) = self.sets.get(set) else {
            return self.own.load(set).await;
        };
        let (revision, content) = place.server.fresh().await?;
        Ok(Some(place.kept(set, revision, &content)))
    }

    async fn save(&self, kept: &Kept, change: &Change) -> Result<bool, FlagStoreError> {
        match self.sets.get(&kept.name) {
            Some(place) => place.save(kept, change).await,
            None => self.own.save(kept, change).await,
        }
    }

    async fn history(
        &self,
        set: &str,
        flag: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Change>, FlagStoreError> {
        let Some(place) = self.sets.get(set) else {
            return self.own.history(set, flag, limit).await;
        };
        let (_, content) = place.server.fresh().await?;
        let events = place.server.api.events(flag, RECORD).await?;
        let mut by_flag: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        for event in events {
            if let Some(name) = &event.feature_name {
                by_flag.entry(name.clone()).or_default().push(event);
            }
        }
        let mut changes = Vec::new();
        for (flag, events) in by_flag {
            let feature = content.features.get(&flag);
            // The record of the whole server has those of other projects, too.
            if feature.is_none() && !content.archived.contains(&flag) {
                continue;
            }
            let now = feature.and_then(|feature| place.of(feature));
            changes.extend(record::changes(
                (set, &place.environment),
                &flag,
                now,
                &content.segments,
                &events,
            ));
        }
        changes.sort_by_key(|change| std::cmp::Reverse(change.revision));
        changes.truncate(limit as usize);
        Ok(changes)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.own.changes()
    }

    fn away(&self, set: &str) -> Option<Away> {
        let place = self.sets.get(set)?;
        let seen = place.server.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let together = self
            .sets
            .iter()
            .filter(|(_, other)| Arc::ptr_eq(&other.server, &place.server));
        Some(Away {
            keeper: "Unleash",
            trouble: seen.trouble.clone(),
            together: together.map(|(set, _)| set.clone()).collect(),
        })
    }

    fn cannot(&self, set: &str, edits: &[Edit]) -> Option<String> {
        let place = self.sets.get(set)?;
        let content = place.server.seen();
        let mut segments = content.segments.clone();
        for edit in edits {
            let why = match edit {
                Edit::Rule { name, rule } => {
                    let there = segments.iter().any(|segment| segment.name == *name);
                    match write::segment(rule) {
                        Ok(_) if there => Err(SEGMENT.to_owned()),
                        Ok(constraints) => {
                            segments.push(Segment {
                                id: -1,
                                name: name.clone(),
                                constraints,
                            });
                            Ok(())
                        }
                        Err(why) => Err(why),
                    }
                }
                Edit::Put { key, definition } => {
                    let now = content.features.get(key).and_then(|feature| place.of(feature));
                    let none = Environment::default();
                    write::calls(key, definition, now.unwrap_or(&none), &segments).map(drop)
                }
                Edit::Import { .. } => Err(WHOLE.to_owned()),
                Edit::Archive { .. } | Edit::Restore { .. } => Ok(()),
            };
            if let Err(why) = why {
                return Some(why);
            }
        }
        None
    }

    fn same(&self, set: &str, one: Option<&Definition>, other: Option<&Definition>) -> bool {
        match (one, other) {
            (Some(one), Some(other)) if self.sets.contains_key(set) => write::same(one, other),
            (one, other) => one == other,
        }
    }
}
