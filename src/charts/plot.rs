//! The inside of the plot, drawn by plotters: band, grid, areas, lines, limits, events.

use plotters::{
    coord::{Shift, types::RangedCoordf64},
    element::{Circle, DashedPathElement, PathElement, Polygon, Rectangle},
    prelude::{Cartesian2d, ChartBuilder, ChartContext, Color, DrawingArea, IntoDrawingArea, RGBColor},
    series::{AreaSeries, LineSeries},
    style::ShapeStyle,
};

use crate::{
    backend::{Canvas, FINE},
    error::ChartError,
    scene::Scene,
    theme::{self, Rgb},
};

/// What is drawn of one series.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// Its rank, if it is in the legend.
    pub(crate) rank: Option<usize>,
    /// Points without neighbours.
    pub(crate) dots: Vec<(f64, f64)>,
    /// Points to be joined.
    pub(crate) runs: Vec<Vec<(f64, f64)>>,
}

/// Up to this many series have the area below them filled; more would be mud.
const FILLED: usize = 4;

type Context<'c> = ChartContext<'c, &'c mut Canvas, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

fn rgb(color: Rgb) -> RGBColor {
    RGBColor(color.0, color.1, color.2)
}

fn stroke(color: impl Color, width: f32) -> ShapeStyle {
    color.stroke_width((width * FINE as f32).round().max(1.0) as u32)
}

fn fine(pixels: f32) -> i32 {
    (pixels * FINE as f32).round() as i32
}

fn failed(error: impl std::fmt::Display) -> ChartError {
    ChartError::Drawing(error.to_string())
}

/// Draws the plot's inside.
pub(crate) fn draw(canvas: &mut Canvas, scene: &Scene<'_>) -> Result<(), ChartError> {
    let plot = &scene.plot;
    let root = canvas.into_drawing_area();
    let area: DrawingArea<_, Shift> = root.clone().shrink(
        (fine(plot.left), fine(plot.top)),
        (fine(plot.right - plot.left), fine(plot.bottom - plot.top)),
    );
    let mut context = ChartBuilder::on(&area)
        .build_cartesian_2d(plot.start..plot.end, plot.lo..plot.hi)
        .map_err(failed)?;
    bands(&mut context, scene)?;
    grid(&mut context, scene)?;
    areas(&mut context, scene)?;
    lines(&mut context, scene)?;
    limits(&mut context, scene)?;
    events(&root, scene)?;
    Ok(())
}

fn bands(context: &mut Context<'_>, scene: &Scene<'_>) -> Result<(), ChartError> {
    let plot = &scene.plot;
    for limit in scene.chart.thresholds.iter().filter(|t| scene.is_drawn(t)) {
        let end = if limit.above { plot.hi } else { plot.lo };
        let corners = [
            (plot.start, limit.value.max(end)),
            (plot.end, limit.value.min(end)),
        ];
        let color = rgb(scene.colors.threshold).mix(scene.colors.band);
        context
            .draw_series([Rectangle::new(corners, color.filled())])
            .map_err(failed)?;
    }
    Ok(())
}

fn grid(context: &mut Context<'_>, scene: &Scene<'_>) -> Result<(), ChartError> {
    let (plot, colors) = (&scene.plot, scene.colors);
    let thin = scene.scale.px(1.0).max(1.0);
    let across = scene.axis.ticks.iter().map(|(at, _)| {
        let color = if *at == 0.0 && plot.lo < 0.0 {
            colors.frame
        } else {
            colors.grid
        };
        (vec![(plot.start, *at), (plot.end, *at)], color)
    });
    let ticks = crate::frame::time_axis(scene);
    let down = ticks.iter().map(|tick| {
        let color = if tick.date { colors.frame } else { colors.grid };
        (vec![(tick.at, plot.lo), (tick.at, plot.hi)], color)
    });
    let paths = across
        .chain(down)
        .map(|(points, color)| PathElement::new(points, stroke(rgb(color), thin)));
    context.draw_series(paths).map_err(failed)?;
    Ok(())
}

