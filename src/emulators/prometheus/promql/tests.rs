use super::*;
use crate::prometheus::tsdb::Tsdb;
use proptest::prelude::*;

/// Two counters and a histogram, some minutes long, with a reset, a gap and a NaN.
fn data() -> Tsdb {
    let mut data = Tsdb::default();
    for (service, slope) in [("a", 1.0), ("b", 3.0)] {
        let requests = data.series("requests_total", &[("service", service)]);
        let buckets =
            ["0.1", "1", "+Inf"].map(|le| data.series("seconds_bucket", &[("service", service), ("le", le)]));
        for scrape in (0..40i32).filter(|scrape| !(20..24).contains(scrape)) {
            let at = i64::from(scrape) * 15_000;
            let value = f64::from(scrape % 15) * slope;
            data.push(requests, at, if scrape == 30 { f64::NAN } else { value });
            for (index, bucket) in (1..).zip(buckets) {
                data.push(bucket, at, value * f64::from(index));
            }
        }
    }
    data
}

fn run(query: &str, data: &Tsdb) -> Result<Value, Error> {
    let expr = parse(query)?;
    if expr.kind() == Kind::Range {
        return Err(Error::Execution("a range".into()));
    }
    evaluate(
        &expr,
        data,
        Steps {
            start_ms: 0,
            step_ms: 15_000,
            count: 41,
        },
    )
}

#[test]
fn errors_say_where() {
    let at = |query: &str| match parse(query) {
        Err(Error::Parse { at, message }) => describe(query, at, &message),
        other => panic!("{query}: {other:?}"),
    };
    assert_eq!(
        at("sum(rate(up[5m])"),
        "1:17: parse error: unclosed left parenthesis"
    );
    assert_eq!(
        at("up +\n  nope(up)"),
        "2:3: parse error: unknown function with name \"nope\""
    );
    assert_eq!(
        at("topk(3, up)"),
        "1:1: parse error: unknown function with name \"topk\""
    );
    assert_eq!(
        at("up[9999999999y]"),
        "1:4: parse error: bad number or duration syntax: \"9999999999y\""
    );
    assert_eq!(
        at("up @ 5"),
        "1:4: parse error: the emulated Prometheus does not know the @ modifier"
    );
}

#[test]
fn brackets_without_end_are_refused() {
    for deep in ["(", "-", "abs(", "sum("] {
        assert!(
            parse(&format!(
                "{}up{}",
                deep.repeat(5_000),
                if deep == "-" { "" } else { ")" }.repeat(5_000)
            ))
            .is_err()
        );
    }
}

/// Expressions that parse, most of the time.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "requests_total",
        "requests_total{service=\"a\"}",
        "requests_total{service!~\"a|c\"} offset 1m",
        "seconds_bucket",
        "{__name__=~\".+\"}",
        "rate(requests_total[1m])",
        "irate(requests_total[2m] offset -30s)",
        "increase(seconds_bucket[1ms])",
        "max_over_time(requests_total[292y])",
        "nothing",
        "1",
        "NaN",
        "-Inf",
        "time()",
        "vector(0)",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 2, |inner| {
        let operators = vec![
            "+",
            "-",
            "*",
            "/",
            "%",
            "^",
            "==",
            "!=",
            ">",
            "<=",
            "> bool",
            "and",
            "or",
            "unless",
            "+ on (service)",
            "and ignoring (le)",
        ];
        let around = vec![
            "sum",
            "avg by (service)",
            "min without (le)",
            "count",
            "max by (le, nope)",
            "abs",
            "-",
        ];
        prop_oneof![
            (inner.clone(), prop::sample::select(operators), inner.clone())
                .prop_map(|(a, operator, b)| format!("{a} {operator} {b}")),
            (prop::sample::select(around), inner.clone())
                .prop_map(|(around, inner)| format!("{around}({inner})")),
            (-1.0f64..2.0, inner)
                .prop_map(|(quantile, inner)| format!("histogram_quantile({quantile}, {inner})")),
        ]
    })
}

proptest! {
    #[test]
    fn garbage_never_panics(query in "[a-z0-9 ><=!~(){}\\[\\]\"'`#,.+*/^@:é\\n-]{0,40}") {
        let _ = run(&query, &data());
    }

    #[test]
    fn no_expression_panics_and_columns_are_whole(query in expression()) {
        match run(&query, &data()) {
            Ok(Value::Scalar(values)) => prop_assert_eq!(values.len(), 41),
            Ok(Value::Vector(columns)) => {
                for (index, column) in columns.iter().enumerate() {
                    prop_assert_eq!(column.values.len(), 41);
                    prop_assert!(column.values.iter().any(Option::is_some), "a series without a value");
                    prop_assert!(columns[..index].iter().all(|other| other.labels != column.labels), "twice the same labels");
                }
            }
            Err(_) => {}
        }
    }
}
