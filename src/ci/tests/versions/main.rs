//! From what somebody says to a digest: against an emulated GitHub and a real registry.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly in its helpers too")]

use otus_ci::{
    github::GitHubConfig,
    registry::{Registry, RegistryConfig},
    version::{Direction, Error, Found, NotReady, Refusal, Source, Versions},
};
use otus_emulators::{
    github::{self, Conclusion, Fault},
    real::RealRegistry,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

const REVISION: &str = "org.opencontainers.image.revision";

struct Place {
    github: github::GitHub,
    api: github::Repository,
    registry: RealRegistry,
    versions: Versions,
    source: Source,
}

impl Place {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let github = github::GitHub::start().await.unwrap();
        let api = github.repository("acme/api").unwrap();
        let registry = RealRegistry::start().await.unwrap();
        let client = otus_ci::github::GitHub::new(&GitHubConfig {
            api_url: github.url().into(),
            token: Some(github.token().into()),
            retry_pause: Duration::ZERO,
            retries: 0,
            ..GitHubConfig::default()
        })
        .unwrap();
        let config = RegistryConfig {
            plain_http: true,
            ..RegistryConfig::default()
        };
        let images = Registry::new(&BTreeMap::from([(registry.host().to_owned(), config)])).unwrap();
        let mut source = Source::new(
            "acme/api".parse().unwrap(),
            "main",
            &format!("{}/team/api", registry.host()),
        );
        source.checks = vec!["build".into(), "test".into()];
        Self {
            github,
            api,
            versions: Versions::new(client, Arc::new(images)),
            registry,
            source,
        }
    }

    /// A commit on a branch, with how its two checks ended.
    fn commit(&self, branch: &str, message: &str, build: Conclusion, test: Conclusion) -> String {
        let sha = self.api.commit(branch, message).unwrap();
        self.api.check(&sha, "build", build).unwrap();
        self.api.check(&sha, "test", test).unwrap();
        sha
    }

    /// A green commit with its image, and that one's digest.
    async fn released(&self, branch: &str, message: &str) -> (String, String) {
        let sha = self.commit(branch, message, Conclusion::Success, Conclusion::Success);
        let digest = self.push(&sha, Some(&sha)).await;
        (sha, digest)
    }

    async fn push(&self, tag: &str, revision: Option<&str>) -> String {
        let labels: Vec<_> = revision.map(|sha| (REVISION, sha)).into_iter().collect();
        self.registry.push("team/api", tag, &labels).await.unwrap()
    }

    async fn find(&self, said: &str) -> Result<Found, Error> {
        self.versions.find(&self.source, &said.parse().unwrap()).await
    }

    async fn why(&self, said: &str) -> NotReady {
        match self.find(said).await {
            Err(Error::Refused(Refusal::NotReady { why, .. })) => why,
            other => panic!("{other:?}"),
        }
    }

    fn image(&self, digest: &str) -> String {
        format!("{}@{digest}", self.source.image)
    }
}

