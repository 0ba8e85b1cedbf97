//! The client against Debian's Prometheus, and the emulated Prometheus against the real one: both hold the same story, and
//! what the one answers, the other has to answer.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly in its helpers too")]

use jiff::{SignedDuration, Timestamp};
use otus_emulators::{
    prometheus::{Effect, Prometheus as Emulated, Story},
    real::RealPrometheus,
};
use otus_monitoring::{Answer, Data, Error, Labels, Point, Prometheus, PrometheusConfig, Series, step};
use tokio::net::TcpListener;

/// A fixed end, so that nothing here depends on when it runs.
const END: i64 = 1_763_208_000;

fn at(s: i64) -> Timestamp {
    Timestamp::from_second(s).unwrap()
}

/// Two hours, with a bad deploy 40 minutes before the end, and the cure 12 minutes before it.
fn story() -> Story {
    let services = ["checkout", "catalog", "payments"];
    let start = at(END - 41 * 60);
    let story = Story::with_past(
        7,
        &services,
        &["production"],
        start,
        SignedDuration::from_mins(80),
    )
    .frozen();
    story.deploy_at(at(END - 40 * 60), "checkout", "production", "v2", Effect::Slow);
    story.deploy_at(at(END - 12 * 60), "checkout", "production", "v3", Effect::Good);
    story.advance(at(END));
    story
}

async fn real(story: &Story) -> (RealPrometheus, Prometheus) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = RealPrometheus::start(story.openmetrics(at(0))).await.unwrap();
    let client = client(server.url());
    (server, client)
}

fn client(url: &str) -> Prometheus {
    Prometheus::new(&PrometheusConfig {
        url: Some(url.into()),
        ..PrometheusConfig::default()
    })
    .unwrap()
}

fn last_hour() -> step::Range {
    step::Rules::default().plan(at(END - 3_600), at(END)).unwrap()
}

