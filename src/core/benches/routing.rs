//! What routing one message costs, among 10 and among 200 patterns, against trying every pattern in turn as most
//! bots do. Budget: at most 5 µs among 200, and at most 1.3 times the cost among 10.
//!
//! Prints medians over batches; also what the patterns cost in memory, from `/proc/self/status` where there is one.

use otus_core::{CommandSpec, Effect, Handler, Kind, router::Router};
use regex::Regex;
use std::{hint::black_box, sync::Arc, time::Instant};

const VERBS: [&str; 20] = [
    "deploy", "status", "releases", "flag", "migrate", "graph", "alerts", "silence", "lock", "unlock",
    "audit", "who", "approve", "compare", "logs", "events", "scale", "restart", "promote", "notes",
];

/// Handlers with patterns like real ones: a verb, a service, options, free text.
fn handlers(count: usize) -> Vec<Handler> {
    (0..count)
        .map(|at| {
            let verb = format!(
                "{}{}",
                VERBS[at % VERBS.len()],
                if at < VERBS.len() {
                    String::new()
                } else {
                    format!("-{}", at / VERBS.len())
                }
            );
            let word = "[0-9A-Za-z_.-]+";
            let pattern: &'static str = match at % 4 {
                0 => format!("^{verb}$"),
                1 => format!(
                    "^{verb} (?<service>{word})(?:@(?<version>{word}))?(?: to (?<environment>{word}))?$"
                ),
                2 => format!(
                    "^{verb} (?<name>{word})(?: (?<span>[0-9]+(?:s|m|h|d|w)))?(?: for (?<service>{word}))?$"
                ),
                _ => format!("^{verb} (?<text>.+)$"),
            }
            .leak();
            let groups: &'static [&'static str] = match at % 4 {
                0 => &[],
                1 => &["service", "version", "environment"],
                2 => &["name", "span", "service"],
                _ => &["text"],
            };
            let spec: &'static CommandSpec = Box::leak(Box::new(CommandSpec {
                responder: "bench",
                name: verb.leak(),
                kind: Kind::Respond,
                pattern,
                literals: u32::try_from(pattern.find(['$', ' ']).unwrap_or_default()).unwrap_or_default(),
                groups,
                parameters: &[],
                usage: None,
                examples: &[],
                about: "",
                role: None,
                effect: Effect::Reads,
                deadline: None,
            }));
            Handler {
                spec,
                run: Arc::new(|_, _| Box::pin(async { Ok(()) })),
            }
        })
        .collect()
}

const LINES: [&str; 6] = [
    "status",
    "deploy api@1.42.0 to production",
    "graph p95-latency 3h for checkout",
    "deplyo api to staging",
    "good morning everybody, who has seen the new coffee machine on the third floor?",
    "flag new-checkout on for 10% in production — “quoted” naïve",
];

/// Nanoseconds for one line, as the median over batches.
fn measure(mut route: impl FnMut(&str)) -> f64 {
    for line in LINES.iter().cycle().take(2_000) {
        route(line);
    }
    let mut batches: Vec<f64> = (0..61)
        .map(|_| {
            let began = Instant::now();
            for line in LINES.iter().cycle().take(600) {
                route(black_box(line));
            }
            began.elapsed().as_nanos() as f64 / 600.0
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    batches[batches.len() / 2]
}

fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn main() {
    let before = resident();
    let two_hundred = Router::new(handlers(200)).expect("the bench's patterns do not overlap");
    let few = Router::new(handlers(10)).expect("the bench's patterns do not overlap");
    let among_few = measure(|line| {
        black_box(few.addressed(line));
    });
    let among_many = measure(|line| {
        black_box(two_hundred.addressed(line));
    });
    if let (Some(before), Some(after)) = (before, resident()) {
        println!(
            "resident after building and using both routers: + {:.1} MB",
            (after.saturating_sub(before)) as f64 / 1024.0
        );
    }
    let one_by_one: Vec<Regex> = handlers(200)
        .iter()
        .map(|handler| {
            Regex::new(&format!("(?i:{})", handler.spec.pattern)).expect("a pattern of the bench's own")
        })
        .collect();
    let in_turn = measure(|line| {
        black_box(
            one_by_one
                .iter()
                .filter(|regex| regex.captures(black_box(line)).is_some())
                .count(),
        );
    });
    println!("one line among  10 patterns: {among_few:>8.0} ns");
    println!("one line among 200 patterns: {among_many:>8.0} ns   (budget 5,000 ns)");
    println!(
        "200 / 10:                    {:>8.2} ×    (budget 1.3)",
        among_many / among_few
    );
    println!(
        "200 patterns in turn:        {in_turn:>8.0} ns   ({:.1} × the one pass)",
        in_turn / among_many
    );
}
