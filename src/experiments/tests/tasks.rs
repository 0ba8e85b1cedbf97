//! Candidates in tasks, under a clock that stands still: whatever they do, the caller gets what the control gave, when the
//! mode says, and no task outlives its deadline.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test uses its own part")]
mod hostile;

use hostile::{Control, Value, any_control, quiet, run_control};
use otus_experiments::{ChannelSink, Experiment, Kind, Mode};
use proptest::prelude::*;
use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{Instant, sleep};

const DEADLINE: Duration = Duration::from_millis(500);
const CONTROL: Duration = Duration::from_millis(70);

/// What a candidate does, after so many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Same,
    Other,
    Fails,
    Panics,
    PanicsAtOnce,
    PanicsWhenDropped,
    NeverEnds,
    /// Starts a task, ends it, and waits for it.
    IsCancelled,
}

fn any_does() -> impl Strategy<Value = (Does, u64)> {
    use Does::*;
    let does = vec![
        Same,
        Other,
        Fails,
        Panics,
        PanicsAtOnce,
        PanicsWhenDropped,
        NeverEnds,
        IsCancelled,
    ];
    // Not the deadline itself: who is first then, is open.
    (prop::sample::select(does), prop_oneof![0u64..450, 550u64..900])
}

async fn act(does: Does, after: u64, control: Control) -> Result<Value, String> {
    sleep(Duration::from_millis(after)).await;
    match does {
        Does::Same => run_control(control),
        Does::Other => Ok(Value::plain(-1)),
        Does::Fails => Err("the candidate's error".into()),
        Does::Panics | Does::PanicsAtOnce => panic!("the candidate's panic"),
        Does::PanicsWhenDropped => Ok(Value::bomb(-1)),
        Does::NeverEnds => pending().await,
        Does::IsCancelled => {
            let task = tokio::spawn(pending::<()>());
            task.abort();
            task.await
                .map(|()| Value::plain(0))
                .map_err(|error| error.to_string())
        }
    }
}

fn expected(does: Does, after: u64, control: Control) -> Kind {
    let value = matches!(control, Control::Value(_));
    match does {
        Does::PanicsAtOnce => Kind::Panic,
        Does::NeverEnds => Kind::Timeout,
        _ if after > 500 => Kind::Timeout,
        // Its payload is no text.
        Does::Same if matches!(control, Control::Panic(_)) => Kind::Panic,
        Does::Same => Kind::Match,
        Does::Panics => Kind::Panic,
        Does::Fails | Does::IsCancelled if value => Kind::Error,
        _ => Kind::Mismatch,
    }
}

/// From when to when something lived.
struct Life {
    began: Instant,
    lives: Arc<Mutex<Vec<Duration>>>,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.lives.lock().unwrap().push(self.began.elapsed());
    }
}

const NAMES: [&str; 3] = ["a", "b", "c"];

fn run_paused<T>(run: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(run)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_control_comes_back_in_time_and_no_task_outlives_its_deadline(
        control in any_control(),
        does in prop::collection::vec(any_does(), 1..=3),
        grace in 0u64..600,
        mode in 0usize..3,
    ) {
        quiet();
        let grace = Duration::from_millis(grace);
        let mode = [Mode::Background, Mode::Concurrent { grace }, Mode::Sequential][mode];
        let count = u32::try_from(does.len()).unwrap();
        run_paused(async {
            let (sink, runs) = ChannelSink::new(10);
            let same = |a: &Value, b: &Value| a.number == b.number;
            let experiment = Experiment::define_fallible_with("tasks", same, |a: &String, b: &String| a == b)
                .mode(mode).deadline(DEADLINE).sink(sink).build();
            let lives = Arc::new(Mutex::new(Vec::new()));
            let began = Instant::now();
            let caller = {
                let (experiment, does, lives) = (experiment.clone(), does.clone(), Arc::clone(&lives));
                // In a task, only to look at its panic.
                tokio::spawn(async move {
                    let mut trial = experiment.control(|| async move {
                        sleep(CONTROL).await;
                        run_control(control)
                    });
                    for (at, (does, after)) in does.into_iter().enumerate() {
                        let lives = Arc::clone(&lives);
                        trial = trial.candidate(NAMES[at], move || {
                            assert!(does != Does::PanicsAtOnce, "the candidate's panic");
                            let life = Life { began: Instant::now(), lives };
                            async move {
                                let _life = life;
                                act(does, after, control).await
                            }
                        });
                    }
                    trial.run_with(Clone::clone).await
                }).await
            };
            let elapsed = began.elapsed();
            match (control, caller) {
                (Control::Value(number), Ok(Ok(value))) => assert_eq!(value.number, number),
                (Control::Error(number), Ok(Err(error))) => assert_eq!(error, hostile::error(number)),
                (Control::Panic(_), Err(ended)) => {
                    assert_eq!(ended.into_panic().downcast_ref::<Control>(), Some(&control));
                }
                (control, got) => panic!("the control did {control:?}, the caller got {got:?}"),
            }
            // The clock's own grain is a millisecond.
            let most = CONTROL + Duration::from_millis(2) + match mode {
                Mode::Concurrent { grace } => grace,
                Mode::Sequential => (DEADLINE + Duration::from_millis(2)) * count,
                _ => Duration::ZERO,
            };
            assert!(elapsed >= CONTROL && elapsed <= most, "{elapsed:?} of {most:?}");

            sleep((DEADLINE + Duration::from_millis(2)) * count).await;
            let run = runs.try_recv().unwrap();
            assert_eq!(run.candidates.len(), does.len());
            for ran in &run.candidates {
                let at = NAMES.iter().position(|name| *name == ran.name()).unwrap();
                assert_eq!(ran.outcome.kind(), expected(does[at].0, does[at].1, control), "{:?}", does[at]);
            }
            assert_eq!(experiment.in_flight(), 0);
            let lives = lives.lock().unwrap();
            assert_eq!(lives.len(), does.iter().filter(|(does, _)| *does != Does::PanicsAtOnce).count(), "all are over");
            assert!(lives.iter().all(|life| *life <= DEADLINE + Duration::from_millis(2)), "{lives:?}");
        });
    }
}

