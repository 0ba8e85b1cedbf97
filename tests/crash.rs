//! The real program, killed two hundred times in the middle of deploys: none is lost, none is done twice, every card ends in the
//! truth, and the audit trail is whole.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::{House, SOON, words};
use otus_emulators::slack::{Options, Ts};
use otus_store::{StoreConfig, Trail};
use std::time::Duration;

const KILLS: u32 = 200;

/// How often it is killed while the deploys of one round are under way.
const KILLS_A_ROUND: u32 = 8;

const TARGETS: [(&str, &str); 4] = [
    ("api", "staging"),
    ("web", "staging"),
    ("api", "production"),
    ("web", "production"),
];

/// Numbers that only look random, the same in every run with the same seed (Knuth's linear congruential generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// What was asked for in a round, on one target.
struct Asked {
    service: &'static str,
    environment: &'static str,
    version: String,
}

impl Asked {
    fn line(&self) -> String {
        format!(
            "@otus deploy {}@{} to {}",
            self.service, self.version, self.environment
        )
    }

    /// The cards that are about it, with whether each tells that it went well.
    fn cards(&self, house: &House) -> Vec<(Ts, bool)> {
        let version = format!("`{}`", self.version);
        let about = |text: &str| {
            text.contains(&version)
                && text.contains(&format!("*{}*", self.service))
                && text.contains(&format!("*{}*", self.environment))
        };
        house
            .answers()
            .iter()
            .map(|message| (message.ts, words(message)))
            .filter(|(_, text)| about(text))
            .map(|(ts, text)| (ts, text.contains("is live in") && text.contains('✅')))
            .collect()
    }
}

fn generation(house: &House, asked: &Asked) -> i64 {
    let deployment = house
        .cluster
        .get("Deployment", asked.environment, asked.service)
        .unwrap();
    deployment["metadata"]["generation"].as_i64().unwrap()
}

fn image(house: &House, asked: &Asked) -> String {
    let deployment = house
        .cluster
        .get("Deployment", asked.environment, asked.service)
        .unwrap();
    deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Waits until the emulated Slack has seen so many things more; less if nothing happens any more.
async fn let_pass(house: &House, entries: u64) {
    let from = house.slack.journal(0).len() as u64;
    let mut seen = 0;
    let reached = house.slack.wait_for_entry(Duration::from_secs(1), |_| {
        seen += 1;
        (seen >= from + entries).then_some(())
    });
    // Nothing more happens when everything has ended.
    let _ = reached.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_that_is_killed_again_and_again_is_done_once_and_told() {
    let seed = 20_261_123;
    let mut dice = Dice(seed);
    // An event that was not acknowledged comes again soon, and as often as it takes.
    let slack = Options::default().retry_delays([Duration::from_secs(1); 30]);
    let mut house = House::build_with(None, slack).await;
    house.instead("stability = \"1s\"", "stability = \"300ms\"");
    house.instead("deadline = \"6s\"", "deadline = \"1m\"");
    // What was sent arrives sooner here than in the world.
    house.configure("[robot]\nsettle = \"300ms\"\n");
    house.start().await;
    let (mut kills, mut round) = (0, 0_u32);
    while kills < KILLS {
        round += 1;
        let all = TARGETS.map(|(service, environment)| Asked {
            service,
            environment,
            version: format!("3.{round}"),
        });
        let before = all.each_ref().map(|asked| generation(&house, asked));
        for asked in &all {
            house.say(&asked.line());
        }
        for _ in 0..KILLS_A_ROUND {
            let entries = 1 + dice.below(14);
            let_pass(&house, entries).await;
            house.kill().await;
            house.start().await;
            kills += 1;
        }
        for (asked, before) in all.iter().zip(before) {
            let ended = async {
                while !asked.cards(&house).iter().any(|(_, well)| *well) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            assert!(
                tokio::time::timeout(SOON, ended).await.is_ok(),
                "round {round}, seed {seed}: {} did not end\n{}\n{}",
                asked.line(),
                house.transcript(),
                house.log()
            );
            let cards = asked.cards(&house);
            assert_eq!(
                cards.len(),
                1,
                "round {round}, seed {seed}: {}\n{}",
                asked.line(),
                house.transcript()
            );
            let (service, version) = (asked.service, &asked.version);
            assert_eq!(
                image(&house, asked),
                format!("registry.test/shop/{service}:{version}")
            );
            assert_eq!(
                generation(&house, asked),
                before + 1,
                "round {round}, seed {seed}: {} was not done once",
                asked.line()
            );
        }
    }
    assert!(house.stop().await.success());
    let store = StoreConfig::at(house.folder.path().join("otus.sqlite"));
    let mut trail = Trail::open(&store).await.unwrap();
    let tip = trail.verify().await.unwrap();
    assert!(tip.number >= u64::from(round) * 4 * 5, "{tip:?}");
}
