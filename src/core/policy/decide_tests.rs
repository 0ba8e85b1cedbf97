//! The decision, by tables.

use super::*;
use crate::{markup, operations::Target};
use jiff::Timestamp;

fn policy(toml: &str) -> Policy {
    toml::from_str(toml).unwrap()
}

pub(super) fn now() -> Timestamp {
    "2026-11-23T14:14:00Z".parse().unwrap()
}

pub(super) fn asked() -> Asked {
    Asked {
        command: "deploy.deploy".into(),
        role: Some("deployer".into()),
        target: Target::new("api", "production"),
        user: "ann".into(),
        channel: "C1".into(),
        reason: None,
    }
}

fn because(reason: &str) -> Asked {
    Asked {
        reason: Some(reason.into()),
        ..asked()
    }
}

fn facts(held: &[&str], missing: &[&str]) -> Facts {
    let yes = held
        .iter()
        .map(|role| (role.to_string(), Held::Yes("named in it".into())));
    let no = missing.iter().map(|role| (role.to_string(), Held::No));
    Facts {
        now: now(),
        changes: true,
        roles: yes.chain(no).collect(),
        channel_name: Some("deploys".into()),
        locks: Vec::new(),
        elevation: None,
        unknown: Vec::new(),
    }
}

pub(super) fn lock(target: LockTarget, by: &str, until: Option<&str>) -> Lock {
    Lock {
        target,
        by: by.into(),
        name: by.to_uppercase(),
        reason: "database migration".into(),
        since: "2026-11-23T14:02:00Z".parse().unwrap(),
        until: until.map(|until| until.parse().unwrap()),
        waiting: Vec::new(),
        opened_by: None,
        telling: None,
    }
}

pub(super) fn elevation(by: &str) -> Elevation {
    Elevation {
        by: by.into(),
        name: by.to_uppercase(),
        channel: "C1".into(),
        reason: "the shop is down".into(),
        since: "2026-11-23T14:00:00Z".parse().unwrap(),
        until: "2026-11-23T14:30:00Z".parse().unwrap(),
        telling: None,
    }
}

/// The verdict in one line.
fn short(verdict: &Verdict) -> String {
    let kind = match &verdict.kind {
        VerdictKind::Allow => "allow".to_owned(),
        VerdictKind::Confirm => "confirm".to_owned(),
        VerdictKind::Refuse => "refuse".to_owned(),
        VerdictKind::Approve {
            needs,
            confirm,
            expire,
        } => {
            let needs: Vec<_> = needs
                .iter()
                .map(|need| format!("{} {}", need.count, need.role))
                .collect();
            let confirm = if *confirm { " and confirm" } else { "" };
            format!("approve by {} within {expire} s{confirm}", needs.join(" + "))
        }
        VerdictKind::Wait { lock, until } => {
            let lock = lock
                .as_ref()
                .map_or("no lock".into(), |lock| lock.target.to_string());
            let until = until.map_or("nobody knows when".into(), |until| until.to_string());
            format!("wait for {lock} until {until}")
        }
    };
    let glass = if verdict.glass { " (glass)" } else { "" };
    format!("{kind}{glass}: {}", markup::plain(&verdict.rule))
}

fn decided(policy: &str, asked: &Asked, facts: &Facts) -> String {
    short(&decide(&self::policy(policy), asked, facts))
}

#[test]
fn without_rules_the_commands_role_decides() {
    let has = facts(&["deployer"], &[]);
    assert_eq!(decided("", &asked(), &has), "allow: the role `deployer` may");
    let not = facts(&[], &["deployer"]);
    assert_eq!(
        decided("", &asked(), &not),
        "refuse: it asks for the role `deployer`, which who asked does not have"
    );
    let mut down = facts(&[], &[]);
    let unknown = Held::Unknown("the group `ops` cannot be looked at: it is away".into());
    down.roles.insert("deployer".into(), unknown);
    assert_eq!(
        decided("", &asked(), &down),
        "refuse: it asks for the role `deployer`, and whether who asked has it cannot be told: the group `ops` cannot be \
         looked at: it is away"
    );
    assert_eq!(
        decided("", &asked(), &facts(&[], &[])),
        "refuse: it asks for the role `deployer`, and whether who asked has it cannot be told: nobody looked"
    );
    let anybody = Asked {
        role: None,
        ..asked()
    };
    assert_eq!(decided("", &anybody, &facts(&[], &[])), "allow: anybody may");
}

