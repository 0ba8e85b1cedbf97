//! Following a rollout to its end: three watches and a clock feed the judge.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use tokio::time::Instant;

use crate::apply::Applied;
use crate::cause::{Cause, Fault};
use crate::client::Cluster;
use crate::contact::sort;
use crate::error::Error;
use crate::events;
use crate::follow::{self, Follower, Heard, Subject};
use crate::judge::{Settings, World, judge};
use crate::logs::last_lines;
use crate::memory::{Bake, Memory, is_after, plus};
use crate::object::Object;
use crate::seen::is_ready;
use crate::sources::{News, Source, versions, watches};
use crate::verdict::{Verdict, Why};
use crate::workload::{Kind, Workload};

/// How often events are asked for while something is not well.
const EVENTS_EVERY: Duration = Duration::from_secs(3);
/// About how many objects events are asked for.
const ASKED_ABOUT: usize = 4;

/// How a rollout stands.
pub type Progress = follow::Progress<Verdict>;

/// A rollout being followed. Dropping it ends the watches, not the rollout.
pub struct Rollout(Follower<Watched>);

/// What is known of a rollout.
struct Watched {
    cluster: Cluster,
    workload: Workload,
    applied: Applied,
    settings: Settings,
    world: World,
    fed: Fed,
    memory: Memory,
    asked: Option<Instant>,
    /// Since when it is held on purpose.
    held: Option<Timestamp>,
}

/// Which of the lists have been seen at least once.
#[derive(Default)]
struct Fed {
    workload: bool,
    /// Replica sets or revisions.
    versions: bool,
    pods: bool,
}

impl Rollout {
    /// Begins to follow a change that the cluster accepted; also one that another process applied.
    #[must_use]
    pub fn follow(cluster: Cluster, workload: Workload, applied: Applied, settings: Settings) -> Self {
        let watches = watches(&cluster, &workload, &applied.selector);
        let watched = Watched {
            fed: Fed {
                // A StatefulSet's own status names its revision.
                versions: workload.kind == Kind::StatefulSet,
                ..Fed::default()
            },
            cluster,
            workload,
            applied,
            settings,
            world: World::default(),
            memory: Memory::default(),
            asked: None,
            held: None,
        };
        Rollout(Follower::new(watched, watches))
    }

    /// The same, going on with the watching that another process began.
    #[must_use]
    pub fn baking(mut self, bake: Option<Bake>) -> Self {
        self.0.subject.memory.bake = bake;
        self
    }

    /// The time of watching after the rollout, once it has begun.
    #[must_use]
    pub fn bake(&self) -> Option<&Bake> {
        self.0.subject.memory.bake.as_ref()
    }

    /// It is held on purpose since a moment, by the change that made this generation of the object: until [`Rollout::let_go`] no
    /// deadline runs.
    pub fn hold(&mut self, since: Timestamp, generation: i64) {
        let watched = &mut self.0.subject;
        watched.held.get_or_insert(since);
        watched.applied.generation = watched.applied.generation.max(generation);
    }

    /// It is not held any more, by the change that made this generation; what it was held for does not count. Answers when the
    /// deploy counts as made from now on.
    pub fn let_go(&mut self, generation: i64) -> Timestamp {
        let Watched { applied, held, .. } = &mut self.0.subject;
        applied.generation = applied.generation.max(generation);
        if let Some(since) = held.take() {
            let held = Duration::try_from(Timestamp::now().duration_since(since)).unwrap_or_default();
            applied.at = plus(applied.at, held);
        }
        applied.at
    }

    /// The next thing worth telling; none after the end. Cancelling it loses nothing.
    ///
    /// # Errors
    /// When the cluster refuses to show the workload, or does not answer until the deadline. Nothing follows.
    pub async fn next(&mut self) -> Option<Result<Progress, Error>> {
        self.0.next().await
    }
}

impl Subject for Watched {
    type News = News;
    type Verdict = Verdict;

    fn learn(&mut self, news: News) -> Result<Heard, Error> {
        match news {
            News::Workload(object) => {
                self.world.workload = object;
                self.fed.workload = true;
            }
            News::ReplicaSets(all) => {
                self.world.replica_sets = all;
                self.fed.versions = true;
            }
            News::Revisions(all) => {
                self.world.revisions = all;
                self.fed.versions = true;
            }
            News::Pods(all) => {
                self.world.pods = all;
                self.fed.pods = true;
            }
            News::Trouble(what, error) => {
                let error = sort(&self.cluster, &self.workload.to_string(), &error);
                tracing::debug!(workload = %self.workload, ?what, %error, "a watch broke and will be resumed");
                match (&error, what) {
                    (Error::Forbidden { .. }, Source::Workload) => return Err(error),
                    // The counts alone still tell whether a rollout succeeds, if not why it fails.
                    (Error::Forbidden { .. }, Source::Versions) => self.fed.versions = true,
                    (Error::Forbidden { .. }, Source::Pods) => self.fed.pods = true,
                    _ => return Ok(Heard::Break),
                }
                return Ok(Heard::Nothing);
            }
        }
        Ok(Heard::Something)
    }