#[test]
fn a_caller_that_goes_away_takes_the_candidates_along() {
    for mode in [
        Mode::Background,
        Mode::Concurrent { grace: DEADLINE },
        Mode::Sequential,
    ] {
        run_paused(async {
            let experiment = Experiment::<u32>::define("gone")
                .mode(mode)
                .deadline(DEADLINE)
                .build();
            let lives = Arc::new(Mutex::new(Vec::new()));
            let life = Life {
                began: Instant::now(),
                lives: Arc::clone(&lives),
            };
            let trial = experiment
                .control(pending)
                .candidate("never", move || async move {
                    let _life = life;
                    pending().await
                });
            assert!(tokio::time::timeout(CONTROL, trial.run()).await.is_err());
            // What was ended is dropped when the runtime comes to it.
            sleep(Duration::from_millis(1)).await;
            assert_eq!(lives.lock().unwrap().len(), 1, "{mode:?}");
            assert_eq!(experiment.in_flight(), 0);
        });
    }
}

#[test]
fn without_a_runtime_or_its_clock_only_the_control_runs() {
    let (sink, runs) = ChannelSink::new(10);
    let experiment = Experiment::<u32>::define("nowhere")
        .mode(Mode::Sequential)
        .sink(sink)
        .build();
    let trial = || {
        experiment
            .control(|| async { 1 })
            .candidate("new", || async { 2 })
            .run()
    };
    let mut future = Box::pin(trial());
    let waker = std::task::Waker::noop();
    assert_eq!(
        future.as_mut().poll(&mut std::task::Context::from_waker(waker)),
        std::task::Poll::Ready(1)
    );
    let clockless = tokio::runtime::Builder::new_current_thread().build().unwrap();
    quiet();
    assert_eq!(clockless.block_on(trial()), 1);
    // What was ended there is dropped when the runtime comes to it, or goes.
    drop(clockless);
    for _ in 0..2 {
        assert_eq!(runs.try_recv().unwrap().candidates[0].outcome.kind(), Kind::Shed);
    }
    assert_eq!(experiment.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_order_is_shuffled_when_one_runs_after_the_other() {
    fastrand::seed(11);
    let experiment = Experiment::<u32>::define("order-tasks")
        .mode(Mode::Sequential)
        .build();
    let mut first = 0u32;
    for _ in 0..400 {
        let order = Arc::new(Mutex::new(Vec::new()));
        let (a, b) = (Arc::clone(&order), Arc::clone(&order));
        experiment
            .control(|| async {
                a.lock().unwrap().push('c');
                1
            })
            .candidate("new", move || async move {
                b.lock().unwrap().push('n');
                1
            })
            .run()
            .await;
        let order = order.lock().unwrap();
        assert_eq!(order.len(), 2);
        first += u32::from(order[0] == 'c');
    }
    // Ten deviations of 10 around one half.
    assert!((100..300).contains(&first), "{first}");
}

#[tokio::test]
async fn a_strict_experiment_fails_its_test() {
    let experiment = Experiment::<u32>::define("strict-tasks")
        .percent(0.0)
        .clean(u32::to_string)
        .strict()
        .build();
    let run = |value| {
        let experiment = experiment.clone();
        tokio::spawn(async move {
            experiment
                .control(|| async { 1 })
                .candidate("new", move || async move { value })
                .run()
                .await
        })
    };
    assert_eq!(run(1).await.unwrap(), 1);
    let payload = run(2).await.unwrap_err().into_panic();
    let text = payload.downcast_ref::<String>().unwrap();
    assert_eq!(
        text,
        "the experiment strict-tasks differs\n  new: mismatch\n    control:   1\n    candidate: 2"
    );
}
