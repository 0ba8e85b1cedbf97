//! Watching a Job to its end: two watches and a clock feed the judge.

use std::time::Duration;

use futures_util::stream::SelectAll;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use kube::runtime::watcher;
use tokio::time::Instant;

use super::judge::{Settings, World, judge};
use super::start::Launched;
use super::verdict::{Stage, Verdict};
use crate::cause::Cause;
use crate::client::Cluster;
use crate::contact::{lists, sort};
use crate::error::Error;
use crate::events;
use crate::follow::{self, Follower, Heard, Subject};
use crate::logs::last_lines;
use crate::memory::{is_after, plus};

/// How often events are asked for while it has not started.
const EVENTS_EVERY: Duration = Duration::from_secs(2);

/// How a Job stands.
pub type Progress = follow::Progress<Verdict>;

/// A Job being followed. Dropping it ends the watches, not the Job.
pub struct Run(Follower<Watched>);

/// What is known of a Job.
struct Watched {
    cluster: Cluster,
    launched: Launched,
    settings: Settings,
    world: World,
    /// Whether the Job and its pods were seen at least once.
    fed: (bool, bool),
    asked: Option<Instant>,
}

enum News {
    Job(Option<Box<Job>>),
    Pods(Vec<Pod>),
    Trouble(bool, watcher::Error),
}

impl Run {
    /// Begins to follow a Job; also one that another process made.
    #[must_use]
    pub fn follow(cluster: Cluster, launched: Launched, settings: Settings) -> Self {
        let namespace = &launched.namespace;
        let jobs: Api<Job> = Api::namespaced(cluster.watching.clone(), namespace);
        let pods: Api<Pod> = Api::namespaced(cluster.watching.clone(), namespace);
        let named = watcher::Config::default().fields(&format!("metadata.name={}", launched.name));
        let selected = watcher::Config::default().labels(&selector(&launched));
        let mut watches = SelectAll::new();
        watches.push(lists(
            jobs,
            named,
            |error| News::Trouble(true, error),
            |mut all: Vec<Job>| News::Job(all.pop().map(Box::new)),
        ));
        watches.push(lists(
            pods,
            selected,
            |error| News::Trouble(false, error),
            News::Pods,
        ));
        let watched = Watched {
            cluster,
            launched,
            settings,
            world: World::default(),
            fed: (false, false),
            asked: None,
        };
        Run(Follower::new(watched, watches))
    }

    /// The next thing worth telling; none after the end. Cancelling it loses nothing.
    ///
    /// # Errors
    /// When the cluster refuses to show the Job, or does not answer until the deadline. Nothing follows.
    pub async fn next(&mut self) -> Option<Result<Progress, Error>> {
        self.0.next().await
    }
}

impl Subject for Watched {
    type News = News;
    type Verdict = Verdict;

    fn learn(&mut self, news: News) -> Result<Heard, Error> {
        match news {
            News::Job(job) => {
                self.world.job = job.map(|job| *job);
                self.fed.0 = true;
            }
            News::Pods(pods) => {
                self.world.pods = pods;
                self.fed.1 = true;
            }
            News::Trouble(of_job, error) => {
                let error = sort(&self.cluster, &self.launched.what(), &error);
                tracing::debug!(job = self.launched.name, %error, "a watch broke and will be resumed");
                match error {
                    Error::Forbidden { .. } if of_job => return Err(error),
                    // The Job alone still tells how it ends, if not why.
                    Error::Forbidden { .. } => self.fed.1 = true,
                    _ => return Ok(Heard::Break),
                }
                return Ok(Heard::Nothing);
            }
        }
        Ok(Heard::Something)
    }

    fn is_complete(&self) -> bool {
        self.fed.0 && self.fed.1
    }

    fn judge(&mut self) -> Verdict {
        judge(&self.launched, &self.world, Timestamp::now(), &self.settings)
    }

    fn is_late(&self) -> bool {
        let late = plus(self.launched.at, self.launched.deadline);
        is_after(Timestamp::now(), late, self.settings.slack)
    }

    fn unseen(&self) -> Verdict {
        Verdict::Waiting {
            stage: Stage::Creating,
            trouble: None,
        }
    }

    fn is_final(&self, verdict: &Verdict) -> bool {
        verdict.is_final()
    }

    async fn read(&mut self) -> Result<(), Error> {
        let what = self.launched.what();
        let namespace = &self.launched.namespace;
        let selected = ListParams::default().labels(&selector(&self.launched));
        let jobs: Api<Job> = Api::namespaced(self.cluster.client.clone(), namespace);
        let pods: Api<Pod> = Api::namespaced(self.cluster.client.clone(), namespace);
        let (job, pods) = tokio::join!(
            self.cluster.call(&what, jobs.get_opt(&self.launched.name)),
            self.cluster.call(&what, pods.list(&selected)),
        );
        self.world.job = job?;
        match pods {
            Ok(list) => self.world.pods = list.items,
            Err(Error::Forbidden { .. }) => {}
            Err(error) => return Err(error),
        }
        self.fed = (true, true);
        Ok(())
    }

    /// Asks for events while it has not started. Without them the explanations are poorer, not wrong.
    async fn ask_why(&mut self, anew: bool) {
        let waits = matches!(
            self.judge(),
            Verdict::Waiting {
                stage: Stage::Creating | Stage::Starting,
                ..
            } | Verdict::CannotStart { .. }
        );
        if !waits || !anew && self.asked.is_some_and(|asked| asked.elapsed() < EVENTS_EVERY) {
            return;
        }
        self.asked = Some(Instant::now());
        let pods = self.world.pods.iter().filter_map(|pod| pod.metadata.uid.clone());
        let uids: Vec<String> = pods.chain([self.launched.uid.clone()]).collect();
        match events::read(&self.cluster, &self.launched.namespace, &uids).await {
            Ok(found) => self.world.events = found,
            Err(error) => tracing::debug!(job = self.launched.name, %error, "events cannot be read"),
        }
    }

    /// Adds the last words of the container. Without them the end is told all the same.
    async fn close(&self, verdict: &mut Verdict) {
        let blamed = |cause: &Cause| Some((cause.pod.clone()?, cause.container.clone()?));
        let place = match &*verdict {
            Verdict::Succeeded { .. } => self.worker(),
            Verdict::Failed { cause } if cause.fault.has_log() => blamed(cause),
            Verdict::TimedOut { cause, .. } => blamed(cause),
            _ => None,
        };
        let Some((pod, container)) = place else { return };
        match last_lines(&self.cluster, &self.launched.namespace, &pod, &container, false).await {
            Ok(lines) => match verdict {
                Verdict::Succeeded { log, .. } => *log = lines,
                Verdict::Failed { cause } | Verdict::TimedOut { cause, .. } => cause.log = lines,
                _ => {}
            },
            Err(error) => tracing::warn!(job = self.launched.name, %error, "the log cannot be read"),
        }
    }
}

impl Watched {
    /// The pod that ended well, and its container.
    fn worker(&self) -> Option<(String, String)> {
        let done = |pod: &&Pod| {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            phase == Some("Succeeded")
        };
        let pod = self.world.pods.iter().find(done)?;
        let container = pod.spec.as_ref()?.containers.first()?;
        Some((pod.metadata.name.clone()?, container.name.clone()))
    }
}

/// The pods of this Job and of no other: <https://kubernetes.io/docs/reference/labels-annotations-taints/#batchkubernetesio-controller-uid>.
fn selector(launched: &Launched) -> String {
    format!("batch.kubernetes.io/controller-uid={}", launched.uid)
}
