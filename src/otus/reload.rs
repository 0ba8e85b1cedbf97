//! Changes of the configuration while the robot runs: the file is looked at now and then, and at SIGHUP.
//!
//! What is valid is gone by at once: a robot with the new settings takes the place of the old one, as one replica follows another
//! ([`Instance::replace`](crate::run::Instance::replace)), so that everything robots go by can change: `robot`, `roles`, `policy`,
//! `environments`, `services`, the engines' sections and the responders'. What the process itself stands on cannot: `slack`, `store`, `http`,
//! `flags` and `log` are told to count from the next start on. What is not valid changes nothing at all, and why is told in the log and in the
//! channel of `robot.notices`.

use crate::config::{Loaded, Origin, Settings, load};
use otus_core::{Card, EventKey, Robot, Tone, audit::Entry, markup};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep_until},
};

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(2);

/// The sections that count from the next start on.
const AT_START: [&str; 5] = ["slack", "store", "http", "flags", "log"];

/// How it is called that an executable came, went or changed.
const EXECUTABLES: &str = "responders.executables: what they say of themselves";

/// So many keys are named when they changed.
const NAMED: usize = 12;

/// Looks at the configuration while the robot runs.
pub(crate) struct Watch {
    origin: Origin,
    file: Option<PathBuf>,
    /// What is gone by, merged.
    tree: Json,
    /// The content that was looked at last, whatever came of it.
    looked: Content,
    /// What it was a moment ago: only what rests is looked at, since editors write in several steps.
    restless: Content,
    next: Instant,
    hangup: Hangup,
}

/// What is in the file of the configuration, and which executables there are; nothing where they are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Content {
    file: Option<[u8; 32]>,
    executables: Option<[u8; 32]>,
}

/// What came of looking.
pub(crate) enum Changes {
    /// The same as before.
    Nothing,
    /// It can be gone by.
    Found {
        /// The new settings.
        settings: Box<Settings>,
        /// All of it, merged.
        tree: Json,
        /// The keys that changed.
        live: Vec<String>,
        /// Those of them that count from the next start on.
        at_start: Vec<String>,
        /// What tells this change from others, on every replica.
        key: String,
    },
    /// It cannot.
    Refused {
        /// Why.
        why: String,
        /// As above.
        key: String,
    },
}

impl Watch {
    /// Begins with what was loaded.
    pub(crate) fn new(origin: Origin, loaded: &Loaded) -> Self {
        let file = origin.watched();
        let looked = content(file.as_deref(), loaded.tree());
        Self {
            origin,
            file,
            tree: loaded.tree().clone(),
            looked,
            restless: looked,
            next: Instant::now() + EVERY,
            hangup: Hangup::listen(),
        }
    }

    /// Waits for a change, or for being asked to look.
    pub(crate) async fn changed(&mut self) -> Changes {
        loop {
            let asked = tokio::select! {
                () = sleep_until(self.next) => false,
                () = self.hangup.next() => true,
            };
            self.next = Instant::now() + EVERY;
            let (file, tree) = (self.file.clone(), self.tree.clone());
            // Disks, and addresses of executables, may take their time.
            let Ok(now) = spawn_blocking(move || content(file.as_deref(), &tree)).await else {
                continue;
            };
            let rests = std::mem::replace(&mut self.restless, now) == now;
            if asked || rests && now != self.looked {
                return self.look(asked, now).await;
            }
        }
    }

    async fn look(&mut self, asked: bool, now: Content) -> Changes {
        let before = std::mem::replace(&mut self.looked, now);
        let key = key(before, now);
        if now.file.is_none() && before.file.is_some() {
            let why = "the file of the configuration is gone".to_owned();
            return Changes::Refused { why, key };
        }
        let origin = self.origin.clone();
        // Responders read their sections, which may take them a while.
        let loaded = match spawn_blocking(move || load(&origin)).await {
            Ok(loaded) => loaded,
            Err(error) => {
                let why = format!("it could not be read: {error}");
                return Changes::Refused { why, key };
            }
        };
        let tree = loaded.tree().clone();
        let settings = match loaded.runnable() {
            Ok(settings) => Box::new(settings),
            Err(faults) => {
                let why = faults.listed();
                return Changes::Refused { why, key };
            }
        };
        let (at_start, mut live): (Vec<_>, Vec<_>) = differences(&self.tree, &tree)
            .into_iter()
            .partition(|key| AT_START.contains(&key.split('.').next().unwrap_or_default()));
        if before.executables != now.executables {
            live.push(EXECUTABLES.to_owned());
        }
        if live.is_empty() && at_start.is_empty() {
            if asked {
                tracing::info!("asked to look at the configuration: nothing has changed");
            }
            return Changes::Nothing;
        }
        Changes::Found {
            settings,
            tree,
            live,
            at_start,
            key,
        }
    }

    /// Goes on from what was found.
    pub(crate) fn keep(&mut self, changes: &Changes) {
        if let Changes::Found { tree, .. } = changes {
            self.tree.clone_from(tree);
            // The folder may be another one now.
            self.looked = content(self.file.as_deref(), &self.tree);
            self.restless = self.looked;
        }
    }
}

impl Changes {
    /// The same, with which no robot could be made.
    pub(crate) fn refused(self, why: String) -> Self {
        match self {
            Self::Found { key, .. } | Self::Refused { key, .. } => Self::Refused { why, key },
            Self::Nothing => Self::Nothing,
        }
    }

