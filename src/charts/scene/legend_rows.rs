//! What the legend of a scene says.

use super::Scene;
use crate::{
    frame,
    legend::{self, Column, Facts, Key, Row},
};

impl Scene<'_> {
    pub(super) fn write_legend(&mut self) {
        let mut columns = match self.page.part {
            true => vec![Column::Last, Column::Max],
            false => vec![Column::Last, Column::Min, Column::Max, Column::Avg],
        };
        let mut whens: Vec<&String> = Vec::new();
        for companion in self.companions.iter().filter(|c| c.stats.is_some()) {
            if !whens.contains(&&companion.when) && whens.len() < 2 {
                whens.push(&companion.when);
            }
        }
        // What is compared must be there to compare.
        if !whens.is_empty() && self.page.part {
            columns = vec![Column::Last, Column::Avg];
        }
        columns.extend(
            whens
                .into_iter()
                .map(|when| Column::Earlier(self.axis_style().fitted(when, self.scale.px(220.0)))),
        );
        // A name nobody can read is worth less than a column.
        for dispensable in [Column::Min, Column::Avg, Column::Max] {
            self.rows = self.legend_rows(&columns);
            if frame::name_room(self, &columns) >= self.scale.px(190.0) {
                break;
            }
            columns.retain(|c| *c != dispensable);
        }
        self.rows = self.legend_rows(&columns);
        self.columns = columns;
    }

    fn legend_rows(&self, columns: &[Column]) -> Vec<Row> {
        let resolution = self.resolution();
        let write = |v| self.unit.value_to(v, resolution);
        let facts: Vec<Facts> = self.order.iter().map(|i| self.facts(*i)).collect();
        let (named, rest) = facts.split_at(self.named.min(facts.len()));
        let mut rows: Vec<Row> = named
            .iter()
            .enumerate()
            .map(|(rank, facts)| facts.row(Key::Line(rank), columns, write))
            .collect();
        rows.extend(legend::rest(rest, columns, write));
        if self.total.is_some() && !self.page.part {
            let total = Facts {
                name: "total".to_owned(),
                stats: self.total,
                earlier: self.means(None),
            };
            rows.push(total.row(Key::Total, columns, write));
        }
        rows
    }

    pub(crate) fn facts(&self, series: usize) -> Facts {
        Facts {
            name: self.names.each[series].clone(),
            stats: self.stats[series],
            earlier: self.means(Some(series)),
        }
    }

    /// The means of a series' companions.
    fn means(&self, series: Option<usize>) -> Vec<(String, f64)> {
        self.companions
            .iter()
            .filter(|c| c.twin == series)
            .filter_map(|c| Some((c.when.clone(), c.stats?.avg)))
            .collect()
    }
}
