//! Text: Roboto (its digits are all of one width, so columns of numbers line up), a fallback face for what it lacks,
//! glyphs placed at quarter pixels and blended straight into the picture.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, Glyph, GlyphId, PxScale, point};
use tiny_skia::Pixmap;

use crate::theme::Rgb;

/// How heavy a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Medium,
}

/// Height of a capital, in em.
pub(crate) const CAP: f32 = 0.711;
/// Depth below the baseline, in em.
pub(crate) const DESCENT: f32 = 0.21;

struct Faces {
    regular: FontRef<'static>,
    medium: FontRef<'static>,
    fallback: FontRef<'static>,
}

static FACES: LazyLock<Faces> = LazyLock::new(|| {
    let face = |bytes: &'static [u8]| {
        FontRef::try_from_slice(bytes)
            .expect("invariant: the embedded fonts are whole, every test draws with them")
    };
    Faces {
        regular: face(include_bytes!("fonts/Roboto-Regular.subset.ttf")),
        medium: face(include_bytes!("fonts/Roboto-Medium.subset.ttf")),
        fallback: face(include_bytes!("fonts/DejaVuSans.subset.ttf")),
    }
});

/// A character's face and glyph; a box for what no face has.
fn find(c: char, weight: Weight) -> Option<(&'static FontRef<'static>, GlyphId)> {
    let c = match c {
        // Marks without width of their own: variation selectors, joiners, directions.
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' => {
            return None;
        }
        c if c.is_control() || c.is_whitespace() => ' ',
        c => c,
    };
    let faces = &*FACES;
    let first = match weight {
        Weight::Regular => &faces.regular,
        Weight::Medium => &faces.medium,
    };
    for face in [first, &faces.fallback] {
        let id = face.glyph_id(c);
        if id.0 != 0 {
            return Some((face, id));
        }
    }
    Some((&faces.fallback, faces.fallback.glyph_id('□')))
}

fn units(face: &FontRef<'_>) -> f32 {
    face.units_per_em().unwrap_or(1000.0)
}

/// How wide a text is at `size` pixels per em.
pub(crate) fn width(text: &str, weight: Weight, size: f32) -> f32 {
    text.chars()
        .filter_map(|c| find(c, weight))
        .map(|(face, id)| face.h_advance_unscaled(id) * size / units(face))
        .sum()
}

/// The text, or as much of its beginning as fits `room` with an ellipsis.
pub(crate) fn fitted(text: &str, weight: Weight, size: f32, room: f32) -> String {
    // Nobody reads more than this, and measuring megabytes would take time.
    let cut: String = text.chars().take(1000).collect();
    if cut.len() == text.len() && width(&cut, weight, size) <= room {
        return cut;
    }
    let mut left = room - width("…", weight, size);
    let mut kept = String::new();
    for c in cut.chars() {
        left -= width(c.encode_utf8(&mut [0; 4]), weight, size);
        if left < 0.0 {
            break;
        }
        kept.push(c);
    }
    let kept = kept.trim_end();
    if kept.is_empty() {
        String::new()
    } else {
        format!("{kept}…")
    }
}

/// Draws a text with its left end at `x` and its baseline at `baseline`.
pub(crate) fn draw(
    pixmap: &mut Pixmap,
    text: &str,
    weight: Weight,
    size: f32,
    x: f32,
    baseline: f32,
    color: Rgb,
) {
    let mut pen = x;
    for c in text.chars() {
        let Some((face, id)) = find(c, weight) else {
            continue;
        };
        // ab_glyph scales by the height of the face, people by its em.
        let scale = PxScale::from(size * face.height_unscaled() / units(face));
        // Quarter pixels: even gaps, and glyphs that stay sharp.
        let at = (pen * 4.0).round() / 4.0;
        draw_glyph(
            pixmap,
            face,
            id.with_scale_and_position(scale, point(at, baseline.round())),
            color,
        );
        pen += face.h_advance_unscaled(id) * size / units(face);
    }
}

fn draw_glyph(pixmap: &mut Pixmap, face: &FontRef<'_>, glyph: Glyph, color: Rgb) {
    let Some(outline) = face.outline_glyph(glyph) else {
        return;
    };
    let bounds = outline.px_bounds();
    let (width, height) = (pixmap.width() as i32, pixmap.height() as i32);
    let (left, top) = (bounds.min.x as i32, bounds.min.y as i32);
    let data = pixmap.data_mut();
    outline.draw(|dx, dy, coverage| {
        let (x, y) = (left + dx as i32, top + dy as i32);
        if coverage <= 0.0 || x < 0 || y < 0 || x >= width || y >= height {
            return;
        }
        let at = ((y * width + x) * 4) as usize;
        let weight = (coverage.min(1.0) * 256.0) as u32;
        for (under, over) in data[at..at + 3].iter_mut().zip([color.0, color.1, color.2]) {
            *under = ((u32::from(*under) * (256 - weight) + u32::from(over) * weight) >> 8) as u8;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_of_one_width() {
        for weight in [Weight::Regular, Weight::Medium] {
            let one = width("1", weight, 22.0);
            assert!(
                "0123456789"
                    .chars()
                    .all(|c| (width(&c.to_string(), weight, 22.0) - one).abs() < 1e-3)
            );
        }
    }

    #[test]
    fn too_long_is_cut_with_an_ellipsis() {
        let cut = fitted("a rather long name", Weight::Regular, 22.0, 100.0);
        assert!(
            cut.ends_with('…') && width(&cut, Weight::Regular, 22.0) <= 100.0,
            "{cut}"
        );
        assert_eq!(fitted("short", Weight::Regular, 22.0, 100.0), "short");
        assert_eq!(fitted("nothing fits", Weight::Regular, 22.0, 3.0), "");
    }

    #[test]
    fn what_no_face_has_is_a_box_and_never_a_panic() {
        let mut pixmap = Pixmap::new(40, 40).expect("a small picture");
        for text in ["漢", "🦉", "a\u{301}\u{fe0f}\n\t\0", "Ж→✓", "\u{202e}x"] {
            draw(
                &mut pixmap,
                text,
                Weight::Regular,
                22.0,
                -5.0,
                20.0,
                (255, 255, 255),
            );
            assert!(width(text, Weight::Medium, 22.0) > 0.0, "{text:?}");
        }
        assert!(pixmap.data().iter().any(|b| *b > 0));
    }
}
