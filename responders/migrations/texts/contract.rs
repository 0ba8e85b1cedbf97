//! What is said of what is to go.

use std::time::Duration;

use jiff::Timestamp;
use otus::card::{Button, Card, Tone};
use otus::ids::UserId;
use otus::markup::{bold, code, user};
use otus::policy::Roles;
use otus_migrations::contract::{Column, Gate, GateState, NotYet, Object, Stage};
use otus_migrations::lint::{FileReport, Level};

use super::LONGEST;
use crate::contract::record::{PEOPLES, Row, Signer};
use crate::settings::Settings;
use crate::words::{cut, duration, list, moment};

/// What it is called.
fn what(row: &Row) -> String {
    row.object.to_string()
}

/// What is to become of it.
fn fate(row: &Row) -> String {
    match &row.replaced_by {
        Some(new) => format!("is to be replaced by {}", bold(new)),
        None => format!("is to be {}", gone(row)),
    }
}

/// What is done with it in the end: NULL is not dropped.
fn gone(row: &Row) -> &'static str {
    match row.object.tightens() {
        Some(_) => "forbidden",
        None => "dropped",
    }
}

/// What is done with it for a while.
fn kept_away(row: &Row) -> &'static str {
    match row.object.tightens() {
        Some(_) => "refused",
        None => "withheld",
    }
}

/// What begins such a contract.
fn begins(object: &Object) -> String {
    code(&match object {
        Object::Nulls(column) => format!("contract tighten {column} because …"),
        Object::Column(_) | Object::Table(_) => format!("contract drop {object} because …"),
    })
}

fn gate_name(row: &Row, gate: Gate) -> &'static str {
    match gate {
        Gate::App => "The application",
        Gate::Etl => "Pipelines",
        Gate::Reporting => "Reports",
        Gate::Brownout if row.object.tightens().is_some() => "Refused for a while",
        Gate::Brownout => "Withheld for a while",
    }
}

/// The one message of a contract.
pub(crate) fn contract(row: &Row, signers: &[Signer], settings: &Settings) -> Card {
    let stage = row.contract.stage();
    let used = PEOPLES
        .iter()
        .any(|gate| matches!(row.contract.gate(*gate), GateState::InUse { .. }));
    let (tone, title) = match stage {
        Stage::Dropped => (Tone::Good, format!("{} is {}", bold(&what(row)), gone(row))),
        Stage::Abandoned => (Tone::Neutral, format!("{} stays", bold(&what(row)))),
        Stage::Ready => (Tone::Good, format!("{} may be {}", bold(&what(row)), gone(row))),
        Stage::At(_) if used || row.fault.is_some() => {
            (Tone::Warning, format!("{} {}", bold(&what(row)), fate(row)))
        }
        Stage::At(_) => (Tone::Running, format!("{} {}", bold(&what(row)), fate(row))),
    };
    let mut card = Card::new(tone, title).text(format!("Because {}", cut(&row.contract.reason, LONGEST)));
    let lines: Vec<String> = PEOPLES
        .into_iter()
        .map(|gate| people(row, gate, signers))
        .chain([withheld(row), last(row)])
        .collect();
    card = card.text(lines.join("\n"));
    if row.is_over() {
        return card.footer(foot(row));
    }
    if let Some(fault) = &row.fault {
        card = card.text(format!(
            "The database cannot be asked: {}. Nothing is signed off meanwhile.",
            cut(fault, LONGEST).trim_end_matches('.')
        ));
    }
    if !row.remarks.is_empty() {
        let remarks: Vec<String> = row.remarks.iter().map(|remark| cut(remark, 200)).collect();
        card = card.text(format!("To know: {}.", remarks.join("; ")));
    }
    let object = what(row);
    for signer in row.awaited(signers) {
        card = card.button(
            Button::new(
                format!("Sign for {}", signer.consumer),
                format!("contract sign {object} for {}", signer.consumer),
            )
            .primary(),
        );
    }
    match (stage, &row.withheld) {
        (_, Some(_)) => card = card.button(missed_button(&row.key())),
        (Stage::At(Gate::Brownout), None) => {
            let verb = match row.object.tightens() {
                Some(_) => "Refuse it for",
                None => "Withhold it for",
            };
            card = card.button(Button::new(
                format!("{verb} {}", duration(settings.withheld)),
                format!("contract withhold {object}"),
            ));
        }
        (Stage::Ready, None) if row.object.tightens().is_some() => {
            card = card.button(Button::new(
                "Make it NOT NULL",
                format!("contract apply {object}"),
            ));
        }
        (Stage::Ready, None) => {
            card = card
                .text(format!(
                    "Its file says exactly {}, alone.",
                    code(&row.contract.statement)
                ))
                .button(Button::new("Drop it", format!("contract apply {object}")));
        }
        _ => {}
    }
    card.button(Button::new("Look now", format!("contract look {object}")))
        .footer(foot(row))
}

