//! The transitions, one by one, and what is said of them.

use super::{
    operation::{Approval, Lease, Need, Operation, Origin, State, Wish},
    plan::{Change, Plan, Target},
    texts,
    transitions::{self, Refusal},
};
use crate::{
    audit::Entry,
    ids::UserId,
    options::Options,
    policy::{Line, Lock, LockTarget, Mark, Policy, Verdict, VerdictKind},
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::Value;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

fn verdict(kind: VerdictKind) -> Verdict {
    Verdict {
        kind,
        rule: "the rule".into(),
        trace: vec![Line {
            mark: Mark::Note,
            text: "looked at".into(),
        }],
        glass: false,
    }
}

fn approve(count: u32) -> VerdictKind {
    VerdictKind::Approve {
        needs: vec![Need {
            count,
            role: "sre".into(),
            rule: "the rule".into(),
        }],
        confirm: false,
        expire: 1_800,
    }
}

fn operation(kind: VerdictKind) -> Operation {
    let plan = Plan {
        target: Target::new("api", "production"),
        title: "Deploy *api* 2 to *production*".into(),
        changes: vec![Change {
            what: "image".into(),
            from: Some("api:1".into()),
            to: Some("api:2".into()),
        }],
        warnings: vec!["It is Friday.".into()],
        notes: vec!["3 of 3 pods are ready.".into()],
        exclusive: true,
        ..Plan::default()
    };
    Operation {
        id: "3f9c2ab01d".into(),
        kind: "deploy".into(),
        command: "deploy.deploy".into(),
        line: "deploy api 2".into(),
        ask: Value::Null,
        hash: plan.hash(),
        plan,
        by: "ann".into(),
        name: "Ann".into(),
        origin: Origin {
            channel: "C1".into(),
            thread: None,
            message: None,
            schedule: None,
        },
        reason: None,
        verdict: verdict(kind),
        approvals: Vec::new(),
        asked: at(0),
        expires: None,
        started: None,
        ended: None,
        state: State::Planned,
        card: None,
        wish: Wish::Go,
        wished_by: None,
        lease: Lease::default(),
        progress: Value::Null,
        ending: None,
        told: true,
        revision: 1,
    }
}

fn proposed(kind: VerdictKind, options: &Options) -> (Operation, Vec<Entry>) {
    transitions::proposed(&operation(kind), options, &Policy::default(), at(0))
}

fn names(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.event.as_str()).collect()
}

fn approval(operation: &Operation, by: &str, roles: &[&str]) -> Approval {
    Approval {
        by: by.into(),
        at: at(1),
        hash: operation.hash.clone(),
        roles: roles.iter().map(|&role| role.into()).collect(),
    }
}

fn running() -> Operation {
    let mut running = proposed(VerdictKind::Allow, &Options::default()).0;
    running.lease.owner = Some("a.1".into());
    running.lease.until = Some(at(30));
    running
}

fn lock() -> Lock {
    serde_json::from_value(serde_json::json!({
        "target": LockTarget::Service("api".into()),
        "by": "bob",
        "name": "Bob",
        "reason": "a fire",
        "since": at(-60),
        "until": null,
        "waiting": [],
    }))
    .unwrap()
}

