//! The gate's questions against Debian's Prometheus: every outcome, and the warnings of a part that is away.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly in its helpers too")]

use jiff::{SignedDuration, Timestamp};
use otus_emulators::real::RealPrometheus;
use otus_monitoring::{
    Prometheus, PrometheusConfig,
    gate::{
        Bound, Fault, Gate, GateConfig, NoData, Outcome, Preflight, Probe, Reduce, Vars, Verdict, preflight,
        probe,
    },
};
use std::{fmt::Write as _, time::Duration};

/// A fixed end, so that nothing here depends on when it runs.
const END: i64 = 1_763_208_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// Ten minutes of three services: `api` has errors in the last five, `quiet` has no requests at all, and the name of the
/// third could be a part of a query.
fn openmetrics() -> String {
    let mut text = String::from("# TYPE requests counter\n# TYPE errors counter\n# TYPE latency gauge\n");
    let mut series = |name: &str, labels: &str, value: &dyn Fn(i64) -> f64| {
        for step in 0..=40 {
            let time = END - 600 + 15 * step;
            writeln!(text, "{name}{{{labels}}} {} {time}", value(step)).unwrap();
        }
    };
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    {
        series("requests_total", r#"service="api",env="production""#, &|step| {
            (150 * step) as f64
        });
        series("requests_total", r#"service="quiet",env="production""#, &|_| 7.0);
        series("errors_total", r#"service="api",env="production""#, &|step| {
            (30 * (step - 20).max(0)) as f64
        });
        series("errors_total", r#"service="quiet",env="production""#, &|_| 0.0);
    }
    series("latency", r#"service="api",pod="a""#, &|_| 0.1);
    series("latency", r#"service="api",pod="b""#, &|_| 0.3);
    series("latency", r#"service="it's \"x\"",pod="c""#, &|_| 0.7);
    text.push_str("# EOF\n");
    text
}

/// A real one, with more in its configuration.
async fn real(more: &str) -> (RealPrometheus, Prometheus) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = RealPrometheus::start_with(openmetrics(), more).await.unwrap();
    let config = PrometheusConfig {
        url: Some(server.url().into()),
        ..PrometheusConfig::default()
    };
    (server, Prometheus::new(&config).unwrap())
}

fn vars(service: &str) -> Vars {
    Vars {
        service: service.into(),
        env: "production".into(),
        version: "v2".into(),
        since: Duration::from_secs(120),
    }
}

fn bound(text: &str) -> Bound {
    text.parse().unwrap()
}

const RATIO: &str = r#"sum(rate(errors_total{service="{{service}}", env="{{env}}"}[{{since}}]))
    / sum(rate(requests_total{service="{{service}}", env="{{env}}"}[{{since}}]))"#;

fn ratio() -> GateConfig {
    GateConfig::new("error rate", RATIO, bound("< 0.01"))
}

async fn ask(prometheus: &Prometheus, config: &GateConfig, service: &str, seconds: i64) -> Probe {
    probe(prometheus, config, &vars(service), config.bound, at(seconds)).await
}

#[tokio::test]
async fn every_outcome() {
    let (server, prometheus) = real("").await;
    let (before, after) = (END - 330, END);

    // Good, and bad with its value and bound.
    let good = ask(&prometheus, &ratio(), "api", before).await;
    assert_eq!(good.outcome, Outcome::Pass { value: 0.0 });
    assert!(
        good.query.contains(r#"service="api""#) && good.query.contains("[2m]"),
        "{}",
        good.query
    );
    let Outcome::Fail { value, bound: broken } = ask(&prometheus, &ratio(), "api", after).await.outcome
    else {
        panic!()
    };
    assert!(
        (value - 0.2).abs() < 1e-9 && broken == bound("< 0.01"),
        "{value} {broken}"
    );

    // No data, of each kind.
    let none =
        async |config: GateConfig, service: &'static str| match ask(&prometheus, &config, service, after)
            .await
            .outcome
        {
            Outcome::NoData { why } => why,
            other => panic!("{other:?}"),
        };
    assert_eq!(none(ratio(), "nobody").await, NoData::Empty);
    assert_eq!(none(ratio(), "quiet").await, NoData::NotANumber);
    let per_quiet = r#"sum(rate(requests_total{service="api"}[{{since}}])) / sum(rate(requests_total{service="{{service}}"}[{{since}}]))"#;
    assert_eq!(
        none(GateConfig::new("g", per_quiet, bound("> 1")), "quiet").await,
        NoData::Infinite
    );
    let latency = GateConfig::new("latency", r#"latency{service="{{service}}"}"#, bound("< 0.25"));
    assert_eq!(none(latency.clone(), "api").await, NoData::Several { samples: 2 });

    // Several made one.
    let mut worst = latency.clone();
    worst.reduce = Some(Reduce::Max);
    let told = ask(&prometheus, &worst, "api", after).await.outcome;
    assert_eq!(
        told,
        Outcome::Fail {
            value: 0.3,
            bound: bound("< 0.25")
        }
    );
    worst.reduce = Some(Reduce::Min);
    assert_eq!(
        ask(&prometheus, &worst, "api", after).await.outcome,
        Outcome::Pass { value: 0.1 }
    );

    // A value that would be a query stays a value: as a text and, escaped once more, as a pattern.
    for query in [
        r#"latency{service="{{service}}"}"#,
        r#"latency{service=~'{{service}}'}"#,
    ] {
        let odd = GateConfig::new("odd", query, bound("< 1"));
        let told = ask(&prometheus, &odd, r#"it's "x""#, after).await;
        assert_eq!(told.outcome, Outcome::Pass { value: 0.7 }, "{}", told.query);
        let told = ask(&prometheus, &odd, r#"nobody"} or latency{pod="c"#, after).await;
        assert_eq!(
            told.outcome,
            Outcome::NoData { why: NoData::Empty },
            "{}",
            told.query
        );
        let told = ask(&prometheus, &odd, ".*", after).await;
        assert_eq!(
            told.outcome,
            Outcome::NoData { why: NoData::Empty },
            "{}",
            told.query
        );
    }

    // Errors, in the server's words or in ours.
    for (query, word) in [
        ("sum(rate(errors_total[5m])", "unclosed left parenthesis"),
        ("requests_total * on (env) errors_total", "many-to-many"),
        ("errors_total[5m]", "a range of values"),
        ("\"hello\"", "a text"),
        ("{{service}}_total", "outside of quotes"),
    ] {
        let told = ask(
            &prometheus,
            &GateConfig::new("g", query, bound("< 1")),
            "my-api",
            after,
        )
        .await
        .outcome;
        let Outcome::Error {
            why,
            fault: Fault::Query,
        } = told
        else {
            panic!("{query}: {told:?}")
        };
        assert!(why.contains(word), "{query}: {why}");
    }
    drop(server);
    let told = ask(&prometheus, &ratio(), "api", after).await.outcome;
    assert!(
        matches!(
            told,
            Outcome::Error {
                fault: Fault::Server,
                ..
            }
        ),
        "{told:?}"
    );
}

#[tokio::test]
async fn before_a_deploy_and_through_it() {
    let (_server, prometheus) = real("").await;
    let look = async |config: &GateConfig, service: &str, seconds| {
        preflight(&prometheus, config, &vars(service), at(seconds)).await
    };

    let ready = look(&ratio(), "api", END - 330).await;
    assert_eq!((ready.refuses(), ready.value()), (false, Some(0.0)));
    let red = look(&ratio(), "api", END).await;
    assert!(
        red.refuses() && matches!(red, Preflight::Red { bound: b, .. } if b == bound("< 0.01")),
        "{red:?}"
    );
    let quiet = look(&ratio(), "quiet", END).await;
    assert_eq!(
        quiet,
        Preflight::NoData {
            why: NoData::NotANumber
        }
    );
    assert!(!quiet.refuses());
    let invalid = look(&GateConfig::new("g", "sum(", bound("< 1")), "api", END).await;
    assert!(invalid.refuses());
    assert!(matches!(invalid, Preflight::Invalid { why } if why.contains("parse error")));

    // The deploy that brings the errors: good before it, caught by the second sample.
    let mut config = ratio();
    config.initial_delay = Duration::ZERO;
    config.interval = Duration::from_secs(60);
    let began = at(END - 330);
    let mut gate = Gate::new(config, began).with_before(ready.value());
    let mut samples = 0;
    let verdict = loop {
        let now = gate.next_at();
        let since = Vars {
            since: now.duration_since(began).unsigned_abs(),
            ..vars("api")
        };
        let told = probe(&prometheus, gate.config(), &since, gate.bound(), now).await;
        samples += 1;
        let verdict = gate.feed(now, &told.outcome);
        if verdict.is_final() {
            break verdict;
        }
    };
    assert!(
        matches!(verdict, Verdict::Failed { failed: 1, .. }),
        "{verdict:?}"
    );
    assert!((2..=3).contains(&samples), "{samples}");
    assert!(gate.next_at() > began + SignedDuration::from_secs(60));
}

/// Prometheus itself asks another one here, which is away: what it answers is a part.
#[tokio::test]
async fn an_answer_with_warnings_proves_nothing() {
    // Bound, so that nobody else gets it, and never listened on.
    let held = tokio::net::TcpSocket::new_v4().unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let away = held.local_addr().unwrap().port();
    let more = format!("remote_read: [{{ url: 'http://127.0.0.1:{away}/read', read_recent: true }}]\n");
    let (_server, prometheus) = real(&more).await;
    let told = ask(&prometheus, &ratio(), "api", END - 330).await;
    let Outcome::Error {
        why,
        fault: Fault::Server,
    } = told.outcome
    else {
        panic!("{:?}", told.outcome)
    };
    assert!(why.contains("remote_read"), "{why}");
    assert!(!told.warnings.is_empty());
    let shown = preflight(&prometheus, &ratio(), &vars("api"), at(END - 330)).await;
    assert!(
        !shown.refuses() && matches!(shown, Preflight::Unanswered { .. }),
        "{shown:?}"
    );
}
