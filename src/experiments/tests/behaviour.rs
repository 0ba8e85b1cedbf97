//! What an experiment does on purpose: orders, comparisons, shares, limits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use otus_experiments::{ChannelSink, Ended, Experiment, Kind, Outcome, Shed, experiment};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::sleep,
    time::Duration,
};

/// χ² of counts that should all be the same.
fn chi_squared(counts: impl Iterator<Item = u32> + Clone) -> f64 {
    let all: Vec<f64> = counts.map(f64::from).collect();
    let expected = all.iter().sum::<f64>() / all.len() as f64;
    all.iter()
        .map(|count| (count - expected).powi(2) / expected)
        .sum()
}

#[test]
fn every_order_is_equally_likely() {
    fastrand::seed(7);
    let experiment = Experiment::<u32>::define("order").build();
    let mut orders = HashMap::<String, u32>::new();
    for _ in 0..24_000 {
        let order = RefCell::new(String::new());
        let arm = |name: char| {
            let order = &order;
            move || {
                order.borrow_mut().push(name);
                1
            }
        };
        experiment
            .control_sync(arm('0'))
            .candidate("a", arm('a'))
            .candidate("b", arm('b'))
            .candidate("c", arm('c'))
            .run();
        *orders.entry(order.into_inner()).or_default() += 1;
    }
    assert_eq!(orders.len(), 24);
    // With 23 degrees of freedom, χ² is above 68 once in a million seeds.
    let chi = chi_squared(orders.values().copied());
    assert!(chi < 68.0, "{chi}: {orders:?}");
}

#[test]
fn a_run_says_where_the_control_was() {
    let (sink, runs) = ChannelSink::new(100);
    let experiment = Experiment::<u32>::define("position").sink(sink).build();
    for _ in 0..50 {
        let (count, at) = (Cell::new(0), Cell::new(0));
        let other = || {
            count.set(count.get() + 1);
            1
        };
        experiment
            .control_sync(|| {
                at.set(count.get());
                1
            })
            .candidate("a", other)
            .candidate("b", other)
            .run();
        assert_eq!(runs.try_recv().unwrap().control.position, at.get());
    }
}

#[test]
fn errors_are_compared_by_text_and_panics_by_message() {
    let (sink, runs) = ChannelSink::new(100);
    let parsing = Experiment::define_fallible("parsing").sink(sink).build();
    let kind = |control: &'static str, candidate: &'static str| {
        let _ = parsing
            .control_sync(|| control.parse::<u8>())
            .candidate("new", || candidate.parse())
            .run();
        let run = runs.try_recv().unwrap();
        (run.control.ended, run.candidates[0].outcome.clone())
    };
    assert_eq!(kind("1", "1"), (Ended::Value, Outcome::Match));
    assert_eq!(kind("x", "y"), (Ended::Error, Outcome::Match));
    assert_eq!(kind("x", "").1.kind(), Kind::Mismatch);
    assert_eq!(
        kind("1", "x"),
        (
            Ended::Value,
            Outcome::Error(Some("an error instead of a value".into()))
        )
    );
    assert_eq!(
        kind("x", "1"),
        (
            Ended::Error,
            Outcome::Mismatch(Some("a value instead of an error".into()))
        )
    );
    let both = catch_unwind(AssertUnwindSafe(|| {
        parsing
            .control_sync(|| panic!("the same"))
            .candidate("new", || panic!("the same"))
            .run()
    }));
    assert!(both.is_err());
    assert_eq!(runs.try_recv().unwrap().candidates[0].outcome, Outcome::Match);
}

#[test]
fn nothing_of_a_run_is_done_when_it_is_none() {
    let allowed = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&allowed);
    let experiment = Experiment::<u32>::define("none")
        .run_if(move || flag.load(Ordering::Relaxed))
        .build();
    let (ran, prepared) = (Cell::new(0), Cell::new(0));
    let call = |run_if: bool| {
        experiment
            .control_sync(|| 1)
            .candidate("new", || {
                ran.set(ran.get() + 1);
                1
            })
            .run_if(|| run_if)
            .before_run(|| prepared.set(prepared.get() + 1))
            .run()
    };
    call(true);
    allowed.store(true, Ordering::Relaxed);
    call(false);
    experiment.switch().set_percent(0.0);
    call(true);
    experiment.switch().set_percent(100.0);
    experiment.switch().stop(true);
    call(true);
    assert_eq!((ran.get(), prepared.get()), (0, 0));
    experiment.switch().stop(false);
    call(true);
    assert_eq!((ran.get(), prepared.get()), (1, 1));
}

