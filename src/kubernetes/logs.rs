//! The last words of a container.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;

use crate::client::Cluster;
use crate::error::Error;
use crate::redact::redact;

const LINES: i64 = 50;
const BYTES: i64 = 16 * 1024;
const TRIES: u32 = 3;
/// The kubelet now and then cannot find a log that is there a moment later.
const PAUSE: Duration = Duration::from_millis(300);

/// The last lines a container wrote, without what looks like a secret: those of the run that ended, if it was
/// started again, for these tell why. Empty when it wrote nothing.
///
/// # Errors
/// When the cluster does not answer, or does not allow it.
pub async fn last_lines(
    cluster: &Cluster,
    namespace: &str,
    pod: &str,
    container: &str,
    restarted: bool,
) -> Result<Vec<String>, Error> {
    let mut last = Ok(Vec::new());
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(PAUSE * attempt).await;
        }
        // The run before this one may be gone from the node: then the present one is all there is.
        let previous = restarted && attempt + 1 < TRIES;
        last = read(cluster, namespace, pod, container, previous).await;
        match &last {
            Ok(lines)
                if lines
                    .iter()
                    .any(|line| line.contains("Unable to retrieve container logs")) => {}
            Ok(lines) if lines.is_empty() && previous => {}
            Ok(_) => break,
            Err(error) if error.is_passing() || matches!(error, Error::Refused { .. }) => {}
            Err(_) => break,
        }
    }
    last
}

/// Reads a log once.
pub(crate) async fn read(
    cluster: &Cluster,
    namespace: &str,
    pod: &str,
    container: &str,
    previous: bool,
) -> Result<Vec<String>, Error> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let params = LogParams {
        container: Some(container.to_owned()),
        previous,
        tail_lines: Some(LINES),
        limit_bytes: Some(BYTES),
        ..LogParams::default()
    };
    cluster
        .call(&format!("log of the pod {pod}"), pods.logs(pod, &params))
        .await
        .map(|text| lines(&text))
}

fn lines(text: &str) -> Vec<String> {
    redact(text)
        .lines()
        .map(|line| line.trim_end().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}
