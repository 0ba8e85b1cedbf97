//! What a stand-in answers, and what the client makes of it: every way a Prometheus, or something in its place, can
//! disappoint.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly in its helpers too")]

use axum::{
    Router,
    extract::{Form, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use otus_monitoring::{Error, Point, Position, Prometheus, PrometheusConfig, step};
use secrecy::SecretString;
use std::{collections::HashMap, io::Write as _, sync::Arc, time::Duration};
use tokio::net::TcpListener;

/// Serves the routes on a free port for as long as the test runs.
async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

/// Everything answers the same.
async fn always(status: u16, kind: &'static str, body: impl Into<String>) -> Prometheus {
    let body = Arc::<str>::from(body.into());
    let answer = move || {
        let body = body.to_string();
        async move {
            (
                StatusCode::from_u16(status).unwrap(),
                [(header::CONTENT_TYPE, kind)],
                body,
            )
        }
    };
    client(serve(Router::new().fallback(any(answer))).await)
}

fn config(url: String) -> PrometheusConfig {
    PrometheusConfig {
        url: Some(url),
        timeout: Duration::from_secs(10),
        ..PrometheusConfig::default()
    }
}

fn client(url: String) -> Prometheus {
    Prometheus::new(&config(url)).unwrap()
}

fn range() -> step::Range {
    let at = |s| jiff::Timestamp::from_second(s).unwrap();
    step::Rules::default()
        .plan(at(1_700_000_000), at(1_700_003_600))
        .unwrap()
}

const EMPTY: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
const JSON: &str = "application/json";

#[tokio::test]
async fn a_parse_error_has_its_place() {
    let body = r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis"}"#;
    let error = always(400, JSON, body)
        .await
        .query_range("sum(", &range())
        .await
        .unwrap_err();
    let Error::BadQuery { message, position } = error else {
        panic!("{error:?}")
    };
    assert_eq!(position, Some(Position { line: 1, column: 5 }));
    assert_eq!(
        message,
        r#"invalid parameter "query": 1:5: parse error: unclosed left parenthesis"#
    );
}

#[tokio::test]
async fn the_other_errors_are_told_apart() {
    let error = |status, kind, text| async move {
        let body = format!(r#"{{"status":"error","errorType":"{kind}","error":"{text}"}}"#);
        always(status, JSON, body)
            .await
            .query("x", None)
            .await
            .unwrap_err()
    };
    let too_many = "exceeded maximum resolution of 11,000 points per timeseries.";
    assert!(matches!(
        error(400, "bad_data", too_many).await,
        Error::TooManyPoints { .. }
    ));
    assert!(matches!(
        error(422, "execution", "many-to-many").await,
        Error::Execution { .. }
    ));
    assert!(matches!(
        error(503, "timeout", "query timed out").await,
        Error::Timeout { .. }
    ));
    assert!(matches!(
        error(500, "internal", "?").await,
        Error::Other { status: 500, .. }
    ));
}

#[tokio::test]
async fn a_login_page_is_not_prometheus() {
    let page = "<!DOCTYPE html>\n<html><title>Sign in</title>";
    let error = always(200, "text/html", page)
        .await
        .query("up", None)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotPrometheus { .. }));
    assert!(
        error
            .to_string()
            .contains("text/html, beginning `<!DOCTYPE html> <html><title>Sign in</title>`"),
        "{error}"
    );
    let error = always(404, "text/plain", "404 page not found")
        .await
        .query("up", None)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("HTTP 404, text/plain"), "{error}");
    let error = always(200, JSON, r#"{"hello":1}"#)
        .await
        .query("up", None)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("JSON it does not know"), "{error}");
    let error = always(200, JSON, r#"{"status":"success"}"#)
        .await
        .query("up", None)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotPrometheus { .. }));
    let error = always(502, "text/html", "<h1>Bad gateway</h1>")
        .await
        .query("up", None)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_redirect_is_told_without_its_ticket() {
    let to_login = || async {
        (
            StatusCode::FOUND,
            [(header::LOCATION, "https://login.example.com/?ticket=abc")],
        )
    };
    let prometheus = client(serve(Router::new().fallback(any(to_login))).await);
    let error = prometheus.query("up", None).await.unwrap_err().to_string();
    assert!(
        error.contains("it redirects to https://login.example.com/") && !error.contains("ticket"),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(url.clone()).query("up", None).await.unwrap_err();
    let Error::Unreachable { url: said, why } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(said, &url);
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let never = || async { std::future::pending::<StatusCode>().await };
    let url = serve(Router::new().fallback(any(never))).await;
    let config = PrometheusConfig {
        timeout: Duration::from_millis(100),
        ..config(url)
    };
    let error = Prometheus::new(&config)
        .unwrap()
        .query("up", None)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the query took too long: no answer within 100ms"
    );
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let body = format!(r#"{{"status":"success","data":"{}"}}"#, "x".repeat(100_000));
    let answer = move || async move { ([(header::CONTENT_TYPE, JSON)], body) };
    let url = serve(Router::new().fallback(any(answer))).await;
    let config = PrometheusConfig {
        max_bytes: 10_000,
        ..config(url)
    };
    let error = Prometheus::new(&config)
        .unwrap()
        .query("up", None)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::TooLarge { limit_bytes: 10_000 }),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_query_travels_as_a_form() {
    async fn echo(Form(form): Form<HashMap<String, String>>) -> Response {
        let points: Vec<_> = ["start", "end", "step"]
            .iter()
            .map(|key| format!(r#"[{}, "1"]"#, form[*key]))
            .collect();
        let body = format!(
            r#"{{"status":"success","warnings":["partial"],"data":{{"resultType":"matrix","result":[{{"metric":{{"q":{:?},"t":{:?}}},"values":[{}]}}]}}}}"#,
            form["query"],
            form["timeout"],
            points.join(",")
        );
        ([(header::CONTENT_TYPE, JSON)], body).into_response()
    }
    let url = serve(Router::new().route("/prefix/api/v1/query_range", post(echo))).await;
    let prometheus = client(format!("{url}/prefix/"));
    let query = format!("sum(x{{path=~\"a&b=c+d%\"}}) + {}", "1 + ".repeat(5_000));
    let answer = prometheus.query_range(&query, &range()).await.unwrap();
    let series = &answer.data.series()[0];
    assert_eq!(series.labels["q"], query);
    assert_eq!(series.labels["t"], "10s");
    let times: Vec<i64> = series.points.iter().map(|Point { at_ms, .. }| *at_ms).collect();
    assert_eq!(times, [1_699_999_995_000, 1_700_003_595_000, 15_000]);
    assert_eq!(answer.warnings, ["partial"]);
}

#[tokio::test]
async fn credentials_arrive_and_files_are_read_anew() {
    async fn check(State(expected): State<&'static str>, headers: HeaderMap) -> Response {
        let got = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or("")
                .to_owned()
        };
        let got = format!("{} {}", got("authorization"), got("x-scope-orgid"));
        if expected == got {
            ([(header::CONTENT_TYPE, JSON)], EMPTY).into_response()
        } else {
            StatusCode::UNAUTHORIZED.into_response()
        }
    }
    let expecting = |expected| serve(Router::new().fallback(any(check)).with_state(expected));

    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "old-token").unwrap();
    let url = expecting("Bearer new-token ").await;
    let bearer = PrometheusConfig {
        bearer_token_file: Some(file.path().to_owned()),
        ..config(url)
    };
    let prometheus = Prometheus::new(&bearer).unwrap();
    let error = prometheus.query("up", None).await.unwrap_err();
    assert!(matches!(error, Error::Auth { status: 401, .. }));
    std::fs::write(file.path(), "new-token\n").unwrap();
    prometheus.query("up", None).await.unwrap();

    let url = expecting("Basic YW5uOnMzY3JldA== team-a").await;
    let mut basic = config(url.clone());
    basic.username = Some("ann".into());
    basic.password = Some(SecretString::from("s3cret"));
    basic
        .headers
        .insert("X-Scope-OrgID".into(), SecretString::from("team-a"));
    Prometheus::new(&basic).unwrap().query("up", None).await.unwrap();
    assert!(
        !format!("{basic:?}").contains("s3cret"),
        "a secret in a debug text"
    );

    let mut in_url = config(url.replace("http://", "http://ann:s3cret@"));
    in_url.headers = basic.headers.clone();
    let prometheus = Prometheus::new(&in_url).unwrap();
    prometheus.query("up", None).await.unwrap();
    assert_eq!(prometheus.url(), url);
    assert!(!format!("{prometheus:?}").contains("s3cret"));
}

#[tokio::test]
async fn an_error_never_has_the_password() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let prometheus = client(format!("http://ann:s3cret@{address}"));
    let error = prometheus.query("up", None).await.unwrap_err();
    assert!(!format!("{error:?} {error}").contains("s3cret"));
    for url in [
        "ann:s3cret@host",
        "http://ann:s3cret@/",
        "http://ann:s3cret@host/?x=1",
        "http://ann:s3cret@ho st",
    ] {
        let error = Prometheus::new(&config(url.into())).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn ready_build_and_metadata() {
    let routes = Router::new()
        .route("/-/ready", get(|| async { "Prometheus Server is Ready.\n" }))
        .route(
            "/api/v1/status/buildinfo",
            get(|| async {
                (
                    [(header::CONTENT_TYPE, JSON)],
                    r#"{"status":"success","data":{"version":"3.9.1","goVersion":"go1"}}"#,
                )
            }),
        )
        .route(
            "/api/v1/metadata",
            get(|| async {
                (
                    [(header::CONTENT_TYPE, JSON)],
                    r#"{"status":"success","data":{"x":[{"type":"counter","help":"h","unit":""}]}}"#,
                )
            }),
        );
    let prometheus = client(serve(routes).await);
    prometheus.ready().await.unwrap();
    assert_eq!(prometheus.build().await.unwrap().version, "3.9.1");
    assert_eq!(prometheus.metadata("x").await.unwrap()[0].kind, "counter");
    assert_eq!(prometheus.metadata("y").await.unwrap(), []);
    let error = always(503, "text/plain", "Service Unavailable")
        .await
        .ready()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("not ready yet"), "{error}");
}

#[test]
fn a_config_that_cannot_work_is_refused() {
    let wrong = |change: fn(&mut PrometheusConfig)| {
        let mut config = config("http://127.0.0.1:9".into());
        change(&mut config);
        Prometheus::new(&config).unwrap_err().to_string()
    };
    assert_eq!(wrong(|c| c.url = None), "prometheus.url is not set");
    assert!(wrong(|c| c.url = Some("ftp://x".into())).contains("http:// or https://"));
    assert!(wrong(|c| c.password = Some("x".into())).contains("username is not"));
    assert!(
        wrong(|c| {
            c.bearer_token = Some("x".into());
            c.bearer_token_file = Some("/x".into());
        })
        .contains("both set")
    );
    assert!(
        wrong(|c| {
            c.bearer_token = Some("x".into());
            c.username = Some("ann".into());
        })
        .contains("keep one kind")
    );
    assert!(wrong(|c| c.ca_file = Some("/does/not/exist.pem".into())).contains("prometheus.ca_file"));
    assert!(wrong(|c| drop(c.headers.insert("a b".into(), "x".into()))).contains("headers.a b"));
}

#[test]
fn the_config_reads_durations_and_refuses_unknown_keys() {
    let read = |json: &str| serde_json::from_str::<PrometheusConfig>(json);
    let config = read(r#"{"url":"http://x","timeout":"1m30s","scrape_interval":"30s"}"#).unwrap();
    assert_eq!(
        (config.timeout.as_secs(), config.scrape_interval.as_secs()),
        (90, 30)
    );
    assert!(
        read(r#"{"ulr":"http://x"}"#)
            .unwrap_err()
            .to_string()
            .contains("unknown field `ulr`")
    );
    assert!(
        read(r#"{"timeout":"soon"}"#)
            .unwrap_err()
            .to_string()
            .contains("is not a duration")
    );
}
