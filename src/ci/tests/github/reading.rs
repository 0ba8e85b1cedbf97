//! What can be read.

use super::Place;
use jiff::Timestamp;
use otus_ci::github::{CheckState, Error, Relation, Source, Verdict, verdict};
use otus_emulators::github::{Conclusion, Merge, StatusState, Verdict as Reviewed};

#[tokio::test]
async fn statuses_and_check_runs_come_together_over_all_pages() {
    let place = Place::new().await;
    let sha = place.api.commit("main", "Answer faster").unwrap();
    for number in 0..130 {
        place
            .api
            .status(&sha, &format!("lint {number}"), StatusState::Success)
            .unwrap();
        place
            .api
            .check(&sha, &format!("test {number}"), Conclusion::Neutral)
            .unwrap();
    }
    let checks = place.client.checks(&place.repo, "main").await.unwrap();
    assert_eq!((checks.sha.as_str(), checks.states.len()), (sha.as_str(), 260));
    assert_eq!(verdict(&checks, &[]), Verdict::Green);
    assert_eq!(
        verdict(&checks, &["lint 129".into(), "test 0".into()]),
        Verdict::Green
    );
    assert_eq!(
        verdict(&checks, &["deploy".into()]),
        Verdict::Missing(vec!["deploy".into()])
    );
    let first = &checks.states[0];
    assert_eq!((first.source, first.said.as_str()), (Source::Status, "success"));
    let last = checks.states.last().unwrap();
    assert_eq!(
        (last.source, last.said.as_str(), last.app.as_deref()),
        (Source::CheckRun, "neutral", Some("github-actions"))
    );
    assert!(last.url.is_some());
    assert_eq!(place.statuses("check-runs"), [200, 200]);
}

#[tokio::test]
async fn how_every_state_counts() {
    let place = Place::new().await;
    for (conclusion, wanted) in [
        (Conclusion::Success, CheckState::Good),
        (Conclusion::Neutral, CheckState::Good),
        (Conclusion::Skipped, CheckState::Good),
        (Conclusion::Failure, CheckState::Bad),
        (Conclusion::Cancelled, CheckState::Bad),
        (Conclusion::TimedOut, CheckState::Bad),
        (Conclusion::ActionRequired, CheckState::Bad),
        (Conclusion::Stale, CheckState::Bad),
    ] {
        let sha = place.api.commit("main", "A change").unwrap();
        let run = place.api.check_run(&sha, "build").unwrap();
        let queued = place.client.checks(&place.repo, &sha).await.unwrap();
        assert_eq!(
            (queued.states[0].state, queued.states[0].said.as_str()),
            (CheckState::Pending, "queued")
        );
        place.api.start(run).unwrap();
        let running = place.client.checks(&place.repo, &sha).await.unwrap();
        assert_eq!(
            (running.states[0].state, running.states[0].said.as_str()),
            (CheckState::Pending, "in_progress")
        );
        place.api.complete(run, conclusion).unwrap();
        let ended = place.client.checks(&place.repo, &sha).await.unwrap();
        assert_eq!(ended.states[0].state, wanted, "{conclusion:?}");
    }
    for (state, wanted) in [
        (StatusState::Pending, CheckState::Pending),
        (StatusState::Success, CheckState::Good),
        (StatusState::Failure, CheckState::Bad),
        (StatusState::Error, CheckState::Bad),
    ] {
        let sha = place.api.sha("main").unwrap();
        place.api.status(&sha, "ci", state).unwrap();
        let checks = place.client.checks(&place.repo, &sha).await.unwrap();
        assert_eq!(checks.states[0].state, wanted, "{state:?}");
        assert_eq!(checks.states.len(), 2, "only the last of a context");
    }
}

#[tokio::test]
async fn a_rerun_replaces_and_another_workflow_does_not() {
    let place = Place::new().await;
    let sha = place.api.commit("main", "A change").unwrap();
    place.api.check(&sha, "build", Conclusion::Failure).unwrap();
    place.api.check(&sha, "build", Conclusion::Success).unwrap();
    let checks = place.client.checks(&place.repo, &sha).await.unwrap();
    assert_eq!((checks.states.len(), verdict(&checks, &[])), (1, Verdict::Green));
    let other = place.api.check_run_apart(&sha, "build").unwrap();
    place.api.complete(other, Conclusion::Failure).unwrap();
    let checks = place.client.checks(&place.repo, &sha).await.unwrap();
    assert_eq!(
        verdict(&checks, &["build".into()]),
        Verdict::Red(vec!["build".into()])
    );
}

