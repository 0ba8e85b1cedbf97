//! The linter against statements whose verdicts were written down beforehand, from the documentation of PostgreSQL,
//! strong_migrations and squawk. Precision and recall are computed and printed; where squawk, as it comes, says something else,
//! the corpus says why.

#![allow(clippy::unwrap_used, reason = "a test may")]

use otus_migrations::{
    lint::{Level, Settings, Verdict, lint_sql},
    source::Declared,
};
use squawk_linter::{Linter, LinterSettings};
use squawk_syntax::SourceFile;
use std::collections::BTreeSet;

struct Case {
    place: String,
    title: String,
    expected: Verdict,
    rules: BTreeSet<String>,
    squawk: Option<String>,
    declared: Declared,
    sql: String,
}

fn cases() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut cases: Vec<Case> = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for (at, line) in std::fs::read_to_string(&path).unwrap().lines().enumerate() {
            if let Some(head) = line.strip_prefix("--- ") {
                let (verdict, title) = head.split_once(": ").unwrap();
                cases.push(Case {
                    place: format!("{name}:{}", at + 1),
                    title: title.to_owned(),
                    expected: match verdict {
                        "fine" => Verdict::Fine,
                        "warned" => Verdict::Warned,
                        "person" => Verdict::Person,
                        "refused" => Verdict::Refused,
                        other => panic!("{other} is no verdict"),
                    },
                    rules: BTreeSet::new(),
                    squawk: None,
                    declared: Declared::Transaction,
                    sql: String::new(),
                });
                continue;
            }
            let Some(case) = cases.last_mut().filter(|case| case.place.starts_with(&name)) else {
                continue;
            };
            if let Some(rules) = line.strip_prefix("-- rules: ") {
                case.rules = rules.split(", ").map(str::to_owned).collect();
            } else if let Some(why) = line.strip_prefix("-- squawk: ") {
                case.squawk = Some(why.to_owned());
            } else if line == "-- declared: none" {
                case.declared = Declared::NoTransaction;
            } else {
                case.sql.push_str(line);
                case.sql.push('\n');
            }
        }
    }
    cases
}

/// Whether squawk, as it comes, has something against it that is not style, and not what a runner does.
fn squawk_flags(case: &Case) -> bool {
    let file = SourceFile::parse(&case.sql);
    let mut linter = Linter::with_default_rules();
    linter.settings = LinterSettings {
        assume_in_transaction: case.declared == Declared::Transaction,
        ..LinterSettings::default()
    };
    let found = linter.lint(&file, &case.sql);
    found.iter().any(|violation| {
        let rule = violation.code.to_string();
        let style = rule.starts_with("prefer-")
            || rule.starts_with("require-lock")
            || rule.starts_with("require-statement");
        !(style
            || matches!(
                rule.as_str(),
                "ban-char-field" | "identifier-too-long" | "unused-ignore"
            ))
    })
}

#[derive(Default)]
struct Score {
    hit: usize,
    false_alarm: usize,
    missed: usize,
}

impl Score {
    fn count(&mut self, expected: bool, found: bool) {
        match (expected, found) {
            (true, true) => self.hit += 1,
            (false, true) => self.false_alarm += 1,
            (true, false) => self.missed += 1,
            (false, false) => {}
        }
    }

    fn print(&self, what: &str) {
        #[allow(clippy::cast_precision_loss, reason = "a few hundred")]
        let share = |of: usize| 100.0 * self.hit as f64 / (of.max(1)) as f64;
        println!(
            "{what}: precision {:.1} %, recall {:.1} % ({} right, {} false alarms, {} missed)",
            share(self.hit + self.false_alarm),
            share(self.hit + self.missed),
            self.hit,
            self.false_alarm,
            self.missed
        );
    }
}

#[test]
fn verdicts_are_those_that_were_expected() {
    let cases = cases();
    assert!(cases.len() >= 150, "only {} cases", cases.len());
    let (mut ours, mut by_rule, mut theirs) = (Score::default(), Score::default(), Score::default());
    let mut wrong = Vec::new();
    for case in &cases {
        let report = lint_sql(&case.sql, case.declared, &Settings::default());
        let found: BTreeSet<String> = report
            .findings
            .iter()
            .filter(|finding| finding.level >= Level::Warning)
            .map(|finding| finding.rule.clone())
            .collect();
        ours.count(case.expected != Verdict::Fine, report.verdict != Verdict::Fine);
        for rule in found.union(&case.rules) {
            by_rule.count(case.rules.contains(rule), found.contains(rule));
        }
        if report.verdict != case.expected || found != case.rules {
            wrong.push(format!(
                "{} {}: expected {} {:?}, found {} {found:?}",
                case.place, case.title, case.expected, case.rules, report.verdict
            ));
        }
        // Their verdict, and whether the corpus says why it differs.
        let flags = squawk_flags(case);
        theirs.count(case.expected != Verdict::Fine, flags);
        let explained = case.squawk.as_deref().map(|why| why.starts_with("flags; "));
        let differs = flags != (case.expected != Verdict::Fine);
        if explained != differs.then_some(flags) {
            wrong.push(format!(
                "{} {}: squawk {}; the corpus says {:?}",
                case.place,
                case.title,
                if flags { "flags it" } else { "is silent" },
                case.squawk
            ));
        }
    }
    println!("{} cases", cases.len());
    ours.print("verdicts");
    by_rule.print("rules");
    theirs.print("squawk as it comes, on the same cases");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
