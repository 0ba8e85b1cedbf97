//! Every rule of the decision, and that nothing goes but forward.

use jiff::{SignedDuration, Timestamp};
use otus::UserId;
use otus::operations::State;
use otus::policy::{Verdict, VerdictKind};
use otus_ci::version::Direction;
use proptest::prelude::*;

use super::decide::{Facts, Tried, blocked, decide};
use super::decision::Decision;
use super::pause::Pause;
use crate::good::Rejected;

fn at() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn free() -> Facts {
    Facts {
        runs: "old".into(),
        here: false,
        failed: None,
        way: Some(Direction::Forward),
        rejected: Vec::new(),
        peak: None,
        tried: Tried::Go(0),
    }
}

fn rejected() -> Rejected {
    Rejected {
        service: "api".into(),
        environment: "staging".into(),
        image: "i".into(),
        version: "bad".into(),
        by: UserId::new("U1"),
        at: at(),
        why: None,
        operation: "0a".into(),
    }
}

#[test]
fn the_first_rule_that_says_no_decides() {
    let rule = |facts: &Facts| decide(facts).map(|decision| decision.rule());
    assert_eq!(rule(&free()), None);
    let under = Tried::Under {
        operation: "0a".into(),
        state: State::Running,
    };
    let failed = Tried::Ended(Decision::Failed {
        operation: Some("0a".into()),
        at: at(),
    });
    for (facts, wanted) in [
        (
            Facts {
                tried: under,
                here: true,
                ..free()
            },
            "going",
        ),
        (
            Facts {
                here: true,
                way: None,
                ..free()
            },
            "here",
        ),
        (
            Facts {
                here: true,
                failed: Some(at()),
                ..free()
            },
            "failed",
        ),
        (
            Facts {
                failed: Some(at()),
                tried: failed,
                ..free()
            },
            "failed",
        ),
        (Facts { way: None, ..free() }, "unknown"),
        (
            Facts {
                way: Some(Direction::Back),
                ..free()
            },
            "older",
        ),
        (
            Facts {
                way: Some(Direction::Same),
                ..free()
            },
            "older",
        ),
        (
            Facts {
                way: Some(Direction::Sideways),
                ..free()
            },
            "aside",
        ),
        (
            Facts {
                rejected: vec![(rejected(), Some(Direction::Same))],
                ..free()
            },
            "rejected",
        ),
        (
            Facts {
                rejected: vec![(rejected(), Some(Direction::Back))],
                ..free()
            },
            "rejected",
        ),
        (
            Facts {
                peak: Some(("high".into(), Direction::Same)),
                ..free()
            },
            "went_back",
        ),
        (
            Facts {
                peak: Some(("high".into(), Direction::Back)),
                ..free()
            },
            "went_back",
        ),
        (
            Facts {
                tried: Tried::Done,
                ..free()
            },
            "went_back",
        ),
    ] {
        assert_eq!(rule(&facts).as_deref(), Some(wanted), "{facts:?}");
    }
    // What is newer than what was rejected, or than what somebody went back from, goes.
    for facts in [
        Facts {
            rejected: vec![(rejected(), Some(Direction::Forward)), (rejected(), None)],
            ..free()
        },
        Facts {
            peak: Some(("high".into(), Direction::Forward)),
            ..free()
        },
    ] {
        assert_eq!(rule(&facts), None);
    }
}

#[test]
fn what_is_in_the_way_for_a_while() {
    let verdict = |kind| Verdict {
        kind,
        ..Verdict::refuse("the rule")
    };
    let rule = |pause: Option<&Pause>, kind| {
        blocked(pause, &verdict(kind), None, None).map(|decision| decision.rule())
    };
    let asks = |confirm| VerdictKind::Approve {
        needs: Vec::new(),
        confirm,
        expire: 60,
    };
    let waits = || VerdictKind::Wait {
        lock: None,
        until: None,
    };
    assert_eq!(rule(None, VerdictKind::Allow), None);
    assert_eq!(rule(None, asks(false)), None, "its card asks for them");
    assert_eq!(rule(None, asks(true)).as_deref(), Some("personal"));
    assert_eq!(rule(None, VerdictKind::Confirm).as_deref(), Some("personal"));
    assert_eq!(rule(None, waits()).as_deref(), Some("held"));
    assert_eq!(rule(None, VerdictKind::Refuse).as_deref(), Some("refused"));
    let pause = Pause {
        service: "api".into(),
        environment: None,
        by: "Ann".into(),
        reason: "the fair".into(),
        since: at(),
        until: None,
    };
    assert_eq!(rule(Some(&pause), VerdictKind::Allow).as_deref(), Some("paused"));
}

