//! Colours. A picture carries its own ground, so it is right in a light and in a dark chat.

/// Red, green, blue.
pub type Rgb = (u8, u8, u8);

/// The colours of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Light lines on a dark ground; the default.
    #[default]
    Dark,
    /// Dark lines on white.
    Light,
}

/// One theme's colours.
#[derive(Debug)]
pub(crate) struct Colors {
    pub(crate) ground: Rgb,
    pub(crate) grid: Rgb,
    /// The frame, and the grid line of a midnight.
    pub(crate) frame: Rgb,
    pub(crate) title: Rgb,
    pub(crate) text: Rgb,
    pub(crate) dim: Rgb,
    pub(crate) threshold: Rgb,
    pub(crate) warning: Rgb,
    pub(crate) good: Rgb,
    pub(crate) marker: Rgb,
    /// Series that are not in the legend.
    pub(crate) rest: Rgb,
    pub(crate) lines: [Rgb; 7],
    /// Thin lines are fainter on white.
    pub(crate) line_width: f32,
    pub(crate) fill: f64,
    pub(crate) band: f64,
    /// How opaque areas on top of each other are.
    pub(crate) stack: f64,
    /// From the fewest observations to the most.
    heat: [Rgb; 4],
}

impl Colors {
    /// The colour of one of `levels` levels of a heatmap.
    pub(crate) fn heat(&self, level: usize, levels: usize) -> Rgb {
        let at = level as f64 / (levels.max(2) - 1) as f64 * (self.heat.len() - 1) as f64;
        let low = (at.floor() as usize).min(self.heat.len() - 2);
        let (a, b, part) = (self.heat[low], self.heat[low + 1], at - low as f64);
        let mix = |a: u8, b: u8| (f64::from(a) * (1.0 - part) + f64::from(b) * part).round() as u8;
        (mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
    }
}

const DARK: Colors = Colors {
    ground: (0x18, 0x1b, 0x1f),
    grid: (0x2c, 0x31, 0x38),
    frame: (0x45, 0x4c, 0x56),
    title: (0xee, 0xee, 0xf6),
    text: (0xcc, 0xcc, 0xdc),
    dim: (0x9a, 0x9f, 0xab),
    threshold: (0xff, 0x6b, 0x7a),
    warning: (0xff, 0xc1, 0x4d),
    good: (0x3a, 0xc9, 0xa4),
    marker: (0x9c, 0xc2, 0xff),
    rest: (0x40, 0x46, 0x50),
    lines: DARK_LINES,
    line_width: 3.0,
    fill: 0.08,
    band: 0.08,
    stack: 0.5,
    heat: [
        (0x1f, 0x33, 0x4d),
        (0x1f, 0x62, 0xa3),
        (0x4a, 0xa3, 0xe0),
        (0xc9, 0xec, 0xff),
    ],
};

const LIGHT: Colors = Colors {
    ground: (0xff, 0xff, 0xff),
    grid: (0xe6, 0xe8, 0xec),
    frame: (0xb9, 0xbe, 0xc6),
    title: (0x14, 0x18, 0x1d),
    text: (0x24, 0x29, 0x2e),
    dim: (0x5f, 0x66, 0x70),
    threshold: (0xb0, 0x10, 0x38),
    warning: (0x95, 0x5b, 0x00),
    good: (0x00, 0x78, 0x80),
    marker: (0x1f, 0x5f, 0xbf),
    rest: (0xc9, 0xcd, 0xd4),
    lines: LIGHT_LINES,
    line_width: 3.5,
    fill: 0.06,
    band: 0.06,
    stack: 0.45,
    heat: [
        (0xdc, 0xe9, 0xf5),
        (0x9b, 0xc5, 0xe6),
        (0x3c, 0x82, 0xc0),
        (0x0b, 0x3a, 0x75),
    ],
};

/// Okabe–Ito, moved a little so that every line has 4.5:1 on the ground and all pairs stay apart for every kind of eye.
const DARK_LINES: [Rgb; 7] = [
    (0x61, 0xd2, 0xff),
    (0xe1, 0xaa, 0x02),
    (0x18, 0xb8, 0x56),
    (0xbd, 0x6a, 0x9d),
    (0xf4, 0xf0, 0x2e),
    (0xd3, 0x67, 0x13),
    (0x00, 0x89, 0xd0),
];

/// The same, for white.
const LIGHT_LINES: [Rgb; 7] = [
    (0x06, 0x5f, 0x98),
    (0xf3, 0x65, 0x00),
    (0x09, 0x95, 0x91),
    (0xc4, 0x43, 0x72),
    (0x97, 0x5c, 0x1d),
    (0x6f, 0x28, 0x18),
    (0x32, 0x27, 0x96),
];

impl Theme {
    pub(crate) fn colors(self) -> &'static Colors {
        match self {
            Self::Dark => &DARK,
            Self::Light => &LIGHT,
        }
    }
}

