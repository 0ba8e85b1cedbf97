//! Making a Job at most once, claiming it, deleting it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::plan::{Base, Plan, what};
use super::template::template;
use crate::annotations;
use crate::apply::{ATTEMPTS, is_stale};
use crate::client::Cluster;
use crate::error::Error;
use crate::fence::Stamp;

/// How often a deleted Job is looked for until it is gone.
const POLL: Duration = Duration::from_millis(250);

/// A Job that was made: what the judge compares the world with. It can be stored, and followed by another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launched {
    /// The cluster's name in the configuration.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The Job's name.
    pub name: String,
    /// Its identity: another one of the same name is another Job.
    pub uid: String,
    /// When it was made, as the cluster counts.
    pub at: Timestamp,
    /// How long it may run.
    pub deadline: Duration,
    /// True when it was there already, made by an earlier worker of the same operation.
    pub found: bool,
}

/// What became of a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It and its pods are gone: nothing runs any more.
    Gone,
    /// It is going, and its container takes its time to stop.
    Going,
}

impl Launched {
    fn of(plan: &Plan, job: &Job, found: bool) -> Self {
        let created = job.metadata.creation_timestamp.as_ref().map(|time| time.0);
        Launched {
            cluster: plan.cluster.clone(),
            namespace: plan.namespace.clone(),
            name: plan.name(),
            uid: job.metadata.uid.clone().unwrap_or_default(),
            at: created.unwrap_or_else(Timestamp::now),
            deadline: plan.deadline,
            found,
        }
    }

    pub(super) fn what(&self) -> String {
        what(&self.name, &self.namespace, &self.cluster)
    }
}

fn jobs(cluster: &Cluster, namespace: &str) -> Api<Job> {
    Api::namespaced(cluster.client.clone(), namespace)
}

/// Makes the Job, or finds the one that an earlier worker of the same operation made: there is never a second. Whoever finds it
/// puts it into its own hands, so that the earlier worker can do nothing more to it.
///
/// Whoever has kept the [`Launched`] of an earlier call uses [`claim`] instead: a Job that was deleted in between would be made
/// anew here.
///
/// # Errors
/// When the workload to copy from is missing, somebody else's Job has the name, a newer worker was there already, or the cluster
/// refuses the Job or does not answer.
pub async fn start(cluster: &Cluster, plan: &Plan, stamp: &Stamp) -> Result<Launched, Error> {
    let (what, name) = (plan.what(), plan.name());
    let api = jobs(cluster, &plan.namespace);
    let params = PostParams {
        field_manager: Some(cluster.manager().to_owned()),
        ..PostParams::default()
    };
    for _ in 0..ATTEMPTS {
        if let Some(job) = cluster.call(&what, api.get_opt(&name)).await? {
            return match stamped(cluster, &api, &what, &name, stamp, job).await? {
                Some(job) => Ok(Launched::of(plan, &job, true)),
                None => continue,
            };
        }
        let pod = match &plan.base {
            Base::Workload(workload) => {
                let object = workload.get(cluster).await?;
                let container = workload.running(&object)?.container;
                let base = object.template().map(|template| (template, container.as_str()));
                template(plan, base)
            }
            Base::Bare => template(plan, None),
        };
        let job: Job =
            serde_json::from_value(plan.manifest(stamp, &pod)).map_err(|error| Error::Refused {
                cluster: cluster.name.to_string(),
                code: 422,
                message: format!("{what} cannot be written down: {error}"),
            })?;
        match cluster.call_raw(api.create(&params, &job)).await? {
            Ok(job) => return Ok(Launched::of(plan, &job, false)),
            // Somebody made it between our look and our write, or our own first try did, whose answer got lost.
            Err(error) if is_stale(&error) => {}
            Err(error) => return Err(Error::from_kube(&cluster.name, &what, &error)),
        }
    }
    Err(Error::Busy { what })
}

/// Finds the Job that an earlier worker of the same operation made, and puts it into the hands of this one. Makes none.
///
/// # Errors
/// As [`start`].
pub async fn find(cluster: &Cluster, plan: &Plan, stamp: &Stamp) -> Result<Option<Launched>, Error> {
    let (what, name) = (plan.what(), plan.name());
    let api = jobs(cluster, &plan.namespace);
    for _ in 0..ATTEMPTS {
        let Some(job) = cluster.call(&what, api.get_opt(&name)).await? else {
            return Ok(None);
        };
        if let Some(job) = stamped(cluster, &api, &what, &name, stamp, job).await? {
            return Ok(Some(Launched::of(plan, &job, true)));
        }
    }
    Err(Error::Busy { what })
}

