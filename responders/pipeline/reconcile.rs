//! Purpose: finds what no webhook told: GitHub sends each once, and does not try again.
//!
//! The head of each branch that goes out is compared with what was seen of it, and what is missing goes the way of a webhook:
//! kept in the store, then processed. A branch that is looked at for the first time has missed nothing.

use crate::{
    heads::{self, Head, Watched},
    state::{Look, State},
};
use jiff::{SignedDuration, Timestamp};
use otus::{Result, Services, store::Delivery};
use otus_ci::{
    github::{self, Checks, GitHub},
    hooks::{CheckKind, CheckState, Checked, CiEvent, Pushed},
};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, time::Duration};

/// What is found here is listed under this name, beside the hooks.
pub(crate) const SOURCE: &str = "reconciled";

/// For how long what was processed or given up is kept: GitHub offers to send a webhook again for three days.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Looks now, and then every so often, until the robot stops. Forgets what is old, too.
pub(crate) async fn run(
    services: &Services,
    state: &State,
    github: Option<&GitHub>,
    watched: &[Watched],
    every: Duration,
) {
    let stopping = services.stopping();
    loop {
        if let (Some(github), false) = (github, watched.is_empty()) {
            let troubles = look(services, state, github, watched).await;
            for trouble in &troubles {
                tracing::warn!(trouble, "GitHub cannot be asked for what was missed");
            }
            state.looked(Look {
                at: Timestamp::now(),
                troubles,
            });
        }
        if let Err(error) = forget(services).await {
            tracing::warn!(error = format!("{error:#}"), "old webhooks cannot be forgotten");
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

async fn forget(services: &Services) -> Result {
    let before = services.store().now().await? - KEPT;
    while services.store().forget_deliveries(before).await? {}
    Ok(())
}

/// Looks at each branch once; what went wrong with one does not keep it from the others.
async fn look(services: &Services, state: &State, github: &GitHub, watched: &[Watched]) -> Vec<String> {
    let mut troubles = Vec::new();
    for watched in watched {
        if services.stopping().is_cancelled() {
            break;
        }
        if let Err(error) = look_at(services, state, github, watched).await {
            troubles.push(crate::texts::not_asked(&watched.key(), &error));
        }
    }
    troubles
}

async fn look_at(services: &Services, state: &State, github: &GitHub, watched: &Watched) -> Result {
    let (store, key) = (services.store(), watched.key());
    // Before GitHub is asked, so that what comes in meanwhile makes this look stale, not the other way round.
    let mut known = heads::known(store).await?;
    let (seen, revision) = known.remove(&key).unwrap_or_default();
    let head = github.branch_head(&watched.repo, &watched.branch).await?;
    let checks = github.checks(&watched.repo, &head.sha).await?;
    let (events, next) = missed(watched, seen.as_ref(), (&head.sha, head.login), &checks);
    if !events.is_empty() {
        let body = serde_json::to_value(&events)?;
        let delivery = Delivery {
            id: id(&key, revision, &body),
            source: SOURCE.into(),
            received: store.now().await?,
            body,
        };
        tracing::info!(branch = key, events = events.len(), "found what no webhook told");
        store.deliver(&delivery).await?;
        state.ring();
    }
    if seen.as_ref() != Some(&next) {
        // Who was quicker saw the same, or knows more.
        let next = serde_json::to_value(next)?;
        store.swap(heads::SPACE, &key, revision, Some(&next), &[]).await?;
    }
    Ok(())
}

/// The same for all replicas that found the same thing missing of the same note.
fn id(key: &str, revision: u64, body: &serde_json::Value) -> String {
    let digest = Sha256::digest(format!("{key} {revision} {body}"));
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{SOURCE}:{hex}")
}

/// What was missed of a branch, and what is known of it then. A pure function of what was seen and what is.
fn missed(
    watched: &Watched,
    seen: Option<&Head>,
    (sha, by): (&str, Option<String>),
    checks: &Checks,
) -> (Vec<CiEvent>, Head) {
    // Of several checks of one name the worst counts.
    let mut ended: BTreeMap<&str, &github::Check> = BTreeMap::new();
    for check in &checks.states {
        if check.state == github::CheckState::Pending {
            continue;
        }
        let worst = ended.entry(&check.name).or_insert(check);
        if check.state == github::CheckState::Bad {
            *worst = check;
        }
    }
    let good = |check: &github::Check| check.state == github::CheckState::Good;
    let now = ended
        .iter()
        .map(|(name, check)| ((*name).to_owned(), good(check)));
    let mut next = Head {
        sha: sha.to_owned(),
        checks: now.collect(),
    };
    let Some(seen) = seen else {
        return (Vec::new(), next);
    };
    let repo = watched.repo.to_string();
    let mut events = Vec::new();
    if seen.sha != sha {
        events.push(CiEvent::Pushed(Pushed {
            repo: repo.clone(),
            branch: watched.branch.clone(),
            before: Some(seen.sha.clone()),
            after: Some(sha.to_owned()),
            deleted: false,
            forced: None,
            by,
        }));
    }
    for (name, check) in ended {
        if seen.sha == sha && seen.checks.get(name) == Some(&good(check)) {
            continue;
        }
        events.push(CiEvent::Checked(Checked {
            repo: repo.clone(),
            sha: sha.to_owned(),
            branch: Some(watched.branch.clone()),
            fork: false,
            kind: CheckKind::Job,
            name: name.to_owned(),
            state: state(check),
            url: check.url.clone(),
            image: None,
            digest: None,
        }));
    }
    if seen.sha == sha {
        // What was told and runs again now is told again when it ended.
        let running = |name: &String| checks.states.iter().any(|check| check.name == *name);
        let told = seen.checks.iter().filter(|(name, _)| !running(name));
        next.checks.extend(told.map(|(name, good)| (name.clone(), *good)));
    }
    (events, next)
}

fn state(check: &github::Check) -> CheckState {
    match (check.state, check.said.as_str()) {
        (github::CheckState::Good, "neutral") => CheckState::Neutral,
        (github::CheckState::Good, "skipped") => CheckState::Skipped,
        (github::CheckState::Good, _) => CheckState::Success,
        (github::CheckState::Pending, _) => CheckState::Pending,
        (github::CheckState::Bad, "cancelled") => CheckState::Cancelled,
        (github::CheckState::Bad, _) => CheckState::Failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use otus_ci::github::{Check, Source};

    fn check(name: &str, said: &str) -> Check {
        let state = match said {
            "success" | "neutral" | "skipped" => github::CheckState::Good,
            "pending" | "queued" => github::CheckState::Pending,
            _ => github::CheckState::Bad,
        };
        Check {
            name: name.into(),
            state,
            said: said.into(),
            url: None,
            source: Source::CheckRun,
            app: None,
        }
    }

    fn head(sha: &str, checks: &[(&str, bool)]) -> Head {
        Head {
            sha: sha.into(),
            checks: checks
                .iter()
                .map(|(name, good)| ((*name).to_owned(), *good))
                .collect(),
        }
    }

    /// What was missed in short, and what is known then.
    fn found(seen: Option<Head>, sha: &str, checks: &[(&str, &str)]) -> (String, Head) {
        let watched = Watched {
            repo: "acme/api".parse().unwrap(),
            branch: "main".into(),
        };
        let checks = Checks {
            sha: sha.into(),
            states: checks.iter().map(|(name, said)| check(name, said)).collect(),
        };
        let (events, next) = missed(&watched, seen.as_ref(), (sha, None), &checks);
        let told = events.iter().map(|event| match event {
            CiEvent::Pushed(pushed) => format!(
                "{}>{}",
                pushed.before.as_deref().unwrap_or_default(),
                pushed.after.as_deref().unwrap_or_default()
            ),
            CiEvent::Checked(checked) => format!("{} {:?}", checked.name, checked.state),
            other => panic!("{other:?}"),
        });
        (told.collect::<Vec<_>>().join(", "), next)
    }

    #[test]
    fn what_differs_from_what_was_seen_was_missed() {
        for (seen, sha, checks, told, next) in [
            (
                None,
                "a",
                &[("build", "success")][..],
                "",
                head("a", &[("build", true)]),
            ),
            (Some(head("a", &[])), "a", &[], "", head("a", &[])),
            (Some(head("a", &[])), "b", &[], "a>b", head("b", &[])),
            (
                Some(head("a", &[("build", true)])),
                "b",
                &[("build", "success"), ("lint", "cancelled"), ("slow", "queued")],
                "a>b, build Success, lint Cancelled",
                head("b", &[("build", true), ("lint", false)]),
            ),
            (
                Some(head("a", &[("build", false), ("lint", true)])),
                "a",
                &[("build", "skipped"), ("lint", "neutral")],
                "build Skipped",
                head("a", &[("build", true), ("lint", true)]),
            ),
            (
                Some(head("a", &[])),
                "a",
                &[("twice", "success"), ("twice", "timed_out"), ("twice", "success")],
                "twice Failure",
                head("a", &[("twice", false)]),
            ),
            (
                Some(head("a", &[("build", false), ("other", true)])),
                "a",
                &[("build", "queued")],
                "",
                head("a", &[("other", true)]),
            ),
        ] {
            assert_eq!(found(seen, sha, checks), (told.to_owned(), next), "{told}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_was_found_once_is_not_found_again(
            seen in "[ab]",
            told in proptest::collection::btree_map("[xyz]", proptest::bool::ANY, 0..3),
            sha in "[ab]",
            checks in proptest::collection::vec(("[xyz]", "success|failure|queued"), 0..5),
        ) {
            let seen = Head { sha: seen, checks: told };
            let checks: Vec<_> = checks.iter().map(|(name, said)| (name.as_str(), said.as_str())).collect();
            let (_, next) = found(Some(seen), &sha, &checks);
            let (again, still) = found(Some(next.clone()), &sha, &checks);
            proptest::prop_assert_eq!((again, still), (String::new(), next));
        }
    }

    #[test]
    fn replicas_that_found_the_same_have_one_id() {
        let body = serde_json::json!(["x"]);
        assert_eq!(id("a@main", 1, &body), id("a@main", 1, &body));
        for other in [
            id("b@main", 1, &body),
            id("a@main", 2, &body),
            id("a@main", 1, &serde_json::json!([])),
        ] {
            assert_ne!(id("a@main", 1, &body), other);
        }
    }
}