fn foot(row: &Row) -> String {
    format!(
        "wanted by {} · {} in {} · since {}",
        user(&row.by),
        row.service,
        row.environment,
        moment(row.contract.opened)
    )
}

/// A gate that people sign.
fn people(row: &Row, gate: Gate, signers: &[Signer]) -> String {
    let name = gate_name(row, gate);
    let (use_, used) = match row.object.tightens() {
        Some(_) => ("none", "still written"),
        None => ("no use", "still used"),
    };
    let mine: Vec<&Signer> = signers.iter().filter(|signer| signer.gate == gate).collect();
    let signed: Vec<String> = row
        .signatures
        .iter()
        .filter(|signature| signature.gate == gate)
        .map(|signature| format!("{} for {}", signature.name, signature.consumer))
        .collect();
    match row.contract.gate(gate) {
        GateState::Closed => format!("○ {name}: nobody has looked yet"),
        GateState::InUse { what, .. } => format!("✗ {name}: {used}. {}", cut(&what.join("; "), LONGEST)),
        GateState::Signed { .. } => format!("✓ {name}: signed by {}", list(&signed)),
        GateState::Quiet { since } => {
            let missing: Vec<String> = mine
                .iter()
                .filter(|signer| !row.has_signed(signer))
                .map(|signer| format!("{} ({})", signer.consumer, code(&signer.owner)))
                .collect();
            let so_far = match signed.as_slice() {
                [] => String::new(),
                signed => format!(", signed by {}", list(signed)),
            };
            format!(
                "○ {name}: {use_} seen since {}{so_far}; missing: {}",
                moment(*since),
                list(&missing)
            )
        }
    }
}

fn withheld(row: &Row) -> String {
    if let Some((_, until)) = &row.withheld {
        return format!("⏳ {}: until {}", gate_name(row, Gate::Brownout), moment(*until));
    }
    let name = gate_name(row, Gate::Brownout);
    match row.contract.gate(Gate::Brownout) {
        GateState::Closed | GateState::Quiet { .. } => format!("○ {name}"),
        GateState::InUse { what, .. } => format!("✗ {name}: {}", cut(&what.join("; "), LONGEST)),
        GateState::Signed { by, .. } => {
            let word = row
                .signatures
                .iter()
                .find(|signature| signature.gate == Gate::Brownout);
            match word.and_then(|signature| signature.reason.as_ref()) {
                Some(reason) => format!(
                    "✓ {name}: not possible; {by} answers for it, because {}",
                    cut(reason, 200)
                ),
                None if row.object.tightens().is_some() => format!("✓ {name}: nobody failed"),
                None => format!("✓ {name}: nobody missed it"),
            }
        }
    }
}

fn last(row: &Row) -> String {
    let mark = match row.contract.stage() {
        Stage::Dropped => "✓",
        _ => "○",
    };
    let end = match row.object.tightens() {
        Some(_) => "NOT NULL",
        None => "Dropped",
    };
    format!("{mark} {end}")
}

/// All that are open.
pub(crate) fn contracts(rows: &[(Row, Vec<Signer>)], now: Timestamp) -> Card {
    if rows.is_empty() {
        return Card::new(Tone::Neutral, "Nothing is to be dropped").text(format!(
            "{} begins, or {}.",
            code("contract drop <table>.<column> because …"),
            code("contract tighten <table>.<column> because …")
        ));
    }
    let lines: Vec<String> = rows
        .iter()
        .map(|(row, signers)| {
            let since = Duration::try_from(now.duration_since(row.contract.opened)).unwrap_or_default();
            format!(
                "{} ({} in {}), for {}: {}",
                bold(&what(row)),
                row.service,
                row.environment,
                duration(since.max(Duration::from_secs(1))),
                waits_for(row, signers)
            )
        })
        .collect();
    let title = match rows.iter().any(|(row, _)| row.object.tightens().is_some()) {
        true => "What is to be dropped, or forbidden",
        false => "What is to be dropped",
    };
    Card::new(Tone::Neutral, title).text(lines.join("\n"))
}

