use super::*;
use crate::source::Tree;

fn source(files: &[(&str, &str)]) -> Source {
    let tree: Tree = files.iter().copied().collect();
    Source::read(&tree, None).unwrap()
}

/// As if the first so many were applied.
fn after(source: &Source, count: usize) -> History {
    let rows = source.migrations.iter().take(count).map(|one| Applied {
        version: one.version.clone(),
        description: one.description.clone(),
        checksum: one.checksum.clone(),
        success: true,
        is_file: true,
    });
    History {
        applied: rows.collect(),
        ..History::default()
    }
}

#[test]
fn what_is_not_applied_is_pending() {
    let files = source(&[("1_a.sql", "a"), ("2_b.sql", "b"), ("3_c.sql", "c")]);
    let compared = compare(&files, &after(&files, 1), false);
    assert_eq!(
        (compared.pending, compared.applied, compared.refusals),
        (vec![1, 2], 1, vec![])
    );
}

#[test]
fn changed_missing_dirty_and_out_of_order_are_refused_with_their_reasons() {
    let old = source(&[("1_a.sql", "a"), ("3_c.sql", "c")]);
    let new = source(&[("1_a.sql", "a!"), ("2_b.sql", "b")]);
    let mut history = after(&old, 2);
    let said = |history: &History| {
        let refusals = compare(&new, history, false).refusals;
        refusals
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    insta::assert_snapshot!(said(&history), @r#"
    1_a.sql was changed after it was applied (checksum 54a59b9f22b0, now 19dcdd222b52). Bring the old text back, and make the change in a new migration
    2_b.sql comes before 3, which is applied already. Give it a higher number, so that every database has the same order
    version 3 (c) was applied to the database, and there is no such file. Is this an older release than the one that runs?
    "#);
    history.applied[1].success = false;
    assert!(said(&history).contains("version 3 was begun by another tool"));
    assert!(
        compare(&new, &after(&old, 2), true)
            .refusals
            .iter()
            .all(|one| !matches!(one, Refusal::OutOfOrder { .. }))
    );
}

#[test]
fn a_repeatable_file_is_pending_again_when_it_changed() {
    let one = source(&[("V1__a.sql", "a"), ("R__v.sql", "v")]);
    let two = source(&[("V1__a.sql", "a"), ("R__v.sql", "other")]);
    assert_eq!(compare(&one, &after(&one, 2), false).pending, Vec::<usize>::new());
    let compared = compare(&two, &after(&one, 2), false);
    assert_eq!((compared.pending, compared.refusals), (vec![1], vec![]));
}

#[test]
fn golang_migrate_keeps_the_last_version_alone() {
    let files = source(&[("1_a.up.sql", ""), ("2_b.up.sql", ""), ("3_c.up.sql", "")]);
    let history = |upto: i64, dirty| History {
        upto: Some(Version::from(upto)),
        dirty,
        ..History::default()
    };
    assert_eq!(compare(&files, &history(2, false), false).pending, [2]);
    assert!(matches!(
        compare(&files, &history(2, true), false).refusals[..],
        [Refusal::Dirty { .. }]
    ));
    assert!(matches!(
        compare(&files, &history(7, false), false).refusals[..],
        [Refusal::Missing { .. }]
    ));
}
