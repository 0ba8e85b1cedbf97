use super::*;
use crate::prometheus::promql::{self, Steps, Value};

fn at(s: i64) -> Timestamp {
    Timestamp::from_second(s).unwrap()
}

const START: i64 = 1_700_000_000;

fn story() -> Story {
    Story::with_past(
        7,
        &["checkout", "catalog"],
        &["production", "staging"],
        at(START),
        SignedDuration::from_hours(2),
    )
}

/// The one number an expression has at a time.
fn ask(story: &Story, at_s: i64, query: &str) -> f64 {
    let expr = promql::parse(query).unwrap();
    let steps = Steps {
        start_ms: at_s * 1_000,
        step_ms: 1,
        count: 1,
    };
    let Value::Vector(columns) = story
        .read(at(at_s), |data| promql::evaluate(&expr, data, steps))
        .unwrap()
    else {
        panic!()
    };
    assert_eq!(columns.len(), 1, "{query}");
    columns[0].values[0].unwrap()
}

const P95: &str = r#"histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{service="checkout",environment="production"}[2m])))"#;
const ERRORS: &str = r#"sum(rate(http_requests_total{service="checkout",environment="production",code=~"5.."}[2m])) / sum(rate(http_requests_total{service="checkout",environment="production"}[2m]))"#;
const ORDERS: &str = r#"sum(rate(orders_total{environment="production"}[5m]))"#;

#[test]
fn the_same_seed_tells_the_same_story_however_it_is_asked() {
    let (once, twice) = (story(), story());
    for second in (0..1_800).step_by(7) {
        twice.advance(at(START + second));
    }
    once.advance(at(START + 1_799));
    twice.advance(at(START + 1_799));
    assert_eq!(once.openmetrics(at(0)), twice.openmetrics(at(0)));
    let other = Story::with_past(
        8,
        &["checkout"],
        &["production"],
        at(START),
        SignedDuration::from_hours(2),
    );
    assert_ne!(ask(&once, START, P95), ask(&other, START, P95));
}

#[test]
fn a_slow_deploy_shows_and_a_good_one_cures_it() {
    let story = story();
    let before = ask(&story, START, P95);
    assert!((0.2..0.5).contains(&before), "{before}");
    assert!(story.deploy_at(at(START), "checkout", "production", "v2", Effect::Slow));
    let slow = ask(&story, START + 600, P95);
    assert!(slow > 4.0 * before, "{before} became {slow}");
    story.deploy_at(at(START + 600), "checkout", "production", "v3", Effect::Good);
    let cured = ask(&story, START + 1_800, P95);
    assert!(cured < 1.3 * before, "{before} became {cured}");
    let version = r#"app_info{service="checkout",environment="production",version="v3"}"#;
    assert_eq!(ask(&story, START + 1_800, version), 1.0);
}

#[test]
fn an_error_deploy_costs_orders_and_touches_nobody_else() {
    let story = story();
    let (errors, orders) = (ask(&story, START, ERRORS), ask(&story, START, ORDERS));
    story.deploy_at(at(START), "checkout", "production", "v2", Effect::Errors);
    assert!(ask(&story, START + 600, ERRORS) > 10.0 * errors);
    assert!(ask(&story, START + 600, ORDERS) < 0.9 * orders);
    let others = ERRORS.replace("checkout", "catalog");
    assert!(ask(&story, START + 600, &others) < 0.005);
}

#[test]
fn an_unknown_service_is_told() {
    assert!(!story().deploy_at(at(START), "nope", "production", "v2", Effect::Good));
    assert!(!story().deploy_at(at(START), "checkout", "nowhere", "v2", Effect::Good));
}

#[test]
fn a_long_sleep_is_not_simulated() {
    let story = story();
    story.advance(at(START + 365 * 86_400));
    let size = story
        .openmetrics(at(0))
        .lines()
        .filter(|line| line.starts_with("orders_total{environment=\"production\"}"))
        .count();
    assert!(size < 24 * 240 + 10 * 240, "{size} scrapes");
}