    /// Tells it: in the log, in the channel for it, and in the audit trail. Of several replicas that find the same, one speaks.
    pub(crate) async fn tell(&self, robot: &Robot) {
        let (card, text, data, key) = match self {
            Self::Nothing => return,
            Self::Refused { why, key } => {
                tracing::error!(
                    why,
                    "the configuration changed and cannot be gone by; the earlier one still counts"
                );
                (
                    refused(why),
                    "a changed configuration was refused".to_owned(),
                    json!({ "why": why }),
                    key,
                )
            }
            Self::Found {
                live, at_start, key, ..
            } => {
                tracing::info!(
                    changed = named(live),
                    restart = named(at_start),
                    "the configuration changed"
                );
                if !at_start.is_empty() {
                    tracing::warn!(keys = named(at_start), "these count from the next start on");
                }
                let data = json!({ "live": live, "at_start": at_start });
                (
                    accepted(live, at_start),
                    "the configuration changed".to_owned(),
                    data,
                    key,
                )
            }
        };
        let services = robot.services();
        // What cannot be found out is told rather twice than never.
        if matches!(
            services.store().claim(&EventKey::new(key.clone())).await,
            Ok(false)
        ) {
            return;
        }
        let entry = Entry {
            data,
            ..Entry::new(jiff::Timestamp::now(), "configured", text)
        };
        services.record(&[entry]).await;
        robot.notice(card.into()).await;
    }
}

fn accepted(live: &[String], at_start: &[String]) -> Card {
    let (tone, title) = match live {
        [] => (Tone::Warning, "My configuration changed, which takes a restart"),
        _ => (Tone::Good, "I go by a changed configuration"),
    };
    let mut card = Card::new(tone, title);
    if !live.is_empty() {
        card = card.text(format!("Changed: {}", markup::code(&named(live))));
    }
    if !at_start.is_empty() {
        card = card.text(format!(
            "Only from the next start on: {}",
            markup::code(&named(at_start))
        ));
    }
    card
}

fn refused(why: &str) -> Card {
    Card::new(Tone::Bad, "My configuration changed, and I cannot go by it")
        .code(why)
        .footer("Nothing has changed: I go by the earlier one. `otus check` says all that is wrong.")
}

fn named(keys: &[String]) -> String {
    let more = keys.len().saturating_sub(NAMED);
    let mut named = keys[..keys.len() - more].join(", ");
    if more > 0 {
        named.push_str(&format!(" and {more} more"));
    }
    named
}

/// The keys that two merged configurations do not have alike.
fn differences(before: &Json, after: &Json) -> Vec<String> {
    let mut found = Vec::new();
    collect(before, after, &mut Vec::new(), &mut found);
    found
}

fn collect(before: &Json, after: &Json, path: &mut Vec<String>, found: &mut Vec<String>) {
    if before == after {
        return;
    }
    let (Some(one), Some(other)) = (before.as_object(), after.as_object()) else {
        found.push(path.join("."));
        return;
    };
    let keys: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    for key in keys {
        path.push(key.clone());
        match (one.get(key), other.get(key)) {
            (Some(before), Some(after)) => collect(before, after, path, found),
            _ => found.push(path.join(".")),
        }
        path.pop();
    }
}

fn content(file: Option<&Path>, tree: &Json) -> Content {
    let section = &tree["responders"]["executables"];
    let folder = section["folder"].as_str();
    let files = folder.and_then(|folder| stamps(Path::new(folder)));
    let sites = otus_responder_executables::said(section);
    Content {
        file: file.and_then(|file| Some(Sha256::digest(std::fs::read(file).ok()?).into())),
        executables: (files.is_some() || sites.is_some())
            .then(|| Sha256::digest(format!("{files:?} {sites:?}")).into()),
    }
}

/// The files of a folder, each with its length and when it was changed.
fn stamps(folder: &Path) -> Option<[u8; 32]> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let mut stamps: Vec<String> = entries
        .map(|entry| {
            let meta = std::fs::metadata(entry.path()).ok();
            let stamp = meta.map(|meta| (meta.len(), meta.permissions(), meta.modified().ok()));
            format!("{:?} {stamp:?}", entry.file_name())
        })
        .collect();
    stamps.sort();
    Some(Sha256::digest(stamps.join("\n")).into())
}

/// The same on all replicas that find the same change at about the same time.
fn key(before: Content, after: Content) -> String {
    let short = |content: Content| -> String {
        let all = content.file.into_iter().chain(content.executables);
        all.flat_map(|bytes| bytes.into_iter().take(6))
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    let hour = jiff::Timestamp::now().as_second() / 3600;
    format!("configuration:{}:{}:{hour}", short(before), short(after))
}

/// SIGHUP, where there is such a thing.
#[cfg(unix)]
struct Hangup(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Hangup {
    fn listen() -> Self {
        let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
        Self(
            signal
                .inspect_err(|error| tracing::warn!(%error, "SIGHUP cannot be listened to"))
                .ok(),
        )
    }

    async fn next(&mut self) {
        let came = match &mut self.0 {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if came.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
struct Hangup;

#[cfg(not(unix))]
impl Hangup {
    fn listen() -> Self {
        Self
    }

    async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_by_their_keys() {
        let before = json!({ "slack": { "sockets": 2 }, "services": { "api": { "image": "a" }, "web": {} } });
        let after = json!({ "slack": { "sockets": 3 }, "services": { "api": { "image": "b" }, "new": {} } });
        assert_eq!(
            differences(&before, &after),
            [
                "services.api.image",
                "services.new",
                "services.web",
                "slack.sockets"
            ]
        );
        assert_eq!(differences(&before, &before), Vec::<String>::new());
    }

    #[test]
    fn many_keys_are_counted() {
        let keys: Vec<String> = (0..15).map(|nth| format!("k{nth}")).collect();
        assert!(named(&keys).ends_with("k11 and 3 more"), "{}", named(&keys));
        assert_eq!(named(&keys[..1]), "k0");
    }
}
