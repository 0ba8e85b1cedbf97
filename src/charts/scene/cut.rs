//! What is drawn of each series: runs between gaps, as many points as there are pixels, on top of each other if asked.

use super::{Companion, Scene};
use crate::{
    chart::Shape,
    decimate,
    plot::Line,
    series::{self, Stats},
    stack::{self, Band, Stack},
};

impl Scene<'_> {
    fn is_stacked(&self) -> bool {
        matches!(self.chart.shape, Shape::Stacked | Shape::Bars)
    }

    /// Puts the series on top of each other, and their companions into one.
    pub(super) fn stack(&mut self) -> Option<Stack> {
        if !self.is_stacked() {
            return None;
        }
        let runs = |points: &[(f64, f64)]| series::segments(points, self.step);
        let (named, rest) = self.order.split_at(self.named.min(self.order.len()));
        let mut all: Vec<Vec<Vec<(f64, f64)>>> = named.iter().map(|i| runs(&self.points[*i])).collect();
        if !rest.is_empty() {
            let rest: Vec<_> = rest.iter().map(|i| runs(&self.points[*i])).collect();
            all.push(runs(&stack::stack(&rest, self.step).total));
        }
        let stack = stack::stack(&all, self.step);
        if self.order.len() > 1 {
            self.total = Stats::of(&stack.total);
        }
        if let Some(first) = self.companions.first() {
            let when = first.when.clone();
            let before: Vec<_> = self
                .companions
                .iter()
                .filter(|c| c.when == when)
                .map(|c| runs(&c.points))
                .collect();
            let points = stack::stack(&before, self.step).total;
            self.companions = vec![Companion {
                twin: (self.order.len() == 1).then_some(0),
                when,
                stats: Stats::of(&points),
                points,
                runs: Vec::new(),
            }];
        }
        Some(stack)
    }

    pub(super) fn cut_lines(&mut self) {
        let columns = (self.plot.right - self.plot.left).max(1.0) as usize;
        let (start, end) = (self.plot.start, self.plot.end);
        let stepped = self.chart.shape == Shape::Steps;
        let thin = |run: &[(f64, f64)]| {
            let run = decimate::m4(run, start, end, columns);
            if stepped { steps(&run) } else { run }
        };
        self.lines = self
            .order
            .iter()
            .enumerate()
            .rev()
            .map(|(rank, i)| {
                let runs = series::segments(&self.points[*i], self.step);
                let (dots, runs): (Vec<_>, Vec<_>) = runs.into_iter().partition(|run| run.len() == 1);
                let dots: Vec<(f64, f64)> = dots.into_iter().flatten().collect();
                Line {
                    rank: (rank < self.named).then_some(rank),
                    dots: decimate::m4(&dots, start, end, columns),
                    runs: runs.iter().map(|run| thin(run)).collect(),
                }
            })
            .collect();
        for companion in &mut self.companions {
            companion.runs = series::segments(&companion.points, self.step)
                .iter()
                .map(|run| thin(run))
                .collect();
        }
    }

    pub(super) fn cut_bands(&mut self, stacked: Option<Stack>) {
        let Some(stack) = stacked else { return };
        let columns = (self.plot.right - self.plot.left).max(1.0) as usize;
        let thin = |edge: &[(f64, f64)]| decimate::m4(edge, self.plot.start, self.plot.end, columns);
        let wide = self.chart.shape == Shape::Bars && self.has_room_for_bars();
        self.bands = stack
            .bands
            .into_iter()
            .enumerate()
            .map(|(rank, bands)| {
                let bands = bands.into_iter().map(|band| match wide {
                    true => band,
                    false => Band {
                        from: thin(&band.from),
                        to: thin(&band.to),
                    },
                });
                ((rank < self.named).then_some(rank), bands.collect())
            })
            .collect();
    }

    /// Whether a bar would be at least three pixels wide.
    pub(crate) fn has_room_for_bars(&self) -> bool {
        let plot = &self.plot;
        let bars = (plot.end - plot.start) / self.step;
        bars <= f64::from(plot.right - plot.left) / 3.0
    }
}

/// A line that holds each value until the next.
fn steps(run: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut stepped = Vec::with_capacity(run.len() * 2);
    for (i, point) in run.iter().enumerate() {
        if i > 0 && run[i - 1].1 != point.1 {
            stepped.push((point.0, run[i - 1].1));
        }
        stepped.push(*point);
    }
    stepped
}
