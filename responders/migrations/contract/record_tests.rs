//! Whatever happens in whatever order: nothing may be dropped before everybody whom the configuration names has agreed, after the last use
//! that was seen, after enough quiet, and after it was withheld.

use super::*;
use otus_migrations::contract::{Dependent, Use as Seen};
use otus_migrations::database::{Consumer, Use};
use proptest::prelude::*;

const QUIET: u32 = 14;

fn settings() -> Settings {
    Settings {
        quiet_days: QUIET,
        month_end: false,
        ..Settings::default()
    }
}

fn config(consumers: &[(&str, Use)]) -> DatabaseConfig {
    let consumers = consumers.iter().map(|(name, gate)| {
        let consumer = Consumer {
            gate: *gate,
            roles: [format!("{name}_role")].into(),
            owner: format!("{name}_owner"),
        };
        ((*name).to_owned(), consumer)
    });
    DatabaseConfig {
        consumers: consumers.collect(),
        ..DatabaseConfig::default()
    }
}

const ALL: [(&str, Use); 4] = [
    ("shop", Use::App),
    ("warehouse", Use::Etl),
    ("late", Use::Etl),
    ("board", Use::Reporting),
];

fn day(number: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + number * 24 * 3600).unwrap()
}

fn row() -> Row {
    opened(
        ("api", "production", "shop"),
        (Object::read("users.legacy").unwrap(), None),
        (&UserId::new("ann"), "ann", "nobody reads it"),
        ChannelId::new("C1"),
        &settings(),
        day(0),
    )
}

fn signed(signer: &Signer, at: Timestamp) -> Signature {
    Signature {
        gate: signer.gate,
        consumer: signer.consumer.clone(),
        by: UserId::new("bob"),
        name: "bob".into(),
        at,
        reason: None,
    }
}

fn nothing() -> Found {
    Found::default()
}

fn uses(gates: &[Gate]) -> Found {
    Found {
        uses: gates
            .iter()
            .map(|gate| (*gate, vec!["a use".to_owned()]))
            .collect(),
        ..Found::default()
    }
}

#[test]
fn the_way_to_the_end() {
    let signers = signers(&config(&ALL), &settings());
    let mut row = row();
    assert_eq!(row.object.statement(), "ALTER TABLE users DROP COLUMN legacy");
    row.saw(&nothing(), day(0));
    let shop = &signers[0];
    let early = row.sign(shop, signed(shop, day(13)), &signers, &settings());
    assert_eq!(early, Err(NotYet::Quiet(day(14))));
    for signer in &signers {
        assert_eq!(row.ready(&signers), None);
        row.sign(signer, signed(signer, day(14)), &signers, &settings())
            .unwrap();
    }
    assert_eq!(row.contract.stage(), Stage::At(Gate::Brownout));
    assert_eq!(row.ready(&signers), None);
    row.endured(day(15)).unwrap();
    assert!(row.ready(&signers).is_some());
    // Somebody whom the configuration names since has not agreed.
    let more = super::signers(
        &config(&[ALL.as_slice(), &[("new", Use::Reporting)]].concat()),
        &settings(),
    );
    assert_eq!(row.ready(&more), None);
    // While it is withheld once more, nothing goes.
    row.withheld = Some(("op".into(), day(16)));
    assert_eq!(row.ready(&signers), None);
}

#[test]
fn where_nobody_is_configured_those_who_agree_to_destruction_do() {
    let signers = signers(&DatabaseConfig::default(), &settings());
    let names: Vec<&str> = signers.iter().map(|signer| signer.consumer.as_str()).collect();
    assert_eq!(names, ["application", "pipelines", "reports"]);
    assert!(signers.iter().all(|signer| signer.owner == "deployer"));
}

#[test]
fn the_turn_of_a_month_has_to_pass() {
    let settings = Settings {
        quiet_days: 0,
        month_end: true,
        ..Settings::default()
    };
    let signers = signers(&config(&ALL), &settings);
    let mut row = row();
    row.contract = row.contract.clone().quiet_for(0);
    row.saw(&nothing(), day(3));
    let shop = &signers[0];
    let refused = row.sign(shop, signed(shop, day(20)), &signers, &settings);
    let february = "2026-02-02T00:00:00Z".parse().unwrap();
    assert_eq!(refused, Err(NotYet::Quiet(february)));
    assert_eq!(
        row.sign(shop, signed(shop, february), &signers, &settings),
        Ok(())
    );
}

