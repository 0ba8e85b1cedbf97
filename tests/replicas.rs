//! Two replicas of the real program on one PostgreSQL behave as one robot, whatever dies.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod town;

use std::{sync::Arc, time::Duration};
use town::{Dice, ENVIRONMENTS, SERVICES, SOON, Town};

/// How many commands are said while replicas die.
const COMMANDS: usize = 500;

/// How quickly people speak.
const PACE: Duration = Duration::from_millis(80);

/// What the dice begin with: who dies when. Another number makes another story.
fn seed() -> u64 {
    std::env::var("OTUS_TEST_SEED").map_or(20_261_124, |seed| seed.parse().unwrap())
}

/// What somebody says: everything the robot does in a moment, and deploys of versions that are all different.
fn command(dice: &mut Dice, number: usize) -> String {
    let service = SERVICES[dice.below(SERVICES.len())];
    let environment = ENVIRONMENTS[dice.below(ENVIRONMENTS.len())];
    match dice.below(20) {
        0..5 => "ping".into(),
        5..8 => format!("echo number {number}"),
        8..10 => format!("status {service}"),
        10 => "locks".into(),
        11 => format!("lock {service} in {environment} because of number {number}"),
        12 => format!("unlock {service} in {environment}"),
        _ => format!("deploy {service}@2.{number} to {environment}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_die_and_every_command_is_answered_and_done_once() {
    let mut dice = Dice(seed());
    let mut town = Town::open(2).await;
    let before = town.deployed();
    let mut kills = 0;
    let mut pace = tokio::time::interval(PACE);
    for number in 1..=COMMANDS {
        pace.tick().await;
        let who = ["ann", "bob"][dice.below(2)];
        town.say(who, command(&mut dice, number));
        let (alive, dead) = town.seats();
        if !alive.is_empty() && dice.one_in(12) {
            // At any instant of the work on it.
            tokio::time::sleep(Duration::from_millis(dice.below(60) as u64)).await;
            town.kill(alive[dice.below(alive.len())]);
            kills += 1;
        }
        if !dead.is_empty() && dice.one_in(5) {
            town.start(dead[dice.below(dead.len())]);
        }
    }
    for seat in town.seats().1 {
        town.start(seat);
    }
    let left = town.answered(SOON).await;
    let left: Vec<_> = left.iter().map(|asked| &asked.line).collect();
    assert!(left.is_empty(), "{kills} kills: {left:#?}\n{}", town.logs());
    assert!(kills >= 20, "{kills}");
    // Whatever comes again, as Slack brings what it takes for not acknowledged, changes nothing.
    for event in town.slack.event_ids() {
        town.slack.redeliver(&event).unwrap();
    }
    town.slack.quiet(SOON).await.unwrap();
    town.agrees(&before).await;
    assert!(town.verified().await > 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_restarted_and_nothing_is_lost() {
    let mut dice = Dice(7);
    let mut town = Town::open(2).await;
    let before = town.deployed();
    let mut pace = tokio::time::interval(PACE);
    let mut restart = None;
    for number in 1..=100 {
        pace.tick().await;
        town.say("ann", command(&mut dice, number));
        if number == 40 {
            let database = Arc::clone(&town.database);
            restart = Some(tokio::task::spawn_blocking(move || database.restart(|| {})));
        }
    }
    restart.unwrap().await.unwrap().unwrap();
    let left = town.answered(SOON).await;
    assert!(
        left.is_empty(),
        "{:?}\n{}",
        left.iter().map(|asked| &asked.line).collect::<Vec<_>>(),
        town.logs()
    );
    town.agrees(&before).await;
    assert!(town.verified().await > 100);
}