#[test]
fn before_run_without_candidates_is_not_done_and_its_panic_is_not_felt() {
    let experiment = Experiment::<u32>::define("before").build();
    assert_eq!(
        experiment.control_sync(|| 1).before_run(|| panic!("never")).run(),
        1
    );
    assert_eq!(experiment.failures(), 0);
    assert_eq!(
        experiment
            .control_sync(|| 1)
            .candidate("new", || 2)
            .before_run(|| panic!("once"))
            .run(),
        1
    );
    assert_eq!((experiment.failures(), experiment.samples().len()), (1, 0));
}

#[test]
fn a_candidate_that_keeps_failing_is_stopped_and_said_to_be() {
    let (sink, runs) = ChannelSink::new(100);
    let experiment = Experiment::<u32>::define("failing")
        .sink(sink)
        .limits(|limits| limits.failures = 3)
        .build();
    for _ in 0..5 {
        experiment
            .control_sync(|| 1)
            .candidate("bad", || panic!("no"))
            .candidate("good", || 1)
            .run();
    }
    let outcomes = |name| -> Vec<Outcome> {
        let all = runs
            .try_iter()
            .flat_map(|run| run.candidates)
            .filter(|ran| ran.name() == name);
        all.map(|ran| ran.outcome).collect()
    };
    let bad = outcomes("bad");
    assert_eq!(bad[2], Outcome::Panic("no".to_owned()));
    assert_eq!(
        bad[3..],
        [Outcome::Shed(Shed::Breaker), Outcome::Shed(Shed::Breaker)]
    );
    let mut candidates = experiment.candidates();
    candidates.sort();
    assert_eq!(
        candidates,
        [
            ("bad", Some("3 panics or timeouts in a row".to_owned())),
            ("good", None)
        ]
    );
}

#[test]
fn over_its_deadline_in_the_callers_thread_is_a_timeout_afterwards() {
    let experiment = Experiment::<u32>::define("late").deadline(Duration::ZERO).build();
    experiment
        .control_sync(|| 1)
        .candidate("new", || {
            sleep(Duration::from_micros(1));
            1
        })
        .run();
    assert_eq!(experiment.samples()[0].kind, Kind::Timeout);
}

#[test]
fn a_key_is_in_or_out_for_good() {
    let experiment = Experiment::<u32>::define("keys").percent(50.0).build();
    let ran = Cell::new(0);
    for key in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        ran.set(0);
        for _ in 0..10 {
            experiment
                .for_key(key)
                .control_sync(|| 1)
                .candidate("new", || {
                    ran.set(ran.get() + 1);
                    1
                })
                .run();
        }
        assert!(ran.get() == 0 || ran.get() == 10, "{key}: {}", ran.get());
    }
}

#[test]
fn a_flag_is_asked_with_the_key_and_its_panic_means_no() {
    let experiment = Experiment::<u32>::define("flagged")
        .flag(|experiment: &str, key: Option<&str>| {
            assert_eq!(experiment, "flagged");
            key.expect("no key, no answer") == "ann"
        })
        .build();
    let ran = Cell::new(0);
    let candidate = || {
        ran.set(ran.get() + 1);
        1
    };
    for key in ["ann", "ben"] {
        experiment
            .for_key(key)
            .control_sync(|| 1)
            .candidate("new", candidate)
            .run();
    }
    assert_eq!(ran.get(), 1);
    experiment.control_sync(|| 1).candidate("new", candidate).run();
    assert_eq!((ran.get(), experiment.failures()), (1, 1));
}

#[test]
fn one_name_is_one_experiment() {
    let first = experiment::<u32>("by-name");
    first.switch().set_percent(0.0);
    assert_eq!(experiment::<u32>("by-name").switch().percent(), 0.0);
    assert_eq!(
        experiment::<u64>("by-name").switch().percent(),
        100.0,
        "another type is another one"
    );
}
