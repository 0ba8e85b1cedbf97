//! Purpose: commits and their parents, and what follows from them alone: who is an ancestor of whom, what lies between.

use super::world::Commit;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// All commits of a repository, by their sha.
#[derive(Debug, Default)]
pub(super) struct Graph {
    commits: HashMap<String, Commit>,
}

/// How one commit lies to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Between {
    /// `identical`, `ahead`, `behind` or `diverged`: the head, seen from the base.
    pub(super) status: &'static str,
    /// Reachable from the head alone, oldest first.
    pub(super) ahead: Vec<String>,
    /// How many are reachable from the base alone.
    pub(super) behind: usize,
    /// The newest of the best common ancestors.
    pub(super) merge_base: String,
}

impl Graph {
    pub(super) fn insert(&mut self, commit: Commit) {
        self.commits.insert(commit.sha.clone(), commit);
    }

    pub(super) fn get(&self, sha: &str) -> Option<&Commit> {
        self.commits.get(sha)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Commit> {
        self.commits.values()
    }

    pub(super) fn len(&self) -> usize {
        self.commits.len()
    }

    /// The commit that begins so, if it is exactly one.
    pub(super) fn by_prefix(&self, prefix: &str) -> Option<&Commit> {
        let mut found = self
            .commits
            .values()
            .filter(|commit| commit.sha.starts_with(prefix));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// The commit and all it was built on.
    pub(super) fn ancestors(&self, sha: &str) -> HashSet<&str> {
        let mut seen = HashSet::new();
        let mut left: Vec<&Commit> = self.commits.get(sha).into_iter().collect();
        while let Some(commit) = left.pop() {
            if seen.insert(commit.sha.as_str()) {
                left.extend(
                    commit
                        .parents
                        .iter()
                        .filter_map(|parent| self.commits.get(parent)),
                );
            }
        }
        seen
    }

    /// From here back, the newest first, as `git log` tells it.
    pub(super) fn log(&self, sha: &str) -> Vec<&Commit> {
        let mut seen = HashSet::new();
        let mut left = BinaryHeap::new();
        let mut told = Vec::new();
        let push = |left: &mut BinaryHeap<_>, seen: &mut HashSet<_>, sha: &str| {
            if let Some(commit) = self.commits.get(sha)
                && seen.insert(commit.sha.clone())
            {
                left.push((commit.number, commit.sha.as_str()));
            }
        };
        push(&mut left, &mut seen, sha);
        while let Some((_, sha)) = left.pop() {
            let Some(commit) = self.commits.get(sha) else {
                continue;
            };
            told.push(commit);
            for parent in &commit.parents {
                push(&mut left, &mut seen, parent);
            }
        }
        told
    }

    /// Compares two commits; nothing when they have no ancestor in common.
    pub(super) fn compare(&self, base: &str, head: &str) -> Option<Between> {
        let (of_base, of_head) = (self.ancestors(base), self.ancestors(head));
        let common: HashSet<&str> = of_base.intersection(&of_head).copied().collect();
        // A common ancestor that another one was built on is not among the best.
        let mut worse = HashSet::new();
        for sha in &common {
            let parents = self.commits.get(*sha).map_or(&[][..], |commit| &commit.parents);
            worse.extend(parents.iter().map(String::as_str));
        }
        let merge_base = common
            .iter()
            .filter(|sha| !worse.contains(*sha))
            .max_by_key(|sha| self.number(sha))?;
        let mut ahead: Vec<&str> = of_head.difference(&of_base).copied().collect();
        ahead.sort_by_key(|sha| self.number(sha));
        let behind = of_base.difference(&of_head).count();
        Some(Between {
            status: match (ahead.len(), behind) {
                (0, 0) => "identical",
                (_, 0) => "ahead",
                (0, _) => "behind",
                _ => "diverged",
            },
            ahead: ahead.into_iter().map(str::to_owned).collect(),
            behind,
            merge_base: (*merge_base).to_owned(),
        })
    }

    /// Whatever is newer has a higher one, and a child is newer than its parents.
    fn number(&self, sha: &str) -> u64 {
        self.commits.get(sha).map_or(0, |commit| commit.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn commit(number: usize, parents: &[usize]) -> Commit {
        Commit::plain(
            format!("{number:040x}"),
            parents.iter().map(|parent| format!("{parent:040x}")).collect(),
            number as u64,
        )
    }

    /// Who is reachable, by the shortest definition there is.
    fn reaches(dag: &[Vec<usize>], from: usize, to: usize) -> bool {
        from == to || dag[from].iter().any(|parent| reaches(dag, *parent, to))
    }

    /// Commit n has parents among 0..n.
    fn dags() -> impl Strategy<Value = Vec<Vec<usize>>> {
        prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..3), 1..12).prop_map(
            |all| {
                let parents = |(number, picks): (usize, Vec<prop::sample::Index>)| {
                    let mut parents: Vec<usize> = match number {
                        0 => Vec::new(),
                        number => picks.iter().map(|pick| pick.index(number)).collect(),
                    };
                    parents.sort_unstable();
                    parents.dedup();
                    parents
                };
                all.into_iter().enumerate().map(parents).collect()
            },
        )
    }

    proptest! {
        #[test]
        fn compares_as_the_definition_says(dag in dags(), a: prop::sample::Index, b: prop::sample::Index) {
            let mut graph = Graph::default();
            for (number, parents) in dag.iter().enumerate() {
                graph.insert(commit(number, parents));
            }
            let (base, head) = (a.index(dag.len()), b.index(dag.len()));
            let name = |number: usize| format!("{number:040x}");
            let ahead: Vec<String> = (0..dag.len())
                .filter(|n| reaches(&dag, head, *n) && !reaches(&dag, base, *n))
                .map(name)
                .collect();
            let behind = (0..dag.len()).filter(|n| reaches(&dag, base, *n) && !reaches(&dag, head, *n)).count();
            let common: Vec<usize> =
                (0..dag.len()).filter(|n| reaches(&dag, base, *n) && reaches(&dag, head, *n)).collect();
            let best = common
                .iter()
                .filter(|n| !common.iter().any(|other| other != *n && reaches(&dag, *other, **n)))
                .max();
            match graph.compare(&name(base), &name(head)) {
                None => prop_assert!(common.is_empty()),
                Some(between) => {
                    prop_assert_eq!(Some(between.merge_base), best.map(|n| name(*n)));
                    prop_assert_eq!(&between.ahead, &ahead);
                    prop_assert_eq!(between.behind, behind);
                    prop_assert_eq!(between.status == "identical", base == head);
                    prop_assert_eq!(between.status == "ahead", base != head && reaches(&dag, head, base));
                    prop_assert_eq!(between.status == "behind", base != head && reaches(&dag, base, head));
                }
            }
            let log: Vec<String> = graph.log(&name(head)).iter().map(|commit| commit.sha.clone()).collect();
            let all: Vec<String> = (0..dag.len()).rev().filter(|n| reaches(&dag, head, *n)).map(name).collect();
            prop_assert_eq!(log, all);
        }
    }
}
