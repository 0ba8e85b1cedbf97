use super::*;
use crate::{Context, Document, Evaluator, FlagSet, check};
use proptest::prelude::*;
use serde_json::json;

const NOW: i64 = 1_760_000_000;

fn given(steps: &[(&str, Whom)]) -> Definition {
    let mut flag = Definition::switch(false);
    for (variant, whom) in steps {
        flag = flag.give(variant, whom).unwrap();
    }
    flag
}

fn set(flag: &Definition) -> FlagSet {
    let document = Document {
        flags: [("nav".to_owned(), flag.clone())].into(),
        evaluators: [(
            "staff".to_owned(),
            json!({"ends_with": [{"var": "email"}, "@example.com"]}),
        )]
        .into(),
        ..Document::default()
    };
    assert_eq!(check(&document), [], "{:?}", flag.targeting);
    FlagSet::compile("production", 1, &document)
}

fn gets(set: &FlagSet, context: &Value) -> String {
    let context = Context::from_value(context).unwrap();
    let mut evaluator = Evaluator::new();
    let outcome = evaluator.evaluate(set, set.flag("nav").unwrap(), &context, NOW);
    outcome.variant().unwrap().to_owned()
}

fn key(name: &str) -> Whom {
    Whom::Key(name.into())
}

fn staff() -> Whom {
    Whom::Group("staff".into())
}

#[test]
fn a_rule_grows_as_people_say_it() {
    let flag = given(&[
        ("on", Whom::Percent(25)),
        ("on", Whom::Attribute("plan".into(), json!("pro"))),
        ("on", staff()),
        ("on", key("ann")),
        ("off", key("eve")),
        ("on", key("bob")),
    ]);
    assert_eq!(
        flag.targeting,
        Some(json!({"if": [
            {"in": [{"var": "targetingKey"}, ["ann", "bob"]]}, "on",
            {"in": [{"var": "targetingKey"}, ["eve"]]}, "off",
            {"$ref": "staff"}, "on",
            {"==": [{"var": "plan"}, "pro"]}, "on",
            {"fractional": [["on", 25], ["off", 75]]},
        ]}))
    );
    assert_eq!(flag.default_variant.as_deref(), Some("off"));
    let changed = flag
        .give("on", &key("eve"))
        .unwrap()
        .give("off", &staff())
        .unwrap();
    assert_eq!(
        changed.targeting,
        Some(json!({"if": [
            {"in": [{"var": "targetingKey"}, ["ann", "bob", "eve"]]}, "on",
            {"$ref": "staff"}, "off",
            {"==": [{"var": "plan"}, "pro"]}, "on",
            {"fractional": [["on", 25], ["off", 75]]},
        ]}))
    );
    for side in ["on", "off"] {
        let all = flag.give(side, &Whom::Everybody).unwrap();
        assert_eq!(
            (all.targeting, all.default_variant.as_deref()),
            (None, Some(side))
        );
    }
}

#[test]
fn what_says_nothing_is_not_written() {
    let named = given(&[("off", key("ann")), ("on", staff())]);
    assert_eq!(
        named.forget(&key("ann")).targeting,
        Some(json!({"if": [{"$ref": "staff"}, "on"]}))
    );
    assert_eq!(
        named.forget(&key("ann")).forget(&staff()),
        Definition::switch(false)
    );
    assert_eq!(
        given(&[("on", Whom::Percent(30)), ("on", Whom::Percent(0))]),
        Definition::switch(false)
    );
    assert_eq!(given(&[("on", Whom::Percent(100))]), Definition::switch(true));
    let most = given(&[("on", Whom::Percent(30)), ("off", Whom::Percent(30))]);
    assert_eq!(
        most.targeting,
        Some(json!({"fractional": [["on", 70], ["off", 30]]})),
        "who has it keeps it"
    );
}

#[test]
fn what_is_written_by_hand_stays() {
    let mut flag = Definition::switch(false);
    let hand = json!({"fractional": [{"var": "team"}, ["off", 60], ["on", 40]]});
    flag.targeting = Some(json!({"if": [{"<": [{"var": "age"}, 18]}, "off", hand]}));
    let changed = flag
        .give("on", &key("ann"))
        .unwrap()
        .give("on", &Whom::Percent(50))
        .unwrap();
    assert_eq!(
        changed.targeting,
        Some(json!({"if": [
            {"in": [{"var": "targetingKey"}, ["ann"]]}, "on",
            {"<": [{"var": "age"}, 18]}, "off",
            {"fractional": [{"var": "team"}, ["off", 50], ["on", 50]]},
        ]}))
    );
    flag.targeting = Some(json!({"var": "wish"}));
    let changed = flag.give("on", &staff()).unwrap();
    assert_eq!(
        changed.targeting,
        Some(json!({"if": [{"$ref": "staff"}, "on", {"var": "wish"}]}))
    );
}