#[tokio::test]
async fn the_client_speaks_with_the_real_one() {
    let (_server, prometheus) = real(&story()).await;
    prometheus.ready().await.unwrap();
    assert!(!prometheus.build().await.unwrap().version.is_empty());
    assert_eq!(prometheus.metadata("http_requests_total").await.unwrap(), []);

    // The story's curve, asked the way a graph asks for it.
    let range = last_hour();
    let p95 = "histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket[$__rate_interval])))";
    let answer = prometheus.query_range(&range.fill_in(p95), &range).await.unwrap();
    assert_eq!(answer.warnings, Vec::<String>::new());
    let of = |name: &str| {
        answer
            .data
            .series()
            .iter()
            .find(|series| series.labels["service"] == name)
            .unwrap()
    };
    let value = |series: &Series, s: i64| {
        series
            .points
            .iter()
            .find(|point| point.at_ms == s * 1_000)
            .unwrap()
            .value
    };
    let checkout = of("checkout");
    let (before, during, after) = (
        value(checkout, END - 3_000),
        value(checkout, END - 900),
        value(checkout, END - 60),
    );
    assert!(
        during > 4.0 * before && after < 1.5 * before,
        "{before} {during} {after}"
    );
    let catalog = of("catalog");
    assert!(value(catalog, END - 900) < 1.5 * value(catalog, END - 3_000));

    // The other kinds of results.
    let now = Some(at(END));
    assert!(
        matches!(prometheus.query("1 / 0", now).await.unwrap().data, Data::Scalar(Point { value, .. }) if value.is_infinite())
    );
    assert_eq!(
        prometheus.query("\"hello\"", now).await.unwrap().data,
        Data::Text("hello".into())
    );
    assert_eq!(prometheus.query("up", now).await.unwrap().data.samples().len(), 9);
    assert!(
        prometheus
            .query("nothing_has_this_name", now)
            .await
            .unwrap()
            .data
            .is_empty()
    );
    let raw = prometheus.query("orders_total[1m]", now).await.unwrap();
    assert_eq!(raw.data.series()[0].points.len(), 5);
    let nan = prometheus.query_range("vector(0) / 0", &range).await.unwrap();
    assert!(
        nan.data.series()[0]
            .points
            .iter()
            .all(|point| point.value.is_nan())
    );

    // Its errors.
    let error = prometheus
        .query_range("sum(rate(up[5m])", &range)
        .await
        .unwrap_err();
    let Error::BadQuery {
        message,
        position: Some(position),
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!((position.line, position.column), (1, 17), "{message}");
    let error = prometheus.query("up * on (job) up", now).await.unwrap_err();
    assert!(matches!(error, Error::Execution { .. }), "{error:?}");
    let second = step::Rules {
        min_step: Some(std::time::Duration::from_secs(1)),
        max_data_points: 11_000,
        ..step::Rules::default()
    };
    let longest = second.plan(at(END - 11_000), at(END)).unwrap();
    prometheus
        .query_range("up", &longest)
        .await
        .expect("11,001 points are allowed");

    // Wide and long enough to be parsed aside, and cut.
    let few = PrometheusConfig {
        url: Some(prometheus.url().into()),
        max_series: 5,
        ..PrometheusConfig::default()
    };
    let answer = Prometheus::new(&few)
        .unwrap()
        .query_range("{service=~\".+\"}", &longest)
        .await
        .unwrap();
    assert_eq!((answer.data.series().len(), answer.warnings.len()), (5, 1));
}

/// What the emulator's PromQL knows, each at least once.
const EXPRESSIONS: [&str; 38] = [
    "up",
    "http_requests_total{code!=\"200\", service=~\"check.*|payments\"}",
    "{__name__=~\"app_.+\", service!~\"cat.*\"}",
    "rate(http_requests_total[1m])",
    "rate(http_requests_total[7m] offset 3m)",
    "irate(http_requests_total[2m])",
    "increase(orders_total[10m])",
    "sum(rate(http_requests_total[$__rate_interval]))",
    "sum by (service) (rate(http_requests_total{code=\"500\"}[5m])) / sum by (service) (rate(http_requests_total[5m]))",
    "sum without (code, environment) (rate(http_requests_total[5m]))",
    "sum(rate(http_requests_total[5m])) by (code)",
    "avg by (service) (container_memory_working_set_bytes)",
    "min(container_memory_working_set_bytes) / 1024 ^ 2",
    "max by (pod) (container_memory_working_set_bytes)",
    "count by (environment) (up)",
    "histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket[5m])))",
    "histogram_quantile(0.5, rate(http_request_duration_seconds_bucket[2m]))",
    "histogram_quantile(1.5, rate(http_request_duration_seconds_bucket[2m]))",
    "rate(http_request_duration_seconds_sum[5m]) / rate(http_request_duration_seconds_count[5m])",
    "histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket[5m]))) > 0.5",
    "container_memory_working_set_bytes > bool 2.5e8",
    "1 - sum(rate(http_requests_total{code=\"500\"}[5m])) / sum(rate(http_requests_total[5m]))",
    "-sum(orders_total) + 2 * 3 - 10 % 4",
    "-2 ^ 2 + 2 ^ 3 ^ 2",
    "sum(orders_total) - sum(orders_total offset 10m)",
    "app_info{version=\"v2\"} * on (service) sum by (service) (rate(http_requests_total[5m]))",
    "rate(http_requests_total[5m]) > ignoring (code) rate(http_request_duration_seconds_count[5m]) * 0.9",
    "time() - app_deploy_timestamp_seconds",
    "avg_over_time(container_memory_working_set_bytes[3m])",
    "max_over_time(container_memory_working_set_bytes{pod=\"checkout-0\"}[3m]) - min_over_time(container_memory_working_set_bytes{pod=\"checkout-0\"}[3m])",
    "sum_over_time(up[1m]) / count_over_time(up[1m])",
    "abs(sum(orders_total) - 10000)",
    "vector(3) == 3",
    "3 > bool 2",
    "0.5 < app_info",
    "app_info and on (service) up",
    "up unless on (service) app_info",
    "app_info{version=\"v2\"} or vector(7)",
];

#[tokio::test]
async fn the_emulated_one_computes_what_the_real_one_computes() {
    let story = story();
    let (_server, real) = real(&story).await;
    let server = Emulated::start(story, TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
    let emulated = client(&server.url());
    let range = last_hour();
    for query in EXPRESSIONS {
        let query = range.fill_in(query);
        let expected = real
            .query_range(&query, &range)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        let got = emulated
            .query_range(&query, &range)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        assert!(
            !expected.data.is_empty() || query.contains("== 3"),
            "{query} selects nothing, which proves nothing"
        );
        compare(&query, &expected, &got);
        if !query.contains("histogram_quantile(1.5") {
            let expected = real.query(&query, Some(at(END - 700))).await.unwrap();
            let got = emulated.query(&query, Some(at(END - 700))).await.unwrap();
            compare(&query, &expected, &got);
        }
    }
}

fn compare(query: &str, expected: &Answer, got: &Answer) {
    let (expected, got) = (sorted(&expected.data), sorted(&got.data));
    let labels = |series: &[(Labels, Vec<Point>)]| {
        series
            .iter()
            .map(|(labels, _)| labels.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(labels(&expected), labels(&got), "{query}");
    for ((labels, expected), (_, got)) in expected.iter().zip(&got) {
        let times = |points: &[Point]| points.iter().map(|point| point.at_ms).collect::<Vec<_>>();
        assert_eq!(times(expected), times(got), "{query} {labels:?}");
        for (expected, got) in expected.iter().zip(got) {
            let (a, b) = (expected.value, got.value);
            let same = a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
            assert!(
                same,
                "{query} {labels:?} at {}: the real one says {a}, the emulated one {b}",
                expected.at_ms
            );
        }
    }
}

fn sorted(data: &Data) -> Vec<(Labels, Vec<Point>)> {
    let mut all: Vec<_> = match data {
        Data::Matrix(series) => series
            .iter()
            .map(|one| (one.labels.clone(), one.points.clone()))
            .collect(),
        Data::Vector(samples) => samples
            .iter()
            .map(|one| (one.labels.clone(), vec![one.point]))
            .collect(),
        Data::Scalar(point) => vec![(Labels::new(), vec![*point])],
        Data::Text(_) => Vec::new(),
    };
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[tokio::test]
async fn the_emulated_one_complains_as_the_real_one_does() {
    let story = story();
    let (_server, real) = real(&story).await;
    let emulated = Emulated::start(story, TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
    let client = client(&emulated.url());
    let range = last_hour();
    // In the very words.
    for query in [
        "sum(rate(up[5m])",
        "",
        "rate(up)",
        "sum(up[5m])",
        "nonsense(up)",
        "up[5m]",
        "1 > 2",
        "{job=~\".*\"}",
        "up{job=\"x}",
        "sum(up))",
        "up +\n  rate(up)",
    ] {
        let expected = real.query_range(query, &range).await.unwrap_err().to_string();
        let got = client.query_range(query, &range).await.unwrap_err().to_string();
        assert_eq!(expected, got, "{query}");
        if query != "up[5m]" {
            let expected = real.query(query, None).await;
            let got = client.query(query, None).await;
            assert_eq!(format!("{expected:?}"), format!("{got:?}"), "{query}");
        }
    }
    // By the same kind of error.
    for query in [
        "up{job=~\"(\"}",
        "up up",
        "up * on (service) up",
        "sum by (",
        "up{a}",
        "1 + + )",
        "sum(1)",
    ] {
        let expected = real.query_range(query, &range).await.unwrap_err();
        let got = client.query_range(query, &range).await.unwrap_err();
        assert_eq!(
            std::mem::discriminant(&expected),
            std::mem::discriminant(&got),
            "{query}: {expected} | {got}"
        );
    }
    // What only the emulator does not know, it says of itself, with the place.
    for query in [
        "topk(3, up)",
        "up[5m:1m]",
        "up @ 5",
        "a * on (x) group_left b",
        "label_replace(up, \"a\", \"b\", \"c\", \"d\")",
    ] {
        let error = client.query_range(query, &range).await.unwrap_err();
        assert!(
            matches!(
                error,
                Error::BadQuery {
                    position: Some(_),
                    ..
                }
            ),
            "{query}: {error}"
        );
    }
}

/// What a client of ours would never send, both refuse alike: status and body, to the letter.
#[tokio::test]
async fn both_refuse_wrong_parameters_alike() {
    let story = story();
    let (_server, real) = real(&story).await;
    let emulated = Emulated::start(story, TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |base: &str, path: &str| {
        let answer = http.get(format!("{base}/api/v1/{path}")).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<serde_json::Value>().await.unwrap())
    };
    for path in [
        "query_range?query=up&start=0&end=11001&step=1".into(),
        format!("query_range?query=up&start={END}&end={}&step=15", END - 1),
        format!("query_range?query=up&start={END}&end={END}&step=0"),
        format!("query_range?query=up&start={END}&end={END}&step=soon"),
        format!("query_range?query=up&start=then&end={END}&step=15"),
        "query?query=up&time=now".into(),
    ] {
        let expected = ask(real.url(), &path).await;
        assert_eq!(expected.0, 400, "{path}: {}", expected.1);
        assert_eq!(expected, ask(&emulated.url(), &path).await, "{path}");
    }
    // One point fewer is allowed, and other ways to write times and steps mean the same.
    for path in [
        "query_range?query=up&start=0&end=11000&step=1".into(),
        format!("query_range?query=orders_total&start=2025-11-15T11:59:00Z&end={END}&step=1m"),
        format!(
            "query_range?query=orders_total&start={}.5&end={END}&step=7.5",
            END - 60
        ),
        "query?query=orders_total&time=2025-11-15T12:00:00.250Z".into(),
    ] {
        let (status, expected) = ask(real.url(), &path).await;
        assert_eq!(status, 200, "{path}: {expected}");
        assert_eq!((status, expected), ask(&emulated.url(), &path).await, "{path}");
    }
}
