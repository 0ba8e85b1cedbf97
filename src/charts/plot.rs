//! The inside of the plot, drawn by plotters: band, grid, areas, lines, limits, events.

mod lines;
mod small;

pub(crate) use small::{bars, dashed, spark};

use plotters::{
    coord::{Shift, types::RangedCoordf64},
    element::{DashedPathElement, PathElement, Polygon, Rectangle},
    prelude::{Cartesian2d, ChartBuilder, ChartContext, Color, DrawingArea, IntoDrawingArea, RGBColor},
    style::ShapeStyle,
};

use crate::{
    backend::{Canvas, FINE},
    error::ChartError,
    kinds::LEVELS,
    layout::Plot,
    scene::Scene,
    theme::Rgb,
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
        .build_cartesian_2d(plot.start..plot.end, plot.warp.of(plot.lo)..plot.warp.of(plot.hi))
        .map_err(failed)?;
    if scene.chart.cells.is_none() {
        bands(&mut context, scene)?;
    }
    spans(&mut context, scene)?;
    grid(&mut context, scene)?;
    cells(&mut context, scene)?;
    if scene.bands.is_empty() {
        lines::areas(&mut context, scene)?;
        lines::companions(&mut context, scene)?;
        lines::draw(&mut context, scene)?;
    } else {
        lines::stacked(&mut context, scene)?;
        lines::companions(&mut context, scene)?;
    }
    limits(&mut context, scene)?;
    events(&root, scene)?;
    Ok(())
}

/// Points as the coordinates know them.
fn warped(run: &[(f64, f64)], plot: &Plot) -> impl Iterator<Item = (f64, f64)> + Clone {
    run.iter()
        .map(move |(t, v)| (*t, plot.warp.of(v.clamp(plot.lo, plot.hi))))
}

fn bands(context: &mut Context<'_>, scene: &Scene<'_>) -> Result<(), ChartError> {
    let (plot, limits) = (&scene.plot, &scene.chart.thresholds);
    for limit in limits.iter().filter(|t| t.is_finite()) {
        let Some((from, to)) = limit.band(limits, plot.lo, plot.hi) else {
            continue;
        };
        let corners = [(plot.start, plot.warp.of(to)), (plot.end, plot.warp.of(from))];
        let color = rgb(limit.level.color(scene.colors)).mix(scene.colors.band);
        context
            .draw_series([Rectangle::new(corners, color.filled())])
            .map_err(failed)?;
    }
    Ok(())
}

/// The cells of a heatmap.
fn cells(context: &mut Context<'_>, scene: &Scene<'_>) -> Result<(), ChartError> {
    let (plot, colors) = (&scene.plot, scene.colors);
    let (blocks, _) = scene.blocks();
    let boxes = blocks.iter().map(|block| {
        let (low, high) = block.value;
        let corners = [
            (block.time.0, plot.warp.of(high)),
            (block.time.1, plot.warp.of(low)),
        ];
        Rectangle::new(corners, rgb(colors.heat(block.level, LEVELS)).filled())
    });
    context.draw_series(boxes).map_err(failed)?;
    Ok(())
}

/// The time events lasted.
fn spans(context: &mut Context<'_>, scene: &Scene<'_>) -> Result<(), ChartError> {
    let plot = &scene.plot;
    let (low, high) = (plot.warp.of(plot.lo), plot.warp.of(plot.hi));
    for marker in scene.chart.markers.iter().filter(|m| m.until.is_some()) {
        let Some((from, to)) = marker.seen(plot.start, plot.end) else {
            continue;
        };
        let color = rgb(scene.event_color(marker.level));
        let shade = Rectangle::new([(from, high), (to, low)], color.mix(scene.colors.band).filled());
        context.draw_series([shade]).map_err(failed)?;
        let edge = stroke(color.mix(0.6), scene.scale.px(1.0).max(1.0));
        context
            .draw_series([PathElement::new(vec![(to, low), (to, high)], edge)])
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
        let at = plot.warp.of(*at);
        (vec![(plot.start, at), (plot.end, at)], color)
    });
    let ticks = crate::frame::time_axis(scene);
    let down = ticks.iter().map(|tick| {
        let color = if tick.date { colors.frame } else { colors.grid };
        let ends = vec![(tick.at, plot.warp.of(plot.lo)), (tick.at, plot.warp.of(plot.hi))];
        (ends, color)
    });
    let paths = across
        .chain(down)
        .map(|(points, color)| PathElement::new(points, stroke(rgb(color), thin)));
    context.draw_series(paths).map_err(failed)?;
    Ok(())
}

fn limits(context: &mut Context<'_>, scene: &Scene<'_>) -> Result<(), ChartError> {
    let plot = &scene.plot;
    for limit in scene.chart.thresholds.iter().filter(|t| t.is_finite()) {
        for edge in scene.edges(limit) {
            let at = plot.warp.of(edge);
            let points = vec![(plot.start, at), (plot.end, at)];
            let style = stroke(rgb(limit.level.color(scene.colors)), scene.scale.px(2.0));
            let (length, gap) = (fine(scene.scale.px(16.0)), fine(scene.scale.px(9.0)));
            context
                .draw_series([DashedPathElement::new(points, length, gap, style)])
                .map_err(failed)?;
        }
    }
    Ok(())
}

fn events(root: &DrawingArea<&mut Canvas, Shift>, scene: &Scene<'_>) -> Result<(), ChartError> {
    let (plot, px) = (&scene.plot, |n| scene.scale.px(n));
    for event in &scene.placed {
        let color = rgb(scene.event_color(event.level));
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