#[test]
fn a_verdict_leads_to_a_state() {
    let plain = Options::default();
    let queue = Options {
        queue: true,
        ..Options::default()
    };
    let wait = || VerdictKind::Wait {
        lock: Some(Box::new(lock())),
        until: None,
    };
    let both = VerdictKind::Approve {
        needs: Vec::new(),
        confirm: true,
        expire: 60,
    };
    for (kind, options, state, expires, events) in [
        (
            VerdictKind::Allow,
            &plain,
            State::Running,
            None,
            vec!["asked", "decided", "started"],
        ),
        (
            VerdictKind::Confirm,
            &plain,
            State::Confirming,
            Some(600),
            vec!["asked", "decided"],
        ),
        (
            both,
            &plain,
            State::Confirming,
            Some(600),
            vec!["asked", "decided"],
        ),
        (
            approve(1),
            &plain,
            State::Approving,
            Some(1_800),
            vec!["asked", "decided"],
        ),
        (wait(), &plain, State::Refused, None, vec!["asked", "decided"]),
        (
            wait(),
            &queue,
            State::Queued,
            Some(43_200),
            vec!["asked", "decided", "queued"],
        ),
        (
            VerdictKind::Refuse,
            &queue,
            State::Refused,
            None,
            vec!["asked", "decided"],
        ),
    ] {
        let (next, entries) = proposed(kind.clone(), options);
        assert_eq!((next.state, next.expires), (state, expires.map(at)), "{kind:?}");
        assert_eq!(names(&entries), events, "{kind:?}");
        assert!(!next.told);
        assert_eq!(next.lease.generation, u64::from(state == State::Running));
        assert_eq!(next.ended.is_some(), state.is_over());
    }
    let plan = Options {
        plan: true,
        ..Options::default()
    };
    assert_eq!(proposed(VerdictKind::Refuse, &plan).0.state, State::Planned);
}

#[test]
fn who_may_agree_and_when() {
    let waiting = proposed(approve(2), &Options::default()).0;
    let may = |by: &str, seconds| transitions::may_approve(&waiting, &by.into(), at(seconds));
    assert_eq!(may("bob", 1_799), Ok(()));
    assert_eq!(may("bob", 1_800), Err(Refusal::Expired));
    assert_eq!(may("ann", 1), Err(Refusal::Own));
    let one =
        transitions::approved(&waiting, Vec::new(), approval(&waiting, "bob", &["sre"]), at(1)).unwrap();
    assert_eq!(names(&one.1), ["approved"]);
    assert_eq!(
        transitions::may_approve(&one.0, &"bob".into(), at(2)),
        Err(Refusal::Twice)
    );
    let old = Approval {
        hash: Plan::default().hash(),
        ..approval(&waiting, "cid", &["sre"])
    };
    let others = one.0.approvals.clone();
    assert_eq!(
        transitions::approved(&one.0, others, old, at(2)),
        Err(Refusal::OtherPlan)
    );
    let confirming = proposed(VerdictKind::Confirm, &Options::default()).0;
    assert_eq!(
        transitions::may_confirm(&confirming, &"bob".into(), at(1)),
        Err(Refusal::Theirs)
    );
    assert_eq!(
        transitions::may_approve(&confirming, &"bob".into(), at(1)),
        Err(Refusal::WaitsNot)
    );
    assert_eq!(
        transitions::may_approve(&running(), &"bob".into(), at(1)),
        Err(Refusal::Runs)
    );
    assert_eq!(
        transitions::denied(&waiting, &"ann".into(), None, at(1)),
        Err(Refusal::Own)
    );
}

#[test]
fn a_lease_is_free_when_it_is_over_and_only_what_is_free_is_taken_up() {
    let running = running();
    assert!(!transitions::is_free(&running, at(29)));
    assert_eq!(transitions::taken_up(&running, at(29)), Err(Refusal::RunsNot));
    let (next, entries) = transitions::taken_up(&running, at(30)).unwrap();
    assert_eq!((next.lease.generation, next.lease.owner), (2, None));
    assert_eq!(names(&entries), ["taken_up"]);
    assert!(transitions::is_of(&running, Some("a.1"), 1));
    assert!(!transitions::is_of(&running, Some("a.1"), 2));
    assert!(!transitions::is_of(&running, Some("a.2"), 1));
}

