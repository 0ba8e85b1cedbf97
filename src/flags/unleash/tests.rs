use super::{
    read::{definition, evaluators},
    record,
    shape::{Environment, Event, Segment, Strategy},
    write::{Call, calls, same, segment},
};
use crate::{Definition, Growth, Whom, check};
use proptest::{prelude::*, strategy::Strategy as _};
use serde_json::{Value, json};

fn strategy(value: Value) -> Strategy {
    serde_json::from_value(value).unwrap()
}

fn rollout(share: u8, constraints: Value) -> Strategy {
    strategy(json!({
        "id": format!("s{share}"), "name": "flexibleRollout", "constraints": constraints,
        "parameters": { "rollout": share.to_string(), "stickiness": "default", "groupId": "nav" },
    }))
}

fn environment(enabled: bool, strategies: Vec<Strategy>) -> Environment {
    Environment {
        name: "production".into(),
        enabled,
        strategies,
        variants: Vec::new(),
    }
}

fn staff() -> Vec<Segment> {
    let rule = json!({"ends_with": [{"var": "email"}, "@example.com"]});
    vec![Segment {
        id: 7,
        name: "staff".into(),
        constraints: segment(&rule).unwrap(),
    }]
}

fn targeting(strategies: Vec<Strategy>) -> Value {
    definition(&environment(true, strategies), &staff())
        .targeting
        .unwrap_or_default()
}

#[test]
fn what_unleash_says_is_read_as_people_say_it() {
    let on_off = |enabled, strategies| definition(&environment(enabled, strategies), &[]);
    assert_eq!(on_off(true, Vec::new()), Definition::switch(true));
    assert_eq!(
        on_off(true, vec![rollout(100, json!([]))]),
        Definition::switch(true)
    );
    assert_eq!(on_off(false, Vec::new()), Definition::switch(false));
    let asleep = on_off(false, vec![rollout(30, json!([]))]);
    assert_eq!(asleep.default_variant.as_deref(), Some("off"));
    assert_ne!(
        asleep,
        on_off(false, vec![rollout(40, json!([]))]),
        "who turns it on decides about another thing"
    );

    assert_eq!(
        targeting(vec![rollout(25, json!([]))]),
        json!({"fractional": [["on", 25], ["off", 75]]})
    );
    let by_session = strategy(
        json!({"name": "flexibleRollout", "parameters": {"rollout": 25, "stickiness": "sessionId"}}),
    );
    assert_eq!(
        targeting(vec![by_session]),
        json!({"fractional": [{"var": "sessionId"}, ["on", 25], ["off", 75]]})
    );
    let named = strategy(json!({"name": "userWithId", "parameters": {"userIds": "ann, bob"}}));
    let german = rollout(
        100,
        json!([{"contextName": "country", "operator": "IN", "values": ["de"]}]),
    );
    let staff =
        strategy(json!({"name": "flexibleRollout", "parameters": {"rollout": "100"}, "segments": [7]}));
    assert_eq!(
        targeting(vec![named, german, staff, rollout(10, json!([]))]),
        json!({"if": [
            {"in": [{"var": "targetingKey"}, ["ann", "bob"]]}, "on",
            {"$ref": "staff"}, "on",
            {"==": [{"var": "country"}, "de"]}, "on",
            {"fractional": [["on", 10], ["off", 90]]},
        ]})
    );
}

#[test]
fn every_operator_becomes_a_rule_that_is_none_else() {
    let of = |operator: &str, more: Value| {
        let mut constraint = json!({"contextName": "a", "operator": operator});
        for (key, value) in more.as_object().unwrap() {
            constraint[key] = value.clone();
        }
        targeting(vec![rollout(100, json!([constraint]))])["if"][0].clone()
    };
    for (operator, more, rule) in [
        (
            "IN",
            json!({"values": ["x", "y"]}),
            json!({"in": [{"var": "a"}, ["x", "y"]]}),
        ),
        (
            "NOT_IN",
            json!({"values": ["x"]}),
            json!({"!": [{"in": [{"var": "a"}, ["x"]]}]}),
        ),
        (
            "STR_STARTS_WITH",
            json!({"values": ["x"]}),
            json!({"starts_with": [{"var": "a"}, "x"]}),
        ),
        ("NUM_GTE", json!({"value": "5"}), json!({">=": [{"var": "a"}, 5]})),
        (
            "SEMVER_LT",
            json!({"value": "2.0.0"}),
            json!({"sem_ver": [{"var": "a"}, "<", "2.0.0"]}),
        ),
        (
            "NUM_EQ",
            json!({"value": "5", "inverted": true}),
            json!({"!": [{"==": [{"var": "a"}, 5]}]}),
        ),
        // Known by name alone: it stays what it is, and nobody takes it for something else.
        (
            "STR_ENDS_WITH",
            json!({"values": ["X"], "caseInsensitive": true}),
            json!({"==": [{"var": "a STR_ENDS_WITH"}, "X, in any case"]}),
        ),
        (
            "DATE_AFTER",
            json!({"value": "2026-01-01"}),
            json!({"==": [{"var": "a DATE_AFTER"}, "2026-01-01"]}),
        ),
    ] {
        assert_eq!(of(operator, more), rule, "{operator}");
    }
    let odd = strategy(json!({"name": "remoteAddress", "parameters": {"IPs": "10.0.0.1"}}));
    assert_eq!(
        targeting(vec![odd])["if"][0],
        json!({"==": [{"var": "the strategy remoteAddress"}, "IPs 10.0.0.1"]})
    );
}