/// What it waits for, in a few words.
fn waits_for(row: &Row, signers: &[Signer]) -> String {
    if row.fault.is_some() {
        return "its database cannot be asked".into();
    }
    match row.contract.stage() {
        Stage::Dropped => gone(row).into(),
        Stage::Abandoned => "given up".into(),
        Stage::Ready => format!("it may be {}", gone(row)),
        Stage::At(Gate::Brownout) if row.withheld.is_some() => format!("{} right now", kept_away(row)),
        Stage::At(Gate::Brownout) => format!("to be {} for a while", kept_away(row)),
        Stage::At(gate) => match row.contract.gate(gate) {
            GateState::InUse { what, .. } if row.object.tightens().is_some() => {
                format!("still written: {}", cut(&what.join("; "), 200))
            }
            GateState::InUse { what, .. } => format!("still used: {}", cut(&what.join("; "), 200)),
            _ => {
                let missing: Vec<String> = row
                    .awaited(signers)
                    .into_iter()
                    .map(|signer| format!("{} to sign for {}", code(&signer.owner), signer.consumer))
                    .collect();
                list(&missing)
            }
        },
    }
}

/// Who holds it up is told.
pub(crate) fn nag(row: &Row, signers: &[Signer], roles: &Roles) -> String {
    let awaited = row.awaited(signers);
    let mut people: Vec<String> = Vec::new();
    for signer in &awaited {
        let members = roles.0.get(&signer.owner).into_iter().flatten();
        // Groups and everybody are named, not rung.
        people.extend(
            members
                .filter(|member| !member.starts_with('@') && !member.starts_with('S') && *member != "*")
                .map(|member| user(&UserId::new(member.clone()))),
        );
    }
    if people.is_empty() {
        people.push(user(&row.by));
    }
    people.sort();
    people.dedup();
    format!(
        "{}: {} still waits: {}. {} gives it up.",
        list(&people),
        bold(&what(row)),
        waits_for(row, signers),
        code(&format!("contract abandon {}", what(row)))
    )
}

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

/// The heading of dropping it.
pub(crate) fn drop(row: &Row, environment: &str) -> String {
    format!("Drop {} in {}", bold(&what(row)), bold(environment))
}

/// While it is dropped.
pub(crate) fn dropping(key: &str, environment: &str) -> String {
    format!("Dropping {} in {}", bold(object_of(key)), bold(environment))
}

/// It is gone.
pub(crate) fn dropped(key: &str, environment: &str) -> String {
    format!("{} is dropped in {}", bold(object_of(key)), bold(environment))
}

fn object_of(key: &str) -> &str {
    key.split_once(' ').map_or(key, |(_, object)| object)
}

/// It does not come back.
pub(crate) fn gone_for_good(row: &Row) -> String {
    format!(
        "What is in {} is gone for good; only a backup has it.",
        code(&what(row))
    )
}

/// The rule that asks for an approval.
pub(crate) fn takes_away(row: &Row) -> String {
    format!("it takes away {} for good", code(&what(row)))
}

/// A gate is not passed.
pub(crate) fn not_ready(row: &Row, signers: &[Signer]) -> String {
    let mut now = row.clone();
    now.reconcile(signers);
    format!(
        "{} is not to be {} yet: {}.",
        code(&what(row)),
        gone(row),
        waits_for(&now, signers).trim_end_matches('.')
    )
}

/// Files that add come first.
pub(crate) fn additive_first(file: &str, service: &str, environment: &str) -> String {
    format!(
        "{} comes before it: {} first.",
        code(file),
        code(&format!("migrate {service} in {environment}"))
    )
}

/// No file drops it.
pub(crate) fn no_file_for(row: &Row, next: Option<&str>, takes: &[String]) -> String {
    let next = match next {
        Some(next) if takes.is_empty() => format!(" The next file is {}.", code(next)),
        Some(next) => format!(
            " The next file is {}, which takes away {}.",
            code(next),
            list(takes)
        ),
        None => String::new(),
    };
    format!(
        "No file that waits drops {} and nothing else.{next} Write one that says only {}, merge it, and say this again.",
        code(&what(row)),
        code(&row.contract.statement)
    )
}

/// A file drops it in another way.
pub(crate) fn other_statement(row: &Row, report: Option<&FileReport>) -> String {
    let findings = report.into_iter().flat_map(|report| &report.findings);
    let refused: Vec<String> = findings
        .filter(|finding| finding.level == Level::Refused)
        .take(2)
        .map(|finding| cut(&finding.message, 200))
        .collect();
    format!(
        "The file does not say exactly what was agreed to, which is {}, alone: {}",
        code(&row.contract.statement),
        refused.join(" ")
    )
}
