use super::*;
use proptest::prelude::*;
use std::time::Duration;

fn cut(sql: &str) -> Result<Batches, String> {
    Declaration::of(&["-- otus: backfill".to_owned()])
        .unwrap()
        .unwrap()
        .batches(sql)
}

#[test]
fn a_declaration_is_read_from_the_comment_before() {
    let of = |text: &str| Declaration::of(&[text.to_owned()]);
    assert_eq!(of("-- backfill"), None);
    assert_eq!(of("-- otus: backfilling"), None);
    let read = of("--otus: backfill key=user_id batch=50").unwrap().unwrap();
    assert_eq!((read.key.as_deref(), read.batch), (Some("user_id"), 50));
    assert!(of("-- otus: backfill batch=0").unwrap().is_err());
    assert!(
        of("-- otus: backfill fast")
            .unwrap()
            .unwrap_err()
            .contains("`fast`")
    );
}

#[test]
fn a_range_is_put_into_the_statement() {
    let cases = [
        (
            "UPDATE t SET a = 1",
            "UPDATE t SET a = 1 WHERE t.id > 5 AND t.id <= 9",
        ),
        (
            "update s.t x set a = (select 1 where true) where a is null or b",
            "update s.t x set a = (select 1 where true) WHERE (a is null or b\n) AND x.id > 5 AND x.id <= 9",
        ),
        (
            "DELETE FROM \"T\" AS y USING z WHERE z.a = y.a -- all",
            "DELETE FROM \"T\" AS y USING z WHERE (z.a = y.a -- all\n) AND y.id > 5 AND y.id <= 9",
        ),
    ];
    for (sql, expected) in cases {
        assert_eq!(cut(sql).unwrap().sql("id", Some("5"), "9"), expected);
    }
    let first = cut("delete from t").unwrap().sql("id", None, "9");
    assert_eq!(first, "delete from t WHERE t.id <= 9");
}

#[test]
fn what_cannot_be_cut_is_refused() {
    for sql in [
        "insert into t values (1)",
        "update only t set a = 1",
        "update t set a = 1 returning a",
        "delete from t where current of c",
    ] {
        assert!(cut(sql).is_err(), "{sql}");
    }
}

proptest! {
    /// It never stops, never leaps, and comes to the time that is aimed at.
    #[test]
    fn the_pace_settles(first in 1..50_000_u64, micros_a_row in 1..20_000_u64) {
        let aim = Duration::from_millis(250);
        let mut pace = Pace::new(first);
        for _ in 0..40 {
            let took = Duration::from_micros(pace.rows * micros_a_row);
            let next = pace.after(took, aim);
            prop_assert!(next.rows >= 1 && next.rows <= 50_000 && next.rows <= pace.rows * 2);
            pace = next;
        }
        let fitting = (250_000 / micros_a_row).clamp(1, 50_000);
        prop_assert!(pace.rows.abs_diff(fitting) <= 1 + fitting / 10, "{} {fitting}", pace.rows);
    }
}
