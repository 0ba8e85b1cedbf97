//! What an experiment costs its caller. Budgets: 2 ns when it is off, 5 ns when a call is not picked, 1 µs for a whole run in the
//! caller's thread, 3 µs on the caller when candidates run in the background, and nothing added to the caller's 99th
//! percentile there, whatever a candidate does. Beside it the one other Rust crate that does anything like it.
//!
//! Prints the best of many rounds for what takes nanoseconds, since whatever else the machine does only ever adds to
//! them, and percentiles for what waits.

#![allow(missing_docs, reason = "a program that prints numbers")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    reason = "numbers for people; a bench fails by panicking"
)]

use otus_experiments::{Experiment, MetricsSink, Mode, stop_all};
use std::{
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

fn work(input: u64) -> u64 {
    black_box(input).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7
}

/// Nanoseconds for one call: the best of many rounds.
fn best(mut call: impl FnMut(u64) -> u64) -> f64 {
    const CALLS: u64 = 20_000;
    let mut best = f64::INFINITY;
    for _ in 0..200 {
        let began = Instant::now();
        for input in 0..CALLS {
            black_box(call(input));
        }
        best = best.min(began.elapsed().as_nanos() as f64 / CALLS as f64);
    }
    best
}

fn line(what: &str, nanoseconds: f64, budget: Option<f64>) {
    let budget = budget.map_or_else(String::new, |budget| {
        let held = if nanoseconds <= budget { "within" } else { "OVER" };
        format!("   {held} {budget:.0}")
    });
    println!("{what:<58} {nanoseconds:>10.1} ns{budget}");
}

fn in_the_callers_thread() {
    println!("In the caller's thread, over the bare call:");
    let bare = best(work);
    line("the bare call itself", bare, None);
    let defined = |percent: f64| Experiment::<u64>::define("bench").percent(percent).build();
    let over = |experiment: &Experiment<u64>| {
        let run = |input| {
            experiment
                .control_sync(|| work(input))
                .candidate("new", || work(input))
                .run()
        };
        best(run) - bare
    };
    line("off (0 %)", over(&defined(0.0)), Some(2.0));
    let stopped = defined(100.0);
    stopped.switch().stop(true);
    line("stopped", over(&stopped), Some(2.0));
    stop_all(true);
    line("all of the process stopped", over(&defined(100.0)), Some(2.0));
    stop_all(false);
    line(
        "not picked (of a millionth of a percent)",
        over(&defined(1e-6)),
        Some(5.0),
    );
    line(
        "a whole run, one candidate, no sink",
        over(&defined(100.0)),
        Some(1000.0),
    );
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let measured = metrics::with_local_recorder(&recorder, || {
        let experiment = Experiment::<u64>::define("bench")
            .sink(MetricsSink::new())
            .build();
        over(&experiment)
    });
    line("a whole run, one candidate, all metrics", measured, Some(1000.0));
    let theirs = best(|input| {
        scientisto::Experiment::new("bench")
            .control(|| work(input))
            .experiment(|| work(input))
            .publish(|observation: &scientisto::Observation<u64, u64>| {
                black_box(observation.is_matching());
            })
            .run()
    });
    line(
        "scientisto, a whole run (no clock, no order, no catching)",
        theirs - bare,
        None,
    );
    let clock = best(|input| {
        let began = Instant::now();
        black_box(work(input)) ^ began.elapsed().as_nanos() as u64
    });
    line("for comparison: reading the clock twice", clock - bare, None);
}

/// So many calls come in a row; then all that runs beside them ends before the next ones come. As in a service with something to
/// do: were there only ever one call, each would pay for waking up a thread that has just gone to sleep.
const ROW: u64 = 32;

fn share(all: &[Duration], share: f64) -> f64 {
    all[((all.len() - 1) as f64 * share) as usize].as_nanos() as f64
}

fn in_the_background(runtime: &tokio::runtime::Runtime) {
    const ROWS: u64 = 1_000;
    println!("\nIn the background, on the caller (median; then the 90th percentile):");
    let defined = || {
        Experiment::<u64>::define("background")
            .at_once(usize::MAX)
            .build()
    };
    // In a task of the runtime's own, as a request is.
    let caller = runtime.spawn(async move {
        let experiment = defined();
        let mut all = Vec::new();
        for input in 0..ROWS * ROW {
            let began = Instant::now();
            let run = experiment
                .control(|| async { work(input) })
                .candidate("new", move || async move { work(input) })
                .run();
            black_box(run.await);
            all.push(began.elapsed());
            while input % ROW == 0 && experiment.in_flight() > 0 {
                tokio::task::yield_now().await;
            }
        }
        all.sort_unstable();
        all
    });
    let tasks = runtime.block_on(caller).unwrap();
    line("tasks", share(&tasks, 0.5), Some(3000.0));
    line("tasks, 90 %", share(&tasks, 0.9), None);
    let experiment = defined();
    let mut threads = Vec::new();
    for input in 0..ROWS * ROW {
        let began = Instant::now();
        let run = experiment
            .control_threaded(|| work(input))
            .candidate("new", move || work(input))
            .run();
        black_box(run);
        threads.push(began.elapsed());
        while input % ROW == 0 && experiment.in_flight() > 0 {
            thread::yield_now();
        }
    }
    threads.sort_unstable();
    line("threads", share(&threads, 0.5), Some(3000.0));
    line("threads, 90 %", share(&threads, 0.9), None);
}

/// What a candidate does beside a control that takes a tenth of a millisecond.
fn spin(long: Duration) -> u64 {
    let began = Instant::now();
    while began.elapsed() < long {
        std::hint::spin_loop();
    }
    7
}

fn whatever_a_candidate_does(runtime: &tokio::runtime::Runtime) {
    const RUNS: usize = 3_000;
    const CONTROL: Duration = Duration::from_micros(100);
    println!("\nA control of 100 µs, candidates in the background (caller's median; 99th percentile):");
    std::panic::set_hook(Box::new(|_| {}));
    let print = |what: &str, mut all: Vec<Duration>| {
        all.sort_unstable();
        println!(
            "{what:<58} {:>10.1} {:>10.1} µs",
            share(&all, 0.5) / 1e3,
            share(&all, 0.99) / 1e3
        );
    };
    let bare = (0..RUNS).map(|_| {
        let began = Instant::now();
        black_box(spin(CONTROL));
        began.elapsed()
    });
    print("alone", bare.collect());
    let defined = || {
        Experiment::<u64>::define("tail")
            .mode(Mode::Background)
            // As bad as it gets: nobody stops the candidate.
            .limits(|limits| limits.failures = 0)
            .build()
    };
    let measure = async |kind: u8| {
        let experiment = defined();
        let mut all = Vec::with_capacity(RUNS);
        for _ in 0..RUNS {
            let began = Instant::now();
            let run = experiment
                .control(|| async { spin(CONTROL) })
                .candidate("new", move || async move {
                    match kind {
                        0 => 7,
                        1 => {
                            tokio::time::sleep(Duration::from_secs(1)).await;
                            7
                        }
                        2 => panic!("as it does"),
                        _ => std::future::pending().await,
                    }
                })
                .run();
            black_box(run.await);
            all.push(began.elapsed());
            tokio::task::yield_now().await;
        }
        all
    };
    for (kind, what) in [
        (0, "a candidate that returns at once"),
        (1, "a candidate that sleeps for a second"),
        (2, "a candidate that panics"),
        (3, "a candidate that never ends"),
    ] {
        print(what, runtime.block_on(measure(kind)));
    }
    let experiment = defined();
    let blocked = (0..RUNS).map(|_| {
        let began = Instant::now();
        let run = experiment
            .control_threaded(|| spin(CONTROL))
            .candidate("new", || {
                thread::sleep(Duration::from_secs(1));
                7
            });
        black_box(run.run());
        began.elapsed()
    });
    print(
        "a candidate that blocks its thread for a second",
        blocked.collect(),
    );
}

fn main() {
    in_the_callers_thread();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    in_the_background(&runtime);
    whatever_a_candidate_does(&runtime);
    runtime.shutdown_background();
}
