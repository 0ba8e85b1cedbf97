//! What is said about what runs that was not deployed here.

use otus::markup::{bold, code};
use otus::store::Deploy;
use otus::{Button, Card, Tone};

use crate::drift::Drift;
use crate::place::version_of;
use crate::words::{count, moment, short};

/// So many places get buttons.
const BUTTONS: usize = 5;

/// What runs against what was released, everywhere.
pub(crate) fn drift(found: &[(String, String, Drift)]) -> Card {
    let drifted = found
        .iter()
        .filter(|(.., drift)| matches!(drift, Drift::Set { .. }))
        .count();
    let unknown = found
        .iter()
        .filter(|(.., drift)| matches!(drift, Drift::Unknown(_)))
        .count();
    let card = match (drifted, unknown) {
        (0, 0) => Card::new(Tone::Good, "What runs is what was released"),
        (0, _) => Card::new(Tone::Warning, "Not everything can be told"),
        _ => Card::new(Tone::Warning, format!("{} what I deployed last", differ(drifted))),
    };
    let lines: Vec<String> = found.iter().filter_map(line).collect();
    let card = match lines.is_empty() {
        true => card,
        false => card.text(lines.join("\n")),
    };
    let never = found.iter().filter(|(.., drift)| *drift == Drift::Never).count();
    let card = match never {
        0 => card,
        _ => card.footer(format!("In {} I never deployed.", count(never, "place"))),
    };
    found
        .iter()
        .filter(|(.., drift)| matches!(drift, Drift::Set { .. }))
        .take(BUTTONS)
        .fold(card, buttons)
}

fn differ(number: usize) -> String {
    match number {
        1 => "1 place does not run".to_owned(),
        _ => format!("{number} places do not run"),
    }
}

fn line((service, environment, drift): &(String, String, Drift)) -> Option<String> {
    let place = format!("{} in {}", code(service), bold(environment));
    match drift {
        Drift::None | Drift::Never => None,
        Drift::Unknown(why) => Some(format!(
            "❔ {place} cannot be told: {}.",
            why.trim_end_matches('.')
        )),
        Drift::Set {
            image,
            manager,
            at,
            last,
        } => {
            let by = manager
                .as_deref()
                .map(|manager| format!(", set by {}", code(manager)))
                .unwrap_or_default();
            let when = at.map(|at| format!(" {}", moment(at))).unwrap_or_default();
            let last = match last {
                Some(last) => format!("I deployed {} last", code(&short(last))),
                None => "I have no good release on record".to_owned(),
            };
            Some(format!(
                "⚠️ {place} runs {}{by}{when}; {last}.",
                code(&short(&version_of(image)))
            ))
        }
    }
}

fn buttons(card: Card, (service, environment, drift): &(String, String, Drift)) -> Card {
    let Drift::Set {
        image, last, manager, ..
    } = drift
    else {
        return card;
    };
    let label = format!("Adopt {} in {environment}", short(&version_of(image)));
    let card = card.button(Button::new(label, format!("adopt {service} in {environment}")));
    let Some(last) = last else {
        return card;
    };
    let who = manager.as_deref().unwrap_or("somebody else");
    card.button(
        Button::new(
            format!("Redeploy {} to {environment}", short(last)),
            format!("deploy {service}@{last} to {environment} --force"),
        )
        .danger(format!("This undoes what {who} set.")),
    )
}

/// What an adoption is.
pub(crate) fn adopt(service: &str, version: &str, environment: &str) -> String {
    format!(
        "Adopt {} {} in {} as released",
        bold(service),
        code(&short(version)),
        bold(environment)
    )
}

/// It is only a record.
pub(crate) fn only_recorded(manager: Option<&str>) -> String {
    let field = match manager {
        Some(manager) => format!(
            " The image stays with {} until the next deploy takes it over.",
            code(manager)
        ),
        None => String::new(),
    };
    format!("This is a record alone: nothing changes in the cluster.{field}")
}

/// The heading when it is recorded.
pub(crate) fn adopted(deploy: &Deploy) -> String {
    format!(
        "{} {} in {} is on record as released",
        bold(&deploy.service),
        code(&short(&deploy.version)),
        bold(&deploy.environment)
    )
}

/// How it came to be there, for the record.
pub(crate) fn adopted_note(manager: Option<&str>) -> String {
    match manager {
        Some(manager) => format!("Adopted as it ran; {} had set it.", code(manager)),
        None => "Adopted as it ran.".to_owned(),
    }
}