    fn is_complete(&self) -> bool {
        self.fed.workload && self.fed.versions && self.fed.pods
    }

    fn judge(&mut self) -> Verdict {
        let settings = match self.held {
            Some(_) => Settings {
                deadline: Duration::MAX,
                ..self.settings
            },
            None => self.settings,
        };
        judge(
            &self.applied,
            &self.world,
            &mut self.memory,
            Timestamp::now(),
            &settings,
        )
    }

    fn is_late(&self) -> bool {
        self.held.is_none() && is_after(Timestamp::now(), self.applied.at, self.settings.deadline)
    }

    fn unseen(&self) -> Verdict {
        let total = self
            .world
            .workload
            .as_ref()
            .map_or(0, |object| object.counts().due());
        Verdict::Waiting {
            done: 0,
            total,
            why: Why::NotObserved,
            trouble: None,
        }
    }

    fn is_final(&self, verdict: &Verdict) -> bool {
        verdict.is_final()
    }

    /// What somebody paused elsewhere has no verdict, and is not waited for longer than for one.
    fn ends(&self, verdict: &Verdict) -> bool {
        verdict.is_final() || (matches!(verdict, Verdict::Paused { .. }) && self.is_late())
    }

    async fn close(&self, verdict: &mut Verdict) {
        if let Verdict::Failed { cause, .. } = verdict {
            read_log(&self.cluster, &self.workload.namespace, cause).await;
        }
    }

    async fn read(&mut self) -> Result<(), Error> {
        let what = self.workload.to_string();
        let selected = ListParams::default().labels(&self.applied.selector);
        let namespace = &self.workload.namespace;
        let pods: Api<Pod> = Api::namespaced(self.cluster.client.clone(), namespace);
        let (object, versions, pods) = tokio::join!(
            self.workload.get_opt(&self.cluster),
            versions(&self.cluster, &self.workload, &self.applied.selector),
            self.cluster.call(&what, pods.list(&selected)),
        );
        self.world.workload = object?;
        match versions {
            Ok((sets, revisions)) => {
                self.world.replica_sets = sets;
                self.world.revisions = revisions;
            }
            Err(Error::Forbidden { .. }) => {}
            Err(error) => return Err(error),
        }
        match pods {
            Ok(list) => self.world.pods = list.items,
            Err(Error::Forbidden { .. }) => {}
            Err(error) => return Err(error),
        }
        self.fed = Fed {
            workload: true,
            versions: true,
            pods: true,
        };
        Ok(())
    }

    /// Asks for the events about pods that are not well. Without them the explanations are poorer, not wrong.
    async fn ask_why(&mut self, anew: bool) {
        if !anew && self.asked.is_some_and(|asked| asked.elapsed() < EVENTS_EVERY) {
            return;
        }
        let unwell = self
            .world
            .pods
            .iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none() && !is_ready(pod));
        let uids: Vec<String> = unwell
            .filter_map(|pod| pod.metadata.uid.clone())
            .take(ASKED_ABOUT)
            .chain(self.refusing())
            .collect();
        if uids.is_empty() {
            return;
        }
        self.asked = Some(Instant::now());
        match events::read(&self.cluster, &self.workload.namespace, &uids).await {
            Ok(found) => self.world.events = found,
            Err(error) => {
                tracing::debug!(workload = %self.workload, %error, "events cannot be read");
            }
        }
    }
}

impl Watched {
    /// The workload itself, when pods are missing and only its events can tell why.
    fn refusing(&self) -> Option<String> {
        let object = self.world.workload.as_ref()?;
        let counts = object.counts();
        let silent = !matches!(object, Object::Deployment(_));
        (silent && counts.existing < counts.wanted).then(|| object.meta().uid.clone())?
    }
}

/// Adds the last words of the container that is to blame. Without them it is told all the same.
pub(crate) async fn read_log(cluster: &Cluster, namespace: &str, cause: &mut Cause) {
    let (Some(pod), Some(container), true) = (&cause.pod, &cause.container, cause.fault.has_log()) else {
        return;
    };
    let restarted = match &cause.fault {
        Fault::Crashed(exit) | Fault::InitFailed(exit) => exit.restarts > 0,
        _ => false,
    };
    match last_lines(cluster, namespace, pod, container, restarted).await {
        Ok(lines) => cause.log = lines,
        Err(error) => tracing::warn!(namespace, pod, %error, "the log cannot be read"),
    }
}
