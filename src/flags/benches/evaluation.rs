//! What an evaluation costs, on one core: one flag on a context that was read before, one with reading it, and all of 200.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use otus_flags::{Context, Document, Evaluator, FlagSet};
use serde_json::{Map, Value, json};
use std::hint::black_box;

const CONTEXT: &str = r#"{"targetingKey":"user-4711","email":"ann@other.org","country":"de","plan":"pro","version":"2.3.1","age":42}"#;

/// Staff, then an ending of the address, then one in ten.
fn rule() -> Value {
    json!({"if": [
        {"in": [{"var": "email"}, ["ann@example.com", "bob@example.com"]]}, "on",
        {"ends_with": [{"var": "email"}, "@example.com"]}, "on",
        {"fractional": [["on", 10], ["off", 90]]},
    ]})
}

fn set(count: usize) -> FlagSet {
    let rules = [
        rule(),
        json!({"fractional": [{"var": "email"}, ["on", 50], ["off", 50]]}),
        json!({"if": [{"sem_ver": [{"var": "version"}, ">=", "2.0.0"]}, "on", "off"]}),
        Value::Null,
    ];
    let flags: Map<_, _> = (0..count)
        .map(|at| {
            let flag = json!({
                "state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off", "targeting": rules[at % 4],
            });
            (format!("flag-{at:03}"), flag)
        })
        .collect();
    FlagSet::compile(
        "bench",
        1,
        &Document::read(&json!({ "flags": flags })).expect("a document"),
    )
}

fn evaluation(criterion: &mut Criterion) {
    let set = set(200);
    let now = 1_760_000_000;
    let context = Context::from_json(CONTEXT).expect("a context");
    let mut evaluator = Evaluator::new();
    let mut group = criterion.benchmark_group("evaluation");
    group.throughput(Throughput::Elements(1));
    let flag = set.flag("flag-000").expect("it is there");
    group.bench_function("staff, ending, 10 %; context ready", |bencher| {
        bencher.iter(|| {
            black_box(evaluator.evaluate(&set, flag, black_box(&context), now))
                .variant()
                .is_some()
        });
    });
    group.bench_function("staff, ending, 10 %; context read", |bencher| {
        bencher.iter(|| {
            let context = Context::from_json(black_box(CONTEXT)).expect("a context");
            evaluator.evaluate(&set, flag, &context, now).variant().is_some()
        });
    });
    group.throughput(Throughput::Elements(200));
    group.bench_function("200 flags; context read", |bencher| {
        bencher.iter_batched(
            || (),
            |()| {
                let context = Context::from_json(black_box(CONTEXT)).expect("a context");
                set.flags()
                    .filter(|flag| evaluator.evaluate(&set, flag, &context, now).variant().is_some())
                    .count()
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, evaluation);
criterion_main!(benches);