#[test]
fn what_is_wanted_of_a_running_one() {
    let running = running();
    let wished = |operation: &Operation, wish| transitions::wished(operation, wish, &"bob".into(), at(1));
    assert_eq!(wished(&running, Wish::Go), Err(Refusal::PausedNot));
    let (held, entries) = wished(&running, Wish::Pause).unwrap();
    assert_eq!(names(&entries), ["wish"]);
    assert_eq!(wished(&held, Wish::Pause).unwrap(), (held.clone(), Vec::new()));
    assert_eq!(wished(&held, Wish::Go).unwrap().0.wish, Wish::Go);
    let (stopping, _) = wished(&held, Wish::Cancel).unwrap();
    assert_eq!(wished(&stopping, Wish::Go), Err(Refusal::PausedNot));
    assert_eq!(wished(&stopping, Wish::Pause), Err(Refusal::RunsNot));
    let waiting = proposed(approve(1), &Options::default()).0;
    assert_eq!(wished(&waiting, Wish::Cancel), Err(Refusal::RunsNot));
    assert_eq!(
        transitions::taken_back(&running, &"bob".into(), at(1)),
        Err(Refusal::Runs)
    );
}

#[test]
fn only_what_waits_expires_and_only_in_its_time() {
    let waiting = proposed(approve(1), &Options::default()).0;
    assert_eq!(transitions::expired(&waiting, at(1_799)), Err(Refusal::WaitsNot));
    let (expired, entries) = transitions::expired(&waiting, at(1_800)).unwrap();
    assert_eq!((expired.state, expired.expires), (State::Expired, None));
    assert_eq!(names(&entries), ["expired"]);
    assert_eq!(transitions::expired(&expired, at(9_999)), Err(Refusal::WaitsNot));
    assert_eq!(
        transitions::expired(&running(), at(9_999)),
        Err(Refusal::WaitsNot)
    );
}

proptest! {
    /// Enough is enough people, each with the role, of exactly this plan, and never who asked, however often each says it.
    #[test]
    fn needs_are_met_by_people_and_not_by_approvals(
        given in prop::collection::vec((0..5usize, any::<bool>(), any::<bool>()), 0..10),
        sres in 0..4u32,
        leads in 0..3u32,
    ) {
        let mut waiting = operation(VerdictKind::Approve {
            needs: vec![
                Need { count: sres, role: "sre".into(), rule: "a".into() },
                Need { count: leads, role: "lead".into(), rule: "b".into() },
            ],
            confirm: false,
            expire: 60,
        });
        waiting.state = State::Approving;
        let people = ["ann", "bob", "cid", "dan", "eve"];
        let approvals: Vec<_> = given
            .iter()
            .map(|(who, same, lead)| {
                let mut approval = approval(&waiting, people[*who], if *lead { &["sre", "lead"] } else { &["sre"] });
                if !same {
                    approval.hash = Plan::default().hash();
                }
                approval
            })
            .collect();
        let counted = |needs_lead: bool| {
            (1..5).filter(|person| {
                given.iter().any(|(who, same, lead)| who == person && *same && (*lead || !needs_lead))
            }).count() as u32
        };
        prop_assert_eq!(
            transitions::is_met(&waiting, &approvals),
            counted(false) >= sres && counted(true) >= leads
        );
    }
}

