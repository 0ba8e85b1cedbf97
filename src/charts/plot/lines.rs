//! Series: lines, areas below them, areas and bars on top of each other, and their companions.

use plotters::{
    element::{Circle, DashedPathElement, Polygon, Rectangle},
    prelude::Color,
    series::{AreaSeries, LineSeries},
};

use super::{Context, failed, fine, rgb, stroke, warped};
use crate::{chart::Shape, error::ChartError, scene::Scene, ticks::Warp};

/// Up to this many series have the area below them filled; more would be mud.
const FILLED: usize = 4;

/// The areas below lines.
pub(super) fn areas(context: &mut Context<'_>, scene: &Scene<'_>) -> Result<(), ChartError> {
    let plot = &scene.plot;
    let asked = scene.chart.shape == Shape::Area;
    // From zero only: an area above an axis that begins elsewhere would lie about proportions.
    if scene.chart.cells.is_some()
        || scene.order.len() > FILLED && !asked
        || plot.warp != Warp::Linear
        || plot.lo > 0.0
        || plot.hi < 0.0
    {
        return Ok(());
    }
    let alpha = if asked {
        scene.colors.fill * 3.0
    } else {
        scene.colors.fill
    };
    for line in &scene.lines {
        let Some(rank) = line.rank else { continue };
        let fill = rgb(scene.line(rank).0).mix(alpha);
        for run in &line.runs {
            context
                .draw_series(AreaSeries::new(warped(run, plot), 0.0, fill))
                .map_err(failed)?;
        }
    }
    Ok(())
}

/// Areas on top of each other, each with its edge; or bars.
pub(super) fn stacked(context: &mut Context<'_>, scene: &Scene<'_>) -> Result<(), ChartError> {
    let (plot, thin) = (&scene.plot, scene.scale.px(2.0).max(1.0));
    let bars = scene.chart.shape == Shape::Bars && scene.has_room_for_bars();
    for (rank, bands) in &scene.bands {
        let (color, solid) = match rank {
            Some(rank) => (scene.line(*rank).0, *rank < scene.colors.lines.len()),
            None => (scene.colors.rest, true),
        };
        // A colour that comes a second time is fainter inside: its dashed edge alone would be hard to see.
        let fill = rgb(color).mix(if solid {
            scene.colors.stack
        } else {
            scene.colors.stack * 0.45
        });
        for band in bands {
            if bars {
                let half = scene.step * 0.4;
                let boxes = band
                    .from
                    .iter()
                    .zip(&band.to)
                    .filter(|(f, t)| f.1 != t.1)
                    .map(|(from, to)| {
                        let (left, right) = ((to.0 - half).max(plot.start), (to.0 + half).min(plot.end));
                        let (low, high) = (from.1.min(to.1), from.1.max(to.1));
                        Rectangle::new(
                            [(left, high), (right, low)],
                            rgb(color).mix(if solid { 1.0 } else { 0.5 }).filled(),
                        )
                    });
                context.draw_series(boxes).map_err(failed)?;
                continue;
            }
            if band.to.len() == 1 {
                let line = [band.from[0], band.to[0]];
                context
                    .draw_series(LineSeries::new(line, stroke(rgb(color), thin * 2.0)))
                    .map_err(failed)?;
                continue;
            }
            let outline: Vec<(f64, f64)> = band.to.iter().chain(band.from.iter().rev()).copied().collect();
            context
                .draw_series([Polygon::new(outline, fill.filled())])
                .map_err(failed)?;
            context
                .draw_series(LineSeries::new(band.to.iter().copied(), stroke(rgb(color), thin)))
                .map_err(failed)?;
        }
    }
    Ok(())
}

/// The same things at an earlier time: dashed and thinner, in the colour of what they belong to.
pub(super) fn companions(context: &mut Context<'_>, scene: &Scene<'_>) -> Result<(), ChartError> {
    let width = scene.scale.px(scene.colors.line_width * 0.75).max(1.0);
    for companion in &scene.companions {
        let rank = companion
            .twin
            .and_then(|twin| scene.order.iter().position(|i| *i == twin))
            .filter(|rank| *rank < scene.named);
        let color = match (rank, companion.twin) {
            (Some(rank), _) => scene.line(rank).0,
            // That of the sum.
            (None, None) if !scene.bands.is_empty() => scene.colors.title,
            _ => scene.colors.rest,
        };
        let (length, gap) = (fine(scene.scale.px(9.0)), fine(scene.scale.px(8.0)));
        for run in companion.runs.iter().filter(|run| run.len() > 1) {
            let style = stroke(rgb(color).mix(0.85), width);
            let dashed = DashedPathElement::new(warped(run, &scene.plot), length, gap, style);
            context.draw_series([dashed]).map_err(failed)?;
        }
        let dots = companion
            .runs
            .iter()
            .filter(|run| run.len() == 1)
            .flat_map(|run| warped(run, &scene.plot))
            .map(|dot| Circle::new(dot, fine(scene.scale.px(3.0)), rgb(color)));
        context.draw_series(dots).map_err(failed)?;
    }
    Ok(())
}

/// Lines, the unnamed ones first.
pub(super) fn draw(context: &mut Context<'_>, scene: &Scene<'_>) -> Result<(), ChartError> {
    let named_last = scene
        .lines
        .iter()
        .filter(|l| l.rank.is_none())
        .chain(scene.lines.iter().filter(|l| l.rank.is_some()));
    let full = scene.scale.px(scene.colors.line_width).max(1.0);
    for line in named_last {
        let (color, dash) = match line.rank {
            Some(rank) => scene.line(rank),
            None => (scene.colors.rest, None),
        };
        let width = if line.rank.is_some() { full } else { full * 0.7 };
        let style = stroke(rgb(color), width);
        // On the cells of a heatmap a line needs an edge of the ground's colour.
        if scene.chart.cells.is_some() {
            let edge = stroke(rgb(scene.colors.ground).mix(0.8), width * 2.2);
            for run in &line.runs {
                context
                    .draw_series(LineSeries::new(warped(run, &scene.plot), edge))
                    .map_err(failed)?;
            }
        }
        for run in &line.runs {
            match dash {
                None => {
                    context
                        .draw_series(LineSeries::new(warped(run, &scene.plot), style))
                        .map_err(failed)?;
                }
                Some((length, gap)) => {
                    let (length, gap) = (fine(scene.scale.px(length)), fine(scene.scale.px(gap)));
                    let dashed = DashedPathElement::new(warped(run, &scene.plot), length, gap, style);
                    context.draw_series([dashed]).map_err(failed)?;
                }
            }
        }
        let radius = fine(scene.scale.px(if scene.points.iter().all(|p| p.len() < 3) {
            7.0
        } else {
            3.0
        }));
        let dots = warped(&line.dots, &scene.plot).map(|dot| Circle::new(dot, radius, rgb(color).filled()));
        context.draw_series(dots).map_err(failed)?;
    }
    Ok(())
}