fn said(role: &str, statement: &str, calls: u64, certain: bool) -> Seen {
    Seen {
        role: role.into(),
        statement: statement.into(),
        calls,
        certain,
    }
}

#[test]
fn what_is_seen_belongs_to_who_answers_for_it() {
    let evidence = Evidence {
        dependents: [
            "view old",
            "publication feed (its column list)",
            "index users_legacy",
        ]
        .map(|what| Dependent {
            what: what.into(),
            certain: true,
        })
        .into(),
        uses: Some(vec![
            said("warehouse_role", "SELECT legacy FROM users", 7, true),
            said("stranger", "UPDATE users SET legacy = $1", 2, true),
            said("board_role", "SELECT * FROM users", 3, false),
            said("otus", "ALTER TABLE users ALTER legacy SET DEFAULT $1", 1, true),
        ]),
        forgotten: Some(4),
        ..Evidence::default()
    };
    let first = found(&evidence, (&BTreeMap::new(), None), &config(&ALL));
    let of = |gate| first.uses.get(&gate).cloned().unwrap_or_default();
    assert_eq!(
        of(Gate::App),
        ["stranger, whom no consumer is configured for, says `UPDATE users SET legacy = $1`"]
    );
    assert_eq!(
        of(Gate::Etl),
        [
            "publication feed (its column list)",
            "warehouse (as warehouse_role) says `SELECT legacy FROM users`"
        ]
    );
    assert_eq!(of(Gate::Reporting), ["view old"]);
    assert_eq!(first.remarks.len(), 3, "{:?}", first.remarks);
    // What was called no more since is no use; what the statistics forgot and begin anew is.
    let mut second = evidence.clone();
    second.dependents.clear();
    second.uses = Some(vec![
        said("warehouse_role", "SELECT legacy FROM users", 7, true),
        said("stranger", "UPDATE users SET legacy = $1", 1, true),
    ]);
    let second = found(&second, (&first.calls, first.reset), &config(&ALL));
    let gates: Vec<&Gate> = second.uses.keys().collect();
    assert_eq!(gates, [&Gate::App]);
    // As often as before, and counted from nothing since: all of it is new.
    let third = Evidence {
        uses: Some(vec![said("warehouse_role", "SELECT legacy FROM users", 7, true)]),
        reset: Some(2),
        ..Evidence::default()
    };
    let still = found(&third, (&first.calls, Some(2)), &config(&ALL));
    assert!(still.uses.is_empty(), "{:?}", still.uses);
    let anew = found(&third, (&first.calls, Some(1)), &config(&ALL));
    assert_eq!(anew.uses.keys().collect::<Vec<_>>(), [&Gate::Etl]);
    assert_eq!(anew.reset, Some(2));
}

