//! The picture of how long control and candidates took.

use crate::{range::Sums, texts, words};
use jiff::tz::TimeZone;
use otus::File;
use otus_charts::{Chart, Picture, Series, Unit};
use otus_experiments::stats::{ExperimentStats, Histogram};

/// So many candidates have room in a picture.
const CANDIDATES: usize = 3;
/// So many steps make no curve.
const FEW: usize = 6;
const LINES: [(f64, &str); 2] = [(0.5, "p50"), (0.95, "p95")];

/// Median and 95th percentile of each arm over time.
pub(crate) fn chart(name: &str, sums: &Sums, zone: TimeZone) -> Chart {
    let (step, few) = (sums.step, sums.steps.len() <= FEW);
    let candidates = sums.total.candidates.keys().take(CANDIDATES);
    let arms: Vec<Option<&String>> = std::iter::once(None).chain(candidates.map(Some)).collect();
    let line = |arm: Option<&String>, (share, label): (f64, &str)| {
        let mut points = Vec::new();
        for (at, stats) in &sums.steps {
            let Some(nanoseconds) = duration(stats, arm).and_then(|all| all.quantile(share)) else {
                continue;
            };
            points.push((*at as f64, nanoseconds / 1e9));
            // A young experiment has few steps: each is as wide as it is, rather than a dot.
            if few {
                points.push(((at + step - 1) as f64, nanoseconds / 1e9));
            }
        }
        let arm = arm.map_or(texts::CONTROL, String::as_str);
        Series::new(format!("{arm} {label}"), points)
    };
    let series = LINES
        .into_iter()
        .rev()
        .flat_map(|percentile| arms.iter().map(move |arm| (*arm, percentile)))
        .map(|(arm, percentile)| line(arm, percentile));
    let whole = |at: i64| at.div_euclid(step) * step;
    let asked = (whole(sums.from.as_second()), whole(sums.to.as_second()));
    let ran = sums.steps.first_key_value().zip(sums.steps.last_key_value());
    let (start, end) = match ran {
        // What was before it began is nothing to look at.
        Some(((first, _), (last, _))) if few && sums.young => (*first, last + step),
        Some(((first, _), _)) => (asked.0.min(*first), asked.1.max(first + step)),
        None => (asked.0, asked.1.max(asked.0 + step)),
    };
    Chart::new(texts::picture_title(name))
        .unit(Unit::Seconds)
        .range(start as f64, end as f64, step as f64)
        .zone(zone)
        .all_series(series)
}

fn duration<'a>(stats: &'a ExperimentStats, arm: Option<&String>) -> Option<&'a Histogram> {
    match arm {
        None => Some(&stats.control.duration),
        Some(candidate) => stats
            .candidates
            .get(candidate)
            .map(|candidate| &candidate.duration),
    }
}

/// The file to upload.
pub(crate) fn file(name: &str, sums: &Sums, picture: Picture) -> File {
    let long = words::long(sums.to.duration_since(sums.from)).replace(' ', "");
    File {
        name: format!("experiment-{}-{long}.png", name.replace(['/', ':'], "-")),
        title: texts::picture_title(name),
        alt: Some(picture.alt),
        comment: None,
        bytes: picture.png,
    }
}