#[tokio::test]
async fn a_commit_is_found_by_every_name_it_has() {
    let place = Place::new().await;
    let sha = place.api.commit("feature/a%b ü", "Say more\n\nAnd why.").unwrap();
    place.api.tag("v1.0", &sha).unwrap();
    for name in [
        sha.as_str(),
        &sha[..7],
        "v1.0",
        "feature/a%b ü",
        "heads/feature/a%b ü",
    ] {
        let commit = place.client.commit(&place.repo, name).await.unwrap();
        assert_eq!(commit.sha, sha, "{name}");
        assert_eq!((commit.subject(), commit.author.as_str()), ("Say more", "ann"));
        assert_eq!((commit.login.as_deref(), commit.parents.len()), (Some("ann"), 1));
        assert_eq!(commit.email.as_deref(), Some("ann@example.com"));
        assert!(commit.authored_at.is_some() && commit.committed_at.is_some());
    }
    let head = place
        .client
        .branch_head(&place.repo, "feature/a%b ü")
        .await
        .unwrap();
    assert_eq!(head.sha, sha);
    for wrong in ["nothing", "ffffffff", "a/b/c"] {
        let error = place.client.commit(&place.repo, wrong).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{wrong}: {error}");
        assert!(error.to_string().contains(wrong));
    }
    // A tag is no branch.
    assert!(matches!(
        place.client.branch_head(&place.repo, "v1.0").await,
        Err(Error::NotFound { .. })
    ));
    let elsewhere = "acme/nothing".parse().unwrap();
    assert!(matches!(
        place.client.commit(&elsewhere, "main").await,
        Err(Error::NotFound { .. })
    ));
}

#[tokio::test]
async fn the_commits_of_a_branch_come_newest_first_up_to_a_bound() {
    let place = Place::new().await;
    let mut wanted = vec![place.api.sha("main").unwrap()];
    wanted.extend(place.api.push("main", "bob", &["A change"; 230]).unwrap());
    wanted.reverse();
    let shas = async |most| {
        let commits = place.client.commits(&place.repo, "main", most).await.unwrap();
        commits.into_iter().map(|commit| commit.sha).collect::<Vec<_>>()
    };
    assert_eq!(shas(1_000).await, wanted);
    assert_eq!(shas(120).await, wanted[..120]);
    assert_eq!(shas(3).await, wanted[..3]);
    assert_eq!(place.statuses("per_page=3"), [200]);
}

#[tokio::test]
async fn required_checks_are_those_of_the_rules() {
    let place = Place::new().await;
    let required = async |branch| place.client.required_checks(&place.repo, branch).await.unwrap();
    assert!(required("main").await.is_empty());
    place.api.require("main", &["test", "build", "test"]);
    place.api.require("release/1", &["sign"]);
    assert_eq!(required("main").await, ["build", "test"]);
    assert_eq!(required("release/1").await, ["sign"]);
}

#[tokio::test]
async fn a_long_comparison_is_paged_and_bounded() {
    let place = Place::new().await;
    let base = place.api.sha("main").unwrap();
    let shas = place.api.push("main", "ann", &["A change"; 260]).unwrap();
    let all = place
        .client
        .compare(&place.repo, &base, "main", 1_000)
        .await
        .unwrap();
    assert_eq!(
        (all.relation, all.ahead_by, all.behind_by),
        (Relation::Ahead, 260, 0)
    );
    assert_eq!(
        all.commits.iter().map(|commit| &commit.sha).collect::<Vec<_>>(),
        shas.iter().collect::<Vec<_>>()
    );
    assert_eq!(all.merge_base, Some(base.clone()));
    let some = place
        .client
        .compare(&place.repo, &base, "main", 20)
        .await
        .unwrap();
    assert_eq!((some.ahead_by, some.commits.len()), (260, 20));
    let none = place.client.compare(&place.repo, &base, "main", 0).await.unwrap();
    assert_eq!((none.ahead_by, none.commits.len()), (260, 0));
}

