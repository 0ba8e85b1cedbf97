//! What holds of the decision, whatever the rules and the facts.

use super::{
    decide_tests::{asked, elevation, lock, now},
    *,
};
use crate::operations::Target;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn any_held() -> impl Strategy<Value = Held> {
    prop_oneof![
        3 => Just(Held::Yes("named in it".into())),
        2 => Just(Held::No),
        1 => Just(Held::Unknown("away".into())),
    ]
}

prop_compose! {
    fn any_facts()(
        roles in prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c", "d"]), any_held(), 0..5),
        channel in prop::option::of(prop::sample::select(vec!["deploys", "random"])),
        locks in prop::collection::vec((0..3usize, prop::sample::select(vec!["ann", "bob"]), prop::bool::ANY), 0..3),
        elevated in prop::bool::weighted(0.3),
        unknown in prop::bool::weighted(0.1),
        changes in prop::bool::weighted(0.8),
    ) -> Facts {
        let target = |at: usize| [
            LockTarget::Service("api".into()),
            LockTarget::Environment("production".into()),
            LockTarget::Both("web".into(), "production".into()),
        ][at % 3].clone();
        Facts {
            now: now(),
            changes,
            roles: roles.into_iter().map(|(role, held)| (role.to_owned(), held)).collect(),
            channel_name: channel.map(Into::into),
            locks: locks
                .into_iter()
                .map(|(at, by, ends)| lock(target(at), by, ends.then_some("2026-11-23T15:00:00Z")))
                .collect(),
            elevation: elevated.then(|| elevation("ann")),
            unknown: unknown.then(|| "gone".into()).into_iter().collect(),
        }
    }
}

prop_compose! {
    fn any_rule()(
        commands in prop::sample::subsequence(vec!["deploy", "migrate"], 0..=2),
        services in prop::sample::subsequence(vec!["api", "web"], 0..=2),
        environments in prop::sample::subsequence(vec!["staging", "production"], 0..=2),
        roles in prop::sample::subsequence(vec!["a", "b", "c"], 0..=2),
        channels in prop::sample::subsequence(vec!["C1", "#deploys"], 0..=1),
        deny in prop::bool::weighted(0.1),
        confirm in prop::bool::weighted(0.3),
        approvals in 0..3u32,
        approvers in prop::option::weighted(0.8, prop::sample::select(vec!["c", "d"])),
        reason in prop::bool::weighted(0.3),
    ) -> Rule {
        let own = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
        Rule {
            name: "a rule".into(),
            commands: own(commands),
            services: own(services),
            environments: own(environments),
            roles: own(roles),
            channels: own(channels),
            deny,
            confirm,
            approvals,
            approvers: approvers.map(Into::into),
            expire: None,
            reason,
        }
    }
}

prop_compose! {
    fn any_policy()(
        rules in prop::collection::vec(any_rule(), 0..4),
        every in prop::collection::vec(
            prop::sample::select(vec!["mon", "tue", "daily 14:00 - 14:30", "sun 12:00 - mon 14:15"]), 0..3),
        freeze_override in prop::option::of(prop::sample::select(vec!["a", "b"])),
        lock_override in prop::option::of(prop::sample::select(vec!["a", "c"])),
        glass in prop::option::of(Just("d")),
    ) -> Policy {
        let freeze = |every: &str| Freeze {
            name: every.into(),
            every: Some(every.into()),
            override_role: freeze_override.map(Into::into),
            ..Freeze::default()
        };
        Policy {
            rules,
            freezes: every.into_iter().map(freeze).collect(),
            lock_override: lock_override.map(Into::into),
            break_glass: BreakGlass { role: glass.map(Into::into), ..BreakGlass::default() },
            ..Policy::default()
        }
    }
}

prop_compose! {
    fn any_asked()(
        role in prop::option::of(prop::sample::select(vec!["a", "b"])),
        service in prop::option::of(prop::sample::select(vec!["api", "web"])),
        environment in prop::option::of(prop::sample::select(vec!["staging", "production"])),
        reason in prop::option::of(Just("it burns")),
    ) -> Asked {
        Asked {
            role: role.map(Into::into),
            target: Target { service: service.map(Into::into), environment: environment.map(Into::into) },
            reason: reason.map(Into::into),
            ..asked()
        }
    }
}

