//! The emulator's rollouts against a recording of real ones: the same states in the same order.
//!
//! Time is paused: it moves on when nothing else is to do, so the order does not depend on this machine.

use std::time::Duration;

use otus_emulators::kubernetes::{Behaviour, Cluster, Options, Timing, View};
use serde_json::{Value, json};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const RECORDING: &str = include_str!("data/rollout-timeline-1.36.txt");
const LONG: Duration = Duration::from_secs(120);

/// The states of a recorded phase, without their times.
fn recorded(phase: &str) -> Vec<String> {
    let mut lines = RECORDING
        .lines()
        .skip_while(|line| *line != format!("== {phase}"))
        .skip(1);
    let mut states = Vec::new();
    for line in lines.by_ref().take_while(|line| !line.starts_with("== ")) {
        if let Some((_, state)) = line.split_once("s gen ") {
            states.push(format!("gen {state}"));
        }
    }
    assert!(!states.is_empty(), "no phase {phase} in the recording");
    states
}

fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

fn condition(deployment: &Value, kind: &str) -> String {
    let all = deployment["status"]["conditions"].as_array();
    let one = all
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind);
    one.map_or("None".into(), |c| {
        format!(
            "{}/{}",
            c["status"].as_str().unwrap_or_default(),
            c["reason"].as_str().unwrap_or_default()
        )
    })
}

/// A Deployment as the recording writes it.
fn written(deployment: &Value) -> String {
    let status = |field: &str| number(deployment, &format!("/status/{field}"));
    let revision = &deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
    format!(
        "gen {} obs {} rev {} r {} upd {} rdy {} av {} term {} Prog {} Avail {} RF {}",
        number(deployment, "/metadata/generation"),
        status("observedGeneration"),
        revision.as_str().unwrap_or("None"),
        status("replicas"),
        status("updatedReplicas"),
        status("readyReplicas"),
        status("availableReplicas"),
        status("terminatingReplicas"),
        condition(deployment, "Progressing"),
        condition(deployment, "Available"),
        condition(deployment, "ReplicaFailure"),
    )
}

struct Replay {
    cluster: Cluster,
    seen: usize,
}

impl Replay {
    async fn start() -> Result<Self> {
        let timing = Timing {
            reaction: Duration::from_millis(10),
            stale: Duration::from_millis(200),
            ready: Duration::from_secs(3)..=Duration::from_secs(3),
            terminate: Duration::from_secs(1),
            crash: Duration::from_secs(1),
            second: Duration::from_secs(1),
            bookmark: Duration::from_secs(60),
        };
        let cluster = Cluster::start(Options {
            timing,
            ..Options::default()
        })
        .await?;
        cluster.behave(
            "r/web:crashing",
            Behaviour::CrashLoop {
                exit_code: 1,
                log: "no database".into(),
            },
        );
        cluster.behave(
            "r/web:later",
            Behaviour::CrashAfterReady {
                exit_code: 1,
                log: "no database".into(),
            },
        );
        cluster.behave("r/web:absent", Behaviour::BadImage);
        cluster.deployment("default", "web", "r/web:1", 3).await?;
        let seen = cluster.history("deployment", "default", "web").len();
        let mut replay = Self { cluster, seen };
        // The recording's first phase set the deadline from the start; a paused resize of nothing changes no pod.
        replay.cluster.patch(
            "test",
            "deployment",
            "default",
            "web",
            json!({
                "spec": { "progressDeadlineSeconds": 12 },
            }),
        )?;
        replay
            .until(|d| number(d, "/status/observedGeneration") == 2)
            .await?;
        replay.fresh();
        Ok(replay)
    }

    async fn until(&self, is: impl Fn(&Value) -> bool) -> Result {
        self.cluster
            .wait_until(LONG, |view: &View<'_>| {
                view.get("deployment", "default", "web").filter(&is)
            })
            .await
            .map_err(|waited| {
                let all: Vec<_> = self
                    .cluster
                    .history("deployment", "default", "web")
                    .iter()
                    .map(written)
                    .collect();
                format!("{waited}\n{}", all.join("\n"))
            })?;
        Ok(())
    }

    async fn reaches(&self, wanted: &str) -> Result {
        let reached = self.until(|deployment| written(deployment) == wanted).await;
        reached.map_err(|e| format!("waiting for {wanted}: {e}").into())
    }

    /// The states since the last call.
    fn fresh(&mut self) -> Vec<String> {
        let all = self.cluster.history("deployment", "default", "web");
        let mut states: Vec<_> = all[self.seen..].iter().map(written).collect();
        self.seen = all.len();
        states.dedup();
        states
    }

    fn patch(&self, patch: Value) -> Result {
        self.cluster
            .patch("test", "deployment", "default", "web", patch)?;
        Ok(())
    }

    fn image(&self, tag: &str) -> Result {
        self.cluster
            .set_image("default", "web", "app", &format!("r/web:{tag}"))?;
        Ok(())
    }

    /// Goes through a recorded phase to its last state, and compares. Two controllers raced when it was recorded:
    /// `ours` are states of the emulator that the recording has elsewhere and skipped here.
    async fn phase(&mut self, phase: &str, ours: &[&str]) -> Result {
        let expected: Vec<_> = recorded(phase).iter().map(|state| shifted(state)).collect();
        self.reaches(expected.last().ok_or("an empty phase")?).await?;
        let states = self.fresh();
        let ours: Vec<_> = ours.iter().map(|state| shifted(state)).collect();
        let compared: Vec<_> = states
            .iter()
            .filter(|state| !ours.contains(state))
            .cloned()
            .collect();
        assert_eq!(states.len() - compared.len(), ours.len(), "{phase}");
        assert_eq!(compared.join("\n"), expected.join("\n"), "{phase}");
        Ok(())
    }
}