#[test]
fn what_cannot_be_found_out_is_a_refusal_even_behind_a_broken_glass() {
    let mut facts = facts(&["deployer"], &[]);
    facts
        .unknown
        .push("whether something is locked cannot be told: gone".into());
    facts.elevation = Some(elevation("ann"));
    assert_eq!(
        decided("[break_glass]\nrole = 'oncall'", &asked(), &facts),
        "refuse: whether something is locked cannot be told: gone"
    );
}

/// Which rules are about `deploy api to production`, and about more or less than that.
#[test]
fn rules_are_about_what_they_name_and_in_doubt_about_more() {
    let refuses = |rule: &str, asked: &Asked, changes: bool| {
        let policy = policy(&format!("[[rules]]\nname = 'no'\ndeny = true\n{rule}"));
        let facts = Facts {
            changes,
            ..facts(&["deployer"], &[])
        };
        decide(&policy, asked, &facts).kind == VerdictKind::Refuse
    };
    let target = |service: Option<&str>, environment: Option<&str>| Asked {
        target: Target {
            service: service.map(Into::into),
            environment: environment.map(Into::into),
        },
        ..asked()
    };
    let look = || Asked {
        command: "deploy.status".into(),
        ..asked()
    };
    let unlock = || Asked {
        command: "policy.unlock".into(),
        ..asked()
    };
    for (rule, asked, changes, expected) in [
        ("", asked(), true, true),
        ("", asked(), false, false),
        ("commands = ['deploy']", asked(), false, true),
        ("commands = ['DEPLOY.deploy']", asked(), true, true),
        ("commands = ['migrate', 'flags']", asked(), true, false),
        // A responder's name is for what changes something; what only looks has to be named itself.
        ("commands = ['deploy']", look(), false, false),
        ("commands = ['deploy']", look(), true, true),
        ("commands = ['Status']", look(), false, true),
        ("commands = ['deploy.status']", look(), false, true),
        ("", unlock(), true, false),
        ("commands = ['policy']", unlock(), true, true),
        ("services = ['API']", asked(), true, true),
        ("services = ['web']", asked(), true, false),
        ("services = ['web']", target(None, Some("production")), true, true),
        ("environments = ['production']", asked(), true, true),
        ("environments = ['staging']", asked(), true, false),
        ("environments = ['production']", target(None, None), true, true),
        (
            "environments = ['production']",
            target(Some("api"), None),
            true,
            true,
        ),
        (
            "services = ['web']\nenvironments = ['production']",
            asked(),
            true,
            false,
        ),
        (
            "services = ['api']\nenvironments = ['production']",
            asked(),
            true,
            true,
        ),
    ] {
        assert_eq!(
            refuses(rule, &asked, changes),
            expected,
            "{rule} {asked:?} {changes}"
        );
    }
}

#[test]
fn rules_refuse_by_role_channel_and_reason() {
    let has = facts(&["deployer", "sre"], &["lead"]);
    let roles = "[[rules]]\nname = 'careful'\nroles = ['lead', 'sre']";
    assert_eq!(decided(roles, &asked(), &has), "allow: the role `deployer` may");
    assert_eq!(
        decided(roles, &asked(), &facts(&["deployer"], &["lead", "sre"])),
        "refuse: careful: only the role `lead` or `sre` may, which who asked does not have"
    );
    let channels = "[[rules]]\nname = 'in the open'\nchannels = ['#Deploys', 'C9']";
    assert_eq!(
        decided(channels, &asked(), &has),
        "allow: the role `deployer` may"
    );
    let elsewhere = Facts {
        channel_name: Some("random".into()),
        ..has.clone()
    };
    assert_eq!(
        decided(channels, &asked(), &elsewhere),
        "refuse: in the open: only in #Deploys or #C9"
    );
    let nameless = Facts {
        channel_name: None,
        ..has.clone()
    };
    assert_eq!(
        decided(channels, &asked(), &nameless),
        "refuse: in the open: only in #Deploys or #C9, and what this channel is called cannot be found out"
    );
    let reason = "[[rules]]\nname = 'said why'\nreason = true";
    assert_eq!(
        decided(reason, &because("  "), &has),
        "refuse: said why: it wants a reason; say it again with `because <reason>` at the end"
    );
    assert_eq!(
        decided(reason, &because("it burns"), &has),
        "allow: the role `deployer` may"
    );
}

