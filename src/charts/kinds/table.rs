//! A table as an image, where columns must line up: numbers right-aligned with their units, the worst limit each is
//! beyond marked and coloured.

use crate::{
    alt,
    error::ChartError,
    page::{Look, Page, looks},
    sheet::{Align, Sheet, Style},
    text::Weight,
    thresholds::{self, Threshold},
    unit::Unit,
};

use super::head::{dim, head, nothing, words};

/// What stands in one place of a table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number, written with its column's unit.
    Value(f64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Value(value)
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableColumn {
    name: String,
    unit: Unit,
    number: bool,
    thresholds: Vec<Threshold>,
}

impl TableColumn {
    /// A column of words.
    pub fn text(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            unit: Unit::None,
            number: false,
            thresholds: Vec::new(),
        }
    }

    /// A column of numbers.
    pub fn number(name: impl Into<String>, unit: Unit) -> Self {
        Self {
            unit,
            number: true,
            ..Self::text(name)
        }
    }

    /// Adds a limit, which marks and colours the numbers beyond it.
    #[must_use]
    pub fn threshold(mut self, threshold: Threshold) -> Self {
        self.thresholds.push(threshold);
        self
    }

    fn written(&self, cell: Option<&Cell>) -> String {
        match cell {
            None => String::new(),
            Some(Cell::Text(text)) => text.clone(),
            Some(Cell::Value(value)) => match thresholds::worst(&self.thresholds, *value) {
                Some(limit) => format!("{} {}", limit.level.mark(), self.unit.value(*value))
                    .trim()
                    .to_owned(),
                None => self.unit.value(*value),
            },
        }
    }

    /// The same for words: the limit instead of its mark.
    fn said(&self, cell: Option<&Cell>) -> String {
        match (cell, self.limit(cell)) {
            (Some(Cell::Value(value)), Some(limit)) => {
                format!("{} ({})", self.unit.value(*value), limit.words(self.unit))
            }
            _ => self.written(cell),
        }
    }

    fn limit(&self, cell: Option<&Cell>) -> Option<&Threshold> {
        match cell {
            Some(Cell::Value(value)) => thresholds::worst(&self.thresholds, *value),
            _ => None,
        }
    }
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    title: String,
    query: String,
    columns: Vec<TableColumn>,
    rows: Vec<Vec<Cell>>,
    pub(crate) look: Look,
}

looks!(Table, "1600 pixels wide and as high as its rows need");

const ROW: f32 = 40.0;
/// The most rows and columns of one picture.
const MOST: (usize, usize) = (40, 16);

