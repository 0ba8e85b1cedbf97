//! Where everything goes: header, lanes for the labels of events, plot, legend.

use crate::{
    page::Page,
    ticks::{ValueAxis, Warp},
};

/// Sizes in pixels of a 1600 × 800 picture, scaled with the picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale(pub(crate) f32);

impl Scale {
    pub(crate) fn px(self, at_full_size: f32) -> f32 {
        at_full_size * self.0
    }
}

/// The plot: its frame in pixels, and what it shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plot {
    pub(crate) left: f32,
    pub(crate) top: f32,
    pub(crate) right: f32,
    pub(crate) bottom: f32,
    pub(crate) start: f64,
    pub(crate) end: f64,
    pub(crate) lo: f64,
    pub(crate) hi: f64,
    pub(crate) warp: Warp,
}

impl Plot {
    pub(crate) fn x(&self, at: f64) -> f32 {
        self.left + ((at - self.start) / (self.end - self.start)) as f32 * (self.right - self.left)
    }

    pub(crate) fn y(&self, value: f64) -> f32 {
        let (lo, hi) = (self.warp.of(self.lo), self.warp.of(self.hi));
        self.bottom - ((self.warp.of(value) - lo) / (hi - lo)) as f32 * (self.bottom - self.top)
    }
}

/// The parts of the picture from top to bottom.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    pub(crate) pad: f32,
    pub(crate) title: f32,
    /// Baselines of the lines below the title.
    pub(crate) subtitles: Vec<f32>,
    /// The baseline of the lane next to the plot, and the distance to the next.
    pub(crate) lane: f32,
    pub(crate) lane_height: f32,
    pub(crate) plot_top: f32,
    pub(crate) plot_bottom: f32,
    /// The baseline of the time labels.
    pub(crate) time: f32,
    /// The baseline of the legend's head, and the distance between its rows.
    pub(crate) legend: f32,
    pub(crate) row_height: f32,
}

impl Layout {
    /// For a number of lines below the title, lanes of labels, and rows of the legend (its head not counted).
    pub(crate) fn new(page: &Page, subtitles: usize, lanes: usize, rows: usize) -> Self {
        let px = |n| page.px(n);
        let (pad, title) = title(page);
        let subtitles: Vec<f32> = (0..subtitles)
            .map(|i| title + px(36.0) + px(31.0) * i as f32)
            .collect();
        let header = subtitles.last().copied().unwrap_or(title);
        let lane_height = px(30.0);
        let plot_top = header + px(26.0) + lane_height * lanes as f32;
        let row_height = if page.part { px(30.0) } else { px(32.0) };
        let height = page.height as f32;
        let last_row = height - if page.part { px(18.0) } else { px(24.0) };
        let legend = last_row - row_height * rows as f32;
        let time = if rows == 0 {
            height - pad
        } else {
            legend - if page.part { px(38.0) } else { px(47.0) }
        };
        let plot_bottom = (time - px(31.0)).max(plot_top + px(20.0));
        Self {
            pad,
            title,
            subtitles,
            lane: plot_top - px(11.0),
            lane_height,
            plot_top,
            plot_bottom,
            time,
            legend,
            row_height,
        }
    }

    pub(crate) fn plot(&self, left: f32, right: f32, start: f64, end: f64, axis: &ValueAxis) -> Plot {
        Plot {
            left: left.round(),
            top: self.plot_top.round(),
            right: right.round(),
            bottom: self.plot_bottom.round(),
            start,
            end,
            lo: axis.lo,
            hi: axis.hi,
            warp: axis.warp.clone(),
        }
    }
}

/// The space around a picture, and the baseline of its title.
pub(crate) fn title(page: &Page) -> (f32, f32) {
    if page.part {
        (page.px(22.0), page.px(40.0))
    } else {
        (page.px(28.0), page.px(53.0))
    }
}