#[tokio::test]
async fn sha_short_sha_tag_and_branch_are_one_digest() {
    let place = Place::new().await;
    let (sha, digest) = place.released("main", "Answer faster\n\nMuch faster.").await;
    place.api.tag("v1.4.2", &sha).unwrap();
    place.released("feature/x", "Try something").await;
    for said in [&sha, &sha[..7], "main", "v1.4.2", "latest"] {
        let found = place.find(said).await.unwrap();
        let version = &found.version;
        assert_eq!(
            (version.sha.as_str(), &version.image),
            (sha.as_str(), &place.image(&digest)),
            "{said}"
        );
        assert_eq!(version.digest(), digest);
        assert_eq!(
            (version.author.as_str(), version.message.as_str()),
            ("ann", "Answer faster")
        );
        assert!(version.committed_at.is_some());
        assert_eq!((found.unlabelled, found.off_branch), (false, None), "{said}");
        let name = if said == "v1.4.2" { "v1.4.2" } else { &sha[..7] };
        assert_eq!(version.name(), name);
    }
    let feature = place.find("feature/x").await.unwrap();
    assert_eq!(feature.off_branch.as_deref(), Some("main"));
    match place.find("v9").await {
        Err(Error::Refused(Refusal::Unknown { said, repository })) => {
            assert_eq!((said.as_str(), repository.as_str()), ("v9", "acme/api"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_gate_says_why() {
    let place = Place::new().await;
    let red = place.commit("main", "Break it", Conclusion::Success, Conclusion::Failure);
    match place.find(&red).await {
        Err(Error::Refused(Refusal::NotReady { why, states, .. })) => {
            assert_eq!(why, NotReady::Red(vec!["test".into()]));
            let told: Vec<_> = states
                .iter()
                .map(|check| format!("{} {} {}", check.name, check.state, check.said))
                .collect();
            assert_eq!(told, ["build good success", "test bad failure"]);
        }
        other => panic!("{other:?}"),
    }
    let half = place.api.commit("main", "Half").unwrap();
    place.api.check(&half, "build", Conclusion::Success).unwrap();
    assert_eq!(place.why(&half).await, NotReady::Missing(vec!["test".into()]));
    let running = place.api.check_run(&half, "test").unwrap();
    assert_eq!(place.why(&half).await, NotReady::Pending(vec!["test".into()]));
    place.api.complete(running, Conclusion::Success).unwrap();
    assert_eq!(place.why(&half).await, NotReady::NoImage { tag: half.clone() });
    let other = "fedcba9876543210fedcba9876543210fedcba98";
    place.push(&half, Some(other)).await;
    let wrong = NotReady::WrongRevision {
        tag: half.clone(),
        revision: other.into(),
    };
    assert_eq!(place.why(&half).await, wrong);
    let silent = place.commit("main", "Unlabelled", Conclusion::Success, Conclusion::Success);
    place.push(&silent, None).await;
    assert!(place.find(&silent).await.unwrap().unlabelled);
}

#[tokio::test]
async fn without_names_the_rules_of_the_branch_decide_and_else_all_checks() {
    let mut place = Place::new().await;
    place.source.checks.clear();
    let sha = place.commit("main", "A change", Conclusion::Success, Conclusion::Failure);
    place.push(&sha, Some(&sha)).await;
    assert_eq!(place.why(&sha).await, NotReady::Red(vec!["test".into()]));
    place.api.require("main", &["build"]);
    assert_eq!(place.find(&sha).await.unwrap().version.sha, sha);
    place.api.require("main", &["build", "e2e"]);
    assert_eq!(place.why(&sha).await, NotReady::Missing(vec!["e2e".into()]));
}

#[tokio::test]
async fn latest_green_walks_back_and_tells_what_it_passed() {
    let place = Place::new().await;
    let (good, digest) = place.released("main", "Good").await;
    let red = place.commit("main", "Red", Conclusion::Failure, Conclusion::Success);
    let bare = place.commit("main", "Bare", Conclusion::Success, Conclusion::Success);
    let found = place.find("latest green").await.unwrap();
    assert_eq!(
        (found.version.sha, found.version.image),
        (good, place.image(&digest))
    );
    let skipped: Vec<_> = found
        .skipped
        .into_iter()
        .map(|skipped| (skipped.sha, skipped.why))
        .collect();
    assert_eq!(
        skipped,
        [
            (bare.clone(), NotReady::NoImage { tag: bare.clone() }),
            (red, NotReady::Red(vec!["build".into()]))
        ]
    );
    // A minute later its image is there.
    let digest = place.push(&bare, Some(&bare)).await;
    let found = place.find("").await.unwrap();
    assert_eq!(
        (found.version.image, found.skipped),
        (place.image(&digest), vec![])
    );
}

#[tokio::test]
async fn where_nothing_is_green_all_that_were_looked_at_are_told_and_they_are_bounded() {
    let place = Place::new().await;
    for number in 0..35 {
        place.commit(
            "main",
            &format!("Red {number}"),
            Conclusion::Failure,
            Conclusion::Failure,
        );
    }
    match place.find("latest").await {
        Err(Error::Refused(Refusal::NothingGreen { branch, skipped })) => {
            assert_eq!(
                (branch.as_str(), skipped.len()),
                ("main", otus_ci::version::MOST_LOOKED_AT)
            );
            assert_eq!(skipped[0].message, "Red 34");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_same_digest_is_promoted_though_its_tag_has_moved() {
    let place = Place::new().await;
    let (sha, digest) = place.released("main", "Good").await;
    let image = place.image(&digest);
    place
        .registry
        .push("team/api", &sha, &[(REVISION, &sha), ("again", "yes")])
        .await
        .unwrap();
    // By what it says of itself, and by what somebody remembers.
    for known in [None, Some(sha.as_str())] {
        let found = place
            .versions
            .promote(&place.source, &image, known)
            .await
            .unwrap();
        assert_eq!((&found.version.image, &found.version.sha), (&image, &sha));
    }
    let silent = place.image(&place.push("silent", None).await);
    let refused = place.versions.promote(&place.source, &silent, None).await;
    assert!(
        matches!(refused, Err(Error::Refused(Refusal::NoCommit { .. }))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn forward_back_and_sideways() {
    let place = Place::new().await;
    let first = place.api.commit("main", "One").unwrap();
    place.api.push("main", "bob", &["Two", "Three"]).unwrap();
    place.api.commit("main", "Four").unwrap();
    let head = place.api.sha("main").unwrap();
    let side = place.api.loose_commit(&[&first], "Aside").unwrap();
    let way = async |from: &str, to: &str| {
        let way = place.versions.way(&place.source, from, to).await.unwrap();
        (way.direction, way.brings, way.loses, way.authors.join(" "))
    };
    assert_eq!(
        way(&first, &head).await,
        (Direction::Forward, 3, 0, "bob ann".into())
    );
    assert_eq!(way(&head, &first).await, (Direction::Back, 0, 3, String::new()));
    assert_eq!(way(&head, &side).await, (Direction::Sideways, 1, 3, "ann".into()));
    assert_eq!(way(&head, &head).await.0, Direction::Same);
    let stranger = "fedcba9876543210fedcba9876543210fedcba98";
    assert_eq!(way(stranger, &head).await.0, Direction::Sideways);
}

#[tokio::test]
async fn who_cannot_be_asked_is_no_refusal() {
    let place = Place::new().await;
    let (sha, _) = place.released("main", "Good").await;
    assert!(place.versions.is_built(&place.source, &sha).await.unwrap());
    let unbuilt = place.api.commit("main", "Unbuilt").unwrap();
    assert!(!place.versions.is_built(&place.source, &unbuilt).await.unwrap());
    place.github.fault("check-runs", Fault::Status(502), 100);
    assert!(matches!(place.find(&sha).await, Err(Error::GitHub(_))));
    place.github.clear_faults();
    place.github.fault("rules", Fault::Status(404), 100);
    assert!(place.find(&sha).await.is_ok(), "named checks need no rules");
}
