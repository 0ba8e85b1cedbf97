//! The texts that no chat of the tests shows.

use super::*;
use crate::can::{Role, Takes};
use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use otus::{
    ChannelId, Post, UserId,
    policy::{Elevation, Line, Lock, LockTarget, Mark, Verdict, VerdictKind, Waiting},
};

fn now() -> Timestamp {
    "2026-11-23T14:14:00Z".parse().unwrap()
}

fn lock(service: &str, waiting: usize) -> Lock {
    Lock {
        target: LockTarget::Both(service.into(), "production".into()),
        by: "U1".into(),
        name: "Ann".into(),
        reason: "database migration".into(),
        since: "2026-11-23T14:02:00Z".parse().unwrap(),
        until: Some("2026-11-24T15:00:00Z".parse().unwrap()),
        waiting: (0..waiting)
            .map(|number| Waiting {
                user: UserId::new(format!("U{number}")),
                channel: ChannelId::new("C1"),
                thread: None,
            })
            .collect(),
        opened_by: None,
        telling: None,
    }
}

fn elevation() -> Elevation {
    Elevation {
        by: "U1".into(),
        name: "Ann".into(),
        channel: "C1".into(),
        reason: "the shop is down".into(),
        since: "2026-11-23T14:02:00Z".parse().unwrap(),
        until: "2026-11-23T14:32:00Z".parse().unwrap(),
        telling: None,
    }
}

fn plain(card: Card) -> String {
    Post::from(card).plain()
}

