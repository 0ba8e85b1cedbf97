//! Pixels to PNG: 256 indexed colours, deflated without filters. A chart has few colours of its own and the shades
//! between them, so this is a quarter of the size of true colour, and looks the same.

/// One colour of the picture, packed, and how many pixels have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Tone {
    count: u32,
    rgb: u32,
}

const EMPTY: u32 = u32::MAX;

/// Which number each colour has, by open addressing: a picture asks 1,280,000 times.
struct Tones {
    slots: Vec<(u32, u32)>,
    all: Vec<Tone>,
}

impl Tones {
    fn new() -> Self {
        Self {
            slots: vec![(EMPTY, 0); 1 << 12],
            all: Vec::new(),
        }
    }

    fn number(&mut self, rgb: u32) -> u32 {
        let mask = self.slots.len() - 1;
        let mut at = (rgb.wrapping_mul(0x9e37_79b1) >> 12) as usize & mask;
        loop {
            let (key, number) = self.slots[at];
            if key == rgb {
                return number;
            }
            if key == EMPTY {
                break;
            }
            at = (at + 1) & mask;
        }
        let number = self.all.len() as u32;
        self.slots[at] = (rgb, number);
        self.all.push(Tone { count: 0, rgb });
        if self.all.len() * 2 > self.slots.len() {
            self.grow();
        }
        number
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        self.slots = vec![(EMPTY, 0); mask + 1];
        for (number, tone) in self.all.iter().enumerate() {
            let mut at = (tone.rgb.wrapping_mul(0x9e37_79b1) >> 12) as usize & mask;
            while self.slots[at].0 != EMPTY {
                at = (at + 1) & mask;
            }
            self.slots[at] = (tone.rgb, number as u32);
        }
    }
}

/// Encodes opaque RGBA pixels.
pub(crate) fn encode(rgba: &[u8], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let (palette, indices) = indexed(rgba);
    let mut out = Vec::with_capacity(128 * 1024);
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(
        palette
            .iter()
            .flat_map(|c| [(c >> 16) as u8, (c >> 8) as u8, *c as u8])
            .collect::<Vec<_>>(),
    );
    encoder.set_compression(png::Compression::Balanced);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&indices)?;
    writer.finish()?;
    Ok(out)
}

/// At most 256 colours, and each pixel's number among them.
fn indexed(rgba: &[u8]) -> (Vec<u32>, Vec<u8>) {
    let mut tones = Tones::new();
    let mut numbers = Vec::with_capacity(rgba.len() / 4);
    // Most pixels look like the one before.
    let (mut last, mut last_number) = (EMPTY, 0);
    for pixel in rgba.as_chunks::<4>().0 {
        let rgb = u32::from(pixel[0]) << 16 | u32::from(pixel[1]) << 8 | u32::from(pixel[2]);
        if rgb != last {
            (last, last_number) = (rgb, tones.number(rgb));
        }
        tones.all[last_number as usize].count += 1;
        numbers.push(last_number);
    }
    let (palette, index_of) = reduce(&tones.all);
    let indices = numbers.into_iter().map(|n| index_of[n as usize]).collect();
    (palette, indices)
}

/// A surface, not a shade: it keeps its exact colour.
const SURFACE: u32 = 2000;

