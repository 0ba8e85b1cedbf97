//! Executables in a chat: the examples, and what executables that misbehave come to.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

use otus::{Registration, Room, Setup, StartError, responder::Built, room::What, services::Resources};
use otus_responder_executables as _;
use serde_json::{Value, json};
use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

fn built(section: Value) -> Result<Built, StartError> {
    let all = Registration::all();
    let registration = all
        .iter()
        .find(|registration| registration.spec.name == "executables")
        .unwrap();
    let (resources, catalog) = (Resources::default(), otus::Catalog::default());
    (registration.build)(&Setup {
        section,
        resources: &resources,
        catalog: &catalog,
    })
}

fn room(section: Value) -> Room {
    let built = built(section).unwrap_or_else(|fault| panic!("{fault}"));
    Room::builder()
        .built(built)
        .catalog("[environments.staging]\n[services.api]\n[services.web]\n")
        .role("deployer", &["ann"])
        .open()
}

/// A folder with one executable, of a shell: `run` is what it does when it is run.
fn folder(name: &str, description: &str, run: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "#!/bin/sh\nread -r asked\ncase \"$asked\" in\n*describe*) printf '%s\\n' '{description}' ;;\n*)\n{run}\n;;\nesac\n"
    );
    write(&folder.path().join(name), &script);
    folder
}

fn write(path: &Path, script: &str) {
    // Written beside and renamed: a file that is open for writing cannot be executed.
    let beside = path.with_extension("part");
    std::fs::write(&beside, script).unwrap();
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(beside, path).unwrap();
}

const PLAIN: &str =
    r#"{"type":"description","commands":[{"name":"go","pattern":"^go$","usage":"go","about":"Goes."}]}"#;

fn section(folder: &Path) -> Value {
    json!({ "folder": folder })
}

