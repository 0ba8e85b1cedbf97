//! A canvas that remembers where text is, so that nothing is written over something else.

use plotters_backend::BackendColor;

use crate::{
    backend::Canvas,
    text::{self, CAP, DESCENT, Weight},
    theme::Rgb,
};

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    pub(crate) left: f32,
    pub(crate) top: f32,
    pub(crate) right: f32,
    pub(crate) bottom: f32,
}

impl Area {
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    /// The place of a text of this width with its left end on a baseline.
    pub(crate) fn of_text(left: f32, baseline: f32, width: f32, size: f32) -> Self {
        Self {
            left,
            top: baseline - CAP * size,
            right: left + width,
            bottom: baseline + DESCENT * size,
        }
    }
}

/// Which end of a text its position means.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Align {
    Left,
    Center,
    Right,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) weight: Weight,
    pub(crate) size: f32,
    pub(crate) color: Rgb,
}

impl Style {
    pub(crate) fn width(&self, text: &str) -> f32 {
        text::width(text, self.weight, self.size)
    }

    pub(crate) fn fitted(&self, text: &str, room: f32) -> String {
        text::fitted(text, self.weight, self.size, room)
    }
}

/// The picture under work.
pub(crate) struct Sheet {
    pub(crate) canvas: Canvas,
    /// Every text written so far.
    pub(crate) written: Vec<(String, Area)>,
}

impl Sheet {
    pub(crate) fn write(&mut self, text: &str, style: &Style, align: Align, x: f32, baseline: f32) {
        if text.is_empty() {
            return;
        }
        let width = style.width(text);
        let left = match align {
            Align::Left => x,
            Align::Center => x - width / 2.0,
            Align::Right => x - width,
        };
        self.canvas
            .text(text, style.weight, style.size, left, baseline, style.color);
        self.written
            .push((text.to_owned(), Area::of_text(left, baseline, width, style.size)));
    }

    pub(crate) fn is_free(&self, area: &Area) -> bool {
        self.written.iter().all(|(_, other)| !other.meets(area))
    }

    pub(crate) fn rule(&mut self, x: f32, y: f32, width: f32, height: f32, color: Rgb, alpha: f64) {
        self.canvas
            .fill_rect(x, y, width, height, BackendColor { rgb: color, alpha });
    }
}
