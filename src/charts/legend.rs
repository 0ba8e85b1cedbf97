//! The legend: which series are named, and the table of their last, lowest, highest and mean values.

use crate::{series::Stats, text, text::Weight};

/// One row of the legend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// last, min, max, avg.
    pub(crate) cells: [String; 4],
    /// The series' rank by maximum, which decides its look; `None` for "n more".
    pub(crate) rank: Option<usize>,
}

pub(crate) const HEADS: [&str; 4] = ["last", "min", "max", "avg"];

/// The order of the series, highest maximum first, then by name: what matters is at the top, and never cut.
pub(crate) fn order(stats: &[Option<Stats>], names: &[String]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..stats.len()).collect();
    let max = |i: usize| stats[i].map_or(f64::NEG_INFINITY, |s| s.max);
    order.sort_by(|a, b| {
        max(*b)
            .total_cmp(&max(*a))
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

/// The rows, for series in their order; `write` makes a value's text.
pub(crate) fn rows(
    order: &[usize],
    stats: &[Option<Stats>],
    names: &[String],
    named: usize,
    write: impl Fn(f64) -> String,
) -> Vec<Row> {
    let mut rows: Vec<Row> = order[..named.min(order.len())]
        .iter()
        .enumerate()
        .map(|(rank, i)| Row {
            name: names[*i].clone(),
            cells: cells(stats[*i], &write),
            rank: Some(rank),
        })
        .collect();
    let rest = &order[rows.len()..];
    if let Some(first) = rest.first() {
        let lowest = rest
            .iter()
            .filter_map(|i| stats[*i])
            .map(|s| s.min)
            .fold(f64::NAN, f64::min);
        let highest = stats[*first].map_or(f64::NAN, |s| s.max);
        rows.push(Row {
            name: format!("{} more", rest.len()),
            cells: [String::new(), write(lowest), write(highest), String::new()],
            rank: None,
        });
    }
    rows
}

fn cells(stats: Option<Stats>, write: impl Fn(f64) -> String) -> [String; 4] {
    let values = stats.map_or([f64::NAN; 4], |s| [s.last, s.min, s.max, s.avg]);
    values.map(write)
}

/// The widths of the four columns of numbers.
pub(crate) fn widths(rows: &[Row], size: f32) -> [f32; 4] {
    std::array::from_fn(|column| {
        let head = text::width(HEADS[column], Weight::Regular, size);
        rows.iter()
            .map(|row| text::width(&row.cells[column], Weight::Regular, size))
            .fold(head, f32::max)
    })
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
        let order = order(&stats, &names);
        assert_eq!(order, [1, 3, 2, 0, 4]);
        let rows = rows(&order, &stats, &names, named(5, 3), |v| {
            crate::Unit::None.value(v)
        });
        let seen: Vec<(&str, &str)> = rows
            .iter()
            .map(|r| (r.name.as_str(), r.cells[2].as_str()))
            .collect();
        assert_eq!(seen, [("b", "9"), ("d", "7"), ("3 more", "5")]);
        assert_eq!(named(3, 8), 3);
        assert_eq!(named(9, 8), 7);
    }
}