#[tokio::test]
async fn pull_requests_and_their_reviews() {
    let place = Place::new().await;
    let first = place.api.commit("feature/fast", "Be fast").unwrap();
    let number = place
        .api
        .open_pull("Be fast", "ann", "feature/fast", "main")
        .unwrap();
    let pull = place.client.pull(&place.repo, number).await.unwrap();
    assert_eq!(
        (pull.title.as_str(), pull.author.as_deref(), pull.open, pull.draft),
        ("Be fast", Some("ann"), true, false)
    );
    assert_eq!(
        (pull.head.as_str(), pull.head_sha.as_str(), pull.base.as_str()),
        ("feature/fast", first.as_str(), "main")
    );
    assert_eq!(
        (pull.mergeable, pull.merge_sha, pull.head_repository.as_deref()),
        (Some(true), None, Some("acme/api"))
    );

    let second = place.api.commit("feature/fast", "Be faster").unwrap();
    assert_eq!(
        place.client.pull(&place.repo, number).await.unwrap().head_sha,
        second
    );

    place
        .api
        .review(number, "bob", Reviewed::ChangesRequested)
        .unwrap();
    place.api.review(number, "cat", Reviewed::Commented).unwrap();
    let reviews = place.client.reviews(&place.repo, number).await.unwrap();
    assert_eq!(
        (reviews.changes_requested_by.as_slice(), reviews.approved_by.len()),
        (&["bob".to_owned()][..], 0)
    );
    place.api.review(number, "bob", Reviewed::Approved).unwrap();
    let reviews = place.client.reviews(&place.repo, number).await.unwrap();
    assert_eq!(
        (reviews.approved_by, reviews.commented_by),
        (vec!["bob".to_owned()], vec!["cat".to_owned()])
    );
    assert!(
        place.api.review(number, "ann", Reviewed::Approved).is_err(),
        "nobody approves their own"
    );

    let merged = place.api.merge(number, "bob", Merge::Squash).unwrap();
    let pull = place.client.pull(&place.repo, number).await.unwrap();
    assert_eq!(
        (pull.open, pull.merge_sha.as_deref(), pull.merged_at.is_some()),
        (false, Some(merged.as_str()), true)
    );
    assert_eq!(
        place.client.branch_head(&place.repo, "main").await.unwrap().sha,
        merged
    );
    for sha in [&merged, &first, &second] {
        let of_commit = place.client.pulls_of_commit(&place.repo, sha).await.unwrap();
        assert_eq!(
            of_commit.iter().map(|pull| pull.number).collect::<Vec<_>>(),
            [number]
        );
    }
    let root = place
        .client
        .commits(&place.repo, "main", 9)
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert!(
        place
            .client
            .pulls_of_commit(&place.repo, &root.sha)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(matches!(
        place.client.pull(&place.repo, 99).await,
        Err(Error::NotFound { .. })
    ));
}

#[tokio::test]
async fn pull_requests_that_changed_since() {
    let place = Place::new().await;
    let day = |day: i64| Timestamp::from_second(1_700_000_000 + day * 86_400).unwrap();
    place.api.commit("feature", "A change").unwrap();
    for number in 0..250 {
        place.github.set_time(Some(day(number)));
        place.api.open_pull("A change", "ann", "feature", "main").unwrap();
    }
    place.github.set_time(Some(day(300)));
    place.api.merge(5, "bob", Merge::Commit).unwrap();
    place.github.set_time(None);
    let since = async |at, most| {
        let pulls = place
            .client
            .pulls_updated_since(&place.repo, day(at), most)
            .await
            .unwrap();
        pulls.into_iter().map(|pull| pull.number).collect::<Vec<_>>()
    };
    assert_eq!(since(248, 100).await, [5, 250, 249]);
    assert_eq!(place.statuses("/pulls?").len(), 1, "what is older is not read");
    assert_eq!(since(0, 2).await, [5, 250]);
    assert_eq!(since(0, 1_000).await.len(), 250);
}

#[tokio::test]
async fn open_pull_requests_are_listed_the_newest_first() {
    let place = Place::new().await;
    for number in 1..=3 {
        let branch = format!("b{number}");
        place.api.push(&branch, "ann", &["A change"]).unwrap();
        place.api.open_pull("A change", "ann", &branch, "main").unwrap();
    }
    place.api.close(2).unwrap();
    let listed = async |most| {
        let open = place.client.open_pulls(&place.repo, most).await.unwrap();
        open.iter().map(|pull| pull.number).collect::<Vec<_>>()
    };
    assert_eq!(listed(10).await, [3, 1]);
    assert_eq!(listed(1).await, [3]);
}