#[test]
fn more_than_two_variants() {
    let mut flag = Definition::switch(false);
    flag.variants = ["blue", "green", "red"]
        .map(|name| (name.to_owned(), json!(name)))
        .into();
    flag.default_variant = Some("red".into());
    assert_eq!(flag.sides(), None);
    let blue = flag.give("blue", &Whom::Percent(10)).unwrap();
    assert_eq!(
        blue.targeting,
        Some(json!({"fractional": [["blue", 10], ["red", 90]]}))
    );
    assert_eq!(
        flag.give("red", &Whom::Percent(10)),
        Err(GiveFault::Others("red".into()))
    );
    assert_eq!(
        flag.give("rot", &Whom::Everybody),
        Err(GiveFault::NoVariant("rot".into()))
    );
    assert_eq!(flag.give("blue", &Whom::Percent(101)), Err(GiveFault::Share));
}

#[test]
fn a_share_grows() {
    let growth = |variant: &str, from, to| Growth {
        variant: variant.into(),
        from,
        to,
        seconds: 7_200,
    };
    let flag = given(&[("on", staff())])
        .grow(&growth("on", 0, 100), NOW)
        .unwrap();
    let rules = Rules::of(flag.targeting.as_ref());
    let ramp = Ramp::read(&rules.otherwise).unwrap();
    assert_eq!(
        (ramp.from, ramp.to, ramp.start, ramp.end),
        (0, 100, NOW, NOW + 7_200)
    );
    assert_eq!((ramp.variant.as_str(), ramp.other.as_str()), ("on", "off"));
    // The other way round it is the same buckets.
    let off = flag.grow(&growth("off", 0, 60), NOW).unwrap();
    let ramp = Ramp::read(&Rules::of(off.targeting.as_ref()).otherwise).unwrap();
    assert_eq!((ramp.variant.as_str(), ramp.from, ramp.to), ("on", 100, 40));
    assert_eq!(off.default_variant.as_deref(), Some("off"));
    set(&off);
    assert_eq!(
        flag.grow(&growth("on", 0, 101), NOW),
        Err(GiveFault::Ramp(RampFault::Share))
    );
}

fn whom() -> impl Strategy<Value = Whom> {
    prop_oneof![
        1 => Just(Whom::Everybody),
        4 => prop::sample::select(vec!["ann", "bob", "eve"]).prop_map(key),
        2 => Just(staff()),
        2 => prop::sample::select(vec!["pro", "free"]).prop_map(|plan| Whom::Attribute("plan".into(), json!(plan))),
        3 => (0..=100_u8).prop_map(Whom::Percent),
    ]
}

/// What people believe to have said.
#[derive(Default)]
struct Belief {
    keys: std::collections::BTreeMap<String, bool>,
    staff: Option<bool>,
    /// In the order in which they were first named.
    plans: Vec<(String, bool)>,
    percent: u8,
}

impl Belief {
    fn say(&mut self, on: bool, whom: &Whom) {
        match whom {
            Whom::Everybody => {
                *self = Self {
                    percent: if on { 100 } else { 0 },
                    ..Self::default()
                };
            }
            Whom::Key(key) => {
                self.keys.insert(key.clone(), on);
            }
            Whom::Group(_) => self.staff = Some(on),
            Whom::Attribute(_, plan) => {
                let plan = plan.as_str().unwrap().to_owned();
                self.plans.retain(|(other, _)| *other != plan);
                self.plans.push((plan, on));
            }
            Whom::Percent(share) => self.percent = if on { *share } else { 100 - share },
        }
    }
}

proptest! {
    /// Whoever was named last by their key gets what was said; whoever is in a group what was said of it; and of the rest as many as was
    /// said, the same ones as long as the share does not shrink.
    #[test]
    fn everybody_gets_what_was_said(steps in prop::collection::vec((any::<bool>(), whom()), 0..12)) {
        let mut flag = Definition::switch(false);
        let mut belief = Belief::default();
        for (on, whom) in &steps {
            flag = flag.give(if *on { "on" } else { "off" }, whom).unwrap();
            belief.say(*on, whom);
        }
        let set = set(&flag);
        let name = |on: bool| if on { "on" } else { "off" };
        for (key, on) in &belief.keys {
            let context = json!({"targetingKey": key, "email": "x@example.com", "plan": "pro"});
            prop_assert_eq!(gets(&set, &context), name(*on), "{} by {:?}", key, flag.targeting);
        }
        if let Some(on) = belief.staff {
            prop_assert_eq!(gets(&set, &json!({"targetingKey": "joe", "email": "joe@example.com"})), name(on));
        }
        for (plan, on) in &belief.plans {
            prop_assert_eq!(gets(&set, &json!({"targetingKey": "joe", "plan": plan})), name(*on));
        }
        let count = (0..400).filter(|who| gets(&set, &json!({"targetingKey": format!("user-{who}")})) == "on").count();
        prop_assert!(count.abs_diff(usize::from(belief.percent) * 4) < 60, "{count} for {} %", belief.percent);
    }
}