#[test]
fn approvals_of_all_rules_are_needed_and_of_one_role_the_larger_number() {
    let rules = "
        [[rules]]
        name = 'one SRE'
        approvals = 1
        approvers = 'sre'
        [[rules]]
        name = 'two SREs at night'
        approvals = 2
        approvers = 'sre'
        expire = '10m'
        [[rules]]
        name = 'a lead'
        approvals = 1
        approvers = 'lead'
        confirm = true
        expire = '1h'
        [[rules]]
        name = 'elsewhere'
        environments = ['staging']
        approvals = 9
        approvers = 'sre'
    ";
    assert_eq!(
        decided(rules, &asked(), &facts(&["deployer"], &[])),
        "approve by 2 sre + 1 lead within 600 s and confirm: two SREs at night; a lead"
    );
    let one = "[[rules]]\nname = 'one SRE'\napprovals = 1\napprovers = 'sre'";
    assert_eq!(
        decided(one, &asked(), &facts(&["deployer"], &[])),
        "approve by 1 sre within 1800 s: one SRE"
    );
    let half = "[[rules]]\nname = 'half'\napprovals = 1";
    assert_eq!(
        decided(half, &asked(), &facts(&["deployer"], &[])),
        "refuse: half: it asks for approvals, but not for both how many and by whom"
    );
    let confirm = "[[rules]]\nname = 'are you sure'\nconfirm = true";
    assert_eq!(
        decided(confirm, &asked(), &facts(&["deployer"], &[])),
        "confirm: are you sure"
    );
}

#[test]
fn a_lock_is_in_the_way_of_everybody_but_its_owner() {
    let production = || LockTarget::Environment("production".into());
    let mut facts = facts(&["deployer", "lead"], &[]);
    facts.locks = vec![lock(production(), "bob", Some("2026-11-23T15:00:00Z"))];
    let over = "lock_override = 'lead'";
    assert_eq!(
        decided("", &asked(), &facts),
        "wait for production until 2026-11-23T15:00:00Z: production is locked by BOB since 14:02 UTC (12 min) until 15:00 \
         UTC: database migration"
    );
    assert_eq!(
        decided(over, &asked(), &facts),
        "wait for production until 2026-11-23T15:00:00Z: production is locked by BOB since 14:02 UTC (12 min) until 15:00 \
         UTC: database migration; the role `lead` may go through it with a reason: `because <reason>` at the end"
    );
    assert_eq!(
        decided(over, &because("it burns"), &facts),
        "allow: the role `lead` may go through it with a reason: production is locked by BOB since 14:02 UTC (12 min) until \
         15:00 UTC: database migration"
    );
    let owner = Asked {
        user: "bob".into(),
        ..asked()
    };
    assert_eq!(decided("", &owner, &facts), "allow: the role `deployer` may");
    facts.roles.insert("lead".into(), Held::Unknown("away".into()));
    assert!(decided(over, &because("it burns"), &facts).starts_with("wait"));
    // Two at once, and one of them for nobody knows how long.
    facts
        .locks
        .push(lock(LockTarget::Service("api".into()), "cid", None));
    assert_eq!(
        decided("", &asked(), &facts),
        "wait for api until nobody knows when: api is locked by CID since 14:02 UTC (12 min): database migration; \
         production is locked by BOB since 14:02 UTC (12 min) until 15:00 UTC: database migration"
    );
    // One that ended, and one of something else.
    facts.locks = vec![
        lock(production(), "bob", Some("2026-11-23T14:14:00Z")),
        lock(LockTarget::Service("web".into()), "bob", None),
    ];
    assert_eq!(decided("", &asked(), &facts), "allow: the role `deployer` may");
    // What changes nothing is not held up, nor is what puts locks there and takes them away.
    facts.locks = vec![lock(production(), "bob", None)];
    facts.changes = false;
    assert_eq!(decided("", &asked(), &facts), "allow: the role `deployer` may");
    facts.changes = true;
    let unlock = Asked {
        command: "policy.unlock".into(),
        ..asked()
    };
    assert_eq!(decided("", &unlock, &facts), "allow: the role `deployer` may");
}

#[test]
fn a_freeze_says_when_it_opens_through_what_follows_it() {
    let freeze = "
        [[freezes]]
        name = 'no deploys on mondays'
        every = 'mon'
        zone = 'UTC'
        override = 'lead'
        [[freezes]]
        name = 'nor in the night after'
        every = 'tue 00:00 - 06:00'
    ";
    let not = facts(&["deployer"], &["lead"]);
    let waits = "wait for no lock until 2026-11-24T06:00:00Z: no deploys on mondays: frozen until Tue 2026-11-24 00:00 UTC";
    assert_eq!(decided(freeze, &asked(), &not), waits);
    assert_eq!(decided(freeze, &because("it burns"), &not), waits);
    let lead = facts(&["deployer", "lead"], &[]);
    assert_eq!(
        decided(freeze, &because("it burns"), &lead),
        "allow: the role `lead` may go through it with a reason: no deploys on mondays: frozen until Tue 2026-11-24 00:00 UTC"
    );
    let mut locked = not.clone();
    locked.locks = vec![lock(
        LockTarget::Service("api".into()),
        "bob",
        Some("2026-11-24T05:00:00Z"),
    )];
    assert!(
        decided(freeze, &asked(), &locked)
            .starts_with("wait for api until 2026-11-24T06:00:00Z: api is locked")
    );
    let unreadable = "[[freezes]]\nname = 'some day'\nevery = 'someday'";
    assert!(
        decided(unreadable, &asked(), &lead)
            .starts_with("refuse: some day: when it is frozen cannot be read")
    );
}

