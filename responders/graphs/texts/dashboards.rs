//! What is said of Grafana's dashboards.

use jiff::tz::TimeZone;
use otus::{
    UserError, args,
    markup::{bold, clean, code, link},
    message::Via,
    prelude::*,
};
use otus_monitoring::{
    duration,
    grafana::{
        GrafanaError,
        dashboards::{Found, Means, Open, Shown, Span, VariableError},
    },
};

use crate::dashboards::Said;

/// Behind `dashboard` has to stand which.
pub(crate) const NO_NAME: &str = "say which dashboard: `dashboards` lists them";

/// A table's only column.
pub(crate) const VALUE: &str = "value";

/// So many dashboards are listed at once.
const LISTED: usize = 25;
/// So many are offered as buttons.
const OFFERED: usize = 5;

/// `name=` and nothing behind it.
pub(crate) fn empty_value(name: &str) -> String {
    format!("after {} stands no value", code(&format!("{name}=")))
}

/// There is nobody to ask.
pub(crate) fn no_grafana() -> UserError {
    UserError::new(
        "I know no Grafana. Whoever runs me can set `grafana.url` and a token in the configuration.",
    )
}

/// Grafana did not give what was asked for.
pub(crate) fn failed(error: &GrafanaError) -> UserError {
    UserError::new(format!("{}.", capital(&clean(&error.to_string()))))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The dashboards there are.
pub(crate) fn list(
    some: &[&Found],
    all: usize,
    words: Option<&str>,
    address: impl Fn(&Found) -> Option<String>,
) -> Card {
    let title = match (words, some.len()) {
        (None, 0) => "Grafana shows me no dashboard.".to_owned(),
        (None, _) => bold("Dashboards"),
        (Some(words), 0) => format!("None of the {all} dashboards is called like {}.", code(words)),
        (Some(words), count) => format!("{} with {}: {count} of {all}", bold("Dashboards"), code(words)),
    };
    let card = Card::new(Tone::Neutral, title);
    if some.is_empty() {
        return match words {
            None => card.text("The service account may have no right to see any, or there are none."),
            Some(_) => card.text("`dashboards` lists all."),
        };
    }
    let lines: Vec<String> = some
        .iter()
        .take(LISTED)
        .map(|found| {
            let name =
                address(found).map_or_else(|| clean(&found.title), |address| link(&address, &found.title));
            match found.folder.is_empty() {
                true => format!("• {name}"),
                false => format!("• {name} in {}", clean(&found.folder)),
            }
        })
        .collect();
    let more = some.len().saturating_sub(LISTED);
    let card = card.text(lines.join("\n"));
    let card = match more {
        0 => card,
        more => card.text(format!(
            "… and {more} more; `dashboards <words>` finds some of them."
        )),
    };
    let card = card.footer("dashboard <name> draws one, dashboard <name> <panel> one of its panels");
    some.iter().take(OFFERED).fold(card, |card, found| {
        card.button(Button::new(
            short(&found.title),
            Said::default().again(&found.uid, None),
        ))
    })
}

/// As long as a button's label may be.
fn short(title: &str) -> String {
    match title.chars().count() > 40 {
        true => title.chars().take(39).chain(['…']).collect(),
        false => title.to_owned(),
    }
}

/// Several dashboards are called so.
pub(crate) fn which_board(said: &Said, several: &[&Found], rest: Option<&str>) -> Card {
    let lines: Vec<String> = several
        .iter()
        .take(LISTED)
        .map(|found| match found.folder.is_empty() {
            true => format!("• {}", clean(&found.title)),
            false => format!("• {} in {}", clean(&found.title), clean(&found.folder)),
        })
        .collect();
    let more = several.len().saturating_sub(LISTED);
    let card = Card::new(
        Tone::Neutral,
        format!("{} dashboards are called so. Which one?", several.len()),
    )
    .text(lines.join("\n"));
    let card = if more > 0 {
        card.text(format!("… and {more} more"))
    } else {
        card
    };
    several.iter().take(OFFERED).fold(card, |card, found| {
        card.button(Button::new(short(&found.title), said.again(&found.uid, rest)))
    })
}

/// No dashboard is called so.
pub(crate) fn no_board(said: &Said, all: &[Found]) -> Error {
    let titles: Vec<String> = all.iter().map(|found| found.title.clone()).collect();
    let corrected = |near: &str| {
        let found = all.iter().find(|found| found.title == near)?;
        Some(said.again(&found.uid, None))
    };
    args::unknown("dashboard", &said.words.join(" "), &titles, corrected).into()
}

/// A variable cannot be what was wanted.
pub(crate) fn variable(error: &VariableError, said: &Said, uid: &str, panel: Option<&str>) -> UserError {
    const SHOWN: usize = 12;
    let listed = |known: &[String]| {
        let some: Vec<String> = known.iter().take(SHOWN).map(|one| code(one)).collect();
        let more = known.len().saturating_sub(SHOWN);
        match more {
            0 => some.join(", "),
            more => format!("{} and {more} more", some.join(", ")),
        }
    };
    match error {
        VariableError::Unknown { name, known } if known.is_empty() => UserError::new(format!(
            "This dashboard has no variables, so there is no {} to set.",
            code(name)
        )),
        VariableError::Unknown { name, known } => {
            let known: Vec<String> = known
                .iter()
                .map(|(name, label)| match name.eq_ignore_ascii_case(label) {
                    true => name.clone(),
                    false => format!("{name} ({label})"),
                })
                .collect();
            UserError::new(format!(
                "This dashboard has no variable {}. It has {}.",
                code(name),
                listed(&known)
            ))
        }
        VariableError::Value { name, value, known } => {
            let near = otus::suggest::nearest(value, known.iter().map(String::as_str), 3);
            let text = format!(
                "{} cannot be {}. It can be {}.",
                code(name),
                code(value),
                listed(known)
            );
            near.iter().fold(UserError::new(text), |error, near| {
                let wanted = said
                    .wanted
                    .iter()
                    .map(|wanted| match wanted.name.eq_ignore_ascii_case(name) {
                        true => (wanted.name.clone(), vec![(*near).to_owned()]),
                        false => (wanted.name.clone(), wanted.values.clone()),
                    });
                error.instead(said.with(wanted).again(uid, panel))
            })
        }
        VariableError::Single { name } => UserError::new(format!("{} has one value at a time.", code(name))),
        VariableError::Fixed { name } => UserError::new(format!(
            "{} is a constant of the dashboard, which is not changed.",
            code(name)
        )),
        other => UserError::new(format!("{}.", capital(&clean(&other.to_string())))),
    }
}

/// Several panels are called so.
pub(crate) fn which_panel(said: &Said, open: &Open, several: &[&Shown]) -> Card {
    // One that is repeated is offered once.
    let mut several = several.to_vec();
    several.dedup_by_key(|shown| shown.panel.id);
    let lines: Vec<String> = several
        .iter()
        .take(LISTED)
        .map(|shown| {
            let id = code(&shown.panel.id.to_string());
            match shown.row.is_empty() {
                true => format!("• {id} {}", clean(&named(shown))),
                false => format!("• {id} {} in {}", clean(&named(shown)), clean(&shown.row)),
            }
        })
        .collect();
    let title = format!(
        "{} panels of {} are called so. Which one?",
        several.len(),
        bold(&open.dashboard.title)
    );
    let card = Card::new(Tone::Neutral, title).text(lines.join("\n"));
    several.iter().take(OFFERED).fold(card, |card, shown| {
        let label = short(&format!("{} {}", shown.panel.id, named(shown)));
        card.button(Button::new(
            label,
            said.again(&open.dashboard.uid, Some(&shown.panel.id.to_string())),
        ))
    })
}

/// A panel's title, or what it is called without one.
fn named(shown: &Shown) -> String {
    match shown.title.trim() {
        "" => format!("panel {}", shown.panel.id),
        title => title.to_owned(),
    }
}

/// No panel is called so.
pub(crate) fn no_panel(said: &Said, open: &Open, words: &str, panels: &[Shown]) -> UserError {
    let titles: Vec<String> = panels.iter().map(named).collect();
    let corrected = |near: &str| {
        let shown = panels.iter().find(|shown| named(shown) == near)?;
        Some(said.again(&open.dashboard.uid, Some(&shown.panel.id.to_string())))
    };
    args::unknown(
        &format!("panel of {}", open.dashboard.title),
        words,
        &titles,
        corrected,
    )
}

/// There are not so many pages.
pub(crate) fn no_page(open: &Open, said: &Said, wanted: usize, pages: usize) -> UserError {
    let pages = if pages == 1 {
        "one page".to_owned()
    } else {
        format!("{pages} pages")
    };
    UserError::new(format!(
        "{} has {pages}, so there is no page {wanted}.",
        clean(&open.dashboard.title)
    ))
    .instead(said.again(&open.dashboard.uid, None))
}

/// Above one panel: the dashboard's name and its own.
pub(crate) fn panel_title(open: &Open, shown: &Shown) -> String {
    match shown.row.is_empty() {
        true => format!("{} · {}", open.dashboard.title, named(shown)),
        false => format!("{} · {} · {}", open.dashboard.title, shown.row, named(shown)),
    }
}

/// Above one panel among others; with its row, where others are called the same.
pub(crate) fn title_on_page(shown: &Shown, all: &[Shown]) -> String {
    let twins = all.iter().filter(|other| other.title == shown.title).count();
    match twins > 1 && !shown.row.is_empty() {
        true => format!("{} · {}", shown.row, named(shown)),
        false => named(shown),
    }
}

/// A title with a unit that we have no scale for.
pub(crate) fn in_unit(title: &str, unit: &str) -> String {
    format!("{title} ({unit})")
}

/// Series of one panel in different units are drawn apart.
pub(crate) fn of_unit(title: &str, unit: Option<&str>) -> String {
    match unit {
        Some(unit) => in_unit(title, unit),
        None => title.to_owned(),
    }
}

/// Below a dashboard's title: variables, time, page.
pub(crate) fn subtitle(
    variables: &[(String, String)],
    span: &Span,
    zone: &TimeZone,
    page: usize,
    pages: usize,
) -> String {
    let mut parts = vec![time(span, zone)];
    parts.extend(variables.iter().map(|(name, value)| format!("{name} = {value}")));
    if pages > 1 {
        parts.push(format!("page {page} of {pages}"));
    }
    parts.join(" · ")
}

/// The title of the file.
pub(crate) fn file_title(title: &str, span: &Span, zone: &TimeZone) -> String {
    format!("{title}, {}", time(span, zone))
}

fn time(span: &Span, zone: &TimeZone) -> String {
    let length = span.end.duration_since(span.start).unsigned_abs();
    let ago = jiff::Timestamp::now().duration_since(span.end);
    // A range that ends now is said by its length.
    if ago.as_secs().abs() < 90 {
        return format!("last {}", duration::format(length));
    }
    let at = |at: jiff::Timestamp| at.to_zoned(zone.clone());
    let (from, to) = (at(span.start), at(span.end));
    let until = if from.date() == to.date() {
        "%H:%M"
    } else {
        "%Y-%m-%d %H:%M"
    };
    format!("{} – {}", from.strftime("%Y-%m-%d %H:%M"), to.strftime(until))
}

/// What stands beside a picture; nothing, where there is nothing to say.
pub(crate) fn comment(
    cx: &Context,
    notes: &[String],
    missing: &[String],
    next: Option<&str>,
    address: Option<&str>,
) -> Option<String> {
    const MISSING: usize = 6;
    let mut lines = Vec::new();
    if !matches!(cx.message().via, Via::Said) {
        lines.push(super::asked(cx.author(), cx.line()));
    }
    if !notes.is_empty() {
        lines.push(super::warnings(notes));
    }
    if !missing.is_empty() {
        let more = missing.len().saturating_sub(MISSING);
        let more = if more > 0 {
            format!(", and {more} more")
        } else {
            String::new()
        };
        lines.push(format!(
            "Not drawn: {}{more}.",
            missing[..missing.len().min(MISSING)].join("; ")
        ));
    }
    lines.extend(next.map(str::to_owned));
    lines.extend(address.map(|address| link(address, "Open in Grafana")));
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// There is more than fits in one picture.
pub(crate) fn next_page(said: &Said, open: &Open, page: usize, more: usize) -> String {
    let panels = if more == 1 {
        "panel".to_owned()
    } else {
        format!("{more} panels")
    };
    let command = format!("{} page {page}", said.again(&open.dashboard.uid, None));
    match more {
        1 => format!("One more {panels}: {}", code(&command)),
        _ => format!("{panels} more: {}", code(&command)),
    }
}

/// One panel that is not on the page.
pub(crate) fn missing(open: &Open, said: &Said, shown: &Shown) -> String {
    let why = why(&shown.panel.means());
    let name = open
        .panel_link(&shown.panel)
        .map_or_else(|| clean(&named(shown)), |address| link(&address, &named(shown)));
    let rendered = match open.sources.renderer {
        true => format!(
            ", but Grafana itself draws it: {}",
            code(&said.again(&open.dashboard.uid, Some(&shown.panel.id.to_string())))
        ),
        false => String::new(),
    };
    format!("{name} ({why}{rendered})")
}

fn why(means: &Means) -> String {
    match means {
        Means::Not(why) => why.to_string(),
        _ => "it holds words, and no data".to_owned(),
    }
}

/// One panel that we do not draw, and Grafana neither.
pub(crate) fn not_drawn(
    shown: &Shown,
    means: &Means,
    error: Option<&GrafanaError>,
    address: Option<&str>,
) -> Card {
    let card = Card::new(
        Tone::Neutral,
        format!("I do not draw {}: {}.", bold(&named(shown)), clean(&why(means))),
    );
    let card = match error {
        Some(error) => card.text(format!(
            "Grafana's renderer did not, either: {}",
            clean(&error.to_string())
        )),
        None => card.text("There is no renderer in Grafana that I could ask."),
    };
    opened(card, address)
}

fn opened(card: Card, address: Option<&str>) -> Card {
    match address {
        Some(address) => card.text(link(address, "Open in Grafana")),
        None => card,
    }
}

/// What goes with a picture that Grafana drew.
pub(crate) fn by_grafana(address: Option<&str>) -> String {
    match address {
        Some(address) => format!("Drawn by Grafana. {}", link(address, "Open in Grafana")),
        None => "Drawn by Grafana.".to_owned(),
    }
}

/// The words for a picture that Grafana drew, of which we know nothing else.
pub(crate) fn rendered_alt(title: &str) -> String {
    format!("{title}, drawn by Grafana.")
}

/// A panel's queries could not be answered.
pub(crate) fn panel_failed(shown: &Shown, error: &GrafanaError, address: Option<&str>) -> Card {
    let card = Card::new(Tone::Warning, format!("{} cannot be drawn.", bold(&named(shown))))
        .text(capital(&clean(&error.to_string())));
    opened(card, address)
}

/// None of a page's panels could be drawn.
pub(crate) fn all_failed(open: &Open, error: &GrafanaError) -> Card {
    let title = format!(
        "None of the panels of {} can be drawn.",
        bold(&open.dashboard.title)
    );
    opened(
        Card::new(Tone::Bad, title).text(capital(&clean(&error.to_string()))),
        open.link().as_deref(),
    )
}

/// A note about one of several panels.
pub(crate) fn note_of(title: &str, note: &str) -> String {
    format!("{title}: {note}")
}

/// One of several panels could not be drawn.
pub(crate) fn failed_on_page(title: &str, error: &GrafanaError) -> String {
    format!("{title} cannot be shown: {error}")
}

/// A dashboard without anything that we draw.
pub(crate) fn nothing_to_draw(open: &Open, not: &[&Shown]) -> Card {
    const SHOWN: usize = 10;
    let card = Card::new(
        Tone::Neutral,
        format!("{} has no panel that I draw.", bold(&open.dashboard.title)),
    );
    let lines: Vec<String> = not
        .iter()
        .take(SHOWN)
        .map(|shown| {
            format!(
                "• {}: {}",
                clean(&named(shown)),
                clean(&why(&shown.panel.means()))
            )
        })
        .collect();
    let card = if lines.is_empty() {
        card
    } else {
        card.text(lines.join("\n"))
    };
    opened(card, open.link().as_deref())
}

/// The link leads elsewhere.
pub(crate) fn not_our_link(address: &str) -> UserError {
    UserError::new(format!(
        "That link does not lead to a dashboard of the Grafana I know, {}.",
        code(address)
    ))
}
