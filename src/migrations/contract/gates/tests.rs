use super::*;
use crate::{
    lint::{Settings, Verdict, lint_sql},
    source::Declared,
};
use proptest::prelude::*;

const DROP: &str = "ALTER TABLE users DROP COLUMN legacy";

fn at(hours: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(i64::try_from(hours).unwrap())
}

fn contract() -> Contract {
    Contract::new("column users.legacy", DROP, "ann", "nobody reads it", at(0)).quiet_for(24 * 3600)
}

/// What the linter says of the drop.
fn verdict(contract: &Contract) -> Verdict {
    let settings = Settings {
        ready: contract.ready().into_iter().collect(),
        ..Settings::default()
    };
    lint_sql(DROP, Declared::Transaction, &settings).verdict
}

#[test]
fn four_gates_one_after_the_other_and_then_it_may_go() {
    let mut contract = contract().owned(Gate::Etl, ["bob".to_owned()]);
    assert_eq!(contract.sign(Gate::App, "ann", at(1)), Err(NotYet::NotSeen));
    contract.saw(Gate::App, &[], at(1));
    assert_eq!(contract.sign(Gate::App, "ann", at(2)), Err(NotYet::Quiet(at(25))));
    assert_eq!(
        contract.sign(Gate::Etl, "bob", at(30)),
        Err(NotYet::Before(Gate::App))
    );
    contract.sign(Gate::App, "ann", at(25)).unwrap();
    contract.saw(Gate::Etl, &["etl: select legacy from users".into()], at(26));
    assert!(matches!(
        contract.sign(Gate::Etl, "bob", at(90)),
        Err(NotYet::InUse(_))
    ));
    contract.saw(Gate::Etl, &[], at(30));
    assert_eq!(
        contract.sign(Gate::Etl, "ann", at(60)),
        Err(NotYet::NotTheirs("ann".into()))
    );
    contract.sign(Gate::Etl, "bob", at(60)).unwrap();
    contract.saw(Gate::Reporting, &[], at(30));
    contract.sign(Gate::Reporting, "cid", at(61)).unwrap();
    assert_eq!(
        (contract.stage(), verdict(&contract)),
        (Stage::At(Gate::Brownout), Verdict::Refused)
    );
    assert_eq!(contract.dropped(), Err(NotYet::Before(Gate::Brownout)));
    contract.saw(Gate::Brownout, &[], at(62));
    contract.sign(Gate::Brownout, "otus", at(62)).unwrap();
    assert_eq!(
        (contract.stage(), verdict(&contract)),
        (Stage::Ready, Verdict::Fine)
    );
    contract.dropped().unwrap();
    assert_eq!(
        (contract.stage(), verdict(&contract)),
        (Stage::Dropped, Verdict::Refused)
    );
}

#[test]
fn a_late_use_takes_what_was_signed_back() {
    let mut contract = contract();
    for gate in Gate::ALL {
        contract.saw(gate, &[], at(0));
        contract.sign(gate, "ann", at(24)).unwrap();
    }
    contract.saw(Gate::Reporting, &["a new report".into()], at(25));
    assert_eq!(
        (contract.stage(), contract.ready()),
        (Stage::At(Gate::Reporting), None)
    );
    contract.saw(Gate::Reporting, &[], at(26));
    assert!(matches!(
        contract.sign(Gate::Reporting, "ann", at(27)),
        Err(NotYet::Quiet(_))
    ));
    // Withheld too early, it proves nothing.
    contract.saw(Gate::Brownout, &[], at(49));
    contract.sign(Gate::Reporting, "ann", at(50)).unwrap();
    assert_eq!(contract.sign(Gate::Brownout, "ann", at(51)), Err(NotYet::NotSeen));
    assert_eq!(contract.stage(), Stage::At(Gate::Brownout));
}

proptest! {
    /// Whatever is said in whatever order, it is ready only when every gate was seen quiet and signed after its last use.
    #[test]
    fn nothing_goes_without_every_gate(
        events in prop::collection::vec((0..4_usize, 0..5_usize, 0..400_u64), 0..60),
    ) {
        let mut contract = contract();
        let mut now = 0;
        let mut used = [None; 4];
        let mut signed = [None; 4];
        for (gate, what, later) in events {
            now += later % 40;
            let name = Gate::ALL[gate];
            match what {
                0 => contract.saw(name, &[], at(now)),
                1 => {
                    contract.saw(name, &["somebody".into()], at(now));
                    used[gate] = Some(now);
                }
                _ => if contract.sign(name, "ann", at(now)).is_ok() && signed[gate].is_none_or(|last| used[gate] >= Some(last)) {
                    signed[gate] = Some(now);
                },
            }
            if contract.ready().is_some() {
                for gate in 0..4 {
                    prop_assert!(signed[gate].is_some(), "{contract:?}");
                    prop_assert!(used[gate].is_none() || used[gate] <= signed[gate], "{contract:?}");
                }
                let all = Gate::ALL.iter().all(|gate| matches!(contract.gate(*gate), GateState::Signed { .. }));
                prop_assert!(all);
            } else {
                prop_assert_eq!(contract.clone().dropped().is_ok(), false);
            }
        }
    }
}
