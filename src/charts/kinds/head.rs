//! What stands at the top of every picture, and the words when there is nothing below.

use crate::{
    frame, layout,
    page::Page,
    sheet::{Align, Sheet, Style},
    text::Weight,
};

pub(super) fn words(page: &Page) -> Style {
    Style {
        weight: Weight::Regular,
        size: page.px(22.0),
        color: page.colors.text,
    }
}

pub(super) fn dim(page: &Page) -> Style {
    Style {
        color: page.colors.dim,
        ..words(page)
    }
}

/// Title and the line below it; returns where the rest may begin.
pub(super) fn head(sheet: &mut Sheet, page: &Page, title: &str, below: &str) -> f32 {
    let (pad, baseline) = layout::title(page);
    let room = page.width as f32 - 2.0 * pad;
    let style = frame::title_style(page);
    sheet.write(&style.fitted(title, room), &style, Align::Left, pad, baseline);
    let below = below.split_whitespace().collect::<Vec<_>>().join(" ");
    if below.is_empty() || page.part {
        return baseline + page.px(18.0);
    }
    let style = dim(page);
    let under = baseline + page.px(36.0);
    sheet.write(&style.fitted(&below, room), &style, Align::Left, pad, under);
    under + page.px(22.0)
}

/// "No data" in the middle of what is left below `top`.
pub(super) fn nothing(sheet: &mut Sheet, page: &Page, top: f32) {
    let style = Style {
        weight: Weight::Medium,
        size: page.px(34.0),
        color: page.colors.dim,
    };
    let middle = (top + page.height as f32) / 2.0 + page.px(6.0);
    sheet.write("No data", &style, Align::Center, page.width as f32 / 2.0, middle);
}