/// What may happen.
#[derive(Debug, Clone)]
enum Event {
    Look(Vec<usize>),
    Sign(usize),
    Endured,
    Missed,
    /// The configuration names this one, or names it no more.
    Turn(usize),
    Days(i64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let gates = prop_oneof![
        6 => Just(Vec::new()),
        1 => prop::collection::vec(0..3_usize, 1..3),
    ];
    let event = prop_oneof![
        4 => gates.prop_map(Event::Look),
        10 => (0..ALL.len()).prop_map(Event::Sign),
        4 => Just(Event::Endured),
        1 => Just(Event::Missed),
        1 => (0..ALL.len()).prop_map(Event::Turn),
        4 => (1..20_i64).prop_map(Event::Days),
    ];
    let noise = prop::collection::vec(event, 0..4);
    // Most of the way to the end, with gaps: chance alone hardly ever comes near it.
    let way = prop::collection::vec(prop::bool::weighted(0.9), 7).prop_map(|kept| {
        let way = [
            Event::Look(Vec::new()),
            Event::Days(i64::from(QUIET)),
            Event::Sign(0),
            Event::Sign(1),
            Event::Sign(2),
            Event::Sign(3),
            Event::Endured,
        ];
        way.into_iter()
            .zip(kept)
            .filter(|(_, kept)| *kept)
            .map(|(event, _)| event)
            .collect::<Vec<_>>()
    });
    prop::collection::vec((noise, way), 1..5).prop_map(|all| {
        all.into_iter()
            .flat_map(|(noise, way)| noise.into_iter().chain(way))
            .collect()
    })
}

/// What happened, as far as it counted.
#[derive(Debug, Clone, PartialEq)]
enum Fact {
    Looked(Vec<Gate>),
    Signed(String),
    Endured,
    Missed,
}

/// Whether what happened is enough. Written from the rules, not from the code.
fn enough(facts: &[(i64, Fact)], signers: &[Signer]) -> Result<(), String> {
    let last_use = |upto: Gate| {
        facts.iter().rposition(|(_, fact)| match fact {
            Fact::Looked(gates) => gates.iter().any(|gate| *gate <= upto),
            _ => false,
        })
    };
    let after = |place: Option<usize>| place.map_or(0, |place| place + 1);
    let mut latest = 0;
    for signer in signers {
        let own = facts
            .iter()
            .rposition(|(_, fact)| matches!(fact, Fact::Looked(gates) if gates.contains(&signer.gate)));
        let quiet = facts
            .iter()
            .enumerate()
            .skip(after(own))
            .find(|(_, (_, fact))| matches!(fact, Fact::Looked(_)));
        let Some((_, (since, _))) = quiet else {
            return Err(format!("nobody looked for {signer:?}"));
        };
        let place = facts
            .iter()
            .enumerate()
            .skip(after(last_use(signer.gate)))
            .find(|(_, (at, fact))| {
                *fact == Fact::Signed(signer.consumer.clone()) && at - since >= i64::from(QUIET)
            });
        let Some((place, _)) = place else {
            return Err(format!("{signer:?} has not agreed since it was used last"));
        };
        latest = latest.max(place);
    }
    let bad = facts.iter().rposition(|(_, fact)| match fact {
        Fact::Looked(gates) => !gates.is_empty(),
        Fact::Missed => true,
        _ => false,
    });
    let from = after(bad).max(latest + 1);
    let endured = facts.iter().skip(from).any(|(_, fact)| *fact == Fact::Endured);
    endured
        .then_some(())
        .ok_or_else(|| "it was not withheld since".to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_is_dropped_without_every_gate(events in events()) {
        let settings = settings();
        let mut named = [true; 4];
        let mut row = row();
        let mut facts: Vec<(i64, Fact)> = Vec::new();
        let mut now = 0;
        for event in events {
            let known: Vec<(&str, Use)> = ALL.into_iter().zip(named).filter(|(_, named)| *named).map(|(one, _)| one).collect();
            let signers = signers(&config(&known), &settings);
            // As whoever changes it does.
            row.reconcile(&signers);
            match event {
                Event::Look(gates) => {
                    let gates: Vec<Gate> = gates.into_iter().map(|gate| PEOPLES[gate]).collect();
                    row.saw(&uses(&gates), day(now));
                    facts.push((now, Fact::Looked(gates)));
                }
                Event::Sign(who) => {
                    if let Some(signer) = signers.iter().find(|signer| signer.consumer == ALL[who].0)
                        && row.sign(signer, signed(signer, day(now)), &signers, &settings).is_ok()
                    {
                        facts.push((now, Fact::Signed(signer.consumer.clone())));
                    }
                }
                Event::Endured => {
                    if row.endured(day(now)).is_ok() {
                        facts.push((now, Fact::Endured));
                    }
                }
                Event::Missed => {
                    row.missed("somebody", day(now));
                    facts.push((now, Fact::Missed));
                }
                Event::Turn(who) => named[who] = !named[who],
                Event::Days(days) => now += days,
            }
            let known: Vec<(&str, Use)> = ALL.into_iter().zip(named).filter(|(_, named)| *named).map(|(one, _)| one).collect();
            let signers = super::signers(&config(&known), &settings);
            if row.ready(&signers).is_some() {
                let why = enough(&facts, &signers);
                prop_assert!(why.is_ok(), "{why:?}\n{facts:#?}\n{row:#?}");
            }
        }
    }
}

#[test]
fn what_is_not_copied_is_a_use_of_the_application() {
    let mut row = row();
    row.replaced_by = Some("remark".to_owned());
    let said = |copied: Copied| {
        let mut found = Found::default();
        uncopied(copied, &row, &mut found);
        let uses = found.uses.remove(&Gate::App).unwrap_or_default();
        (uses.join("; "), found.remarks.join("; "))
    };
    assert_eq!(said(Copied::All), (String::new(), String::new()));
    insta::assert_snapshot!(said(Copied::NotThere).0, @"users.remark is not there yet: add it by a migration, and write both");
    insta::assert_snapshot!(said(Copied::Without(1)).0, @"1 row of users does not have it in remark: write both, and copy what is there by a backfill");
    insta::assert_snapshot!(said(Copied::Many).0, @"More than 10,000 rows of users do not have it in remark: write both, and copy what is there by a backfill");
    insta::assert_snapshot!(said(Copied::Unknown).1, @"users is too large to see in half a minute whether every row has its remark");
}

#[test]
fn rows_that_hold_null_are_a_use_of_the_application() {
    let object = Object::read("NULL in users.email").unwrap();
    let said = |nulls: Nulls| {
        let mut found = Found::default();
        holding(nulls, &object, &mut found);
        let mut uses = found.uses.remove(&Gate::App).unwrap_or_default();
        uses.extend(found.remarks.iter().map(|remark| format!("(to know) {remark}")));
        uses.join("; ")
    };
    let sample = |share, rows| Nulls::Estimated { share, rows };
    assert_eq!(said(Nulls::None), "");
    let all = [
        Nulls::Rows(1),
        Nulls::Rows(25),
        Nulls::Many,
        sample(0.25, Some(2_000_000)),
        sample(0.001, None),
        sample(0.0, Some(0)),
        Nulls::Unknown,
        Nulls::Never,
    ];
    insta::assert_snapshot!(all.map(said).join("\n"), @"
    1 row of users holds NULL in email: write a value, and fill what is there by a backfill
    25 rows of users hold NULL in email: write a value, and fill what is there by a backfill
    More than 10,000 rows of users hold NULL in email: write a value, and fill what is there by a backfill
    users is too large to be read in half a minute; by the planner's statistics about 25 % of its rows (about 2.0 million rows) hold NULL in email: write a value, and fill what is there by a backfill. ANALYZE brings the statistics up to date
    users is too large to be read in half a minute; by the planner's statistics less than 1 % of its rows hold NULL in email: write a value, and fill what is there by a backfill. ANALYZE brings the statistics up to date
    (to know) users is too large to be read in half a minute; the planner's sample has no NULL in email. In the end every row is read before anything is changed for good
    users is too large to be read in half a minute, and has no statistics that would say how many of its rows hold NULL in email: ANALYZE users (email)
    (to know) users.email is NOT NULL already
    ");
}

#[test]
fn who_writes_null_belongs_to_who_answers_for_it() {
    let evidence = Evidence {
        dependents: vec![Dependent {
            what: "subscription feed".into(),
            certain: false,
        }],
        uses: Some(vec![
            said("warehouse_role", "INSERT INTO users (id) VALUES ($1)", 7, true),
            said("stranger", "UPDATE users SET email = $1", 2, false),
        ]),
        nulls: Some(Nulls::None),
        ..Evidence::default()
    };
    let seen = found(&evidence, (&BTreeMap::new(), None), &config(&ALL));
    let gates: Vec<&Gate> = seen.uses.keys().collect();
    assert_eq!(gates, [&Gate::Etl]);
    let all: Vec<&String> = seen.uses.values().flatten().chain(&seen.remarks).collect();
    insta::assert_snapshot!(all.iter().map(|one| one.as_str()).collect::<Vec<_>>().join("\n"), @"
    warehouse (as warehouse_role) leaves it out: `INSERT INTO users (id) VALUES ($1)`
    subscription feed writes it, which no statistics show; replication stops where it is refused
    stranger, whom no consumer is configured for, may write NULL: `UPDATE users SET email = $1`
    ");
    let nobody = Evidence {
        uses: None,
        ..evidence
    };
    let seen = found(&nobody, (&BTreeMap::new(), None), &config(&ALL));
    assert!(
        seen.remarks
            .iter()
            .any(|remark| remark.contains("nobody sees who writes it")),
        "{:?}",
        seen.remarks
    );
}
