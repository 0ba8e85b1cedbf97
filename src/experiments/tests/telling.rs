//! What is told of runs: samples, metrics, events, sums.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use otus_experiments::{
    ChannelSink, Experiment, Kind, MetricsSink, TracingSink, Verdict, stats::ExperimentStats,
};
use std::{
    io,
    sync::{Arc, Mutex},
};

#[derive(Debug, Clone, PartialEq)]
struct User {
    name: &'static str,
    email: &'static str,
}

const ANN: User = User {
    name: "ann",
    email: "ann@example.com",
};

#[test]
fn what_differs_is_named_cleaned_and_kept_within_bounds() {
    let compare = |a: &User, b: &User| match (a.name == b.name, a.email == b.email) {
        (true, true) => Verdict::Match,
        (false, _) => Verdict::mismatch("name"),
        (_, false) => Verdict::mismatch("email"),
    };
    let users = Experiment::define_with("users", compare)
        .clean(|user| format!("{{\"name\":\"{}\"}}", user.name))
        .ignore("capitals", |a, b| {
            a.email.eq_ignore_ascii_case(b.email) && a.name == b.name
        })
        .context("release", "9f3c1e2")
        .keep(2)
        .build();
    let run = |candidate: User| {
        users
            .control_sync(|| ANN)
            .candidate("new", move || candidate)
            .context("plan", "free")
            .run()
    };
    run(ANN);
    run(User {
        email: "ANN@example.com",
        ..ANN
    });
    assert_eq!(users.samples(), []);
    for name in ["ben", "cleo", "dora"] {
        assert_eq!(run(User { name, ..ANN }), ANN);
    }
    run(User { email: "", ..ANN });
    let samples = users.samples();
    assert_eq!(
        samples
            .iter()
            .map(|sample| sample.detail.as_deref().unwrap())
            .collect::<Vec<_>>(),
        ["name", "email"]
    );
    let last = &samples[0];
    assert_eq!(last.kind, Kind::Mismatch);
    assert_eq!(last.value.as_deref(), Some(r#"{"name":"dora"}"#));
    assert_eq!(last.control.as_deref(), Some(r#"{"name":"ann"}"#));
    assert_eq!(
        last.context,
        [("release", "9f3c1e2".to_owned()), ("plan", "free".to_owned())]
    );
}

#[test]
fn no_value_is_recorded_without_clean() {
    let secrets = Experiment::<String>::define("secrets").build();
    secrets
        .control_sync(|| "hunter2".to_owned())
        .candidate("new", || "hunter3".to_owned())
        .run();
    let samples = format!("{:?}", secrets.samples());
    assert!(
        samples.contains("Mismatch") && !samples.contains("hunter"),
        "{samples}"
    );
}

#[test]
fn control_against_control_matches() {
    let (sink, runs) = ChannelSink::new(1);
    let experiment = Experiment::<u32>::define("a-a").sink(sink.clone()).build();
    for _ in 0..2 {
        experiment.control_sync(|| 4).again().run();
    }
    assert_eq!(sink.dropped(), 1, "the channel holds one");
    let ran = &runs.try_recv().unwrap().candidates[0];
    assert_eq!((ran.name(), ran.outcome.kind()), ("again", Kind::Match));
}

#[test]
fn metrics_count_every_outcome() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let experiment = Experiment::<u32>::define("counted")
            .sink(MetricsSink::new())
            .build();
        for value in [1, 1, 2] {
            experiment
                .control_sync(|| 1)
                .candidate("new", move || value)
                .run();
        }
    });
    let page = page.render();
    for line in [
        r#"experiment_runs_total{experiment="counted",candidate="new",outcome="match"} 2"#,
        r#"experiment_runs_total{experiment="counted",candidate="new",outcome="mismatch"} 1"#,
        r#"experiment_duration_seconds_count{experiment="counted",arm="control"} 3"#,
        r#"experiment_ratio_count{experiment="counted",candidate="new"} 3"#,
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
}

#[test]
fn sums_of_parts_are_the_sum_of_all() {
    struct Sum(Mutex<[ExperimentStats; 3]>);
    impl otus_experiments::Sink for Sum {
        fn publish(&self, report: &otus_experiments::Report<'_>) {
            let mut sums = self.0.lock().unwrap();
            let part = usize::from(sums[0].control.runs >= 3);
            sums[2].record(report);
            // The first three runs are one part, the rest another.
            let part = if sums[2].control.runs <= 3 { 0 } else { 1.max(part) };
            sums[part].record(report);
        }
    }
    let sum = Arc::new(Sum(Mutex::default()));
    let experiment = Experiment::define_with("sums", |a: &u32, b: &u32| {
        if a == b {
            Verdict::Match
        } else {
            Verdict::mismatch("it")
        }
    })
    .sink(Arc::clone(&sum))
    .build();
    for value in 0..8 {
        experiment
            .control_sync(|| 3)
            .candidate("new", move || value.min(3))
            .run();
    }
    let [mut first, second, all] = std::mem::take(&mut *sum.0.lock().unwrap());
    first.merge(second);
    assert_eq!(first, all);
    let new = &all.candidates["new"];
    assert_eq!((new.outcomes.get(Kind::Match), new.places["it"]), (5, 3));
    assert_eq!(new.outcomes.differing().value(), Some(0.375));
    assert_eq!(
        (
            all.samples.len(),
            new.duration.count(),
            all.control.duration.count()
        ),
        (3, 8, 8)
    );
}

#[test]
fn what_differs_is_a_warning_and_the_rest_is_for_debugging() {
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let page = Page::default();
    let writer = page.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let experiment = Experiment::<u32>::define("events")
            .clean(|value| format!("cleaned {value}"))
            .sink(TracingSink)
            .limits(|limits| limits.failures = 1)
            .build();
        let run = |candidate: fn() -> u32| experiment.control_sync(|| 1).candidate("new", candidate).run();
        run(|| 1);
        run(|| 2);
        run(|| panic!("as it does"));
    });
    let page = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = page.lines().collect();
    assert_eq!(lines.len(), 3, "{page}");
    for (line, parts) in lines.into_iter().zip([
        [
            "WARN",
            "a candidate differs",
            r#"outcome="mismatch""#,
            r#"new="cleaned 2""#,
        ],
        [
            "WARN",
            "a candidate was stopped",
            r#"experiment="events""#,
            "it panicked, or timed out",
        ],
        [
            "WARN",
            "a candidate differs",
            r#"outcome="panic""#,
            r#"detail="as it does""#,
        ],
    ]) {
        assert!(
            parts.iter().all(|part| line.contains(part)),
            "{parts:?} are not in\n{line}"
        );
    }
}
