//! As many points as there are pixels: the first, lowest, highest and last of each column (M4), which draws the same
//! picture as all of them, with every spike and every gap in place.

/// Thins one run of points to at most four in each of `columns` between `start` and `end`.
pub(crate) fn m4(points: &[(f64, f64)], start: f64, end: f64, columns: usize) -> Vec<(f64, f64)> {
    let columns = columns.max(1);
    if points.len() <= columns * 2 {
        return points.to_vec();
    }
    let scale = columns as f64 / (end - start);
    let column = |t: f64| ((t - start) * scale).floor();
    let mut kept = Vec::with_capacity(columns * 4);
    let mut rest = points;
    while let Some(&(t, _)) = rest.first() {
        let here = column(t);
        let length = rest
            .iter()
            .position(|p| column(p.0) != here)
            .unwrap_or(rest.len());
        let (run, after) = rest.split_at(length);
        keep(run, &mut kept);
        rest = after;
    }
    kept
}

fn keep(run: &[(f64, f64)], kept: &mut Vec<(f64, f64)>) {
    let (mut low, mut high) = (0, 0);
    for (i, point) in run.iter().enumerate() {
        if point.1 < run[low].1 {
            low = i;
        }
        if point.1 > run[high].1 {
            high = i;
        }
    }
    let mut picks = [0, low.min(high), low.max(high), run.len() - 1];
    picks.sort_unstable();
    let mut last = None;
    for pick in picks {
        if last != Some(pick) {
            kept.push(run[pick]);
            last = Some(pick);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rows a line touches in each column, by joining its points.
    fn rows(points: &[(f64, f64)], columns: usize, end: f64) -> Vec<(f64, f64)> {
        let scale = columns as f64 / end;
        let mut rows = vec![(f64::INFINITY, f64::NEG_INFINITY); columns + 1];
        let mut touch = |column: usize, v: f64| {
            rows[column] = (rows[column].0.min(v), rows[column].1.max(v));
        };
        for point in points {
            touch((point.0 * scale).floor() as usize, point.1);
        }
        for pair in points.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let (from, to) = ((a.0 * scale).floor() as usize, (b.0 * scale).floor() as usize);
            for edge in from + 1..=to {
                let t = edge as f64 / scale;
                let v = a.1 + (b.1 - a.1) * ((t - a.0) / (b.0 - a.0));
                touch(edge - 1, v);
                touch(edge, v);
            }
        }
        rows
    }

    proptest! {
        #[test]
        fn thinned_and_whole_touch_the_same_rows(values in prop::collection::vec(-1000.0_f64..1000.0, 2..3000), columns in 1_usize..200) {
            let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(i, v)| (i as f64, *v)).collect();
            let end = points.len() as f64;
            let thin = m4(&points, 0.0, end, columns);
            prop_assert!(thin.len() <= points.len());
            prop_assert!(thin.len() <= columns * 4 + 4);
            prop_assert_eq!(rows(&thin, columns, end), rows(&points, columns, end));
        }
    }

    #[test]
    fn a_spike_survives() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|i| (f64::from(i), 1.0)).collect();
        points[4321].1 = 50.0;
        assert!(m4(&points, 0.0, 10_000.0, 100).contains(&(4321.0, 50.0)));
    }
}
