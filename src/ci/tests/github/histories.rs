//! Comparisons of histories of any form, against the shortest definition there is.

use super::Place;
use otus_ci::github::{Error, Relation};
use proptest::{prelude::*, test_runner::TestRunner};

/// Commit n has parents among 0..n; the first has none.
fn histories() -> impl Strategy<Value = Vec<Vec<usize>>> {
    let picks = prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..3), 1..10);
    picks.prop_map(|all| {
        let parents = |(number, picks): (usize, Vec<prop::sample::Index>)| {
            let mut parents: Vec<usize> = picks
                .iter()
                .filter(|_| number > 0)
                .map(|pick| pick.index(number))
                .collect();
            parents.sort_unstable();
            parents.dedup();
            parents
        };
        all.into_iter().enumerate().map(parents).collect()
    })
}

fn reaches(dag: &[Vec<usize>], from: usize, to: usize) -> bool {
    from == to || dag[from].iter().any(|parent| reaches(dag, *parent, to))
}

#[test]
fn a_comparison_is_what_the_history_says() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let place = runtime.block_on(Place::new());
    let cases = (
        histories(),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
    );
    let config = ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..Default::default()
    };
    TestRunner::new(config)
        .run(&cases, |(dag, base, head)| {
            let (base, head) = (base.index(dag.len()), head.index(dag.len()));
            let mut shas: Vec<String> = Vec::new();
            for parents in &dag {
                let parents: Vec<&str> = parents.iter().map(|parent| shas[*parent].as_str()).collect();
                shas.push(place.api.loose_commit(&parents, "A change").unwrap());
            }
            let only = |of: usize, not: usize| -> Vec<&String> {
                let such = (0..dag.len()).filter(|n| reaches(&dag, of, *n) && !reaches(&dag, not, *n));
                such.map(|n| &shas[n]).collect()
            };
            let (ahead, behind) = (only(head, base), only(base, head));
            let related = (0..dag.len()).any(|n| reaches(&dag, base, n) && reaches(&dag, head, n));
            let told = runtime.block_on(place.client.compare(&place.repo, &shas[base], &shas[head], 100));
            if !related {
                let not_found = matches!(told, Err(Error::NotFound { .. }));
                prop_assert!(not_found);
                return Ok(());
            }
            let told = told.unwrap();
            let relation = match (ahead.is_empty(), behind.is_empty()) {
                (true, true) => Relation::Identical,
                (false, true) => Relation::Ahead,
                (true, false) => Relation::Behind,
                (false, false) => Relation::Diverged,
            };
            prop_assert_eq!(told.relation, relation);
            prop_assert_eq!((told.ahead_by, told.behind_by), (ahead.len(), behind.len()));
            prop_assert_eq!(
                told.commits.iter().map(|commit| &commit.sha).collect::<Vec<_>>(),
                ahead
            );
            Ok(())
        })
        .unwrap();
}
