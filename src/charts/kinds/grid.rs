//! Several panels in one picture.

use crate::{
    alt,
    error::ChartError,
    page::{Look, Page, looks},
    sheet::{Area, Sheet},
};

use super::{
    Panel,
    head::{head, nothing},
};

/// Panels side by side and below each other, each of any kind. The grid's theme is theirs.
#[derive(Debug, Clone)]
pub struct Grid {
    title: String,
    query: String,
    columns: Option<usize>,
    /// Each with where it stands.
    panels: Vec<(Panel, Stand)>,
    pub(crate) look: Look,
}

/// Where a panel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// Beside the others, as many as there are columns.
    Free,
    /// Alone.
    Wide,
    /// Beside those of the same row.
    Row(usize),
}

looks!(Grid, "1600 pixels wide and as high as its panels need");

/// The most panels of one picture.
const MOST: usize = 24;
const GAP: f32 = 16.0;

impl Grid {
    /// A picture without panels.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            query: String::new(),
            columns: None,
            panels: Vec::new(),
            look: Look::flowing(1600),
        }
    }

    /// A line below the title, as the range and the zone of all panels.
    #[must_use]
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.query = subtitle.into();
        self
    }

    /// How many panels stand side by side (1 to 4). Without it one for one panel, three from nine panels on, else two.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = Some(columns.clamp(1, 4));
        self
    }

    /// Adds a panel.
    #[must_use]
    pub fn panel(mut self, panel: impl Into<Panel>) -> Self {
        self.panels.push((panel.into(), Stand::Free));
        self
    }

    /// Adds a panel as wide as the picture.
    #[must_use]
    pub fn wide(mut self, panel: impl Into<Panel>) -> Self {
        self.panels.push((panel.into(), Stand::Wide));
        self
    }

    /// Adds panels that stand side by side, whatever the number of columns is; at most 4 of them.
    #[must_use]
    pub fn row(mut self, panels: impl IntoIterator<Item = impl Into<Panel>>) -> Self {
        let row = self.panels.len();
        let panels = panels
            .into_iter()
            .take(4)
            .map(|panel| (panel.into(), Stand::Row(row)));
        self.panels.extend(panels);
        self
    }

    /// The panels row by row.
    fn rows(&self) -> Vec<Vec<&Panel>> {
        let shown = &self.panels[..self.panels.len().min(MOST)];
        let columns = self.columns.unwrap_or(match shown.len() {
            0 | 1 => 1,
            2..=8 => 2,
            _ => 3,
        });
        let mut rows: Vec<Vec<&Panel>> = Vec::new();
        let mut open = Stand::Wide;
        for (panel, stand) in shown {
            let beside = match stand {
                Stand::Free => rows.last().is_some_and(|row| row.len() < columns),
                Stand::Row(_) => true,
                Stand::Wide => false,
            };
            match rows.last_mut() {
                Some(row) if open == *stand && beside => row.push(panel),
                _ => rows.push(vec![panel]),
            }
            open = *stand;
        }
        rows
    }

    fn heights(rows: &[Vec<&Panel>]) -> Vec<f32> {
        rows.iter()
            .map(|row| row.iter().map(|p| p.height()).fold(0.0, f32::max))
            .collect()
    }

    fn top(&self) -> f32 {
        if self.query.trim().is_empty() { 71.0 } else { 111.0 }
    }

    pub(crate) fn page(&self) -> Page {
        let rows = self.rows();
        let panels: f32 = Self::heights(&rows).iter().map(|h| h + GAP).sum();
        self.look.page_of(self.top() + panels.max(200.0) + 12.0)
    }

    pub(crate) fn draw_on(&self, page: &Page) -> Result<(Sheet, String), ChartError> {
        let mut sheet = page.sheet()?;
        let more = self.panels.len().saturating_sub(MOST);
        let below = match more {
            0 => self.query.clone(),
            _ => format!("{} · {more} more panels", self.query),
        };
        let top = head(&mut sheet, page, &self.title, &below);
        let title = alt::short(self.title.trim(), 150);
        let rows = self.rows();
        if rows.is_empty() {
            nothing(&mut sheet, page, top);
            return Ok((sheet, format!("{title}: no panels.")));
        }
        let (pad, gap) = (page.px(20.0), page.px(GAP));
        let heights = Self::heights(&rows);
        // What a fixed height, or the largest there is, does not have is taken from all alike.
        let room = page.height as f32 - top - page.px(8.0) - gap * rows.len() as f32;
        let factor = (room / page.px(heights.iter().sum())).max(0.01);
        let mut said = Vec::new();
        let mut y = top;
        for (row, height) in rows.iter().zip(heights) {
            let height = (page.px(height) * factor).floor();
            // A row with fewer panels than the others is filled all the same.
            let columns = row.len();
            let width =
                ((page.width as f32 - 2.0 * pad - gap * (columns - 1) as f32) / columns as f32).floor();
            for (i, panel) in row.iter().enumerate() {
                let x = (pad + (width + gap) * i as f32).round();
                let inner = Page {
                    width: (width as u32).max(1),
                    height: (height as u32).max(1),
                    part: true,
                    ..*page
                };
                let (drawn, alt) = panel.draw_on(&inner)?;
                said.push(alt);
                self.put(&mut sheet, page, &drawn, (x, y.round()), (width, height));
            }
            y += height + gap;
        }
        let below = alt::short(self.query.trim(), 100);
        let title = if below.is_empty() {
            title
        } else {
            format!("{title}, {below}")
        };
        Ok((sheet, words(&title, &said)))
    }

    /// Copies a panel to its place, with a frame around it.
    fn put(
        &self,
        sheet: &mut Sheet,
        page: &Page,
        panel: &Sheet,
        (x, y): (f32, f32),
        (width, height): (f32, f32),
    ) {
        sheet.canvas.put(&panel.canvas, x as u32, y as u32);
        for (text, area) in &panel.written {
            let moved = Area {
                left: area.left + x,
                right: area.right + x,
                top: area.top + y,
                bottom: area.bottom + y,
            };
            sheet.written.push((text.clone(), moved));
        }
        let thin = page.px(1.0).max(1.0).round();
        let color = page.colors.grid;
        sheet.rule(x, y, width, thin, color, 1.0);
        sheet.rule(x, y + height - thin, width, thin, color, 1.0);
        sheet.rule(x, y, thin, height, color, 1.0);
        sheet.rule(x + width - thin, y, thin, height, color, 1.0);
    }
}

/// Every panel gets its share of the words there may be.
fn words(title: &str, said: &[String]) -> String {
    let count = said.len();
    let share = (960usize.saturating_sub(title.chars().count() + 20) / count.max(1)).max(30) - 5;
    let many = if count == 1 {
        "1 panel".to_owned()
    } else {
        format!("{count} panels")
    };
    let mut all = format!("{title}, {many}.");
    for (i, words) in said.iter().enumerate() {
        let part = format!(" ({}) {}", i + 1, alt::short(words, share - 5));
        if all.chars().count() + part.chars().count() > 998 {
            return all + " …";
        }
        all += &part;
    }
    all
}
