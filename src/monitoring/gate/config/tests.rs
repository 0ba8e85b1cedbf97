use super::*;
use serde_json::{Value, json};

fn read(more: Value) -> Result<GateConfig, String> {
    let mut written = json!({ "name": "errors", "query": "up{service=\"{{service}}\"}" });
    for (key, value) in more.as_object().unwrap() {
        written[key] = value.clone();
    }
    serde_json::from_value(written).map_err(|error| error.to_string())
}

#[test]
fn three_ways_to_write_a_bound() {
    for (written, bound) in [
        (json!({ "below": 0.01 }), "< 0.01"),
        (json!({ "above": 100 }), "> 100"),
        (json!({ "bound": "<= 0.01" }), "<= 0.01"),
    ] {
        assert_eq!(read(written).unwrap().bound.to_string(), bound);
    }
    for written in [
        json!({}),
        json!({ "below": 1, "above": 0 }),
        json!({ "below": 1, "bound": "< 1" }),
    ] {
        assert!(read(written).unwrap_err().contains("needs exactly one of"));
    }
}

#[test]
fn the_defaults() {
    let config = read(json!({ "below": 1 })).unwrap();
    let expected = GateConfig::new("errors", "up{service=\"{{service}}\"}", "< 1".parse().unwrap());
    assert_eq!(config, expected);
    assert_eq!(
        (config.on_no_data, config.count, config.failures),
        (OnNoData::Ask, 5, 0)
    );
}

#[test]
fn what_cannot_work_is_refused_with_its_key() {
    for (written, word) in [
        (json!({ "name": " " }), "a name"),
        (json!({ "query": "" }), "query is empty"),
        (json!({ "query": "up{a=\"{{servcie}}\"}" }), "{{servcie}}"),
        (json!({ "interval": "100ms" }), "interval"),
        (json!({ "interval": "soon" }), "not a duration"),
        (json!({ "count": 0 }), "count"),
        (json!({ "count": 2, "failures": 2 }), "failures"),
        (json!({ "on_no_data": "ignore" }), "unknown variant"),
        (json!({ "intervall": "1s" }), "unknown field `intervall`"),
        (json!({ "baseline": { "factor": 0.5 } }), "baseline.factor"),
        (
            json!({ "baseline": { "factor": 2, "slack": -1 } }),
            "baseline.slack",
        ),
        (json!({ "baseline": { "factor": 2, "slak": 1 } }), "unknown field"),
    ] {
        let mut all = json!({ "below": 1 });
        all.as_object_mut()
            .unwrap()
            .extend(written.as_object().unwrap().clone());
        let error = read(all).unwrap_err();
        assert!(error.contains(word), "{written}: {error}");
    }
    assert!(read(json!({ "above": 1, "baseline": { "factor": 1.5 } })).is_err());
    assert!(
        read(json!({ "bound": "about 1" }))
            .unwrap_err()
            .contains("not a bound")
    );
}

#[test]
fn before_the_deploy_makes_it_stricter_and_never_laxer() {
    let upper = read(json!({ "below": 10, "baseline": { "factor": 2, "slack": 1 } })).unwrap();
    let limit = |config: &GateConfig, before| config.bound_after(before).limit();
    assert_eq!(limit(&upper, None), 10.0);
    assert_eq!(limit(&upper, Some(3.0)), 7.0);
    assert_eq!(limit(&upper, Some(0.0)), 1.0);
    assert_eq!(limit(&upper, Some(8.0)), 10.0);
    assert_eq!(limit(&upper, Some(-4.0)), 1.0);
    let lower = read(json!({ "above": 100, "baseline": { "factor": 0.5 } })).unwrap();
    assert_eq!(limit(&lower, Some(300.0)), 150.0);
    assert_eq!(limit(&lower, Some(120.0)), 100.0);
    assert_eq!(limit(&read(json!({ "below": 10 })).unwrap(), Some(1.0)), 10.0);
}

#[test]
fn what_is_written_reads_back() {
    let config = read(json!({
        "below": 1, "interval": "1m30s", "count": 7, "failures": 2, "on_no_data": "wait", "patience": "1h",
        "errors": 9, "initial_delay": "0s", "reduce": "max", "baseline": { "factor": 1.5, "slack": 0.1 },
    }))
    .unwrap();
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(
        serde_json::from_str::<GateConfig>(&text).unwrap(),
        config,
        "{text}"
    );
}
