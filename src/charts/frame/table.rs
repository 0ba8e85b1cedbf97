//! The legend: a table in one block or two side by side.

use super::dim;
use crate::{
    legend::{self, Column, Key, Row},
    scene::Scene,
    sheet::{Align, Sheet},
    theme::Rgb,
};

/// In how many blocks side by side the legend's rows stand.
pub(crate) fn blocks(rows: usize) -> usize {
    if rows > 4 { 2 } else { 1 }
}

/// The blocks' width, and the distance between two.
fn block_width(scene: &Scene<'_>) -> (f32, f32) {
    let (blocks, between) = (blocks(scene.rows.len()) as f32, scene.scale.px(64.0));
    let width = scene.width - 2.0 * scene.layout.pad;
    ((width - between * (blocks - 1.0)) / blocks, between)
}

fn gap(scene: &Scene<'_>, width: f32) -> f32 {
    scene.scale.px(if width > scene.scale.px(1000.0) {
        52.0
    } else {
        24.0
    })
}

/// The place of the key, before a name.
const KEY: f32 = 40.0;

/// How much room there is before the numbers.
pub(super) fn room(scene: &Scene<'_>) -> f32 {
    name_room(scene, &scene.columns) + scene.scale.px(KEY)
}

/// How much room the columns leave for a name.
pub(crate) fn name_room(scene: &Scene<'_>, columns: &[Column]) -> f32 {
    let (width, _) = block_width(scene);
    let widths = legend::widths(columns, &scene.rows, scene.scale.px(22.0));
    let gap = gap(scene, width);
    width - widths.iter().map(|w| w + gap).sum::<f32>() - scene.scale.px(KEY)
}

/// Draws the legend.
pub(super) fn draw(sheet: &mut Sheet, scene: &Scene<'_>) {
    if scene.rows.is_empty() {
        return;
    }
    let (width, between) = block_width(scene);
    let widths = legend::widths(&scene.columns, &scene.rows, scene.scale.px(22.0));
    let rows = scene.rows.len().div_ceil(blocks(scene.rows.len()));
    for (i, rows) in scene.rows.chunks(rows).enumerate() {
        let left = scene.layout.pad + (width + between) * i as f32;
        block(sheet, scene, rows, left, width, &widths);
    }
}

fn block(sheet: &mut Sheet, scene: &Scene<'_>, rows: &[Row], left: f32, width: f32, widths: &[f32]) {
    let px = |n| scene.scale.px(n);
    let gap = gap(scene, width);
    let (words, faint) = (scene.axis_style(), dim(scene));
    let swatch = px(KEY);
    let mut end = left + width;
    let mut ends = Vec::with_capacity(widths.len());
    for width in widths.iter().rev() {
        ends.push(end);
        end -= width + gap;
    }
    ends.reverse();
    let room = end - (left + swatch);
    for (end, column) in ends.iter().zip(&scene.columns) {
        let head = column.head();
        sheet.write(&head, &faint, Align::Right, *end, scene.layout.legend);
        if matches!(column, Column::Earlier(_)) {
            let at = end - faint.width(&head) - px(30.0);
            if at > left + swatch {
                key(
                    sheet,
                    scene,
                    at,
                    scene.layout.legend - px(8.0),
                    px(24.0),
                    faint.color,
                    Some((9.0, 5.0)),
                );
            }
        }
    }
    for (i, row) in rows.iter().enumerate() {
        let baseline = scene.layout.legend + scene.layout.row_height * (i + 1) as f32;
        // A faint rule leads the eye from the name to its numbers.
        sheet.rule(left, baseline - px(24.0), width, 1.0, scene.colors.grid, 0.8);
        let look = match row.key {
            Key::Line(rank) => Some(scene.line(rank)),
            Key::Rest => Some((scene.colors.rest, None)),
            Key::Total => None,
        };
        if let Some((color, dash)) = look {
            key(sheet, scene, left, baseline - px(8.0), px(28.0), color, dash);
        }
        let style = if row.key == Key::Rest { &faint } else { &words };
        sheet.write(
            &style.fitted(&row.name, room),
            style,
            Align::Left,
            left + swatch,
            baseline,
        );
        for (end, cell) in ends.iter().zip(&row.cells) {
            sheet.write(cell, style, Align::Right, *end, baseline);
        }
    }
}

/// The swatch, with the dashes of its line.
fn key(
    sheet: &mut Sheet,
    scene: &Scene<'_>,
    left: f32,
    y: f32,
    length: f32,
    color: Rgb,
    dash: Option<(f32, f32)>,
) {
    let px = |n| scene.scale.px(n);
    let thick = px(6.0);
    let (dash, gap) = dash.map_or((length, 0.0), |(d, g)| (px(d).min(px(11.0)), px(g).min(px(6.0))));
    let mut x = 0.0;
    while x < length {
        sheet.rule(left + x, y - thick / 2.0, dash.min(length - x), thick, color, 1.0);
        x += dash + gap;
    }
}
