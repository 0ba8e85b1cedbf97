//! `otus dev`: what somebody changes is built, and answers in the same conversation.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;
mod support;

use bench::Bench;
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

/// A crate whose program is Otus with a word of its own: what `greet` means is in its code.
fn robot(folder: &Path, says: &str) {
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = "[package]\nname = \"owlet\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
    if !folder.join("Cargo.toml").exists() {
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    }
    let otus = env!("CARGO_BIN_EXE_otus");
    let main = format!(
        r#"use std::os::unix::process::CommandExt as _;
fn main() {{
    std::fs::write("robot.log", std::process::id().to_string()).unwrap();
    let greet: &str = {says};
    let why = std::process::Command::new({otus:?}).args(std::env::args_os().skip(1)).env("OTUS__ROBOT__COMMANDS__GREET", greet).exec();
    panic!("{{why}}");
}}
"#
    );
    // As editors do it: beside, and then over.
    fs::write(folder.join("src/main.rs.tmp"), main).unwrap();
    fs::rename(folder.join("src/main.rs.tmp"), folder.join("src/main.rs")).unwrap();
}

/// The process that runs as the robot.
fn id(folder: &Path) -> String {
    fs::read_to_string(folder.join("robot.log")).unwrap()
}

fn runs(id: &str) -> bool {
    Path::new("/proc").join(id).exists()
}

#[tokio::test]
async fn a_crate_is_built_again_and_the_conversation_stays() {
    let folder = tempfile::tempdir().unwrap();
    let crate_of = folder.path();
    robot(crate_of, "\"echo hoo\"");
    // Whatever the shell has for production is not for the workbench.
    let target = crate_of.join("target");
    let env = [
        ("OTUS__SLACK__BOT_TOKEN", "xoxb-of-production"),
        ("KUBECONFIG", "/nowhere"),
        ("CARGO_TARGET_DIR", target.to_str().unwrap()),
    ];
    let mut bench = Bench::start(&[crate_of.to_str().unwrap()], &env).await;
    bench.stage("up").await;
    bench.say("@otus greet").await;
    bench.heard("hoo").await;
    let first = id(crate_of);

    // Another word, and both are in the conversation.
    robot(crate_of, "\"echo hoohoo\"");
    bench.told("Changed: src/main.rs.").await;
    bench.came(2).await;
    bench.say("@otus greet").await;
    bench.heard("hoohoo").await;
    bench.heard("hoo").await;
    let second = id(crate_of);
    assert_ne!(first, second);
    assert!(!runs(&first), "the one from before has ended");

    // What does not compile is shown as the compiler says it, and the one from before answers.
    robot(crate_of, "7");
    let shown = bench.stage("refused").await;
    let output = shown["output"].as_str().unwrap();
    assert!(
        output.contains("error[E0308]: mismatched types") && output.contains("src/main.rs:4"),
        "{output}"
    );
    assert!(
        shown["told"].as_str().unwrap().contains("goes on answering"),
        "{shown}"
    );
    bench.opened();
    bench.say("@otus echo still here").await;
    bench.heard("still here").await;
    assert_eq!(id(crate_of), second);

    // One that ends by itself is told, with what it said, and the next change starts another.
    robot(crate_of, "panic!(\"the branch broke\")");
    let shown = bench.stage("down").await;
    assert!(
        shown["told"].as_str().unwrap().contains("exit status: 101"),
        "{shown}"
    );
    let log = shown["log"].to_string();
    assert!(log.contains("the branch broke"), "{log}");
    bench.say("@otus echo is anybody there").await;
    robot(crate_of, "\"echo back\"");
    bench.stage("up").await;
    // What was said meanwhile is answered, too.
    bench.heard("is anybody there").await;
    bench.say("@otus greet").await;
    bench.heard("back").await;

    // Settings of one's own count at once, in the robot that runs.
    let last = id(crate_of);
    fs::create_dir_all(crate_of.join("config")).unwrap();
    fs::write(
        crate_of.join("config/dev.toml"),
        "[robot.commands]\nknock = \"echo who is there\"\n",
    )
    .unwrap();
    bench.told("The program is the same as before").await;
    bench.answered("@otus knock", "who is there").await;
    assert_eq!(id(crate_of), last);

    assert!(bench.end().success());
    assert!(!runs(&last), "what it started has ended");
}

