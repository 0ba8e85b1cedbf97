//! What is answered to what people say about a contract.

use super::*;

/// It begins.
pub(crate) fn opened(row: &Row) -> String {
    let fate = otus::markup::plain(&fate(row));
    format!("{} {fate}: {}", what(row), row.contract.reason)
}

/// Why is missing.
pub(crate) fn why_drop(object: &str, replaced_by: Option<&str>) -> String {
    let example = match replaced_by {
        Some(new) => format!("contract replace {object} by {new} because it holds more than its name says"),
        None => format!("contract drop {object} because nobody has written it since 2024"),
    };
    format!(
        "Say why, so that those who have to agree know: {}.",
        code(&example)
    )
}

/// Neither a column nor a table.
pub(crate) fn not_an_object(said: &str) -> String {
    format!(
        "{} is no column and no table: write {} or {}.",
        code(said),
        code("<table>.<column>"),
        code("table <table>")
    )
}

/// Tables are not replaced.
pub(crate) fn only_columns_are_replaced() -> String {
    format!(
        "A column is replaced by another. A table of another name is a new table: fill it, use it, and then {}.",
        code("contract drop table <table> because …")
    )
}

/// Not a column of the same table.
pub(crate) fn another_table(old: &Column, new: &str) -> String {
    format!(
        "{} is not in {}. Whether everything is copied can be seen in one table only; what moved to another is dropped: {}.",
        code(new),
        code(&old.table.to_string()),
        code(&format!("contract drop {old} because …"))
    )
}

/// By itself.
pub(crate) fn replaced_by_itself(old: &Column) -> String {
    format!("{} cannot be replaced by itself.", code(&old.to_string()))
}

/// Several services have migrations.
pub(crate) fn which_service(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| code(name)).collect();
    match names.as_slice() {
        [] => format!(
            "No service has migrations. {} says where they are.",
            code("[services.<name>.migrations]")
        ),
        names => format!(
            "Of which service: {}? Say {} behind it.",
            list(names),
            code("of <service>")
        ),
    }
}

/// It is open already.
pub(crate) fn already_open(row: &Row) -> String {
    format!(
        "{} is to be {} already; {} shows how it stands.",
        code(&what(row)),
        gone(row),
        code("contracts")
    )
}

/// There is none.
pub(crate) fn no_contract(said: &str, is_object: bool) -> String {
    match (is_object, Object::read(said)) {
        (true, Some(object)) => format!(
            "Nobody wants {} {}. {} begins.",
            code(said),
            match object.tightens() {
                Some(_) => "forbidden",
                None => "dropped",
            },
            begins(&object)
        ),
        // Its key, once it was there.
        (true, None) => format!("There is no contract {} any more.", code(said)),
        (false, _) => not_an_object(said),
    }
}

/// Several are meant.
pub(crate) fn which_contract(rows: &[Row]) -> String {
    let names: Vec<String> = rows.iter().map(|row| code(&row.key())).collect();
    format!("Which one: {}?", list(&names))
}

/// The database cannot be asked.
pub(crate) fn cannot_look(row: &Row, fault: &str) -> String {
    format!(
        "Whether somebody {} {} cannot be found out: {}. So nobody can sign it off.",
        match row.object.tightens() {
            Some(_) => "writes",
            None => "uses",
        },
        code(&what(row)),
        cut(fault, LONGEST).trim_end_matches('.')
    )
}

/// A consumer nobody knows.
pub(crate) fn no_consumer(said: &str, signers: &[Signer]) -> String {
    let known: Vec<String> = signers.iter().map(|signer| code(&signer.consumer)).collect();
    format!(
        "Nobody uses the database under the name {}. There are {}.",
        code(said),
        list(&known)
    )
}

/// Not theirs to sign.
pub(crate) fn not_theirs(role: &str, consumer: &str) -> String {
    format!(
        "Only who has the role {} answers for {}, and you do not have it.",
        code(role),
        code(consumer)
    )
}

/// A role that cannot be looked at.
pub(crate) fn unknown_role(role: &str, why: &str) -> String {
    format!("Whether you have the role {} cannot be told: {why}.", code(role))
}

/// It may not be signed yet.
pub(crate) fn not_yet(row: &Row, signer: &Signer, why: &NotYet) -> String {
    let what = code(&what(row));
    match why {
        NotYet::Before(gate) => format!("{} of {what} comes first.", gate_name(row, *gate)),
        NotYet::InUse(uses) if row.object.tightens().is_some() => format!(
            "{what} is still written, so nobody can sign it off: {}",
            cut(uses, LONGEST)
        ),
        NotYet::InUse(uses) => format!(
            "{what} is still used, so nobody can sign it off: {}",
            cut(uses, LONGEST)
        ),
        NotYet::Quiet(until) => format!(
            "{what} has to be left alone until {} before {} can be signed off.",
            moment(*until),
            code(&signer.consumer)
        ),
        NotYet::NotSeen => format!("Nobody has looked yet whether {what} is used."),
        NotYet::NotTheirs(who) => format!("{who} does not answer for {}.", code(&signer.consumer)),
        NotYet::Over => format!("The contract of {what} is over."),
    }
}

/// Somebody signed.
pub(crate) fn has_signed(row: &Row, consumer: &str) -> String {
    format!("{} was signed off for {consumer}.", what(row))
}

/// What was signed counts no more.
pub(crate) fn signatures_lost(row: &Row) -> String {
    match row.object.tightens() {
        Some(_) => format!("{} is there again: what was signed counts no more.", what(row)),
        None => format!("{} is used again: what was signed counts no more.", what(row)),
    }
}

/// It is given up.
pub(crate) fn abandoned(row: &Row) -> String {
    format!("{} stays: nobody wants it {} any more.", what(row), gone(row))
}

/// It is not withheld.
pub(crate) fn not_withheld(row: &Row) -> String {
    match row.object.tightens() {
        Some(_) => format!("{} is not refused right now.", code(&what(row))),
        None => format!("{} is not withheld from anybody right now.", code(&what(row))),
    }
}

/// It is withheld.
pub(crate) fn withheld_now(row: &Row) -> String {
    format!(
        "{} is {} right now; cancel that first.",
        code(&what(row)),
        kept_away(row)
    )
}

/// The same, where it is a reason.
pub(crate) fn is_withheld_now(row: &Row) -> String {
    format!("it is {} right now", kept_away(row))
}

/// Somebody misses it.
pub(crate) fn missed_by(name: &str, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => format!("{name} missed it: {}", cut(reason, LONGEST)),
        None => format!("{name} missed it"),
    }
}

/// The button for who misses it.
pub(crate) fn missed_button(key: &str) -> Button {
    Button::new("We miss it", format!("contract missed `{key}`")).danger("Give it back at once?")
}

/// It can be withheld, so nobody needs to answer for it.
pub(crate) fn can_be_withheld(row: &Row) -> String {
    format!(
        "{} can be {}, so that is how to find out: {}.",
        code(&what(row)),
        kept_away(row),
        code(&format!("contract withhold {}", what(row)))
    )
}

/// Why is missing.
pub(crate) fn why_waive(row: &Row) -> String {
    format!(
        "{} can be withheld from nobody. Who answers for that says why: {}.",
        code(&what(row)),
        code(&format!("contract sign {} for withholding because …", what(row)))
    )
}

/// Who wants it does not answer for it.
pub(crate) fn not_ones_own(row: &Row) -> String {
    format!(
        "You want {} {}, so somebody else has to answer for it.",
        code(&what(row)),
        gone(row)
    )
}
