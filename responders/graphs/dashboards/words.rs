//! What reads better as words: values that have names, moments, tables.

use jiff::{Timestamp, tz::TimeZone};
use otus_charts::{Cell, Panel, Table, TableColumn};
use otus_monitoring::grafana::dashboards::{Course, Item, Results, Shown};

use super::{
    chart::{MOST, reduced},
    limits, units,
};
use crate::texts::dashboards as texts;

/// A row of words for each series.
pub(super) fn of(shown: &Shown, title: &str, calc: &str, results: &Results) -> Panel {
    let alone = results.courses.len() == 1 || shown.panel.names;
    let mut table = Table::new(title);
    if !alone {
        table = table.column(TableColumn::text(""));
    }
    table = table.column(TableColumn::text(texts::VALUE));
    for course in results.courses.iter().take(MOST) {
        let value = reduced(&course.points, calc);
        let said = match course.field.mapped(value) {
            _ if shown.panel.names => name(course),
            Some(text) => text.to_owned(),
            None if units::moment(course.field.unit.as_deref()) => moment(value, &TimeZone::UTC),
            None => {
                let scaled = units::of(course.field.unit.as_deref()).0;
                scaled.unit.value(value * scaled.factor)
            }
        };
        let name = (!alone).then(|| Cell::Text(name(course)));
        table = table.row(name.into_iter().chain([Cell::Text(said)]).collect::<Vec<_>>());
    }
    table.into()
}

fn name(course: &Course) -> String {
    match &course.name {
        Some(name) => name.clone(),
        None => {
            let own: Vec<String> = course
                .labels
                .iter()
                .filter(|(label, _)| *label != "__name__")
                .map(|(_, value)| value.clone())
                .collect();
            own.join(" ")
        }
    }
}

/// A moment that was a value: milliseconds since 1970.
fn moment(ms: f64, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(ms as i64)
        .ok()
        .filter(|_| ms.is_finite() && ms.abs() < 1e15);
    at.map_or_else(
        || "–".to_owned(),
        |at| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
    )
}

pub(super) fn table(shown: &Shown, title: &str, results: &Results, zone: &TimeZone) -> Panel {
    let sheet = &results.sheet;
    let panel = &shown.panel;
    let organised = panel.transformations.iter().any(|one| one.id == "organize");
    let mut columns = Vec::new();
    for (at, (name, query)) in sheet.columns.iter().enumerate() {
        let field = panel.field.of(&panel.overrides, name, query);
        // Nobody reads the moment of an instant query, unless the dashboard kept it by purpose.
        let technical = name == "__name__" || (name == "Time" && !organised);
        let empty = sheet.rows.iter().all(|row| {
            matches!(&row[at], Item::Nothing) || matches!(&row[at], Item::Text(text) if text.is_empty())
        });
        let shown = !empty || sheet.rows.is_empty();
        if shown && !field.hidden && !technical {
            columns.push((at, name, field));
        }
    }
    let mut table = Table::new(title).query(results.queries.join(" · "));
    for (at, name, field) in &columns {
        let number = sheet.rows.iter().any(|row| matches!(row[*at], Item::Number(_)));
        let words = number && (!field.mappings.is_empty() || units::moment(field.unit.as_deref()));
        let called = field.display_name.as_ref().unwrap_or(name);
        let (scaled, unknown) = units::of(field.unit.as_deref());
        let called = unknown
            .filter(|_| number && !words)
            .map_or_else(|| called.clone(), |unit| texts::in_unit(called, &unit));
        let column = match number && !words {
            true => {
                let column = TableColumn::number(called, scaled.unit);
                limits::of(field, scaled.factor)
                    .into_iter()
                    .fold(column, TableColumn::threshold)
            }
            false => TableColumn::text(called),
        };
        table = table.column(column);
    }
    for row in &sheet.rows {
        let cells = columns.iter().map(|(at, _, field)| match &row[*at] {
            Item::Text(text) => Cell::Text(text.clone()),
            Item::Time(ms) => Cell::Text(moment(*ms, zone)),
            Item::Nothing => Cell::Text(String::new()),
            Item::Number(value) => {
                let factor = units::of(field.unit.as_deref()).0.factor;
                match field.mapped(*value) {
                    Some(text) => Cell::Text(text.to_owned()),
                    None if units::moment(field.unit.as_deref()) => Cell::Text(moment(*value, zone)),
                    None if !field.mappings.is_empty() => {
                        Cell::Text(units::of(field.unit.as_deref()).0.unit.value(value * factor))
                    }
                    None => Cell::Value(value * factor),
                }
            }
        });
        table = table.row(cells.collect::<Vec<_>>());
    }
    table.into()
}