/// The palette, and for every tone its nearest colour in it.
fn reduce(all: &[Tone]) -> (Vec<u32>, Vec<u8>) {
    if all.len() <= 256 {
        return (
            all.iter().map(|t| t.rgb).collect(),
            (0..all.len()).map(|i| i as u8).collect(),
        );
    }
    let mut popular = all.to_vec();
    popular.sort_unstable_by(|a, b| b.cmp(a));
    let pixels: u64 = all.iter().map(|t| u64::from(t.count)).sum();
    let palette = [120, 300, 800, 2400]
        .into_iter()
        .find_map(|apart| palette(&popular, apart, pixels / 400))
        .unwrap_or_else(|| {
            popular
                .iter()
                .step_by(popular.len() / 256 + 1)
                .map(|t| t.rgb)
                .collect()
        });

    // Near tones share an answer, found once for each cube of 4 levels a side.
    let mut cubes: Vec<u16> = vec![u16::MAX; 1 << 18];
    let index_of = all
        .iter()
        .map(|tone| {
            let cube =
                ((tone.rgb >> 18 & 63) << 12 | (tone.rgb >> 10 & 63) << 6 | (tone.rgb >> 2 & 63)) as usize;
            if tone.count <= SURFACE && cubes[cube] != u16::MAX {
                return cubes[cube] as u8;
            }
            let nearest = (0..palette.len())
                .min_by_key(|i| distance(palette[*i], tone.rgb))
                .unwrap_or(0);
            if tone.count <= SURFACE {
                cubes[cube] = nearest as u16;
            }
            nearest as u8
        })
        .collect();
    (palette, index_of)
}

/// The most popular tones, leaving out what is nearer than `apart` to one already taken, so that rare but distinct colours
/// keep a place. `None` when the places run out with more than `spare` pixels still unserved.
fn palette(popular: &[Tone], apart: i32, spare: u64) -> Option<Vec<u32>> {
    let mut palette: Vec<u32> = Vec::with_capacity(256);
    for (i, tone) in popular.iter().enumerate() {
        if palette.len() == 256 {
            let unserved: u64 = popular[i..].iter().map(|t| u64::from(t.count)).sum();
            return (unserved <= spare).then_some(palette);
        }
        if tone.count > SURFACE || palette.iter().all(|taken| distance(*taken, tone.rgb) > apart) {
            palette.push(tone.rgb);
        }
    }
    // What is left of the places makes the shades of the most popular ones finer.
    let taken: std::collections::HashSet<u32> = palette.iter().copied().collect();
    let rest = popular.iter().map(|t| t.rgb).filter(|rgb| !taken.contains(rgb));
    palette.extend(rest.take(256 - taken.len()));
    Some(palette)
}

/// How different two colours look, roughly: green counts most.
fn distance(a: u32, b: u32) -> i32 {
    let part = |shift: u32| (a >> shift & 255) as i32 - (b >> shift & 255) as i32;
    let (r, g, b) = (part(16), part(8), part(0));
    2 * r * r + 4 * g * g + 3 * b * b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(png: &[u8]) -> Vec<u8> {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        reader.next_frame(&mut pixels).expect("a frame");
        pixels
    }

    #[test]
    fn few_colours_are_exact() {
        let rgba: Vec<u8> = (0..64_u32 * 64)
            .flat_map(|i| [(i % 16) as u8 * 16, (i / 1024) as u8, 7, 255])
            .collect();
        let back = decode(&encode(&rgba, 64, 64).expect("encodes"));
        assert!(
            rgba.as_chunks::<4>()
                .0
                .iter()
                .zip(back.as_chunks::<3>().0)
                .all(|(a, b)| a[..3] == b[..])
        );
    }

    #[test]
    fn many_colours_are_near() {
        let rgba: Vec<u8> = (0..256_u32 * 256)
            .flat_map(|i| [(i % 256) as u8, (i / 256) as u8, 40, 255])
            .collect();
        let back = decode(&encode(&rgba, 256, 256).expect("encodes"));
        let worst = rgba
            .as_chunks::<4>()
            .0
            .iter()
            .zip(back.as_chunks::<3>().0)
            .flat_map(|(a, b)| (0..3).map(move |k| a[k].abs_diff(b[k])))
            .max();
        // A picture of every red and green is the worst there is.
        assert!(worst.is_some_and(|d| d < 40), "{worst:?}");
        let mean: f64 = rgba
            .as_chunks::<4>()
            .0
            .iter()
            .zip(back.as_chunks::<3>().0)
            .map(|(a, b)| f64::from(a[0].abs_diff(b[0])) + f64::from(a[1].abs_diff(b[1])))
            .sum::<f64>()
            / 65_536.0;
        assert!(mean < 20.0, "{mean}");
    }
}