#[test]
fn of_locks() {
    let api = lock("api", 2);
    assert_snapshot!(plain(taken_meanwhile(&api, now())), @r"
    ❌ Somebody was faster: api in production is locked by Ann since 14:02 UTC (12 min) until Tue 2026-11-24 15:00 UTC: database migration
    [Tell me]
    ");
    assert_snapshot!(taken_record(&api), @r"api in production was locked by Ann first");
    assert_snapshot!(lock_title(&api.target, Some(SignedDuration::from_mins(90))), @r"Lock *api in production* for 1 h 30 min");
    assert_snapshot!(lock_title(&api.target, None), @r"Lock *api in production*");
    assert_snapshot!(lock_until(api.until, &api.reason), @r"until 2026-11-24 15:00 UTC: database migration");
    assert_snapshot!(unlock_title(&api.target), @r"Unlock *api in production*");
    assert_snapshot!(otus::markup::plain(&unlock_notes(&api, now()).join("\n")), @r"
    api in production is locked by Ann since 14:02 UTC (12 min) until Tue 2026-11-24 15:00 UTC: database migration
    2 people wait and will be told
    ");
    assert_snapshot!(plain(unlocked(&api.target, Some(&api))), @r"
    ✅ *api in production* is open
    The 2 people who wait for it are told.
    ");
    assert_snapshot!(plain(unlocked(&api.target, None)), @r"✅ *api in production* was open already");
    assert_snapshot!(plain(still_locked(&api.target, &no_override("lead"))), @r"❌ *api in production* stays locked: only the role `lead` may take away the locks of others");
    assert_snapshot!(still_locked_record(&api.target, &no_reason()), @r"api in production stays locked: it is somebody else's lock, and no reason was given");
    assert_snapshot!(override_unknown("lead", "the group `leads` cannot be looked at"), @r"only the role `lead` may take away the locks of others, and whether you have it cannot be told: the group `leads` cannot be looked at");
    assert_snapshot!(unlocked_record("Bob", &api.target, &Some("it is old".into())), @r"Bob unlocked api in production because it is old");
    assert_snapshot!(expired_record(&api), @r"the time of the lock of Ann on api in production is over");
    let by_hand = Lock {
        opened_by: Some("Bob".into()),
        ..api.clone()
    };
    assert_snapshot!(otus::markup::plain(&opened(&by_hand, &"U2".into())), @r"@U2 *api in production* is open: Bob has unlocked it.");
    assert_snapshot!(otus::markup::plain(&opened(&api, &"U2".into())), @r"@U2 *api in production* is open: the time of its lock is over.");
    let many: Vec<_> = (0..22)
        .map(|number| lock(&format!("s{number}"), number % 3))
        .collect();
    let shown = plain(locks(&many, now()));
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 23, "{shown}");
    assert_snapshot!(format!("{}\n{}\n{}", lines[0], lines[3], lines[22]), @r"
    🔒 22 locks
    • s2 in production is locked by Ann since 14:02 UTC (12 min) until Tue 2026-11-24 15:00 UTC: database migration · 2 people wait
    And 2 more.
    ");
}

#[test]
fn what_people_wrote_forges_nothing() {
    let forged = otus::markup::user(&"U9".into());
    let lock = Lock {
        name: forged.clone(),
        reason: forged.clone(),
        target: LockTarget::Service(forged.clone()),
        ..lock("api", 0)
    };
    let elevation = Elevation {
        name: forged.clone(),
        reason: forged,
        ..elevation()
    };
    let texts = [
        plain(locks(std::slice::from_ref(&lock), now())),
        plain(locked(&lock, now())),
        otus::markup::plain(&opened(&lock, &"U2".into())).replace("@U2", ""),
        otus::markup::plain(&not_yours(&lock, now(), "no")),
        otus::markup::plain(&taken(&lock, now()).text),
        plain(unlocked(&lock.target, Some(&lock))),
        lock_for(None, &lock.reason),
        lock_until(None, &lock.reason),
        lock_title(&lock.target, None),
        in_the_way_of(&lock.target),
        plain(whole(&elevation)),
        plain(broken(&elevation, now())),
        plain(sealed(&elevation.name, &elevation, now())),
    ];
    for text in texts {
        assert!(!text.contains("@U9"), "{text}");
    }
}

#[test]
fn of_the_glass() {
    assert_snapshot!(plain(broken_here(&elevation(), &["#ops".into(), "C9".into()], now())), @r"
    ⚠️ 🚨 Ann has broken the glass until 14:32 UTC
    the shop is down
    Until then locks, freezes, approvals and other rules do not hold Ann up. Everything is recorded.
    I could not tell it in `#ops`, `C9`: please tell them.
    [Seal the glass]
    ");
    assert_snapshot!(plain(sealed("Bob", &elevation(), now())), @r"
    ✅ Bob has sealed the glass that Ann broke, after 12 min
    It was broken because: *the shop is down*. Please look at what was done meanwhile: was it right, and does a rule stand in the way of what must be possible?
    [What was done?]
    ");
    assert_snapshot!(sealed_record("Bob", &elevation()), @r"Bob sealed the glass that Ann broke");
    assert_snapshot!(not_broken(false), @r"Their glass is whole.");
    assert_snapshot!(whole_record(&elevation()), @r"the time of the glass that Ann broke is over");
}

#[test]
fn of_who_can() {
    let takes = Takes {
        what: "deploy".into(),
        everywhere: true,
        role: None,
        only: vec![("careful".into(), vec!["a".into(), "b".into()])],
        needs: Vec::new(),
        against: Vec::new(),
        roles: vec![
            Role {
                name: "a".into(),
                members: None,
            },
            Role {
                name: "b".into(),
                members: Some(Vec::new()),
            },
            Role {
                name: "c".into(),
                members: Some(vec![everybody(), group("crew"), more(3)]),
            },
        ],
    };
    assert_snapshot!(plain(who_can(&takes)), @r"
    Who can `deploy`
    Anybody may say it.
    careful: only the role `a` or `b`.
    • `a`: not defined, so nobody has it
    • `b`: nobody
    • `c`: everybody, the group `crew`, 3 more
    Nothing is in the way right now.
    You did not say where, so this is what holds for all environments together.
    `can @<person> deploy` tells it for one of them.
    ");
    let verdict = |kind| Verdict {
        kind,
        rule: "a rule".into(),
        trace: vec![Line {
            mark: Mark::Needs,
            text: "a rule: somebody else".into(),
        }],
        glass: false,
    };
    let approve = VerdictKind::Approve {
        needs: Vec::new(),
        confirm: false,
        expire: 60,
    };
    assert_snapshot!(plain(can(Some("Bob"), "deploy api", &verdict(approve), true)), @r"
    ⚠️ Yes, Bob can `deploy api`, once it is approved: a rule
    → a rule: somebody else
    You did not say where, so this is what holds for all environments together.
    ");
    assert_snapshot!(plain(can(None, "deploy api", &verdict(VerdictKind::Confirm), false)), @r"
    ✅ Yes, you can `deploy api`, once it is confirmed: a rule
    → a rule: somebody else
    ");
    assert_snapshot!(nobody(&"ann".into()), @"I know nobody by `@ann`. Mention them, so that it becomes a link.");
    assert_snapshot!(no_command("frobnicate", &[]), @r"There is no command `frobnicate`. `help` tells them all.");
}

#[test]
fn of_freezes() {
    let freeze = |text: &str| toml::from_str::<Freeze>(text).unwrap();
    let all = [
        freeze(
            "name = 'for good'\nfrom = '2026-01-01'\ncommands = ['deploy']\nservices = ['api']\nenvironments = ['production']",
        ),
        freeze("name = 'unreadable'\nevery = 'someday'\nservices = ['api', 'web']"),
    ];
    assert_snapshot!(plain(freezes(&all, now())), @r"
    ⚠️ Frozen now
    • *for good* (deploy: api in production): with no end in sight
    • *unreadable* (api, web): nobody can tell until when
    ");
}
