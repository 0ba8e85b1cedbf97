//! The chats of docs/experiments.md, said: the page is true.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use otus_experiments::{
    Kind,
    stats::{CandidateStats, ExperimentStats, SampleRecord},
    wire::Batch,
};
use scene::{Scene, batch, still};
use std::{collections::BTreeMap, fmt::Write as _};

const PAGE: &str = include_str!("../../../docs/experiments.md");

/// What the example service sends under load: a customer without orders is missing in the new query's answer.
fn shop(sequence: u64, runs: u64, mismatches: u64) -> Batch {
    let mut batch = batch(sequence, 0, 0);
    let mut stats = ExperimentStats {
        percent: 0.0,
        ..ExperimentStats::default()
    };
    if runs > 0 {
        let mut joined = CandidateStats::default();
        joined.outcomes.add(Kind::Match, runs - mismatches);
        joined.outcomes.add(Kind::Mismatch, mismatches);
        for run in 0..1_000u64 {
            stats.control.duration.record(8_200_000 + run * run * 6);
            joined.duration.record(900_000 + run * run);
            joined.ratio.record(60 + run * run / 2_000);
        }
        stats.control.runs = runs;
        stats.percent = 5.0;
        if mismatches > 0 {
            joined.places.insert("number of customers".into(), mismatches);
            stats.samples.push(SampleRecord {
                at: batch.to,
                candidate: "joined".into(),
                outcome: "mismatch".into(),
                detail: Some("number of customers".into()),
                control: Some(r#"{"customers":50,"orders":490,"without orders":1}"#.into()),
                value: Some(r#"{"customers":49,"orders":490,"without orders":0}"#.into()),
                context: BTreeMap::from([("city".into(), "city-07".into())]),
                control_ns: 9_120_000,
                candidate_ns: Some(1_210_000),
            });
        }
        stats.candidates.insert("joined".into(), joined);
    }
    batch.experiments = BTreeMap::from([("customers-query".into(), stats)]);
    batch
}

/// As a chat stands on the page.
fn told(who: &str, text: &str) -> String {
    let mut told = String::new();
    for (number, line) in still(text).lines().enumerate() {
        let name = if number == 0 { who } else { "" };
        let _ = writeln!(told, "{}", format!("{name:<6}{line}").trim_end());
    }
    told
}

/// All of them stand on the page, in this order.
fn stand(chats: &[String]) {
    let on_page: Vec<&str> = PAGE
        .split("```chat\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(
        on_page,
        chats,
        "the chats of docs/experiments.md are not so; they are\n{}",
        chats.join("----\n")
    );
}

#[tokio::test]
async fn the_chats_of_the_page_are_said() {
    let mut scene = Scene::set().await;
    scene.send(&shop(1, 0, 0)).await;
    let ask = |text: &str| told("ann", text);
    let mut chats = Vec::new();
    let mut chat = vec![ask("@otus experiments")];
    chat.push(told("otus", &scene.say("@otus experiments").await));
    chats.push(chat.concat());

    let mut chat = vec![ask("@otus experiment customers-query set 5%")];
    scene.say("@otus experiment customers-query set 5%").await;
    chat.push(told("otus", &scene.shown("✅ *customers-query*").await));
    chats.push(chat.concat());

    scene.send(&shop(2, 4_120, 206)).await;
    let mut chat = vec![ask("@otus experiment customers-query")];
    chat.push(told("otus", &scene.say("@otus experiment customers-query").await));
    scene.room.expect_file().await;
    chats.push(chat.concat());

    let mut fixed = shop(3, 41_022, 0);
    fixed.release = Some("4f2a91c".into());
    scene.send(&fixed).await;
    let said = scene.say("@otus experiment customers-query").await;
    scene.room.expect_file().await;
    let lines: Vec<&str> = said
        .lines()
        .skip_while(|line| !line.starts_with("By release"))
        .take(3)
        .collect();
    chats.push(told("otus", &lines.join("\n")));

    let mut chat = vec![ask("@otus experiment customers-query stop")];
    scene.say("@otus experiment customers-query stop").await;
    chat.push(told(
        "otus",
        &scene.shown("✅ *customers-query* is stopped").await,
    ));
    chats.push(chat.concat());
    stand(&chats);
}
