//! A plotters backend that draws with anti-aliasing at fractions of a pixel.
//!
//! Plotters knows whole pixels only, which makes shallow lines wobble. So it is told that the picture is sixteen times
//! larger than it is, and everything is divided again here. What is parallel to an axis is snapped to the pixels, so
//! that the grid is crisp; all else is anti-aliased.

use std::convert::Infallible;

use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
    text_anchor::{HPos, VPos},
};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform,
};

use crate::{
    text::{self, CAP, Weight},
    theme::Rgb,
};

/// How many of plotters' pixels make one of ours.
pub(crate) const FINE: i32 = 16;

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// An opaque picture being drawn.
pub(crate) struct Canvas {
    pixmap: Pixmap,
}

impl Canvas {
    /// A picture of one colour; `None` for a size no picture can have.
    pub(crate) fn new(width: u32, height: u32, ground: Rgb) -> Option<Self> {
        let mut pixmap = Pixmap::new(width, height)?;
        pixmap.fill(Color::from_rgba8(ground.0, ground.1, ground.2, 255));
        Some(Self { pixmap })
    }

    /// The pixels, as RGBA; alpha is 255 everywhere.
    pub(crate) fn data(&self) -> &[u8] {
        self.pixmap.data()
    }

    /// Copies another picture onto this one, as much of it as is inside.
    pub(crate) fn put(&mut self, other: &Self, x: u32, y: u32) {
        let (width, height) = (self.pixmap.width(), self.pixmap.height());
        let columns = other.pixmap.width().min(width.saturating_sub(x)) as usize * 4;
        let rows = other.pixmap.height().min(height.saturating_sub(y));
        let (stride, from) = (width as usize * 4, other.pixmap.width() as usize * 4);
        for row in 0..rows as usize {
            let at = (y as usize + row) * stride + x as usize * 4;
            self.pixmap.data_mut()[at..at + columns]
                .copy_from_slice(&other.pixmap.data()[row * from..][..columns]);
        }
    }

    /// Fills a rectangle, snapped to whole pixels and never thinner than one.
    pub(crate) fn fill_rect(&mut self, x: f32, y: f32, width: f32, height: f32, color: BackendColor) {
        let (left, top) = (x.round(), y.round());
        let (width, height) = ((x + width).round() - left, (y + height).round() - top);
        if let Some(rect) = Rect::from_xywh(left, top, width.max(1.0), height.max(1.0)) {
            let mut paint = paint(color);
            paint.anti_alias = false;
            self.pixmap.fill_rect(rect, &paint, Transform::identity(), None);
        }
    }

    /// Fills a shape.
    pub(crate) fn fill_shape(&mut self, points: &[(f32, f32)], color: BackendColor) {
        if let Some(path) = path(points, true) {
            self.pixmap.fill_path(
                &path,
                &paint(color),
                FillRule::Winding,
                Transform::identity(),
                None,
            );
        }
    }

    /// Writes a text with its left end at `x` on `baseline`.
    pub(crate) fn text(&mut self, text: &str, weight: Weight, size: f32, x: f32, baseline: f32, color: Rgb) {
        text::draw(&mut self.pixmap, text, weight, size, x, baseline, color);
    }

    fn stroke(&mut self, points: &[(f32, f32)], color: BackendColor, width: f32) {
        let (paint, width) = (paint(color), width.max(0.25));
        if let [(x0, y0), (x1, y1)] = *points {
            let half = width / 2.0;
            if y0 == y1 {
                return self.fill_rect(x0.min(x1), y0 - half, (x1 - x0).abs(), width, color);
            }
            if x0 == x1 {
                return self.fill_rect(x0 - half, y0.min(y1), width, (y1 - y0).abs(), color);
            }
        }
        // A stroker's work grows faster than its path; a long path goes in pieces that overlap at their round ends.
        let (piece, cap) = if points.len() > LONG {
            (PIECE, LineCap::Round)
        } else {
            (LONG, LineCap::Butt)
        };
        let stroke = Stroke {
            width,
            line_cap: cap,
            line_join: LineJoin::Bevel,
            ..Stroke::default()
        };
        let mut from = 0;
        while from + 1 < points.len() {
            let to = (from + piece).min(points.len() - 1);
            if let Some(path) = path(&points[from..=to], false) {
                self.pixmap
                    .stroke_path(&path, &paint, &stroke, Transform::identity(), None);
            }
            from = to;
        }
    }
}