/// How the line of one rank is drawn: its colour, and from the eighth on a dash (length, gap), so that no two lines
/// of a chart look the same.
pub(crate) fn line(colors: &Colors, rank: usize) -> (Rgb, Option<(f32, f32)>) {
    const DASHES: [(f32, f32); 3] = [(14.0, 8.0), (5.0, 6.0), (28.0, 8.0)];
    let color = colors.lines[rank % colors.lines.len()];
    let dash = match rank / colors.lines.len() {
        0 => None,
        round => Some(DASHES[(round - 1) % DASHES.len()]),
    };
    (color, dash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linear(c: Rgb) -> [f64; 3] {
        [c.0, c.1, c.2].map(|x| {
            let x = f64::from(x) / 255.0;
            if x <= 0.04045 {
                x / 12.92
            } else {
                ((x + 0.055) / 1.055).powf(2.4)
            }
        })
    }

    fn luminance(c: Rgb) -> f64 {
        let [r, g, b] = linear(c);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// WCAG 2 contrast.
    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    /// Machado, Oliveira and Fernandes 2009, severity 1.
    const EYES: [(&str, [[f64; 3]; 3]); 4] = [
        ("normal", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        (
            "protan",
            [
                [0.152286, 1.052583, -0.204868],
                [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998],
            ],
        ),
        (
            "deutan",
            [
                [0.367322, 0.860646, -0.227968],
                [0.280085, 0.672501, 0.047413],
                [-0.011820, 0.042940, 0.968881],
            ],
        ),
        (
            "tritan",
            [
                [1.255528, -0.076749, -0.178779],
                [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900],
            ],
        ),
    ];

    fn lab(c: Rgb, eye: &[[f64; 3]; 3]) -> [f64; 3] {
        let l = linear(c);
        let [r, g, b] = eye.map(|row| (row[0] * l[0] + row[1] * l[1] + row[2] * l[2]).clamp(0.0, 1.0));
        let f = |t: f64| {
            if t > 0.008856 {
                t.cbrt()
            } else {
                7.787 * t + 16.0 / 116.0
            }
        };
        let x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047);
        let y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
        let z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn every_eye_can_tell_the_lines_apart() {
        for theme in [Theme::Dark, Theme::Light] {
            let lines = theme.colors().lines;
            for (name, eye) in &EYES {
                for (i, a) in lines.iter().enumerate() {
                    for b in &lines[..i] {
                        let (p, q) = (lab(*a, eye), lab(*b, eye));
                        let apart = (0..3).map(|k| (p[k] - q[k]).powi(2)).sum::<f64>().sqrt();
                        let least = if *name == "normal" { 25.0 } else { 17.5 };
                        assert!(
                            apart >= least,
                            "{theme:?} {name}: {a:?} {b:?} are {apart:.1} apart"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn lines_and_words_stand_out_from_the_ground() {
        for (theme, lines) in [(Theme::Dark, 4.5), (Theme::Light, 3.0)] {
            let c = theme.colors();
            for line in c.lines {
                assert!(
                    contrast(line, c.ground) >= lines,
                    "{theme:?} {line:?} {:.2}",
                    contrast(line, c.ground)
                );
            }
            for words in [c.title, c.text, c.dim, c.threshold, c.warning, c.good, c.marker] {
                assert!(
                    contrast(words, c.ground) >= 4.5,
                    "{theme:?} {words:?} {:.2}",
                    contrast(words, c.ground)
                );
            }
        }
    }

    #[test]
    fn every_level_of_heat_stands_out_more_than_the_one_before() {
        for theme in [Theme::Dark, Theme::Light] {
            let c = theme.colors();
            let contrasts: Vec<f64> = (0..12).map(|i| contrast(c.heat(i, 12), c.ground)).collect();
            assert!(contrasts[0] > 1.15, "{theme:?} {contrasts:?}");
            assert!(
                contrasts.windows(2).all(|w| w[1] > w[0] * 1.02),
                "{theme:?} {contrasts:?}"
            );
        }
    }

    #[test]
    fn levels_are_apart_for_every_eye() {
        for theme in [Theme::Dark, Theme::Light] {
            let c = theme.colors();
            let levels = [c.good, c.warning, c.threshold];
            for (name, eye) in &EYES {
                for (i, a) in levels.iter().enumerate() {
                    for b in &levels[..i] {
                        let (p, q) = (lab(*a, eye), lab(*b, eye));
                        let apart = (0..3).map(|k| (p[k] - q[k]).powi(2)).sum::<f64>().sqrt();
                        assert!(
                            apart >= 17.5,
                            "{theme:?} {name}: {a:?} {b:?} are {apart:.1} apart"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn no_two_of_the_first_28_lines_look_the_same() {
        let looks: Vec<String> = (0..28)
            .map(|i| format!("{:?}", line(Theme::Dark.colors(), i)))
            .collect();
        for (i, look) in looks.iter().enumerate() {
            assert!(!looks[..i].contains(look), "{i}");
        }
    }
}