mod tries {
    use super::super::decide::{MOST_PROPOSED, tried};
    use super::*;
    use otus::Card;
    use otus::operations::{Ending, Lease, Operation, Origin, Outcome, Plan, PlanHash, Wish};
    use otus::store::DeployState;
    use serde_json::Value;

    fn operation(id: u32, state: State) -> Operation {
        Operation {
            id: id.to_string(),
            kind: "deploy".into(),
            command: "deploy.deploy".into(),
            line: "deploy api".into(),
            ask: Value::Null,
            plan: Plan::default(),
            hash: PlanHash(String::new()),
            by: UserId::robot("auto-deploy"),
            name: "auto-deploy".into(),
            origin: Origin {
                channel: "C1".into(),
                thread: None,
                message: None,
                schedule: None,
            },
            reason: None,
            verdict: Verdict::refuse("x"),
            approvals: Vec::new(),
            asked: at(),
            expires: None,
            started: None,
            ended: Some(at()),
            state,
            card: None,
            wish: Wish::Go,
            wished_by: None,
            lease: Lease::default(),
            progress: Value::Null,
            ending: Some(Ending {
                outcome: Outcome::Failed,
                note: "unreachable".into(),
                card: Card::new(otus::Tone::Neutral, "x"),
            }),
            told: true,
            revision: 1,
        }
    }

    fn of(states: &[(State, Option<DeployState>)], later: i64) -> Tried {
        let operations: Vec<_> = (0..)
            .zip(states)
            .map(|(id, (state, deploy))| (operation(id, *state), *deploy))
            .collect();
        let now = at() + SignedDuration::from_secs(later);
        tried(&operations, SignedDuration::from_secs(60), now)
    }

    #[test]
    fn what_came_in_between_is_looked_at_anew_and_what_people_ended_is_over() {
        assert_eq!(of(&[], 0), Tried::Go(0));
        for state in [State::Refused, State::Void, State::Superseded] {
            assert_eq!(of(&[(state, None)], 0), Tried::Go(1), "{state:?}");
        }
        for state in [State::Running, State::Paused, State::Approving] {
            assert!(
                matches!(of(&[(State::Void, None), (state, None)], 0), Tried::Under { .. }),
                "{state:?}"
            );
        }
        for state in [State::Cancelled, State::Denied, State::Expired] {
            let ended = of(&[(state, None)], 9_999);
            assert!(matches!(ended, Tried::Ended(Decision::Ended { .. })), "{ended:?}");
        }
        assert_eq!(
            of(&[(State::Succeeded, Some(DeployState::Succeeded))], 0),
            Tried::Done
        );
        let failed = of(&[(State::Failed, Some(DeployState::Failed))], 9_999);
        assert!(
            matches!(failed, Tried::Ended(Decision::Failed { .. })),
            "{failed:?}"
        );
        let many = vec![(State::Void, None); MOST_PROPOSED as usize];
        assert!(matches!(of(&many, 0), Tried::Ended(Decision::Unplanned { .. })));
    }

    #[test]
    fn what_changed_nothing_is_tried_once_more_and_not_for_ever() {
        let stopped = (State::Failed, Some(DeployState::Stopped));
        let again = |tried: Tried| match tried {
            Tried::Ended(Decision::Troubled { again, .. }) => again.is_some(),
            other => panic!("{other:?}"),
        };
        assert!(again(of(&[stopped], 59)));
        assert_eq!(of(&[stopped], 60), Tried::Go(1));
        assert!(!again(of(&[stopped, stopped], 9_999)));
        assert_eq!(of(&[stopped, (State::Void, None)], 60), Tried::Go(2));
    }
}

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![
        Just(Direction::Forward),
        Just(Direction::Same),
        Just(Direction::Back),
        Just(Direction::Sideways)
    ]
}

proptest! {
    #[test]
    fn only_what_is_ahead_of_everything_goes(
        here: bool,
        failed: bool,
        way in proptest::option::of(direction()),
        rejections in proptest::collection::vec(proptest::option::of(direction()), 0..3),
        peak in proptest::option::of(direction()),
        done: bool,
    ) {
        let facts = Facts {
            runs: "old".into(),
            here,
            failed: failed.then(at),
            way,
            rejected: rejections.iter().map(|direction| (rejected(), *direction)).collect(),
            peak: peak.map(|direction| ("high".to_owned(), direction)),
            tried: if done { Tried::Done } else { Tried::Go(0) },
        };
        if decide(&facts).is_none() {
            prop_assert!(!here && !failed && !done);
            prop_assert_eq!(way, Some(Direction::Forward));
            prop_assert!(peak.is_none_or(|direction| direction == Direction::Forward));
            prop_assert!(rejections.iter().flatten().all(|direction| !matches!(direction, Direction::Same | Direction::Back)));
        }
    }
}
