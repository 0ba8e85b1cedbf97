//! Every card, as a person reads it.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use otus::UserId;
use otus::store::{Deploy, DeployState};
use otus_kubernetes::{Cause, Conflict, Error, Exit, Fault, Found, Outage, Why, Workload};
use proptest::prelude::*;

use crate::card::Face;
use crate::settings::Settings;
use crate::state::{Halt, State};

fn at(seconds: i64) -> Timestamp {
    "2026-11-22T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn deploy() -> Deploy {
    Deploy {
        id: "d1".into(),
        service: "api".into(),
        environment: "production".into(),
        version: "v1.4.2".into(),
        image: "registry.test:5000/shop/api:v1.4.2".into(),
        previous: Some("registry.test:5000/shop/api:v1.4.1".into()),
        by: UserId::new("ann"),
        began: at(0),
        ended: None,
        state: DeployState::Running,
        card: None,
        note: None,
        details: serde_json::Value::Null,
        generation: 1,
    }
}

fn workload() -> Workload {
    Workload {
        cluster: "default".into(),
        namespace: "shop".into(),
        kind: Default::default(),
        name: "api".into(),
        container: None,
        service: "api".into(),
    }
}

fn crash() -> Box<Cause> {
    let exit = Exit {
        code: 1,
        reason: "Error".into(),
        restarts: 2,
        looping: true,
        ..Exit::default()
    };
    Box::new(Cause {
        fault: Fault::Crashed(exit),
        pod: Some("api-7d9f-x2x".into()),
        container: Some("app".into()),
        pods: 1,
        log: vec!["starting".into(), "fatal: DB_URL is not set".into()],
    })
}

fn conflict(first: bool) -> Conflict {
    Conflict {
        manager: if first {
            "helm".into()
        } else {
            "kubectl-set".into()
        },
        since: Some(at(-600)),
        fields: vec![],
        image: "registry.test:5000/shop/api:hot".into(),
        first,
    }
}

fn shown(state: State) -> String {
    shown_of(state, false, None, None)
}

fn shown_of(state: State, resumed: bool, good: Option<&str>, adopted: Option<&Conflict>) -> String {
    let deploy = deploy();
    let face = Face {
        adopted,
        resumed,
        good,
        ..face(&deploy, &state)
    };
    face.card().plain()
}

fn face<'a>(deploy: &'a Deploy, state: &'a State) -> Face<'a> {
    static WORKLOAD: LazyLock<Workload> = LazyLock::new(workload);
    static SETTINGS: LazyLock<Settings> = LazyLock::new(Settings::default);
    Face {
        deploy,
        state,
        workload: &WORKLOAD,
        settings: &SETTINGS,
        adopted: None,
        resumed: false,
        good: None,
        obstacle: None,
        lines: &[],
        asking: None,
        now: at(83),
    }
}

fn rolling(why: Why, trouble: Option<Box<Cause>>, outage: Option<Box<Outage>>) -> State {
    State::Rolling {
        done: 1,
        total: 3,
        why,
        trouble,
        outage,
    }
}

