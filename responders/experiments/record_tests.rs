use super::*;
use crate::range;
use jiff::SignedDuration;
use otus::store::MemoryStore;
use otus_experiments::{Kind, stats::ControlStats, wire::VERSION};
use proptest::prelude::*;

fn arrived(instance: u8, sequence: u64, sent: Timestamp, now: Timestamp) -> Arrived {
    let mut new = CandidateStats::default();
    new.outcomes.add(Kind::Match, 3);
    new.duration.record(1_000);
    let stats = ExperimentStats {
        control: ControlStats {
            runs: 3,
            ..ControlStats::default()
        },
        candidates: BTreeMap::from([("new".into(), new)]),
        ..ExperimentStats::default()
    };
    Arrived {
        application: "shop".into(),
        batch: Batch {
            version: VERSION,
            application: "shop".into(),
            release: Some(format!("r{}", instance % 2)),
            instance: instance.to_string(),
            sequence,
            from: 0,
            to: u64::try_from(sent.as_millisecond()).unwrap(),
            dropped: 0,
            experiments: BTreeMap::from([("x".into(), stats)]),
        },
        now,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whichever process sends when, however often a batch comes again and however late: each counts once, by the minute
    /// and by the hour.
    #[test]
    fn every_batch_counts_once(
        sent in prop::collection::vec((0u8..3, 0i64..1_200, prop::collection::vec(0i64..1_200, 0..3)), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = MemoryStore::new();
            let start: Timestamp = "2026-11-23T10:47:12Z".parse().unwrap();
            let oldest = start - SignedDuration::from_hours(24);
            let mut now = start;
            let mut sequences = [0u64; 3];
            for (instance, wait, again) in &sent {
                now += SignedDuration::from_secs(*wait);
                let sent = now;
                let sequence = &mut sequences[usize::from(*instance)];
                *sequence += 1;
                arrived(*instance, *sequence, sent, now).keep(&store, oldest).await.unwrap();
                for late in again {
                    // The answer got lost: the same comes again before anything else of this process.
                    now += SignedDuration::from_secs(*late);
                    arrived(*instance, *sequence, sent, now).keep(&store, oldest).await.unwrap();
                }
            }
            let known = known::known(&store).await.unwrap().remove("x").unwrap();
            let expected = 3 * sent.len() as u64;
            for span in [now.duration_since(start), SignedDuration::from_hours(24)] {
                let sums = range::sums(&store, &known, span + SignedDuration::from_secs(1), now).await.unwrap();
                assert_eq!(sums.total.control.runs, expected);
                let steps: u64 = sums.steps.values().map(|step| step.control.runs).sum();
                assert_eq!(steps, expected);
                let by_release: u64 = sums.releases.iter().map(|release| release.candidates["new"].judged()).sum();
                assert_eq!(by_release, expected);
            }
            // And nothing is left of it when it is old.
            let later = now + SignedDuration::from_hours(24 * 40);
            for (grain, from) in Grain::ALL.into_iter().zip(known.oldest) {
                for block in from..=grain.block(later).min(from + 400) {
                    forget(&store, grain, block, "x").await.unwrap();
                }
            }
            let left = range::sums(&store, &known, SignedDuration::from_hours(24), now).await.unwrap();
            assert_eq!(left.total.control.runs, 0);
        });
    }
}

#[tokio::test]
async fn what_comes_late_is_there_from_when_it_was() {
    let store = MemoryStore::new();
    let now: Timestamp = "2026-11-23T10:47:12Z".parse().unwrap();
    let oldest = now - SignedDuration::from_hours(24);
    let late = arrived(0, 1, now - SignedDuration::from_hours(3), now);
    late.keep(&store, oldest).await.unwrap();
    let known = known::known(&store).await.unwrap().remove("x").unwrap();
    let sums = range::sums(&store, &known, SignedDuration::from_hours(24), now)
        .await
        .unwrap();
    assert_eq!(sums.total.control.runs, 3);
}

#[test]
fn a_clock_that_is_far_off_is_not_believed() {
    let now: Timestamp = "2026-11-23T10:47:12Z".parse().unwrap();
    let oldest = now - SignedDuration::from_hours(24);
    let at = |sent: &str| arrived(0, 1, sent.parse().unwrap(), now).at(oldest).to_string();
    assert_eq!(at("2026-11-23T10:40:00Z"), "2026-11-23T10:40:00Z", "it came late");
    assert_eq!(
        at("2026-11-23T10:50:00Z"),
        "2026-11-23T10:50:00Z",
        "a little ahead"
    );
    assert_eq!(at("2026-11-23T11:47:12Z"), now.to_string(), "an hour ahead");
    assert_eq!(at("1970-01-01T00:00:10Z"), now.to_string());
}
