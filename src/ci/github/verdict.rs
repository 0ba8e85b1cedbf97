//! Purpose: whether a commit is green: a pure function of its checks and of the names that have to be good.

use super::checks::{CheckState, Checks};
use std::collections::BTreeSet;

/// What the checks of a commit come to. The names are in alphabetical order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that has to be good is.
    Green,
    /// Nothing is bad, and these are not decided yet.
    Pending(Vec<String>),
    /// These are bad.
    Red(Vec<String>),
    /// What is there is good, but of these nothing was heard. Without required names the list is empty: no check is there.
    Missing(Vec<String>),
}

/// Decides. With required names only those count, and each must be there; with none, all that are there count, and there must
/// be at least one.
///
/// One name can stand for several checks, as two workflows may have a job of the same name: the worst of them counts. What
/// is red is said before what is pending, and that before what is missing, since a job that others wait for may still
/// begin them.
#[must_use]
pub fn verdict(checks: &Checks, required: &[String]) -> Verdict {
    let counts = |name: &String| required.is_empty() || required.contains(name);
    let of_state = |state: CheckState| -> BTreeSet<&String> {
        let such = checks.states.iter().filter(|check| check.state == state);
        such.map(|check| &check.name)
            .filter(|name| counts(name))
            .collect()
    };
    let list = |names: BTreeSet<&String>| names.into_iter().cloned().collect();
    let red = of_state(CheckState::Bad);
    if !red.is_empty() {
        return Verdict::Red(list(red));
    }
    let pending = of_state(CheckState::Pending);
    if !pending.is_empty() {
        return Verdict::Pending(list(pending));
    }
    let good = of_state(CheckState::Good);
    let missing: BTreeSet<_> = required.iter().filter(|name| !good.contains(name)).collect();
    if !missing.is_empty() || good.is_empty() {
        return Verdict::Missing(list(missing));
    }
    Verdict::Green
}

#[cfg(test)]
mod tests {
    use super::{
        super::checks::{Check, Source},
        *,
    };
    use proptest::{prelude::*, sample::select};

    fn check(name: &str, state: CheckState) -> Check {
        Check {
            name: name.into(),
            state,
            said: String::new(),
            url: None,
            source: Source::CheckRun,
            app: None,
        }
    }

    fn decide(states: &[(&str, CheckState)], required: &[&str]) -> Verdict {
        let states = states.iter().map(|(name, state)| check(name, *state)).collect();
        let required: Vec<String> = required.iter().map(|name| (*name).to_owned()).collect();
        verdict(
            &Checks {
                sha: String::new(),
                states,
            },
            &required,
        )
    }

    #[test]
    fn examples() {
        use CheckState::{Bad, Good, Pending};
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (what, states, required, wanted) in [
            ("nothing there", &[][..], &[][..], Verdict::Missing(vec![])),
            (
                "nothing there, one wanted",
                &[],
                &["a"],
                Verdict::Missing(names(&["a"])),
            ),
            ("all good", &[("a", Good), ("b", Good)], &[], Verdict::Green),
            (
                "the wanted one is good",
                &[("a", Good), ("b", Bad), ("c", Pending)],
                &["a"],
                Verdict::Green,
            ),
            (
                "one is bad",
                &[("a", Good), ("b", Bad)],
                &[],
                Verdict::Red(names(&["b"])),
            ),
            (
                "bad before pending",
                &[("a", Pending), ("b", Bad)],
                &["a", "b"],
                Verdict::Red(names(&["b"])),
            ),
            (
                "pending before missing",
                &[("a", Pending)],
                &["a", "b"],
                Verdict::Pending(names(&["a"])),
            ),
            (
                "missing is not green",
                &[("a", Good)],
                &["a", "b"],
                Verdict::Missing(names(&["b"])),
            ),
            (
                "the worst of one name",
                &[("a", Good), ("a", Bad)],
                &["a"],
                Verdict::Red(names(&["a"])),
            ),
            (
                "the later of one name",
                &[("a", Pending), ("a", Good)],
                &["a"],
                Verdict::Pending(names(&["a"])),
            ),
            (
                "names are exact",
                &[("A", Good)],
                &["a"],
                Verdict::Missing(names(&["a"])),
            ),
        ] {
            assert_eq!(decide(states, required), wanted, "{what}");
        }
    }

    fn states() -> impl Strategy<Value = Vec<(&'static str, CheckState)>> {
        let state = select(&[CheckState::Good, CheckState::Pending, CheckState::Bad][..]);
        prop::collection::vec((select(&["a", "b", "c", "d"][..]), state), 0..7)
    }

    proptest! {
        /// Said once more, name by name.
        #[test]
        fn it_is_what_the_rules_say(states in states(), required in prop::collection::vec(select(&["a", "b", "c", "d", "e"][..]), 0..4)) {
            let mut wanted: Vec<&str> = if required.is_empty() { states.iter().map(|(name, _)| *name).collect() } else { required.clone() };
            wanted.sort_unstable();
            wanted.dedup();
            let mut lists: [Vec<String>; 3] = Default::default();
            for name in &wanted {
                let of_name: Vec<_> = states.iter().filter(|(known, _)| known == name).map(|(_, state)| *state).collect();
                let list = if of_name.contains(&CheckState::Bad) { 0 }
                    else if of_name.contains(&CheckState::Pending) { 1 }
                    else if of_name.is_empty() { 2 }
                    else { continue };
                lists[list].push((*name).to_owned());
            }
            let [red, pending, missing] = lists;
            let told = decide(&states, &required);
            if !red.is_empty() { prop_assert_eq!(told, Verdict::Red(red)); }
            else if !pending.is_empty() { prop_assert_eq!(told, Verdict::Pending(pending)); }
            else if !missing.is_empty() || wanted.is_empty() { prop_assert_eq!(told, Verdict::Missing(missing)); }
            else { prop_assert_eq!(told, Verdict::Green); }
        }

        /// A check more that is not good never makes a commit green.
        #[test]
        fn nothing_bad_makes_it_green(states in states(), required in prop::collection::vec(select(&["a", "b"][..]), 0..3), state in select(&[CheckState::Pending, CheckState::Bad][..]), name in select(&["a", "b"][..])) {
            let before = decide(&states, &required);
            let mut more = states;
            more.push((name, state));
            let after = decide(&more, &required);
            prop_assert!(before == Verdict::Green || after != Verdict::Green);
            if required.is_empty() || required.contains(&name) { prop_assert_ne!(after, Verdict::Green); }
        }
    }
}
