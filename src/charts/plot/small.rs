//! Plots without a scene: a sparkline, the bars of a histogram, a dashed line.

use plotters::{
    element::{DashedPathElement, PathElement, Rectangle},
    prelude::{ChartBuilder, Color, IntoDrawingArea},
    series::{AreaSeries, LineSeries},
};
use plotters_backend::BackendColor;

use super::{failed, fine, rgb, stroke};
use crate::{backend::Canvas, error::ChartError, layout::Plot, page::Page, theme::Rgb};

/// A course without axes, in an area given by its left, top, right and bottom.
pub(crate) fn spark(
    canvas: &mut Canvas,
    (left, top, right, bottom): (f32, f32, f32, f32),
    runs: &[Vec<(f64, f64)>],
    color: Rgb,
    page: &Page,
) -> Result<(), ChartError> {
    let all = || runs.iter().flatten();
    let (start, end) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), p| {
        (a.min(p.0), b.max(p.0))
    });
    let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), p| {
        (a.min(p.1), b.max(p.1))
    });
    if start >= end || right - left < 2.0 || bottom - top < 2.0 {
        return Ok(());
    }
    let width = page.px(2.5).max(1.0);
    // Half a line of air above and below; a line without ups and downs lies in the middle.
    let flat = if high > low { 0.0 } else { high.abs().max(1e-9) };
    let air = ((high - low) * f64::from(width / (bottom - top)) * 0.6).max(flat * 0.5);
    let (lo, hi) = (low - air, high + air);
    let root = canvas.into_drawing_area();
    let area = root.shrink((fine(left), fine(top)), (fine(right - left), fine(bottom - top)));
    let mut context = ChartBuilder::on(&area)
        .build_cartesian_2d(start..end, lo..hi)
        .map_err(failed)?;
    for run in runs.iter().filter(|run| run.len() > 1) {
        let run = crate::decimate::m4(run, start, end, (right - left) as usize);
        context
            .draw_series(AreaSeries::new(run.iter().copied(), lo, rgb(color).mix(0.14)))
            .map_err(failed)?;
        context
            .draw_series(LineSeries::new(run, stroke(rgb(color), width)))
            .map_err(failed)?;
    }
    Ok(())
}

/// Bars one step apart, with lines across at the values of `grid`.
pub(crate) fn bars(
    canvas: &mut Canvas,
    page: &Page,
    plot: &Plot,
    grid: &[f64],
    counts: &[f64],
    color: Rgb,
) -> Result<(), ChartError> {
    let root = canvas.into_drawing_area();
    let area = root.shrink(
        (fine(plot.left), fine(plot.top)),
        (fine(plot.right - plot.left), fine(plot.bottom - plot.top)),
    );
    let mut context = ChartBuilder::on(&area)
        .build_cartesian_2d(plot.start..plot.end, plot.lo..plot.hi)
        .map_err(failed)?;
    let thin = page.px(1.0).max(1.0);
    let across = grid.iter().map(|at| {
        let color = if *at == 0.0 {
            page.colors.frame
        } else {
            page.colors.grid
        };
        PathElement::new(vec![(plot.start, *at), (plot.end, *at)], stroke(rgb(color), thin))
    });
    context.draw_series(across).map_err(failed)?;
    let seam = if plot.right - plot.left > counts.len() as f32 * 8.0 {
        0.04
    } else {
        0.0
    };
    let boxes = counts
        .iter()
        .enumerate()
        .filter(|(_, c)| **c > 0.0)
        .map(|(i, count)| {
            let (left, right) = (i as f64 + seam, (i + 1) as f64 - seam);
            Rectangle::new([(left, *count), (right, plot.lo)], rgb(color).mix(0.9).filled())
        });
    context.draw_series(boxes).map_err(failed)?;
    Ok(())
}

/// A dashed line downwards, in pixels.
pub(crate) fn dashed(
    canvas: &mut Canvas,
    page: &Page,
    from: (f32, f32),
    to: (f32, f32),
    color: Rgb,
) -> Result<(), ChartError> {
    // An edge of the ground's colour keeps it in sight on a bar.
    canvas.fill_rect(
        from.0 - page.px(2.0),
        from.1,
        page.px(4.0),
        to.1 - from.1,
        BackendColor {
            rgb: page.colors.ground,
            alpha: 0.7,
        },
    );
    let line = vec![(fine(from.0), fine(from.1)), (fine(to.0), fine(to.1))];
    let style = stroke(rgb(color), page.px(2.0));
    canvas
        .into_drawing_area()
        .draw(&DashedPathElement::new(
            line,
            fine(page.px(8.0)),
            fine(page.px(6.0)),
            style,
        ))
        .map_err(failed)
}
