//! Whatever candidates do, and whatever is done with what they did: the caller gets what the control gave. Here for candidates
//! in the caller's thread and on threads; for tasks see `tasks.rs`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test uses its own part")]
mod hostile;

use hostile::{Control, Value, quiet, run_control};
use otus_experiments::{ChannelSink, Definition, Experiment, Kind, Mode, Report, Sink};
use proptest::prelude::*;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

const LONG: Duration = Duration::from_secs(60);

/// What a candidate does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Same,
    Other,
    Fails,
    Panics,
    PanicsOddly,
    PanicsWhenDropped,
    Allocates,
    Hangs,
}

fn any_does() -> impl Strategy<Value = Does> {
    use Does::*;
    prop::sample::select(vec![
        Same,
        Other,
        Fails,
        Panics,
        PanicsOddly,
        PanicsWhenDropped,
        Allocates,
        Hangs,
    ])
}

fn act(does: Does, control: Control, hang: Option<Receiver<()>>) -> Result<Value, String> {
    match does {
        Does::Same => run_control(control),
        Does::Other => Ok(Value::plain(-1)),
        Does::Fails => Err("the candidate's error".into()),
        Does::Panics => panic!("the candidate's panic"),
        Does::PanicsOddly => std::panic::panic_any(Value::bomb(1)),
        Does::PanicsWhenDropped => Ok(Value::bomb(-1)),
        Does::Allocates => {
            let much = vec![1u8; 4 << 20];
            Ok(Value::plain(i64::from(much[much.len() - 1])))
        }
        Does::Hangs => {
            // Until the test lets go of it.
            let _ = hang.map(|hang| hang.recv());
            Ok(Value::plain(-2))
        }
    }
}

struct Explodes;
impl Sink for Explodes {
    fn publish(&self, _: &Report<'_>) {
        panic!("the sink's panic");
    }
}

/// Which of the author's functions panic.
type Hostile = [bool; 4];

fn define(
    name: &'static str,
    hostile: Hostile,
) -> (
    Definition<Result<Value, String>>,
    Receiver<otus_experiments::Observation>,
) {
    let [compare, clean, sink, ignore] = hostile;
    let (channel, runs) = ChannelSink::new(100);
    let mut definition = Experiment::define_fallible_with(
        name,
        move |a: &Value, b: &Value| {
            if compare {
                panic!("the comparison's panic")
            } else {
                a.number == b.number
            }
        },
        |a: &String, b: &String| a == b,
    )
    .clean(move |value| {
        if clean {
            panic!("the cleaning's panic")
        } else {
            format!("{value:?}")
        }
    })
    .ignore("known", move |_, _| {
        if ignore {
            panic!("the ignoring's panic")
        } else {
            false
        }
    });
    if sink {
        definition = definition.sink(Explodes);
    }
    (definition.sink(channel), runs)
}

fn expected(does: Does, control: Control, [compare, _, _, ignore]: Hostile) -> Kind {
    let both_values = matches!(control, Control::Value(_)) && !matches!(does, Does::Fails);
    match (does, control) {
        (Does::Same, Control::Value(_)) if compare => Kind::Undecided,
        // The control's payload is no text.
        (Does::Same, Control::Panic(_)) => Kind::Panic,
        (Does::Same, _) => Kind::Match,
        (Does::Panics | Does::PanicsOddly, _) => Kind::Panic,
        (Does::Hangs, _) => Kind::Timeout,
        (_, Control::Panic(_)) => Kind::Mismatch,
        _ if compare && both_values => Kind::Undecided,
        // One byte that is 1, like the control's value.
        (Does::Allocates, Control::Value(1)) => Kind::Match,
        _ if ignore => Kind::Undecided,
        (Does::Fails, Control::Value(_)) => Kind::Error,
        _ => Kind::Mismatch,
    }
}

