use super::*;
use proptest::prelude::*;
use serde_json::json;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + minute * 60).unwrap()
}

/// A deploy of an image that began at this minute and took one.
fn deploy(minute: i64, image: &str, state: DeployState) -> Deploy {
    Deploy {
        id: format!("d{minute:05}"),
        service: "api".into(),
        environment: "production".into(),
        version: image.into(),
        image: image.into(),
        previous: None,
        by: "ann".into(),
        began: at(minute),
        ended: Some(at(minute + 1)),
        state,
        card: None,
        note: None,
        details: serde_json::Value::Null,
        generation: 1,
    }
}

use DeployState::{Failed, Running, Stopped, Succeeded, Superseded};

fn minutes(all: &[Duration]) -> Vec<u64> {
    all.iter().map(|one| one.as_secs() / 60).collect()
}

#[test]
fn a_failure_lasts_until_the_next_good_deploy() {
    let stats = stats(&[
        deploy(0, "v1", Succeeded),
        deploy(10, "v2", Failed),
        deploy(20, "v3", Failed),
        deploy(30, "v4", Superseded),
        deploy(40, "v5", Succeeded),
        deploy(50, "v6", Failed),
    ]);
    assert_eq!((stats.live, stats.failed, stats.neither), (2, 3, 1));
    assert_eq!(
        minutes(&stats.recoveries),
        [30],
        "from the end of v2 to the end of v5"
    );
    assert_eq!(stats.still_bad, 1);
    assert_eq!(stats.failure_share(), Some(0.6));
}

#[test]
fn going_back_to_the_last_good_one_is_a_failure_of_what_was_there() {
    let stats = stats(&[
        deploy(0, "v1", Succeeded),
        deploy(10, "v2", Succeeded),
        deploy(30, "v1", Succeeded),
        deploy(60, "v3", Succeeded),
    ]);
    assert_eq!((stats.live, stats.failed, stats.taken_back), (4, 0, 1));
    assert_eq!(stats.failure_share(), Some(0.25));
    assert_eq!(minutes(&stats.recoveries), [1], "from when somebody went back");
    assert_eq!(stats.still_bad, 0);
}

#[test]
fn what_counts_as_neither_is_in_nothing_but_its_own_number() {
    let mut adopted = deploy(5, "v9", Succeeded);
    adopted.details = json!({ "adopted": true });
    let stats = stats(&[
        deploy(0, "v1", Stopped),
        deploy(1, "v1", Superseded),
        deploy(2, "v1", Running),
        adopted,
    ]);
    assert_eq!(
        stats,
        Stats {
            neither: 4,
            ..Stats::default()
        }
    );
    assert_eq!(stats.failure_share(), None);
    assert_eq!(stats.recovery(), None);
}

#[test]
fn places_do_not_mix() {
    let mut web = deploy(10, "v2", Succeeded);
    web.service = "web".into();
    let stats = stats(&[deploy(0, "v1", Failed), web]);
    assert_eq!((stats.recoveries.len(), stats.still_bad), (0, 1));
}

#[test]
fn medians() {
    let of = |all: &[u64]| {
        let all: Vec<_> = all.iter().map(|one| Duration::from_secs(*one)).collect();
        median(&all).map(|one| one.as_secs())
    };
    assert_eq!(
        [of(&[]), of(&[5]), of(&[9, 1, 5]), of(&[4, 2])],
        [None, Some(5), Some(5), Some(3)]
    );
}

#[test]
fn days_without_a_deploy_are_there_too() {
    let zone = TimeZone::UTC;
    let days = per_day(
        &[
            deploy(0, "v1", Succeeded),
            deploy(1, "v2", Failed),
            deploy(4000, "v3", Succeeded),
        ],
        at(0),
        at(4320),
        &zone,
    );
    let numbers: Vec<_> = days.iter().map(|day| (day.live, day.failed)).collect();
    assert_eq!(numbers, [(1, 1), (0, 0), (0, 0), (1, 0)]);
}

fn any_deploy() -> impl Strategy<Value = Deploy> {
    let state = prop::sample::select(vec![Running, Succeeded, Failed, Superseded, Stopped]);
    let place = (
        prop::sample::select(vec!["api", "web"]),
        prop::sample::select(vec!["a", "b"]),
    );
    (0..5_000i64, 0..4u8, state, place).prop_map(|(minute, image, state, (service, environment))| Deploy {
        service: service.into(),
        environment: environment.into(),
        ..deploy(minute, &format!("v{image}"), state)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_is_counted_once_in_whatever_order(mut deploys in prop::collection::vec(any_deploy(), 0..40)) {
        for (index, deploy) in deploys.iter_mut().enumerate() {
            deploy.id = format!("d{index:03}");
        }
        let all = stats(&deploys);
        prop_assert_eq!(all.live + all.failed + all.neither, deploys.len());
        prop_assert!(all.taken_back <= all.live);
        prop_assert!(all.recoveries.len() <= all.failed + all.taken_back);
        prop_assert!(all.failure_share().is_none_or(|share| (0.0..=1.0).contains(&share)));
        let bounds = (all.recoveries.iter().min().copied(), all.recoveries.iter().max().copied());
        if let (Some(median), (Some(least), Some(most))) = (all.recovery(), bounds) {
            prop_assert!(least <= median && median <= most);
        }
        deploys.reverse();
        prop_assert_eq!(&stats(&deploys), &all);
        let days = per_day(&deploys, at(-10), at(6_000), &TimeZone::UTC);
        prop_assert_eq!(days.iter().map(|day| day.live + day.failed).sum::<usize>(), all.live + all.failed);
    }
}
