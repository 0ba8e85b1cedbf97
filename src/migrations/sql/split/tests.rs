use super::*;
use proptest::prelude::*;
use squawk_syntax::{SourceFile, ast::AstNode as _};

fn pieces(text: &str) -> Vec<String> {
    split(text).unwrap().into_iter().map(|one| one.sql).collect()
}

#[test]
fn semicolons_end_statements_where_they_are_not_part_of_something() {
    let cases: &[(&str, &[&str])] = &[
        ("select 1; select 2", &["select 1", "select 2"]),
        (";;", &[]),
        ("", &[]),
        ("-- only words;\n", &[]),
        (
            "select ';' as a; select 'it''s;'",
            &["select ';' as a", "select 'it''s;'"],
        ),
        (
            r"select e'\';'; select 'a\'; select 1",
            &[r"select e'\';'", r"select 'a\'", "select 1"],
        ),
        (
            "select e'a'\n  '\\';b'; select 2",
            &["select e'a'\n  '\\';b'", "select 2"],
        ),
        (
            r#"select "a;b" from "t"";"; select 1"#,
            &[r#"select "a;b" from "t"";""#, "select 1"],
        ),
        (
            "do $$ begin; end $$; select 1",
            &["do $$ begin; end $$", "select 1"],
        ),
        (
            "do $a$ $$;$$ $b$; $b$ $a$; select 1",
            &["do $a$ $$;$$ $b$; $b$ $a$", "select 1"],
        ),
        (
            "select a$b$ from c; select $1; select 2",
            &["select a$b$ from c", "select $1", "select 2"],
        ),
        (
            "select /* ; /* ; */ ; */ 1 /* ; */; select 2",
            &["select /* ; /* ; */ ; */ 1", "select 2"],
        ),
        (
            "select 1 -- ; no end\n + 1; select 2",
            &["select 1 -- ; no end\n + 1", "select 2"],
        ),
        (
            "create rule r as on insert to t do (select 1; select 2); select 3",
            &[
                "create rule r as on insert to t do (select 1; select 2)",
                "select 3",
            ],
        ),
        (
            "create function f() returns int begin atomic select case when true then 1 end; select 2; end; select 3",
            &[
                "create function f() returns int begin atomic select case when true then 1 end; select 2; end",
                "select 3",
            ],
        ),
        (
            "begin; select 1; end; select 2",
            &["begin", "select 1", "end", "select 2"],
        ),
        (
            "select 'ä;ö'; select \u{feff}2",
            &["select 'ä;ö'", "select \u{feff}2"],
        ),
        (
            "select u&'\\0041;' ; select b'1', x'f;'",
            &["select u&'\\0041;'", "select b'1', x'f;'"],
        ),
        (
            "copy t (a) from stdin_table_is_no_data_but_this_is_a_file; select 1",
            &[
                "copy t (a) from stdin_table_is_no_data_but_this_is_a_file",
                "select 1",
            ],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(pieces(text), *expected, "{text}");
    }
}

#[test]
fn a_statement_knows_its_place_and_its_comments() {
    let text = "-- first\n/* second */ select 1;\n\n  -- otus: backfill\n  update t set ä = 1;";
    let found = split(text).unwrap();
    assert_eq!(found[0].place, Place { line: 2, column: 14 });
    assert_eq!(found[0].comments, ["-- first", "/* second */"]);
    assert_eq!(found[1].place, Place { line: 5, column: 3 });
    assert_eq!(found[1].comments, ["-- otus: backfill"]);
    assert_eq!(&text[found[1].start..found[1].end], found[1].sql);
}

#[test]
fn what_only_psql_understands_is_refused_with_its_place() {
    let refused = [
        (
            "select 1;\n\\i other.sql",
            "line 2: `\\i` is understood by psql alone",
        ),
        ("\\set ON_ERROR_STOP on\nselect 1", "line 1: `\\set`"),
        ("copy t from stdin;\n1\tit's\n\\.\n", "line 1: COPY … FROM STDIN"),
        ("copy t (a, b) from stdin with (format csv);", "COPY … FROM STDIN"),
        ("select 'open", "line 1: a string is begun and never ended"),
        ("select 1;\n/* open /* */", "line 2: a comment"),
        ("do $x$ begin $$", "a dollar quote"),
        ("select (1; select 2", "a parenthesis"),
        ("create table \"open (a int)", "a name in double quotes"),
    ];
    for (text, expected) in refused {
        let error = split(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

proptest! {
    /// Whatever is put together from statements comes apart into them.
    #[test]
    fn what_was_joined_is_split(picked in prop::collection::vec(0..STATEMENTS.len(), 0..12), gap in "[ \n]{1,3}") {
        let parts: Vec<&str> = picked.iter().map(|at| STATEMENTS[*at]).collect();
        let text: String = parts.iter().map(|part| format!("{part};{gap}")).collect();
        prop_assert_eq!(pieces(&text), parts);
    }

    /// No text makes it panic, and nothing but white, comments and semicolons is left out.
    #[test]
    fn nothing_is_lost(text in "[a-z'\"$;()/*\\- \nEeä]{0,60}") {
        if let Ok(found) = split(&text) {
            let kept: usize = found.iter().map(|one| one.end - one.start).sum();
            prop_assert!(kept <= text.len());
            for pair in found.windows(2) {
                prop_assert!(pair[0].end <= pair[1].start);
            }
        }
    }
}

const STATEMENTS: &[&str] = &[
    "select ';'",
    "do $$ begin perform ';'; end $$",
    "do $x$ select $$ ; $$ $x$",
    "create function f() returns void language sql begin atomic select 1; select 2; end",
    "create function g() returns text language sql as 'select '';'''",
    "select e'\\';' /* ; /* nested; */ */ || ''",
    "insert into \"a;b\" values (';', \";\")",
    "select 1 -- ;\n+ 2",
    "select a$1, $1, a$$",
];

/// The parser of another house, where it cuts.
#[test]
fn another_parser_cuts_at_the_same_places() {
    for text in STATEMENTS {
        let text = format!("{text};\nselect 1;");
        let file = SourceFile::parse(&text);
        let theirs = file.tree().stmts().map(|stmt| stmt.syntax().text().to_string());
        let theirs: Vec<String> = theirs
            .map(|one| one.trim().trim_end_matches(';').to_owned())
            .filter(|one| !one.is_empty())
            .collect();
        let ours = pieces(&text);
        assert_eq!(ours.len(), theirs.len(), "{text}\n{theirs:?}");
    }
}