/// Puts a Job into the hands of this worker: from here on an earlier one is refused. Makes none.
///
/// # Errors
/// [`Error::NotFound`] when it is gone, [`Error::Replaced`] when a newer worker has it, or when it cannot be read or written.
pub async fn claim(cluster: &Cluster, launched: &Launched, stamp: &Stamp) -> Result<(), Error> {
    let what = launched.what();
    let api = jobs(cluster, &launched.namespace);
    for _ in 0..ATTEMPTS {
        let job = this(launched, cluster.call(&what, api.get(&launched.name)).await?)?;
        if stamped(cluster, &api, &what, &launched.name, stamp, job)
            .await?
            .is_some()
        {
            return Ok(());
        }
    }
    Err(Error::Busy { what })
}

/// Deletes the Job, its pods first, and waits so long for them to be gone. What is gone already is gone.
///
/// # Errors
/// When a newer worker has it, or the cluster refuses or does not answer.
pub async fn cancel(
    cluster: &Cluster,
    launched: &Launched,
    stamp: &Stamp,
    patience: Duration,
) -> Result<Cancelled, Error> {
    let what = launched.what();
    let api = jobs(cluster, &launched.namespace);
    if !delete(cluster, &api, launched, stamp).await? {
        return Ok(Cancelled::Gone);
    }
    let gone = async {
        loop {
            let job = cluster.call(&what, api.get_opt(&launched.name)).await?;
            if job.is_none_or(|job| this(launched, job).is_err()) {
                return Ok(Cancelled::Gone);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(patience, gone)
        .await
        .unwrap_or(Ok(Cancelled::Going))
}

/// Answers whether there was something to delete.
async fn delete(
    cluster: &Cluster,
    api: &Api<Job>,
    launched: &Launched,
    stamp: &Stamp,
) -> Result<bool, Error> {
    let what = launched.what();
    for _ in 0..ATTEMPTS {
        let Some(job) = cluster.call(&what, api.get_opt(&launched.name)).await? else {
            return Ok(false);
        };
        let Ok(job) = this(launched, job) else {
            return Ok(false);
        };
        check(stamp, &what, &job)?;
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Foreground),
            preconditions: Some(Preconditions {
                uid: job.metadata.uid.clone(),
                // Whoever claimed it between our look and this makes it fail.
                resource_version: job.metadata.resource_version.clone(),
            }),
            ..DeleteParams::default()
        };
        match cluster.call_raw(api.delete(&launched.name, &params)).await? {
            Ok(_) => return Ok(true),
            Err(error) if is_stale(&error) => {}
            Err(error) => match Error::from_kube(&cluster.name, &what, &error) {
                Error::NotFound { .. } => return Ok(false),
                error => return Err(error),
            },
        }
    }
    Err(Error::Busy { what })
}

fn this(launched: &Launched, job: Job) -> Result<Job, Error> {
    match job.metadata.uid.as_deref() == Some(launched.uid.as_str()) {
        true => Ok(job),
        false => Err(Error::NotFound {
            what: launched.what(),
        }),
    }
}

/// A Job of this operation, and not in the hands of a newer worker.
fn check(stamp: &Stamp, what: &str, job: &Job) -> Result<(), Error> {
    let notes = job.metadata.annotations.as_ref();
    let operation = notes.and_then(|notes| notes.get(annotations::OPERATION));
    if operation != Some(&stamp.operation) {
        return Err(Error::Taken {
            what: what.to_owned(),
        });
    }
    stamp.check(what, &job.metadata)
}

/// Writes the stamp on a Job that is there. None when it changed meanwhile.
async fn stamped(
    cluster: &Cluster,
    api: &Api<Job>,
    what: &str,
    name: &str,
    stamp: &Stamp,
    job: Job,
) -> Result<Option<Job>, Error> {
    check(stamp, what, &job)?;
    if stamp.is_on(&job.metadata) {
        return Ok(Some(job));
    }
    let params = PatchParams {
        field_manager: Some(cluster.manager().to_owned()),
        ..PatchParams::default()
    };
    let body = json!({
        "metadata": {
            "resourceVersion": job.metadata.resource_version,
            "annotations": stamp.notes(),
        },
    });
    match cluster
        .call_raw(api.patch(name, &params, &Patch::Merge(&body)))
        .await?
    {
        Ok(job) => Ok(Some(job)),
        Err(error) if is_stale(&error) => Ok(None),
        Err(error) => Err(Error::from_kube(&cluster.name, what, &error)),
    }
}
