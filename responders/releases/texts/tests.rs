//! The words that the chats in `tests/` do not show.

use std::time::Duration;

use jiff::Timestamp;
use otus_ci::github::Commit;

use super::*;
use crate::between::Side;
use crate::dora::Stats;
use crate::drift::Drift;
use crate::stats::{About, Lead};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn about(environments: &[&str]) -> About {
    About {
        service: None,
        environments: environments.iter().map(|name| (*name).to_owned()).collect(),
        from: at("2026-10-23T10:00:00Z"),
        to: at("2026-11-22T10:00:00Z"),
        days: 30,
        cut: true,
    }
}

#[test]
fn numbers() {
    let of = |live, failed, taken_back, recoveries: &[u64], still_bad| Stats {
        live,
        failed,
        taken_back,
        recoveries: recoveries.iter().map(|one| Duration::from_secs(*one)).collect(),
        still_bad,
        neither: 3,
    };
    let lead = Lead {
        times: vec![Duration::from_secs(7_000), Duration::from_secs(9_000)],
        deploys: 1,
        why: Some(no_repository("web")),
    };
    insta::assert_snapshot!(stats(&about(&["eu", "us"]), &of(65, 5, 2, &[600, 1_200], 1), &lead).plain(), @r#"
    How everything goes out to *eu* and *us*, the last 30 days
    Deploys: 2.2 a day (65 live)
    Lead time, commit to live: 2 h 13 min (median of 2 commits in 1 deploy)
    Changes that failed: 10 % (7 of 70, 2 of them live and then taken back)
    Time to recover: 15 min (median of 2; 1 not recovered yet)
    Lead times are not all known: `web` has no repository in my configuration, so I know nothing of its commits. Set `services.web.repository = "owner/name"`.
    3 deploys count as neither: superseded, stopped, under way or adopted. There were more deploys than I count; these are the newest.
    "#);
    let none = Lead::default();
    insta::assert_snapshot!(stats(&about(&["eu"]), &of(0, 2, 0, &[], 2), &none).plain(), @"
    How everything goes out to *eu*, the last 30 days
    Deploys: none went live
    Lead time, commit to live: not known
    Changes that failed: 100 % (2 of 2)
    Time to recover: 2 not recovered yet
    3 deploys count as neither: superseded, stopped, under way or adopted. There were more deploys than I count; these are the newest.
    ");
    for (live, often) in [
        (1, "one in 30 days (1 live)"),
        (6, "1.4 a week (6 live)"),
        (30, "1.0 a day (30 live)"),
    ] {
        let card = stats(&about(&["eu"]), &of(live, 0, 0, &[], 0), &none).plain();
        assert!(card.contains(&format!("Deploys: {often}")), "{card}");
        assert!(
            card.contains("Time to recover: nothing to recover from"),
            "{card}"
        );
    }
}

fn side_of(environment: &str, version: &str) -> Side {
    Side {
        environment: Some(environment.into()),
        version: version.into(),
        reference: None,
        unsure: None,
    }
}

#[test]
fn more_commits_than_are_listed_and_a_cluster_that_does_not_answer() {
    let commit = |number: usize| {
        let commit: Commit = serde_json::from_value(serde_json::json!({
            "sha": format!("{number:040x}"),
            "commit": {
                "message": format!("Change *{number}* `things`\n\nAt length."),
                "author": { "name": "Ann", "date": "2026-11-22T10:00:00Z" },
                "committer": { "name": "Ann", "date": "2026-11-22T10:00:00Z" },
            },
            "author": null,
            "parents": [],
        }))
        .unwrap();
        (commit, None)
    };
    let production = Side {
        unsure: Some("the cluster `live` does not answer".into()),
        ..side_of("production", "v1")
    };
    let half = Half {
        has: side_of("staging", "v2"),
        lacks: production.clone(),
        number: 40,
        commits: (1..=30).map(commit).collect(),
        migrations: Some(Migrations {
            new: (1..=9).map(|number| format!("000{number}_more.sql")).collect(),
            touched: vec!["0000_begin.sql".into()],
            all: false,
        }),
        url: None,
    };
    let card = difference("api", &production, &half.has.clone(), &[half]).plain();
    assert_eq!(card.lines().filter(|line| line.starts_with("• ")).count(), 15);
    let ends: Vec<&str> = card.lines().filter(|line| !line.starts_with("• ")).collect();
    insta::assert_snapshot!(ends.join("\n"), @"
    *api*: from *production* (`v1`) to *staging* (`v2`)
    *staging* has 40 commits that *production* has not:
    … and 25 more
    By Ann (30) (of the first 30).
    With 9 migrations: `0001_more.sql`, `0002_more.sql`, `0003_more.sql`, `0004_more.sql`, `0005_more.sql`, `0006_more.sql`, `0007_more.sql`, `0008_more.sql` and 1 more. ⚠️ Not as they were when they may have been applied: `0000_begin.sql`. There may be more migrations: so many files changed that GitHub does not list them all.
    ⚠️ What runs in *production* cannot be told, so this is what was released last: the cluster `live` does not answer.
    ");
    insta::assert_snapshot!(card.lines().find(|line| line.starts_with("• ")).unwrap(), @"• `0000000` Change 30 things · Ann");
}

#[test]
fn drift_of_all_kinds() {
    let row = |environment: &str, drift| ("api".to_owned(), environment.to_owned(), drift);
    let set = |manager: Option<&str>, last: Option<&str>| Drift::Set {
        image: "r/api:v9".into(),
        manager: manager.map(str::to_owned),
        at: manager.map(|_| at("2026-11-22T10:00:00Z")),
        last: last.map(str::to_owned),
    };
    let rows = [
        row("a", Drift::None),
        row("b", Drift::Never),
        row("c", set(Some("helm"), Some("v1"))),
        row("d", set(None, None)),
        row("e", Drift::Unknown("the cluster `e` does not answer.".into())),
    ];
    insta::assert_snapshot!(drift(&rows).plain(), @"
    ⚠️ 2 places do not run what I deployed last
    ⚠️ `api` in *c* runs `v9`, set by `helm` 2026-11-22 10:00 UTC; I deployed `v1` last.
    ⚠️ `api` in *d* runs `v9`; I have no good release on record.
    ❔ `api` in *e* cannot be told: the cluster `e` does not answer.
    [Adopt v9 in c] [Redeploy v1 to c] [Adopt v9 in d]
    In 1 place I never deployed.
    ");
    insta::assert_snapshot!(drift(&rows[4..]).plain(), @"
    ⚠️ Not everything can be told
    ❔ `api` in *e* cannot be told: the cluster `e` does not answer.
    ");
}

#[test]
fn refusals() {
    insta::assert_snapshot!(not_there("api", "lab", &["staging".into(), "production".into()]), @"`api` does not run in `lab`. It runs in `staging` and `production`.");
    insta::assert_snapshot!(cannot_tell("api", "lab", "it is gone."), @"What `api` runs in *lab* cannot be told: it is gone.");
    insta::assert_snapshot!(bad_repository("api", "`x` is no repository"), @"`services.api.repository`: `x` is no repository.");
    insta::assert_snapshot!(no_commit("sha256:abc"), @"which commit `sha256:abc` is made of is not known: it is neither a tag nor a commit, and none was noted with it.");
    insta::assert_snapshot!(no_number("#x"), @"`#x` is no pull request's number.");
    insta::assert_snapshot!(only_recorded(None), @"This is a record alone: nothing changes in the cluster.");
    insta::assert_snapshot!(adopted_note(None), @"Adopted as it ran.");
}