fn examples() -> Value {
    json!({ "folder": concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/executables") })
}

#[tokio::test]
async fn the_examples_answer_in_python_and_in_a_shell() {
    let mut room = room(examples());
    room.say("ann", "@otus throw 3 d20").await;
    let card = post(&mut room).await;
    assert!(
        card.contains("threw") && card.contains("d20: ") && card.contains("[Again]"),
        "{card}"
    );
    room.say("ann", "@otus throw 30").await;
    assert_eq!(
        post(&mut room).await,
        otus::markup::plain("`30` is no good as <dice>: 1 to 20 is expected.")
    );

    // Progress is one message, edited; its last is what stays.
    room.say("ann", "@otus tidy attic").await;
    room.expect_shown(|post| post.plain().contains("The attic is tidy"))
        .await;
    post(&mut room).await;

    room.say("ann", "@otus tidy cellar").await;
    let refused = post(&mut room).await;
    assert!(
        refused.contains("The cellar is locked.") && refused.contains("[tidy attic]"),
        "{refused}"
    );
    room.say("ann", "@otus tidy kitchen").await;
    assert_eq!(
        post(&mut room).await,
        otus::markup::plain("`kitchen` is no good as <room>. There are: `attic`, `cellar`.")
    );
    // Its role holds as for all others, and so does the form for what is missing.
    room.say("bob", "@otus tidy attic").await;
    let denied = post(&mut room).await;
    assert!(denied.contains("it asks for the role `deployer`"), "{denied}");
    room.say("ann", "@otus tidy").await;
    let form = post(&mut room).await;
    assert!(form.contains("room: attic | cellar"), "{form}");
}

#[tokio::test]
async fn it_hears_who_asks_for_what_and_nothing_of_otus_environment() {
    let description = r#"{"type":"description","commands":[{"name":"go","pattern":"^go (?<service>\\S+) to (?<environment>\\S+)$","usage":"go <service> to <environment>","examples":["go api to staging"],"about":"Goes.","arguments":{"service":{"type":"service"},"environment":{"type":"environment"}}}]}"#;
    let run = r#"[ -n "$CARGO_MANIFEST_DIR" ] && exit 3
text=$(printf '%s' "$asked $SAID" | sed 's/["\\]//g')
printf '{"type":"reply","text":"%s"}\n' "$text""#;
    let folder = folder("go.sh", description, run);
    let mut room = room(json!({ "folder": folder.path(), "env": { "SAID": "so" } }));
    room.say("ann", "@otus go API to staging").await;
    let told = post(&mut room).await;
    for part in [
        "service:api",
        "environment:staging",
        "command:go",
        "person:{id:ann",
        "line:go API to staging",
        "so",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    room.say("ann", "@otus go apu to staging").await;
    let near = post(&mut room).await;
    assert!(near.contains("Did you mean `api`?"), "{near}");
}

/// What it comes to when an executable does this.
async fn comes_to(run: &str, more: Value) -> String {
    let folder = folder("go.sh", PLAIN, run);
    let mut section = section(folder.path());
    section
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let mut room = room(section);
    room.say("ann", "@otus go").await;
    post(&mut room).await
}

/// The next thing that was posted; a slow machine shows before that the robot is at it.
async fn post(room: &mut Room) -> String {
    loop {
        if let What::Post(post) = room.next_said().await.what {
            return post.plain();
        }
    }
}

#[tokio::test]
async fn one_that_misbehaves_is_stopped_and_told_as_an_incident() {
    for run in [
        // It fails.
        "echo oh no >&2; exit 2",
        // It says what is no line of the protocol.
        "echo hello",
        r#"echo '{"type":"shout","text":"hello"}'"#,
        // It says too much.
        "yes '                                                                      '",
        // It takes too much memory.
        "exec awk 'BEGIN { s = \"x\"; while (1) s = s s }'",
    ] {
        let told = comes_to(run, json!({ "output_kb": 64, "memory_mb": 64 })).await;
        assert!(told.contains("incident"), "{run}: {told}");
    }
}

#[tokio::test]
async fn what_takes_too_long_ends_with_all_that_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("pid");
    let run = format!("sleep 1000 &\nprintf '%s' $! > {}\nwait", trace.display());
    let told = comes_to(&run, json!({ "deadline": "1s" })).await;
    assert!(told.contains("I stopped after 1 s"), "{told}");
    let child = std::fs::read_to_string(trace).unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while alive(&child) {
        assert!(Instant::now() < until, "{child} still runs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether a process runs; one that is dead and not yet fetched does not.
fn alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

#[test]
fn one_that_describes_itself_wrongly_stops_the_start_with_what_to_mend() {
    let with = |command: &str| format!(r#"{{"type":"description","commands":[{command}]}}"#);
    for (name, description, told) in [
        ("go.sh", "hello".to_owned(), "does not describe itself"),
        ("go.sh", String::new(), "said nothing"),
        ("Go.sh", PLAIN.to_owned(), "has no name for a responder"),
        (
            "go.sh",
            with(r#"{"name":"go","pattern":"^go(","usage":"go","about":"x"}"#),
            "regex parse error",
        ),
        (
            "go.sh",
            with(r#"{"name":"go","pattern":"go","usage":"go","about":"x"}"#),
            "^…$",
        ),
        (
            "go.sh",
            with(r#"{"name":"go","pattern":"^go$","usage":"went","about":"x"}"#),
            "does not match its usage",
        ),
        (
            "go.sh",
            with(r#"{"name":"go","pattern":"^go (?<to>.+)$","usage":"go <to>","about":"x"}"#),
            "needs an example",
        ),
        (
            "go.sh",
            with(r#"{"name":"go","pattern":"^go$","usage":"go","about":"x","deadline_seconds":600}"#),
            "allows 30 s",
        ),
        (
            "go.sh",
            with(r#"{"name":"go","pattern":"^go$","usage":"go","about":"x","efect":"reads"}"#),
            "unknown field `efect`",
        ),
    ] {
        let folder = folder(name, &description, "exit 0");
        let fault = match built(section(folder.path())) {
            Ok(_) => panic!("{description} is taken"),
            Err(fault) => fault.to_string(),
        };
        assert!(fault.contains(told), "{description}: {fault}");
    }
    let folder = tempfile::tempdir().unwrap().path().join("nowhere");
    let nowhere = built(json!({ "folder": folder }));
    assert!(
        nowhere
            .err()
            .unwrap()
            .to_string()
            .contains("nowhere cannot be read")
    );
}