/// How much leave a verdict gives: the needs of an approval, by role.
fn leave(verdict: &Verdict) -> (u8, BTreeMap<String, u32>) {
    match &verdict.kind {
        VerdictKind::Allow => (3, BTreeMap::new()),
        VerdictKind::Confirm => (2, BTreeMap::new()),
        VerdictKind::Approve { needs, .. } => (
            1,
            needs.iter().map(|need| (need.role.clone(), need.count)).collect(),
        ),
        VerdictKind::Wait { .. } | VerdictKind::Refuse => (0, BTreeMap::new()),
    }
}

/// Whether one verdict gives at most as much leave as another.
fn at_most(one: &Verdict, other: &Verdict) -> bool {
    let ((one, needs), (other, others)) = (leave(one), leave(other));
    one < other
        || one == other
            && others
                .iter()
                .all(|(role, count)| one == 0 || needs.get(role).is_some_and(|held| held >= count))
}

proptest! {
    #[test]
    fn one_more_rule_never_gives_more_leave(
        policy in any_policy(), rule in any_rule(), at in 0..4usize, asked in any_asked(), facts in any_facts()
    ) {
        let before = decide(&policy, &asked, &facts);
        let mut stricter = policy.clone();
        stricter.rules.insert(at.min(policy.rules.len()), rule);
        let after = decide(&stricter, &asked, &facts);
        prop_assert!(at_most(&after, &before), "{before:?}\n{after:?}");
    }

    #[test]
    fn a_denial_that_is_about_it_refuses(policy in any_policy(), asked in any_asked(), facts in any_facts()) {
        let mut denied = policy.clone();
        denied.rules.push(Rule { name: "no".into(), deny: true, commands: vec!["deploy".into()], ..Rule::default() });
        let verdict = decide(&denied, &asked, &facts);
        prop_assert!(verdict.glass || verdict.kind == VerdictKind::Refuse, "{verdict:?}");
    }

    #[test]
    fn what_is_unknown_is_a_refusal(
        policy in any_policy(), asked in any_asked(), facts in any_facts(), role in prop::bool::ANY
    ) {
        let mut facts = facts;
        let mut asked = asked;
        if role {
            asked.role = Some("a".into());
            facts.roles.insert("a".into(), Held::Unknown("away".into()));
        } else {
            facts.unknown.push("gone".into());
        }
        prop_assert_eq!(decide(&policy, &asked, &facts).kind, VerdictKind::Refuse);
    }

    #[test]
    fn having_fewer_roles_never_gives_more_leave(
        policy in any_policy(), asked in any_asked(), facts in any_facts(),
        role in prop::sample::select(vec!["a", "b", "c", "d"]), how in prop::sample::select(vec![0, 1, 2])
    ) {
        let before = decide(&policy, &asked, &facts);
        let mut fewer = facts.clone();
        match how {
            0 => { fewer.roles.remove(role); }
            1 => { fewer.roles.insert(role.into(), Held::No); }
            _ => { fewer.roles.insert(role.into(), Held::Unknown("away".into())); }
        }
        let after = decide(&policy, &asked, &fewer);
        prop_assert!(at_most(&after, &before), "{before:?}\n{after:?}");
    }

    #[test]
    fn one_more_lock_or_freeze_never_gives_more_leave(
        policy in any_policy(), asked in any_asked(), facts in any_facts(), freeze in prop::bool::ANY
    ) {
        let before = decide(&policy, &asked, &facts);
        let (mut policy, mut facts) = (policy, facts);
        if freeze {
            policy.freezes.push(Freeze { name: "f".into(), every: Some("mon".into()), ..Freeze::default() });
        } else {
            facts.locks.push(lock(LockTarget::Service("api".into()), "bob", None));
        }
        prop_assert!(at_most(&decide(&policy, &asked, &facts), &before));
    }

    #[test]
    fn it_is_always_said_why(policy in any_policy(), asked in any_asked(), facts in any_facts()) {
        let verdict = decide(&policy, &asked, &facts);
        prop_assert!(!verdict.rule.is_empty() && !verdict.trace.is_empty());
        let against = verdict.trace.iter().any(|line| line.mark == Mark::No);
        let no = matches!(verdict.kind, VerdictKind::Refuse | VerdictKind::Wait { .. });
        prop_assert_eq!(against, no, "{:?}", verdict);
        if let VerdictKind::Wait { until: Some(until), .. } = verdict.kind {
            prop_assert!(until > facts.now);
            let then = Facts { now: until, ..facts };
            let waits = matches!(decide(&policy, &asked, &then).kind, VerdictKind::Wait { .. });
            prop_assert!(!waits, "it was to open at {until}");
        }
    }
}
