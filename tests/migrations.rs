//! `otus migrations lint`: what it says, in which form, and how it ends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::Value;
use support::{Start, run};

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Neither a desk's nor a continuous integration's own environment.
const OUTSIDE: Start<'_> = Start {
    config: "",
    env: &[("GITHUB_ACTIONS", "false")],
    typed: "",
};

const FILES: &[(&str, &str)] = &[
    (
        "0001_users.sql",
        "CREATE TABLE users (id bigint PRIMARY KEY, email text);",
    ),
    ("0002_index.sql", "\nCREATE INDEX users_email ON users (email);"),
    ("0003_do.sql", "DO $$ BEGIN EXECUTE 'DROP TABLE users'; END $$;"),
    (
        "0004_change.sql",
        "UPDATE users SET email = lower(email) WHERE email <> lower(email);",
    ),
];

#[test]
fn people_read_what_is_locked_and_the_safe_way() {
    let files = folder(FILES);
    let path = files.path().to_str().unwrap();
    let (code, printed, logged) = run(&["migrations", "lint", path], &OUTSIDE);
    assert_eq!((code, logged.as_str()), (Some(1), ""));
    insta::assert_snapshot!(printed, @r#"
    ✓ 0001_users.sql: fine
    ✗ 0002_index.sql: refused
      line 2, refused: CREATE INDEX users_email [require-concurrent-index-creation]
        Nobody can write users while the index is built.
        Locks users SHARE, which blocks writes and changes of the schema.
        The safe way:
          -- in a file of its own, without a transaction:
          CREATE INDEX CONCURRENTLY users_email ON users (email);
    ? 0003_do.sql: needs a person
      line 1, needs a person: DO [dynamic-sql]
        It runs code, and what that does is not written here.
    ! 0004_change.sql: can hurt
      line 1, warning: UPDATE users [large-change]
        Every row it finds is locked until all are changed, in one transaction, which holds back VACUUM and replicas; UPDATE in batches does not.
        Locks users ROW EXCLUSIVE, which blocks changes of the schema.
        The safe way:
          -- no-transaction
          -- otus: backfill
          UPDATE users SET email = lower(email) WHERE email <> lower(email);

    1 refused, 1 needs a person, 1 can hurt, 1 fine
    "#);
}

#[test]
fn what_has_run_is_left_out_and_the_limit_is_told() {
    let files = folder(FILES);
    let path = files.path().to_str().unwrap();
    let code = |more: &[&str]| run(&[&["migrations", "lint", path], more].concat(), &OUTSIDE).0;
    assert_eq!(code(&["--since", "0003"]), Some(0));
    assert_eq!(code(&["--since", "3", "--fail-on", "warned"]), Some(1));
    assert_eq!(code(&["--since", "2", "--fail-on", "refused"]), Some(0));
    assert_eq!(code(&["--since", "2"]), Some(1));
}

#[test]
fn github_gets_an_annotation_for_each_finding() {
    let files = folder(&FILES[..2]);
    let path = files.path().to_str().unwrap();
    let github = Start {
        env: &[("GITHUB_ACTIONS", "true")],
        ..Start::default()
    };
    let (code, printed, _) = run(&["migrations", "lint", path], &github);
    assert_eq!(code, Some(1));
    let annotation = printed.lines().find(|line| line.starts_with("::error ")).unwrap();
    let expected =
        format!("::error file={path}/0002_index.sql,line=2,col=1,title=require-concurrent-index-creation::");
    assert!(annotation.starts_with(&expected), "{annotation}");
}

#[test]
fn machines_get_json() {
    let files = folder(FILES);
    let path = files.path().to_str().unwrap();
    let (code, printed, _) = run(&["migrations", "lint", path, "--output", "json"], &OUTSIDE);
    assert_eq!(code, Some(1));
    let report: Value = serde_json::from_str(&printed).unwrap();
    let verdicts: Vec<&str> = report["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["fine", "refused", "person", "warned"]);
    assert_eq!(report["files"][1]["findings"][0]["locks"][0]["level"], "SHARE");
}

#[test]
fn a_folder_that_cannot_be_read_is_another_end() {
    let (code, _, logged) = run(&["migrations", "lint", "nowhere"], &OUTSIDE);
    assert_eq!(code, Some(2));
    assert!(logged.contains("nowhere cannot be read"), "{logged}");
    let files = folder(&[("1_a.sql", ""), ("01_b.sql", "")]);
    let (code, _, logged) = run(&["migrations", "lint", files.path().to_str().unwrap()], &OUTSIDE);
    assert_eq!(code, Some(2));
    assert!(logged.contains("are both version 1"), "{logged}");
}
