//! A set gets what is in its file.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use insta::assert_snapshot;
use scene::{Scene, Shelf, Stage};
use serde_json::{Value, json};
use std::sync::Arc;

fn switch(on: bool) -> Value {
    json!({"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": if on { "on" } else { "off" }})
}

async fn scene(stage: Stage) -> (Scene, Arc<Shelf>) {
    let files: Arc<Shelf> = Arc::default();
    let stage = Stage {
        files: Arc::clone(&files),
        ..stage
    };
    (stage.open().await, files)
}

#[tokio::test]
async fn what_is_in_the_file_comes_and_the_rest_stays() {
    let (mut scene, files) = scene(Stage::default()).await;
    for flag in ["nav", "banner", "gone"] {
        scene.say(&format!("flag create {flag} in production")).await;
    }
    scene.say("flag archive gone in production").await;
    scene.say("flag banner on in production").await;
    files.put(
        "production",
        json!({
            "flags": {
                "nav": {
                    "state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
                    "targeting": {"if": [{"$ref": "pilots"}, "on", "off"]},
                },
                "search": switch(true),
                "gone": switch(true),
            },
            "$evaluators": {"pilots": {"in": [{"var": "targetingKey"}, ["ann", "joe"]]}},
        }),
    );
    assert_snapshot!(scene.say("flags import production --plan").await, @"
    Give *production* the flags of `production.json of acme/flags at 1a2b3c4`
    nav: off → off (pilots on)
    search: not there → on
    the shared rule pilots: as it is in the file (new)
    1 flag of this environment is not in the file, and stays as it is.
    Archived here, and stays so: `gone`.
    Nothing has changed yet. It may be applied.
    It can be applied until <moment>. Plan <hash>.
    [Apply] [Cancel]
    asked by @ann
    ");
    assert_eq!(scene.definition("production", "search"), None);
    assert_snapshot!(scene.say("flags import production because the file was reviewed").await, @"
    ✅ *production* has the flags of its file
    • new: `search`
    • changed: `nav`
    It is revision 6, from `production.json of acme/flags at 1a2b3c4`.
    [Show them]
    asked by @ann · <time>
    ");
    let gets = |flag, who| scene.gets("production", flag, json!({"targetingKey": who}));
    assert_eq!(
        (gets("nav", "joe"), gets("nav", "eve")),
        ("on".into(), "off".into())
    );
    assert_eq!(
        (gets("search", "eve"), gets("banner", "eve")),
        ("on".into(), "on".into())
    );
    assert_eq!(scene.definition("production", "gone"), None);
    assert_snapshot!(scene.say("flags import production").await, @"
    ✅ Give *production* the flags of `production.json of acme/flags at 1a2b3c4`
    There is nothing to do: it is like that already.
    1 flag of this environment is not in the file, and stays as it is.
    Archived here, and stays so: `gone`.
    asked by @ann
    ");
    // Each of them knows where it is from, and can be made what it was.
    assert_snapshot!(scene.say("flag history nav in production").await, @"
    2 changes of *nav*
    • <time> ago, Ann: pilots: off → on – because the file was reviewed
    • <time> ago, Ann: made it
    [Undo the last]
    ");
    scene.say("flag undo nav in production").await;
    assert_eq!(
        scene.gets("production", "nav", json!({"targetingKey": "joe"})),
        "off"
    );
}

#[tokio::test]
async fn a_file_that_makes_no_sense_changes_nothing() {
    let (mut scene, files) = scene(Stage::default()).await;
    assert_snapshot!(scene.say("flags import production").await, @r#"The configuration names no file for the flags of *production*: write `seed_file = "…"` or `seed_repository = "owner/name"` below `[flags.sets.production]`."#);
    files.put("staging", json!({"flags": {}}));
    assert_snapshot!(scene.say("flags import production").await, @r#"
    The configuration names no file for the flags of *production*: write `seed_file = "…"` or `seed_repository = "owner/name"` below `[flags.sets.production]`. There is one for `staging`.
    [flags import staging]
    "#);
    files.0.lock().unwrap().insert(
        "production".into(),
        Err("flags.json of acme/flags: there is no such file".into()),
    );
    assert_snapshot!(scene.say("flags import production").await, @"The file with the flags of *production* cannot be taken, so nothing was changed: flags.json of acme/flags: there is no such file");
    files.put(
        "production",
        json!({"flags": {"nav": {
            "state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on", "targeting": {"$ref": "nobody"},
        }}}),
    );
    assert_snapshot!(scene.say("flags import production").await, @"The flags of *production* cannot become what is in the file: `flags.nav.targeting.$ref`: there is no evaluator `nobody`.");
    scene.say("flag create nav in production").await;
    files.put(
        "production",
        json!({"flags": {"nav": switch(true)}, "metadata": {"bucketing": "v3"}}),
    );
    assert_snapshot!(scene.say("flags import production").await, @"The flags of *production* cannot become what is in the file: the set buckets percentages by v2, and this would change it to v3: about one person in six would get something else. Say so, if that is wanted.");
    assert_eq!(scene.gets("production", "nav", json!({})), "off");
}

#[tokio::test]
async fn a_jump_needs_somebody_else_and_what_moved_meanwhile_is_not_written_over() {
    let stage = Stage::default().with("approvers", json!("sre"));
    let (mut scene, files) = scene(stage).await;
    scene.say("flag create nav in production").await;
    files.put("production", json!({"flags": {"nav": switch(true)}}));
    assert_snapshot!(scene.say("flags import production").await, @"
    ⚠️ Give *production* the flags of `production.json of acme/flags at 1a2b3c4`
    nav: off → on
    `nav`: the share of those who get something new grows by 100 points within 15 min
    It needs 1 approval of `sre`: more than 25 points within 15 min are approved.
    It waits until <moment>. Plan <hash>.
    [Approve] [Deny] [Cancel]
    asked by @ann
    ");
    // Another flag of the set does not matter; the one that is to change does.
    scene.say("flag create other in production").await;
    scene.say("flag nav on for staff in production").await;
    scene.room.press("bob", "Approve").await;
    let void = scene.shown("The world moved since").await;
    assert!(!void.contains('✅'), "{void}");
    assert_eq!(scene.gets("production", "nav", json!({})), "off");
    scene.say("flags import production").await;
    scene.say("flag create third in production").await;
    scene.room.press("bob", "Approve").await;
    scene.shown("has the flags of its file").await;
    assert_eq!(scene.gets("production", "nav", json!({})), "on");
    assert!(scene.definition("production", "third").is_some());
}