#[test]
fn what_unleash_cannot_say_is_refused_in_words() {
    let off = Definition::switch(false);
    let on = Definition::switch(true);
    let now = environment(true, Vec::new());
    let refused = |definition: &Definition| calls("nav", definition, &now, &staff()).unwrap_err();
    assert_eq!(
        refused(&on.give("off", &Whom::Group("staff".into())).unwrap()),
        "Unleash says for whom a flag is on, and has no way to say for whom alone it is off"
    );
    let growth = Growth {
        variant: "on".into(),
        from: 0,
        to: 100,
        seconds: 3_600,
    };
    assert_eq!(
        refused(&off.grow(&growth, 1_000).unwrap()),
        "Unleash has no share that grows by itself: give it a share now, and a larger one later"
    );
    assert_eq!(
        refused(&off.give("on", &Whom::Group("testers".into())).unwrap()),
        "there is no segment testers in Unleash"
    );
    let mut texts = off.clone();
    texts.variants = [
        ("red".to_owned(), json!("red")),
        ("blue".to_owned(), json!("blue")),
    ]
    .into();
    texts.default_variant = Some("red".into());
    assert!(refused(&texts).contains("is on or off here"));
    let mut odd = off.clone();
    odd.targeting =
        Some(json!({"if": [{"==": [{"var": "the strategy remoteAddress"}, "IPs 10.0.0.1"]}, "on"]}));
    assert_eq!(
        refused(&odd),
        "only Unleash itself can say this: the strategy remoteAddress"
    );
    let with_variants = Environment {
        variants: vec![json!({"name": "blue"})],
        ..environment(false, Vec::new())
    };
    assert!(
        calls("nav", &on, &with_variants, &[])
            .unwrap_err()
            .contains("variants")
    );
}

#[test]
fn nobody_gets_it_in_between_who_should_not() {
    let off = Definition::switch(false);
    // A share that grows is the same strategy, so that who has it keeps it.
    let now = environment(true, vec![rollout(10, json!([]))]);
    let more = definition(&now, &[]).give("on", &Whom::Percent(25)).unwrap();
    let done = calls("nav", &more, &now, &[]).unwrap();
    let Some(Call::Replace(id, strategy)) = done.first() else {
        panic!("{done:?}")
    };
    assert_eq!(
        (id.as_str(), &strategy.parameters["rollout"], done.len()),
        ("s10", &json!("25"), 1)
    );
    // What sleeps goes before it is turned on, and only turning off needs nothing else.
    let asleep = environment(false, vec![rollout(100, json!([]))]);
    let some = definition(&asleep, &[])
        .give("on", &Whom::Key("ann".into()))
        .unwrap();
    let done = calls("nav", &some, &asleep, &[]).unwrap();
    assert!(
        matches!(
            done.as_slice(),
            [Call::Add(_), Call::Remove(_), Call::Switch(true)]
        ),
        "{done:?}"
    );
    assert_eq!(calls("nav", &off, &now, &[]).unwrap(), [Call::Switch(false)]);
    assert_eq!(calls("nav", &off, &asleep, &[]).unwrap(), []);
    // An enabled one without a strategy is on for everybody, so the new one comes first.
    let all = environment(true, vec![rollout(30, json!([]))]);
    let ann = off.give("on", &Whom::Key("ann".into())).unwrap();
    assert!(matches!(
        calls("nav", &ann, &all, &[]).unwrap().as_slice(),
        [Call::Add(_), Call::Remove(_)]
    ));
}