impl Table {
    /// A table without columns.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            query: String::new(),
            columns: Vec::new(),
            rows: Vec::new(),
            look: Look::flowing(1600),
        }
    }

    /// What was asked to get the data; shown below the title.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    /// Adds a column.
    #[must_use]
    pub fn column(mut self, column: TableColumn) -> Self {
        self.columns.push(column);
        self
    }

    /// Adds a row: a cell for each column.
    #[must_use]
    pub fn row(mut self, cells: impl IntoIterator<Item = impl Into<Cell>>) -> Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    pub(crate) fn page(&self) -> Page {
        let lines = self.rows.len().clamp(1, MOST.0) + usize::from(self.rows.len() > MOST.0);
        let subtitle = if self.query.trim().is_empty() { 0.0 } else { 40.0 };
        self.look
            .page_of(71.0 + subtitle + ROW * (lines + 1) as f32 + 38.0)
    }

    /// How high this is as one panel among others, at full size.
    pub(crate) fn part_height(&self) -> f32 {
        84.0 + ROW * (self.rows.len().clamp(1, 12) + 1) as f32
    }

    pub(crate) fn draw_on(&self, page: &Page) -> Result<(Sheet, String), ChartError> {
        let px = |n| page.px(n);
        let mut sheet = page.sheet()?;
        let top = head(&mut sheet, page, &self.title, &self.query);
        if self.rows.is_empty() || self.columns.is_empty() {
            nothing(&mut sheet, page, top);
            let title = alt::short(self.title.trim(), 200);
            return Ok((sheet, format!("{title}: no rows.")));
        }
        let (pad, _) = crate::layout::title(page);
        let bottom = page.height as f32 - px(16.0);
        let row = px(ROW);
        let fitting = (((bottom - top) / row) as usize)
            .saturating_sub(1)
            .clamp(1, MOST.0);
        let shown = if self.rows.len() > fitting {
            (fitting - 1).max(1)
        } else {
            self.rows.len()
        };
        let (text, faint) = (words(page), dim(page));
        let bold = Style {
            weight: Weight::Medium,
            ..faint
        };
        let gap = px(36.0);
        let room = page.width as f32 - 2.0 * pad;
        let widths = self.widths(shown, &text, &bold, room, gap);
        let spare =
            (room - widths.iter().sum::<f32>() - gap * widths.len().saturating_sub(1) as f32).max(0.0);
        // What is left over goes between the columns; of two, not farther than the eye can cross.
        let most = if widths.len() < 3 {
            px(300.0)
        } else {
            f32::INFINITY
        };
        let gap = gap + (spare / widths.len().saturating_sub(1).max(1) as f32).min(most);

        for line in 0..=shown {
            let baseline = top + row * (line as f32 + 0.68);
            let mut left = pad;
            for (i, (column, width)) in self.columns.iter().zip(&widths).enumerate() {
                let (words, style) = match line.checked_sub(1) {
                    None => (column.name.clone(), bold),
                    Some(index) => {
                        let cell = self.rows[index].get(i);
                        let color = column.limit(cell).map(|l| l.level.color(page.colors));
                        let style = Style {
                            color: color.unwrap_or(text.color),
                            ..text
                        };
                        (column.written(cell), style)
                    }
                };
                let words = style.fitted(&words, width + 0.5);
                match column.number {
                    true => sheet.write(&words, &style, Align::Right, left + width, baseline),
                    false => sheet.write(&words, &style, Align::Left, left, baseline),
                }
                left += width + gap;
            }
            let color = if line == 0 {
                page.colors.frame
            } else {
                page.colors.grid
            };
            if line < shown {
                let thick = if line == 0 { px(2.0) } else { 1.0 };
                sheet.rule(pad, top + row * (line as f32 + 1.0), room, thick, color, 1.0);
            }
        }
        let unseen = (self.rows.len() - shown, self.columns.len() - widths.len());
        let more: Vec<String> = [(unseen.0, "row"), (unseen.1, "column")]
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} more {what}{}", if *count == 1 { "" } else { "s" }))
            .collect();
        if !more.is_empty() && shown < fitting {
            let baseline = top + row * (shown as f32 + 1.68);
            sheet.write(&more.join(", "), &faint, Align::Left, pad, baseline);
        }
        Ok((sheet, self.alt()))
    }

    /// The widths of the columns there is room for: as wide as what is in them, the widest cut first.
    fn widths(&self, shown: usize, text: &Style, bold: &Style, room: f32, gap: f32) -> Vec<f32> {
        let natural = |i: usize, column: &TableColumn| {
            let cells = self.rows[..shown].iter().map(|row| {
                let words = text.fitted(&column.written(row.get(i)), room);
                text.width(&words)
            });
            cells.fold(bold.width(&bold.fitted(&column.name, room)), f32::max)
        };
        let mut widths: Vec<f32> = self
            .columns
            .iter()
            .take(MOST.1)
            .enumerate()
            .map(|(i, column)| natural(i, column))
            .collect();
        let least = text.size * 4.0;
        while widths.len() > 1 && widths.iter().map(|w| w.min(least) + gap).sum::<f32>() - gap > room {
            widths.pop();
        }
        loop {
            let over = widths.iter().sum::<f32>() + gap * widths.len().saturating_sub(1) as f32 - room;
            if over <= 0.5 {
                return widths;
            }
            // The widest is cut to the next widest, and so on.
            let widest = widths.iter().copied().fold(0.0, f32::max);
            let next = widths
                .iter()
                .copied()
                .filter(|w| *w < widest - 0.01)
                .fold(0.0, f32::max);
            let many = widths.iter().filter(|w| **w >= widest - 0.01).count() as f32;
            let cut = (over / many).min((widest - next).max(1.0));
            for width in widths.iter_mut().filter(|w| **w >= widest - 0.01) {
                *width = (*width - cut).max(1.0);
            }
            if widest <= 1.0 {
                return widths;
            }
        }
    }

    fn alt(&self) -> String {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let mut parts = vec![format!(
            "{}, {}.",
            alt::short(self.title.trim(), 200),
            count(self.rows.len(), "row")
        )];
        parts.extend(self.rows.iter().map(|row| {
            let cells: Vec<String> = self
                .columns
                .iter()
                .enumerate()
                .map(|(i, column)| {
                    let words = alt::short(&column.said(row.get(i)), 60);
                    if i == 0 {
                        words
                    } else {
                        format!("{} {words}", alt::short(&column.name, 30))
                    }
                })
                .collect();
            format!("{}.", cells.join(", "))
        }));
        alt::joined(&parts)
    }
}
