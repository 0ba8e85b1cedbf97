//! The legend: which series are named, and the table of their last, lowest, highest and mean values.

use crate::{series::Stats, text, text::Weight};

/// What stands before a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Key {
    /// The look of the series of this rank by maximum.
    Line(usize),
    /// The look of the series that are not named.
    Rest,
    /// Nothing: the row sums up the others.
    Total,
}

/// One row of the legend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// One for each head.
    pub(crate) cells: Vec<String>,
    pub(crate) key: Key,
}

/// A number a legend shows of a series.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Column {
    Last,
    Min,
    Max,
    Avg,
    /// The mean of the companion of this name.
    Earlier(String),
}

impl Column {
    pub(crate) fn head(&self) -> String {
        match self {
            Self::Last => "last".to_owned(),
            Self::Min => "min".to_owned(),
            Self::Max => "max".to_owned(),
            Self::Avg => "avg".to_owned(),
            Self::Earlier(when) => format!("avg {when}"),
        }
    }
}

/// What is known of one row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) stats: Option<Stats>,
    /// The means of its companions, by what they are called.
    pub(crate) earlier: Vec<(String, f64)>,
}

impl Facts {
    fn cell(&self, column: &Column) -> f64 {
        let of = |pick: fn(&Stats) -> f64| self.stats.as_ref().map_or(f64::NAN, pick);
        match column {
            Column::Last => of(|s| s.last),
            Column::Min => of(|s| s.min),
            Column::Max => of(|s| s.max),
            Column::Avg => of(|s| s.avg),
            Column::Earlier(when) => self
                .earlier
                .iter()
                .find(|(name, _)| name == when)
                .map_or(f64::NAN, |(_, avg)| *avg),
        }
    }

    pub(crate) fn row(&self, key: Key, columns: &[Column], write: impl Fn(f64) -> String) -> Row {
        Row {
            name: self.name.clone(),
            cells: columns
                .iter()
                .map(|column| match column {
                    Column::Earlier(_) if self.cell(column).is_nan() => String::new(),
                    _ => write(self.cell(column)),
                })
                .collect(),
            key,
        }
    }
}

/// The order of the series, highest maximum first, then by name: what matters is at the top, and never cut.
/// Those that were dimmed come last.
pub(crate) fn order(stats: &[Option<Stats>], names: &[String], dimmed: &[bool]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..stats.len()).collect();
    let max = |i: usize| stats[i].map_or(f64::NEG_INFINITY, |s| s.max);
    order.sort_by(|a, b| {
        dimmed[*a]
            .cmp(&dimmed[*b])
            .then_with(|| max(*b).total_cmp(&max(*a)))
            .then_with(|| names[*a].cmp(&names[*b]))
    });
    order
}

/// How many of `count` series get a row and a colour, when there are `rows` rows at most.
pub(crate) fn named(count: usize, rows: usize) -> usize {
    if count <= rows {
        count
    } else {
        rows.saturating_sub(1).max(1)
    }
}

/// The row for all that are not named: how many there are, and between what they lie.
pub(crate) fn rest(rest: &[Facts], columns: &[Column], write: impl Fn(f64) -> String) -> Option<Row> {
    if rest.is_empty() {
        return None;
    }
    let stats = || rest.iter().filter_map(|f| f.stats);
    let cells = columns.iter().map(|column| match column {
        Column::Min => write(stats().map(|s| s.min).fold(f64::NAN, f64::min)),
        Column::Max => write(stats().map(|s| s.max).fold(f64::NAN, f64::max)),
        _ => String::new(),
    });
    Some(Row {
        name: format!("{} more", rest.len()),
        cells: cells.collect(),
        key: Key::Rest,
    })
}

/// The widths of the columns of numbers.
pub(crate) fn widths(columns: &[Column], rows: &[Row], size: f32) -> Vec<f32> {
    columns
        .iter()
        .enumerate()
        .map(|(i, column)| {
            let head = text::width(&column.head(), Weight::Regular, size);
            // Its dashes stand before it.
            let head = head
                + if matches!(column, Column::Earlier(_)) {
                    size * 1.5
                } else {
                    0.0
                };
            rows.iter()
                .map(|row| text::width(&row.cells[i], Weight::Regular, size))
                .fold(head, f32::max)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_come_first_and_the_rest_are_counted() {
        let stats: Vec<Option<Stats>> = [1.0, 9.0, 5.0, 7.0]
            .iter()
            .map(|v| Stats::of(&[(0.0, v / 2.0), (1.0, *v)]))
            .chain([None])
            .collect();
        let names: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).into();
        let firing = [true, true, true, false, true];
        assert_eq!(order(&stats, &names, &firing), [3, 1, 2, 0, 4]);
        let order = order(&stats, &names, &[false; 5]);
        assert_eq!(order, [1, 3, 2, 0, 4]);
        let facts: Vec<Facts> = order
            .iter()
            .map(|i| Facts {
                name: names[*i].clone(),
                stats: stats[*i],
                earlier: vec![("last week".to_owned(), 4.0)],
            })
            .collect();
        let columns = [Column::Max, Column::Earlier("last week".to_owned())];
        let write = |v| crate::Unit::None.value(v);
        let first = facts[0].row(Key::Line(0), &columns, write);
        assert_eq!(
            (first.name.as_str(), first.cells.as_slice()),
            ("b", ["9".to_owned(), "4".to_owned()].as_slice())
        );
        let rest = rest(&facts[named(5, 3)..], &columns, write).expect("three more");
        assert_eq!((rest.name.as_str(), rest.cells[0].as_str()), ("3 more", "5"));
        assert_eq!(named(3, 8), 3);
        assert_eq!(named(9, 8), 7);
    }
}