#[test]
fn a_broken_glass_leads_past_everything_but_roles_and_confirmation() {
    let rules = "
        [break_glass]
        role = 'oncall'
        [[freezes]]
        name = 'mondays'
        every = 'mon'
        [[rules]]
        name = 'never'
        deny = true
        channels = ['#secret']
        reason = true
        approvals = 2
        approvers = 'sre'
    ";
    let mut facts = facts(&["deployer"], &["sre"]);
    facts.locks = vec![lock(LockTarget::Service("api".into()), "bob", None)];
    assert!(decided(rules, &asked(), &facts).starts_with("refuse: never: nobody may"));
    facts.elevation = Some(elevation("ann"));
    assert_eq!(
        decided(rules, &asked(), &facts),
        "allow (glass): the glass is broken by ANN since 14:00 UTC (14 min) until 14:30 UTC: the shop is down"
    );
    assert_eq!(
        decided("[break_glass]\nrole = 'oncall'", &asked(), &{
            let mut free = facts.clone();
            free.locks.clear();
            free
        }),
        "allow: the role `deployer` may",
        "nothing was in the way"
    );
    let mut others = facts.clone();
    others.elevation = Some(elevation("bob"));
    assert!(decided(rules, &asked(), &others).starts_with("refuse"));
    let mut over = facts.clone();
    over.now = "2026-11-23T14:30:00Z".parse().unwrap();
    assert!(decided(rules, &asked(), &over).starts_with("refuse"));
    let forbidden = rules.replace("role = 'oncall'", "");
    assert!(decided(&forbidden, &asked(), &facts).starts_with("refuse"));
    let shorter = rules.replace("role = 'oncall'", "role = 'oncall'\nlongest = '10m'");
    assert!(decided(&shorter, &asked(), &facts).starts_with("refuse"));
    let mut roleless = facts.clone();
    roleless.roles.insert("deployer".into(), Held::No);
    assert!(decided(rules, &asked(), &roleless).starts_with("refuse: it asks for the role `deployer`"));
    let roles = format!("{rules}\nroles = ['sre']\nconfirm = true");
    assert!(decided(&roles, &asked(), &facts).starts_with("refuse: never: only the role `sre` may"));
    let confirm = format!("{rules}\nconfirm = true");
    assert_eq!(decided(&confirm, &asked(), &facts), "confirm (glass): never");
}

#[test]
fn the_trace_tells_everything_that_was_looked_at() {
    let rules = "
        lock_override = 'lead'
        [[freezes]]
        name = 'mondays'
        every = 'mon'
        [[rules]]
        name = 'in the open'
        channels = ['C1']
        reason = true
        [[rules]]
        name = 'production is approved'
        environments = ['production']
        roles = ['sre']
        approvals = 2
        approvers = 'sre'
        confirm = true
    ";
    let mut facts = facts(&["deployer", "sre"], &["lead"]);
    facts.locks = vec![lock(LockTarget::Service("api".into()), "ann", None)];
    let trace: Vec<_> = decide(&policy(rules), &because("it burns"), &facts)
        .trace
        .iter()
        .map(|line| format!("{:?}: {}", line.mark, markup::plain(&line.text)))
        .collect();
    assert_eq!(
        trace,
        [
            "Yes: it asks for the role `deployer`, which who asked has: named in it",
            "Yes: in the open: it may be said in this channel",
            "Yes: in the open: a reason is given",
            "Yes: production is approved: the role `sre` may, which who asked has: named in it",
            "Needs: production is approved: 2 other people of the role `sre` to approve it",
            "Needs: production is approved: who asked has to confirm it",
            "Note: api is locked by ANN since 14:02 UTC (12 min): database migration (their own lock)",
            "No: mondays: frozen until Tue 2026-11-24 00:00 UTC",
        ]
    );
}