/// Percentiles of each arm, as lines of a table.
pub(crate) fn table(total: &ExperimentStats) -> String {
    const SHARES: [(f64, &str); 5] = [
        (0.05, "p5"),
        (0.5, "p50"),
        (0.75, "p75"),
        (0.95, "p95"),
        (0.99, "p99"),
    ];
    let took = |histogram: &Histogram| {
        SHARES.map(|(share, _)| histogram.quantile(share).map_or_else(|| "–".into(), words::took))
    };
    let mut rows = vec![(texts::CONTROL.to_owned(), took(&total.control.duration))];
    for (name, candidate) in &total.candidates {
        rows.push((words::cut(name, 24), took(&candidate.duration)));
        let ratio = SHARES.map(|(share, _)| {
            let ratio = candidate.ratio.quantile(share);
            ratio.map_or_else(|| "–".into(), |ratio| format!("{:.2} ×", ratio / 1000.0))
        });
        rows.push((texts::AGAINST_CONTROL.to_owned(), ratio));
    }
    let width = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    let mut lines = vec![format!("{:width$}", "")];
    for (_, label) in SHARES {
        lines[0] += &format!("  {label:>8}");
    }
    for (name, cells) in rows {
        let mut line = format!("{name:width$}");
        for cell in cells {
            line += &format!("  {cell:>8}");
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// How a candidate's time relates to the control's in the same run, as bars: a distribution, which percentiles of two arms are not.
pub(crate) fn spread(ratio: &Histogram) -> String {
    /// Up to so many thousandths; the last is open.
    const EDGES: [u64; 8] = [100, 250, 500, 800, 1_250, 2_000, 4_000, u64::MAX];
    /// The longest bar.
    const WIDTH: f64 = 30.0;
    let mut counts = [0u64; EDGES.len()];
    for (low, high, count) in ratio.iter() {
        let middle = low + (high - low) / 2;
        let at = EDGES
            .iter()
            .position(|edge| middle <= *edge)
            .unwrap_or(EDGES.len() - 1);
        counts[at] += count;
    }
    let all = counts.iter().sum::<u64>().max(1) as f64;
    let most = counts.iter().max().copied().unwrap_or(0).max(1) as f64;
    let used = |at: &usize| counts[*at] > 0;
    let all_at = 0..EDGES.len();
    let ends = all_at.clone().find(used).zip(all_at.rev().find(used));
    let Some((first, last)) = ends else {
        return String::new();
    };
    let line = |at: usize| {
        let label = match EDGES[at] {
            u64::MAX => format!("above {} ×", EDGES[at - 1] / 1000),
            edge => format!("up to {} ×", words::number(edge as f64 / 1000.0)),
        };
        let bar = (counts[at] as f64 / most * WIDTH).round() as usize;
        // What is there is seen to be.
        let bar = if counts[at] > 0 { bar.max(1) } else { 0 };
        let share = words::share(counts[at] as f64 / all);
        let gap = if bar > 0 { " " } else { "" };
        format!("{label:<12} {}{gap}{share}", "█".repeat(bar))
    };
    (first..=last).map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{SignedDuration, Timestamp};
    use otus_experiments::{Kind, stats::CandidateStats};

    /// A day in which the control is slow in the evening.
    fn day() -> Sums {
        let from: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let mut sums = Sums {
            from,
            to: from + SignedDuration::from_hours(24),
            step: 1800,
            ..Sums::default()
        };
        for step in 0..48u64 {
            let mut stats = ExperimentStats::default();
            let load = 30_000_000 + 20_000_000 * (step % 24) / 10;
            let mut new = CandidateStats::default();
            for run in 0..200u64 {
                let spread = (run * 7919) % 200;
                stats.control.duration.record(load + spread * spread * 1_000);
                new.duration.record(load / 4 + spread * 30_000);
                new.ratio.record(250);
                new.outcomes.add(Kind::Match, 1);
            }
            stats.control.runs = 200;
            stats.candidates.insert("new".into(), new);
            let at = from.as_second() + i64::try_from(step).unwrap() * 1800;
            sums.total.merge(stats.clone());
            sums.steps.insert(at, stats);
        }
        sums
    }

    /// With `EXPERIMENT_PICTURE` set to a path, the picture is written there to be looked at.
    #[test]
    fn a_day_is_drawn() {
        let sums = day();
        let picture = chart("users-query", &sums, TimeZone::UTC).render().unwrap();
        if let Ok(path) = std::env::var("EXPERIMENT_PICTURE") {
            std::fs::write(path, &picture.png).unwrap();
        }
        assert!(picture.alt.contains("4 series"), "{}", picture.alt);
        let file = file("a/users-query", &sums, picture);
        assert_eq!(file.name, "experiment-a-users-query-24h.png");
    }

    #[test]
    fn ratios_are_spread() {
        let mut ratio = Histogram::default();
        for (thousandths, count) in [(90, 3), (220, 61), (400, 30), (1_000, 5), (9_000, 1)] {
            (0..count).for_each(|_| ratio.record(thousandths));
        }
        insta::assert_snapshot!(spread(&ratio), @"
        up to 0.1 ×  █ 3 %
        up to 0.25 × ██████████████████████████████ 61 %
        up to 0.5 ×  ███████████████ 30 %
        up to 0.8 ×  0 %
        up to 1.25 × ██ 5 %
        up to 2 ×    0 %
        up to 4 ×    0 %
        above 4 ×    █ 1 %
        ");
        assert_eq!(spread(&Histogram::default()), "");
    }

    #[test]
    fn percentiles_are_a_table() {
        insta::assert_snapshot!(table(&day().total), @"
                                 p5       p50       p75       p95       p99
        control               37 ms     67 ms     79 ms     98 ms    108 ms
        new                  9.8 ms     16 ms     19 ms     22 ms     24 ms
          against control    0.25 ×    0.25 ×    0.25 ×    0.25 ×    0.25 ×
        ");
    }
}