fn areas(context: &mut Context<'_>, scene: &Scene<'_>) -> Result<(), ChartError> {
    // From zero only: an area above an axis that begins elsewhere would lie about proportions.
    if scene.order.len() > FILLED || scene.plot.lo > 0.0 || scene.plot.hi < 0.0 {
        return Ok(());
    }
    for line in &scene.lines {
        let Some(rank) = line.rank else { continue };
        let fill = rgb(theme::line(scene.colors, rank).0).mix(scene.colors.fill);
        for run in &line.runs {
            context
                .draw_series(AreaSeries::new(run.iter().copied(), 0.0, fill))
                .map_err(failed)?;
        }
    }
    Ok(())
}

fn lines(context: &mut Context<'_>, scene: &Scene<'_>) -> Result<(), ChartError> {
    let named_last = scene
        .lines
        .iter()
        .filter(|l| l.rank.is_none())
        .chain(scene.lines.iter().filter(|l| l.rank.is_some()));
    let full = scene.scale.px(scene.colors.line_width).max(1.0);
    for line in named_last {
        let (color, dash) = match line.rank {
            Some(rank) => theme::line(scene.colors, rank),
            None => (scene.colors.rest, None),
        };
        let width = if line.rank.is_some() { full } else { full * 0.7 };
        let style = stroke(rgb(color), width);
        for run in &line.runs {
            match dash {
                None => {
                    context
                        .draw_series(LineSeries::new(run.iter().copied(), style))
                        .map_err(failed)?;
                }
                Some((length, gap)) => {
                    let (length, gap) = (fine(scene.scale.px(length)), fine(scene.scale.px(gap)));
                    let dashed = DashedPathElement::new(run.iter().copied(), length, gap, style);
                    context.draw_series([dashed]).map_err(failed)?;
                }
            }
        }
        let radius = fine(scene.scale.px(if scene.points.iter().all(|p| p.len() < 3) {
            7.0
        } else {
            3.0
        }));
        let dots = line
            .dots
            .iter()
            .map(|dot| Circle::new(*dot, radius, rgb(color).filled()));
        context.draw_series(dots).map_err(failed)?;
    }
    Ok(())
}

fn limits(context: &mut Context<'_>, scene: &Scene<'_>) -> Result<(), ChartError> {
    let plot = &scene.plot;
    for limit in scene.chart.thresholds.iter().filter(|t| scene.is_drawn(t)) {
        let points = vec![(plot.start, limit.value), (plot.end, limit.value)];
        let style = stroke(rgb(scene.colors.threshold), scene.scale.px(2.0));
        let (length, gap) = (fine(scene.scale.px(16.0)), fine(scene.scale.px(9.0)));
        context
            .draw_series([DashedPathElement::new(points, length, gap, style)])
            .map_err(failed)?;
    }
    Ok(())
}

fn events(root: &DrawingArea<&mut Canvas, Shift>, scene: &Scene<'_>) -> Result<(), ChartError> {
    let (plot, px) = (&scene.plot, |n| scene.scale.px(n));
    let color = rgb(scene.colors.marker);
    for event in &scene.placed {
        let x = event.x.round();
        // From the label's feet, through the lanes below, down to the axis.
        let top = match &event.label {
            Some((_, lane, _)) => plot.top - px(3.0) - scene.layout.lane_height * *lane as f32,
            None => plot.top,
        };
        let line = vec![(fine(x), fine(top)), (fine(x), fine(plot.bottom))];
        let style = stroke(color, px(2.0));
        root.draw(&DashedPathElement::new(line, fine(px(8.0)), fine(px(6.0)), style))
            .map_err(failed)?;
        let foot = vec![
            (fine(x), fine(plot.bottom - px(13.0))),
            (fine(x - px(9.0)), fine(plot.bottom)),
            (fine(x + px(9.0)), fine(plot.bottom)),
        ];
        root.draw(&Polygon::new(foot, color.filled())).map_err(failed)?;
    }
    Ok(())
}
