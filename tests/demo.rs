//! The demo from outside, as a script would use it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{Program, Start, run};

/// The lines of the transcript, without the banner, time, pod names and seconds.
fn transcript(printed: &str) -> Vec<String> {
    let said = printed
        .lines()
        .skip_while(|line| !line.contains("@otus ") || line.starts_with("You are"));
    said.map(|line| line.chars().skip(9).collect::<String>().trim().to_owned())
        .collect()
}

#[test]
fn it_deploys_tells_draws_and_corrects() {
    let args = [
        "demo",
        "--dir",
        "kept",
        "--say",
        "deploy api to staging",
        "--say",
        "status",
        "--say",
        "status api",
        "--say",
        "graph latency 1h for api",
        "--say",
        "deplyo web to staging",
        "--say",
        // The first two were on the deploy's card while it ran, five are on the graph's.
        "!8",
    ];
    let mut program = Program::start(&args, &Start::default());
    let code = program.ended().code();
    let printed = program.printed();
    assert_eq!(code, Some(0), "{printed}\n{}", program.logged());
    let lines = transcript(&printed);
    let at = |wanted: &str| {
        lines
            .iter()
            .position(|line| line.contains(wanted))
            .unwrap_or_else(|| panic!("no {wanted:?} in\n{printed}"))
    };
    let order = [
        at("ann   @otus deploy api to staging"),
        at("Deploying api `1.9.0` to staging"),
        at("0 of 3 pods"),
        at("api `1.9.0` is live in staging"),
        at("ann   @otus status"),
        // Every service and environment, and nobody is kept from looking.
        at("checkout"),
        at("ann   @otus status api"),
        at("[picture] Latency (p95)"),
        at("peak"),
        at("Did you mean `deploy web to staging`?"),
        at("web `4.2.0` is live in staging"),
    ];
    assert!(order.is_sorted(), "{order:?}\n{printed}");
    let pictures: Vec<_> = std::fs::read_dir(program.folder().join("kept"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
        .collect();
    assert_eq!(pictures.len(), 1);
    assert!(std::fs::read(&pictures[0]).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn failures_are_explained() {
    let args = [
        "demo",
        "--dir",
        "kept",
        "--say",
        "deploy api@crash to staging",
        "--say",
        "deploy web@missing to staging",
    ];
    let (code, printed, logged) = run(&args, &Start::default());
    assert_eq!(code, Some(0), "{printed}\n{logged}");
    for wanted in [
        "api `crash` failed in staging",
        "exit code 1",
        "panic: connection to the database refused",
        "web `missing` failed",
    ] {
        assert!(printed.contains(wanted), "no {wanted:?} in\n{printed}");
    }
}

#[test]
fn what_is_piped_in_is_answered_before_it_ends() {
    let start = Start {
        typed: "ping\n",
        ..Start::default()
    };
    let (code, printed, logged) = run(&["demo", "--dir", "kept"], &start);
    assert_eq!(code, Some(0), "{printed}\n{logged}");
    assert!(printed.contains("otus  pong"), "{printed}");
    assert!(printed.contains("Try:"), "{printed}");
}

#[test]
fn flags_are_there_and_turned() {
    let args = [
        "demo",
        "--dir",
        "kept",
        "--say",
        "flags",
        "--say",
        "flag new-search on for 25%",
        "--say",
        "flags diff staging production",
        "--say",
        "flags stale",
        "--say",
        "flag new-search on in production",
    ];
    let (code, printed, logged) = run(&args, &Start::default());
    assert_eq!(code, Some(0), "{printed}\n{logged}");
    for wanted in [
        "3 flags",
        "`new-search` staging: off (staff on) · production: off (staff on)",
        "new-search is on for 25 % in staging",
        "everybody else: 25 % on, 75 % off",
        "fast-checkout",
        "1 flag can go",
        "more than 25 points",
    ] {
        assert!(printed.contains(wanted), "no {wanted:?} in\n{printed}");
    }
}
