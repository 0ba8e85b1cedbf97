//! What is said of what is to go: its card, and all of them.

mod dropping;
mod replies;
mod withholding;

use std::time::Duration;

use jiff::Timestamp;
use otus::card::{Button, Card, Tone};
use otus::ids::UserId;
use otus::markup::{bold, code, user};
use otus::policy::Roles;
use otus_migrations::contract::{Column, Gate, GateState, NotYet, Object, Stage};
use otus_migrations::lint::{FileReport, Level};

pub(crate) use self::{dropping::*, replies::*, withholding::*};
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
        return Card::new(Tone::Neutral, "No contract is under way").text(format!(
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
