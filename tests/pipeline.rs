//! From a commit to production, with the real program between an emulated GitHub, a real container registry, an emulated cluster and
//! an emulated Slack; and everything that may come in between.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod door;
mod house;
mod works;

use house::{SOON, words};
use jiff::{SignedDuration, Timestamp};
use otus_emulators::{
    github::{Conclusion, Merge, Verdict},
    kubernetes::{Behaviour, Fault},
    prometheus::{Prometheus, Story},
};
use works::{Works, short};

const AUTO: &str = "auto = true";

async fn works() -> Works {
    let mut works = Works::build(AUTO, "").await;
    works.start().await;
    works
}

/// How many of the robot's messages say that a commit is live there.
fn told_live(works: &Works, sha: &str, environment: &str) -> usize {
    let title = format!("`{}` is live in *{environment}*", short(sha));
    let answers = works.house.answers();
    answers
        .iter()
        .filter(|message| words(message).contains(&title))
        .count()
}

/// Waits until something is so.
async fn until(what: &str, works: &Works, so: impl Fn(&Works) -> bool) {
    let waiting = async {
        while !so(works) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    if tokio::time::timeout(SOON, waiting).await.is_err() {
        panic!(
            "{what} did not come to be\n{}\n{}",
            works.house.transcript(),
            works.house.log()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_goes_to_staging_by_itself_and_to_production_when_somebody_says_so() {
    let works = works().await;
    let (sha, image) = works.released("Answer faster").await;
    works.live(&sha, "staging").await;
    assert_eq!(works.image("staging"), image);
    assert_ne!(works.image("production"), image);
    works.house.say("@otus promote api to production");
    works.live(&sha, "production").await;
    assert_eq!(works.image("production"), image);
    works
        .asked(&format!("where is {}", short(&sha)), "production")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_is_told_from_opened_to_live_and_its_author_privately() {
    let mut works = Works::build(AUTO, "").await;
    let channel = works
        .house
        .slack
        .look(|world| world.channel("#deploys").unwrap().id.to_string());
    let ann = works
        .house
        .slack
        .look(|world| world.user("ann").unwrap().id.to_string());
    works.house.configure(&format!(
        "[responders.pulls]\nwait = \"50ms\"\nreconcile = \"1s\"\n[responders.pulls.channels]\n\"acme/api\" = \"{channel}\"\n[responders.pulls.people]\noctocat = \"{ann}\"\n"
    ));
    works.start().await;
    let base = works.api.sha("main").unwrap();
    works.api.set_branch("faster", &base).unwrap();
    let head = works
        .api
        .push("faster", "octocat", &["Answer faster"])
        .unwrap()
        .remove(0);
    let number = works
        .api
        .open_pull("Answer faster", "octocat", "faster", "main")
        .unwrap();
    let says =
        |words: &'static str| move |text: &str| text.contains("#1>: Answer faster") && text.contains(words);
    let card = works.house.shown(says("by octocat")).await;
    works.green(&head);
    works.house.shown(says("all good")).await;
    works.api.review(number, "bob", Verdict::Approved).unwrap();
    works.house.shown(says("approved by bob")).await;
    let sha = works.api.merge(number, "octocat", Merge::Squash).unwrap();
    works.push(&sha, &sha).await;
    works.green(&sha);
    works.house.shown(says("live in staging")).await;
    works.house.say("@otus promote api to production");
    let last = works.house.shown(says("live in staging and production")).await;
    assert_eq!(last.ts, card.ts, "one message, edited");
    let told = works
        .house
        .slack
        .wait_for(SOON, |world| {
            let direct = world.direct_with("ann")?;
            direct.messages().find(|message| message.from_app).map(words)
        })
        .await
        .unwrap();
    assert!(told.contains("is live in *production*"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_well_for_long_enough_goes_on_to_production_by_itself() {
    let mut works = Works::build(AUTO, "").await;
    works.house.instead(
        "after = \"staging\"",
        "after = \"staging\"\nauto = true\nbake = \"2s\"",
    );
    works.start().await;
    let (sha, image) = works.released("Answer faster").await;
    works.live(&sha, "staging").await;
    works.live(&sha, "production").await;
    assert_eq!(works.image("production"), image);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_build_that_ends_last_does_not_lead_back() {
    let works = works().await;
    let old = works.commit("Old");
    let (new, image) = works.released("New").await;
    works.live(&new, "staging").await;
    works.push(&old, &old).await;
    works.green(&old);
    // That the newer one goes instead, or runs there already: whatever it was when it was decided.
    works
        .asked(
            &format!("why is {} not in staging", short(&old)),
            &format!("`{}`", short(&new)),
        )
        .await;
    // What comes after it was decided after it.
    let (newest, _) = works.released("Newest").await;
    works.live(&newest, "staging").await;
    assert_ne!(works.image("staging"), image);
    assert!(
        !works
            .house
            .transcript()
            .contains(&format!("`{}` is live", short(&old)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_red_has_no_image_or_another_commits_stays_out_and_why_tells() {
    let works = works().await;
    let before = works.image("staging");
    let red = works.commit("Break it");
    works.push(&red, &red).await;
    works.api.check(&red, "build", Conclusion::Success).unwrap();
    works.api.check(&red, "test", Conclusion::Failure).unwrap();
    works
        .asked(&format!("why is {} not in staging", short(&red)), "`test` failed")
        .await;
    works
        .house
        .say(&format!("@otus deploy api@{} to staging", short(&red)));
    let refused = works
        .house
        .shown(|text| text.contains("is not deployed") && text.contains("`test` failed"))
        .await;
    assert!(words(&refused).contains("build"), "{}", words(&refused));

    let wrong = works.commit("Not what it says");
    works.push(&wrong, &red).await;
    works.green(&wrong);
    works
        .asked(&format!("why is {} not in staging", short(&wrong)), short(&red))
        .await;

    let late = works.commit("Mend it");
    works.green(&late);
    works
        .asked(&format!("why is {} not in staging", short(&late)), "no image")
        .await;
    assert_eq!(works.image("staging"), before);
    // It comes in the end.
    works.push(&late, &late).await;
    works.live(&late, "staging").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_holds_it_and_then_only_the_newest_goes() {
    let works = works().await;
    works
        .house
        .slack
        .say(
            "bob",
            "#deploys",
            "@otus lock api in staging because I am measuring",
        )
        .unwrap();
    works.house.shown(|text| text.contains("measuring")).await;
    let (held, _) = works.released("Held").await;
    works
        .asked(&format!("why is {} not in staging", short(&held)), "measuring")
        .await;
    let (newest, image) = works.released("Newest").await;
    works
        .asked(&format!("why is {} not in staging", short(&newest)), "measuring")
        .await;
    works
        .house
        .slack
        .say("bob", "#deploys", "@otus unlock api in staging")
        .unwrap();
    works.live(&newest, "staging").await;
    assert_eq!(works.image("staging"), image);
    assert!(
        !works
            .house
            .transcript()
            .contains(&format!("`{}` is live", short(&held)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_holds_it_until_it_is_over() {
    let mut works = Works::build(AUTO, "").await;
    let (from, until) = (
        Timestamp::now() - SignedDuration::from_hours(1),
        Timestamp::now() + SignedDuration::from_secs(12),
    );
    let written = |time: Timestamp| {
        time.to_zoned(jiff::tz::TimeZone::UTC)
            .strftime("%Y-%m-%dT%H:%M:%S")
            .to_string()
    };
    works.house.configure(&format!(
        "\n[[policy.freezes]]\nname = \"a quiet hour\"\nenvironments = [\"staging\"]\nfrom = \"{}\"\nuntil = \"{}\"\n",
        written(from),
        written(until)
    ));
    works.start().await;
    let (sha, image) = works.released("Answer faster").await;
    works.house.shown(|text| text.contains("a quiet hour")).await;
    works.live(&sha, "staging").await;
    assert!(Timestamp::now() >= until, "it went out in the freeze");
    assert_eq!(works.image("staging"), image);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_fails_changes_nothing_and_the_next_commit_goes_out() {
    let mut works = Works::build(
        AUTO,
        "[services.api.before]\ncommand = [\"bin/migrate\"]\nargs = [\"up\"]\n",
    )
    .await;
    works.start().await;
    let before = works.image("staging");
    let sha = works.commit("Migrate badly");
    let image = works.push(&sha, &sha).await;
    let crash = Behaviour::CrashLoop {
        exit_code: 3,
        log: "migration 7 failed".into(),
    };
    works.house.cluster.behave(&image, crash);
    works.green(&sha);
    let card = works.house.shown(|text| text.contains("was not deployed")).await;
    assert!(words(&card).contains("migration 7 failed"), "{}", words(&card));
    assert_eq!(works.image("staging"), before);
    let (next, image) = works.released("Migrate well").await;
    works.live(&next, "staging").await;
    assert_eq!(works.image("staging"), image);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_stops_it_and_last_good_is_the_way_on() {
    let mut works = Works::build(AUTO, "").await;
    works.house.instead(
        "after = \"staging\"",
        "after = \"staging\"\nauto = true\nbake = \"1s\"",
    );
    works.start().await;
    let (good, fine) = works.released("Fine").await;
    works.live(&good, "production").await;
    let bad = works.commit("Crash");
    let image = works.push(&bad, &bad).await;
    let crash = Behaviour::CrashLoop {
        exit_code: 1,
        log: "no route to database".into(),
    };
    works.house.cluster.behave(&image, crash);
    works.green(&bad);
    let failed = works
        .house
        .shown(|text| text.contains("failed in") && text.contains("no route to database"))
        .await;
    let forward = format!("Roll forward to {}", short(&good));
    works.house.slack.click("ann", failed.ts, &forward).unwrap();
    until("the way forward", &works, |works| {
        told_live(works, &good, "staging") == 2
    })
    .await;
    assert_eq!(works.image("staging"), fine);
    works
        .asked(&format!("why is {} not in staging", short(&bad)), "rejected")
        .await;
    assert_eq!(
        works.image("production"),
        fine,
        "what failed before it does not go on"
    );
    let (next, image) = works.released("Mended").await;
    works.live(&next, "staging").await;
    works.live(&next, "production").await;
    assert_eq!(works.image("production"), image);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_data_in_the_gate_people_are_asked() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let story = Story::new(7, &["api"], &["staging"], Timestamp::now());
    let prometheus = Prometheus::start(story, listener).unwrap();
    let gate = "[services.api.gates.errors]\nquery = \"no_such_metric\"\nbelow = 1\ninterval = \"1s\"\ninitial_delay = \"1s\"\n";
    let mut works = Works::build_with(AUTO, gate, Some(&prometheus.url())).await;
    works.start().await;
    let (sha, image) = works.released("Answer faster").await;
    let asking = works.house.shown(|text| text.contains("Let it through")).await;
    assert!(words(&asking).contains("no data"), "{}", words(&asking));
    works
        .house
        .slack
        .click("ann", asking.ts, "Let it through")
        .unwrap();
    works.live(&sha, "staging").await;
    assert_eq!(works.image("staging"), image);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_set_by_hand_is_seen_and_not_overwritten_silently() {
    let works = works().await;
    let (sha, image) = works.released("Answer faster").await;
    works.live(&sha, "staging").await;
    let other = works.commit("On the way");
    let by_hand = works.push(&other, &other).await;
    works.house.set_image_by_hand("staging", "api", &by_hand).await;
    works.asked("drift", "kubectl-set").await;
    assert_ne!(works.image("staging"), image);
    let (next, image) = works.released("Next").await;
    let held = works.house.shown(|text| text.contains("Deploy over it")).await;
    assert_eq!(works.image("staging"), by_hand);
    works.house.slack.click("ann", held.ts, "Deploy over it").unwrap();
    works.live(&next, "staging").await;
    assert_eq!(works.image("staging"), image);
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_come_twice_or_never_make_no_difference() {
    let works = works().await;
    works.github.repeat_webhooks(8);
    let (sha, _) = works.released("Told twice").await;
    works.live(&sha, "staging").await;
    works.github.settled().await;
    works.github.lose_webhooks(8);
    let (lost, _) = works.released("Told by nobody").await;
    works.live(&lost, "staging").await;
    for sha in [&sha, &lost] {
        assert_eq!(told_live(&works, sha, "staging"), 1);
    }
}

/// The program is killed: before its commit is green, when it has heard of it, with the change in its hand, while pods are replaced, and when
/// it is live.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_it_goes_on_and_does_nothing_twice() {
    let mut works = works().await;
    let mut shas = Vec::new();
    for step in 0..5 {
        let sha = works.commit(&format!("Change {step}"));
        let image = works.push(&sha, &sha).await;
        match step {
            0 => {
                works.kill().await;
                works.green(&sha);
                works.github.settled().await;
            }
            1 => {
                works.green(&sha);
                works.github.settled().await;
                works.kill().await;
            }
            2 => {
                works
                    .house
                    .cluster
                    .fault_on("PATCH", "deployments/api", Fault::Hold, 1);
                works.green(&sha);
                works.house.cluster.held(1).await;
                works.kill().await;
                works.house.cluster.release();
            }
            3 => {
                works.green(&sha);
                until("the change", &works, |works| works.image("staging") == image).await;
                works.kill().await;
            }
            _ => {
                works.green(&sha);
                works.live(&sha, "staging").await;
                works.kill().await;
            }
        }
        works.start().await;
        works.live(&sha, "staging").await;
        assert_eq!(works.image("staging"), image);
        shas.push(sha);
    }
    for sha in shas {
        assert_eq!(
            told_live(&works, &sha, "staging"),
            1,
            "{}",
            works.house.transcript()
        );
    }
    let generation =
        works.house.cluster.get("Deployment", "staging", "api").unwrap()["metadata"]["generation"].clone();
    // Once for what it began with, once for each.
    assert!(generation.as_i64().unwrap() >= 7, "{generation}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_breaks_its_gate_is_taken_away_and_nothing_else_changed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let past = SignedDuration::from_mins(20);
    let story = Story::with_past(7, &["api"], &["staging"], Timestamp::now(), past);
    let prometheus = Prometheus::start(story, listener).unwrap();
    // How many scrapes there are: enough in the time before, too few in the moments since.
    let more = "[services.api.gates.scrapes]\nquery = \"max(count_over_time(up[{{since}}]))\"\nabove = 10\ninterval = \"1s\"\n\
                initial_delay = \"0s\"\ncount = 2\n[services.api.canary]\nbake = \"1h\"\n";
    let mut works = Works::build_with(AUTO, more, Some(&prometheus.url())).await;
    works.start().await;
    let before = works.house.cluster.get("deployment", "staging", "api").unwrap();
    let (sha, _) = works.released("Answer faster").await;
    let card = works
        .house
        .shown(|text| text.contains(short(&sha)) && text.contains("was not deployed"))
        .await;
    let told = words(&card);
    for part in [
        "The canary failed. The gate *scrapes* is red",
        "I deleted the canary.",
        "what served before serves on",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let cluster = &works.house.cluster;
    let was = cluster.list("events", "staging");
    assert!(
        was.iter()
            .any(|event| event["involvedObject"]["name"] == "api-canary"),
        "there was one"
    );
    assert_eq!(cluster.get("deployment", "staging", "api-canary"), None);
    let after = cluster.get("deployment", "staging", "api").unwrap();
    assert_eq!(after["spec"], before["spec"]);
    assert_eq!(after["metadata"]["generation"], before["metadata"]["generation"]);
    let image = works.image("staging");
    let pods = cluster.list("pods", "staging");
    let mut others = pods.iter().filter(|pod| {
        pod["metadata"]["labels"]["app"] == "api" && pod["spec"]["containers"][0]["image"] != image.as_str()
    });
    assert_eq!(others.next(), None);
    // Not again by itself: the same commit would end in the same way.
    works
        .asked(
            &format!("why is {} not in staging", short(&sha)),
            "The canary failed",
        )
        .await;
}