#[test]
fn while_it_goes_on() {
    insta::assert_snapshot!(shown(State::Applying), @"
    ⏳ Deploying *api* `v1.4.2` to *production*
    `v1.4.1` → `v1.4.2`
    Asking the cluster for the change…
    1 min 23 s
    ");
    insta::assert_snapshot!(shown(rolling(Why::NotObserved, None, None)), @"
    ⏳ Deploying *api* `v1.4.2` to *production*
    `v1.4.1` → `v1.4.2`
    `▰▰▰▱▱▱▱▱▱▱` 1 of 3 pods on the new version
    Waiting for Kubernetes to begin. Then I watch them for 1 min.
    1 min 23 s
    ");
    insta::assert_snapshot!(shown(rolling(Why::Creating { created: 2 }, None, None)), @"
    ⏳ Deploying *api* `v1.4.2` to *production*
    `v1.4.1` → `v1.4.2`
    `▰▰▰▱▱▱▱▱▱▱` 1 of 3 pods on the new version
    Kubernetes is starting new pods. Then I watch them for 1 min.
    1 min 23 s
    ");
    insta::assert_snapshot!(shown(rolling(Why::Starting { left: 1 }, Some(crash()), None)), @"
    ⏳ Deploying *api* `v1.4.2` to *production*
    `v1.4.1` → `v1.4.2`
    `▰▰▰▱▱▱▱▱▱▱` 1 of 3 pods on the new version
    Waiting for 1 new pod to become ready. Then I watch them for 1 min.
    Not well yet: The new pod `api-7d9f-x2x` crashes: its container `app` ended with exit code 1, and was started again 2 times.
    1 min 23 s
    ");
    let starting = Box::new(Cause::of(Fault::NotReady {
        probe: None,
        message: None,
        failures: 0,
        threshold: 3,
    }));
    assert!(
        !shown(rolling(Why::Starting { left: 1 }, Some(starting), None)).contains("Not well"),
        "a pod that just starts is no trouble"
    );
    let error = Error::Unreachable {
        cluster: "default".into(),
        detail: "Connection refused (os error 111)".into(),
    };
    let outage = Box::new(Outage { since: at(60), error });
    insta::assert_snapshot!(shown_of(rolling(Why::OldPods { left: 2 }, None, Some(outage)), true, None, None), @"
    ⏳ Deploying *api* `v1.4.2` to *production*
    `v1.4.1` → `v1.4.2`
    `▰▰▰▱▱▱▱▱▱▱` 1 of 3 pods on the new version
    Waiting for 2 old pods to stop. Then I watch them for 1 min.
    I have not seen the cluster for 23 s: the cluster `default` does not answer: Connection refused (os error 111). The rollout goes on without me; I keep trying.
    1 min 23 s · I was restarted meanwhile
    ");
    insta::assert_snapshot!(shown(State::Paused { by: Some("kubectl-rollout".into()), at: Some(at(30)), step: None }), @"
    ⚠️ Deploying *api* `v1.4.2` to *production*
    `v1.4.1` → `v1.4.2`
    The rollout of `api` is paused by `kubectl-rollout` since 2026-11-22 10:00 UTC, so the new version does not start, and no deadline runs in the cluster. To let it go on: `kubectl rollout resume deployment/api -n shop`
    1 min 23 s
    ");
    insta::assert_snapshot!(shown(State::Waiting), @"
    ⚠️ Deploying *api* `v1.4.2` to *production*
    `v1.4.1` → `v1.4.2`
    Nothing was changed yet.
    1 min 23 s
    ");
    insta::assert_snapshot!(shown(State::Held { done: 1, total: 3, step: None }), @"
    ⚠️ Deploying *api* `v1.4.2` to *production*
    `v1.4.1` → `v1.4.2`
    `▰▰▰▱▱▱▱▱▱▱` 1 of 3 pods on the new version
    I paused the rollout: no more pods are replaced, and no deadline runs, until somebody resumes it.
    1 min 23 s
    ");
    let deploy = deploy();
    let obstacle = crate::texts::obstacle("the cluster `default` does not answer: Connection refused");
    let face = Face {
        obstacle: Some(&obstacle),
        ..face(&deploy, &State::Applying)
    };
    insta::assert_snapshot!(face.card().plain(), @"
    ⏳ Deploying *api* `v1.4.2` to *production*
    `v1.4.1` → `v1.4.2`
    Asking the cluster for the change…
    I cannot do that yet, and keep trying: the cluster `default` does not answer: Connection refused.
    1 min 23 s
    ");
}

#[test]
fn while_it_is_watched() {
    let watching = |pods| State::Watching {
        pods,
        until: at(131),
        outage: None,
    };
    insta::assert_snapshot!(shown_of(watching(3), false, None, Some(&conflict(true))), @"
    ⏳ Watching *api* `v1.4.2` in *production*
    `v1.4.1` → `v1.4.2`
    `▰▰▰▰▰▰▰▰▰▰` 3 of 3 pods on the new version
    All 3 pods run it. I watch them for 48 s more.
    I took the image over from `helm`; everything else stays as it was.
    1 min 23 s
    ");
    insta::assert_snapshot!(shown(watching(1)), @"
    ⏳ Watching *api* `v1.4.2` in *production*
    `v1.4.1` → `v1.4.2`
    `▰▰▰▰▰▰▰▰▰▰` 1 of 1 pod on the new version
    The only pod runs it. I watch it for 48 s more.
    1 min 23 s
    ");
    insta::assert_snapshot!(shown(watching(0)), @"
    ⏳ Watching *api* `v1.4.2` in *production*
    `v1.4.1` → `v1.4.2`
    0 replicas: no pod runs this version, so nobody knows yet whether it works.
    1 min 23 s
    ");
}

#[test]
fn when_it_went_well() {
    insta::assert_snapshot!(shown(State::Live { pods: 3 }), @"
    ✅ *api* `v1.4.2` is live in *production*
    `v1.4.1` → `v1.4.2`
    All 3 pods run it and stayed well for 1 min.
    ");
    insta::assert_snapshot!(shown(State::Live { pods: 0 }), @"
    ⚠️ *api* `v1.4.2` is live in *production*
    `v1.4.1` → `v1.4.2`
    0 replicas: no pod runs this version, so nobody knows yet whether it works.
    ");
    let already = State::AlreadyLive {
        since: Some(at(-3600)),
        by: Some("bob".into()),
        ready: 3,
        total: 3,
    };
    insta::assert_snapshot!(shown(already), @"
    ✅ *api* `v1.4.2` is already live in *production*
    `v1.4.1` → `v1.4.2`
    It runs there since 2026-11-22 09:00 UTC, brought by `bob`: 3 of 3 pods ready. Nothing was changed.
    ");
}

#[test]
fn when_it_failed() {
    let failed = |cause, found, old| State::Failed { cause, found, old };
    insta::assert_snapshot!(shown_of(failed(crash(), Found::Doomed, 3), false, Some("v1.4.1"), None), @"
    ❌ *api* `v1.4.2` failed in *production*
    `v1.4.1` → `v1.4.2`
    The new pod `api-7d9f-x2x` crashes: its container `app` ended with exit code 1, and was started again 2 times.
    starting
    fatal: DB_URL is not set
    Look at the log; mend it and deploy the next version. 3 pods of the old version keep serving.
    [Roll forward to v1.4.1]
    ");
    let hang = Box::new(Cause::of(Fault::Unknown));
    insta::assert_snapshot!(shown(failed(hang.clone(), Found::OwnDeadline, 3)), @"
    ❌ *api* `v1.4.2` failed in *production*
    `v1.4.1` → `v1.4.2`
    Nothing tells why: the new pods neither come up nor report anything wrong.
    It did not finish within 15 min, so I stopped waiting. Look at the pods in the cluster. 3 pods of the old version keep serving.
    ");
    insta::assert_snapshot!(shown(failed(hang, Found::ProgressDeadline, 1)), @"
    ❌ *api* `v1.4.2` failed in *production*
    `v1.4.1` → `v1.4.2`
    Nothing tells why: the new pods neither come up nor report anything wrong.
    The rollout made no progress for as long as the Deployment allows. Look at the pods in the cluster. 1 pod of the old version keeps serving.
    ");
    let lost = Box::new(Cause::of(Fault::LostPods {
        available: 2,
        wanted: 3,
    }));
    insta::assert_snapshot!(shown(failed(lost, Found::Watching, 0)), @"
    ❌ *api* `v1.4.2` failed in *production*
    `v1.4.1` → `v1.4.2`
    Only 2 of 3 pods are still available.
    It went wrong after the rollout, while I watched. Look at the pods' events; a node may be gone. No old pod is left, so this version is all that serves.
    ");
    insta::assert_snapshot!(shown(State::Gone), @"
    ❌ *api* `v1.4.2` failed in *production*
    `v1.4.1` → `v1.4.2`
    The Deployment of `api` was deleted, or another took its name, while I watched.
    ");
}

#[test]
fn when_something_came_between() {
    let superseded = |by: Option<&str>| State::Superseded {
        image: "registry.test:5000/shop/api:v1.4.3".into(),
        by: by.map(str::to_owned),
        manager: Some("kubectl-set".into()),
        at: Some(at(40)),
    };
    insta::assert_snapshot!(shown(superseded(None)), @"
    ⚠️ *api* `v1.4.2` was overtaken in *production*
    `v1.4.1` → `v1.4.2`
    `v1.4.3` is wanted there by now, set by `kubectl-set`, 2026-11-22 10:00 UTC. That rollout is not mine to report.
    ");
    insta::assert_snapshot!(shown(superseded(Some("bob"))), @"
    ⚠️ *api* `v1.4.2` was overtaken in *production*
    `v1.4.1` → `v1.4.2`
    `v1.4.3` is wanted there by now, deployed by `bob`, 2026-11-22 10:00 UTC. That rollout is not mine to report.
    ");
    insta::assert_snapshot!(shown(State::LeftPaused { by: Some("kubectl-rollout".into()) }), @"
    ⚠️ *api* `v1.4.2` was not deployed to *production*
    `v1.4.1` → `v1.4.2`
    The rollout is still paused by `kubectl-rollout`, and I do not wait any longer. The change stays in the cluster and starts when somebody says `kubectl rollout resume deployment/api -n shop`. The old pods keep serving.
    ");
    insta::assert_snapshot!(shown(State::Drifted(conflict(false))), @"
    ⚠️ *api* `v1.4.2` was not deployed to *production*
    `v1.4.1` → `v1.4.2`
    `kubectl-set` set `registry.test:5000/shop/api:hot` 2026-11-22 09:50 UTC, after my last deploy. Nothing was changed. Deploying over it undoes that.
    [Deploy over it]
    ");
    insta::assert_snapshot!(shown(State::Drifted(conflict(true))), @"
    ⚠️ *api* `v1.4.2` was not deployed to *production*
    `v1.4.1` → `v1.4.2`
    The image is managed by `helm`, and I have never deployed here. Nothing was changed. If I take it over, I set it from now on; everything else stays with `helm`.
    [Take it over]
    ");
}

#[test]
fn when_nobody_knows() {
    let error = "the cluster `default` refused the change: admission webhook \"policy\" denied the request";
    insta::assert_snapshot!(shown(State::Refused(error.into())), @r#"
    ❌ *api* `v1.4.2` was not deployed to *production*
    `v1.4.1` → `v1.4.2`
    The cluster `default` refused the change: admission webhook "policy" denied the request. Nothing was changed.
    [Try again]
    "#);
    let error = "the cluster `default` did not answer within 15 s";
    insta::assert_snapshot!(shown(State::Unsure(error.into())), @"
    ⚠️ I lost sight of *api* `v1.4.2` in *production*
    `v1.4.1` → `v1.4.2`
    Whether the cluster took the change is not known: the cluster `default` did not answer within 15 s. See `status`.
    [status]
    ");
    insta::assert_snapshot!(shown(State::Lost(error.into())), @"
    ⚠️ I lost sight of *api* `v1.4.2` in *production*
    `v1.4.1` → `v1.4.2`
    The change was made, but I could not watch it to its end: the cluster `default` did not answer within 15 s. See `status`.
    [status]
    ");
    insta::assert_snapshot!(shown(State::Outdated("0a1b2c3d".into())), @"
    ⚠️ *api* `v1.4.2` was overtaken in *production*
    `v1.4.1` → `v1.4.2`
    The operation `0a1b2c3d` was begun later and has changed the workload already. Nothing was changed.
    ");
}

#[test]
fn when_it_was_cancelled() {
    insta::assert_snapshot!(shown(State::Untouched), @"
    *api* `v1.4.2` was not deployed to *production*
    `v1.4.1` → `v1.4.2`
    It was cancelled in time. Nothing was changed.
    [Try again]
    ");
    let halted = |halt, done| {
        let state = State::Halted { halt, done, total: 3 };
        shown_of(state, false, Some("v1.4.1"), None)
    };
    insta::assert_snapshot!(halted(Halt::Paused, 1), @"
    ⚠️ *api* `v1.4.2` was stopped half-way in *production*
    `v1.4.1` → `v1.4.2`
    I paused the rollout. 1 of 3 pods runs the new version and will stay; the old ones go on serving. The next deploy goes on from here.
    [Roll forward to v1.4.1] [Go on with v1.4.2]
    ");
    insta::assert_snapshot!(halted(Halt::Theirs(Some("kubectl-rollout".into())), 2), @"
    ⚠️ *api* `v1.4.2` was stopped half-way in *production*
    `v1.4.1` → `v1.4.2`
    The rollout stays paused by `kubectl-rollout`. 2 of 3 pods run the new version; the old ones go on serving.
    [Roll forward to v1.4.1] [Go on with v1.4.2]
    ");
    insta::assert_snapshot!(halted(Halt::Through, 3), @"
    ⚠️ *api* `v1.4.2` was stopped half-way in *production*
    `v1.4.1` → `v1.4.2`
    The rollout was through already: 3 of 3 pods run the new version. I only stopped watching.
    [Roll forward to v1.4.1]
    ");
    insta::assert_snapshot!(halted(Halt::Overtaken, 0), @"
    ⚠️ *api* `v1.4.2` was stopped half-way in *production*
    `v1.4.1` → `v1.4.2`
    Another image is wanted there by now, so that rollout was not mine to pause.
    [Roll forward to v1.4.1] [Go on with v1.4.2]
    ");
    let error = "I am not allowed to do that in the cluster `default`: forbidden";
    insta::assert_snapshot!(halted(Halt::Unpaused(error.into()), 2), @"
    ⚠️ *api* `v1.4.2` was stopped half-way in *production*
    `v1.4.1` → `v1.4.2`
    I could not pause the rollout, so it goes on in the cluster: I am not allowed to do that in the cluster `default`: forbidden. 2 of 3 pods run the new version so far.
    [Roll forward to v1.4.1] [Go on with v1.4.2]
    ");
}

#[test]
fn another_repository_is_shown_whole() {
    let deploy = Deploy {
        image: "elsewhere.test/api:v1.4.2".into(),
        ..deploy()
    };
    insta::assert_snapshot!(otus::markup::plain(&crate::texts::plan(&deploy)), @"`registry.test:5000/shop/api:v1.4.1` → `elsewhere.test/api:v1.4.2`");
}

#[test]
fn a_button_deploys_what_it_says() {
    let deploy = deploy();
    let state = State::Failed {
        cause: crash(),
        found: Found::Doomed,
        old: 3,
    };
    let face = Face {
        good: Some("v1.4.1"),
        ..face(&deploy, &state)
    };
    let buttons: Vec<_> = face
        .card()
        .buttons
        .into_iter()
        .map(|button| button.command)
        .collect();
    assert_eq!(buttons, ["deploy api@v1.4.1 to production"]);
    let drifted = State::Drifted(conflict(false));
    let face = Face {
        state: &drifted,
        ..face
    };
    let button = face.card().buttons.remove(0);
    assert_eq!(button.command, "deploy api@v1.4.2 to production --force");
    assert!(button.confirm.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A log may hold anything, and a card takes only so much.
    #[test]
    fn a_card_stays_small(log in proptest::collection::vec("\\PC{0,200}", 0..30), message in "\\PC{0,800}") {
        let cause = Box::new(Cause { log, fault: Fault::ConfigMissing { message }, ..*crash() });
        let card = shown(State::Failed { cause, found: Found::Doomed, old: 3 });
        prop_assert!(card.len() < 6_000, "{}", card.len());
    }

    /// The word is not used: there is only forward.
    #[test]
    fn always_forward(good in proptest::option::of("v[0-9]{1,3}"), old in 0..4i32) {
        for found in [Found::Doomed, Found::OwnDeadline, Found::ProgressDeadline, Found::Watching] {
            let card = shown_of(State::Failed { cause: crash(), found, old }, false, good.as_deref(), None);
            prop_assert!(!card.to_lowercase().contains("rollback"));
        }
    }
}

#[test]
fn gates() {
    let gated = |halt| {
        State::Gated(crate::state::Gated {
            why: "The gate *errors* is red: `0.2` (good is `< 0.01`).".into(),
            halt,
            done: 1,
            total: 3,
        })
    };
    let gating = State::Gating {
        pods: 3,
        outage: None,
    };
    let deploy = deploy();
    let asking = crate::card::Asking {
        gate: "errors".into(),
        question: "Somebody has to decide.".into(),
    };
    let lines = [
        "✓ `bin/migrate up` ran first, in 3 s".to_owned(),
        "◦ Gate *errors*: no data".to_owned(),
    ];
    let face = Face {
        lines: &lines,
        asking: Some(&asking),
        ..face(&deploy, &gating)
    };
    let cards = [
        face.card().plain(),
        shown_of(gated(Halt::Paused), false, Some("v1.4.1"), None),
        shown_of(gated(Halt::Through), false, None, None),
    ];
    insta::assert_snapshot!(cards.join("\n\n"), @"
    ⏳ Watching *api* `v1.4.2` in *production*
    `v1.4.1` → `v1.4.2`
    `▰▰▰▰▰▰▰▰▰▰` 3 of 3 pods on the new version
    All 3 pods run it and are well. It is live when the gates are passed.
    ✓ `bin/migrate up` ran first, in 3 s
    ◦ Gate *errors*: no data
    Somebody has to decide.
    [Let it through] [Stop it] [Wait]
    1 min 23 s

    ❌ *api* `v1.4.2` failed in *production*
    `v1.4.1` → `v1.4.2`
    The gate *errors* is red: `0.2` (good is `< 0.01`).
    I paused the rollout. 1 of 3 pods runs the new version and will stay; the old ones go on serving. The next deploy goes on from here. Find out what this version does; the way out is another deploy.
    [Roll forward to v1.4.1]

    ❌ *api* `v1.4.2` failed in *production*
    `v1.4.1` → `v1.4.2`
    The gate *errors* is red: `0.2` (good is `< 0.01`).
    The rollout was through already: 1 of 3 pods runs the new version. I only stopped watching. Find out what this version does; the way out is another deploy.
    ");
}