const LONG: usize = 500;
const PIECE: usize = 64;

fn paint(color: BackendColor) -> Paint<'static> {
    let (r, g, b) = color.rgb;
    let mut paint = Paint::default();
    paint.set_color_rgba8(r, g, b, (color.alpha * 255.0).round().clamp(0.0, 255.0) as u8);
    paint
}

fn path(points: &[(f32, f32)], closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::with_capacity(points.len() + 2, points.len() + 1);
    let (first, rest) = points.split_first()?;
    builder.move_to(first.0, first.1);
    for point in rest {
        builder.line_to(point.0, point.1);
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

fn fine((x, y): BackendCoord) -> (f32, f32) {
    (x as f32 / FINE as f32, y as f32 / FINE as f32)
}

impl DrawingBackend for &mut Canvas {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (
            self.pixmap.width() * FINE as u32,
            self.pixmap.height() * FINE as u32,
        )
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn {
        let (x, y) = fine(point);
        self.fill_rect(x, y, 1.0, 1.0, color);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let ((x0, y0), (x1, y1)) = (fine(upper_left), fine(bottom_right));
        if fill {
            self.fill_rect(x0, y0, x1 - x0, y1 - y0, style.color());
            return Ok(());
        }
        let width = style.stroke_width() as f32 / FINE as f32;
        for side in [
            [(x0, y0), (x1, y0)],
            [(x1, y0), (x1, y1)],
            [(x0, y1), (x1, y1)],
            [(x0, y0), (x0, y1)],
        ] {
            self.stroke(&side, style.color(), width);
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        // Plotters asks for invisible borders, too.
        if style.color().alpha == 0.0 {
            return Ok(());
        }
        let mut points: Vec<(f32, f32)> = path.into_iter().map(fine).collect();
        points.dedup();
        self.stroke(&points, style.color(), style.stroke_width() as f32 / FINE as f32);
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let (x, y) = fine(center);
        let Some(path) = PathBuilder::from_circle(x, y, radius as f32 / FINE as f32) else {
            return Ok(());
        };
        let paint = paint(style.color());
        if fill {
            self.pixmap
                .fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
        } else {
            let width = (style.stroke_width() as f32 / FINE as f32).max(0.25);
            let stroke = Stroke {
                width,
                ..Stroke::default()
            };
            self.pixmap
                .stroke_path(&path, &paint, &stroke, Transform::identity(), None);
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vert: I,
        style: &S,
    ) -> Drawn {
        let points: Vec<(f32, f32)> = vert.into_iter().map(fine).collect();
        self.fill_shape(&points, style.color());
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(&mut self, content: &str, style: &T, at: BackendCoord) -> Drawn {
        let (weight, size) = face(style);
        let ((x, y), width) = (fine(at), text::width(content, weight, size));
        let anchor = style.anchor();
        let left = match anchor.h_pos {
            HPos::Left => x,
            HPos::Center => x - width / 2.0,
            HPos::Right => x - width,
        };
        let baseline = match anchor.v_pos {
            VPos::Top => y + (CAP + 0.12) * size,
            VPos::Center => y + CAP * size / 2.0,
            VPos::Bottom => y - 0.12 * size,
        };
        self.text(content, weight, size, left, baseline, style.color().rgb);
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        content: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let (weight, size) = face(style);
        let fine = FINE as f32;
        Ok((
            (text::width(content, weight, size) * fine) as u32,
            ((CAP + 0.24) * size * fine) as u32,
        ))
    }
}

fn face<T: BackendTextStyle>(style: &T) -> (Weight, f32) {
    let weight = if matches!(style.style(), FontStyle::Bold) {
        Weight::Medium
    } else {
        Weight::Regular
    };
    (weight, style.size() as f32 / FINE as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plotters::{
        prelude::{
            BLUE, Circle, GREEN, IntoDrawingArea, IntoFont, PathElement, RED, Rectangle, TextStyle, WHITE,
        },
        style::Color as _,
    };

    fn pixel(canvas: &Canvas, x: usize, y: usize) -> [u8; 3] {
        let at = (y * canvas.pixmap.width() as usize + x) * 4;
        [canvas.data()[at], canvas.data()[at + 1], canvas.data()[at + 2]]
    }

    #[test]
    fn lines_along_an_axis_are_crisp_and_others_smooth() {
        let mut canvas = Canvas::new(40, 40, (0, 0, 0)).expect("a small picture");
        {
            let area = (&mut canvas).into_drawing_area();
            let style = plotters::style::Color::stroke_width(&WHITE, FINE as u32);
            area.draw(&PathElement::new(
                vec![(0, 10 * FINE + 5), (40 * FINE, 10 * FINE + 5)],
                style,
            ))
            .expect("draws");
            area.draw(&PathElement::new(
                vec![(0, 20 * FINE), (40 * FINE, 24 * FINE)],
                style,
            ))
            .expect("draws");
        }
        let column: Vec<u8> = (8..13).map(|y| pixel(&canvas, 5, y)[0]).collect();
        assert_eq!(
            column.iter().filter(|v| **v == 255).count(),
            1,
            "one whole pixel: {column:?}"
        );
        assert!(column.iter().all(|v| *v == 0 || *v == 255), "{column:?}");
        assert!(
            (19..26).any(|y| (1..255).contains(&pixel(&canvas, 20, y)[0])),
            "a slope has shades"
        );
    }

    #[test]
    fn it_is_a_whole_backend() {
        let mut canvas = Canvas::new(60, 40, (0, 0, 0)).expect("a small picture");
        {
            let area = (&mut canvas).into_drawing_area();
            let font = ("sans-serif", 20 * FINE).into_font();
            let style = TextStyle {
                font,
                color: WHITE.to_backend_color(),
                pos: Default::default(),
            };
            area.draw(&Circle::new((10 * FINE, 10 * FINE), 4 * FINE, RED.filled()))
                .expect("draws");
            area.draw(&Circle::new((10 * FINE, 10 * FINE), 6 * FINE, RED))
                .expect("draws");
            area.draw(&Rectangle::new(
                [(30 * FINE, 2 * FINE), (40 * FINE, 8 * FINE)],
                BLUE.filled(),
            ))
            .expect("draws");
            area.draw(&Rectangle::new(
                [(42 * FINE, 2 * FINE), (50 * FINE, 8 * FINE)],
                BLUE,
            ))
            .expect("draws");
            area.draw_pixel((55 * FINE, 5 * FINE), &GREEN).expect("draws");
            area.draw_text("Aj", &style, (20 * FINE, 20 * FINE))
                .expect("draws");
            let (width, height) = area.estimate_text_size("Aj", &style).expect("measures");
            assert!(width > 10 * FINE as u32 && height > 10 * FINE as u32);
        }
        assert_eq!(pixel(&canvas, 10, 10), [255, 0, 0]);
        assert_eq!(pixel(&canvas, 35, 5), [0, 0, 255]);
        assert_eq!(pixel(&canvas, 46, 5), [0, 0, 0]);
        assert_eq!(pixel(&canvas, 55, 5), [0, 255, 0]);
        assert!(
            (20..40).any(|x| (20..40).any(|y| pixel(&canvas, x, y)[0] > 200)),
            "text is there"
        );
    }
}