fn check(control: Control, got: std::thread::Result<Result<Value, String>>) {
    match (control, got) {
        (Control::Value(number), Ok(Ok(value))) => assert_eq!(value.number, number),
        (Control::Error(number), Ok(Err(error))) => assert_eq!(error, hostile::error(number)),
        (Control::Panic(number), Err(payload)) => {
            assert_eq!(payload.downcast_ref::<Control>(), Some(&Control::Panic(number)))
        }
        (control, got) => panic!("the control did {control:?}, the caller got {got:?}"),
    }
}

const NAMES: [&str; 3] = ["a", "b", "c"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn in_the_callers_thread(
        control in hostile::any_control(),
        does in prop::collection::vec(any_does().prop_filter("cannot be ended", |does| *does != Does::Hangs), 0..=3),
        hostile: Hostile,
    ) {
        quiet();
        let (definition, runs) = define("contained-sync", hostile);
        let experiment = definition.deadline(LONG).build();
        let got = catch_unwind(AssertUnwindSafe(|| {
            let mut trial = experiment.control_sync(|| run_control(control));
            for (at, does) in does.iter().enumerate() {
                trial = trial.candidate(NAMES[at], move || act(*does, control, None));
            }
            trial.run()
        }));
        check(control, got);
        prop_assert_eq!(experiment.in_flight(), 0);
        if !does.is_empty() {
            let run = runs.try_recv().unwrap();
            for ran in &run.candidates {
                let at = NAMES.iter().position(|name| *name == ran.name()).unwrap();
                prop_assert_eq!(ran.outcome.kind(), expected(does[at], control, hostile), "{:?}", does[at]);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn on_threads(
        control in hostile::any_control(),
        does in prop::collection::vec(any_does(), 1..=3),
        hostile: Hostile,
        mode in prop::sample::select(vec![
            Mode::Background, Mode::Concurrent { grace: Duration::from_millis(2) }, Mode::Sequential,
        ]),
    ) {
        quiet();
        let hangs = does.contains(&Does::Hangs);
        let (definition, runs) = define("contained-threads", hostile);
        // Who hangs is given up soon; all others have time, however slow the machine is.
        let experiment = definition.mode(mode).deadline(if hangs { Duration::from_millis(300) } else { LONG }).build();
        let mut release = Vec::new();
        // It comes back although those that hang are let go of only afterwards.
        let got = catch_unwind(AssertUnwindSafe(|| {
            let mut trial = experiment.control_threaded(|| run_control(control));
            for (at, does) in does.clone().into_iter().enumerate() {
                let (sender, receiver) = channel();
                release.push(sender);
                trial = trial.candidate(NAMES[at], move || act(does, control, Some(receiver)));
            }
            trial.run_with(Clone::clone)
        }));
        check(control, got);
        let run = runs.recv_timeout(LONG).unwrap();
        for ran in &run.candidates {
            let at = NAMES.iter().position(|name| *name == ran.name()).unwrap();
            let (kind, wanted) = (ran.outcome.kind(), expected(does[at], control, hostile));
            // Beside one that hangs, the machine may have been too slow for the others' short deadline.
            prop_assert!(kind == wanted || hangs && kind == Kind::Timeout, "{:?}: {kind}", does[at]);
        }
        drop(release);
        hostile::until(|| experiment.in_flight() == 0);
    }
}

#[test]
fn a_thread_that_hangs_keeps_its_place_until_it_ends() {
    let experiment = Experiment::<u32>::define("places")
        .at_once(2)
        .deadline(Duration::from_millis(20))
        .build();
    let mut release = Vec::new();
    for at in 0..5 {
        let (sender, receiver) = channel::<()>();
        release.push(sender);
        let got = experiment
            .control_threaded(|| at)
            .candidate("hangs", move || {
                let _ = receiver.recv();
                0
            })
            .run();
        assert_eq!(got, at);
        if at < 2 {
            hostile::until(|| experiment.samples().len() > at as usize);
        }
    }
    assert_eq!(experiment.in_flight(), 2, "two hang, the others did not begin");
    assert_eq!(experiment.samples().len(), 2);
    drop(release);
    hostile::until(|| experiment.in_flight() == 0);
}
