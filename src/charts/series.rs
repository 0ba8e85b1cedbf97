//! What is drawn: named points in time, cleaned, cut at their gaps, and summed up.

/// One line of a chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    pub(crate) name: Option<String>,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) points: Vec<(f64, f64)>,
    /// What it is the earlier course of, in words: `last week`.
    pub(crate) earlier: Option<String>,
    /// Whether it is only the background of others.
    pub(crate) dimmed: bool,
}

impl Series {
    /// A series with a name of its own. A point is (Unix seconds, value); a value that is not finite is a gap.
    pub fn new(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: Some(name.into()),
            labels: Vec::new(),
            points,
            earlier: None,
            dimmed: false,
        }
    }

    /// A series known by its labels. The chart names it by those that tell it from its neighbours.
    pub fn labelled<K: Into<String>, V: Into<String>>(
        labels: impl IntoIterator<Item = (K, V)>,
        points: Vec<(f64, f64)>,
    ) -> Self {
        let mut labels: Vec<_> = labels.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        labels.sort();
        Self {
            name: None,
            labels,
            points,
            earlier: None,
            dimmed: false,
        }
    }

    /// Makes it the companion of the series of the same name or labels: the same thing at an earlier time, as `last week`,
    /// drawn dashed in the other's colour. Its points are at the chart's own times, as PromQL's `offset` gives them; else
    /// move them with [`Series::moved`].
    #[must_use]
    pub fn earlier(mut self, when: impl Into<String>) -> Self {
        self.earlier = Some(when.into());
        self
    }

    /// Makes it background: drawn in grey, counted in "n more", never named while there are others. On an alert's graph
    /// those that do not fire are.
    #[must_use]
    pub fn dimmed(mut self) -> Self {
        self.dimmed = true;
        self
    }

    /// Moves all points by so many seconds, as 604,800 for points of the week before.
    #[must_use]
    pub fn moved(mut self, seconds: f64) -> Self {
        for point in &mut self.points {
            point.0 += seconds;
        }
        self
    }

    /// Its points: (Unix seconds, value).
    pub fn points(&self) -> &[(f64, f64)] {
        &self.points
    }

    /// Its own name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Its labels, by name.
    pub fn labels(&self) -> &[(String, String)] {
        &self.labels
    }

    /// Whether both are the same thing, at whatever time.
    pub(crate) fn is_twin(&self, other: &Self) -> bool {
        self.name == other.name && self.labels == other.labels
    }
}

/// The largest magnitude drawn; what is beyond is drawn there. It keeps every sum and range finite.
pub(crate) const HUGE: f64 = 1e300;

/// Points in order of time, inside the range, with only values that can be drawn; `NaN` marks a gap.
pub(crate) fn clean(points: &[(f64, f64)], start: f64, end: f64) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = points
        .iter()
        .filter(|(t, _)| *t >= start && *t <= end)
        .map(|&(t, v)| {
            (
                t,
                if v.is_finite() {
                    v.clamp(-HUGE, HUGE)
                } else {
                    f64::NAN
                },
            )
        })
        .collect();
    if !kept.is_sorted_by(|a, b| a.0 <= b.0) {
        kept.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    kept
}

/// Runs of points to be joined by a line: cut at every `NaN` and wherever two points are further apart than one
/// and a half steps. A gap is never bridged: a missing scrape must look missing.
pub(crate) fn segments(points: &[(f64, f64)], step: f64) -> Vec<Vec<(f64, f64)>> {
    let mut runs = Vec::new();
    let mut run: Vec<(f64, f64)> = Vec::new();
    for &(t, v) in points {
        let gap = v.is_nan() || run.last().is_some_and(|(before, _)| t - before > step * 1.5);
        if gap && !run.is_empty() {
            runs.push(std::mem::take(&mut run));
        }
        if !v.is_nan() {
            run.push((t, v));
        }
    }
    if !run.is_empty() {
        runs.push(run);
    }
    runs
}

/// The usual distance between points, for a chart that was not told its step: the median.
pub(crate) fn usual_step(series: &[Vec<(f64, f64)>]) -> Option<f64> {
    let mut steps: Vec<f64> = series
        .iter()
        .flat_map(|s| s.windows(2).map(|w| w[1].0 - w[0].0))
        .filter(|d| *d > 0.0)
        .collect();
    if steps.is_empty() {
        return None;
    }
    let middle = steps.len() / 2;
    Some(*steps.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// What the legend says of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stats {
    pub(crate) last: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) avg: f64,
    /// When it was at its maximum.
    pub(crate) max_at: f64,
}

impl Stats {
    /// `None` when there is no value to speak of.
    pub(crate) fn of(points: &[(f64, f64)]) -> Option<Self> {
        let mut real = points.iter().copied().filter(|p| !p.1.is_nan());
        let (t, v) = real.next()?;
        let mut stats = Self {
            last: v,
            min: v,
            max: v,
            avg: v,
            max_at: t,
        };
        let mut seen = 1.0;
        for (t, v) in real {
            seen += 1.0;
            stats.last = v;
            stats.min = stats.min.min(v);
            if v > stats.max {
                (stats.max, stats.max_at) = (v, t);
            }
            // Divided before subtracting: two huge values of opposite sign must not overflow.
            stats.avg += v / seen - stats.avg / seen;
        }
        // Rounding must not push the mean of equal values outside them.
        stats.avg = stats.avg.clamp(stats.min, stats.max);
        Some(stats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_cuts_the_line() {
        let points = [
            (0.0, 1.0),
            (10.0, 2.0),
            (20.0, f64::NAN),
            (30.0, 3.0),
            (60.0, 4.0),
        ];
        let runs = segments(&clean(&points, 0.0, 100.0), 10.0);
        assert_eq!(
            runs,
            vec![
                vec![(0.0, 1.0), (10.0, 2.0)],
                vec![(30.0, 3.0)],
                vec![(60.0, 4.0)]
            ]
        );
    }

    #[test]
    fn what_cannot_be_drawn_is_a_gap_or_the_edge() {
        let points = [(5.0, f64::INFINITY), (f64::NAN, 1.0), (1.0, 1e305), (200.0, 1.0)];
        let kept = clean(&points, 0.0, 100.0);
        assert_eq!(kept.len(), 2);
        assert_eq!(kept[0], (1.0, HUGE));
        assert!(kept[1].1.is_nan());
    }

    #[test]
    fn stats_ignore_gaps() {
        let stats = Stats::of(&[(0.0, 1.0), (1.0, f64::NAN), (2.0, 5.0), (3.0, 3.0)]).expect("has values");
        assert_eq!(
            (stats.last, stats.min, stats.max, stats.avg, stats.max_at),
            (3.0, 1.0, 5.0, 3.0, 2.0)
        );
        assert_eq!(Stats::of(&[(0.0, f64::NAN)]), None);
    }

    #[test]
    fn the_step_is_the_usual_distance() {
        let one = vec![(0.0, 1.0), (10.0, 1.0), (20.0, 1.0), (90.0, 1.0)];
        assert_eq!(usual_step(&[one]), Some(10.0));
        assert_eq!(usual_step(&[vec![(1.0, 1.0)]]), None);
    }
}