/// Here a patch of the deadline came before the first image: generations are one more than in the recording.
fn shifted(state: &str) -> String {
    let mut words: Vec<String> = state.split(' ').map(str::to_owned).collect();
    for at in [1, 3] {
        let generation: i64 = words[at].parse().unwrap_or_default();
        words[at] = (generation + 1).to_string();
    }
    words.join(" ")
}

#[tokio::test(start_paused = true)]
async fn rollouts_go_as_recorded() -> Result {
    let mut replay = Replay::start().await?;

    replay.image("2")?;
    replay.phase("good2", &[]).await?;
    replay.image("crashing")?;
    replay.phase("crashloop", &[]).await?;
    replay.image("3")?;
    replay.phase("move forward good3", &[]).await?;
    replay.image("absent")?;
    replay.phase("badimage", &[]).await?;

    replay.image("4")?;
    replay
        .reaches(&shifted(&recorded("two quick patches")[3]))
        .await?;
    replay.image("5")?;
    let between = "gen 6 obs 6 rev 6 r 3 upd 0 rdy 3 av 3 term 1 Prog True/ReplicaSetUpdated Avail True/MinimumReplicasAvailable RF None";
    replay.phase("two quick patches", &[between]).await?;

    let paused = json!({ "spec": {
        "paused": true,
        "template": { "spec": { "containers": [{ "name": "app", "image": "r/web:6" }] } },
    } });
    replay.patch(paused)?;
    replay.phase("paused", &[]).await?;
    replay.patch(json!({ "spec": { "paused": null } }))?;
    replay.phase("resume", &[]).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_readiness_flips_only_available() -> Result {
    let mut replay = Replay::start().await?;
    replay.image("later")?;
    let rolled_out = |d: &Value| {
        condition(d, "Progressing") == "True/NewReplicaSetAvailable"
            && number(d, "/status/observedGeneration") == 3
    };
    replay.until(rolled_out).await?;
    replay.fresh();
    replay
        .until(|d| condition(d, "Available") == "False/MinimumReplicasUnavailable")
        .await?;
    replay
        .until(|d| condition(d, "Available") == "True/MinimumReplicasAvailable")
        .await?;
    replay
        .until(|d| condition(d, "Available") == "False/MinimumReplicasUnavailable")
        .await?;
    for state in replay.fresh() {
        assert!(
            state.contains("r 3 upd 3") && state.contains("Prog True/NewReplicaSetAvailable"),
            "{state}"
        );
    }
    let restarts: i64 = replay
        .cluster
        .list("pods", "default")
        .iter()
        .map(|pod| number(pod, "/status/containerStatuses/0/restartCount"))
        .sum();
    assert!(restarts > 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn zero_replicas_are_observed_at_once() -> Result {
    let mut replay = Replay::start().await?;
    replay.patch(json!({ "spec": {
        "replicas": 0,
        "template": { "spec": { "containers": [{ "name": "app", "image": "r/web:2" }] } },
    } }))?;
    let gone = "gen 3 obs 3 rev 2 r 0 upd 0 rdy 0 av 0 term 0 Prog True/NewReplicaSetAvailable Avail True/MinimumReplicasAvailable RF None";
    replay.reaches(gone).await?;
    // The recording began with one pod ready of three, and its pods went one after the other.
    let expected: Vec<_> = recorded("zero")
        .iter()
        .map(|state| {
            state
                .replace("gen 11 obs 10", "gen 3 obs 2")
                .replace("gen 11 obs 11", "gen 3 obs 3")
                .replace("rev 9", "rev 1")
                .replace("rev 10", "rev 2")
                .replace("rdy 1 av 1", "rdy 3 av 3")
                .replace(
                    "False/MinimumReplicasUnavailable",
                    "True/MinimumReplicasAvailable",
                )
        })
        .filter(|state| !state.contains("term 1") && !state.contains("term 2"))
        .collect();
    assert_eq!(replay.fresh().join("\n"), expected.join("\n"));
    Ok(())
}