#[tokio::test]
async fn executables_are_worked_on_without_another_start() {
    let folder = tempfile::tempdir().unwrap();
    let greeter = |words: &str| {
        let script = format!(
            "#!/bin/sh\nread -r asked\ncase \"$asked\" in\n*describe*) echo '{{\"type\":\"description\",\"commands\":[{{\"name\":\"greet\",\
             \"pattern\":\"^greet$\",\"usage\":\"greet\",\"about\":\"Greets.\"}}]}}';;\n*) echo '{{\"type\":\"reply\",\"text\":\"{words}\"}}';;\nesac\n"
        );
        let beside = folder.path().join("greeter.sh.tmp");
        fs::write(&beside, script).unwrap();
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(beside, folder.path().join("greeter.sh")).unwrap();
    };
    greeter("good morning");
    let mut bench = Bench::start(&[folder.path().to_str().unwrap()], &[]).await;
    bench.stage("up").await;
    bench.say("@otus greet").await;
    bench.heard("good morning").await;
    greeter("good evening");
    bench.told("Changed: greeter.sh").await;
    bench.answered("@otus greet", "good evening").await;
    bench.heard("good morning").await;
    assert!(bench.end().success());
}

#[tokio::test]
async fn a_program_in_python_is_worked_on_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let write = |greeting: &str| {
        let script = r#"#!/usr/bin/env python3
import json, sys

asked = json.loads(sys.stdin.readline())
if asked["type"] == "describe":
    greet = {"name": "greet", "pattern": r"^greet (?<whom>\S+)$", "usage": "greet <whom>", "examples": ["greet Ann"], "about": "Greets."}
    print(json.dumps({"type": "description", "commands": [greet]}))
else:
    print(json.dumps({"type": "reply", "text": f"GREETING {asked['arguments']['whom']}"}))
"#;
        let beside = folder.path().join("greeter.py.tmp");
        fs::write(&beside, script.replace("GREETING", greeting)).unwrap();
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(beside, folder.path().join("greeter.py")).unwrap();
    };
    write("good morning");
    let mut bench = Bench::start(&[folder.path().to_str().unwrap()], &[]).await;
    bench.stage("up").await;
    bench.say("@otus greet Joe").await;
    bench.heard("good morning Joe").await;
    write("good evening");
    bench.told("Changed: greeter.py").await;
    bench.answered("@otus greet Joe", "good evening Joe").await;
    bench.heard("good morning Joe").await;
    assert!(bench.end().success());
}

#[tokio::test]
async fn a_command_of_ones_own_is_run_when_its_build_goes_well() {
    let folder = tempfile::tempdir().unwrap();
    let words = |text: &str| fs::write(folder.path().join("words"), text).unwrap();
    words("hoo");
    let otus = env!("CARGO_BIN_EXE_otus");
    let run =
        format!("OTUS__ROBOT__COMMANDS__GREET=\"echo $(cat words)\" exec {otus} run --config {{config}}");
    let build = "grep -q hoo words || { echo there is no hoo in it; exit 1; }";
    let at = folder.path().to_str().unwrap();
    let bench = Bench::start(&[at, "--build", build, "--", "sh", "-c", &run], &[]).await;
    bench.stage("up").await;
    bench.say("@otus greet").await;
    bench.heard("hoo").await;
    words("hello");
    let shown = bench.stage("refused").await;
    assert!(
        shown["output"]
            .as_str()
            .unwrap()
            .contains("there is no hoo in it"),
        "{shown}"
    );
    words("hoohoo");
    bench.stage("up").await;
    bench.answered("@otus greet", "hoohoo").await;
    assert!(bench.end().success());
}

#[test]
fn where_there_is_nothing_to_work_on_it_says_so() {
    let (code, _, told) = support::run(&["dev", "config"], &support::Start::default());
    assert_eq!(code, Some(1));
    assert!(
        told.contains("neither a Cargo.toml nor an executable file"),
        "{told}"
    );
}
