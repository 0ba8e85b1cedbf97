//! Big numbers: one tile for each series, with its course behind it and the colour of the worst limit it is beyond.
//! The limit is named below the number, since a colour alone says nothing to many eyes.

use crate::{
    alt,
    error::ChartError,
    naming,
    page::{Look, Page, looks},
    plot,
    series::{self, Series, Stats},
    sheet::{Align, Sheet, Style},
    text::Weight,
    theme::Rgb,
    thresholds::{self, Threshold},
    unit::Unit,
};

use super::{
    Reduce,
    head::{dim, head, nothing, words},
    reduce,
};

/// One or more big numbers.
#[derive(Debug, Clone)]
pub struct Stat {
    title: String,
    query: String,
    unit: Option<Unit>,
    series: Vec<Series>,
    thresholds: Vec<Threshold>,
    reduce: Reduce,
    pub(crate) look: Look,
}

looks!(Stat, "800 × 400 for one number, 1600 pixels wide for more");

/// The most tiles of one picture.
const MOST: usize = 12;

impl Stat {
    /// No number yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            query: String::new(),
            unit: None,
            series: Vec::new(),
            thresholds: Vec::new(),
            reduce: Reduce::default(),
            look: Look::flowing(800),
        }
    }

    /// What was asked to get the data; shown below the title, and used to guess a unit that was not given.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    /// What the values are.
    #[must_use]
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = Some(unit);
        self
    }

    /// Adds a series: its number, and its course as a sparkline. One that is the [`Series::earlier`] of another is
    /// compared with it.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Adds series.
    #[must_use]
    pub fn all_series(mut self, series: impl IntoIterator<Item = Series>) -> Self {
        self.series.extend(series);
        self
    }

    /// Adds a number without a course.
    #[must_use]
    pub fn value(self, name: impl Into<String>, value: f64) -> Self {
        self.series(Series::new(name, vec![(0.0, value)]))
    }

    /// Adds a limit, which colours the numbers beyond it.
    #[must_use]
    pub fn threshold(mut self, threshold: Threshold) -> Self {
        self.thresholds.push(threshold);
        self
    }

    /// Which number stands for a series; the last value if not given.
    #[must_use]
    pub fn reduce(mut self, reduce: Reduce) -> Self {
        self.reduce = reduce;
        self
    }

    /// How high this is as one panel among others, at full size.
    pub(crate) fn part_height(&self) -> f32 {
        let count = self.series.iter().filter(|s| s.earlier.is_none()).count();
        (100.0 + 150.0 * count.min(MOST).div_ceil(3) as f32).max(300.0)
    }

    fn unit_of(&self) -> Unit {
        self.unit.unwrap_or_else(|| Unit::guess(&self.query))
    }

    pub(crate) fn page(&self) -> Page {
        let count = self
            .series
            .iter()
            .filter(|s| s.earlier.is_none())
            .count()
            .min(MOST);
        match count {
            0 | 1 => self.look.page_of(400.0),
            _ => self
                .look
                .widened(1600)
                .page_of(100.0 + 230.0 * count.div_ceil(4) as f32),
        }
    }

    pub(crate) fn draw_on(&self, page: &Page) -> Result<(Sheet, String), ChartError> {
        let tiles = self.tiles();
        let mut sheet = page.sheet()?;
        let top = head(&mut sheet, page, &self.title, &self.query);
        if tiles.iter().all(|t| !t.value.is_finite()) {
            nothing(&mut sheet, page, top);
            let title = alt::short(self.title.trim(), 200);
            return Ok((sheet, format!("{title}: no data.")));
        }
        let (pad, _) = crate::layout::title(page);
        let width = page.width as f32 - 2.0 * pad;
        let room = |foot: f32| page.height as f32 - page.px(foot) - top;
        // Smaller than that, a tile has no room for its number.
        let (widest, highest) = (
            (width / page.px(150.0)) as usize,
            (room(44.0) / page.px(105.0)) as usize,
        );
        let (widest, highest) = (widest.clamp(1, MOST), highest.max(1));
        let shown = &tiles[..tiles.len().min(MOST).min(widest * highest)];
        let more = tiles.len() - shown.len();
        let height = room(if more > 0 { 44.0 } else { 16.0 });
        let columns = columns(shown.len(), width / height.max(1.0))
            .max(shown.len().div_ceil(highest))
            .min(widest);
        let rows = shown.len().div_ceil(columns);
        let gap = page.px(20.0);
        let size = (
            (width - gap * (columns - 1) as f32) / columns as f32,
            (height - gap * (rows - 1) as f32) / rows as f32,
        );
        // All numbers are of one size, that of the longest.
        let noted = shown.iter().any(|t| !self.note(t).is_empty());
        let shape = self.shape(page, shown, size, tiles.len() > 1, noted);
        for (i, tile) in shown.iter().enumerate() {
            let left = pad + (i % columns) as f32 * (size.0 + gap);
            let top = top + (i / columns) as f32 * (size.1 + gap);
            self.draw_tile(&mut sheet, page, tile, (left, top, size.0, size.1), &shape)?;
        }
        if more > 0 {
            let style = dim(page);
            let baseline = page.height as f32 - page.px(18.0);
            sheet.write(&format!("{more} more"), &style, Align::Left, pad, baseline);
        }
        Ok((sheet, self.alt(&tiles)))
    }

    fn tiles(&self) -> Vec<Tile<'_>> {
        let (earlier, series): (Vec<&Series>, Vec<&Series>) =
            self.series.iter().partition(|s| s.earlier.is_some());
        let names = naming::names(&series).each;
        series
            .iter()
            .zip(names)
            .map(|(series, name)| {
                let points = reduce::cleaned(series);
                let value = self.reduce.of(&points);
                let before = earlier.iter().find(|e| e.is_twin(series)).and_then(|e| {
                    let value = self.reduce.of(&reduce::cleaned(e));
                    value
                        .is_finite()
                        .then(|| (e.earlier.clone().unwrap_or_default(), value))
                });
                Tile {
                    name,
                    limit: thresholds::worst(&self.thresholds, value),
                    value,
                    points,
                    before,
                }
            })
            .collect()
    }

    fn shape(&self, page: &Page, shown: &[Tile<'_>], size: (f32, f32), named: bool, noted: bool) -> Shape {
        let small = dim(page).size * 1.45;
        // In a tile that is too low the number comes first.
        let least = page.px(16.0);
        let name = if named && size.1 > small + least {
            small
        } else {
            0.0
        };
        let note = if noted && size.1 > name + small + least {
            small
        } else {
            0.0
        };
        let free = size.1 - name;
        let spark = if shown.iter().any(|t| t.points.len() > 1) {
            free * 0.38
        } else {
            0.0
        };
        let room = (free - spark - note).max(1.0);
        let mut big = Style {
            weight: Weight::Medium,
            size: (room * 0.8).min(page.px(150.0)),
            color: page.colors.title,
        };
        let unit = self.unit_of();
        let widest = shown
            .iter()
            .map(|t| big.width(&unit.value(t.value)))
            .fold(0.0, f32::max);
        if widest > size.0 {
            big.size *= size.0 / widest;
        }
        Shape {
            name,
            note,
            spark,
            room,
            big,
        }
    }

    fn draw_tile(
        &self,
        sheet: &mut Sheet,
        page: &Page,
        tile: &Tile<'_>,
        (left, top, width, height): (f32, f32, f32, f32),
        shape: &Shape,
    ) -> Result<(), ChartError> {
        let (color, faint) = (tile.color(page), dim(page));
        let small = faint.size * 1.45;
        if shape.name > 0.0 {
            let name = faint.fitted(&tile.name, width);
            sheet.write(&name, &words(page), Align::Left, left, top + small * 0.72);
        }
        let text = self.unit_of().value(tile.value);
        let big = Style { color, ..shape.big };
        let from = top + shape.name;
        sheet.write(
            &text,
            &big,
            Align::Left,
            left,
            from + shape.room / 2.0 + big.size * 0.36,
        );
        let note = self.note(tile);
        if !note.is_empty() && shape.note > 0.0 {
            let style = match tile.limit {
                Some(_) => Style { color, ..faint },
                None => faint,
            };
            let baseline = from + shape.room + small * 0.6;
            sheet.write(&style.fitted(&note, width), &style, Align::Left, left, baseline);
        }
        if shape.spark > page.px(8.0) && tile.points.len() > 1 {
            let bottom = top + height;
            let area = (left, bottom - shape.spark + page.px(6.0), left + width, bottom);
            plot::spark(&mut sheet.canvas, area, &runs(&tile.points), color, page)?;
        }
        Ok(())
    }

    /// `alert > 500 ms · 120 ms last week`.
    fn note(&self, tile: &Tile<'_>) -> String {
        let unit = self.unit_of();
        let limit = tile.limit.map(|limit| limit.words(unit));
        let before = tile
            .before
            .as_ref()
            .map(|(when, value)| format!("{} {when}", unit.value(*value)));
        limit.into_iter().chain(before).collect::<Vec<_>>().join(" · ")
    }

    fn alt(&self, tiles: &[Tile<'_>]) -> String {
        let unit = self.unit_of();
        let mut parts = vec![format!("{}:", alt::short(self.title.trim(), 200))];
        for tile in tiles {
            let name = if tiles.len() > 1 {
                alt::short(&tile.name, 80) + " "
            } else {
                String::new()
            };
            let word = self.reduce.word();
            let note = self.note(tile);
            let note = if note.is_empty() {
                note
            } else {
                format!(" ({note})")
            };
            let range = Stats::of(&tile.points)
                .filter(|_| tile.points.len() > 1)
                .map_or(String::new(), |s| {
                    format!(", between {} and {}", unit.value(s.min), unit.value(s.max))
                });
            parts.push(format!(
                "{name}{word} {}{}{range}.",
                unit.value(tile.value),
                alt::short(&note, 120)
            ));
        }
        alt::joined(&parts)
    }
}

/// How high the parts of every tile are, and how its number looks.
struct Shape {
    name: f32,
    note: f32,
    spark: f32,
    room: f32,
    big: Style,
}

/// One number.
struct Tile<'a> {
    name: String,
    value: f64,
    limit: Option<&'a Threshold>,
    points: Vec<(f64, f64)>,
    before: Option<(String, f64)>,
}

impl Tile<'_> {
    fn color(&self, page: &Page) -> Rgb {
        match self.limit {
            Some(limit) => limit.level.color(page.colors),
            None if self.value.is_finite() => page.colors.title,
            None => page.colors.dim,
        }
    }
}

fn runs(points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
    let step = series::usual_step(&[points.to_vec()]).unwrap_or(f64::MAX);
    series::segments(points, step)
}

/// As many tiles side by side as make them about twice as wide as high.
fn columns(count: usize, ratio: f32) -> usize {
    let wanted = (count as f32 * ratio / 2.0).sqrt().round() as usize;
    let columns = wanted.clamp(1, count.max(1));
    // As even as can be: four in two rows are two and two.
    count.max(1).div_ceil(count.max(1).div_ceil(columns))
}
