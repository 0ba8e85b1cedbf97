//! What is said while something is withheld.

use super::*;

/// The heading of withholding it.
pub(crate) fn withhold(row: &Row) -> String {
    let verb = match row.object.tightens() {
        Some(_) => "Refuse",
        None => "Withhold",
    };
    format!("{verb} {} in {}", bold(&what(row)), bold(&row.environment))
}

/// What it may do then.
pub(crate) fn for_a_while(then: &str, span: Duration) -> String {
    format!("{then}, for {}", duration(span))
}

/// What withholding is. `seen` says whether it is noticed when somebody fails because of it.
pub(crate) fn withhold_note(object: &Object, seen: bool) -> String {
    match (object, seen) {
        (Object::Nulls(_), true) => {
            "A check refuses NULL in rows that are written; those that are there are not read. It goes by itself when the time is over, when \
             somebody writes NULL and fails, when somebody misses it, and when this is cancelled."
        }
        (Object::Nulls(_), false) => {
            "A check refuses NULL in rows that are written; those that are there are not read. It goes by itself when the time is over, when \
             somebody misses it, and when this is cancelled. I may make nothing in the schema of the table, so I do not see who fails."
        }
        _ => {
            "Only rights change. They are given back by themselves when the time is over, when somebody misses it, and when this is cancelled."
        }
    }
    .into()
}

/// Not now.
pub(crate) fn not_to_be_withheld(row: &Row) -> String {
    match row.contract.stage() {
        Stage::At(Gate::Brownout) => withheld_now(row),
        Stage::At(gate) => format!("{} of {} comes first.", gate_name(row, gate), code(&what(row))),
        _ => format!("{} need not be {}.", code(&what(row)), kept_away(row)),
    }
}

/// It can be withheld from nobody.
pub(crate) fn nobody_to_withhold_from(row: &Row, why: &[String]) -> String {
    if let (Some(_), [why, ..]) = (row.object.tightens(), why) {
        return format!("{} cannot be refused: {why}.", code(&what(row)));
    }
    let why = match why {
        [] => "no consumer has a role in the database".to_owned(),
        why => why.join("; "),
    };
    format!(
        "{} can be withheld from nobody: {why}. A role of its own for each consumer would make it possible; else somebody has to answer for \
         it: {}.",
        code(&what(row)),
        code(&format!("contract sign {} for withholding because …", what(row)))
    )
}

/// It could not be withheld.
pub(crate) fn not_withheld_because(why: &str) -> String {
    format!(
        "It was not withheld: {}.",
        cut(why, LONGEST).trim_end_matches('.')
    )
}

/// It is.
pub(crate) fn is_withheld(names: &[String], until: Timestamp) -> String {
    format!("Withheld from {} until {}.", names.join(", "), moment(until))
}

/// The same, on the card.
pub(crate) fn withheld_until(names: &[String], until: Timestamp) -> String {
    let names: Vec<String> = names.iter().map(|name| code(name)).collect();
    format!(
        "Withheld from {} until {}, then given back by itself. Who misses it says so.",
        list(&names),
        moment(until)
    )
}

/// Nobody missed it.
pub(crate) fn endured(names: &[String]) -> String {
    format!("Given back to {}. Nobody missed it.", names.join(", "))
}

/// Somebody uses it after all.
pub(crate) fn given_back_in_use() -> String {
    "Given back. Meanwhile somebody was seen who uses it, so the way begins there again.".into()
}

/// Somebody missed it.
pub(crate) fn given_back_missed(what: &[String]) -> String {
    format!("Given back at once: {}.", cut(&what.join("; "), LONGEST))
}

/// Somebody cancelled it.
pub(crate) fn given_back_cancelled() -> String {
    "Given back: it was cancelled, which says nothing of whether somebody misses it.".into()
}

/// It cannot be given back yet.
pub(crate) fn not_given_back(why: &str) -> String {
    format!(
        "It is not given back yet, and I keep trying: {}. By hand:",
        cut(why, LONGEST).trim_end_matches('.')
    )
}