/// The environment after these calls.
fn done(mut now: Environment, calls: Vec<Call>) -> Environment {
    for call in calls {
        match call {
            Call::Add(strategy) => {
                let id = format!("n{}", now.strategies.len());
                now.strategies.push(Strategy {
                    id: Some(id),
                    ..strategy
                });
            }
            Call::Replace(id, with) => {
                let at = now
                    .strategies
                    .iter()
                    .position(|one| one.id.as_ref() == Some(&id))
                    .unwrap();
                now.strategies[at] = Strategy { id: Some(id), ..with };
            }
            Call::Remove(id) => now.strategies.retain(|one| one.id.as_ref() != Some(&id)),
            Call::Switch(on) => now.enabled = on,
        }
    }
    // As a server numbers them: anew.
    for (at, strategy) in now.strategies.iter_mut().enumerate() {
        strategy.id = Some(format!("i{at}"));
    }
    now
}

fn whom() -> impl proptest::strategy::Strategy<Value = Whom> {
    prop_oneof![
        Just(Whom::Everybody),
        "[a-c]".prop_map(Whom::Key),
        Just(Whom::Group("staff".into())),
        ("[ab]", "[xy]").prop_map(|(name, value)| Whom::Attribute(name, json!(value))),
        (0..3_i64).prop_map(|age| Whom::Attribute("age".into(), json!(age))),
        (0..=100_u8).prop_map(Whom::Percent),
    ]
}

proptest! {
    /// Whatever is said, what Unleash has afterwards is what was wanted, or nothing was done.
    #[test]
    fn what_is_written_is_read_back(acts in prop::collection::vec((any::<bool>(), whom()), 1..12)) {
        let segments = staff();
        let mut now = environment(false, Vec::new());
        for (on, whom) in acts {
            let before = definition(&now, &segments);
            let wanted = before.give(if on { "on" } else { "off" }, &whom).unwrap();
            let Ok(made) = calls("nav", &wanted, &now, &segments) else {
                prop_assert!(!on, "{whom:?} of {before:?}");
                continue;
            };
            now = done(now, made);
            let after = definition(&now, &segments);
            prop_assert!(same(&after, &wanted), "{after:?}\n{wanted:?}\n{now:?}");
            let mut document = crate::Document { evaluators: evaluators(&segments), ..crate::Document::default() };
            document.flags.insert("nav".into(), after);
            prop_assert!(check(&document).is_empty(), "{:?}", check(&document));
        }
    }
}

#[test]
fn the_record_is_read_backwards() {
    let event = |id: u64, kind: &str, environment: Option<&str>, data: Value, before: Value| -> Event {
        serde_json::from_value(json!({
            "id": id, "type": kind, "createdAt": "2026-01-02T03:04:05Z", "createdBy": "ann", "environment": environment,
            "featureName": "nav", "data": data, "preData": before,
        }))
        .unwrap()
    };
    let (ten, twenty) = (json!(rollout(10, json!([]))), json!(rollout(20, json!([]))));
    let same_id = |mut strategy: Value| {
        strategy["id"] = json!("s");
        strategy
    };
    let (ten, twenty) = (same_id(ten), same_id(twenty));
    let now = environment(true, vec![strategy(twenty.clone())]);
    let here = Some("production");
    let events = [
        event(6, "feature-strategy-update", here, twenty, ten.clone()),
        event(5, "feature-environment-enabled", here, Value::Null, Value::Null),
        event(
            4,
            "feature-environment-enabled",
            Some("development"),
            Value::Null,
            Value::Null,
        ),
        event(3, "feature-tagged", None, Value::Null, Value::Null),
        event(2, "feature-strategy-add", here, ten, Value::Null),
        event(1, "feature-created", None, json!({}), Value::Null),
    ];
    let changes = record::changes(("set", "production"), "nav", Some(&now), &[], &events);
    let short = |value: &Option<Value>| {
        let read = value.as_ref().map(|value| Definition::read(value, "").unwrap());
        read.map_or_else(
            || "nothing".to_owned(),
            |flag| {
                flag.targeting.map_or(flag.default_variant.unwrap(), |rule| {
                    rule["fractional"][0][1].to_string()
                })
            },
        )
    };
    let seen: Vec<_> = changes
        .iter()
        .map(|change| {
            format!(
                "{} {} → {}",
                change.revision,
                short(&change.before),
                short(&change.after)
            )
        })
        .collect();
    assert_eq!(
        seen,
        ["7 10 → 20", "6 off → 10", "3 off → off", "2 nothing → off"]
    );
}