#[test]
fn cards_say_what_happens_and_what_one_can_do() {
    let planned = proposed(
        approve(1),
        &Options {
            plan: true,
            reason: Some("a fix".into()),
            ..Options::default()
        },
    )
    .0;
    let planned = Operation {
        reason: Some("a fix".into()),
        ..planned
    };
    insta::assert_snapshot!(texts::card(&planned, true).plain(), @r"
    Deploy *api* 2 to *production*
    image: api:1 → api:2
    ⚠️ It is Friday.
    3 of 3 pods are ready.
    _because a fix_
    Nothing has changed yet. To be applied it needs 1 approval of `sre`.
    It can be applied until 2026-09-21 14:23 UTC. Plan `48f2e97c`.
    [Apply] [Cancel]
    asked by @ann · `3f9c2ab01d`
    ");
    let mut scheduled = planned.clone();
    scheduled.origin.schedule = Some("3f2a".into());
    assert_eq!(
        texts::card(&scheduled, true).footer,
        Some(format!(
            "scheduled by {} · `3f9c2ab01d`",
            crate::markup::user(&"ann".into())
        ))
    );
    let confirming = proposed(VerdictKind::Confirm, &Options::default()).0;
    insta::assert_snapshot!(texts::card(&confirming, true).plain(), @r"
    ⚠️ Deploy *api* 2 to *production*
    image: api:1 → api:2
    ⚠️ It is Friday.
    3 of 3 pods are ready.
    @ann, please confirm: the rule.
    It waits until 2026-09-21 14:23 UTC. Plan `48f2e97c`.
    [Confirm] [Cancel]
    asked by @ann · `3f9c2ab01d`
    ");
    let mut approving = proposed(approve(2), &Options::default()).0;
    approving.approvals = vec![approval(&approving, "bob", &["sre"])];
    insta::assert_snapshot!(texts::card(&approving, true).plain(), @r"
    ⚠️ Deploy *api* 2 to *production*
    image: api:1 → api:2
    ⚠️ It is Friday.
    3 of 3 pods are ready.
    It needs 1 more approval of `sre`: the rule.
    Approved so far by @bob.
    It waits until 2026-09-21 14:43 UTC. Plan `48f2e97c`.
    [Approve] [Deny] [Cancel]
    asked by @ann · approved by @bob · `3f9c2ab01d`
    ");
    let mut paused = running();
    (paused.state, paused.wish, paused.wished_by) = (State::Paused, Wish::Pause, Some("bob".into()));
    insta::assert_snapshot!(texts::card(&paused, true).plain(), @r"
    ⏳ Deploy *api* 2 to *production*
    image: api:1 → api:2
    ⚠️ It is Friday.
    3 of 3 pods are ready.
    Paused, as @bob wants.
    [Resume] [Cancel]
    asked by @ann · since 2026-09-21 14:13 UTC · `3f9c2ab01d`
    ");
    let resting = texts::resting(&running());
    assert!(
        resting
            .plain()
            .contains("I am restarting. It goes on by itself where it stopped, in a moment.")
    );
    let taken_up = texts::running(&running(), Some(texts::taken_up(&running())), false);
    insta::assert_snapshot!(taken_up.plain(), @r"
    ⏳ Deploy *api* 2 to *production*
    image: api:1 → api:2
    ⚠️ It is Friday.
    3 of 3 pods are ready.
    Taken up again after an interruption; it goes on where it stopped.
    [Cancel]
    asked by @ann · since 2026-09-21 14:13 UTC · `3f9c2ab01d`
    ");
}

#[test]
fn ends_say_why_and_what_to_do_next() {
    let waiting = VerdictKind::Wait {
        lock: Some(Box::new(lock())),
        until: Some(at(3_600)),
    };
    let refused = proposed(waiting, &Options::default()).0;
    let card = texts::card(&refused, false);
    insta::assert_snapshot!(card.plain(), @r"
    ⚠️ Not now: the rule.
    `deploy api 2` was not begun; as far as anybody knows, the way is free at 2026-09-21 15:13 UTC.
    [Queue it] [Tell me when it opens] [Why?]
    asked by @ann · `3f9c2ab01d`
    ");
    let commands: Vec<_> = card
        .buttons
        .iter()
        .map(|button| button.command.as_str())
        .collect();
    assert_eq!(
        commands,
        ["deploy api 2 --queue", "tell me when api opens", "why 3f9c2ab01d"]
    );

    let other = Operation {
        id: "0a1b2c3d4e".into(),
        line: "deploy api 1.9".into(),
        name: "Bob".into(),
        ..running()
    };
    let busy = transitions::blocked(&operation(VerdictKind::Allow), &other, at(200)).0;
    insta::assert_snapshot!(texts::card(&busy, false).plain(), @r"
    ⚠️ Not now: Bob does `deploy api 1.9` since 2026-09-21 14:13 UTC, and only one at a time may change api in production.
    `deploy api 2` was not begun; the other one is under way for 3 min 20 s.
    [Queue it] [Why?]
    asked by @ann · `3f9c2ab01d`
    ");

    let waiting = proposed(approve(1), &Options::default()).0;
    let mut now = waiting.plan.clone();
    now.changes[0].from = Some("api:1.5".into());
    insta::assert_snapshot!(texts::card(&transitions::voided(&waiting, &now, at(60)).0, false).plain(), @r"
    ⚠️ Void: Deploy *api* 2 to *production*
    The world moved since it was planned, so nothing was done:
    • image was api:1 and is api:1.5 now
    [Again]
    asked by @ann · `3f9c2ab01d`
    ");
    insta::assert_snapshot!(texts::card(&transitions::expired(&waiting, at(1_800)).unwrap().0, false).plain(), @r"
    Expired: Deploy *api* 2 to *production*
    It still needed 1 approval of `sre`. Nothing was done.
    [Again]
    asked by @ann · `3f9c2ab01d`
    ");
    let by = UserId::new("bob");
    insta::assert_snapshot!(
        texts::card(&transitions::denied(&waiting, &by, Some("not on a Friday"), at(60)).unwrap().0, false).plain(),
        @r"
    ❌ Denied: Deploy *api* 2 to *production*
    @bob said no: not on a Friday. Nothing was done.
    asked by @ann · `3f9c2ab01d`
    ");

    let queued = transitions::queued(&operation(VerdictKind::Allow), &Policy::default(), at(0)).0;
    insta::assert_snapshot!(texts::card(&queued, false).plain(), @r"
    Deploy *api* 2 to *production*
    image: api:1 → api:2
    ⚠️ It is Friday.
    3 of 3 pods are ready.
    In the way: another operation on *api in production*.
    It begins by itself when its way is free; a newer one takes its place.
    It waits until 2026-09-22 02:13 UTC. Plan `48f2e97c`.
    [Cancel]
    asked by @ann · `3f9c2ab01d`
    ");
    let superseded = transitions::superseded(&queued, &other, at(60)).unwrap().0;
    insta::assert_snapshot!(texts::card(&superseded, false).plain(), @r"
    Superseded: Deploy *api* 2 to *production*
    Bob asked for `deploy api 1.9` since, which took its place. Nothing was done.
    asked by @ann · `3f9c2ab01d`
    ");
}

#[test]
fn what_people_wrote_forges_nothing() {
    let mut planned = proposed(
        VerdictKind::Allow,
        &Options {
            plan: true,
            ..Options::default()
        },
    )
    .0;
    planned.reason = Some(crate::markup::user(&"eve".into()));
    assert!(texts::card(&planned, false).plain().contains("_because usereve_"));
    let by = UserId::new("bob");
    let mut waiting = proposed(approve(1), &Options::default()).0;
    waiting.line = "deploy `api`".into();
    let reason = crate::markup::user(&"eve".into());
    let denied = transitions::denied(&waiting, &by, Some(&reason), at(1))
        .unwrap()
        .0;
    assert!(texts::card(&denied, false).plain().contains("said no: usereve."));
    assert!(
        texts::refusal(&Refusal::Over, &denied)
            .text
            .starts_with("`deploy 'api'` (`3f9c2ab01d`) is over: it is denied.")
    );
}

#[test]
fn a_day_has_an_end() {
    // What lies beyond the end of time never expires.
    let policy = Policy {
        confirm_expires: SignedDuration::MAX,
        ..Policy::default()
    };
    let planned = transitions::settled(&operation(VerdictKind::Confirm), false, false, &policy, at(0));
    assert_eq!(planned.0.expires, None);
}
