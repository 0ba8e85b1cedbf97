//! What may go on from one environment to the next.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use otus::UserId;
use otus::store::{Deploy, DeployState};

use super::ripe::ripe;

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
}

/// A deploy that ended in this minute.
fn deploy(version: &str, state: DeployState, ended: i64) -> Deploy {
    let image = format!("registry.test/api@sha256:{version}");
    Deploy {
        id: format!("{version}{ended}"),
        service: "api".into(),
        environment: "staging".into(),
        version: version.into(),
        image: image.clone(),
        previous: None,
        by: UserId::new("U1"),
        began: minute(ended - 1),
        ended: Some(minute(ended)),
        state,
        card: None,
        note: None,
        details: serde_json::json!({ "commit": {
            "sha": version, "short": version, "tag": null, "image": image, "author": "ann", "message": "m",
            "committed_at": null,
        } }),
        generation: 1,
    }
}

/// What is ready, baking and broken at minute 60, with a bake of 30 minutes. The deploys are given the oldest first.
fn told(deploys: &[(&str, DeployState, i64)], rejected: &[&str]) -> String {
    let mut rows: Vec<Deploy> = deploys
        .iter()
        .map(|(version, state, ended)| deploy(version, *state, *ended))
        .collect();
    rows.reverse();
    let rejected: BTreeSet<String> = rejected
        .iter()
        .map(|version| format!("registry.test/api@sha256:{version}"))
        .collect();
    let ripe = ripe(&rows, &rejected, SignedDuration::from_mins(30), minute(60));
    let ready: Vec<_> = ripe.ready.iter().map(|deploy| deploy.version.as_str()).collect();
    let baking = ripe.baking.map(|(deploy, until)| {
        format!(
            " baking {} until {}",
            deploy.version,
            until.duration_since(minute(0)).as_mins()
        )
    });
    let broken = ripe
        .broken
        .map(|(deploy, by)| format!(" {} broken by {}", deploy.version, by.version));
    format!(
        "{}{}{}",
        ready.join(","),
        baking.unwrap_or_default(),
        broken.unwrap_or_default()
    )
}

#[test]
fn what_has_run_well_for_long_enough_goes_on() {
    use DeployState::{Failed, Running, Stopped, Succeeded, Superseded};
    for (deploys, rejected, wanted) in [
        (&[][..], &[][..], ""),
        (&[("a", Succeeded, 30)], &[], "a"),
        (&[("a", Succeeded, 31)], &[], " baking a until 61"),
        // A newer one does not begin the time of the one before anew.
        (
            &[("a", Succeeded, 10), ("b", Succeeded, 40)],
            &[],
            "a baking b until 70",
        ),
        (&[("a", Succeeded, 5), ("b", Succeeded, 20)], &[], "b,a"),
        // What failed meanwhile does, until something newer runs well.
        (&[("a", Succeeded, 10), ("b", Failed, 40)], &[], " a broken by b"),
        (
            &[("a", Succeeded, 10), ("b", Failed, 40), ("c", Succeeded, 50)],
            &[],
            " baking c until 80 a broken by b",
        ),
        (&[("a", Failed, 5), ("b", Succeeded, 20)], &[], "b"),
        // What was rejected failed, as far as that goes.
        (
            &[("a", Succeeded, 10), ("b", Succeeded, 20)],
            &["b"],
            " a broken by b",
        ),
        (
            &[("a", Succeeded, 10), ("b", Succeeded, 20), ("a", Succeeded, 50)],
            &["b"],
            " baking a until 80 a broken by b",
        ),
        // What changed nothing, or is under way, says nothing.
        (
            &[
                ("a", Succeeded, 10),
                ("b", Stopped, 40),
                ("c", Superseded, 45),
                ("d", Running, 50),
            ],
            &[],
            "a",
        ),
        // The same image once more does not begin its time anew.
        (
            &[("a", Succeeded, 10), ("a", Succeeded, 50)],
            &[],
            "a baking a until 80",
        ),
    ] {
        assert_eq!(told(deploys, rejected), wanted, "{deploys:?}");
    }
}
